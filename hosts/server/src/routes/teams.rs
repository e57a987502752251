//! Teams over HTTP.

use actix_web::{delete, get, patch, post, put};
use crm_core::Page;
use crm_core::access::View;
use crm_core::team::{NewTeam, Team, TeamEdit};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::answer::{Body, Created, Done, Found, whole};
use crate::extract::{Expected, Json, Once, RecordId, Signed};
use crate::refusal::Answer;

/// The routes of the room.
pub(super) fn routes(config: &mut ServiceConfig<'_>) {
    config.service(list).service(create).service(read).service(replace).service(update).service(delete);
}

/// All teams with the ids of their members, by name.
#[utoipa::path(tag = "teams", operation_id = "list_teams", responses((status = 200, body = Page<Team>)))]
#[get("")]
async fn list(Signed(session, ()): Signed) -> Answer<Body<Page<View<Team>>>> {
    Ok(whole(session.teams().list().await?))
}

/// Make a team of members.
#[utoipa::path(tag = "teams", operation_id = "create_team", request_body = NewTeam, responses((status = 201, body = Team)))]
#[post("")]
async fn create(Once(session, new): Once<NewTeam>) -> Answer<Created<Team>> {
    Ok(Created(session.teams().create(new).await?))
}

/// One team with the ids of its members.
#[utoipa::path(tag = "teams", operation_id = "read_team", responses((status = 200, body = Team)))]
#[get("/{id}")]
async fn read(Signed(session, RecordId(id)): Signed<RecordId<Team>>) -> Answer<Found<Team>> {
    Ok(Found(session.teams().read(id).await?))
}

/// Replace a team: without `members` nobody is in it.
#[utoipa::path(tag = "teams", operation_id = "replace_team", request_body = TeamEdit, responses((status = 200, body = Team)))]
#[put("/{id}")]
async fn replace(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(RecordId<Team>, Expected, Json<TeamEdit>)>,
) -> Answer<Found<Team>> {
    Ok(Found(session.teams().replace(id, edit, expect).await?))
}

/// Rename a team, or say anew who is in it.
#[utoipa::path(tag = "teams", operation_id = "update_team", request_body = TeamEdit, responses((status = 200, body = Team)))]
#[patch("/{id}")]
async fn update(
    Signed(session, (RecordId(id), Expected(expect), Json(edit))): Signed<(RecordId<Team>, Expected, Json<TeamEdit>)>,
) -> Answer<Found<Team>> {
    Ok(Found(session.teams().update(id, edit, expect).await?))
}

/// Delete a team; its members stay members of the workspace.
#[utoipa::path(tag = "teams", operation_id = "delete_team", responses((status = 204)))]
#[delete("/{id}")]
async fn delete(Signed(session, (RecordId(id), Expected(expect))): Signed<(RecordId<Team>, Expected)>) -> Answer<Done> {
    session.teams().delete(id, expect).await?;
    Ok(Done)
}
