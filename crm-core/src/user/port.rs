//! Port: members.

use async_trait::async_trait;

use super::model::{Membership, User};
use crate::access::Grant;
use crate::account::Account;
use crate::error::Result;
use crate::id::Id;
use crate::page::{ListQuery, Rows};
use crate::store::Stored;
use crate::time::Timestamp;
use crate::workspace::Workspace;

/// Port: members of workspaces.
#[async_trait]
pub trait UserStore: Send + Sync {
    /// A member, deleted or not, read without a grant: grants are made from it.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn member(&self, workspace: Id<Workspace>, id: Id<User>) -> Result<User>;

    /// Where an account is a member, read without a grant: whoever signs in has none yet.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn memberships(&self, account: Id<Account>) -> Result<Vec<Membership>>;

    /// A member, deleted or not.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn user(&self, grant: &Grant, id: Id<User>) -> Result<Stored<User>>;

    /// A page of members.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn users(&self, grant: &Grant, query: &ListQuery) -> Result<Rows<User>>;

    /// Those of these members that exist, deleted or not.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn users_by_id(&self, grant: &Grant, ids: &[Id<User>]) -> Result<Vec<User>>;

    /// How many members such a list has, counted up to `cap`.
    ///
    /// # Errors
    /// As [`UserStore::users`].
    async fn count_users(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64>;

    /// Members by the comparison form of their names or e-mail addresses; for imports.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn users_by_key(&self, grant: &Grant, keys: &[String]) -> Result<Vec<User>>;

    /// When those of these members who ever signed in did so last, or renewed a sign-in.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn last_seen(&self, grant: &Grant, ids: &[Id<User>]) -> Result<Vec<(Id<User>, Timestamp)>>;

    /// How many active admins there are.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn active_admins(&self, grant: &Grant) -> Result<u64>;
}
