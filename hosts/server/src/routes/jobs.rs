//! Jobs over HTTP.

use actix_web::{get, post};
use crm_core::Page;
use crm_core::access::View;
use crm_core::job::{Job, JobsRequest};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, Found};
use crate::extract::{Keyed, Query, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(read).service(cancel).service(retry);
}

/// Jobs by queue and state, the latest first, each without its result.
#[utoipa::path(tag = "jobs", operation_id = "list_jobs", params(JobsRequest), responses((status = 200, body = Page<Job>)))]
#[get("")]
async fn list(Signed(session, Query(request)): Signed<Query<JobsRequest>>) -> Answer<Body<Page<View<Job>>>> {
    Ok(Body(session.jobs().list(&request).await?))
}

/// One job: its state, progress and result.
#[utoipa::path(tag = "jobs", operation_id = "read_job", responses((status = 200, body = Job)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<Job>>) -> Answer<Found<Job>> {
    Ok(Found(session.jobs().read(id).await?))
}

/// Stop a job. What it did stays done; it can be taken up again.
#[utoipa::path(tag = "jobs", operation_id = "cancel_job", responses((status = 200, body = Job)))]
#[post("/{id}/cancel")]
async fn cancel(Keyed(session, RecordId(id)): Keyed<RecordId<Job>>) -> Answer<Found<Job>> {
    Ok(Found(session.jobs().cancel(id).await?))
}

/// Queue a job again that failed or was cancelled; it goes on where it stopped.
#[utoipa::path(tag = "jobs", operation_id = "retry_job", responses((status = 200, body = Job)))]
#[post("/{id}/retry")]
async fn retry(Keyed(session, RecordId(id)): Keyed<RecordId<Job>>) -> Answer<Found<Job>> {
    Ok(Found(session.jobs().retry(id).await?))
}
