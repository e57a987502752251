//! Queues over HTTP.

use actix_web::{get, post};
use crm_core::Page;
use crm_core::job::{Queue, QueueState, RetriedJobs, RetryJobs};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, whole};
use crate::extract::{Keyed, Named, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(pause).service(resume).service(retry);
}

/// The queues of the workspace: how many jobs each holds, how long they wait and run, and whether it is
/// paused.
#[utoipa::path(tag = "jobs", operation_id = "list_queues", responses((status = 200, body = Page<QueueState>)))]
#[get("")]
async fn list(Signed(session, ()): Signed) -> Answer<Body<Page<QueueState>>> {
    Ok(whole(session.queues().list().await?))
}

/// Let no process take jobs of the workspace from a queue; those that run go on.
#[utoipa::path(tag = "jobs", operation_id = "pause_queue", params(("name" = Queue, Path, description = "The queue's name.", example = "email")), responses((status = 200, body = QueueState)))]
#[post("/{name}/pause")]
async fn pause(Keyed(session, Named(queue)): Keyed<Named<Queue>>) -> Answer<Body<QueueState>> {
    Ok(Body(session.queues().pause(&queue).await?))
}

/// Let a paused queue go on.
#[utoipa::path(tag = "jobs", operation_id = "resume_queue", params(("name" = Queue, Path, description = "The queue's name.", example = "email")), responses((status = 200, body = QueueState)))]
#[post("/{name}/resume")]
async fn resume(Keyed(session, Named(queue)): Keyed<Named<Queue>>) -> Answer<Body<QueueState>> {
    Ok(Body(session.queues().resume(&queue).await?))
}

/// Queue the failed jobs of a queue again, at most a thousand at once.
#[utoipa::path(tag = "jobs", operation_id = "retry_queue", params(("name" = Queue, Path, description = "The queue's name.", example = "email")), responses((status = 200, body = RetriedJobs)))]
#[post("/{name}/retry")]
async fn retry(Keyed(session, Named(queue)): Keyed<Named<Queue>>) -> Answer<Body<RetriedJobs>> {
    let failed = RetryJobs { queue: Some(queue), ..RetryJobs::default() };
    Ok(Body(session.jobs().retry_failed(&failed).await?))
}
