//! What bulk work and imports did, taken back.

use actix_web::post;
use crm_core::job::Job;
use crm_core::journal::Batch;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::Accepted;
use crate::extract::{Keyed, RecordId};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(revert);
}

/// Undo bulk work or an import by its batch: fields go back to what they were and records that it made
/// are deleted, where the caller may change them and nobody has since. Its job's result says what was
/// left alone.
#[utoipa::path(tag = "jobs", operation_id = "revert_batch", responses((status = 202, body = Job)))]
#[post("/{id}/revert")]
async fn revert(Keyed(session, RecordId(id)): Keyed<RecordId<Batch>>) -> Answer<Accepted> {
    Ok(Accepted(session.jobs().revert(id).await?))
}
