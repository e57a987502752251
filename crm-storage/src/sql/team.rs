//! Teams and their members.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::store::{Put, Stored};
use crm_core::team::{Team, TeamStore};
use crm_core::user::User;
use crm_core::workspace::Workspace;
use crm_core::{Error, Id, Result, Timestamp};
use diesel::prelude::*;
use std::collections::{BTreeSet, HashMap};

use super::fragment::{Fragment, Statement};
use super::text::split_required;
use super::{Conn, RunQueryDsl, Store, dialect};
use crate::fault::Outcome;
use crate::schema::{team_members, teams};
use crate::types::{DbId, DbTime, Guid};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = teams,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct TeamRow {
    workspace_id: i64,
    id: DbId,
    name: Option<String>,
    name_key: String,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
    deleted_at: Option<DbTime>,
}

impl TeamRow {
    fn new(workspace_id: i64, team: &Team) -> Self {
        let (name, name_key) = split_required(&team.name);
        Self {
            workspace_id,
            id: team.id.into(),
            name,
            name_key,
            created_at: team.created_at.into(),
            updated_at: team.updated_at.into(),
            version: team.version,
            deleted_at: team.deleted_at.map(DbTime::from),
        }
    }

    fn into_team(self, members: Vec<Id<User>>) -> Team {
        Team {
            id: self.id.into(),
            name: self.name.unwrap_or(self.name_key),
            members,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            version: self.version,
            deleted_at: self.deleted_at.map(Timestamp::from),
        }
    }
}

#[derive(Insertable)]
#[diesel(table_name = team_members, treat_none_as_default_value = false)]
struct MemberRow {
    workspace_id: i64,
    team_id: DbId,
    user_id: DbId,
}

/// Writes a team with its members, and gives the number of its rows.
pub(super) async fn put(conn: &mut Conn, workspace: i64, put: &Put<Team>) -> Outcome<usize> {
    let row = TeamRow::new(workspace, &put.after);
    let team_id = row.id;
    let touched = match &put.before {
        None => diesel::insert_into(teams::table).values(row).execute(conn).await?,
        Some(before) => {
            let found = teams::table.filter(teams::workspace_id.eq(workspace)).filter(teams::id.eq(row.id));
            diesel::update(found.filter(teams::version.eq(before.version))).set(row).execute(conn).await?
        }
    };
    let before: BTreeSet<Id<User>> = put.before.iter().flat_map(|team| team.members.iter().copied()).collect();
    let after: BTreeSet<Id<User>> = put.after.members.iter().copied().collect();
    let gone: Vec<DbId> = before.difference(&after).copied().map(DbId::from).collect();
    if !gone.is_empty() {
        let delete = Fragment::new("DELETE FROM team_members WHERE workspace_id = ").bind(workspace);
        let delete = delete.sql(" AND team_id = ").bind(team_id).sql(" AND user_id").in_ids(&gone);
        Statement::<()>::new(delete).execute(conn).await?;
    }
    let row = |user: &Id<User>| MemberRow { workspace_id: workspace, team_id, user_id: (*user).into() };
    let new = after.difference(&before).map(|user| diesel::insert_into(team_members::table).values(row(user)));
    dialect::insert(conn, new.collect()).await?;
    Ok(touched)
}

/// The live teams of a workspace, or one of them.
async fn load(conn: &mut Conn, workspace: i64, only: Option<DbId>) -> Outcome<Vec<Team>> {
    let mut which = Fragment::new("teams.workspace_id = ").bind(workspace).sql(" AND teams.deleted_at IS NULL");
    let mut whose = Fragment::new("team_members.workspace_id = ").bind(workspace);
    if let Some(id) = only {
        which = which.sql(" AND teams.id = ").bind(id);
        whose = whose.sql(" AND team_members.team_id = ").bind(id);
    }
    let found = teams::table.filter(which).order((teams::name_key, teams::id));
    let rows: Vec<TeamRow> = found.select(TeamRow::as_select()).load(conn).await?;
    let members = team_members::table.filter(whose).order((team_members::team_id, team_members::user_id));
    let members: Vec<(DbId, DbId)> = members.select((team_members::team_id, team_members::user_id)).load(conn).await?;
    let mut by_team: HashMap<DbId, Vec<Id<User>>> = HashMap::new();
    for (team, user) in members {
        by_team.entry(team).or_default().push(user.into());
    }
    let team = |row: TeamRow| {
        let members = by_team.remove(&row.id).unwrap_or_default();
        row.into_team(members)
    };
    Ok(rows.into_iter().map(team).collect())
}

const TEAMMATES: &str = "SELECT DISTINCT mate.user_id FROM team_members AS own \
    JOIN teams AS t ON t.workspace_id = own.workspace_id AND t.id = own.team_id AND t.deleted_at IS NULL \
    JOIN team_members AS mate ON mate.workspace_id = own.workspace_id AND mate.team_id = own.team_id \
    WHERE own.workspace_id = ";

#[async_trait]
impl TeamStore for Store {
    async fn teammates(&self, workspace: Id<Workspace>, user: Id<User>) -> Result<Vec<Id<User>>> {
        let workspace = self.workspace_key(workspace).await?;
        let mates = Fragment::new(TEAMMATES).bind(workspace).sql(" AND own.user_id = ").bind(DbId::from(user));
        let mates = mates.sql(" ORDER BY mate.user_id").fixed();
        self.pools
            .key(async move |conn: &mut Conn| {
                let ids: Vec<DbId> = Statement::<Guid>::new(mates).load(conn).await?;
                Ok(ids.into_iter().map(Id::from).collect())
            })
            .await
    }

    async fn team(&self, grant: &Grant, id: Id<Team>) -> Result<Stored<Team>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let found = self.pools.key(async move |conn: &mut Conn| load(conn, workspace, Some(id.into())).await).await?;
        found.into_iter().next().map(Stored::loaded).ok_or_else(|| Error::not_found("team", id))
    }

    async fn teams(&self, grant: &Grant) -> Result<Vec<Team>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools.read(async move |conn: &mut Conn| load(conn, workspace, None).await).await
    }
}
