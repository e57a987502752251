//! The port of workers.

use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::rows::Rows;
use super::{MemoryStore, State};
use crate::error::Result;
use crate::id::Id;
use crate::job::{Held, Job, JobPlace, JobState, Listener, Queue, Settled, Wanted, WorkStore};
use crate::time::Timestamp;
use crate::workspace::Workspace;

impl State {
    /// Writes a job over a version of it.
    pub(super) fn swap_job(&mut self, workspace: Id<Workspace>, before: i64, after: &Job) -> bool {
        let Some(space) = self.spaces.get_mut(&workspace.uuid()) else { return false };
        let row = space.rows.jobs.get_mut(&after.id.uuid()).filter(|row| row.version == before);
        let is_there = row.map(|row| *row = Arc::new(after.clone())).is_some();
        if is_there {
            space.rows.free_job_key(after);
            space.rows.turn_mail(after);
        }
        is_there
    }
}

impl State {
    /// Writes what a worker says of a job that it holds, as the version after the one that is there.
    fn settle_job(&mut self, settled: &Settled) -> bool {
        let space = self.spaces.get(&settled.workspace.uuid());
        let row = space.and_then(|space| space.rows.jobs.get(&settled.job.id.uuid()));
        let is_held = |row: &&Arc<Job>| {
            row.claim == settled.claim
                && row.state == JobState::Running
                && settled.before.is_none_or(|before| row.version == before)
        };
        let Some(version) = row.filter(is_held).map(|row| row.version) else { return false };
        self.swap_job(settled.workspace, version, &Job { version: version + 1, ..settled.job.clone() })
    }
}

impl Rows {
    /// Keeps the unique key of a new job; says whether nobody holds it.
    pub(super) fn keep_job_key(&mut self, job: &Job) -> bool {
        let Some((key, until)) = job.unique_key() else { return true };
        let now = job.created_at;
        if self.job_keys.get(&key).is_some_and(|(_, until)| until.is_none_or(|until| now < until)) {
            return false;
        }
        self.job_keys.insert(key, (job.id, until));
        true
    }

    /// Gives the unique key of a job free that has ended.
    pub(super) fn free_job_key(&mut self, job: &Job) {
        if job.finished_at.is_some() {
            self.job_keys.retain(|_, (holder, until)| *holder != job.id || until.is_some());
        }
    }
}

#[async_trait]
impl WorkStore for MemoryStore {
    async fn take_jobs(&self, wanted: &Wanted) -> Result<Vec<JobPlace>> {
        self.write(|state| {
            let mut due: Vec<JobPlace> = Vec::new();
            for (workspace, space) in &state.spaces {
                let waits = |job: &&Arc<Job>| {
                    job.due_at.is_some_and(|at| at <= wanted.now)
                        && !space.rows.paused.contains_key(&job.queue)
                        && wanted.only.is_none_or(|(of, id)| of.uuid() == *workspace && id == job.id)
                };
                let jobs = space.rows.jobs.values().filter(waits);
                due.extend(jobs.map(|job| (Id::from(*workspace), Job::clone(job))));
            }
            due.sort_by_key(|(_, job)| (job.state != JobState::Running, job.priority, job.due_at, job.id));
            let mut taken: Vec<JobPlace> = Vec::new();
            for (queue, most) in &wanted.queues {
                let own = due.iter().filter(|(_, job)| job.queue == *queue);
                taken.extend(own.take((*most).into()).cloned());
            }
            taken.truncate(wanted.limit.into());
            for (workspace, job) in &mut taken {
                let before = job.version;
                job.take(wanted.now, wanted.lease_seconds);
                state.swap_job(*workspace, before, job);
            }
            Ok(taken)
        })
        .await
    }

    async fn settle_jobs(&self, settled: &[Settled]) -> Result<Vec<bool>> {
        self.write(|state| Ok(settled.iter().map(|one| state.settle_job(one)).collect())).await
    }

    async fn hold_jobs(&self, held: &[Held], until: Timestamp) -> Result<Vec<bool>> {
        self.write(|state| {
            let mut hold = |held: &Held| {
                let space = state.spaces.get_mut(&held.workspace.uuid());
                let row = space.and_then(|space| space.rows.jobs.get_mut(&held.id.uuid()));
                let row = row.filter(|row| row.claim == held.claim && row.state == JobState::Running);
                row.map(|row| Arc::make_mut(row).due_at = Some(until)).is_some()
            };
            Ok(held.iter().map(&mut hold).collect())
        })
        .await
    }

    async fn next_due(&self, queues: &[Queue]) -> Result<Option<Timestamp>> {
        self.read(|state| {
            let jobs = state.spaces.values().flat_map(|space| space.rows.jobs.values());
            Ok(jobs.filter(|job| queues.contains(&job.queue)).filter_map(|job| job.due_at).min())
        })
        .await
    }

    async fn prune_jobs(
        &self,
        workspace: Id<Workspace>,
        done: Timestamp,
        others: Timestamp,
        limit: u16,
    ) -> Result<usize> {
        self.write(|state| {
            let Some(space) = state.spaces.get_mut(&workspace.uuid()) else { return Ok(0) };
            let is_old = |job: &Arc<Job>| {
                let until = if job.state == JobState::Done { done } else { others };
                job.finished_at.is_some_and(|at| at <= until)
            };
            let (done, ended): (Vec<_>, Vec<_>) =
                space.rows.jobs.values().filter(|job| is_old(job)).partition(|job| job.state == JobState::Done);
            let few =
                |jobs: &[&Arc<Job>]| -> Vec<Uuid> { jobs.iter().take(limit.into()).map(|job| job.id.uuid()).collect() };
            let old = [few(&done), few(&ended)].concat();
            old.iter().for_each(|id| drop(space.rows.jobs.remove(id)));
            Ok(old.len())
        })
        .await
    }

    async fn prune_job_keys(&self, workspace: Id<Workspace>, now: Timestamp, limit: u16) -> Result<usize> {
        self.write(|state| {
            let Some(space) = state.spaces.get_mut(&workspace.uuid()) else { return Ok(0) };
            let over = |(key, (_, until)): (&[u8; 32], &(Id<Job>, Option<Timestamp>))| {
                until.filter(|until| *until <= now).map(|until| (until, *key))
            };
            let mut old: Vec<_> = space.rows.job_keys.iter().filter_map(over).collect();
            old.sort_unstable();
            old.truncate(limit.into());
            space.rows.job_keys.retain(|key, _| !old.iter().any(|(_, gone)| gone == key));
            Ok(old.len())
        })
        .await
    }

    fn listen_for_jobs(&self) -> Listener {
        self.bell.listen()
    }
}
