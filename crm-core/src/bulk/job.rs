//! Bulk work that one commit cannot hold: a job does it, some records a commit.
//!
//! Which records, and what becomes of them, is frozen in a file of the store when the work is asked
//! for: 16 bytes an id, then the change as JSON. The place that was reached and the report are written
//! with each commit, so that whoever goes on after a stop neither skips a record nor counts one twice.

use std::sync::Arc;

use uuid::Uuid;

use super::model::{BulkChange, BulkReport};
use crate::access::{Action, Entity, Grant, View};
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::{Halt, Job, Progress, Spool, Step, StoredFile, Task, Upload, Watch};
use crate::session::{Decisions, Kept, Records, Session};
use crate::transfer::Source as _;

/// Records of one commit.
const CHUNK: u64 = 1_000;
/// Bytes of an id.
const ID_BYTES: u64 = 16;

impl<E> BulkChange<E> {
    /// What whoever asks for it must be allowed.
    pub(super) fn action(&self) -> Action {
        match self {
            BulkChange::Delete => Action::Delete,
            BulkChange::Edit(_) | BulkChange::Assign(_) | BulkChange::Tag { .. } => Action::Update,
        }
    }
}

impl<T: Kept> Records<'_, T> {
    /// Freezes records and what becomes of them, and queues the job, once under the caller's key. A
    /// file that no job needs is forgotten.
    pub(super) async fn enqueue(
        &self,
        grant: &Grant,
        ids: &[Id<T>],
        change: &BulkChange<T::Edit>,
    ) -> Result<View<Job>> {
        let upload = self.freeze(grant, ids, change).await?;
        let records = ids.len() as u64;
        let frozen = Frozen { entity: T::ENTITY, upload_id: upload.id, bytes: upload.bytes, records, reached: 0 };
        let changes = self.session.changes();
        let now = changes.now();
        let mut job = Job::new(Id::new_at(now), frozen.task(), self.session.actor().user_id(), now);
        job.progress = frozen.progress();
        let queued = self.session.enqueue(grant, changes, job).await;
        let is_needless = match &queued {
            // The first request under the key has a file of its own.
            Ok(job) => !job.task.names(upload.id),
            Err(error) => error.is_refusal(),
        };
        if is_needless {
            self.session.ports().uploads.forget_upload(grant, upload.id).await?;
        }
        queued
    }

    async fn freeze(&self, grant: &Grant, ids: &[Id<T>], change: &BulkChange<T::Edit>) -> Result<Upload> {
        let change = serde_json::to_vec(change).map_err(Error::internal)?;
        let mut file = Spool::new(self.session.clone(), grant.clone());
        let written = async {
            for id in ids {
                file.write(id.uuid().as_bytes()).await?;
            }
            file.write(&change).await
        };
        if let Err(error) = written.await {
            file.discard().await?;
            return Err(error);
        }
        file.finish().await
    }
}

/// Work that was frozen, and how far it got.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frozen {
    pub(crate) entity: Entity,
    pub(crate) upload_id: Id<Upload>,
    pub(crate) bytes: u64,
    pub(crate) records: u64,
    pub(crate) reached: u64,
}

impl Frozen {
    fn task(self) -> Task {
        let Self { entity, upload_id, bytes, records, reached } = self;
        Task::Change { entity, upload_id, bytes, records, reached }
    }

    fn progress(self) -> Progress {
        Progress { done: self.reached, total: Some(self.records) }
    }

    /// Goes on from the place that was reached; what is done already has `report`.
    pub(crate) async fn go_on(
        self,
        report: BulkReport,
        watch: &mut dyn Watch,
    ) -> std::result::Result<BulkReport, Halt> {
        let done = match self.entity {
            Entity::Contact => go_on::<Contact>(self, report, watch).await,
            Entity::Company => go_on::<Company>(self, report, watch).await,
            Entity::Deal => go_on::<Deal>(self, report, watch).await,
            Entity::Task => go_on::<crate::task::Task>(self, report, watch).await,
            other => Err(Error::internal(format!("no bulk work changes a {other}")).into()),
        }?;
        let session = watch.session().await?;
        session.ports().uploads.forget_upload(&self.reading(&session), self.upload_id).await?;
        Ok(done)
    }

    /// What a file of the store is read with.
    fn reading(self, session: &Session) -> Grant {
        session.internally(self.entity, Action::Read)
    }

    async fn read(self, session: &Session, offset: u64, length: u64) -> Result<Vec<u8>> {
        let mut file = StoredFile::new(session.clone(), self.reading(session), self.upload_id, self.bytes);
        let mut bytes = Vec::new();
        let length = usize::try_from(length).map_err(Error::internal)?;
        while bytes.len() < length {
            let more = file.read_at(offset + bytes.len() as u64, length - bytes.len()).await?;
            if more.is_empty() {
                return Err(Error::internal("a file of bulk work ends early"));
            }
            bytes.extend(more);
        }
        Ok(bytes)
    }

    async fn change<T: Kept>(self, session: &Session) -> Result<Arc<BulkChange<T::Edit>>> {
        let from = self.records * ID_BYTES;
        let change = self.read(session, from, self.bytes.saturating_sub(from)).await?;
        serde_json::from_slice(&change).map(Arc::new).map_err(Error::internal)
    }

    /// The next records; none after the last.
    async fn next<T>(self, session: &Session) -> Result<Vec<Id<T>>> {
        let count = CHUNK.min(self.records.saturating_sub(self.reached));
        let bytes = self.read(session, self.reached * ID_BYTES, count * ID_BYTES).await?;
        Ok(bytes.as_chunks().0.iter().map(|id| Id::from(Uuid::from_bytes(*id))).collect())
    }
}

async fn go_on<T: Kept>(
    mut frozen: Frozen,
    mut report: BulkReport,
    watch: &mut dyn Watch,
) -> std::result::Result<BulkReport, Halt> {
    if frozen.reached >= frozen.records {
        // A worker before this one died between the last step and the end of the job.
        return Ok(report);
    }
    let change = frozen.change::<T>(&watch.session().await?).await?;
    loop {
        let session = watch.session().await?;
        let ids: Vec<Id<T>> = frozen.next(&session).await?;
        if ids.is_empty() {
            return Ok(report);
        }
        let after = Frozen { reached: frozen.reached + ids.len() as u64, ..frozen };
        let mut decisions = Decisions::new();
        loop {
            let mut next = report.clone();
            let written = match Records::<T>::of(&session).decided(&ids, &change).await {
                Ok((changes, outcomes)) => {
                    next.add(outcomes);
                    let result = serde_json::to_value(&next).map_err(Error::internal)?;
                    let step = Step { task: after.task(), result, progress: after.progress() };
                    watch.write(&session, changes, step).await
                }
                Err(error) => Err(error.into()),
            };
            match decisions.settle_step(written) {
                Some(Ok(())) => {
                    report = next;
                    break;
                }
                Some(Err(halt)) => return Err(halt),
                None => {}
            }
        }
        frozen = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;
    use crate::contact::ContactEdit;
    use crate::error::ErrorKind;
    use crate::store::IdempotencyKey;
    use crate::testkit::{MemoryStore, World, samples};

    #[tokio::test]
    async fn a_file_that_no_job_needs_is_forgotten() {
        let world = World::new(Arc::new(MemoryStore::default())).await;
        let admin = world.session(Role::Admin).await;
        let grant = admin.require(Entity::Contact, Action::Update).unwrap();
        let ids = [admin.contacts().create(samples::contact("A")).await.unwrap().id];
        let enqueue = async |body: &[u8]| {
            let keyed = admin.clone().once(IdempotencyKey::new("PUT /contacts/bulk", "one", body));
            let delete: BulkChange<ContactEdit> = BulkChange::Delete;
            Records::<Contact>::of(&keyed).enqueue(&grant, &ids, &delete).await
        };
        let kept = async || world.crm.ports.uploads.count_pieces(&grant).await.unwrap();
        let first = enqueue(b"a").await.unwrap();
        assert_eq!(kept().await, 1);
        // Another request under the key was faster, with the same body and with another one.
        assert_eq!(enqueue(b"a").await.unwrap().id, first.id);
        assert_eq!(kept().await, 1);
        assert_eq!(enqueue(b"b").await.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(kept().await, 1);
    }
}
