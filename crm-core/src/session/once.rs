//! What is done once under the caller's key, however often it is sent.

use super::{Session, image_at};
use crate::access::{Action, Entity, Grant, View};
use crate::crm::Crm;
use crate::error::{Error, Result};
use crate::job::{Job, Stop};
use crate::store::{Changes, IdempotencyKey, KEPT_SECONDS, Record, Replay, Stored};
use crate::time::Timestamp;

/// Keys that are forgotten in one transaction: few, because a stop waits for it.
const PRUNED_AT_ONCE: u16 = 200;

impl Crm {
    /// Forgets callers' keys of all workspaces that were used 24 h ago or earlier, some at a time, until it is asked
    /// to stop. Gives their number. Such keys hold nothing any more, and are used anew where they are still there: a
    /// program that never calls this keeps the room that they take. What fails in one workspace keeps no other from
    /// it; the first fault is told.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn forget_old_keys(&self, stop: &dyn Stop) -> Result<usize> {
        let until = self.now().plus_seconds(-KEPT_SECONDS);
        let most = usize::from(PRUNED_AT_ONCE);
        let (mut all, mut faults) = (0, Vec::new());
        for workspace in self.ports.commit.with_old_keys(until).await? {
            let mut pruned = most;
            while pruned >= most && !stop.is_asked() {
                let some = self.ports.commit.prune_keys(workspace, until, PRUNED_AT_ONCE).await;
                pruned = some.map_err(|error| faults.push(error)).unwrap_or_default();
                all += pruned;
            }
        }
        faults.into_iter().next().map_or(Ok(all), Err)
    }
}

impl Session {
    /// The job that an earlier request under the caller's key enqueued or recorded.
    pub(crate) async fn enqueued(&self, grant: &Grant) -> Result<Option<View<Job>>> {
        let Some(replay) = self.earlier(grant).await?.filter(|replay| replay.result.entity == Entity::Job) else {
            return Ok(None);
        };
        // Whoever sent the key enqueued the job.
        let own = self.internally(Entity::Job, Action::Read);
        let job = self.ports().jobs.job(&own, replay.result.id.into()).await?;
        Ok(Some(grant.view(job.into_inner().seen_by(grant))))
    }

    /// Commits changes with a new job, once under the caller's key if there is one.
    pub(crate) async fn enqueue(&self, grant: &Grant, changes: Changes, job: Job) -> Result<View<Job>> {
        self.commit_job(grant, changes, Stored::new(job)).await
    }

    /// Commits changes with a job, once under the caller's key if there is one.
    pub(crate) async fn commit_job(
        &self,
        grant: &Grant,
        mut changes: Changes,
        mut job: Stored<Job>,
    ) -> Result<View<Job>> {
        changes.put_unjournalled(&mut job);
        if let Some(key) = &self.idempotency {
            changes.idempotent(key.clone(), &job);
        }
        match self.commit(grant, changes).await {
            Ok(()) => Ok(grant.view(job.into_inner().seen_by(grant))),
            Err(error) if error.code() == "idempotency_replay" => {
                self.enqueued(grant).await?.ok_or_else(|| Error::unavailable("the first request is still under way"))
            }
            Err(error) => Err(error),
        }
    }

    /// The caller's key, where what is done is to be done once.
    pub(crate) fn key(&self) -> Option<&IdempotencyKey> {
        self.idempotency.as_ref()
    }

    /// Whether what is done is to be done once, under the caller's key.
    pub(crate) fn is_keyed(&self) -> bool {
        self.idempotency.is_some()
    }

    /// Commits a creation, once under the caller's key if there is one.
    pub(crate) async fn commit_once<T: Record>(
        &self,
        grant: &Grant,
        mut changes: Changes,
        created: Stored<T>,
    ) -> Result<View<T>> {
        let Some(key) = &self.idempotency else {
            self.commit(grant, changes).await?;
            return Ok(grant.view(created.into_inner()));
        };
        changes.idempotent(key.clone(), &created);
        match self.commit(grant, changes).await {
            Ok(()) => Ok(grant.view(created.into_inner())),
            // The other of two at once was faster: answer as it did.
            Err(error) if error.code() == "idempotency_replay" => {
                self.replayed(grant).await?.ok_or_else(|| Error::unavailable("the first request is still under way"))
            }
            Err(error) => Err(error),
        }
    }

    /// The use of the caller's key by an earlier request.
    pub(super) async fn earlier(&self, grant: &Grant) -> Result<Option<Replay>> {
        let Some(key) = &self.idempotency else { return Ok(None) };
        let replay = self.ports().commit.replay(grant, key, self.now()).await?;
        if replay.is_some_and(|replay| replay.body != key.body) {
            let message = "was used before with another body";
            return Err(Error::invalid("Idempotency-Key", "idempotency_key_reused", message));
        }
        Ok(replay)
    }

    /// What an earlier request under the caller's key made, as it was then, under today's mask.
    pub(crate) async fn replayed<T: Record>(&self, grant: &Grant) -> Result<Option<View<T>>> {
        Ok(self.replayed_at(grant).await?.map(|(record, _)| record))
    }

    /// As [`Session::replayed`], with the instant of that request.
    pub(crate) async fn replayed_at<T: Record>(&self, grant: &Grant) -> Result<Option<(View<T>, Timestamp)>> {
        let Some(Replay { result, at, .. }) = self.earlier(grant).await? else { return Ok(None) };
        let entries = self.ports().journal.history(grant, result.entity, result.id, result.version).await?;
        let record = image_at(&entries)
            .filter(|_| result.entity == T::ENTITY)
            .ok_or_else(|| Error::not_found(result.entity.name(), result.id))?;
        Ok(Some((grant.view(record), at)))
    }
}
