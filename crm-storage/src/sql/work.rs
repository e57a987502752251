//! Jobs as workers see them.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use crm_core::job::{Held, JobPlace, JobState, Listener, Priority, Queue, Settled, Wanted, WorkStore};
use crm_core::workspace::Workspace;
use crm_core::{Id, Result, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use uuid::Uuid;

use super::fragment::{Fragment, Statement};
use super::job::{self, JobRow, ResultRow, free_key, swap, whole};
use super::{Conn, RunQueryDsl, Store, dialect};
use crate::fault::Outcome;
use crate::schema::{jobs, workspaces};
use crate::types::{DbId, DbTime, Guid, Ts};

/// That a job's workspace does not pause its queue.
const NOT_PAUSED: &str = " AND NOT EXISTS (SELECT 1 FROM paused_queues AS p \
    WHERE p.workspace_id = j.workspace_id AND p.queue = j.queue)";

/// That it is this job, by its workspace and its id, where one is named.
fn only(named: Option<(i64, DbId)>) -> Fragment {
    match named {
        Some((workspace, id)) => Fragment::new(" AND j.workspace_id = ").bind(workspace).sql(" AND j.id = ").bind(id),
        None => Fragment::default(),
    }
}

/// The jobs of one queue that a worker may take, held until the transaction ends.
fn due(queue: &Queue, most: i64, now: Timestamp, named: Option<(i64, DbId)>) -> Fragment {
    let mut all = Fragment::new("SELECT * FROM (SELECT * FROM (")
        .sql("SELECT j.workspace_id, j.id FROM jobs AS j WHERE j.state = 'running' AND j.queue = ")
        .bind(queue.name())
        .sql(" AND j.due_at <= ")
        .bind(DbTime(now))
        .sql(NOT_PAUSED)
        .then(only(named))
        .sql(" ORDER BY j.due_at LIMIT ")
        .bind(most)
        .sql(dialect::FOR_UPDATE_OF_FREE)
        .sql(") AS lost");
    for priority in Priority::ALL {
        all = all
            .sql(" UNION ALL SELECT * FROM (SELECT j.workspace_id, j.id FROM jobs AS j WHERE j.state = 'queued' AND j.queue = ")
            .bind(queue.name())
            .sql(" AND j.priority = ")
            .bind(priority.rank())
            .sql(" AND j.due_at <= ")
            .bind(DbTime(now))
            .sql(NOT_PAUSED)
            .then(only(named))
            .sql(" ORDER BY j.due_at, j.id LIMIT ")
            .bind(most)
            .sql(dialect::FOR_UPDATE_OF_FREE)
            .sql(") AS waiting");
    }
    all.sql(" LIMIT ").bind(most).sql(") AS of_queue")
}

/// The jobs that a worker takes, by workspace.
async fn candidates(conn: &mut Conn, wanted: &Wanted, named: Option<(i64, DbId)>) -> Outcome<BTreeMap<i64, Vec<DbId>>> {
    let queues: Vec<Fragment> =
        wanted.queues.iter().map(|(queue, most)| due(queue, i64::from(*most), wanted.now, named)).collect();
    let Some(all) = queues.into_iter().reduce(|before, next| before.sql(" UNION ALL ").then(next)) else {
        return Ok(BTreeMap::new());
    };
    let all = all.sql(" LIMIT ").bind(i64::from(wanted.limit)).fixed();
    let found: Vec<(i64, DbId)> = Statement::<(BigInt, Guid)>::new(all).load(conn).await?;
    let mut by_workspace: BTreeMap<i64, Vec<DbId>> = BTreeMap::new();
    for (workspace, id) in found {
        by_workspace.entry(workspace).or_default().push(id);
    }
    Ok(by_workspace)
}

async fn take(conn: &mut Conn, wanted: &Wanted, named: Option<(i64, DbId)>) -> Outcome<Vec<JobPlace>> {
    let mut taken = Vec::new();
    for (workspace, ids) in candidates(conn, wanted, named).await? {
        let found = jobs::table
            .inner_join(workspaces::table.on(workspaces::key.eq(jobs::workspace_id)))
            .filter(jobs::workspace_id.eq(workspace))
            .filter(Fragment::new("jobs.id").in_ids(&ids))
            .select((workspaces::id, JobRow::as_select(), ResultRow::as_select()));
        let rows: Vec<(DbId, JobRow, ResultRow)> = found.load(conn).await?;
        let mut fresh = Vec::new();
        for (place, row, result) in rows {
            let mut job = whole(row, result);
            let (before, was) = (job.version, job.state);
            job.take(wanted.now, wanted.lease_seconds);
            match (was, job.state) {
                (JobState::Queued, JobState::Running) => fresh.push(DbId::from(job.id)),
                _ => drop(swap(conn, workspace, job.clone(), before).await?),
            }
            taken.push((Id::from(place), job));
        }
        begin(conn, workspace, &fresh, wanted).await?;
    }
    taken.sort_by_key(|(_, job)| (job.priority, job.run_at, job.id));
    Ok(taken)
}

/// Writes jobs as running that waited.
async fn begin(conn: &mut Conn, workspace: i64, fresh: &[DbId], wanted: &Wanted) -> Outcome<()> {
    if fresh.is_empty() {
        return Ok(());
    }
    let now = DbTime(wanted.now);
    let begin = Fragment::new("UPDATE jobs SET state = 'running', attempts = attempts + 1, version = version + 1")
        .sql(", claim = version + 1, due_at = ")
        .bind(DbTime(wanted.now.plus_seconds(wanted.lease_seconds)))
        .sql(", started_at = ")
        .bind(now)
        .sql(", updated_at = ")
        .bind(now)
        .sql(" WHERE workspace_id = ")
        .bind(workspace)
        .sql(" AND id")
        .in_ids(fresh);
    Statement::<()>::new(begin).execute(conn).await?;
    Ok(())
}

/// Whether of a job nothing is to be written but that it is done.
fn is_plainly_done(settled: &Settled) -> bool {
    settled.job.state == JobState::Done && settled.job.result.is_none() && settled.before.is_none()
}

/// A job that its worker has done, by the claim under which it was held.
pub(crate) struct Done {
    pub(crate) workspace: i64,
    pub(crate) id: DbId,
    pub(crate) claim: i64,
    pub(crate) at: DbTime,
}

async fn settle(conn: &mut Conn, settled: &[(i64, Settled)]) -> Outcome<Vec<bool>> {
    let (plain, others): (Vec<_>, Vec<_>) = settled.iter().enumerate().partition(|(_, (_, one))| is_plainly_done(one));
    let mut kept = vec![false; settled.len()];
    let done = |(_, (workspace, one)): &(usize, &(i64, Settled))| Done {
        workspace: *workspace,
        id: one.job.id.into(),
        claim: one.claim,
        at: one.job.updated_at.into(),
    };
    let written = dialect::end_jobs(conn, plain.iter().map(done).collect()).await?;
    for (at, (workspace, one)) in plain {
        let is_written = written.contains(&(*workspace, DbId::from(one.job.id)));
        if is_written {
            free_key(conn, *workspace, &one.job).await?;
        }
        kept.get_mut(at).into_iter().for_each(|kept| *kept = is_written);
    }
    for (at, (workspace, one)) in others {
        let rows = job::settle(conn, *workspace, one).await?;
        kept.get_mut(at).into_iter().for_each(|kept| *kept = rows == 1);
    }
    Ok(kept)
}

async fn hold(conn: &mut Conn, held: &[(i64, Held)], until: Timestamp) -> Outcome<Vec<bool>> {
    let longer = |(workspace, held): &(i64, Held)| {
        let own = jobs::table
            .filter(jobs::workspace_id.eq(*workspace))
            .filter(jobs::id.eq(DbId::from(held.id)))
            .filter(jobs::claim.eq(held.claim))
            .filter(jobs::state.eq(JobState::Running.name()));
        diesel::update(own).set(jobs::due_at.eq(Some(DbTime(until))))
    };
    let rows = dialect::each(conn, held.iter().map(longer).collect()).await?;
    Ok(rows.into_iter().map(|rows| rows == 1).collect())
}

/// When the next job of some queues is due, or the next lease ends.
fn ahead(queues: &[Queue]) -> Option<Fragment> {
    let earliest = |queue: &Queue| {
        let lease = Fragment::new("SELECT min(due_at) AS due_at FROM jobs WHERE state = 'running' AND queue = ");
        let lease = lease.bind(queue.name());
        Priority::ALL.into_iter().fold(lease, |all, priority| {
            all.sql(" UNION ALL SELECT min(due_at) AS due_at FROM jobs WHERE state = 'queued' AND queue = ")
                .bind(queue.name())
                .sql(" AND priority = ")
                .bind(priority.rank())
        })
    };
    let all = queues.iter().map(earliest).reduce(|before, next| before.sql(" UNION ALL ").then(next))?;
    Some(Fragment::new("SELECT min(due_at) FROM (").then(all).sql(") AS ahead").fixed())
}

/// Forgets some of the jobs that ended until an instant, done or otherwise.
async fn prune(conn: &mut Conn, workspace: i64, which: &'static str, until: Timestamp, limit: u16) -> Outcome<usize> {
    let old = Fragment::new("DELETE FROM jobs WHERE workspace_id = ")
        .bind(workspace)
        .sql(" AND id IN (SELECT id FROM jobs WHERE workspace_id = ")
        .bind(workspace)
        .sql(" AND finished_at <= ")
        .bind(DbTime(until))
        .sql(which)
        .sql(" ORDER BY finished_at LIMIT ")
        .bind(i64::from(limit))
        .sql(")");
    Ok(Statement::<()>::new(old).execute(conn).await?)
}

impl Store {
    /// The keys of the workspaces of some rows.
    async fn keyed<T: Clone>(&self, rows: &[T], workspace: impl Fn(&T) -> Id<Workspace>) -> Result<Vec<(i64, T)>> {
        let mut known: HashMap<Uuid, i64> = HashMap::new();
        let mut keyed = Vec::with_capacity(rows.len());
        for row in rows {
            let id = workspace(row);
            let key = match known.get(&id.uuid()) {
                Some(key) => *key,
                None => {
                    let key = self.workspace_key(id).await?;
                    known.insert(id.uuid(), key);
                    key
                }
            };
            keyed.push((key, row.clone()));
        }
        Ok(keyed)
    }
}

#[async_trait]
impl WorkStore for Store {
    async fn take_jobs(&self, wanted: &Wanted) -> Result<Vec<JobPlace>> {
        let wanted = wanted.clone();
        let named = match wanted.only {
            Some((workspace, id)) => Some((self.workspace_key(workspace).await?, DbId::from(id))),
            None => None,
        };
        self.pools.write(async move |conn: &mut Conn| take(conn, &wanted, named).await).await
    }

    async fn settle_jobs(&self, settled: &[Settled]) -> Result<Vec<bool>> {
        let settled = self.keyed(settled, |one| one.workspace).await?;
        self.pools.write(async move |conn: &mut Conn| settle(conn, &settled).await).await
    }

    async fn hold_jobs(&self, held: &[Held], until: Timestamp) -> Result<Vec<bool>> {
        let held = self.keyed(held, |one| one.workspace).await?;
        self.pools.write(async move |conn: &mut Conn| hold(conn, &held, until).await).await
    }

    async fn next_due(&self, queues: &[Queue]) -> Result<Option<Timestamp>> {
        let Some(ahead) = ahead(queues) else { return Ok(None) };
        self.pools
            .key(async move |conn: &mut Conn| {
                let found: Vec<Option<DbTime>> = Statement::<Nullable<Ts>>::new(ahead).load(conn).await?;
                Ok(found.into_iter().flatten().next().map(Timestamp::from))
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
        let key = self.workspace_key(workspace).await?;
        self.pools
            .write(async move |conn: &mut Conn| {
                let done = prune(conn, key, " AND state = 'done'", done, limit).await?;
                Ok(done + prune(conn, key, " AND state <> 'done'", others, limit).await?)
            })
            .await
    }

    async fn prune_job_keys(&self, workspace: Id<Workspace>, now: Timestamp, limit: u16) -> Result<usize> {
        let workspace = self.workspace_key(workspace).await?;
        let over = Fragment::new("DELETE FROM job_keys WHERE workspace_id = ")
            .bind(workspace)
            .sql(" AND key IN (SELECT key FROM job_keys WHERE workspace_id = ")
            .bind(workspace)
            .sql(" AND until <= ")
            .bind(DbTime(now))
            .sql(" ORDER BY until LIMIT ")
            .bind(i64::from(limit))
            .sql(")");
        self.pools
            .write(async move |conn: &mut Conn| Ok(Statement::<()>::new(over.clone().fixed()).execute(conn).await?))
            .await
    }

    fn listen_for_jobs(&self) -> Listener {
        self.listen()
    }
}
