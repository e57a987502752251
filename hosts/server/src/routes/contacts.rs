//! Contacts over HTTP.

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse, delete, get, patch, post, put};
use crm_core::access::View;
use crm_core::bulk::{BulkAnswer, BulkChange, BulkReport};
use crm_core::contact::{Contact, ContactEdit};
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

/// Contacts, page by page.
#[utoipa::path(tag = "contacts", operation_id = "list_contacts", params(ListParams), responses((status = 200, body = Page<Contact>)))]
#[get("")]
async fn list(Signed(session, Query(params)): Signed<Query<ListParams>>) -> Answer<Body<Page<View<Contact>>>> {
    Ok(Body(session.contacts().list(&params.into_request()?).await?))
}

/// Contacts that a filter describes, page by page.
#[utoipa::path(tag = "contacts", operation_id = "search_contacts", request_body = ListRequest, responses((status = 200, body = Page<Contact>)))]
#[post("/search")]
async fn search(Signed(session, Json(request)): Signed<Json<ListRequest>>) -> Answer<Body<Page<View<Contact>>>> {
    Ok(Body(session.contacts().list(&request).await?))
}

/// Contacts by their tags, page by page: everything that is said of tags holds of each.
#[utoipa::path(tag = "contacts", operation_id = "filter_contacts_by_tags", request_body = TagFilter, responses((status = 200, body = Page<Contact>)))]
#[post("/filter/tags")]
async fn tagged(Signed(session, Json(tags)): Signed<Json<TagFilter>>) -> Answer<Body<Page<View<Contact>>>> {
    let page = session.contacts().list(&tags.list()).await;
    Ok(Body(page.map_err(|error| tags.blame(error))?))
}

/// Make a contact; without an owner it belongs to the caller.
#[utoipa::path(tag = "contacts", operation_id = "create_contact", request_body = ContactEdit, responses((status = 201, body = Contact)))]
#[post("")]
async fn create(Once(session, edit): Once<ContactEdit>) -> Answer<Created<Contact>> {
    Ok(Created(session.contacts().create(edit).await?))
}

/// One contact.
#[utoipa::path(tag = "contacts", operation_id = "read_contact", responses((status = 200, body = Contact)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<Contact>>) -> Answer<Found<Contact>> {
    Ok(Found(session.contacts().read(id).await?))
}

/// Replace a contact: fields that the body leaves out are cleared, except the owner.
#[utoipa::path(tag = "contacts", operation_id = "replace_contact", request_body = ContactEdit, responses((status = 200, body = Contact)))]
#[put("/{id}")]
async fn replace(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(
        RecordId<Contact>,
        Expected,
        Json<ContactEdit>,
    )>,
) -> Answer<Found<Contact>> {
    Ok(Found(session.contacts().replace(id, edit, expect).await?))
}

/// Change some fields of a contact.
#[utoipa::path(tag = "contacts", operation_id = "update_contact", request_body = ContactEdit, responses((status = 200, body = Contact)))]
#[patch("/{id}")]
async fn update(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(
        RecordId<Contact>,
        Expected,
        Json<ContactEdit>,
    )>,
) -> Answer<Found<Contact>> {
    Ok(Found(session.contacts().update(id, edit, expect).await?))
}

/// Delete a contact; it is kept until it is purged.
#[utoipa::path(tag = "contacts", operation_id = "delete_contact", responses((status = 204)))]
#[delete("/{id}")]
async fn delete(
    Signed(session, (RecordId(id), Expected(expect))): Signed<(RecordId<Contact>, Expected)>,
) -> Answer<Done> {
    session.contacts().delete(id, expect).await?;
    Ok(Done)
}

/// The history of a contact and of its notes, newest first.
#[utoipa::path(tag = "contacts", operation_id = "contact_timeline", params(TimelineParams), responses((status = 200, body = Page<TimelineItem>)))]
#[get("/{id}/timeline")]
async fn timeline(
    Signed(session, (RecordId(id), Query(params))): Signed<(RecordId<Contact>, Query<TimelineParams>)>,
) -> Answer<Body<Page<TimelineItem>>> {
    Ok(Body(session.contacts().timeline(id, params.cursor.as_deref(), params.limit).await?))
}

/// Make many contacts in one commit, at most 10,000.
#[utoipa::path(tag = "contacts", operation_id = "create_contacts", request_body = BulkCreate<ContactEdit>, responses((status = 200, body = BulkReport)))]
#[post("/bulk")]
async fn create_many(Once(session, bulk): Once<BulkCreate<ContactEdit>>) -> Answer<Body<BulkReport>> {
    let (items, mode) = bulk.into_items();
    Ok(Body(session.contacts().create_many(items, mode).await?))
}

/// Change many contacts in one commit, each in its own way or all alike, at most 10,000; a job changes more of a filter.
#[utoipa::path(tag = "contacts", operation_id = "update_contacts", request_body = BulkUpdate<Contact, ContactEdit>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[put("/bulk")]
async fn update_many(Once(session, bulk): Once<BulkUpdate<Contact, ContactEdit>>) -> Answer<Bulk> {
    Ok(Bulk(match bulk.into_update()? {
        Update::Each(items, mode) => BulkAnswer::Done(session.contacts().update_many(items, mode).await?),
        Update::Alike(selection, change, mode) => session.contacts().change_many(selection, change, mode).await?,
    }))
}

/// Delete many contacts in one commit, at most 10,000, or more of a filter by a job; they can be restored until they are
/// purged.
#[utoipa::path(tag = "contacts", operation_id = "delete_contacts", request_body = BulkDelete<Contact>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[delete("/bulk")]
async fn delete_many(Once(session, bulk): Once<BulkDelete<Contact>>) -> Answer<Bulk> {
    let (selection, mode) = bulk.into_selection()?;
    Ok(Bulk(session.contacts().change_many(selection, BulkChange::Delete, mode).await?))
}

/// Give many contacts to somebody, or to nobody.
#[utoipa::path(tag = "contacts", operation_id = "assign_contacts", request_body = BulkAssign<Contact>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[post("/bulk/assign")]
async fn assign_many(Once(session, bulk): Once<BulkAssign<Contact>>) -> Answer<Bulk> {
    let (selection, change, mode) = bulk.into_change()?;
    Ok(Bulk(session.contacts().change_many(selection, change, mode).await?))
}

/// Add tags to many contacts and remove others.
#[utoipa::path(tag = "contacts", operation_id = "tag_contacts", request_body = BulkTag<Contact>, responses((status = 200, body = BulkReport), (status = 202, body = Job)))]
#[post("/bulk/tag")]
async fn tag_many(Once(session, bulk): Once<BulkTag<Contact>>) -> Answer<Bulk> {
    let (selection, change, mode) = bulk.into_change()?;
    Ok(Bulk(session.contacts().change_many(selection, change, mode).await?))
}

/// Import contacts from a CSV file: a job, whose progress `/jobs/{id}` tells; with `dry_run` what it
/// would do.
#[utoipa::path(
    tag = "contacts",
    operation_id = "import_contacts",
    params(ImportParams),
    request_body(content((ImportForm = "multipart/form-data"), (String = "text/csv"))),
    responses((status = 200, body = Preview), (status = 202, body = Job))
)]
#[post("/import/csv")]
async fn import_csv(
    Signed(session, (request, Query(params), payload)): Signed<(HttpRequest, Query<ImportParams>, Payload)>,
) -> Answer<HttpResponse> {
    import(session, Entity::Contact, &request, params, payload).await
}

/// Export contacts as a CSV file, all of the list, sent while it is written.
#[utoipa::path(
    tag = "contacts",
    operation_id = "export_contacts",
    params(ExportParams),
    responses((status = 200, body = String, content_type = "text/csv"))
)]
#[get("/export/csv")]
async fn export_csv(Signed(session, Query(params)): Signed<Query<ExportParams>>) -> Answer<HttpResponse> {
    download("contacts", session.transfers().export(Entity::Contact, params.into_request()?)).await
}

/// Export contacts as a CSV file that a job writes, all of the list: `/jobs/{id}` tells how far it is, and then
/// `/exports/{id}/file.csv` sends it.
#[utoipa::path(tag = "contacts", operation_id = "begin_export_of_contacts", request_body = ExportList, responses((status = 202, body = Job)))]
#[post("/export/csv")]
async fn begin_export(Once(session, wanted): Once<ExportList>) -> Answer<Accepted> {
    Ok(Accepted(session.transfers().begin_export(Entity::Contact, wanted).await?))
}
