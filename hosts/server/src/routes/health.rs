//! Whether the process lives, and whether it can serve.

use actix_web::get;
use actix_web::web::Data;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::Body;
use crate::app::State;
use crate::extract::NoQuery;
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(healthz).service(readyz);
}

/// That all is well.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`.
    status: &'static str,
}

const WELL: Body<Health> = Body(Health { status: "ok" });

/// The process is alive.
#[utoipa::path(tag = "health", operation_id = "healthz", security(()), responses((status = 200, body = Health)))]
#[get("/healthz")]
async fn healthz(_: NoQuery) -> Body<Health> {
    WELL
}

/// The store can be reached and its schema is current; 503 where not.
#[utoipa::path(tag = "health", operation_id = "readyz", security(()), responses((status = 200, body = Health)))]
#[get("/readyz")]
async fn readyz(_: NoQuery, state: Data<State>) -> Answer<Body<Health>> {
    state.backend.ready().await?;
    Ok(WELL)
}
