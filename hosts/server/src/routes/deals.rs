//! Deals over HTTP.

use actix_web::{delete, get, patch, post, put};
use crm_core::access::View;
use crm_core::deal::{Board, Deal, DealEdit};
use crm_core::journal::TimelineItem;
use crm_core::pipeline::{Pipeline, Stage};
use crm_core::{Id, ListRequest, Page};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use super::new_deal::NewDeal;
use super::timeline::TimelineParams;
use crate::answer::{Body, Created, Done, Found};
use crate::extract::{Creating, Expected, Json, ListParams, Query, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    // Before the deals themselves, whose ids stand in the same place.
    config.service(board);
    config.service(read).service(list).service(create).service(search);
    config.service(replace).service(update).service(delete).service(timeline).service(move_to);
}

/// Which board.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BoardParams {
    /// The pipeline; the workspace's default one where absent.
    #[param(value_type = Option<uuid::Uuid>)]
    pipeline_id: Option<Id<Pipeline>>,
}

/// Where a deal goes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct MoveStage {
    /// A stage of the deal's pipeline.
    stage_id: Id<Stage>,
}

/// Deals, page by page.
#[utoipa::path(tag = "deals", operation_id = "list_deals", params(ListParams), responses((status = 200, body = Page<Deal>)))]
#[get("")]
async fn list(Signed(session, Query(params)): Signed<Query<ListParams>>) -> Answer<Body<Page<View<Deal>>>> {
    Ok(Body(session.deals().list(&params.into_request()?).await?))
}

/// Deals that a filter describes, page by page.
#[utoipa::path(tag = "deals", operation_id = "search_deals", request_body = ListRequest, responses((status = 200, body = Page<Deal>)))]
#[post("/search")]
async fn search(Signed(session, Json(request)): Signed<Json<ListRequest>>) -> Answer<Body<Page<View<Deal>>>> {
    Ok(Body(session.deals().list(&request).await?))
}

/// Make a deal; without an owner it belongs to the caller, without a pipeline it goes to the default one.
#[utoipa::path(tag = "deals", operation_id = "create_deal", request_body = NewDeal, responses((status = 201, body = Deal)))]
#[post("")]
async fn create(Creating(session, new): Creating<NewDeal>) -> Answer<Created<Deal>> {
    Ok(Created(session.deals().create(new.start, new.edit).await?))
}

/// The stages of a pipeline with the number and worth of their deals.
#[utoipa::path(tag = "deals", operation_id = "board", params(BoardParams), responses((status = 200, body = Board)))]
#[get("/pipeline")]
async fn board(Signed(session, Query(params)): Signed<Query<BoardParams>>) -> Answer<Body<Board>> {
    Ok(Body(session.deals().board(params.pipeline_id).await?))
}

/// Move a deal to a stage of its pipeline.
#[utoipa::path(tag = "deals", operation_id = "move_deal", request_body = MoveStage, responses((status = 200, body = Deal)))]
#[put("/{id}/stage")]
async fn move_to(
    Signed(session, (RecordId(id), Expected(expect), Json(body))): Signed<(RecordId<Deal>, Expected, Json<MoveStage>)>,
) -> Answer<Found<Deal>> {
    Ok(Found(session.deals().move_to(id, body.stage_id, expect).await?))
}

/// One deal.
#[utoipa::path(tag = "deals", operation_id = "read_deal", responses((status = 200, body = Deal)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<Deal>>) -> Answer<Found<Deal>> {
    Ok(Found(session.deals().read(id).await?))
}

/// Replace a deal: fields that the body leaves out are cleared, except the owner.
#[utoipa::path(tag = "deals", operation_id = "replace_deal", request_body = DealEdit, responses((status = 200, body = Deal)))]
#[put("/{id}")]
async fn replace(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(RecordId<Deal>, Expected, Json<DealEdit>)>,
) -> Answer<Found<Deal>> {
    Ok(Found(session.deals().replace(id, edit, expect).await?))
}

/// Change some fields of a deal.
#[utoipa::path(tag = "deals", operation_id = "update_deal", request_body = DealEdit, responses((status = 200, body = Deal)))]
#[patch("/{id}")]
async fn update(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(RecordId<Deal>, Expected, Json<DealEdit>)>,
) -> Answer<Found<Deal>> {
    Ok(Found(session.deals().update(id, edit, expect).await?))
}

/// Delete a deal; it can be restored until it is purged.
#[utoipa::path(tag = "deals", operation_id = "delete_deal", responses((status = 204)))]
#[delete("/{id}")]
async fn delete(Signed(session, (RecordId(id), Expected(expect))): Signed<(RecordId<Deal>, Expected)>) -> Answer<Done> {
    session.deals().delete(id, expect).await?;
    Ok(Done)
}

/// The history of a deal and of its notes, newest first.
#[utoipa::path(tag = "deals", operation_id = "deal_timeline", params(TimelineParams), responses((status = 200, body = Page<TimelineItem>)))]
#[get("/{id}/timeline")]
async fn timeline(
    Signed(session, (RecordId(id), Query(params))): Signed<(RecordId<Deal>, Query<TimelineParams>)>,
) -> Answer<Body<Page<TimelineItem>>> {
    Ok(Body(session.deals().timeline(id, params.cursor.as_deref(), params.limit).await?))
}
