//! The permission matrix over HTTP.

use actix_web::{get, put};
use crm_core::workspace::{Permissions, PermissionsChange};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::Permitted;
use crate::extract::{Expected, Json, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(read).service(replace);
}

/// What each role may do with each kind of record.
#[utoipa::path(tag = "workspace", operation_id = "read_permissions", responses((status = 200, body = Permissions)))]
#[get("")]
async fn read(Signed(session, ()): Signed) -> Answer<Permitted> {
    Ok(Permitted(session.workspace().permissions().await?))
}

/// Say anew what roles may do: rules that are left out are as by default, and admins always may do everything.
///
/// Admins alone do: whoever else may change settings is refused (403 `denied`).
#[utoipa::path(tag = "workspace", operation_id = "replace_permissions", request_body = PermissionsChange, responses((status = 200, body = Permissions)))]
#[put("")]
async fn replace(
    Signed(session, (Expected(expect), Json(change))): Signed<(Expected, Json<PermissionsChange>)>,
) -> Answer<Permitted> {
    Ok(Permitted(session.workspace().set_permissions(change, expect).await?))
}
