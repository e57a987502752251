//! The ports of jobs and of the files that they need.

use std::collections::BTreeMap;

use async_trait::async_trait;

use uuid::Uuid;

use super::rows::{self, Rows};
use super::{MemoryStore, State};
use crate::access::{Entity, Grant};
use crate::error::Result;
use crate::id::Id;
use crate::job::{
    COUNTED_SECONDS, Job, JobQuery, JobState, JobStore, Latency, MEASURED, Piece, Queue, QueueCounts, QueueState,
    Upload, UploadStore,
};
use crate::store::Stored;
use crate::time::Timestamp;
use crate::workspace::Workspace;

/// The pieces of a file, and when the last one came.
#[derive(Debug, Default)]
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
                grant.reaches_owner(job.created_by)
                    && query.queue.as_ref().is_none_or(|queue| job.queue == *queue)
                    && query.state.is_none_or(|state| job.state == state)
                    && query.kind.as_ref().is_none_or(|kind| job.task.name() == kind)
                    && query.before.is_none_or(|before| job.id < before)
            };
            let latest = rows.jobs.values().rev().map(AsRef::as_ref);
            let brief = |job: &Job| Job { result: None, ..job.clone() };
            Ok(latest.filter(wanted).take(query.limit.into()).map(brief).collect())
        })
        .await
    }

    async fn unique_job(&self, grant: &Grant, key: [u8; 32], now: Timestamp) -> Result<Option<Id<Job>>> {
        self.rows(grant, |rows| {
            let holder = rows.job_keys.get(&key).filter(|(_, until)| until.is_none_or(|until| now < until));
            Ok(holder.map(|(id, _)| *id))
        })
        .await
    }

    async fn swap_job(&self, workspace: Id<Workspace>, before: i64, after: &Job) -> Result<bool> {
        self.write(|state| Ok(state.swap_job(workspace, before, after))).await
    }

    async fn queues(&self, grant: &Grant, now: Timestamp) -> Result<Vec<QueueState>> {
        self.rows(grant, |rows| Ok(queue_states(rows, now))).await
    }

    async fn paused_since(&self, grant: &Grant, queue: &Queue) -> Result<Option<Timestamp>> {
        self.rows(grant, |rows| Ok(rows.paused.get(queue).copied())).await
    }
}

/// When a job ended, how long it waited and how long it ran, in microseconds.
type Measured = (Timestamp, i64, i64);

/// How each queue stands that holds jobs or is paused.
fn queue_states(rows: &Rows, now: Timestamp) -> Vec<QueueState> {
    let mut states: BTreeMap<Queue, (QueueState, Vec<Measured>)> = BTreeMap::new();
    for queue in rows.jobs.values().map(|job| &job.queue).chain(rows.paused.keys()) {
        let state = QueueState { paused_at: rows.paused.get(queue).copied(), ..QueueState::empty(queue.clone()) };
        states.entry(queue.clone()).or_insert((state, Vec::new()));
    }
    let since = now.plus_seconds(-COUNTED_SECONDS);
    for job in rows.jobs.values() {
        let Some((state, measured)) = states.get_mut(&job.queue) else { continue };
        let counts = &mut state.counts;
        let is_recent = job.finished_at.is_some_and(|at| at > since);
        match job.state {
            JobState::Queued if job.due_at.is_some_and(|at| at > now) => counts.scheduled += 1,
            JobState::Queued => {
                counts.queued += 1;
                state.waiting_since = [state.waiting_since, job.due_at].into_iter().flatten().min();
            }
            JobState::Running => counts.running += 1,
            JobState::Failed => counts.failed += 1,
            JobState::Done if is_recent => counts.done += 1,
            JobState::Cancelled if is_recent => counts.cancelled += 1,
            JobState::Done | JobState::Cancelled => {}
        }
        if let (JobState::Done, Some(due), Some(started), Some(ended)) =
            (job.state, job.run_at, job.started_at, job.finished_at)
            && is_recent
        {
            measured.push((ended, started.micros() - due.micros(), ended.micros() - started.micros()));
        }
    }
    let measured = |(state, mut all): (QueueState, Vec<Measured>)| {
        all.sort_unstable_by(|one, other| other.cmp(one));
        let last: Vec<(i64, i64)> = all.into_iter().take(MEASURED).map(|(_, wait, run)| (wait, run)).collect();
        QueueState { latency: Latency::of(&last), ..state }
    };
    let holds = |state: &QueueState| state.paused_at.is_some() || state.counts != QueueCounts::default();
    states.into_values().map(measured).filter(holds).collect()
}

impl State {
    /// Keeps pieces of files.
    pub(super) fn keep_pieces(&mut self, workspace: Uuid, pieces: &[Piece], at: Timestamp) {
        for Piece { upload_id, index, bytes } in pieces {
            let kept = self.uploads.entry((workspace, upload_id.uuid())).or_default();
            kept.by_index.insert(*index, bytes.clone());
            kept.last_at = Some(at);
        }
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
            state.keep_pieces(grant.workspace_id().uuid(), &[Piece { upload_id: id, index, bytes }], now);
            Ok(())
        })
        .await
    }

    async fn keep_upload(&self, grant: &Grant, id: Id<Upload>, now: Timestamp) -> Result<()> {
        self.write(|state| {
            if let Some(pieces) = state.uploads.get_mut(&(grant.workspace_id().uuid(), id.uuid())) {
                pieces.last_at = Some(now);
            }
            Ok(())
        })
        .await
    }

    async fn count_pieces(&self, grant: &Grant) -> Result<u64> {
        self.read(|state| {
            let own = state.uploads.iter().filter(|((workspace, _), _)| *workspace == grant.workspace_id().uuid());
            Ok(own.map(|(_, pieces)| pieces.by_index.len() as u64).sum())
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

    async fn forget_unnamed_uploads(&self, until: Timestamp) -> Result<()> {
        self.write(|state| {
            let spaces = &state.spaces;
            let is_named = |workspace: &Uuid, file: Uuid| {
                let mut jobs = spaces.get(workspace).into_iter().flat_map(|space| space.rows.jobs.values());
                jobs.any(|job| job.task.names(file.into()))
            };
            state.uploads.retain(|(workspace, file), pieces| {
                pieces.last_at.is_some_and(|at| at > until) || is_named(workspace, *file)
            });
            Ok(())
        })
        .await
    }
}
