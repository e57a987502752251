//! Imports over HTTP.

use actix_web::{HttpResponse, get, post};
use crm_core::Page;
use crm_core::access::View;
use crm_core::job::Job;
use crm_core::transfer::{Import, ImportsRequest};
use utoipa_actix_web::service_config::ServiceConfig;

use super::transfer::download;
use crate::answer::{Accepted, Body, Found};
use crate::extract::{Keyed, Query, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(read).service(failed).service(revert);
}

/// Imports, the latest first, each without the lists of products and people that it was given.
#[utoipa::path(tag = "transfer", operation_id = "list_imports", params(ImportsRequest), responses((status = 200, body = Page<Import>)))]
#[get("")]
async fn list(Signed(session, Query(request)): Signed<Query<ImportsRequest>>) -> Answer<Body<Page<View<Import>>>> {
    Ok(Body(session.transfers().list(&request).await?))
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
