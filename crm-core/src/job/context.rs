//! What a handler knows of the job that it does.

use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;

use super::fault::JobError;
use super::model::Job;
use super::new::check_length;
use super::port::Settled;
use super::runner::Stop;
use super::state::Progress;
use crate::access::Actor;
use crate::crm::Crm;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::session::Session;
use crate::store::IdempotencyKey;
use crate::time::Timestamp;
use crate::workspace::Workspace;

/// A job in the hands of a worker. Cheap to clone; all clones are one.
#[derive(Clone, Debug)]
pub struct Taken {
    pub(crate) workspace: Id<Workspace>,
    pub(crate) job: Arc<Mutex<Job>>,
}

impl Taken {
    pub(crate) fn new(workspace: Id<Workspace>, job: Job) -> Self {
        Self { workspace, job: Arc::new(Mutex::new(job)) }
    }

    /// The job as the worker knows it.
    pub fn job(&self) -> Job {
        self.job.lock().clone()
    }

    /// Its id.
    pub fn id(&self) -> Id<Job> {
        self.job.lock().id
    }

    /// Which take of it this is.
    pub fn claim(&self) -> i64 {
        self.job.lock().claim
    }
}

/// What a handler knows of the job that it does, and what it tells of it.
pub struct JobContext {
    pub(crate) crm: Crm,
    pub(crate) taken: Taken,
    pub(crate) stop: Arc<dyn Stop>,
    pub(crate) lease_seconds: i64,
}

impl JobContext {
    /// The job's id.
    pub fn id(&self) -> Id<Job> {
        self.taken.id()
    }

    /// Which attempt this is, from 1.
    pub fn attempt(&self) -> u32 {
        self.taken.job.lock().attempts
    }

    /// The workspace that the job belongs to.
    pub fn workspace_id(&self) -> Id<Workspace> {
        self.taken.workspace
    }

    /// The engine.
    pub fn crm(&self) -> &Crm {
        &self.crm
    }

    /// The present instant by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.crm.now()
    }

    /// A key that is the same at every attempt of this job and of no other job: whoever gets it with a request
    /// can tell a repetition.
    pub fn idempotency_key(&self) -> String {
        self.id().to_string()
    }

    /// A session of whoever wanted the job, with the permissions that they have now; of the product itself
    /// where nobody did.
    ///
    /// # Errors
    /// As [`Crm::acting`].
    pub async fn session(&self) -> Result<Session> {
        let actor = match self.taken.job.lock().created_by {
            Some(user) => Actor::user(self.taken.workspace, user),
            None => Actor::system(self.taken.workspace, "job"),
        };
        self.crm.acting(actor).await
    }

    /// As [`JobContext::session`], whose next creation, or enqueuing of jobs, happens once in all attempts of
    /// this job. Each step of a job needs a name of its own. Keys are kept 24 h: a job that is taken up later
    /// does the step anew.
    ///
    /// # Errors
    /// As [`Crm::acting`].
    pub async fn once(&self, step: &str) -> Result<Session> {
        let key = IdempotencyKey::new(&format!("job {step}"), &self.idempotency_key(), b"");
        Ok(self.session().await?.once(key))
    }

    /// Whether the process is about to end. Whoever takes long looks now and then, and gives the job back with
    /// [`JobContext::check`].
    pub fn is_stopping(&self) -> bool {
        self.stop.is_asked()
    }

    /// Goes on unless the process is about to end: then the job is given back, to be begun anew elsewhere.
    ///
    /// # Errors
    /// What gives the job back.
    pub fn check(&self) -> Result<(), JobError> {
        match self.is_stopping() {
            true => Err(JobError::given_back()),
            false => Ok(()),
        }
    }

    /// Tells how far it got, prolongs the worker's lease, and finds out whether the job was cancelled.
    ///
    /// # Errors
    /// What ends a job that was cancelled, that another worker took over, or whose process ends; one that is
    /// tried again where the store cannot be reached.
    pub async fn progress(&self, done: u64, total: Option<u64>) -> Result<(), JobError> {
        self.write(Some(Progress { done, total })).await
    }

    /// As [`JobContext::progress`], without having got further.
    ///
    /// # Errors
    /// As [`JobContext::progress`].
    pub async fn heartbeat(&self) -> Result<(), JobError> {
        self.write(None).await
    }

    /// Keeps what came of the job, to be read with it: at most 256 KiB of JSON, as of a payload.
    ///
    /// # Errors
    /// `Internal` for what cannot be written as JSON; `Invalid` for what is longer.
    pub fn set_result(&self, result: &impl Serialize) -> Result<()> {
        let result = serde_json::to_value(result).map_err(Error::internal)?;
        check_length("result", &result)?;
        self.taken.job.lock().result = Some(result);
        Ok(())
    }

    async fn write(&self, progress: Option<Progress>) -> Result<(), JobError> {
        self.check()?;
        // What is known here comes first: whoever ends the attempt while the store writes knows it too.
        let job = {
            let mut job = self.taken.job.lock();
            let progress = progress.unwrap_or(job.progress);
            job.held(progress, self.crm.now(), self.lease_seconds);
            job.clone()
        };
        let said = Settled { workspace: self.taken.workspace, claim: job.claim, before: None, job };
        match self.crm.ports.work.settle_jobs(&[said]).await?.first() {
            Some(true) => Ok(()),
            _ => Err(JobError::lost()),
        }
    }
}
