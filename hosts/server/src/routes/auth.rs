//! Registering, signing in and out.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};
use crm_core::auth::{Login, LoginAnswer, Me, Register, Registered, Tokens};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{self, Body, Done, Private};
use crate::app::State;
use crate::extract::{Caller, Json, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(register).service(login).service(refresh).service(logout).service(me);
}

/// A request for new tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    /// The refresh token of the last answer.
    #[schema(value_type = String, format = Password)]
    refresh_token: SecretString,
}

/// Where the request came from, for the brake on guessing: the peer itself, because anybody can
/// write any forwarding header.
fn address(request: &HttpRequest) -> String {
    request.peer_addr().map(|peer| peer.ip().to_string()).unwrap_or_default()
}

/// Create a workspace and its first admin. A known e-mail address with its password adds a
/// workspace to that account.
#[utoipa::path(tag = "auth", operation_id = "register", security(()), request_body = Register, responses((status = 201, body = Registered)))]
#[post("/register")]
async fn register(request: HttpRequest, state: Data<State>, Json(body): Json<Register>) -> Answer<HttpResponse> {
    let registered = state.crm.auth().register(body, &address(&request)).await?;
    let mut response = HttpResponse::Created();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    Ok(answer::json(response, &registered))
}

/// Sign in with a password, or with the challenge token of an earlier answer.
#[utoipa::path(tag = "auth", operation_id = "login", security(()), request_body = Login, responses((status = 200, body = LoginAnswer)))]
#[post("/login")]
async fn login(request: HttpRequest, state: Data<State>, Json(body): Json<Login>) -> Answer<Private<LoginAnswer>> {
    Ok(Private(state.crm.auth().login(body, &address(&request)).await?))
}

/// Replace a refresh token and get a new access token. A token that was replaced before ends its
/// sign-in.
#[utoipa::path(tag = "auth", operation_id = "refresh", security(()), request_body = Refresh, responses((status = 200, body = Tokens)))]
#[post("/refresh")]
async fn refresh(state: Data<State>, Json(body): Json<Refresh>) -> Answer<Private<Tokens>> {
    Ok(Private(state.crm.auth().refresh(body.refresh_token.expose_secret()).await?))
}

/// End this sign-in; its tokens hold no longer.
#[utoipa::path(tag = "auth", operation_id = "logout", responses((status = 204)))]
#[post("/logout")]
async fn logout(Caller(session, claims): Caller, state: Data<State>) -> Answer<Done> {
    state.crm.auth().logout(&session, claims.session_id).await?;
    Ok(Done)
}

/// Who the caller is and may do.
#[utoipa::path(tag = "auth", operation_id = "me", responses((status = 200, body = Me)))]
#[get("/me")]
async fn me(Signed(session, ()): Signed, state: Data<State>) -> Answer<Body<Me>> {
    Ok(Body(state.crm.auth().me(&session).await?))
}
