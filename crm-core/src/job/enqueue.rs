//! Enqueuing jobs.

use super::model::Job;
use super::new::{Enqueued, NewJob};
use super::service::Jobs;
use crate::access::{Action, Entity, Grant};
use crate::error::{ErrorKind, Result};
use crate::id::Id;
use crate::session::Session;
use crate::store::Changes;

/// How often a job is enqueued whose unique key is taken by others who end before they can be named.
const TRIES: usize = 5;

impl Changes {
    /// Enqueues a job with the changes: it is there exactly when they are.
    pub fn enqueue(&mut self, job: NewJob) {
        self.jobs.push(job);
    }
}

impl Jobs {
    /// Enqueues a job. The program decides what it does, so no permission is asked for; the job itself acts
    /// with those of whoever this session is.
    ///
    /// # Errors
    /// `Invalid` for a job that cannot be; `Conflict` where others take and free its unique key all the time;
    /// `Unavailable` when the store cannot be reached.
    pub async fn enqueue(&self, job: NewJob) -> Result<Enqueued> {
        let mut enqueued = self.enqueue_all([job]).await?;
        enqueued.pop().ok_or_else(|| crate::Error::internal("a job was enqueued and is not told of"))
    }

    /// Enqueues jobs in one commit: all or none but those whose unique key is held. In a session that does
    /// something once they are enqueued once: what is sent again is told which jobs it was, by kind and place.
    ///
    /// # Errors
    /// As [`Jobs::enqueue`].
    pub async fn enqueue_all(&self, jobs: impl IntoIterator<Item = NewJob>) -> Result<Vec<Enqueued>> {
        let session = self.session();
        let mut changes = session.changes();
        let mut written = Vec::new();
        for (place, job) in jobs.into_iter().enumerate() {
            let job = match session.key() {
                Some(key) => job.once(key, place),
                None => job,
            };
            let job = job.into_job(session.actor().user_id(), changes.now())?;
            written.push((job.id, job.unique_key().is_some().then(|| job.clone())));
            changes.put_new_job(job);
        }
        let grant = session.internally(Entity::Job, Action::Create);
        session.commit(&grant, changes).await?;
        let mut enqueued = Vec::with_capacity(written.len());
        for (id, unique) in written {
            enqueued.push(match unique {
                Some(job) => self.told(&grant, job).await?,
                None => Enqueued { id, is_new: true },
            });
        }
        Ok(enqueued)
    }

    /// What became of the wish for a job with a unique key, after the commit.
    pub(crate) async fn told(&self, grant: &Grant, job: Job) -> Result<Enqueued> {
        let Some((key, _)) = job.unique_key() else { return Ok(Enqueued { id: job.id, is_new: true }) };
        for _ in 0..TRIES {
            let holder = self.session().ports().jobs.unique_job(grant, key, job.created_at).await?;
            match holder {
                Some(holder) if holder == job.id => return Ok(Enqueued { id: holder, is_new: true }),
                // It was done so soon that its key is free, or another's.
                _ if self.is_there(job.id).await? => return Ok(Enqueued { id: job.id, is_new: true }),
                Some(holder) => return Ok(Enqueued { id: holder, is_new: false }),
                None => {}
            }
            // Whoever held the key at the commit has ended since, so that it is free.
            let mut changes = self.session().changes();
            changes.put_new_job(job.clone());
            self.session().commit(grant, changes).await?;
        }
        Err(crate::Error::conflict("the unique key is taken and freed all the time").with_code("job_unique"))
    }

    /// Whether there is a job, whoever may see it.
    async fn is_there(&self, id: Id<Job>) -> Result<bool> {
        let product = self.session().as_product("job").await?;
        match self.session().ports().jobs.job(&product.require(Entity::Job, Action::Read)?, id).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl Session {
    /// The same session, whose next change enqueues this job too: both are written, or neither. A change that
    /// finds nothing to write enqueues nothing.
    #[must_use]
    pub fn enqueueing(self, job: NewJob) -> Self {
        self.along([job])
    }
}
