//! Jobs as people see them, and how they are written.

use std::collections::BTreeSet;

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::job::{
    AttemptFault, Job, JobQuery, JobState, JobStore, Priority, Queue, QueueState, Ring, Settled, Task,
};
use crm_core::store::{Put, Sealed, Stored, Write};
use crm_core::workspace::Workspace;
use crm_core::{Entity, Error, Id, Result, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::Value;
use uuid::Uuid;

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, Store, dialect, mail, queue};
use crate::fault::Outcome;
use crate::schema::{job_keys, jobs};
use crate::types::{DbId, DbTime};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = jobs,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
pub(super) struct JobRow {
    workspace_id: i64,
    id: DbId,
    created_by: Option<DbId>,
    queue: String,
    kind: String,
    state: String,
    priority: i16,
    attempts: i32,
    run_at: Option<DbTime>,
    due_at: Option<DbTime>,
    started_at: Option<DbTime>,
    finished_at: Option<DbTime>,
    updated_at: DbTime,
    data: String,
    errors: Option<String>,
    version: i64,
    claim: i64,
}

impl JobRow {
    fn new(workspace_id: i64, mut job: Job) -> Outcome<(Self, ResultRow)> {
        let result = job.result.take().map(|result| result.to_string());
        let errors = std::mem::take(&mut job.errors);
        let row = Self {
            workspace_id,
            id: job.id.into(),
            created_by: job.created_by.map(DbId::from),
            queue: job.queue.name().to_owned(),
            kind: job.task.name().to_owned(),
            state: job.state.name().to_owned(),
            priority: job.priority.rank(),
            attempts: i32::try_from(job.attempts).unwrap_or(i32::MAX),
            run_at: job.run_at.map(DbTime::from),
            due_at: job.due_at.map(DbTime::from),
            started_at: job.started_at.map(DbTime::from),
            finished_at: job.finished_at.map(DbTime::from),
            updated_at: job.updated_at.into(),
            data: serde_json::to_string(&job)?,
            errors: if errors.is_empty() { None } else { Some(serde_json::to_string(&errors)?) },
            version: job.version,
            claim: job.claim,
        };
        Ok((row, ResultRow { result }))
    }

    /// The job without what came of it. One that this version cannot read is told by what its columns say, and
    /// that one of a later version's kinds is of an unknown one.
    pub(super) fn into_job(self) -> Job {
        let id: Id<Job> = self.id.into();
        let job = match serde_json::from_str::<Job>(&self.data) {
            Ok(job) if job.task == Task::Unknown => job.of_unknown_kind(),
            Ok(job) => job,
            Err(_) => self.unreadable(id),
        };
        let state = JobState::ALL.into_iter().find(|known| known.name() == self.state).unwrap_or(JobState::Failed);
        let errors: Option<Vec<AttemptFault>> = self.errors.and_then(|errors| serde_json::from_str(&errors).ok());
        Job {
            state,
            error: if state == JobState::Done { None } else { job.error },
            errors: errors.unwrap_or_default(),
            attempts: u32::try_from(self.attempts).unwrap_or(0),
            run_at: self.run_at.map(Timestamp::from),
            due_at: self.due_at.map(Timestamp::from),
            started_at: self.started_at.map(Timestamp::from),
            finished_at: self.finished_at.map(Timestamp::from),
            updated_at: self.updated_at.into(),
            version: self.version,
            claim: self.claim,
            ..job
        }
    }

    /// A job of which only columns are read: it has its turn in the queue that it waits in.
    fn unreadable(&self, id: Id<Job>) -> Job {
        let job = Job::unreadable(id, self.created_by.map(Id::from));
        let priority = Priority::ALL.into_iter().find(|known| known.rank() == self.priority);
        Job { queue: self.queue.parse().unwrap_or(job.queue), priority: priority.unwrap_or(job.priority), ..job }
    }
}

/// What came of a job: it may be long, and lists do not show it.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = jobs, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(super) struct ResultRow {
    result: Option<String>,
}

/// A whole job; what came of it is none where that cannot be read.
pub(super) fn whole(row: JobRow, result: ResultRow) -> Job {
    let result = result.result.and_then(|result| serde_json::from_str::<Value>(&result).ok());
    Job { result, ..row.into_job() }
}

/// Writes jobs, and gives the number of rows of each; one whose unique key is held counts as written.
pub(super) async fn put(conn: &mut Conn, workspace: i64, puts: &[Put<Job>]) -> Outcome<Vec<usize>> {
    let mut rows = Vec::new();
    let mut counts = Vec::with_capacity(puts.len());
    for put in puts {
        match &put.before {
            None if !keep_key(conn, workspace, &put.after).await? => counts.push(1),
            None => {
                rows.push(JobRow::new(workspace, put.after.clone())?);
                counts.push(1);
            }
            Some(before) => counts.push(swap(conn, workspace, put.after.clone(), before.version).await?),
        }
    }
    let new = rows.into_iter().map(|row| diesel::insert_into(jobs::table).values(row));
    dialect::insert(conn, new.collect()).await?;
    dialect::tell_of_jobs(conn, &due_queues(puts.iter())).await?;
    Ok(counts)
}

/// The queues in which jobs wait that were written.
fn due_queues<'a>(puts: impl Iterator<Item = &'a Put<Job>>) -> BTreeSet<&'a Queue> {
    puts.filter(|put| put.after.state == JobState::Queued).map(|put| &put.after.queue).collect()
}

/// What a commit rings for.
pub(super) fn rings(sealed: &Sealed) -> Vec<Ring> {
    let rung = |write: &Write| match write {
        Write::Job(put) if put.after.state == JobState::Queued => Some(put.after.queue.clone()),
        Write::QueuePause(pause) => Some(pause.queue.clone()),
        _ => None,
    };
    let queues: BTreeSet<Queue> = sealed.writes().iter().filter_map(rung).collect();
    queues.into_iter().map(Ring::Of).collect()
}

/// Keeps the unique key of a new job, if it has one; says whether nobody held it.
async fn keep_key(conn: &mut Conn, workspace: i64, job: &Job) -> Outcome<bool> {
    let Some((key, until)) = job.unique_key() else { return Ok(true) };
    let row = (
        job_keys::workspace_id.eq(workspace),
        job_keys::key.eq(key.to_vec()),
        job_keys::job_id.eq(DbId::from(job.id)),
        job_keys::until.eq(until.map(DbTime::from)),
    );
    let held = job_keys::table.filter(job_keys::workspace_id.eq(workspace)).filter(job_keys::key.eq(key.to_vec()));
    let over = held.filter(job_keys::until.le(DbTime(job.created_at)));
    diesel::delete(over).execute(conn).await?;
    let kept = diesel::insert_into(job_keys::table).values(row).on_conflict_do_nothing().execute(conn).await?;
    Ok(kept == 1)
}

/// Gives the unique key of a job free that has ended.
pub(super) async fn free_key(conn: &mut Conn, workspace: i64, job: &Job) -> Outcome<()> {
    if job.finished_at.is_none() {
        return Ok(());
    }
    let own = job_keys::table
        .filter(job_keys::workspace_id.eq(workspace))
        .filter(job_keys::job_id.eq(DbId::from(job.id)))
        .filter(job_keys::until.is_null());
    match job.unique_key() {
        Some((key, None)) => drop(diesel::delete(own.filter(job_keys::key.eq(key.to_vec()))).execute(conn).await?),
        // Which key it holds cannot be told, but that it holds it.
        None if job.task == Task::Unknown => drop(diesel::delete(own).execute(conn).await?),
        Some((_, Some(_))) | None => {}
    }
    Ok(())
}

/// Writes a job over a version of it, and gives the number of rows.
pub(super) async fn swap(conn: &mut Conn, workspace: i64, job: Job, before: i64) -> Outcome<usize> {
    let is_known = job.task != Task::Unknown;
    let (row, result) = JobRow::new(workspace, job.clone())?;
    let found = jobs::table
        .filter(jobs::workspace_id.eq(row.workspace_id))
        .filter(jobs::id.eq(row.id))
        .filter(jobs::version.eq(before));
    if !is_known {
        // What this version cannot read stays as it is, for one that can.
        let times = (jobs::run_at.eq(row.run_at), jobs::due_at.eq(row.due_at), jobs::finished_at.eq(row.finished_at));
        let counted = (jobs::attempts.eq(row.attempts), jobs::errors.eq(row.errors));
        let held = (jobs::version.eq(row.version), jobs::claim.eq(row.claim));
        let columns = (jobs::state.eq(row.state), jobs::updated_at.eq(row.updated_at), times, counted, held);
        let rows = diesel::update(found).set(columns).execute(conn).await?;
        if rows == 1 {
            free_key(conn, workspace, &job).await?;
        }
        return Ok(rows);
    }
    let rows = diesel::update(found).set((row, result)).execute(conn).await?;
    if rows == 1 {
        free_key(conn, workspace, &job).await?;
        mail::turn(conn, workspace, &job).await?;
    }
    Ok(rows)
}

/// Writes what a worker says of a job that it holds, and gives the number of rows.
pub(super) async fn settle(conn: &mut Conn, workspace: i64, settled: &Settled) -> Outcome<usize> {
    let held = Fragment::new("UPDATE jobs SET version = version + 1 WHERE state = 'running' AND workspace_id = ")
        .bind(workspace)
        .sql(" AND id = ")
        .bind(DbId::from(settled.job.id))
        .sql(" AND claim = ")
        .bind(settled.claim);
    let held = match settled.before {
        Some(before) => held.sql(" AND version = ").bind(before),
        None => held,
    };
    // The row is this transaction's from here on.
    let next: Vec<i64> = Statement::<BigInt>::new(held.sql(" RETURNING version").fixed()).load(conn).await?;
    match next.into_iter().next() {
        Some(version) => swap(conn, workspace, Job { version, ..settled.job.clone() }, version).await,
        None => Ok(0),
    }
}

#[async_trait]
impl JobStore for Store {
    async fn job(&self, grant: &Grant, id: Id<Job>) -> Result<Stored<Job>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let found: Option<Job> = self
            .pools
            .key(async move |conn: &mut Conn| {
                let found = jobs::table.filter(jobs::workspace_id.eq(workspace)).filter(jobs::id.eq(DbId::from(id)));
                let rows = found.select((JobRow::as_select(), ResultRow::as_select()));
                let row: Option<(JobRow, ResultRow)> = rows.get_result(conn).await.optional()?;
                Ok(row.map(|(row, result)| whole(row, result)))
            })
            .await?;
        found
            .filter(|job| grant.sees_owner(Entity::Job, job.created_by))
            .map(Stored::loaded)
            .ok_or_else(|| Error::not_found("job", id))
    }

    async fn jobs(&self, grant: &Grant, query: &JobQuery) -> Result<Vec<Job>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let mut own = jobs::table.filter(jobs::workspace_id.eq(workspace)).into_boxed();
        if let Some(queue) = &query.queue {
            own = own.filter(jobs::queue.eq(queue.name().to_owned()));
        }
        if let Some(kind) = &query.kind {
            own = own.filter(jobs::kind.eq(kind.clone()));
        }
        // The words of a state let the planner take the index of those that failed.
        if query.state == Some(JobState::Failed) {
            own = own.filter(diesel::dsl::sql::<diesel::sql_types::Bool>("jobs.state = 'failed'"));
        } else if let Some(state) = query.state {
            own = own.filter(jobs::state.eq(state.name()));
        }
        if let Some(before) = query.before {
            own = own.filter(jobs::id.lt(DbId::from(before)));
        }
        if !grant.reaches_owner(None) {
            // Whoever does not reach everybody's jobs reaches their own, and perhaps those of a team.
            let reached: Vec<Uuid> = grant.reached_owners();
            let reached: Vec<DbId> = reached.into_iter().map(DbId).collect();
            own = own.filter(jobs::created_by.eq_any(reached));
        }
        let latest = own.order(jobs::id.desc()).limit(query.limit.into()).select(JobRow::as_select());
        self.pools
            .read(async move |conn: &mut Conn| {
                let rows: Vec<JobRow> = latest.load(conn).await?;
                Ok(rows.into_iter().map(JobRow::into_job).collect())
            })
            .await
    }

    async fn unique_job(&self, grant: &Grant, key: [u8; 32], now: Timestamp) -> Result<Option<Id<Job>>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools
            .key(async move |conn: &mut Conn| {
                let held = job_keys::table
                    .filter(job_keys::workspace_id.eq(workspace))
                    .filter(job_keys::key.eq(key.to_vec()))
                    .filter(job_keys::until.is_null().or(job_keys::until.gt(DbTime(now))));
                let holder: Option<DbId> = held.select(job_keys::job_id).get_result(conn).await.optional()?;
                Ok(holder.map(Id::from))
            })
            .await
    }

    async fn swap_job(&self, workspace: Id<Workspace>, before: i64, after: &Job) -> Result<bool> {
        let key = self.workspace_key(workspace).await?;
        let after = after.clone();
        self.pools.write(async move |conn: &mut Conn| Ok(swap(conn, key, after.clone(), before).await? == 1)).await
    }

    async fn queues(&self, grant: &Grant, now: Timestamp) -> Result<Vec<QueueState>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools.read(async move |conn: &mut Conn| queue::states(conn, workspace, now).await).await
    }

    async fn paused_since(&self, grant: &Grant, queue: &Queue) -> Result<Option<Timestamp>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let queue = queue.clone();
        self.pools.key(async move |conn: &mut Conn| queue::paused_since(conn, workspace, &queue).await).await
    }
}
