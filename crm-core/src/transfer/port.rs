//! Port: imports.

use async_trait::async_trait;

use super::model::{FailedRow, Import};
use crate::access::Grant;
use crate::error::Result;
use crate::id::Id;
use crate::store::Stored;

/// Port: imports and the rows that they refused.
#[async_trait]
pub trait ImportStore: Send + Sync {
    /// An import that the grant's read scope reaches.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn import(&self, grant: &Grant, id: Id<Import>) -> Result<Stored<Import>>;

    /// Imports that the grant's read scope reaches, the latest first: those begun before `before`, at most
    /// `limit`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn imports(&self, grant: &Grant, before: Option<Id<Import>>, limit: u16) -> Result<Vec<Import>>;

    /// Refused rows after a line, at most `limit`, in the order of their lines.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn failed_rows(&self, grant: &Grant, id: Id<Import>, after_line: u64, limit: u32) -> Result<Vec<FailedRow>>;
}
