//! Files that exports wrote, over HTTP. How far an export is tells its job, whose id is its own.

use actix_web::{HttpResponse, delete, get};
use crm_core::job::Job;
use utoipa_actix_web::service_config::ServiceConfig;

use super::transfer::download;
use crate::answer::Done;
use crate::extract::{RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(file).service(forget);
}

/// The file of an export whose job is done, for whoever asked for it: the list as they saw it then.
#[utoipa::path(
    tag = "transfer",
    operation_id = "read_exported_file",
    responses((status = 200, body = String, content_type = "text/csv"))
)]
#[get("/{id}/file.csv")]
async fn file(Signed(session, RecordId(id)): Signed<RecordId<Job>>) -> Answer<HttpResponse> {
    download("export", session.transfers().exported(id)).await
}

/// Forget the file of an export that has ended, which gives its room back. The job stays.
#[utoipa::path(tag = "transfer", operation_id = "forget_exported_file", responses((status = 204)))]
#[delete("/{id}/file.csv")]
async fn forget(Signed(session, RecordId(id)): Signed<RecordId<Job>>) -> Answer<Done> {
    session.transfers().forget_exported(id).await?;
    Ok(Done)
}
