//! Deals over HTTP.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put};
use crm_core::access::View;
use crm_core::bulk::{BulkAnswer, BulkChange, BulkReport};
use crm_core::deal::{Board, Deal, DealEdit, MoveStage};
use crm_core::job::Job;
use crm_core::journal::TimelineItem;
use crm_core::transfer::{ExportList, Preview};
use crm_core::{Entity, ListRequest, Page};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use super::analytics::AnalyticsParams;
use super::bulk::{BulkAssign, BulkDelete, BulkTag, BulkUpdate, Update};
use super::new_deal::NewDeal;
use super::timeline::TimelineParams;
use super::transfer::{ImportForm, ImportParams, download, import};
use crate::answer::{Accepted, Body, Bulk, Created, Done, Found};
use crate::extract::{Expected, ExportParams, Json, ListParams, Once, Queries, Query, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    // Paths with fixed parts come before those with an id.
    config.service(update_many).service(delete_many).service(assign_many);
    config.service(tag_many).service(import_csv).service(export_csv).service(begin_export);
    // Before the deals themselves, whose ids stand in the same place.
    config.service(board);
    config.service(read).service(list).service(create).service(search);
    config.service(replace).service(update).service(delete).service(timeline).service(move_to);
}

/// How a board is shown.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct BoardParams {
    /// How many deals of each stage it shows, those that got there last; 10 where absent.
    #[param(minimum = 0, maximum = 50)]
    cards: Option<u16>,
}

/// Deals of each stage that a board shows where nobody says.
const CARDS: u16 = 10;

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
async fn create(Once(session, new): Once<NewDeal>) -> Answer<Created<Deal>> {
    Ok(Created(session.deals().create(new.start, new.edit).await?))
}

/// The stages of a pipeline with the number, worth, conversion and last deals of each.
///
/// It tells how the deals stand now: `from` and `to` are about the days on which they were opened, and `before`
/// is the same board of the deals that were opened in as many days before. Where the deals are asked about,
/// `filter` says it as a list does: a stage goes on after `next_cursor` with the filter
/// `{"all": [{"field": "stage_id", "op": "eq", "value": ..}, <filter>]}`.
#[utoipa::path(tag = "deals", operation_id = "board", params(AnalyticsParams, BoardParams), responses((status = 200, body = Board)))]
#[get("/pipeline")]
async fn board(
    Signed(session, Queries(params, own)): Signed<Queries<AnalyticsParams, BoardParams>>,
) -> Answer<Body<Board>> {
    Ok(Body(session.deals().board_of(&params.into_request()?, own.cards.unwrap_or(CARDS)).await?))
}

/// Move a deal to a stage of its pipeline.
///
/// Of two who move one deal at once, the later one is refused where it says what it saw: the version by `If-Match`,
/// or the stage by `from_stage_id`, which goes by the stage alone. Where it says neither, its move is the last.
#[utoipa::path(tag = "deals", operation_id = "move_deal", request_body = MoveStage, responses((status = 200, body = Deal)))]
#[put("/{id}/stage")]
async fn move_to(
    Signed(session, (RecordId(id), Expected(expect), Json(body))): Signed<(RecordId<Deal>, Expected, Json<MoveStage>)>,
) -> Answer<Found<Deal>> {
    Ok(Found(session.deals().move_saying(id, body, expect).await?))
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

/// Delete a deal; it is kept until it is purged.
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

/// Change many deals in one commit, each in its own way or all alike, at most 10,000; a job changes more of a filter.
#[utoipa::path(tag = "deals", operation_id = "update_deals", request_body = BulkUpdate<Deal, DealEdit>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[put("/bulk")]
async fn update_many(Once(session, bulk): Once<BulkUpdate<Deal, DealEdit>>) -> Answer<Bulk> {
    Ok(Bulk(match bulk.into_update()? {
        Update::Each(items, mode) => BulkAnswer::Done(session.deals().update_many(items, mode).await?),
        Update::Alike(selection, change, mode) => session.deals().change_many(selection, change, mode).await?,
    }))
}

/// Delete many deals in one commit, at most 10,000, or more of a filter by a job; they can be restored until they are
/// purged.
#[utoipa::path(tag = "deals", operation_id = "delete_deals", request_body = BulkDelete<Deal>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[delete("/bulk")]
async fn delete_many(Once(session, bulk): Once<BulkDelete<Deal>>) -> Answer<Bulk> {
    let (selection, mode) = bulk.into_selection()?;
    Ok(Bulk(session.deals().change_many(selection, BulkChange::Delete, mode).await?))
}

/// Give many deals to somebody, or to nobody.
#[utoipa::path(tag = "deals", operation_id = "assign_deals", request_body = BulkAssign<Deal>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[post("/bulk/assign")]
async fn assign_many(Once(session, bulk): Once<BulkAssign<Deal>>) -> Answer<Bulk> {
    let (selection, change, mode) = bulk.into_change()?;
    Ok(Bulk(session.deals().change_many(selection, change, mode).await?))
}

/// Add tags to many deals and remove others.
#[utoipa::path(tag = "deals", operation_id = "tag_deals", request_body = BulkTag<Deal>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[post("/bulk/tag")]
async fn tag_many(Once(session, bulk): Once<BulkTag<Deal>>) -> Answer<Bulk> {
    let (selection, change, mode) = bulk.into_change()?;
    Ok(Bulk(session.deals().change_many(selection, change, mode).await?))
}

/// Import deals from a CSV file: a job, whose progress `/jobs/{id}` tells; with `dry_run` what it
/// would do.
#[utoipa::path(
    tag = "deals",
    operation_id = "import_deals",
    params(ImportParams),
    request_body(content((ImportForm = "multipart/form-data"), (String = "text/csv"))),
    responses((status = 200, body = Preview), (status = 202, body = Job))
)]
#[post("/import/csv")]
async fn import_csv(
    Signed(session, (request, Query(params), payload)): Signed<(HttpRequest, Query<ImportParams>, Payload)>,
) -> Answer<HttpResponse> {
    import(session, Entity::Deal, &request, params, payload).await
}

/// Export deals as a CSV file, all of the list, sent while it is written.
#[utoipa::path(
    tag = "deals",
    operation_id = "export_deals",
    params(ExportParams),
    responses((status = 200, body = String, content_type = "text/csv"))
)]
#[get("/export/csv")]
async fn export_csv(Signed(session, Query(params)): Signed<Query<ExportParams>>) -> Answer<HttpResponse> {
    download("deals", session.transfers().export(Entity::Deal, params.into_request()?)).await
}

/// Export deals as a CSV file that a job writes, all of the list: `/jobs/{id}` tells how far it is, and then
/// `/exports/{id}/file.csv` sends it.
#[utoipa::path(tag = "deals", operation_id = "begin_export_of_deals", request_body = ExportList, responses((status = 202, body = Job)))]
#[post("/export/csv")]
async fn begin_export(Once(session, wanted): Once<ExportList>) -> Answer<Accepted> {
    Ok(Accepted(session.transfers().begin_export(Entity::Deal, wanted).await?))
}
