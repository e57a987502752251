//! Members over HTTP.

use actix_web::get;
use crm_core::Page;
use crm_core::access::View;
use crm_core::user::User;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, Found};
use crate::extract::{Query, RecordId, Signed, UntaggedParams};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(read);
}

/// Members of the workspace, page by page.
#[utoipa::path(tag = "users", operation_id = "list_users", params(UntaggedParams), responses((status = 200, body = Page<User>)))]
#[get("")]
async fn list(Signed(session, Query(params)): Signed<Query<UntaggedParams>>) -> Answer<Body<Page<View<User>>>> {
    Ok(Body(session.users().list(&params.into_request()?).await?))
}

/// One member.
#[utoipa::path(tag = "users", operation_id = "read_user", responses((status = 200, body = User)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<User>>) -> Answer<Found<User>> {
    Ok(Found(session.users().read(id).await?))
}
