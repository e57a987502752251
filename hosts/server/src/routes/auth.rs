//! Registering, signing in and out.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get, post};
use crm_core::auth::{Auth, Login, LoginAnswer, Me, Register, Registered, Tokens};
use crm_core::{Error, ErrorKind, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, Keeper, Private};
use crate::app::State;
use crate::client;
use crate::cookie;
use crate::extract::{Caller, Json, Query, Signed};
use crate::refusal::{Answer, Refusal};
use crate::share::{Share, Within};

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(register).service(login).service(refresh).service(logout).service(me);
}

/// A request for new tokens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Refresh {
    /// The refresh token of the last answer. Absent: that of the cookie, which then holds the next one too.
    #[schema(value_type = String, required = false, format = Password)]
    refresh_token: Option<SecretString>,
}

impl Refresh {
    /// The token, and who keeps the next one.
    fn token(self, request: &HttpRequest, state: &State) -> Answer<(SecretString, Keeper)> {
        if let Some(token) = self.refresh_token {
            return Ok((token, Keeper::Client));
        }
        let without = || Error::invalid("refresh_token", "required", "is missing, and there is no cookie that has it");
        let token = cookie::token(request, state)?.ok_or_else(without)?;
        Ok((token, Keeper::Browser))
    }
}

/// Where the refresh token goes.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Keeping {
    /// Whether it goes into a cookie that scripts cannot read; the answer leaves it out then.
    #[serde(default)]
    #[param(required = false)]
    cookie: bool,
}

/// What is asked of a sign-in, where all of it can be read, and by a page that may have its browser keep the token.
fn asked<T>(visitor: &Visitor<'_>, query: Answer<Query<Keeping>>, body: Answer<Json<T>>) -> Answer<(T, Keeper)> {
    let Query(Keeping { cookie }) = query?;
    let keeper = if cookie { Keeper::Browser } else { Keeper::Client };
    if keeper == Keeper::Browser {
        cookie::may_be_kept(visitor.request, visitor.state)?;
    }
    Ok((body?.0, keeper))
}

/// Somebody at the door: the engine that counts their attempt, and the share it counts against.
struct Visitor<'a> {
    request: &'a HttpRequest,
    state: &'a State,
    auth: Auth,
    address: String,
    now: Timestamp,
}

impl<'a> Visitor<'a> {
    fn of(request: &'a HttpRequest, state: &'a State) -> Self {
        let address = client::share_key(request, &state.config.trusted_proxies);
        Self { request, state, auth: state.crm.auth(), address, now: state.crm.now() }
    }

    /// Why they get no new tokens; a cookie that holds no more is forgotten.
    fn turned_away(&self, error: Error, keeper: Keeper) -> Refusal {
        if keeper == Keeper::Client || error.kind() != ErrorKind::Unauthenticated {
            return error.into();
        }
        match cookie::forgotten(self.request, self.state) {
            Ok(header) => Refusal::from(error).with(header),
            Err(refusal) => refusal,
        }
    }

    /// What comes of the attempt, with what is left.
    fn told<T>(&self, answer: Answer<T>) -> Answer<Within<T>> {
        let share = self.auth.tightest().map(|attempt| Share::after(attempt, self.now));
        answer.map(|answer| Within(answer, share)).map_err(|refusal| refusal.within(share))
    }
}

/// The refusal of what could not be read, unless counting it was refused already.
fn sooner(counted: crm_core::Result<()>, refusal: Refusal) -> Refusal {
    counted.err().map_or(refusal, Refusal::from)
}

/// Create a workspace and its first admin. A known e-mail address with its password adds a
/// workspace to that account.
///
/// It takes no `Idempotency-Key`: sent again it makes a second workspace. After a lost answer sign in first: for a
/// new address that gives tokens where the workspace was made, else 401 `wrong_credentials`; for one that had
/// workspaces before, `workspace_required` names the new one too where it was made, and tokens say that it was not.
#[utoipa::path(tag = "auth", operation_id = "register", security(()), params(Keeping), request_body = Register, responses((status = 201, body = Registered)))]
#[post("/register")]
async fn register(
    request: HttpRequest,
    state: Data<State>,
    query: Answer<Query<Keeping>>,
    body: Answer<Json<Register>>,
) -> Answer<Within<Private<Registered>>> {
    let visitor = Visitor::of(&request, &state);
    let answer = match asked(&visitor, query, body) {
        Ok((body, keeper)) => {
            let registered = visitor.auth.register(body, &visitor.address).await;
            registered.map(|registered| Private::made(registered).kept_by(keeper)).map_err(Refusal::from)
        }
        Err(refusal) => Err(sooner(visitor.auth.sign_in_failed(&visitor.address).await, refusal)),
    };
    visitor.told(answer)
}

/// Sign in with a password, or with the challenge token of an earlier answer.
#[utoipa::path(tag = "auth", operation_id = "login", security(()), params(Keeping), request_body = Login, responses((status = 200, body = LoginAnswer)))]
#[post("/login")]
async fn login(
    request: HttpRequest,
    state: Data<State>,
    query: Answer<Query<Keeping>>,
    body: Answer<Json<Login>>,
) -> Answer<Within<Private<LoginAnswer>>> {
    let visitor = Visitor::of(&request, &state);
    let answer = match asked(&visitor, query, body) {
        Ok((body, keeper)) => {
            let answer = visitor.auth.login(body, &visitor.address).await;
            answer.map(|answer| Private::found(answer).kept_by(keeper)).map_err(Refusal::from)
        }
        Err(refusal) => Err(sooner(visitor.auth.sign_in_failed(&visitor.address).await, refusal)),
    };
    visitor.told(answer)
}

/// Replace a refresh token and get a new access token. A token that was replaced before ends its
/// sign-in. A browser whose cookie holds no more is told to forget it.
#[utoipa::path(tag = "auth", operation_id = "refresh", security(()), request_body = Refresh, responses((status = 200, body = Tokens)))]
#[post("/refresh")]
async fn refresh(
    request: HttpRequest,
    state: Data<State>,
    body: Answer<Json<Refresh>>,
) -> Answer<Within<Private<Tokens>>> {
    let visitor = Visitor::of(&request, &state);
    let answer = match body.and_then(|Json(body)| body.token(&request, &state)) {
        Ok((token, keeper)) => {
            let tokens = visitor.auth.refresh(token.expose_secret(), &visitor.address).await;
            tokens
                .map(|tokens| Private::found(tokens).kept_by(keeper))
                .map_err(|error| visitor.turned_away(error, keeper))
        }
        Err(refusal) => Err(sooner(visitor.auth.refresh_failed(&visitor.address).await, refusal)),
    };
    visitor.told(answer)
}

/// End this sign-in; its tokens hold no longer.
///
/// A browser that sent the cookie of this sign-in, or one that holds no more, is told to forget it.
#[utoipa::path(tag = "auth", operation_id = "logout", responses((status = 204)))]
#[post("/logout")]
async fn logout(Caller(session, claims): Caller, request: HttpRequest, state: Data<State>) -> Answer<HttpResponse> {
    // Asked before, while it can be told from that of another sign-in.
    let is_forgotten = cookie::is_of(claims.session_id, &request, &state).await?;
    state.crm.auth().logout(&session, claims.session_id).await?;
    let mut response = HttpResponse::NoContent();
    if is_forgotten {
        response.insert_header(cookie::forgotten(&request, &state)?);
    }
    Ok(response.finish())
}

/// Who the caller is and may do.
#[utoipa::path(tag = "auth", operation_id = "me", responses((status = 200, body = Me)))]
#[get("/me")]
async fn me(Signed(session, ()): Signed, state: Data<State>) -> Answer<Body<Me>> {
    Ok(Body(state.crm.auth().me(&session).await?))
}
