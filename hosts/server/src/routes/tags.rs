//! Tags over HTTP.

use actix_web::get;
use crm_core::Page;
use crm_core::tag::TagCount;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, whole};
use crate::extract::Signed;
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list);
}

/// All tags with the number of records that the caller sees with each.
#[utoipa::path(tag = "tags", operation_id = "list_tags", responses((status = 200, body = Page<TagCount>)))]
#[get("")]
async fn list(Signed(session, ()): Signed) -> Answer<Body<Page<TagCount>>> {
    Ok(whole(session.tags().counts().await?))
}
