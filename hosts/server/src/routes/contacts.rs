//! Contacts over HTTP.

use actix_web::{delete, get, patch, post, put};
use crm_core::access::View;
use crm_core::contact::{Contact, ContactEdit};
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
async fn create(Creating(session, edit): Creating<ContactEdit>) -> Answer<Created<Contact>> {
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

/// Delete a contact; it can be restored until it is purged.
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
