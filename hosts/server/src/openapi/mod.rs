//! The OpenAPI document: what the handlers describe, and what all of them have in common.
//!
//! `operations` adds what follows from an operation's path, method and body, `schemas` what holds
//! on the wire but cannot be read off the types, `examples` what people try first. `postman` makes
//! a collection of requests of the whole.

mod examples;
mod operations;
mod postman;
mod schemas;
mod webhooks;

pub(crate) use operations::takes_query;

use crm_core::FieldError;
use serde_json::Value;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, License, OpenApi};
use utoipa::{PartialSchema as _, ToSchema as _};
use utoipa_actix_web::AppExt as _;

use crate::cookie::{NAME, SECURE_NAME};
use crate::live::{Greeting, Notice, Subscription};
use crate::refusal::Problem;
use crate::routes;

const BEARER: &str = "access_token";
const COOKIE: &str = "refresh_cookie";

/// The document as pretty JSON.
pub fn openapi() -> String {
    pretty(&document())
}

/// The requests of the document as a Postman collection (version 2.1), as pretty JSON.
pub fn postman() -> String {
    let document = serde_json::to_value(document()).unwrap_or_default();
    serde_json::to_string_pretty(&postman::collection(&document)).unwrap_or_default()
}

/// The document as pretty JSON, as it is served and kept in docs.
pub(crate) fn pretty(document: &OpenApi) -> String {
    document.to_pretty_json().unwrap_or_default()
}

/// Collects what the handlers describe and completes it.
pub(crate) fn document() -> OpenApi {
    let (_, mut document) = actix_web::App::new().into_utoipa_app().configure(routes::all).split_for_parts();
    document.info = InfoBuilder::new()
        .title("SlackCRM")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Contacts, companies, deals, tasks and their history."))
        .license(Some(License::builder().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The `access_token` of a sign-in."))
        .build();
    components.security_schemes.insert(BEARER.to_owned(), SecurityScheme::Http(bearer).into());
    let about = format!("The cookie of a sign-in, sent for a page of the server itself; `{NAME}` without TLS.");
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description(SECURE_NAME, about.as_str()));
    components.security_schemes.insert(COOKIE.to_owned(), SecurityScheme::ApiKey(cookie).into());
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    components.schemas.insert(FieldError::name().into_owned(), FieldError::schema());
    // What a WebSocket says is no body of an operation.
    components.schemas.insert(Greeting::name().into_owned(), Greeting::schema());
    components.schemas.insert(Subscription::name().into_owned(), Subscription::schema());
    components.schemas.insert(Notice::name().into_owned(), Notice::schema());
    components.responses.extend(operations::refusals());
    webhooks::complete(&mut document);
    let components = document.components.get_or_insert_default();
    schemas::correct(&mut components.schemas);
    operations::complete(&mut document);
    examples::complete(&mut document);
    document
}

/// The object with one more field.
fn with(mut object: Value, field: &str, value: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
    object
}
