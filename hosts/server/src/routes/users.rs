//! Members over HTTP.

use actix_web::{delete, get, patch, post, put};
use crm_core::Page;
use crm_core::access::{Role, View};
use crm_core::user::{NewUser, User, UserEdit, UserStatus};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, Created, Done, Found};
use crate::extract::{Expected, Json, Once, Query, RecordId, Signed, UntaggedParams};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(read).service(list).service(create).service(replace).service(update).service(delete);
    config.service(change_role).service(change_status);
}

/// What a member shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeRole {
    /// The role.
    role: Role,
}

/// Whether a member may act.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeStatus {
    /// Active or suspended; invited for a member who has not signed in yet.
    status: UserStatus,
}

/// Members of the workspace, page by page.
#[utoipa::path(tag = "users", operation_id = "list_users", params(UntaggedParams), responses((status = 200, body = Page<User>)))]
#[get("")]
async fn list(Signed(session, Query(params)): Signed<Query<UntaggedParams>>) -> Answer<Body<Page<View<User>>>> {
    Ok(Body(session.users().list(&params.into_request()?).await?))
}

/// Make a person known who cannot sign in yet.
///
/// There are no invitations yet, and no other way to sign in for them: a registration with their address makes a
/// workspace of its own.
///
/// Whoever is no admin gives no role that may do more than theirs (403 `denied`).
#[utoipa::path(tag = "users", operation_id = "create_user", request_body = NewUser, responses((status = 201, body = User)))]
#[post("")]
async fn create(Once(session, new): Once<NewUser>) -> Answer<Created<User>> {
    Ok(Created(session.users().create(new).await?))
}

/// One member; one who was deleted has `deleted_at`.
#[utoipa::path(tag = "users", operation_id = "read_user", responses((status = 200, body = User)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<User>>) -> Answer<Found<User>> {
    Ok(Found(session.users().read(id).await?))
}

/// Replace a member's profile: fields that the body leaves out are cleared, except the e-mail address
/// of an account. Everybody may replace their own.
#[utoipa::path(tag = "users", operation_id = "replace_user", request_body = UserEdit, responses((status = 200, body = User)))]
#[put("/{id}")]
async fn replace(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(RecordId<User>, Expected, Json<UserEdit>)>,
) -> Answer<Found<User>> {
    Ok(Found(session.users().replace(id, edit, expect).await?))
}

/// Change some fields of a member's profile. Everybody may change their own.
#[utoipa::path(tag = "users", operation_id = "update_user", request_body = UserEdit, responses((status = 200, body = User)))]
#[patch("/{id}")]
async fn update(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(RecordId<User>, Expected, Json<UserEdit>)>,
) -> Answer<Found<User>> {
    Ok(Found(session.users().update(id, edit, expect).await?))
}

/// Delete a member, which ends their sign-ins; what is theirs stays so until it is given to another.
#[utoipa::path(tag = "users", operation_id = "delete_user", responses((status = 204)))]
#[delete("/{id}")]
async fn delete(Signed(session, (RecordId(id), Expected(expect))): Signed<(RecordId<User>, Expected)>) -> Answer<Done> {
    session.users().delete(id, expect).await?;
    Ok(Done)
}

/// Give a member another role; the last active admin keeps theirs.
///
/// Whoever is no admin, and may change members all the same, changes neither admins nor their own role, and gives no
/// role that may do more than theirs (403 `denied`).
#[utoipa::path(tag = "users", operation_id = "change_user_role", request_body = ChangeRole, responses((status = 200, body = User)))]
#[patch("/{id}/role")]
async fn change_role(
    Signed(session, (RecordId(id), Expected(expect), Json(body))): Signed<(RecordId<User>, Expected, Json<ChangeRole>)>,
) -> Answer<Found<User>> {
    Ok(Found(session.users().change_role(id, body.role, expect).await?))
}

/// Activate or suspend a member, which ends their sign-ins; the last active admin stays active.
#[utoipa::path(tag = "users", operation_id = "change_user_status", request_body = ChangeStatus, responses((status = 200, body = User)))]
#[patch("/{id}/status")]
async fn change_status(
    Signed(session, (RecordId(id), Expected(expect), Json(body))): Signed<(
        RecordId<User>,
        Expected,
        Json<ChangeStatus>,
    )>,
) -> Answer<Found<User>> {
    Ok(Found(session.users().change_status(id, body.status, expect).await?))
}
