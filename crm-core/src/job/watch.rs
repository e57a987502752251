//! What a task tells whoever holds its job.

use async_trait::async_trait;
use serde_json::Value;

use super::runner::Halt;
use super::state::Progress;
use super::task::Task;
use crate::error::Result;
use crate::session::Session;
use crate::store::Changes;

/// How a job stands after a step.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    /// The task, with the place that it reached.
    pub(crate) task: Task,
    /// What came of it so far.
    pub(crate) result: Value,
    /// How far it got.
    pub(crate) progress: Progress,
}

/// Whoever holds the job of a task that goes on in steps.
#[async_trait]
pub(crate) trait Watch: Send {
    /// Whoever wanted the job, with the permissions that they have now.
    async fn session(&mut self) -> Result<Session>;

    /// Writes a step's changes and the job as it stands after them, in one commit; then says whether the
    /// task may go on.
    async fn write(&mut self, session: &Session, changes: Changes, step: Step) -> std::result::Result<(), Halt>;
}
