//! Port: teams.

use async_trait::async_trait;

use super::model::Team;
use crate::access::Grant;
use crate::error::Result;
use crate::id::Id;
use crate::store::Stored;
use crate::user::User;
use crate::workspace::Workspace;

/// Port: teams.
#[async_trait]
pub trait TeamStore: Send + Sync {
    /// Everybody in the teams of a member, in the order of their ids; without a grant, because a
    /// grant is made from it.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn teammates(&self, workspace: Id<Workspace>, user: Id<User>) -> Result<Vec<Id<User>>>;

    /// A team.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn team(&self, grant: &Grant, id: Id<Team>) -> Result<Stored<Team>>;

    /// All teams by name.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn teams(&self, grant: &Grant) -> Result<Vec<Team>>;
}
