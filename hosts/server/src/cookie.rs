//! The cookie of a web front end: the refresh token, where no script reads it.
//!
//! It serves for what a refresh token is for, to get new tokens and to watch, and only in a request of a page of ours.
//! Every other request needs an access token, which no browser adds by itself.

use actix_web::http::header::{COOKIE, HeaderName, HeaderValue, ORIGIN, SET_COOKIE};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use crm_core::auth::{REFRESH_SECONDS, SignIn};
use crm_core::{ErrorKind, Id};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde_json::Value;

use crate::answer::json;
use crate::app::State;
use crate::origin;
use crate::refusal::{Answer, Refusal};
use crate::routes::API;

/// The cookie's name where it does not come by TLS.
pub(crate) const NAME: &str = "slackcrm_refresh";
/// Its name where it comes by TLS: a browser takes one of this name from this host alone, so that no neighbour in the
/// domain puts another in its place, and only with `Path=/`.
pub(crate) const SECURE_NAME: &str = "__Host-slackcrm_refresh";
const FLAGS: &str = "HttpOnly; SameSite=Strict";
/// The field of an answer that goes into the cookie.
const FIELD: &str = "refresh_token";

/// The refresh token that a browser added to a request, where it did.
///
/// # Errors
/// `foreign_origin` where it did for a page of somebody else.
pub(crate) fn token(request: &HttpRequest, state: &State) -> Answer<Option<SecretString>> {
    match sent(request, state) {
        Some(_) if !origin::is_ours(request, &state.config) => Err(Refusal::foreign_origin()),
        sent => Ok(sent),
    }
}

/// Whether the page that signs somebody in may have its browser keep the token: one of others may not sign a visitor
/// of ours in as whom it likes. A program that is no page says nothing of where it comes from.
///
/// # Errors
/// `foreign_origin` where it may not.
pub(crate) fn may_be_kept(request: &HttpRequest, state: &State) -> Answer<()> {
    match request.headers().contains_key(ORIGIN) && !origin::is_ours(request, &state.config) {
        true => Err(Refusal::foreign_origin()),
        false => Ok(()),
    }
}

/// The token, whoever had it sent.
fn sent(request: &HttpRequest, state: &State) -> Option<SecretString> {
    named(if origin::is_secure(request, &state.config) { SECURE_NAME } else { NAME }, request)
}

/// The value of a cookie. Two are none: one of them may come from a neighbour in the domain.
fn named(wanted: &str, request: &HttpRequest) -> Option<SecretString> {
    let lines = request.headers().get_all(COOKIE).filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut own = pairs.filter(|(name, _)| *name == wanted).map(|(_, value)| value);
    match (own.next(), own.next()) {
        (Some(token), None) if !token.is_empty() => Some(token.into()),
        _ => None,
    }
}

/// Finishes a response with the tokens of a sign-in as its body, the refresh token in the cookie instead.
pub(crate) fn keep(
    mut response: HttpResponseBuilder,
    tokens: &impl Serialize,
    request: &HttpRequest,
    state: &State,
) -> Answer<HttpResponse> {
    let mut body = serde_json::to_value(tokens).map_err(Refusal::internal)?;
    // An answer that asks for more holds no token yet.
    if let Some(Value::String(token)) = body.as_object_mut().and_then(|fields| fields.remove(FIELD)) {
        response.insert_header((SET_COOKIE, line(&token, REFRESH_SECONDS, request, state)?));
    }
    Ok(json(response, &body))
}

/// Whether a browser sent the cookie of a sign-in, or one that holds no more.
///
/// # Errors
/// `Unavailable` when the store cannot be reached.
pub(crate) async fn is_of(sign_in: Id<SignIn>, request: &HttpRequest, state: &State) -> Answer<bool> {
    let Some(token) = sent(request, state) else { return Ok(false) };
    match state.crm.auth().holder(token.expose_secret()).await {
        Ok(claims) => Ok(claims.session_id == sign_in),
        Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// What has a browser forget the cookie.
pub(crate) fn forgotten(request: &HttpRequest, state: &State) -> Answer<(HeaderName, HeaderValue)> {
    Ok((SET_COOKIE, line("", 0, request, state)?))
}

fn line(token: &str, seconds: i64, request: &HttpRequest, state: &State) -> Answer<HeaderValue> {
    let line = match origin::is_secure(request, &state.config) {
        true => format!("{SECURE_NAME}={token}; Path=/; Max-Age={seconds}; {FLAGS}; Secure"),
        false => format!("{NAME}={token}; Path={API}; Max-Age={seconds}; {FLAGS}"),
    };
    HeaderValue::from_str(&line).map_err(Refusal::internal)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn found(lines: &[&str]) -> Option<String> {
        let request = lines.iter().fold(TestRequest::get(), |request, line| request.append_header((COOKIE, *line)));
        named(NAME, &request.to_http_request()).map(|token| token.expose_secret().to_owned())
    }

    #[test]
    fn the_one_cookie_of_the_name_is_the_token() {
        assert_eq!(found(&["theme=dark; slackcrm_refresh=abc-_9; x=y"]).as_deref(), Some("abc-_9"));
        assert_eq!(found(&["theme=dark", "slackcrm_refresh=abc"]).as_deref(), Some("abc"));
        assert_eq!(found(&[]), None);
        for none in ["slackcrm_refresh=", "slackcrm_refresh", "x_slackcrm_refresh=abc", "__Host-slackcrm_refresh=abc"] {
            assert_eq!(found(&[none]), None, "{none}");
        }
        assert_eq!(found(&["slackcrm_refresh=abc; slackcrm_refresh=def"]), None);
        assert_eq!(found(&["slackcrm_refresh=abc", "slackcrm_refresh=abc"]), None);
    }
}
