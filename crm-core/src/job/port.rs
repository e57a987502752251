//! Ports: jobs, and the files that they need.

use async_trait::async_trait;

use super::model::{Job, JobState, Queue};
use super::upload::Upload;
use crate::access::Grant;
use crate::error::Result;
use crate::id::Id;
use crate::store::Stored;
use crate::time::Timestamp;
use crate::workspace::Workspace;

/// The jobs of a list, the latest first.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobQuery {
    /// Those of a queue.
    pub queue: Option<Queue>,
    /// Those in a state.
    pub state: Option<JobState>,
    /// Those enqueued before this one.
    pub before: Option<Id<Job>>,
    /// At most so many.
    pub limit: u16,
}

/// A job and the workspace that it belongs to.
pub type JobPlace = (Id<Workspace>, Job);

/// Port: jobs. New ones are written by [`crate::store::Commit`]; every other change is one
/// compare-and-set on the version.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// A job within the grant's read scope.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn job(&self, grant: &Grant, id: Id<Job>) -> Result<Stored<Job>>;

    /// Jobs within the grant's read scope, without what came of them, which may be long.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn jobs(&self, grant: &Grant, query: &JobQuery) -> Result<Vec<Job>>;

    /// Jobs that are to be taken, at most `limit`, the longest due first; one that cannot be read as
    /// [`Job::unreadable`]. Grant-free: its readers are workers.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn due_jobs(&self, now: Timestamp, limit: u16) -> Result<Vec<JobPlace>>;

    /// Writes a job over a version of it, and says whether that was still there. The job's own version
    /// is the next one. Grant-free: a worker outlives the permissions of whoever wanted the job.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn swap_job(&self, workspace: Id<Workspace>, before: i64, after: &Job) -> Result<bool>;
}

/// Port: files that were sent, in pieces of [`super::CHUNK_BYTES`], the last one shorter.
#[async_trait]
pub trait UploadStore: Send + Sync {
    /// Keeps a piece of a file, from 0 on.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn keep_piece(&self, grant: &Grant, id: Id<Upload>, index: u32, bytes: Vec<u8>, now: Timestamp)
    -> Result<()>;

    /// A piece of a file.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn piece(&self, grant: &Grant, id: Id<Upload>, index: u32) -> Result<Option<Vec<u8>>>;

    /// Forgets a file.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn forget_upload(&self, grant: &Grant, id: Id<Upload>) -> Result<()>;

    /// Forgets the files of which nothing came after an instant, of every workspace. Grant-free: its
    /// caller is a worker.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn forget_uploads(&self, until: Timestamp) -> Result<()>;
}
