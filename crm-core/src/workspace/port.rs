//! Port: workspaces.

use async_trait::async_trait;

use super::model::Workspace;
use crate::error::Result;
use crate::id::Id;
use crate::store::Stored;

/// Port: workspaces, read without a grant, because a grant is made from them.
#[async_trait]
pub trait WorkspaceStore: Send + Sync {
    /// A workspace.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn workspace(&self, id: Id<Workspace>) -> Result<Stored<Workspace>>;

    /// Workspaces by id, at most so many: the first ones, or those after one of them.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn workspaces(&self, after: Option<Id<Workspace>>, limit: u16) -> Result<Vec<Workspace>>;
}
