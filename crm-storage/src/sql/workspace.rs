//! Workspaces, and their small keys.

use std::collections::HashMap;

use async_trait::async_trait;
use crm_core::store::Stored;
use crm_core::workspace::{Workspace, WorkspaceStore};
use crm_core::{Error, Id, Result, text as core_text};
use diesel::prelude::*;
use parking_lot::RwLock;
use uuid::Uuid;

use super::{Conn, RunQueryDsl, Store, json};
use crate::fault::{Fault, Outcome};
use crate::schema::workspaces;
use crate::types::{DbId, DbTime};

/// The key of a workspace that does not exist: it has no rows.
pub(super) const NOWHERE: i64 = 0;

/// The keys of workspaces, which never change.
#[derive(Debug, Default)]
pub(crate) struct Workspaces(RwLock<HashMap<Uuid, i64>>);

impl Workspaces {
    /// Forgets every key; for a schema that is taken back.
    pub(crate) fn forget(&self) {
        self.0.write().clear();
    }

    fn known(&self, id: Uuid) -> Option<i64> {
        self.0.read().get(&id).copied()
    }

    /// Keeps a key that was committed.
    pub(super) fn keep(&self, id: Uuid, key: i64) {
        self.0.write().insert(id, key);
    }
}

impl Store {
    /// The key of a workspace; [`NOWHERE`] for one that does not exist.
    pub(super) async fn workspace_key(&self, id: Id<Workspace>) -> Result<i64> {
        if let Some(key) = self.workspaces.known(id.uuid()) {
            return Ok(key);
        }
        match self.pools.key(async move |conn: &mut Conn| key_of(conn, id.into()).await).await? {
            Some(key) => {
                self.workspaces.keep(id.uuid(), key);
                Ok(key)
            }
            None => Ok(NOWHERE),
        }
    }
}

/// The key of a workspace as the database has it.
pub(super) async fn key_of(conn: &mut Conn, id: DbId) -> Outcome<Option<i64>> {
    let found = workspaces::table.filter(workspaces::id.eq(id)).select(workspaces::key);
    Ok(found.get_result(conn).await.optional()?)
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = workspaces,
    primary_key(id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct WorkspaceRow {
    id: DbId,
    name: String,
    name_key: String,
    time_zone: String,
    currency: String,
    permissions: Option<String>,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
}

impl WorkspaceRow {
    fn new(workspace: &Workspace) -> Outcome<Self> {
        let permissions = &workspace.permissions;
        Ok(Self {
            id: workspace.id.into(),
            name: workspace.name.clone(),
            name_key: core_text::key(&workspace.name),
            time_zone: workspace.time_zone.to_string(),
            currency: workspace.currency.code().to_owned(),
            permissions: if permissions.is_default() { None } else { Some(serde_json::to_string(permissions)?) },
            created_at: workspace.created_at.into(),
            updated_at: workspace.updated_at.into(),
            version: workspace.version,
        })
    }

    fn into_workspace(self) -> Outcome<Workspace> {
        Ok(Workspace {
            id: self.id.into(),
            name: self.name,
            time_zone: json::parsed(Some(self.time_zone))?.ok_or(json::unreadable("a time zone"))?,
            currency: json::parsed(Some(self.currency))?.ok_or(json::unreadable("a currency"))?,
            permissions: self.permissions.map(|text| serde_json::from_str(&text)).transpose()?.unwrap_or_default(),
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            version: self.version,
        })
    }
}

/// Writes a new workspace, and gives its key.
pub(super) async fn insert(conn: &mut Conn, workspace: &Workspace) -> Outcome<i64> {
    let row = WorkspaceRow::new(workspace)?;
    Ok(diesel::insert_into(workspaces::table).values(row).returning(workspaces::key).get_result(conn).await?)
}

/// Writes a workspace over a version, and gives the number of rows.
pub(super) async fn update(conn: &mut Conn, workspace: &Workspace, before: i64) -> Outcome<usize> {
    let row = WorkspaceRow::new(workspace)?;
    let found = workspaces::table.filter(workspaces::id.eq(row.id)).filter(workspaces::version.eq(before));
    Ok(diesel::update(found).set(row).execute(conn).await?)
}

#[async_trait]
impl WorkspaceStore for Store {
    async fn workspace(&self, id: Id<Workspace>) -> Result<Stored<Workspace>> {
        let found = self
            .pools
            .key(async move |conn: &mut Conn| {
                let found = workspaces::table.filter(workspaces::id.eq(DbId::from(id)));
                let row = found.select(WorkspaceRow::as_select()).get_result(conn).await.optional()?;
                row.map(WorkspaceRow::into_workspace).transpose()
            })
            .await?;
        found.map(Stored::loaded).ok_or_else(|| Error::not_found("workspace", id))
    }

    async fn workspaces(&self, after: Option<Id<Workspace>>, limit: u16) -> Result<Vec<Workspace>> {
        self.pools
            .read(async move |conn: &mut Conn| {
                // No id is less than nil.
                let after = DbId(after.map_or(Uuid::nil(), Id::uuid));
                let some = workspaces::table.filter(workspaces::id.gt(after)).order(workspaces::id).limit(limit.into());
                let rows: Vec<WorkspaceRow> = some.select(WorkspaceRow::as_select()).load(conn).await?;
                rows.into_iter().map(WorkspaceRow::into_workspace).collect::<Result<_, Fault>>()
            })
            .await
    }
}
