//! The ports of jobs and of the files that they need.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;

use super::MemoryStore;
use super::rows::{self, Rows};
use crate::access::{Entity, Grant};
use crate::error::Result;
use crate::id::Id;
use crate::job::{Job, JobPlace, JobQuery, JobStore, Upload, UploadStore};
use crate::store::Stored;
use crate::time::Timestamp;
use crate::workspace::Workspace;

/// The pieces of a file, and when the last one came.
#[derive(Default)]
pub(super) struct Pieces {
    by_index: BTreeMap<u32, Vec<u8>>,
    last_at: Option<Timestamp>,
}

/// A job within the caller's reach.
fn reached<'a>(rows: &'a Rows, grant: &Grant, id: Id<Job>) -> Option<&'a Job> {
    rows.get::<Job>(id.uuid()).filter(|job| grant.sees_owner(Entity::Job, job.created_by))
}

#[async_trait]
impl JobStore for MemoryStore {
    async fn job(&self, grant: &Grant, id: Id<Job>) -> Result<Stored<Job>> {
        self.rows(grant, |rows| rows::found(reached(rows, grant, id), id.uuid())).await
    }

    async fn jobs(&self, grant: &Grant, query: &JobQuery) -> Result<Vec<Job>> {
        self.rows(grant, |rows| {
            let wanted = |job: &&Job| {
                grant.sees_owner(Entity::Job, job.created_by)
                    && query.queue.is_none_or(|queue| job.queue == queue)
                    && query.state.is_none_or(|state| job.state == state)
                    && query.before.is_none_or(|before| job.id < before)
            };
            let latest = rows.jobs.values().rev().map(AsRef::as_ref);
            let brief = |job: &Job| Job { result: None, ..job.clone() };
            Ok(latest.filter(wanted).take(query.limit.into()).map(brief).collect())
        })
        .await
    }

    async fn due_jobs(&self, now: Timestamp, limit: u16) -> Result<Vec<JobPlace>> {
        self.read(|state| {
            let all =
                state.spaces.iter().flat_map(|(id, space)| space.rows.jobs.values().map(|job| (Id::from(*id), job)));
            let mut due: Vec<JobPlace> = all
                .filter(|(_, job)| job.due_at.is_some_and(|at| at <= now))
                .map(|(workspace, job)| (workspace, Job::clone(job)))
                .collect();
            due.sort_by_key(|(_, job)| (job.due_at, job.id));
            due.truncate(limit.into());
            Ok(due)
        })
        .await
    }

    async fn swap_job(&self, workspace: Id<Workspace>, before: i64, after: &Job) -> Result<bool> {
        self.write(|state| {
            let rows = state.spaces.get_mut(&workspace.uuid()).map(|space| &mut space.rows);
            let row = rows.and_then(|rows| rows.jobs.get_mut(&after.id.uuid()));
            Ok(row.filter(|row| row.version == before).map(|row| *row = Arc::new(after.clone())).is_some())
        })
        .await
    }
}

#[async_trait]
impl UploadStore for MemoryStore {
    async fn keep_piece(
        &self,
        grant: &Grant,
        id: Id<Upload>,
        index: u32,
        bytes: Vec<u8>,
        now: Timestamp,
    ) -> Result<()> {
        self.write(|state| {
            let pieces = state.uploads.entry((grant.workspace_id().uuid(), id.uuid())).or_default();
            pieces.by_index.insert(index, bytes);
            pieces.last_at = Some(now);
            Ok(())
        })
        .await
    }

    async fn piece(&self, grant: &Grant, id: Id<Upload>, index: u32) -> Result<Option<Vec<u8>>> {
        self.read(|state| {
            let pieces = state.uploads.get(&(grant.workspace_id().uuid(), id.uuid()));
            Ok(pieces.and_then(|pieces| pieces.by_index.get(&index)).cloned())
        })
        .await
    }

    async fn forget_upload(&self, grant: &Grant, id: Id<Upload>) -> Result<()> {
        self.write(|state| {
            state.uploads.remove(&(grant.workspace_id().uuid(), id.uuid()));
            Ok(())
        })
        .await
    }

    async fn forget_uploads(&self, until: Timestamp) -> Result<()> {
        self.write(|state| {
            state.uploads.retain(|_, pieces| pieces.last_at.is_some_and(|at| at > until));
            Ok(())
        })
        .await
    }
}
