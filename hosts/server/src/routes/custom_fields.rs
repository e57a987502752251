//! Definitions of custom fields over HTTP.

use actix_web::{delete, get, post, put};
use crm_core::Page;
use crm_core::access::View;
use crm_core::custom_field::{CustomField, CustomFieldEdit, NewCustomField};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, Done, Found, Made, whole};
use crate::extract::{Expected, Json, Once, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(define).service(update).service(retire);
}

/// All custom fields that the caller sees.
#[utoipa::path(tag = "custom-fields", operation_id = "list_custom_fields", responses((status = 200, body = Page<CustomField>)))]
#[get("")]
async fn list(Signed(session, ()): Signed) -> Answer<Body<Page<View<CustomField>>>> {
    Ok(whole(session.custom_fields().list().await?))
}

/// Define a custom field.
#[utoipa::path(tag = "custom-fields", operation_id = "define_custom_field", request_body = NewCustomField, responses((status = 201, body = CustomField)))]
#[post("")]
async fn define(Once(session, new): Once<NewCustomField>) -> Answer<Made<CustomField>> {
    Ok(Made(session.custom_fields().define(new).await?))
}

/// Change label, choices or whether a value is required.
#[utoipa::path(tag = "custom-fields", operation_id = "update_custom_field", request_body = CustomFieldEdit, responses((status = 200, body = CustomField)))]
#[put("/{id}")]
async fn update(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(
        RecordId<CustomField>,
        Expected,
        Json<CustomFieldEdit>,
    )>,
) -> Answer<Found<CustomField>> {
    Ok(Found(session.custom_fields().update(id, edit, expect).await?))
}

/// Retire a custom field; its values stay on the records, but nobody sees or sets them.
#[utoipa::path(tag = "custom-fields", operation_id = "retire_custom_field", responses((status = 204)))]
#[delete("/{id}")]
async fn retire(
    Signed(session, (RecordId(id), Expected(expect))): Signed<(RecordId<CustomField>, Expected)>,
) -> Answer<Done> {
    session.custom_fields().retire(id, expect).await?;
    Ok(Done)
}
