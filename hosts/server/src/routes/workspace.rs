//! The workspace over HTTP.

use actix_web::{get, patch};
use crm_core::workspace::{Workspace, WorkspaceEdit};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::Found;
use crate::extract::{Expected, Json, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(read).service(update);
}

/// The workspace and its settings.
#[utoipa::path(tag = "workspace", operation_id = "read_workspace", responses((status = 200, body = Workspace)))]
#[get("")]
async fn read(Signed(session, ()): Signed) -> Answer<Found<Workspace>> {
    Ok(Found(session.workspace().read().await?))
}

/// Change name, time zone or currency.
#[utoipa::path(tag = "workspace", operation_id = "update_workspace", request_body = WorkspaceEdit, responses((status = 200, body = Workspace)))]
#[patch("")]
async fn update(
    Signed(session, (Expected(expect), Json(edit))): Signed<(Expected, Json<WorkspaceEdit>)>,
) -> Answer<Found<Workspace>> {
    Ok(Found(session.workspace().update(edit, expect).await?))
}
