//! Port: how far the handlers of events have come.

use async_trait::async_trait;

use crate::error::Result;
use crate::id::Id;
use crate::workspace::Workspace;

/// A move of a handler's cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorMove {
    /// The handler's name.
    pub handler: String,
    /// The number that the cursor must stand at.
    pub from: i64,
    /// The number of the last event that is handed over.
    pub to: i64,
}

/// Port: cursors of handlers of events. Grant-free: its callers are workers. Cursors are moved by
/// [`crate::store::Commit`] alone.
#[async_trait]
pub trait RelayStore: Send + Sync {
    /// Where a handler's cursor stands in a workspace, if it has begun there.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn cursor(&self, workspace: Id<Workspace>, handler: &str) -> Result<Option<i64>>;

    /// Begins a handler in workspaces after these numbers, in all of them or in none; where it has begun it stays
    /// where it is.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn begin(&self, handler: &str, after: &[(Id<Workspace>, i64)]) -> Result<()>;

    /// The workspaces in which a handler has begun and there are entries that it was not handed, sealed or
    /// not, in no order: one statement, however many workspaces there are.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn behind(&self, handler: &str) -> Result<Vec<Id<Workspace>>>;

    /// The workspaces in which a handler has not begun, in no order.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn not_begun(&self, handler: &str) -> Result<Vec<Id<Workspace>>>;

    /// Whether a handler has begun in any workspace.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn has_begun(&self, handler: &str) -> Result<bool>;
}
