//! Workers: taking jobs that are due and doing them.

use std::panic::AssertUnwindSafe;

use async_trait::async_trait;
use futures::FutureExt as _;
use serde_json::Value;

use super::model::{Halt, Job, JobState, Progress, Task};
use super::upload::StoredFile;
use super::watch::{Step, Watch};
use crate::access::{Action, Actor, Entity};
use crate::bulk::{UndoReport, undo};
use crate::crm::Crm;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::session::Session;
use crate::store::{Changes, Stored};
use crate::transfer::{Import, ImportState, ImportWatch};
use crate::workspace::Workspace;

/// Jobs that are looked at for one that nobody else takes.
const LOOK: u16 = 16;
/// How long files are kept that no job has finished with, in seconds: a week.
const KEPT_SECONDS: i64 = 7 * 24 * 60 * 60;

/// Whether a worker shall go on.
pub trait Stop: Send + Sync {
    /// Whether the process is about to end.
    fn is_asked(&self) -> bool;
}

/// A worker that nobody stops.
pub struct Never;

impl Stop for Never {
    fn is_asked(&self) -> bool {
        false
    }
}

impl Crm {
    /// Takes one job that is due and does it; says whether there was one. Any number of workers, in one
    /// process or many, do not disturb each other. Where `stop` asks for it the job is given back at its
    /// next step, and goes on there.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached; a job's own failure is kept with the job.
    pub async fn work(&self, stop: &dyn Stop) -> Result<bool> {
        for (workspace, job) in self.ports.jobs.due_jobs(self.now(), LOOK).await? {
            if self.take(workspace, job, stop).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// As [`Crm::work`], of one job alone.
    ///
    /// # Errors
    /// As [`Crm::work`]; `NotFound` for a job that is not there.
    pub async fn work_on(&self, workspace: Id<Workspace>, id: Id<Job>, stop: &dyn Stop) -> Result<bool> {
        let product = self.acting(Actor::system(workspace, "job")).await?;
        let job = self.ports.jobs.job(&product.require(Entity::Job, Action::Read)?, id).await?.into_inner();
        match job.due_at.is_some_and(|due| due <= self.now()) {
            true => self.take(workspace, job, stop).await,
            false => Ok(false),
        }
    }

    /// Takes a job and does it, where nobody else was faster.
    async fn take(&self, workspace: Id<Workspace>, mut job: Job, stop: &dyn Stop) -> Result<bool> {
        let before = job.version;
        job.take(self.now());
        job.version += 1;
        let is_taken = self.ports.jobs.swap_job(workspace, before, &job).await?;
        if is_taken && job.state == JobState::Running {
            Worker { crm: self, workspace, job, stop }.run().await?;
        }
        Ok(is_taken)
    }

    /// Forgets files that were sent a week ago or earlier: their jobs were done or given up.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn forget_old_uploads(&self) -> Result<()> {
        self.ports.uploads.forget_uploads(self.now().plus_seconds(-KEPT_SECONDS)).await
    }
}

/// A job in the hands of a worker.
struct Worker<'a> {
    crm: &'a Crm,
    workspace: Id<Workspace>,
    job: Job,
    stop: &'a dyn Stop,
}

impl Worker<'_> {
    async fn run(mut self) -> Result<()> {
        // A defect that one job meets must not end the worker, nor be met again by the next one.
        let performed = AssertUnwindSafe(self.perform()).catch_unwind().await;
        let outcome = match performed {
            Ok(Ok(result)) => Ok(result),
            Ok(Err(Halt::Fault(error))) => Err(error),
            Ok(Err(Halt::Lost)) => return Ok(()),
            Err(_panic) => Err(Error::internal("the job panicked")),
        };
        let may_go_on = outcome.as_ref().err().is_some_and(|error| error.kind() == ErrorKind::Unavailable);
        if self.stop.is_asked() && may_go_on {
            self.job.release(self.crm.now());
        } else {
            self.job.settle(outcome, self.crm.now());
        }
        // Whoever cancelled it at the last moment has the last word.
        let _was_still_ours = self.swap().await?;
        Ok(())
    }

    /// Does the task as whoever wanted it.
    async fn perform(&mut self) -> std::result::Result<Value, Halt> {
        let session = self.session().await?;
        match self.job.task.clone() {
            Task::Import { import_id, upload_id } => {
                let grant = session.require(Entity::Import, Action::Update)?;
                let import = session.transfers().read(import_id).await?;
                if import.state != ImportState::Running {
                    // A worker before this one died between the last row and the end of the job, or the
                    // import was undone since.
                    return Ok(serde_json::to_value(import).map_err(Error::internal)?);
                }
                let mut file = StoredFile::new(session.clone(), grant.clone(), upload_id, import.file.bytes);
                let done = session.transfers().watched(import_id, &mut file, self).await?;
                session.ports().uploads.forget_upload(&grant, upload_id).await?;
                Ok(serde_json::to_value(done).map_err(Error::internal)?)
            }
            Task::Revert { batch_id, reached } => {
                let report = self.job.result.clone().map(serde_json::from_value::<UndoReport>).transpose();
                let report = report.map_err(Error::internal)?.unwrap_or_default();
                let done = undo::undo(batch_id, reached, report, self.job.progress, self).await?;
                Ok(serde_json::to_value(done).map_err(Error::internal)?)
            }
            Task::Bulk { .. } => Err(Error::internal("bulk work is done within its request").into()),
            Task::Unknown => Err(Error::invalid("kind", "unreadable", "is not a task of this version").into()),
        }
    }

    async fn swap(&mut self) -> Result<bool> {
        let before = self.job.version;
        self.job.version += 1;
        self.crm.ports.jobs.swap_job(self.workspace, before, &self.job).await
    }

    fn check_stop(&self) -> std::result::Result<(), Halt> {
        match self.stop.is_asked() {
            true => Err(Error::unavailable("the worker was asked to stop").into()),
            false => Ok(()),
        }
    }

    /// Whether nobody cancelled the job or took it over.
    async fn is_ours(&self, session: &Session) -> Result<bool> {
        let grant = session.as_product("job").await?.require(Entity::Job, Action::Read)?;
        Ok(self.crm.ports.jobs.job(&grant, self.job.id).await?.version == self.job.version)
    }
}

#[async_trait]
impl ImportWatch for Worker<'_> {
    async fn imported(&mut self, import: &Import) -> std::result::Result<(), Halt> {
        let progress = Progress { done: import.offset, total: Some(import.file.bytes) };
        self.job.progressed(progress, self.crm.now());
        match self.swap().await? {
            true => self.check_stop(),
            false => Err(Halt::Lost),
        }
    }
}

#[async_trait]
impl Watch for Worker<'_> {
    async fn session(&mut self) -> Result<Session> {
        let actor = match self.job.created_by {
            Some(user) => Actor::user(self.workspace, user),
            None => Actor::system(self.workspace, "job"),
        };
        self.crm.acting(actor).await
    }

    async fn write(&mut self, session: &Session, mut changes: Changes, step: Step) -> std::result::Result<(), Halt> {
        let mut job = Stored::loaded(self.job.clone());
        job.progressed(step.progress, changes.now());
        (job.task, job.result) = (step.task, Some(step.result));
        changes.in_batch(job.id.cast());
        changes.put_unjournalled(&mut job);
        let grant = session.internally(Entity::Job, Action::Update);
        match session.commit(&grant, changes).await {
            Ok(()) => {
                self.job = job.into_inner();
                self.check_stop()
            }
            Err(error) if error.kind() == ErrorKind::Conflict && !self.is_ours(session).await? => Err(Halt::Lost),
            Err(error) => Err(error.into()),
        }
    }
}
