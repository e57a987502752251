//! What a task tells whoever holds its job.

use async_trait::async_trait;

use super::model::{Halt, Progress};

/// Hears how far a task got, after every step, and says whether it may go on.
#[async_trait]
pub(crate) trait Watch: Send {
    /// A step is written.
    async fn reached(&mut self, progress: Progress) -> Result<(), Halt>;
}
