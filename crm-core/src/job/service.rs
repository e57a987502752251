//! Use cases of jobs.

use serde::{Deserialize, Serialize};

use super::model::Job;
use super::new::check_kind;
use super::port::JobQuery;
use super::queue::Queue;
use super::state::JobState;
use super::task::Task;
use super::upload::Upload;
use crate::access::{Action, Entity, Grant, View};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::journal::Batch;
use crate::page::{Page, check_limit};
use crate::session::{Decisions, Session};
use crate::store::Changes;
use crate::time::Timestamp;
use crate::webhook::turned;

/// The jobs of a workspace, as far as one actor may go.
///
/// # Examples
///
#[cfg_attr(feature = "testkit", doc = "```")]
#[cfg_attr(not(feature = "testkit"), doc = "```text")]
/// # use crm_core::testkit::MemoryStore;
/// # use crm_core::{Actor, Crm};
/// use crm_core::job::{JobState, JobsRequest};
/// use crm_core::transfer::ExportList;
/// use crm_core::Entity;
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let crm = Crm::builder(MemoryStore::new()).build();
/// # let workspace = crm.create_workspace("Acme Sales").await?;
/// # let session = crm.acting(Actor::system(workspace.id, "example")).await?;
/// // Whatever takes long is a job, which some worker does.
/// let job = session.transfers().begin_export(Entity::Contact, ExportList::default()).await?;
/// assert_eq!(job.state, JobState::Queued);
///
/// let jobs = session.jobs();
/// assert_eq!(jobs.cancel(job.id).await?.state, JobState::Cancelled);
/// assert_eq!(jobs.retry(job.id).await?.state, JobState::Queued);
/// let waiting = JobsRequest { state: Some(JobState::Queued), ..Default::default() };
/// assert_eq!(jobs.list(&waiting).await?.data.len(), 1);
/// # Ok::<_, crm_core::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Jobs {
    session: Session,
}

/// A list of jobs, as a caller asks for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema, utoipa::IntoParams))]
#[cfg_attr(feature = "schema", into_params(parameter_in = Query))]
pub struct JobsRequest {
    /// Those of a queue.
    pub queue: Option<Queue>,
    /// Those in a state.
    pub state: Option<JobState>,
    /// Those of a kind: a handler's, or `import`, `revert`, `bulk`, `change`, `export`.
    #[cfg_attr(feature = "schema", param(pattern = "^[a-z][a-z0-9_.]{0,59}$"))]
    pub kind: Option<String>,
    /// Jobs a page, 1 to 200; 50 where absent.
    #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 200))]
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Failed jobs to be run again.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RetryJobs {
    /// Those of a queue.
    pub queue: Option<Queue>,
    /// Those of a kind.
    #[cfg_attr(feature = "schema", schema(pattern = "^[a-z][a-z0-9_.]{0,59}$"))]
    pub kind: Option<String>,
}

/// How many failed jobs are run again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RetriedJobs {
    /// Queued again.
    pub retried: u64,
    /// Whether there are more: one request takes up a thousand.
    pub has_more: bool,
}

/// Most jobs that one request takes up.
const MOST_RETRIED: u16 = 1_000;
/// What did it, in the job that keeps what a request under a key was told.
const RETRY: &str = "queue.retry";

impl Jobs {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// A job.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn read(&self, id: Id<Job>) -> Result<View<Job>> {
        let grant = self.session.require(Entity::Job, Action::Read)?;
        let job = self.session.ports().jobs.job(&grant, id).await?.into_inner();
        Ok(grant.view(job.seen_by(&grant)))
    }

    /// A page of jobs, the latest first, without what came of them.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad limit, kind or cursor.
    pub async fn list(&self, request: &JobsRequest) -> Result<Page<View<Job>>> {
        let grant = self.session.require(Entity::Job, Action::Read)?;
        let limit = check_limit(request.limit)?;
        request.kind.as_deref().map_or(Ok(()), check_kind)?;
        let seal = grant.seal(&("jobs", &request.queue, request.state, &request.kind));
        let before = seal.open(request.cursor.as_deref())?;
        let (queue, state, kind) = (request.queue.clone(), request.state, request.kind.clone());
        let query = JobQuery { queue, state, kind, before, limit: limit + 1 };
        let mut jobs = self.session.ports().jobs.jobs(&grant, &query).await?;
        let is_last = jobs.len() <= usize::from(limit);
        jobs.truncate(usize::from(limit));
        let next_cursor = jobs.last().filter(|_| !is_last).map(|job| seal.close(&job.id));
        let data = jobs.into_iter().map(|job| grant.view(job.seen_by(&grant))).collect();
        Ok(Page { data, next_cursor, total: None, total_is_capped: None })
    }

    /// Stops a job, once under the caller's key. What it did stays done, but for the file of an export, which is
    /// forgotten; it can be taken up again.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for one that has ended.
    pub async fn cancel(&self, id: Id<Job>) -> Result<View<Job>> {
        let next = Id::new_at(self.session.now());
        let mut given_up = None;
        let cancelled = self
            .change(id, &mut |job, now| {
                job.cancel(now)?;
                given_up = job.give_up_file(next);
                Ok(())
            })
            .await?;
        self.forget(given_up).await?;
        Ok(cancelled)
    }

    /// Forgets the pieces of a file that a job has given up. No worker adds to it any more: the job that it would
    /// write with it has moved on.
    pub(crate) async fn forget(&self, given_up: Option<Id<Upload>>) -> Result<()> {
        let Some(file) = given_up else { return Ok(()) };
        let grant = self.session.internally(Entity::Job, Action::Update);
        self.session.ports().uploads.forget_upload(&grant, file).await
    }

    /// Queues a job again that failed or was cancelled, once under the caller's key; it goes on where it
    /// stopped. One that was cancelled while it ran waits until its former worker has heard of that.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for one that waits, runs or is done, and where another holds its unique
    /// key.
    pub async fn retry(&self, id: Id<Job>) -> Result<View<Job>> {
        self.change(id, &mut Job::retry).await
    }

    /// Queues those failed jobs again that the caller may change, at most a thousand, the latest first, in one
    /// commit; those whose like holds their unique key stay. Under the caller's key it is done once: sent again it is
    /// told what it was told, and takes up nothing that failed since.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad kind; `Conflict` where others keep changing the same jobs.
    pub async fn retry_failed(&self, wanted: &RetryJobs) -> Result<RetriedJobs> {
        wanted.kind.as_deref().map_or(Ok(()), check_kind)?;
        let grant = self.session.require(Entity::Job, Action::Update)?;
        if let Some(first) = self.session.told_before(&grant).await? {
            return Ok(first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let (changes, told) = self.retrying(&grant, wanted).await?;
                self.session.commit_telling(&grant, changes, RETRY, Queue::BULK, told).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// The changes that queue failed jobs again, and what is told of them.
    async fn retrying(&self, grant: &Grant, wanted: &RetryJobs) -> Result<(Changes, RetriedJobs)> {
        let store = &self.session.ports().jobs;
        let (queue, kind) = (wanted.queue.clone(), wanted.kind.clone());
        let limit = MOST_RETRIED + 1;
        let query = JobQuery { queue, state: Some(JobState::Failed), kind, before: None, limit };
        let failed = store.jobs(grant, &query).await?;
        let has_more = failed.len() > usize::from(MOST_RETRIED);
        let mut changes = self.session.changes();
        let now = changes.now();
        let mut retried = 0;
        for listed in failed.into_iter().take(MOST_RETRIED.into()) {
            // A list leaves out what came of a job, which stays.
            let taken_up = async {
                let mut job = store.job(grant, listed.id).await?;
                job.retry(now)?;
                self.check_unique(grant, &job, now).await?;
                Ok::<_, Error>(job)
            };
            match taken_up.await {
                Ok(mut job) => {
                    let turned = turned(&job, self.session.actor(), now);
                    changes.writes.extend(turned);
                    changes.put_unjournalled(&mut job);
                    retried += 1;
                }
                // Somebody else took it up or its like is enqueued, or it was forgotten meanwhile.
                Err(error) if matches!(error.kind(), ErrorKind::Conflict | ErrorKind::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((changes, RetriedJobs { retried, has_more }))
    }

    /// Undoes bulk work or an import, once under the caller's key: what the journal's entries of a batch
    /// did, field by field, where the caller may change it and nobody has since. A job does it, and its
    /// result says what was left alone.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for a batch of which there is nothing; `Conflict` with code `bulk_running`
    /// or `import_running` while a job is still at it.
    pub async fn revert(&self, batch: Id<Batch>) -> Result<View<Job>> {
        let grant = self.session.require(Entity::Job, Action::Update)?;
        // Whoever may not undo an import hears so, whichever way they ask.
        let product = self.session.as_product("revert").await?;
        let imports = product.require(Entity::Import, Action::Read)?;
        match self.session.ports().imports.import(&imports, batch.cast()).await {
            Ok(_) => return self.session.transfers().revert(batch.cast()).await,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if let Some(first) = self.session.enqueued(&grant).await? {
            return Ok(first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut changes = self.session.changes();
                self.check_batch(&grant, &mut changes, batch).await?;
                let task = Task::Revert { batch_id: batch, reached: None };
                let job = Job::new(Id::new_at(changes.now()), task, self.session.actor().user_id(), changes.now());
                self.session.enqueue(&grant, changes, job).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Refuses a batch of which there is nothing or whose doer's jobs the caller does not see, and one
    /// that a job may go on with before the commit.
    async fn check_batch(&self, grant: &Grant, changes: &mut Changes, batch: Id<Batch>) -> Result<()> {
        let ports = self.session.ports();
        // Small work has no job.
        let product = self.session.as_product("revert").await?;
        let job = match ports.jobs.job(&product.require(Entity::Job, Action::Read)?, batch.cast()).await {
            Ok(job) => Some(job),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let journal = self.session.internally(Entity::Import, Action::Read);
        let entries = ports.journal.batch(&journal, batch, None, 1).await?;
        let begun = job.as_ref().map(|job| job.created_by);
        let doer = begun.or_else(|| entries.first().map(|entry| entry.actor.user_id));
        if !doer.is_some_and(|doer| grant.sees_owner(Entity::Job, doer)) {
            return Err(Error::not_found("batch", batch));
        }
        match job {
            Some(job) if matches!(job.state, JobState::Queued | JobState::Running) => {
                let message = format!("job {} is still under way: cancel it first", job.id);
                Err(Error::conflict(message).with_code("bulk_running"))
            }
            _ if entries.is_empty() => Err(Error::not_found("batch", batch)),
            job => {
                job.iter().for_each(|job| changes.rely_on(job));
                Ok(())
            }
        }
    }

    /// Changes a job as its state and the caller's permission allow.
    pub(crate) async fn change(
        &self,
        id: Id<Job>,
        decide: &mut (dyn FnMut(&mut Job, Timestamp) -> Result<()> + Send),
    ) -> Result<View<Job>> {
        let grant = self.session.require(Entity::Job, Action::Update)?;
        if let Some(first) = self.session.enqueued(&grant).await? {
            return Ok(first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut job = self.session.ports().jobs.job(&grant, id).await?;
                grant.check_reach(&*job)?;
                let mut changes = self.session.changes();
                decide(&mut job, changes.now())?;
                self.check_unique(&grant, &job, changes.now()).await?;
                let turned = turned(&job, self.session.actor(), changes.now());
                changes.writes.extend(turned);
                self.session.commit_job(&grant, changes, job).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Refuses to take up a job whose like was enqueued since and holds the key yet.
    async fn check_unique(&self, grant: &Grant, job: &Job, now: Timestamp) -> Result<()> {
        let key = job.unique_key().filter(|_| job.state == JobState::Queued);
        let Some((key, _)) = key else { return Ok(()) };
        match self.session.ports().jobs.unique_job(grant, key, now).await? {
            Some(holder) if holder != job.id => {
                let message = format!("job {holder} does what job {} would do", job.id);
                Err(Error::conflict(message).with_code("job_unique"))
            }
            _ => Ok(()),
        }
    }
}
