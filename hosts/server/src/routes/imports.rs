//! Imports over HTTP.

use actix_web::{HttpResponse, get, post};
use crm_core::job::Job;
use crm_core::transfer::Import;
use utoipa_actix_web::service_config::ServiceConfig;

use super::transfer::download;
use crate::answer::{Accepted, Found};
use crate::extract::{Keyed, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(read).service(failed).service(revert);
}

/// One import: what its columns became and how far it got.
#[utoipa::path(tag = "transfer", operation_id = "read_import", responses((status = 200, body = Import)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<Import>>) -> Answer<Found<Import>> {
    Ok(Found(session.transfers().read(id).await?))
}

/// The rows that an import refused, each with its line and reason; put right, the file can be imported.
#[utoipa::path(
    tag = "transfer",
    operation_id = "failed_rows",
    responses((status = 200, body = String, content_type = "text/csv"))
)]
#[get("/{id}/failed.csv")]
async fn failed(Signed(session, RecordId(id)): Signed<RecordId<Import>>) -> Answer<HttpResponse> {
    download("failed", session.transfers().failed_rows(id)).await
}

/// Undo an import: fields go back to what they were and records that it made are deleted, where nobody
/// has changed them since. Its job's result says what was left alone.
#[utoipa::path(tag = "transfer", operation_id = "revert_import", responses((status = 202, body = Job)))]
#[post("/{id}/revert")]
async fn revert(Keyed(session, RecordId(id)): Keyed<RecordId<Import>>) -> Answer<Accepted> {
    Ok(Accepted(session.transfers().revert(id).await?))
}
