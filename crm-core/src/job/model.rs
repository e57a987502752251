//! A job and the moves between its states.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::fault::{AttemptFault, JobError, JobFault, Verdict};
use super::new::Unique;
use super::policy::Retry;
use super::queue::{Priority, Queue};
use super::state::{JobState, Progress};
use super::task::Task;
use super::upload::Upload;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::store::{Record, versioned};
use crate::time::Timestamp;
use crate::transfer::ExportFile;
use crate::user::User;

/// How long a worker holds a job without a sign of life unless it says otherwise, in seconds.
pub const LEASE_SECONDS: i64 = 120;
/// The code of a job that cannot be read.
pub(crate) const UNREADABLE: &str = "unreadable";
/// How often a worker gives a sign of life of the jobs that it holds, at the least, in seconds.
pub const HEARTBEAT_SECONDS: i64 = 10;
/// Faults of attempts that a job keeps: the latest.
const KEPT_FAULTS: usize = 20;

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
    /// What came of it, in the shape of its task; of an undoing, bulk work or an export under way, what
    /// came of it so far.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    pub result: Option<Value>,
    /// Why it failed, or what the last attempt stumbled over.
    pub error: Option<JobFault>,
    /// What its attempts stumbled over, the first first; of many the latest twenty.
    #[serde(default)]
    pub errors: Vec<AttemptFault>,
    /// How often a worker took it; of an import, an undoing, bulk work and an export, since it
    /// last got further.
    pub attempts: u32,
    /// How many attempts it has in all before it fails.
    #[serde(default = "default_attempts")]
    pub max_attempts: u32,
    /// Which place it has among those that are due in its queue.
    #[serde(default)]
    pub priority: Priority,
    /// What makes it the only one of its kind.
    #[serde(default)]
    pub unique: Option<Unique>,
    /// When it was or is to be taken first, or for another attempt.
    #[serde(default)]
    pub run_at: Option<Timestamp>,
    /// When a worker last took it.
    #[serde(default)]
    pub started_at: Option<Timestamp>,
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
    /// Which take of it the present one is, or was the last: the version that the take wrote. Whoever holds a
    /// job writes under it, whatever became of the version meanwhile.
    #[serde(skip)]
    pub claim: i64,
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
            errors: Vec::new(),
            attempts: 0,
            max_attempts: default_attempts(),
            priority: Priority::Normal,
            unique: None,
            run_at: Some(now),
            started_at: None,
            due_at: Some(now),
            created_by,
            created_at: now,
            updated_at: now,
            finished_at: None,
            version: 0,
            claim: 0,
        }
    }

    /// The record of work that was done within its request.
    pub(crate) fn done(id: Id<Job>, task: Task, result: Value, created_by: Option<Id<User>>, now: Timestamp) -> Self {
        Self {
            state: JobState::Done,
            result: Some(result),
            run_at: None,
            due_at: None,
            finished_at: Some(now),
            ..Self::new(id, task, created_by, now)
        }
    }

    /// What a store says of a job that it cannot read.
    pub fn unreadable(id: Id<Job>, created_by: Option<Id<User>>) -> Self {
        let fault = JobFault { code: UNREADABLE.to_owned(), detail: "this version cannot read the job".to_owned() };
        let (seconds, nanos) = id.uuid().get_timestamp().map(|at| at.to_unix()).unwrap_or_default();
        let micros = i64::try_from(seconds).unwrap_or_default().saturating_mul(1_000_000) + i64::from(nanos / 1_000);
        let at = Timestamp::from_micros(micros);
        Self { error: Some(fault), ..Self::new(id, Task::Unknown, created_by, at) }
    }

    /// What a store says of a job that it can read and whose kind this version does not know, as of a later one.
    #[must_use]
    pub fn of_unknown_kind(self) -> Self {
        Self { error: Some(JobError::unknown_kind().fault()), ..self }
    }

    /// Whether nobody can do it: its row is no job. One whose kind is unknown alone waits for a process that
    /// knows it.
    pub(crate) fn is_unreadable(&self) -> bool {
        self.task == Task::Unknown && self.error.as_ref().is_some_and(|fault| fault.code == UNREADABLE)
    }

    /// The key by which a store knows it as the only one of its kind, and until when; the latter is absent where
    /// that is until it has ended. Nothing of a job whose kind this version does not know: the key is of the kind.
    pub fn unique_key(&self) -> Option<([u8; 32], Option<Timestamp>)> {
        let unique = self.unique.as_ref().filter(|_| self.task != Task::Unknown)?;
        let until = unique.seconds.map(|seconds| self.created_at.plus_seconds(seconds));
        Some((Unique::digest(self.task.name(), &unique.key), until))
    }

    /// Takes the job for a worker, as its next version. One that had all its attempts fails instead.
    pub fn take(&mut self, now: Timestamp, lease_seconds: i64) {
        self.version += 1;
        if self.state == JobState::Running {
            self.note(
                JobFault {
                    code: "lease_expired".to_owned(),
                    detail: "the worker gave no sign of life until its lease ended".to_owned(),
                },
                now,
            );
        }
        if self.attempts >= self.max_attempts {
            let detail = format!("{} attempts ended without success", self.attempts);
            return self.end(JobState::Failed, Some(JobFault { code: "unavailable".to_owned(), detail }), now);
        }
        self.state = JobState::Running;
        self.claim = self.version;
        self.attempts += 1;
        self.started_at = Some(now);
        self.hold(now, lease_seconds);
    }

    /// Notes that a worker got further in work that is gone on with: its lease is prolonged, and attempts that
    /// ended before count no more.
    pub(crate) fn progressed(&mut self, progress: Progress, now: Timestamp, lease_seconds: i64) {
        self.attempts = 1;
        self.held(progress, now, lease_seconds);
    }

    /// Notes a sign of life of a worker.
    pub(crate) fn held(&mut self, progress: Progress, now: Timestamp, lease_seconds: i64) {
        self.progress = progress;
        self.hold(now, lease_seconds);
    }

    fn hold(&mut self, now: Timestamp, lease_seconds: i64) {
        self.due_at = Some(now.plus_seconds(lease_seconds));
        self.updated_at = now;
    }

    /// The end of an attempt, as the next version: done, failed, or to be tried again after a while.
    pub(crate) fn settle(&mut self, outcome: std::result::Result<(), JobError>, retry: Retry, now: Timestamp) {
        self.version += 1;
        let Err(error) = outcome else { return self.end(JobState::Done, None, now) };
        let fault = error.fault();
        let left = self.attempts < self.max_attempts;
        match error.verdict() {
            Verdict::GivenBack | Verdict::Lost => self.wait_until(now, Attempt::Uncounted, now),
            Verdict::Retry if left => {
                let at = now.micros().saturating_add(retry.wait_micros(self.id, self.attempts));
                self.note(fault.clone(), now);
                self.wait_until(Timestamp::from_micros(at), Attempt::Counted, now);
                self.error = Some(fault);
            }
            Verdict::RetryAt(at) if left => {
                self.note(fault.clone(), now);
                self.wait_until(at.max(now), Attempt::Counted, now);
                self.error = Some(fault);
            }
            Verdict::Until(at) => self.be_patient(at, fault, now),
            Verdict::After(wait) => {
                let seconds = i64::try_from(wait.as_secs()).unwrap_or(i64::MAX);
                self.be_patient(now.plus_seconds(seconds.max(1)), fault, now);
            }
            Verdict::Retry | Verdict::RetryAt(_) | Verdict::Fatal => {
                self.note(fault.clone(), now);
                self.end(JobState::Failed, Some(fault), now);
            }
        }
    }

    /// Waits as somebody asked for; the attempt does not count, and of many such waits the last one is kept.
    fn be_patient(&mut self, at: Timestamp, fault: JobFault, now: Timestamp) {
        self.errors.pop_if(|last| (last.attempt, &last.code) == (self.attempts, &fault.code));
        self.note(fault.clone(), now);
        self.wait_until(at.max(now), Attempt::Uncounted, now);
        self.error = Some(fault);
    }

    fn wait_until(&mut self, at: Timestamp, attempt: Attempt, now: Timestamp) {
        self.state = JobState::Queued;
        if attempt == Attempt::Uncounted {
            self.attempts = self.attempts.saturating_sub(1);
        }
        (self.run_at, self.due_at) = (Some(at), Some(at));
        self.updated_at = now;
    }

    /// Keeps what an attempt stumbled over.
    fn note(&mut self, fault: JobFault, at: Timestamp) {
        if self.errors.len() >= KEPT_FAULTS {
            self.errors.remove(0);
        }
        self.errors.push(AttemptFault { attempt: self.attempts, at, code: fault.code, detail: fault.detail });
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

    /// Lets an export begin its file anew, under this id, when it is taken up again. Gives the file that nobody
    /// needs any more; none of another job.
    pub(crate) fn give_up_file(&mut self, next: Id<Upload>) -> Option<Id<Upload>> {
        let Task::Export { file, .. } = &mut self.task else { return None };
        let given_up = std::mem::replace(file, ExportFile::new(next));
        self.result = None;
        self.progress = Progress::default();
        Some(given_up.upload_id)
    }

    /// As [`Job::give_up_file`] of one that has ended; what came of one that is done is told as before.
    pub(crate) fn forget_file(&mut self, next: Id<Upload>, now: Timestamp) -> Option<Id<Upload>> {
        let told = (self.result.clone(), self.progress);
        let given_up = self.give_up_file(next)?;
        if self.state == JobState::Done {
            (self.result, self.progress) = told;
        }
        self.updated_at = now;
        Some(given_up)
    }

    /// Queues a job again that failed or was cancelled; it goes on where it stopped. One that was cancelled while
    /// it ran waits until its worker has heard of that.
    ///
    /// # Errors
    /// `Conflict` for one that waits, runs or is done.
    pub fn retry(&mut self, now: Timestamp) -> Result<()> {
        match self.state {
            JobState::Failed | JobState::Cancelled => {
                let at = self.left_alone_at().map_or(now, |left_alone| left_alone.max(now));
                self.state = JobState::Queued;
                self.attempts = 0;
                self.error = None;
                self.finished_at = None;
                (self.run_at, self.due_at) = (Some(at), Some(at));
                self.updated_at = now;
                Ok(())
            }
            state => Err(misplaced(self.id, state)),
        }
    }

    /// When the worker at the latest leaves it alone that had it when it was cancelled; none where nobody had it.
    fn left_alone_at(&self) -> Option<Timestamp> {
        // One that waits for a further attempt is to run after it was last taken.
        let was_running = self.started_at.is_some_and(|started| self.run_at.is_none_or(|run| run <= started));
        let cancelled = self.finished_at.filter(|_| self.state == JobState::Cancelled && was_running)?;
        Some(cancelled.plus_seconds(HEARTBEAT_SECONDS + 1))
    }

    fn end(&mut self, state: JobState, error: Option<JobFault>, now: Timestamp) {
        self.state = state;
        self.error = error;
        self.due_at = None;
        self.finished_at = Some(now);
        self.updated_at = now;
    }
}

/// Whether an attempt counts towards those that a job has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Attempt {
    Counted,
    Uncounted,
}

fn default_attempts() -> u32 {
    Retry::DEFAULT.max_attempts
}

fn misplaced(id: Id<Job>, state: JobState) -> Error {
    Error::conflict(format!("job {id} is {}", state.name())).with_code("job_state")
}

impl Record for Job {
    versioned!(Job);

    fn deleted_at(&self) -> Option<Timestamp> {
        None
    }

    fn owner(&self) -> Option<Id<User>> {
        self.created_by
    }
}
