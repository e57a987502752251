//! Port: tasks.

use async_trait::async_trait;

use super::model::Task;
use crate::access::Grant;
use crate::error::Result;
use crate::id::Id;
use crate::page::{ListQuery, Rows};
use crate::store::Stored;
use crate::transfer::RowKey;

/// Port: tasks. Every read is walled by the grant's workspace and visibility; deleted tasks
/// are absent.
#[async_trait]
pub trait TaskStore: Send + Sync {
    /// A task.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn task(&self, grant: &Grant, id: Id<Task>) -> Result<Stored<Task>>;

    /// Those of these tasks that exist and are visible, in no order.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn tasks_by_id(&self, grant: &Grant, ids: &[Id<Task>]) -> Result<Vec<Stored<Task>>>;

    /// A deleted task that is not purged.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn deleted_task(&self, grant: &Grant, id: Id<Task>) -> Result<Stored<Task>>;

    /// A page.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn tasks(&self, grant: &Grant, query: &ListQuery) -> Result<Rows<Task>>;

    /// How many there are, counted up to `cap`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn count_tasks(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64>;

    /// The oldest task of each key that an imported row is known again by; the answer is as
    /// long as `keys`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn known_tasks(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Task>>>>;
}
