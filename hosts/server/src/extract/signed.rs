//! Who asks.

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use crm_core::integration::AccessClaims;
use crm_core::{Error, ErrorKind, Session};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;

use super::body;
use super::headers::idempotency_key;
use super::query::refuse_unread;
use crate::app::State;
use crate::cookie;
use crate::refusal::Refusal;

/// The member whose access token came with the request, and what the token proves.
pub(crate) struct Caller(pub(crate) Session, pub(crate) AccessClaims);

/// Who watches: proven by the access token of the request or, where it has none, by the cookie of a sign-in.
pub(crate) struct Watcher(pub(crate) AccessClaims);

/// The caller's session, and then what else the handler takes.
pub(crate) struct Signed<A = ()>(pub(crate) Session, pub(crate) A);

/// The caller's session and the body of a request. With an `Idempotency-Key` the session does it
/// once, however often the request is sent.
pub(crate) struct Once<T>(pub(crate) Session, pub(crate) T);

/// As [`Once`], with what else of the request the handler takes before its body.
pub(crate) struct OnceAt<A, T>(pub(crate) Session, pub(crate) A, pub(crate) T);

/// As [`Signed`] for a `POST` without a body, done once under an `Idempotency-Key`.
pub(crate) struct Keyed<A>(pub(crate) Session, pub(crate) A);

/// The application's state.
pub(crate) fn state(request: &HttpRequest) -> Result<&State, Refusal> {
    let state = request.app_data::<Data<State>>().map(|state| state.get_ref());
    state.ok_or_else(|| Refusal::internal("the application has no state"))
}

async fn caller(request: &HttpRequest) -> Result<Caller, Refusal> {
    let token = bearer(request).ok_or_else(|| Error::unauthenticated("needs an access token"))?;
    let (session, claims) = state(request)?.crm.auth().authenticate(token).await?;
    refuse_unread(request)?;
    Ok(Caller(session, claims))
}

/// What the cookie of a sign-in proves, where a browser sent one that holds; it may keep one longer than that.
///
/// # Errors
/// `foreign_origin` where it was sent for a page of somebody else; `Unavailable` when the store cannot be reached.
pub(crate) async fn by_cookie(request: &HttpRequest) -> Result<Option<AccessClaims>, Refusal> {
    let state = state(request)?;
    let Some(token) = cookie::token(request, state)? else { return Ok(None) };
    match state.crm.auth().holder(token.expose_secret()).await {
        Ok(claims) => Ok(Some(claims)),
        Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The token of the one `Authorization: Bearer` header.
pub(crate) fn bearer(request: &HttpRequest) -> Option<&str> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    let (Some(header), None) = (headers.next(), headers.next()) else { return None };
    let (scheme, token) = header.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start_matches(' '))
}

impl FromRequest for Caller {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move { caller(&request).await }.boxed_local()
    }
}

impl FromRequest for Watcher {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        async move {
            if bearer(&request).is_none()
                && let Some(claims) = by_cookie(&request).await?
            {
                refuse_unread(&request)?;
                return Ok(Self(claims));
            }
            caller(&request).await.map(|Caller(_, claims)| Self(claims))
        }
        .boxed_local()
    }
}

impl<A: FromRequest> FromRequest for Signed<A>
where
    A::Error: Into<actix_web::Error>,
{
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        async move {
            let Caller(session, _) = caller(&request).await?;
            let rest = A::from_request(&request, &mut payload).await.map_err(Into::into)?;
            Ok(Self(session, rest))
        }
        .boxed_local()
    }
}

impl<T: DeserializeOwned> FromRequest for Once<T> {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let Caller(session, _) = caller(&request).await?;
            let (session, value) = once(&request, payload, session).await?;
            Ok(Self(session, value))
        }
        .boxed_local()
    }
}

/// The body, and the session that does once what is asked under a key.
async fn once<T: DeserializeOwned>(
    request: &HttpRequest,
    payload: Payload,
    session: Session,
) -> Result<(Session, T), Refusal> {
    let bytes = body::read(request, payload).await?;
    let value = body::decode(&bytes)?;
    let session = match idempotency_key(request, &bytes)? {
        Some(key) => session.once(key),
        None => session,
    };
    Ok((session, value))
}

impl<A: FromRequest, T: DeserializeOwned> FromRequest for OnceAt<A, T>
where
    A::Error: Into<actix_web::Error>,
{
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            let Caller(session, _) = caller(&request).await?;
            let rest = A::from_request(&request, &mut Payload::None).await.map_err(Into::into)?;
            let (session, value) = once(&request, payload, session).await?;
            Ok(Self(session, rest, value))
        }
        .boxed_local()
    }
}

impl<A: FromRequest> FromRequest for Keyed<A>
where
    A::Error: Into<actix_web::Error>,
{
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, actix_web::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, mut payload) = (request.clone(), payload.take());
        async move {
            let Caller(session, _) = caller(&request).await?;
            let rest = A::from_request(&request, &mut payload).await.map_err(Into::into)?;
            let session = match idempotency_key(&request, &[]).map_err(Refusal::from)? {
                Some(key) => session.once(key),
                None => session,
            };
            Ok(Self(session, rest))
        }
        .boxed_local()
    }
}
