//! The product's own tasks, which go on where they stopped.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use serde_json::Value;

use super::context::Taken;
use super::fault::JobError;
use super::model::Job;
use super::state::Progress;
use super::task::{ImportFile, Task};
use super::upload::StoredFile;
use super::watch::{Step, Watch};
use super::workers::{Endless, panicked};
use crate::access::{Action, Actor, Entity};
use crate::bulk::job::Frozen;
use crate::bulk::{BulkReport, UndoReport, undo};
use crate::crm::Crm;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::session::Session;
use crate::store::{Changes, Stored};
use crate::transfer::{Import, ImportState, ImportWatch, Writing};
use crate::workspace::Workspace;

/// How long files are kept that jobs wrote or have not finished with, in seconds: a week.
const KEPT_SECONDS: i64 = 7 * 24 * 60 * 60;
/// How long nothing has come of a file that no job names when its sender is taken to have gone, in seconds: an hour.
const SILENT_SECONDS: i64 = 60 * 60;

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

impl Crm {
    /// Takes one job that is due and does it; says whether there was one. Any number of workers, in one
    /// process or many, do not disturb each other. Where `stop` asks for it the job is given back at its
    /// next step, and goes on there. Attempts take as long as they take, and nothing prolongs their lease but
    /// their own steps: a host that can wait takes [`Crm::workers`] and gives them a timer.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached; a job's own failure is kept with the job.
    pub async fn work(&self, stop: Arc<dyn Stop>) -> Result<bool> {
        self.workers().work(&stop, &Endless).await
    }

    /// As [`Crm::work`], of one job alone; not before it is due, and not while its queue is paused.
    ///
    /// # Errors
    /// As [`Crm::work`]; `NotFound` for a job that is not there.
    pub async fn work_on(&self, workspace: Id<Workspace>, id: Id<Job>, stop: Arc<dyn Stop>) -> Result<bool> {
        self.workers().work_on(workspace, id, &stop, &Endless).await
    }

    /// Forgets files that were sent a week ago or earlier: their jobs were done or given up. What no job names is
    /// forgotten an hour after its last piece: the request that sent it ended on its way.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn forget_old_uploads(&self) -> Result<()> {
        let (now, uploads) = (self.now(), &self.ports.uploads);
        uploads.forget_uploads(now.plus_seconds(-KEPT_SECONDS)).await?;
        uploads.forget_unnamed_uploads(now.plus_seconds(-SILENT_SECONDS)).await
    }
}

/// A job in the hands of a worker.
pub(crate) struct Worker<'a> {
    crm: &'a Crm,
    taken: &'a Taken,
    workspace: Id<Workspace>,
    job: Job,
    stop: &'a dyn Stop,
    lease_seconds: i64,
    /// Bytes of the files that are read, and of all that the job reads.
    behind: u64,
    total: u64,
}

impl<'a> Worker<'a> {
    pub(crate) fn new(crm: &'a Crm, taken: &'a Taken, stop: &'a dyn Stop, lease_seconds: i64) -> Self {
        let (workspace, job) = (taken.workspace, taken.job());
        Self { crm, taken, workspace, job, stop, lease_seconds, behind: 0, total: 0 }
    }

    /// Does the task, and keeps what came of it with the job.
    pub(crate) async fn run(mut self) -> std::result::Result<(), JobError> {
        // A defect that one job meets must not end the worker, nor be met again by the next one.
        let performed = AssertUnwindSafe(self.perform()).catch_unwind().await;
        let error = match performed {
            Ok(Ok(result)) => {
                self.taken.job.lock().result = Some(result);
                return Ok(());
            }
            Ok(Err(Halt::Lost)) => return Err(JobError::lost()),
            Ok(Err(Halt::Fault(error))) => error,
            Err(panic) => return Err(panicked(panic.as_ref())),
        };
        match self.stop.is_asked() && error.kind() == ErrorKind::Unavailable {
            true => Err(JobError::given_back()),
            false => Err(error.into()),
        }
    }

    /// Does the task as whoever wanted it.
    async fn perform(&mut self) -> std::result::Result<Value, Halt> {
        let session = self.session().await?;
        match self.job.task.clone() {
            Task::Import { import_id, upload_id, companies } => {
                let files = companies.into_iter().chain([ImportFile { import_id, upload_id }]);
                self.read_in(&session, files).await
            }
            Task::Revert { batch_id, reached } => {
                let report = self.job.result.clone().map(serde_json::from_value::<UndoReport>).transpose();
                let report = report.map_err(Error::internal)?.unwrap_or_default();
                let done = undo::undo(batch_id, reached, report, self.job.progress, self).await?;
                Ok(serde_json::to_value(done).map_err(Error::internal)?)
            }
            Task::Change { entity, upload_id, bytes, records, reached } => {
                let report = self.job.result.clone().map(serde_json::from_value::<BulkReport>).transpose();
                let report = report.map_err(Error::internal)?.unwrap_or_else(|| BulkReport::begun(self.job.id.cast()));
                let done = Frozen { entity, upload_id, bytes, records, reached }.go_on(report, self).await?;
                Ok(serde_json::to_value(done).map_err(Error::internal)?)
            }
            Task::Export { entity, list, file } => {
                let list = list.ok_or_else(unreadable)?;
                let (since, total) = (self.job.created_at, self.job.progress.total);
                let done = Writing { entity, list, file, since, total }.go_on(self).await?;
                Ok(serde_json::to_value(done).map_err(Error::internal)?)
            }
            Task::Bulk { .. } => Err(Error::internal("bulk work is done within its request").into()),
            Task::Run { .. } => Err(Error::internal("a handler does this").into()),
            Task::Unknown => Err(unreadable().into()),
        }
    }

    /// Reads files in, one after the other, and gives what became of the last.
    async fn read_in(
        &mut self,
        session: &Session,
        files: impl Iterator<Item = ImportFile> + Send,
    ) -> std::result::Result<Value, Halt> {
        let grant = session.require(Entity::Import, Action::Update)?;
        let mut imports = Vec::new();
        for file in files {
            imports.push((file, session.transfers().read(file.import_id).await?.into_inner()));
        }
        self.total = imports.iter().map(|(_, import)| import.file.bytes).sum();
        let mut last = None;
        for (file, mut import) in imports {
            // One that is not running was read by a worker before this one, or was undone since.
            if import.state == ImportState::Running {
                let mut source = StoredFile::new(session.clone(), grant.clone(), file.upload_id, import.file.bytes);
                import = session.transfers().watched(file.import_id, &mut source, self).await?;
                session.ports().uploads.forget_upload(&grant, file.upload_id).await?;
            }
            self.behind += import.file.bytes;
            last = Some(import);
        }
        Ok(serde_json::to_value(last).map_err(Error::internal)?)
    }

    async fn swap(&mut self) -> Result<bool> {
        let before = self.job.version;
        self.job.version += 1;
        let is_ours = self.crm.ports.jobs.swap_job(self.workspace, before, &self.job).await?;
        if is_ours {
            *self.taken.job.lock() = self.job.clone();
        }
        Ok(is_ours)
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
        let progress = Progress { done: self.behind + import.offset, total: Some(self.total) };
        self.job.progressed(progress, self.crm.now(), self.lease_seconds);
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
        job.progressed(step.progress, changes.now(), self.lease_seconds);
        (job.task, job.result) = (step.task, Some(step.result));
        changes.in_batch(job.id.cast());
        changes.put_unjournalled(&mut job);
        let grant = session.internally(Entity::Job, Action::Update);
        match session.commit(&grant, changes).await {
            Ok(()) => {
                self.job = job.into_inner();
                *self.taken.job.lock() = self.job.clone();
                self.check_stop()
            }
            Err(error) if error.kind() == ErrorKind::Conflict && !self.is_ours(session).await? => Err(Halt::Lost),
            Err(error) => Err(error.into()),
        }
    }
}

/// The fault of a job that this version cannot read.
fn unreadable() -> Error {
    Error::new(ErrorKind::Unsupported, "this version cannot read the job").with_code("unreadable")
}
