//! The OpenAPI document: what the handlers describe, and what all of them have in common.

use crm_core::FieldError;
use utoipa::openapi::header::Header;
use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{Content, InfoBuilder, License, OpenApi, Ref, RefOr, Required, Schema};
use utoipa::{PartialSchema as _, ToSchema as _};
use utoipa_actix_web::AppExt as _;

use crate::refusal::Problem;
use crate::routes;

const BEARER: &str = "access_token";
const PROBLEM: &str = "application/problem+json";

/// Refusals that any operation may answer with.
const ANY: [(&str, &str); 4] = [
    ("422", "The input breaks a rule; `errors` names each place."),
    ("429", "Too many attempts; `Retry-After` says when to try again."),
    ("500", "A defect of the server."),
    ("503", "The store is down or a deadline has passed; `Retry-After` says when to try again."),
];
/// Refusals of operations that need an access token.
const SIGNED: [(&str, &str); 2] =
    [("401", "No access token, or one that does not hold."), ("403", "A permission is missing; `detail` names it.")];
/// Refusals of operations that take a body.
const BODY: [(&str, &str); 4] = [
    ("400", "The body is no JSON."),
    ("408", "The body did not arrive in time."),
    ("413", "The body is too large."),
    ("415", "The body is not `application/json`."),
];
const ABSENT: (&str, &str) = ("404", "There is no such record, or the caller does not see it.");
const CONFLICT: (&str, &str) = ("409", "Somebody else was faster, or a unique value is taken.");

/// The document as pretty JSON.
pub fn openapi() -> String {
    pretty(&document())
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
        .description(Some("Contacts, companies, deals and their history."))
        .license(Some(License::builder().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build()))
        .build();
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some("The `access_token` of a sign-in."))
        .build();
    components.security_schemes.insert(BEARER.to_owned(), SecurityScheme::Http(bearer).into());
    components.schemas.insert(Problem::name().into_owned(), Problem::schema());
    components.schemas.insert(FieldError::name().into_owned(), FieldError::schema());
    let mut refusals: Vec<_> = ANY.into_iter().chain(SIGNED).chain(BODY).collect();
    refusals.extend([ABSENT, CONFLICT]);
    for (status, why) in refusals {
        components.responses.insert(refusal_name(status), problem(status, why).into());
    }
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            complete(path, method, operation);
        }
    }
    document
}

/// The operations of a path by their methods.
fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    let named = [("get", get), ("post", post), ("put", put), ("patch", patch), ("delete", delete)];
    named.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Adds what follows from an operation's path, method and body.
fn complete(path: &str, method: &str, operation: &mut Operation) {
    let (is_signed, has_body) = (operation.security.is_none(), operation.request_body.is_some());
    let (names_record, writes) = (path.contains("{id}"), method != "get");
    let creates = operation.responses.responses.contains_key("201");
    if is_signed {
        operation.security = Some(vec![SecurityRequirement::new(BEARER, [""; 0])]);
    }
    let mut parameters = Vec::new();
    if names_record {
        parameters.push(id());
    }
    if is_signed && writes && method != "post" {
        parameters.push(header("If-Match", "The version that the change is based on, as in `\"3\"`; another is 409."));
    }
    if is_signed && creates {
        parameters.push(header("Idempotency-Key", "Makes a repeated request answer as the first did, for 24 h."));
    }
    operation.parameters.get_or_insert_default().extend(parameters.into_iter().map(RefOr::T));
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response {
            add_headers(status, is_signed && (names_record || creates || path.ends_with("/workspace")), response);
        }
    }
    let when = |condition: bool, refusals: &[(&'static str, &str)]| match condition {
        true => refusals.iter().map(|(status, _)| *status).collect(),
        false => Vec::new(),
    };
    let mut statuses = when(true, &ANY);
    statuses.extend(when(is_signed, &SIGNED));
    statuses.extend(when(has_body, &BODY));
    statuses.extend(when(names_record, &[ABSENT]));
    statuses.extend(when(writes, &[CONFLICT]));
    statuses.extend(when(path.starts_with("/api/v1/auth/") && writes, &[SIGNED[0]]));
    for status in statuses {
        let reference = RefOr::Ref(Ref::from_response_name(refusal_name(status)));
        operation.responses.responses.entry(status.to_owned()).or_insert(reference);
    }
}

fn add_headers(status: &str, has_version: bool, response: &mut Response) {
    let text = |description: &str| {
        let mut header = Header::new(ObjectBuilder::new().schema_type(Type::String));
        header.description = Some(description.to_owned());
        header
    };
    if has_version && matches!(status, "200" | "201") && !response.content.is_empty() {
        response.headers.insert("ETag".to_owned(), text("The record's version, for `If-Match`.").into());
    }
    if has_version && status == "201" {
        response.headers.insert("Location".to_owned(), text("The record's path.").into());
    }
    response.headers.insert("X-Request-Id".to_owned(), text("The request's id, as in the log.").into());
    if response.description.is_empty() {
        response.description = match status {
            "201" => "Made.",
            "204" => "Done.",
            _ => "The answer.",
        }
        .to_owned();
    }
}

fn refusal_name(status: &str) -> String {
    format!("Refused{status}")
}

fn problem(status: &str, why: &str) -> Response {
    let schema = RefOr::<Schema>::Ref(Ref::from_schema_name(Problem::name()));
    let mut response = ResponseBuilder::new().description(why).content(PROBLEM, Content::new(Some(schema))).build();
    add_headers(status, false, &mut response);
    response
}

fn id() -> Parameter {
    let uuid =
        ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::Uuid)));
    ParameterBuilder::new()
        .name("id")
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some("The record's id."))
        .schema(Some(uuid))
        .build()
}

fn header(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(description))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
        .build()
}
