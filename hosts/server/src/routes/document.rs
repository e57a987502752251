//! The document that describes all this.

use actix_web::web::Data;
use actix_web::{HttpResponse, get};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::app::State;
use crate::extract::NoQuery;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(document);
}

/// This document.
#[utoipa::path(tag = "document", operation_id = "openapi", security(()), responses((status = 200, body = Object)))]
#[get("/openapi.json")]
async fn document(_: NoQuery, state: Data<State>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(state.document.clone())
}
