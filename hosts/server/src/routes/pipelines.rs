//! Pipelines over HTTP.

use actix_web::{delete, get, post, put};
use crm_core::Page;
use crm_core::access::View;
use crm_core::pipeline::{NewPipeline, Pipeline, PipelineChange};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, Done, Found, Made, whole};
use crate::extract::{Expected, Json, Once, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(read).service(replace).service(delete);
}

/// All pipelines with their stages.
#[utoipa::path(tag = "pipelines", operation_id = "list_pipelines", responses((status = 200, body = Page<Pipeline>)))]
#[get("")]
async fn list(Signed(session, ()): Signed) -> Answer<Body<Page<View<Pipeline>>>> {
    Ok(whole(session.pipelines().list().await?))
}

/// Make a pipeline with its stages.
#[utoipa::path(tag = "pipelines", operation_id = "create_pipeline", request_body = NewPipeline, responses((status = 201, body = Pipeline)))]
#[post("")]
async fn create(Once(session, new): Once<NewPipeline>) -> Answer<Made<Pipeline>> {
    Ok(Made(session.pipelines().create(new).await?))
}

/// A pipeline with its stages.
#[utoipa::path(tag = "pipelines", operation_id = "read_pipeline", responses((status = 200, body = Pipeline)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<Pipeline>>) -> Answer<Found<Pipeline>> {
    Ok(Found(session.pipelines().read(id).await?))
}

/// Rename a pipeline, reorder, add, change or leave out its stages; deals of a stage that is left out go
/// to the target that is named for it.
#[utoipa::path(tag = "pipelines", operation_id = "replace_pipeline", request_body = PipelineChange, responses((status = 200, body = Pipeline)))]
#[put("/{id}")]
async fn replace(
    Signed(session, (RecordId(id), Expected(expect), Json(change))): Signed<(
        RecordId<Pipeline>,
        Expected,
        Json<PipelineChange>,
    )>,
) -> Answer<Found<Pipeline>> {
    Ok(Found(session.pipelines().update(id, change, expect).await?))
}

/// Delete a pipeline that no deal is in.
#[utoipa::path(tag = "pipelines", operation_id = "delete_pipeline", responses((status = 204)))]
#[delete("/{id}")]
async fn delete(
    Signed(session, (RecordId(id), Expected(expect))): Signed<(RecordId<Pipeline>, Expected)>,
) -> Answer<Done> {
    session.pipelines().delete(id, expect).await?;
    Ok(Done)
}
