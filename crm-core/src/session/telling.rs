//! What a request was told that makes no record of its own: a job keeps it for whoever sends the request again.

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::Session;
use crate::access::{Action, Entity, Grant};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::{Job, Queue, Task};
use crate::store::{Changes, Stored};

impl Session {
    /// What an earlier request under the caller's key was told, which a job keeps.
    pub(crate) async fn told_before<T: DeserializeOwned>(&self, grant: &Grant) -> Result<Option<T>> {
        let Some(replay) = self.earlier(grant).await?.filter(|replay| replay.result.entity == Entity::Job) else {
            return Ok(None);
        };
        // Whoever sent the key was told it.
        let own = self.internally(Entity::Job, Action::Read);
        let job = self.ports().jobs.job(&own, replay.result.id.into()).await?.into_inner();
        job.result.map(serde_json::from_value).transpose().map_err(Error::internal)
    }

    /// Commits changes, once under the caller's key if there is one, and gives what is told of them; a job that is
    /// done, of this name and in this queue, keeps it for whoever sends the key again.
    pub(crate) async fn commit_telling<T: Serialize + DeserializeOwned>(
        &self,
        grant: &Grant,
        mut changes: Changes,
        name: &'static str,
        queue: Queue,
        told: T,
    ) -> Result<T> {
        let Some(key) = &self.idempotency else { return self.commit(grant, changes).await.map(|()| told) };
        let (now, result) = (changes.now(), serde_json::to_value(&told).map_err(Error::internal)?);
        let task = Task::Run { handler: name.to_owned(), payload: Value::Null, is_concealed: false };
        let job = Job::done(Id::new_at(now), task, result, self.actor().user_id(), now);
        let mut job = Stored::new(Job { queue, ..job });
        changes.put_unjournalled(&mut job);
        changes.idempotent(key.clone(), &job);
        match self.commit(grant, changes).await {
            Ok(()) => Ok(told),
            Err(error) if error.code() == "idempotency_replay" => {
                let first = self.told_before(grant).await?;
                first.ok_or_else(|| Error::unavailable("the first request is still under way"))
            }
            Err(error) => Err(error),
        }
    }
}
