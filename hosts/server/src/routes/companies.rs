//! Companies over HTTP.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put};
use crm_core::access::View;
use crm_core::bulk::{BulkAnswer, BulkChange, BulkReport};
use crm_core::company::{Company, CompanyEdit};
use crm_core::job::Job;
use crm_core::journal::TimelineItem;
use crm_core::tag::TagFilter;
use crm_core::transfer::{ExportList, Preview};
use crm_core::{Entity, ListRequest, Page};
use utoipa_actix_web::service_config::ServiceConfig;

use super::bulk::{BulkAssign, BulkCreate, BulkDelete, BulkTag, BulkUpdate, Update};
use super::timeline::TimelineParams;
use super::transfer::{ImportForm, ImportParams, download, import};
use crate::answer::{Accepted, Body, Bulk, Created, Done, Found};
use crate::extract::{Expected, ExportParams, Json, ListParams, Once, Query, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    // Paths with fixed parts come before those with an id.
    config.service(create_many).service(update_many).service(delete_many).service(assign_many);
    config.service(tag_many).service(import_csv).service(export_csv).service(begin_export);
    config.service(read).service(list).service(create).service(search).service(tagged);
    config.service(replace).service(update).service(delete).service(timeline);
}

/// Companies, page by page.
#[utoipa::path(tag = "companies", operation_id = "list_companies", params(ListParams), responses((status = 200, body = Page<Company>)))]
#[get("")]
async fn list(Signed(session, Query(params)): Signed<Query<ListParams>>) -> Answer<Body<Page<View<Company>>>> {
    Ok(Body(session.companies().list(&params.into_request()?).await?))
}

/// Companies that a filter describes, page by page.
#[utoipa::path(tag = "companies", operation_id = "search_companies", request_body = ListRequest, responses((status = 200, body = Page<Company>)))]
#[post("/search")]
async fn search(Signed(session, Json(request)): Signed<Json<ListRequest>>) -> Answer<Body<Page<View<Company>>>> {
    Ok(Body(session.companies().list(&request).await?))
}

/// Companies by their tags, page by page: everything that is said of tags holds of each.
#[utoipa::path(tag = "companies", operation_id = "filter_companies_by_tags", request_body = TagFilter, responses((status = 200, body = Page<Company>)))]
#[post("/filter/tags")]
async fn tagged(Signed(session, Json(tags)): Signed<Json<TagFilter>>) -> Answer<Body<Page<View<Company>>>> {
    let page = session.companies().list(&tags.list()).await;
    Ok(Body(page.map_err(|error| tags.blame(error))?))
}

/// Make a company; without an owner it belongs to the caller.
#[utoipa::path(tag = "companies", operation_id = "create_company", request_body = CompanyEdit, responses((status = 201, body = Company)))]
#[post("")]
async fn create(Once(session, edit): Once<CompanyEdit>) -> Answer<Created<Company>> {
    Ok(Created(session.companies().create(edit).await?))
}

/// One company.
#[utoipa::path(tag = "companies", operation_id = "read_company", responses((status = 200, body = Company)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<Company>>) -> Answer<Found<Company>> {
    Ok(Found(session.companies().read(id).await?))
}

/// Replace a company: fields that the body leaves out are cleared, except the owner.
#[utoipa::path(tag = "companies", operation_id = "replace_company", request_body = CompanyEdit, responses((status = 200, body = Company)))]
#[put("/{id}")]
async fn replace(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(
        RecordId<Company>,
        Expected,
        Json<CompanyEdit>,
    )>,
) -> Answer<Found<Company>> {
    Ok(Found(session.companies().replace(id, edit, expect).await?))
}

/// Change some fields of a company.
#[utoipa::path(tag = "companies", operation_id = "update_company", request_body = CompanyEdit, responses((status = 200, body = Company)))]
#[patch("/{id}")]
async fn update(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(
        RecordId<Company>,
        Expected,
        Json<CompanyEdit>,
    )>,
) -> Answer<Found<Company>> {
    Ok(Found(session.companies().update(id, edit, expect).await?))
}

/// Delete a company; it is kept until it is purged.
#[utoipa::path(tag = "companies", operation_id = "delete_company", responses((status = 204)))]
#[delete("/{id}")]
async fn delete(
    Signed(session, (RecordId(id), Expected(expect))): Signed<(RecordId<Company>, Expected)>,
) -> Answer<Done> {
    session.companies().delete(id, expect).await?;
    Ok(Done)
}

/// The history of a company and of its notes, newest first.
#[utoipa::path(tag = "companies", operation_id = "company_timeline", params(TimelineParams), responses((status = 200, body = Page<TimelineItem>)))]
#[get("/{id}/timeline")]
async fn timeline(
    Signed(session, (RecordId(id), Query(params))): Signed<(RecordId<Company>, Query<TimelineParams>)>,
) -> Answer<Body<Page<TimelineItem>>> {
    Ok(Body(session.companies().timeline(id, params.cursor.as_deref(), params.limit).await?))
}

/// Make many companies in one commit, at most 10,000.
#[utoipa::path(tag = "companies", operation_id = "create_companies", request_body = BulkCreate<CompanyEdit>, responses((status = 200, body = BulkReport)))]
#[post("/bulk")]
async fn create_many(Once(session, bulk): Once<BulkCreate<CompanyEdit>>) -> Answer<Body<BulkReport>> {
    let (items, mode) = bulk.into_items();
    Ok(Body(session.companies().create_many(items, mode).await?))
}

/// Change many companies in one commit, each in its own way or all alike, at most 10,000; a job changes more of a filter.
#[utoipa::path(tag = "companies", operation_id = "update_companies", request_body = BulkUpdate<Company, CompanyEdit>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[put("/bulk")]
async fn update_many(Once(session, bulk): Once<BulkUpdate<Company, CompanyEdit>>) -> Answer<Bulk> {
    Ok(Bulk(match bulk.into_update()? {
        Update::Each(items, mode) => BulkAnswer::Done(session.companies().update_many(items, mode).await?),
        Update::Alike(selection, change, mode) => session.companies().change_many(selection, change, mode).await?,
    }))
}

/// Delete many companies in one commit, at most 10,000, or more of a filter by a job; they can be restored until they are
/// purged.
#[utoipa::path(tag = "companies", operation_id = "delete_companies", request_body = BulkDelete<Company>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[delete("/bulk")]
async fn delete_many(Once(session, bulk): Once<BulkDelete<Company>>) -> Answer<Bulk> {
    let (selection, mode) = bulk.into_selection()?;
    Ok(Bulk(session.companies().change_many(selection, BulkChange::Delete, mode).await?))
}

/// Give many companies to somebody, or to nobody.
#[utoipa::path(tag = "companies", operation_id = "assign_companies", request_body = BulkAssign<Company>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[post("/bulk/assign")]
async fn assign_many(Once(session, bulk): Once<BulkAssign<Company>>) -> Answer<Bulk> {
    let (selection, change, mode) = bulk.into_change()?;
    Ok(Bulk(session.companies().change_many(selection, change, mode).await?))
}

/// Add tags to many companies and remove others.
#[utoipa::path(tag = "companies", operation_id = "tag_companies", request_body = BulkTag<Company>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[post("/bulk/tag")]
async fn tag_many(Once(session, bulk): Once<BulkTag<Company>>) -> Answer<Bulk> {
    let (selection, change, mode) = bulk.into_change()?;
    Ok(Bulk(session.companies().change_many(selection, change, mode).await?))
}

/// Import companies from a CSV file: a job, whose progress `/jobs/{id}` tells; with `dry_run` what it
/// would do.
#[utoipa::path(
    tag = "companies",
    operation_id = "import_companies",
    params(ImportParams),
    request_body(content((ImportForm = "multipart/form-data"), (String = "text/csv"))),
    responses((status = 200, body = Preview), (status = 202, body = Job))
)]
#[post("/import/csv")]
async fn import_csv(
    Signed(session, (request, Query(params), payload)): Signed<(HttpRequest, Query<ImportParams>, Payload)>,
) -> Answer<HttpResponse> {
    import(session, Entity::Company, &request, params, payload).await
}

/// Export companies as a CSV file, all of the list, sent while it is written.
#[utoipa::path(
    tag = "companies",
    operation_id = "export_companies",
    params(ExportParams),
    responses((status = 200, body = String, content_type = "text/csv"))
)]
#[get("/export/csv")]
async fn export_csv(Signed(session, Query(params)): Signed<Query<ExportParams>>) -> Answer<HttpResponse> {
    download("companies", session.transfers().export(Entity::Company, params.into_request()?)).await
}

/// Export companies as a CSV file that a job writes, all of the list: `/jobs/{id}` tells how far it is, and then
/// `/exports/{id}/file.csv` sends it.
#[utoipa::path(tag = "companies", operation_id = "begin_export_of_companies", request_body = ExportList, responses((status = 202, body = Job)))]
#[post("/export/csv")]
async fn begin_export(Once(session, wanted): Once<ExportList>) -> Answer<Accepted> {
    Ok(Accepted(session.transfers().begin_export(Entity::Company, wanted).await?))
}
