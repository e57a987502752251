//! A job and the moves between its states.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::upload::Upload;
use crate::access::Entity;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::journal::Batch;
use crate::store::{Put, Record, Write};
use crate::time::Timestamp;
use crate::transfer::Import;
use crate::user::User;

/// How long a worker holds a job without a sign of progress, in seconds.
const LEASE_SECONDS: i64 = 120;
/// How often a job is tried that fails for a passing reason, or whose worker dies.
const MAX_ATTEMPTS: u32 = 8;
/// The first wait before another attempt, in seconds; each further one is twice as long.
const FIRST_WAIT_SECONDS: i64 = 4;

/// Where a job waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum Queue {
    /// Files that are read in, and the undoing of them.
    Import,
    /// One change of many records.
    Bulk,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum Task {
    /// Read a file in.
    Import {
        /// The import, which knows how far it got.
        import_id: Id<Import>,
        /// The file.
        #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
        upload_id: Id<Upload>,
    },
    /// Undo an import or another undertaking, field by field.
    Revert {
        /// What the journal entries to undo have in common.
        #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
        batch_id: Id<Batch>,
        /// The last record that was undone, in the order of their ids.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reached: Option<Uuid>,
    },
    /// One change of many records in one commit, done within its request.
    Bulk {
        /// What the records are.
        entity: Entity,
        /// What the journal entries have in common.
        #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
        batch_id: Id<Batch>,
    },
    /// What this version does not know, as of a later one.
    #[serde(other)]
    Unknown,
}

impl Task {
    /// Where it waits.
    pub fn queue(&self) -> Queue {
        match self {
            Task::Import { .. } | Task::Revert { .. } => Queue::Import,
            Task::Bulk { .. } | Task::Unknown => Queue::Bulk,
        }
    }
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum JobState {
    /// It waits for a worker.
    Queued,
    /// A worker holds it.
    Running,
    /// It is done.
    Done,
    /// It ended with a fault; it can be tried again.
    Failed,
    /// Somebody stopped it; it can be taken up again.
    Cancelled,
}

impl JobState {
    /// Every state.
    pub const ALL: [JobState; 5] =
        [JobState::Queued, JobState::Running, JobState::Done, JobState::Failed, JobState::Cancelled];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            JobState::Queued => "queued",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }
}

/// How far a job got, in the units of its task: bytes of an import's file, records of an undoing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Progress {
    /// Done.
    pub done: u64,
    /// To be done in all, where that is known.
    pub total: Option<u64>,
}

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobFault {
    /// Stable snake_case code, as of a problem document.
    pub code: String,
    /// What is wrong.
    pub detail: String,
}

impl JobFault {
    fn of(error: &Error) -> Self {
        Self { code: error.code().to_owned(), detail: error.message().to_owned() }
    }
}

/// A piece of work that goes on after the answer has gone out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Job {
    /// Its id.
    pub id: Id<Job>,
    /// Where it waits.
    pub queue: Queue,
    /// What is to be done.
    #[serde(flatten)]
    pub task: Task,
    /// How it stands.
    pub state: JobState,
    /// How far it got.
    pub progress: Progress,
    /// What came of it, in the shape of its task; of an undoing under way, what came of it so far.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub result: Option<Value>,
    /// Why it failed, or what the last attempt stumbled over.
    pub error: Option<JobFault>,
    /// How often a worker took it since it last got further.
    pub attempts: u32,
    /// When it is to be taken, or, while a worker holds it, when the worker's lease ends.
    #[serde(default)]
    pub due_at: Option<Timestamp>,
    /// Who wanted it; absent for the product itself.
    #[serde(default)]
    pub created_by: Option<Id<User>>,
    /// When it was enqueued.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ended.
    #[serde(default)]
    pub finished_at: Option<Timestamp>,
    /// How often it was written.
    pub version: i64,
}

/// Why a worker stops.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Somebody cancelled the job or took it over.
    Lost,
    /// The task cannot go on.
    Fault(Error),
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Halt::Fault(error)
    }
}

impl Job {
    /// A job that waits.
    pub(crate) fn new(id: Id<Job>, task: Task, created_by: Option<Id<User>>, now: Timestamp) -> Self {
        Self {
            id,
            queue: task.queue(),
            task,
            state: JobState::Queued,
            progress: Progress::default(),
            result: None,
            error: None,
            attempts: 0,
            due_at: Some(now),
            created_by,
            created_at: now,
            updated_at: now,
            finished_at: None,
            version: 0,
        }
    }

    /// The record of work that was done within its request.
    pub(crate) fn done(id: Id<Job>, task: Task, result: Value, created_by: Option<Id<User>>, now: Timestamp) -> Self {
        Self {
            state: JobState::Done,
            result: Some(result),
            due_at: None,
            finished_at: Some(now),
            ..Self::new(id, task, created_by, now)
        }
    }

    /// What a store says of a job that it cannot read.
    pub fn unreadable(id: Id<Job>, created_by: Option<Id<User>>) -> Self {
        let fault = JobFault { code: "unreadable".to_owned(), detail: "this version cannot read the job".to_owned() };
        let (seconds, nanos) = id.uuid().get_timestamp().map(|at| at.to_unix()).unwrap_or_default();
        let micros = i64::try_from(seconds).unwrap_or_default().saturating_mul(1_000_000) + i64::from(nanos / 1_000);
        let at = Timestamp::from_micros(micros);
        Self { error: Some(fault), ..Self::new(id, Task::Unknown, created_by, at) }
    }

    /// Takes the job for a worker. One whose workers died too often fails instead.
    pub(crate) fn take(&mut self, now: Timestamp) {
        if self.attempts >= MAX_ATTEMPTS {
            let message = format!("{MAX_ATTEMPTS} attempts ended without a word");
            return self.end(JobState::Failed, Some(&Error::unavailable(message)), now);
        }
        self.state = JobState::Running;
        self.attempts += 1;
        self.hold(now);
    }

    /// Notes that a worker got further: its lease is prolonged, and attempts that ended before count no
    /// more.
    pub(crate) fn progressed(&mut self, progress: Progress, now: Timestamp) {
        self.progress = progress;
        self.attempts = 1;
        self.hold(now);
    }

    /// Prolongs the worker's lease.
    fn hold(&mut self, now: Timestamp) {
        self.due_at = Some(now.plus_seconds(LEASE_SECONDS));
        self.updated_at = now;
    }

    /// The end of an attempt: done, failed, or to be tried again after a while where the reason may
    /// pass.
    pub(crate) fn settle(&mut self, outcome: Result<Value>, now: Timestamp) {
        match outcome {
            Ok(result) => {
                self.result = Some(result);
                self.end(JobState::Done, None, now);
            }
            Err(error) if is_passing(&error) && self.attempts < MAX_ATTEMPTS => {
                let wait = FIRST_WAIT_SECONDS << (self.attempts.max(1) - 1).min(10);
                self.state = JobState::Queued;
                self.error = Some(JobFault::of(&error));
                self.due_at = Some(now.plus_seconds(wait));
                self.updated_at = now;
            }
            Err(error) => self.end(JobState::Failed, Some(&error), now),
        }
    }

    /// Gives the job back as it is, for another worker.
    pub(crate) fn release(&mut self, now: Timestamp) {
        self.state = JobState::Queued;
        self.attempts = self.attempts.saturating_sub(1);
        self.due_at = Some(now);
        self.updated_at = now;
    }

    /// Stops the job.
    ///
    /// # Errors
    /// `Conflict` for one that has ended.
    pub fn cancel(&mut self, now: Timestamp) -> Result<()> {
        match self.state {
            JobState::Queued | JobState::Running => {
                self.end(JobState::Cancelled, None, now);
                Ok(())
            }
            ended => Err(misplaced(self.id, ended)),
        }
    }

    /// Queues a job again that failed or was cancelled; it goes on where it stopped.
    ///
    /// # Errors
    /// `Conflict` for one that waits, runs or is done.
    pub fn retry(&mut self, now: Timestamp) -> Result<()> {
        match self.state {
            JobState::Failed | JobState::Cancelled => {
                self.state = JobState::Queued;
                self.attempts = 0;
                self.error = None;
                self.finished_at = None;
                self.due_at = Some(now);
                self.updated_at = now;
                Ok(())
            }
            state => Err(misplaced(self.id, state)),
        }
    }

    fn end(&mut self, state: JobState, error: Option<&Error>, now: Timestamp) {
        self.state = state;
        self.error = error.map(JobFault::of);
        self.due_at = None;
        self.finished_at = Some(now);
        self.updated_at = now;
    }
}

/// Whether trying again may help.
fn is_passing(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Conflict)
}

fn misplaced(id: Id<Job>, state: JobState) -> Error {
    Error::conflict(format!("job {id} is {}", state.name())).with_code("job_state")
}

impl Record for Job {
    const ENTITY: Entity = Entity::Job;

    fn uuid(&self) -> Uuid {
        self.id.uuid()
    }

    fn version(&self) -> i64 {
        self.version
    }

    fn stamp(&mut self, version: i64, at: Timestamp) {
        (self.version, self.updated_at) = (version, at);
    }

    fn deleted_at(&self) -> Option<Timestamp> {
        None
    }

    fn owner(&self) -> Option<Id<User>> {
        self.created_by
    }

    fn write(put: Put<Self>) -> Write {
        Write::Job(put)
    }
}
