//! Companies over HTTP.

use actix_web::{delete, get, patch, post, put};
use crm_core::access::View;
use crm_core::company::{Company, CompanyEdit};
use crm_core::journal::TimelineItem;
use crm_core::tag::TagFilter;
use crm_core::{ListRequest, Page};
use utoipa_actix_web::service_config::ServiceConfig;

use super::timeline::TimelineParams;
use crate::answer::{Body, Created, Done, Found};
use crate::extract::{Creating, Expected, Json, ListParams, Query, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
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
async fn create(Creating(session, edit): Creating<CompanyEdit>) -> Answer<Created<Company>> {
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

/// Delete a company; it can be restored until it is purged.
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
