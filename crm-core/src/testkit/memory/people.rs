//! The ports of accounts, workspaces, members, teams, custom fields and imports.

use async_trait::async_trait;
use secrecy::ExposeSecret;

use super::list;
use super::rows::{self, Rows};
use super::{MemoryStore, State};
use crate::access::{Entity, Grant};
use crate::account::{Account, AccountStore};
use crate::custom_field::{CustomField, CustomFieldStore};
use crate::error::Result;
use crate::id::Id;
use crate::page::{ListQuery, Rows as Page};
use crate::store::Stored;
use crate::team::{Team, TeamStore};
use crate::text::{self, Email};
use crate::time::Timestamp;
use crate::transfer::{FailedRow, Import, ImportStore};
use crate::user::{Membership, User, UserStore};
use crate::workspace::{Workspace, WorkspaceStore};

impl State {
    fn rows_of(&self, workspace: Id<Workspace>) -> Option<&Rows> {
        self.spaces.get(&workspace.uuid()).map(|space| &space.rows)
    }

    fn workspaces(&self) -> impl Iterator<Item = &Workspace> {
        self.spaces.values().flat_map(|space| space.rows.live::<Workspace>())
    }
}

#[async_trait]
impl AccountStore for MemoryStore {
    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>> {
        Ok(self.read(|state| state.accounts.values().find(|account| account.email == *email).cloned()).await)
    }

    async fn any_account(&self) -> Result<bool> {
        Ok(self.read(|state| !state.accounts.is_empty()).await)
    }

    async fn rehash(&self, id: Id<Account>, old: &str, new: &str) -> Result<bool> {
        self.write(|state| {
            let account = state.accounts.get_mut(&id.uuid());
            let account = account.filter(|account| account.password_hash.expose_secret() == old);
            Ok(account.map(|account| account.password_hash = new.to_owned().into()).is_some())
        })
        .await
    }
}

#[async_trait]
impl WorkspaceStore for MemoryStore {
    async fn workspace(&self, id: Id<Workspace>) -> Result<Stored<Workspace>> {
        self.read(|state| {
            let row = state.rows_of(id).and_then(|rows| rows.get::<Workspace>(id.uuid()));
            rows::found(row, id.uuid())
        })
        .await
    }

    async fn workspaces(&self, after: Option<Id<Workspace>>, limit: u16) -> Result<Vec<Workspace>> {
        let mut all: Vec<Workspace> = self.read(|state| state.workspaces().cloned().collect()).await;
        all.retain(|workspace| after.is_none_or(|after| workspace.id > after));
        all.sort_by_key(|workspace| workspace.id);
        all.truncate(limit.into());
        Ok(all)
    }
}

#[async_trait]
impl UserStore for MemoryStore {
    async fn member(&self, workspace: Id<Workspace>, id: Id<User>) -> Result<User> {
        self.read(|state| {
            let row = state.rows_of(workspace).and_then(|rows| rows.get::<User>(id.uuid()));
            rows::found(row, id.uuid()).map(Stored::into_inner)
        })
        .await
    }

    async fn memberships(&self, account: Id<Account>) -> Result<Vec<Membership>> {
        self.read(|state| {
            let mut found = Vec::new();
            for workspace in state.workspaces() {
                let members = state.rows_of(workspace.id).into_iter().flat_map(Rows::live::<User>);
                found.extend(members.filter(|user| user.account_id == Some(account)).map(|user| Membership {
                    workspace_id: workspace.id,
                    workspace_name: workspace.name.clone(),
                    user_id: user.id,
                    status: user.status,
                }));
            }
            found.sort_by_key(|membership| (text::key(&membership.workspace_name), membership.workspace_id));
            Ok(found)
        })
        .await
    }

    async fn user(&self, grant: &Grant, id: Id<User>) -> Result<Stored<User>> {
        self.rows(grant, |rows| {
            rows::found(rows.get::<User>(id.uuid()).filter(|user| list::sees(rows, grant, *user)), id.uuid())
        })
        .await
    }

    async fn users(&self, grant: &Grant, query: &ListQuery) -> Result<Page<User>> {
        Ok(self.rows(grant, |rows| list::page(rows, query)).await)
    }

    async fn users_by_id(&self, grant: &Grant, ids: &[Id<User>]) -> Result<Vec<User>> {
        self.rows(grant, |rows| {
            let found = ids.iter().filter_map(|id| rows.get::<User>(id.uuid()));
            Ok(found.filter(|user| list::sees(rows, grant, *user)).cloned().collect())
        })
        .await
    }

    async fn count_users(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
        Ok(self.rows(grant, |rows| list::count::<User>(rows, query, cap)).await)
    }

    async fn users_by_key(&self, grant: &Grant, keys: &[String]) -> Result<Vec<User>> {
        let is_meant = |user: &&User| {
            let email = user.email.as_ref().map(|email| text::key(email.as_str()));
            keys.contains(&text::key(&user.name)) || email.is_some_and(|email| keys.contains(&email))
        };
        Ok(self.rows(grant, |rows| rows.live::<User>().filter(is_meant).cloned().collect()).await)
    }

    async fn last_seen(&self, grant: &Grant, ids: &[Id<User>]) -> Result<Vec<(Id<User>, Timestamp)>> {
        let workspace = grant.workspace_id().uuid();
        self.read(|state| {
            let seen = |id: &Id<User>| Some((*id, state.sign_ins.last_seen(workspace, id.uuid())?));
            Ok(ids.iter().filter_map(seen).collect())
        })
        .await
    }

    async fn active_admins(&self, grant: &Grant) -> Result<u64> {
        let count = |rows: &Rows| rows.live::<User>().filter(|user| user.is_active_admin()).count();
        Ok(u64::try_from(self.rows(grant, count).await).unwrap_or(u64::MAX))
    }
}

#[async_trait]
impl TeamStore for MemoryStore {
    async fn teammates(&self, workspace: Id<Workspace>, user: Id<User>) -> Result<Vec<Id<User>>> {
        self.read(|state| {
            let teams = state.rows_of(workspace).into_iter().flat_map(Rows::live::<Team>);
            let own = teams.filter(|team| team.members.contains(&user));
            let mut mates: Vec<Id<User>> = own.flat_map(|team| team.members.iter().copied()).collect();
            mates.sort_unstable();
            mates.dedup();
            Ok(mates)
        })
        .await
    }

    async fn team(&self, grant: &Grant, id: Id<Team>) -> Result<Stored<Team>> {
        self.rows(grant, |rows| {
            rows::found(rows.get::<Team>(id.uuid()).filter(|team| team.deleted_at.is_none()), id.uuid())
        })
        .await
    }

    async fn teams(&self, grant: &Grant) -> Result<Vec<Team>> {
        let mut teams: Vec<Team> = self.rows(grant, |rows| rows.live().cloned().collect()).await;
        teams.sort_by_key(|team| (text::key(&team.name), team.id));
        Ok(teams)
    }
}

#[async_trait]
impl CustomFieldStore for MemoryStore {
    async fn custom_fields(&self, workspace: Id<Workspace>) -> Result<Vec<CustomField>> {
        self.read(|state| {
            let live = state.rows_of(workspace).into_iter().flat_map(Rows::live::<CustomField>);
            let mut fields: Vec<CustomField> = live.cloned().collect();
            fields.sort_by(|a, b| (a.entity, &a.key).cmp(&(b.entity, &b.key)));
            Ok(fields)
        })
        .await
    }

    async fn custom_field(&self, grant: &Grant, id: Id<CustomField>) -> Result<Stored<CustomField>> {
        self.rows(grant, |rows| {
            rows::found(rows.get::<CustomField>(id.uuid()).filter(|field| field.deleted_at.is_none()), id.uuid())
        })
        .await
    }
}

#[async_trait]
impl ImportStore for MemoryStore {
    async fn import(&self, grant: &Grant, id: Id<Import>) -> Result<Stored<Import>> {
        self.rows(grant, |rows| rows::found(reached(rows, grant, id), id.uuid())).await
    }

    async fn imports(&self, grant: &Grant, before: Option<Id<Import>>, limit: u16) -> Result<Vec<Import>> {
        self.rows(grant, |rows| {
            let wanted = |import: &&Import| {
                grant.sees_owner(Entity::Import, import.created_by) && before.is_none_or(|before| import.id < before)
            };
            let latest = rows.imports.values().rev().map(AsRef::as_ref);
            Ok(latest.filter(wanted).take(limit.into()).cloned().collect())
        })
        .await
    }

    async fn failed_rows(&self, grant: &Grant, id: Id<Import>, after_line: u64, limit: u32) -> Result<Vec<FailedRow>> {
        self.rows(grant, |rows| {
            let Some(import) = reached(rows, grant, id) else { return Ok(Vec::new()) };
            let after = (import.id.uuid(), after_line.saturating_add(1));
            let rest = rows.failed_rows.range(after..=(import.id.uuid(), u64::MAX));
            Ok(rest.take(limit as usize).map(|(_, row)| FailedRow::clone(row)).collect())
        })
        .await
    }
}

/// An import within the caller's reach.
fn reached<'a>(rows: &'a Rows, grant: &Grant, id: Id<Import>) -> Option<&'a Import> {
    rows.get::<Import>(id.uuid()).filter(|import| grant.sees_owner(Entity::Import, import.created_by))
}
