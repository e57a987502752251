//! Workers: taking jobs that are due and doing them.

use async_trait::async_trait;
use serde_json::Value;

use super::model::{Halt, Job, JobState, Progress, Task};
use super::upload::StoredFile;
use super::watch::Watch;
use crate::access::{Action, Actor, Entity};
use crate::bulk::undo;
use crate::crm::Crm;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::transfer::{Import, ImportWatch};
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
        let now = self.now();
        for (workspace, mut job) in self.ports.jobs.due_jobs(now, LOOK).await? {
            let before = job.version;
            job.take(now);
            job.version += 1;
            if self.ports.jobs.swap_job(workspace, before, &job).await? {
                if job.state == JobState::Running {
                    Worker { crm: self, workspace, job, stop }.run().await?;
                }
                return Ok(true);
            }
        }
        Ok(false)
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
        let outcome = match self.perform().await {
            Ok(result) => Ok(result),
            Err(Halt::Fault(error)) => Err(error),
            Err(Halt::Lost) => return Ok(()),
        };
        if self.stop.is_asked() && outcome.is_err() {
            self.job.release(self.crm.now());
        } else {
            self.job.settle(outcome, self.crm.now());
        }
        // Whoever cancelled it at the last moment has the last word.
        let _was_still_ours = self.swap().await?;
        Ok(())
    }

    /// Does the task as whoever wanted it, with the permissions that they have now.
    async fn perform(&mut self) -> std::result::Result<Value, Halt> {
        let actor = match self.job.created_by {
            Some(user) => Actor::user(self.workspace, user),
            None => Actor::system(self.workspace, "job"),
        };
        let session = self.crm.acting(actor).await?;
        match self.job.task.clone() {
            Task::Import { import_id, upload_id } => {
                let grant = session.require(Entity::Import, Action::Update)?;
                let import = session.transfers().read(import_id).await?;
                let mut file = StoredFile::new(session.clone(), grant.clone(), upload_id, import.file.bytes);
                let done = session.transfers().watched(import_id, &mut file, self).await?;
                session.ports().uploads.forget_upload(&grant, upload_id).await?;
                Ok(serde_json::to_value(done).map_err(Error::internal)?)
            }
            Task::Revert { batch_id } => {
                let report = undo::undo(&session, batch_id, self).await?;
                Ok(serde_json::to_value(report).map_err(Error::internal)?)
            }
            Task::Bulk { .. } => Err(Error::internal("bulk work is done within its request").into()),
        }
    }

    async fn swap(&mut self) -> Result<bool> {
        let before = self.job.version;
        self.job.version += 1;
        self.crm.ports.jobs.swap_job(self.workspace, before, &self.job).await
    }
}

#[async_trait]
impl ImportWatch for Worker<'_> {
    async fn imported(&mut self, import: &Import) -> std::result::Result<(), Halt> {
        self.reached(Progress { done: import.offset, total: Some(import.file.bytes) }).await
    }
}

#[async_trait]
impl Watch for Worker<'_> {
    async fn reached(&mut self, progress: Progress) -> std::result::Result<(), Halt> {
        self.job.progress = progress;
        self.job.hold(self.crm.now());
        if !self.swap().await? {
            return Err(Halt::Lost);
        }
        match self.stop.is_asked() {
            true => Err(Error::unavailable("the worker was asked to stop").into()),
            false => Ok(()),
        }
    }
}
