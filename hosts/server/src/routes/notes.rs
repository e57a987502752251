//! Notes over HTTP.

use actix_web::{delete, patch, post};
use crm_core::activity::{NewNote, Note, NoteEdit};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Done, Found, Made};
use crate::extract::{Expected, Json, Once, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(create).service(update).service(delete);
}

/// Write a note on exactly one contact, company or deal.
#[utoipa::path(tag = "notes", operation_id = "create_note", request_body = NewNote, responses((status = 201, body = Note)))]
#[post("")]
async fn create(Once(session, new): Once<NewNote>) -> Answer<Made<Note>> {
    Ok(Made(session.activities().create_note(new).await?))
}

/// Change a note.
#[utoipa::path(tag = "notes", operation_id = "update_note", request_body = NoteEdit, responses((status = 200, body = Note)))]
#[patch("/{id}")]
async fn update(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(RecordId<Note>, Expected, Json<NoteEdit>)>,
) -> Answer<Found<Note>> {
    Ok(Found(session.activities().update_note(id, edit, expect).await?))
}

/// Delete a note.
#[utoipa::path(tag = "notes", operation_id = "delete_note", responses((status = 204)))]
#[delete("/{id}")]
async fn delete(Signed(session, (RecordId(id), Expected(expect))): Signed<(RecordId<Note>, Expected)>) -> Answer<Done> {
    session.activities().delete_note(id, expect).await?;
    Ok(Done)
}
