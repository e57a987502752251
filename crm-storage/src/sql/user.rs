//! Members.

use async_trait::async_trait;
use crm_core::access::{Grant, Role};
use crm_core::account::Account;
use crm_core::filter::CheckedFilter;
use crm_core::page::{ListQuery, Rows as Page};
use crm_core::store::{Put, Stored};
use crm_core::user::{Membership, User, UserStatus, UserStore};
use crm_core::workspace::Workspace;
use crm_core::{Entity, Error, Id, Result, Timestamp};
use diesel::prelude::*;

use super::fragment::Fragment;
use super::room::{self, Room, place};
use super::text::{join, split, split_required};
use super::{Conn, RunQueryDsl, Store, dialect, json};
use crate::fault::Outcome;
use crate::schema::{users, users_seen, workspaces};
use crate::types::{DbId, DbTime};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = users,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct UserRow {
    workspace_id: i64,
    id: DbId,
    account_id: Option<DbId>,
    email: Option<String>,
    email_key: Option<String>,
    name: Option<String>,
    name_key: String,
    role: String,
    status: String,
    time_zone: Option<String>,
    locale: Option<String>,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
    deleted_at: Option<DbTime>,
}

impl UserRow {
    fn new(workspace_id: i64, user: &User) -> Self {
        let (email, email_key) = split(user.email.as_ref().map(AsRef::as_ref));
        let (name, name_key) = split_required(&user.name);
        Self {
            workspace_id,
            id: user.id.into(),
            account_id: user.account_id.map(DbId::from),
            email,
            email_key,
            name,
            name_key,
            role: user.role.name().to_owned(),
            status: user.status.name().to_owned(),
            time_zone: user.time_zone.map(|zone| zone.to_string()),
            locale: user.locale.as_ref().map(|locale| locale.to_string()),
            created_at: user.created_at.into(),
            updated_at: user.updated_at.into(),
            version: user.version,
            deleted_at: user.deleted_at.map(DbTime::from),
        }
    }

    fn into_user(self) -> Outcome<User> {
        Ok(User {
            id: self.id.into(),
            account_id: self.account_id.map(Id::from),
            email: json::parsed(join(self.email, self.email_key))?,
            name: self.name.unwrap_or(self.name_key),
            role: json::parsed::<Role>(Some(self.role))?.ok_or(json::unreadable("a role"))?,
            status: status(self.status)?,
            time_zone: json::parsed(self.time_zone)?,
            locale: json::parsed(self.locale)?,
            last_seen_at: None,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            version: self.version,
            deleted_at: self.deleted_at.map(Timestamp::from),
        })
    }
}

fn status(name: String) -> Outcome<UserStatus> {
    json::parsed(Some(name))?.ok_or(json::unreadable("a member's status"))
}

impl Room for User {
    const TABLE: &'static str = "users";

    async fn find(conn: &mut Conn, workspace: i64, id: DbId) -> Outcome<Option<Self>> {
        let found = users::table.filter(users::workspace_id.eq(workspace)).filter(users::id.eq(id));
        let row = found.select(UserRow::as_select()).get_result(conn).await.optional()?;
        row.map(UserRow::into_user).transpose()
    }

    async fn select(conn: &mut Conn, which: Fragment, order: Fragment, limit: i64) -> Outcome<Vec<Self>> {
        let rows: Vec<UserRow> =
            users::table.filter(which).order(order).limit(limit).select(UserRow::as_select()).load(conn).await?;
        rows.into_iter().map(UserRow::into_user).collect()
    }

    async fn insert(conn: &mut Conn, workspace: i64, records: &[&Self]) -> Outcome<()> {
        let new = |user: &&Self| diesel::insert_into(users::table).values(UserRow::new(workspace, user));
        dialect::insert(conn, records.iter().map(new).collect()).await?;
        Ok(())
    }

    async fn update(conn: &mut Conn, workspace: i64, puts: &[Put<Self>]) -> Outcome<Vec<usize>> {
        let statement = |put: &Put<Self>| {
            let row = UserRow::new(workspace, &put.after);
            let before = put.before.as_ref().map_or(0, |before| before.version);
            let found = users::table.filter(users::workspace_id.eq(workspace)).filter(users::id.eq(row.id));
            diesel::update(found.filter(users::version.eq(before))).set(row)
        };
        Ok(dialect::each(conn, puts.iter().map(statement).collect()).await?)
    }
}

impl Store {
    async fn found_user(&self, workspace: Id<Workspace>, id: Id<User>) -> Result<User> {
        let key = self.workspace_key(workspace).await?;
        let found = self.pools.key(async move |conn: &mut Conn| User::find(conn, key, id.into()).await).await?;
        found.ok_or_else(|| Error::not_found("user", id))
    }
}

#[async_trait]
impl UserStore for Store {
    async fn member(&self, workspace: Id<Workspace>, id: Id<User>) -> Result<User> {
        self.found_user(workspace, id).await
    }

    async fn memberships(&self, account: Id<Account>) -> Result<Vec<Membership>> {
        self.pools
            .key(async move |conn: &mut Conn| {
                let live = users::table
                    .inner_join(workspaces::table.on(workspaces::key.eq(users::workspace_id)))
                    .filter(users::account_id.eq(DbId::from(account)))
                    .filter(users::deleted_at.is_null())
                    .order((workspaces::name_key, workspaces::id));
                let row = (workspaces::id, workspaces::name, users::id, users::status);
                let rows: Vec<(DbId, String, DbId, String)> = live.select(row).load(conn).await?;
                let membership = |(workspace, name, user, role): (DbId, String, DbId, String)| {
                    Ok(Membership {
                        workspace_id: workspace.into(),
                        workspace_name: name,
                        user_id: user.into(),
                        status: status(role)?,
                    })
                };
                rows.into_iter().map(membership).collect()
            })
            .await
    }

    async fn user(&self, grant: &Grant, id: Id<User>) -> Result<Stored<User>> {
        // Members have no owner: a caller sees all of them or none.
        if grant.visible(Entity::User) == CheckedFilter::nothing() {
            return Err(Error::not_found("user", id));
        }
        self.found_user(grant.workspace_id(), id).await.map(Stored::loaded)
    }

    async fn users(&self, grant: &Grant, query: &ListQuery) -> Result<Page<User>> {
        room::page(self, grant, query).await
    }

    async fn users_by_id(&self, grant: &Grant, ids: &[Id<User>]) -> Result<Vec<User>> {
        if ids.is_empty() || grant.visible(Entity::User) == CheckedFilter::nothing() {
            return Ok(Vec::new());
        }
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let ids: Vec<DbId> = ids.iter().copied().map(DbId::from).collect();
        let place = place::<User>(workspace);
        let here = place.column("workspace_id").sql(" = ").bind(workspace).sql(" AND ");
        let which = here.then(place.column("id")).in_ids(&ids);
        self.pools.read(async move |conn: &mut Conn| User::select(conn, which, room::unordered(), i64::MAX).await).await
    }

    async fn count_users(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
        room::count::<User>(self, grant, query, cap).await
    }

    async fn users_by_key(&self, grant: &Grant, keys: &[String]) -> Result<Vec<User>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let place = place::<User>(workspace);
        let meant = place.column("name_key").in_texts(keys).sql(" OR ").then(place.column("email_key")).in_texts(keys);
        let which = room::live::<User>(workspace).and(meant);
        self.pools.read(async move |conn: &mut Conn| User::select(conn, which, room::unordered(), i64::MAX).await).await
    }

    async fn last_seen(&self, grant: &Grant, ids: &[Id<User>]) -> Result<Vec<(Id<User>, Timestamp)>> {
        let workspace = DbId::from(grant.workspace_id());
        let ids: Vec<DbId> = ids.iter().copied().map(DbId::from).collect();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.pools
            .key(async move |conn: &mut Conn| {
                let here = Fragment::new("users_seen.workspace_id = ").bind(workspace).sql(" AND users_seen.user_id");
                let seen = users_seen::table.filter(here.in_ids(&ids)).select((users_seen::user_id, users_seen::at));
                let rows: Vec<(DbId, DbTime)> = seen.load(conn).await?;
                Ok(rows.into_iter().map(|(id, at)| (id.into(), at.into())).collect())
            })
            .await
    }

    async fn active_admins(&self, grant: &Grant) -> Result<u64> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let count: i64 = self
            .pools
            .key(async move |conn: &mut Conn| {
                let admins = users::table
                    .filter(users::workspace_id.eq(workspace))
                    .filter(users::role.eq(Role::Admin.name()))
                    .filter(users::status.eq(UserStatus::Active.name()))
                    .filter(users::deleted_at.is_null());
                Ok(admins.count().get_result(conn).await?)
            })
            .await?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}
