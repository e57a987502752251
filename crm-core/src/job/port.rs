//! Ports: jobs, and the files that they need.

use async_trait::async_trait;

use super::bell::Listener;
use super::model::Job;
use super::queue::Queue;
use super::queues::QueueState;
use super::state::JobState;
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
    /// Those of a kind.
    pub kind: Option<String>,
    /// Those enqueued before this one.
    pub before: Option<Id<Job>>,
    /// At most so many.
    pub limit: u16,
}

/// A job and the workspace that it belongs to.
pub type JobPlace = (Id<Workspace>, Job);

/// What a worker would do.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Wanted {
    /// At most so many of each queue.
    pub queues: Vec<(Queue, u16)>,
    /// At most so many in all.
    pub limit: u16,
    /// The present instant.
    pub now: Timestamp,
    /// How long the worker holds what it takes, in seconds.
    pub lease_seconds: i64,
    /// This job alone, where one is named.
    pub only: Option<(Id<Workspace>, Id<Job>)>,
}

/// What a worker writes of a job that it holds. The store gives it the version after the one that is there.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The workspace that it belongs to.
    pub workspace: Id<Workspace>,
    /// The claim under which the worker holds it.
    pub claim: i64,
    /// The version that must be there, of a job that goes on where its row says: what a lost answer hides
    /// must not be written over. Any where absent.
    pub before: Option<i64>,
    /// The job after the attempt, or as far as it got.
    pub job: Job,
}

/// A job that a worker holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The workspace that it belongs to.
    pub workspace: Id<Workspace>,
    /// The job.
    pub id: Id<Job>,
    /// The claim under which the worker holds it.
    pub claim: i64,
}

/// Port: jobs as people see them. New ones, and which queues are paused, are written by [`crate::store::Commit`]: of
/// jobs with one unique key, while it is held, the first alone. Every other change is one compare-and-set on the
/// version, but for what the job's worker says of it: that goes by its claim, see [`WorkStore`].
#[async_trait]
pub trait JobStore: Send + Sync {
    /// A job within the grant's read scope.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn job(&self, grant: &Grant, id: Id<Job>) -> Result<Stored<Job>>;

    /// Jobs within the scope of the grant's action, without what came of them, which may be long.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn jobs(&self, grant: &Grant, query: &JobQuery) -> Result<Vec<Job>>;

    /// The job that holds a unique key at an instant.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn unique_job(&self, grant: &Grant, key: [u8; 32], now: Timestamp) -> Result<Option<Id<Job>>>;

    /// Writes a job over a version of it, and says whether that was still there. The job's own version
    /// is the next one. Grant-free: a worker outlives the permissions of whoever wanted the job.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn swap_job(&self, workspace: Id<Workspace>, before: i64, after: &Job) -> Result<bool>;

    /// How the queues of the grant's workspace stand that hold jobs or are paused, by name.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn queues(&self, grant: &Grant, now: Timestamp) -> Result<Vec<QueueState>>;

    /// Since when a queue of the grant's workspace is paused; a read by key, however many jobs there are.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn paused_since(&self, grant: &Grant, queue: &Queue) -> Result<Option<Timestamp>>;
}

/// Port: jobs as workers see them. Grant-free: workers serve every workspace.
#[async_trait]
pub trait WorkStore: Send + Sync {
    /// Takes jobs that are due and that nobody else takes, by [`Job::take`]: those whose lease has ended, then
    /// of each queue by priority, then the longest due first; where one is named, that one alone. Nothing comes of
    /// a queue that its workspace pauses. One that cannot be read comes as [`Job::unreadable`], one of an unknown
    /// kind as [`Job::of_unknown_kind`]; one that had all its attempts comes as failed.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn take_jobs(&self, wanted: &Wanted) -> Result<Vec<JobPlace>>;

    /// Writes what workers say of jobs that they hold, and of each whether it is still held: it runs under
    /// the claim, and where a version is named that is there.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn settle_jobs(&self, settled: &[Settled]) -> Result<Vec<bool>>;

    /// Prolongs the leases of jobs without a new version, and says of each whether it still runs under the
    /// claim.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn hold_jobs(&self, held: &[Held], until: Timestamp) -> Result<Vec<bool>>;

    /// When the next job of these queues is due, or the next lease ends; in the past where one waits already.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn next_due(&self, queues: &[Queue]) -> Result<Option<Timestamp>>;

    /// Forgets jobs that were done until an instant, at most `limit`, and as many that ended otherwise until
    /// another. Gives their number.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn prune_jobs(
        &self,
        workspace: Id<Workspace>,
        done: Timestamp,
        others: Timestamp,
        limit: u16,
    ) -> Result<usize>;

    /// Forgets unique keys, at most `limit`, that hold no more at an instant, those that ended first first.
    /// Gives their number.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn prune_job_keys(&self, workspace: Id<Workspace>, now: Timestamp, limit: u16) -> Result<usize>;

    /// Hears of queues in which jobs have become due through somebody's doing, in this process or, where the
    /// store can tell, in another.
    fn listen_for_jobs(&self) -> Listener;
}

/// Port: files that were sent, in pieces of [`super::CHUNK_BYTES`], the last one shorter, and files that jobs
/// write, whose pieces may all be shorter and are kept by [`crate::store::Commit`].
#[async_trait]
pub trait UploadStore: Send + Sync {
    /// Keeps a piece of a file, from 0 on.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn keep_piece(&self, grant: &Grant, id: Id<Upload>, index: u32, bytes: Vec<u8>, now: Timestamp)
    -> Result<()>;

    /// Keeps a file of which nothing comes as if its first piece had come at this instant; nothing where that
    /// is not there.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn keep_upload(&self, grant: &Grant, id: Id<Upload>, now: Timestamp) -> Result<()>;

    /// How many pieces are kept for the workspace.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn count_pieces(&self, grant: &Grant) -> Result<u64>;

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

    /// Forgets the files of which nothing came after an instant, of every workspace; of each the first piece
    /// not after the others. Grant-free: its caller is a worker.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn forget_uploads(&self, until: Timestamp) -> Result<()>;

    /// As [`UploadStore::forget_uploads`], but for the files that a job of the workspace names, in whatever state
    /// it is: also one of a kind that this version does not know, by `upload_id` anywhere in what it has to do.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn forget_unnamed_uploads(&self, until: Timestamp) -> Result<()>;
}
