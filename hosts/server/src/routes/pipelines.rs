//! Pipelines over HTTP.

use actix_web::{get, post};
use crm_core::Page;
use crm_core::access::View;
use crm_core::pipeline::{NewPipeline, Pipeline};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, Made, whole};
use crate::extract::{Creating, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create);
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
async fn create(Creating(session, new): Creating<NewPipeline>) -> Answer<Made<Pipeline>> {
    Ok(Made(session.pipelines().create(new).await?))
}
