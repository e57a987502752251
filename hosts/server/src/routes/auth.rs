//! Registering, signing in and out.

use actix_web::web::Data;
use actix_web::{HttpRequest, get, post};
use crm_core::Timestamp;
use crm_core::auth::{Auth, Login, LoginAnswer, Me, Register, Registered, Tokens};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, Done, Private};
use crate::app::State;
use crate::client;
use crate::extract::{Caller, Json, Signed};
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
    /// The refresh token of the last answer.
    #[schema(value_type = String, format = Password)]
    refresh_token: SecretString,
}

/// Somebody at the door: the engine that counts their attempt, and the share it counts against.
struct Visitor {
    auth: Auth,
    address: String,
    now: Timestamp,
}

impl Visitor {
    fn of(request: &HttpRequest, state: &State) -> Self {
        let address = client::share_key(request, &state.config.trusted_proxies);
        Self { auth: state.crm.auth(), address, now: state.crm.now() }
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
#[utoipa::path(tag = "auth", operation_id = "register", security(()), request_body = Register, responses((status = 201, body = Registered)))]
#[post("/register")]
async fn register(
    request: HttpRequest,
    state: Data<State>,
    body: Answer<Json<Register>>,
) -> Answer<Within<Private<Registered>>> {
    let visitor = Visitor::of(&request, &state);
    let answer = match body {
        Ok(Json(body)) => visitor.auth.register(body, &visitor.address).await.map_err(Refusal::from),
        Err(refusal) => Err(sooner(visitor.auth.sign_in_failed(&visitor.address).await, refusal)),
    };
    visitor.told(answer.map(Private::made))
}

/// Sign in with a password, or with the challenge token of an earlier answer.
#[utoipa::path(tag = "auth", operation_id = "login", security(()), request_body = Login, responses((status = 200, body = LoginAnswer)))]
#[post("/login")]
async fn login(
    request: HttpRequest,
    state: Data<State>,
    body: Answer<Json<Login>>,
) -> Answer<Within<Private<LoginAnswer>>> {
    let visitor = Visitor::of(&request, &state);
    let answer = match body {
        Ok(Json(body)) => visitor.auth.login(body, &visitor.address).await.map_err(Refusal::from),
        Err(refusal) => Err(sooner(visitor.auth.sign_in_failed(&visitor.address).await, refusal)),
    };
    visitor.told(answer.map(Private::found))
}

/// Replace a refresh token and get a new access token. A token that was replaced before ends its
/// sign-in.
#[utoipa::path(tag = "auth", operation_id = "refresh", security(()), request_body = Refresh, responses((status = 200, body = Tokens)))]
#[post("/refresh")]
async fn refresh(
    request: HttpRequest,
    state: Data<State>,
    body: Answer<Json<Refresh>>,
) -> Answer<Within<Private<Tokens>>> {
    let visitor = Visitor::of(&request, &state);
    let answer = match body {
        Ok(Json(body)) => {
            let token = body.refresh_token.expose_secret();
            visitor.auth.refresh(token, &visitor.address).await.map_err(Refusal::from)
        }
        Err(refusal) => Err(sooner(visitor.auth.refresh_failed(&visitor.address).await, refusal)),
    };
    visitor.told(answer.map(Private::found))
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
