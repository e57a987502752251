//! Jobs, and the files that they need.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::job::{Job, JobPlace, JobQuery, JobState, JobStore, Queue, Task, Upload, UploadStore};
use crm_core::store::{Put, Stored};
use crm_core::workspace::Workspace;
use crm_core::{Entity, Error, Id, Result, Timestamp};
use diesel::prelude::*;
use serde_json::Value;
use uuid::Uuid;

use super::{Conn, RunQueryDsl, Store};
use crate::fault::Outcome;
use crate::schema::{jobs, upload_pieces, workspaces};
use crate::types::{DbId, DbTime};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = jobs,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct JobRow {
    workspace_id: i64,
    id: DbId,
    created_by: Option<DbId>,
    queue: String,
    state: String,
    due_at: Option<DbTime>,
    data: String,
    version: i64,
}

impl JobRow {
    fn new(workspace_id: i64, mut job: Job) -> Outcome<(Self, ResultRow)> {
        let result = job.result.take().map(|result| result.to_string());
        let row = Self {
            workspace_id,
            id: job.id.into(),
            created_by: job.created_by.map(DbId::from),
            queue: queue_name(job.queue).to_owned(),
            state: job.state.name().to_owned(),
            due_at: job.due_at.map(DbTime::from),
            data: serde_json::to_string(&job)?,
            version: job.version,
        };
        Ok((row, ResultRow { result }))
    }

    /// The job without what came of it. One that this version cannot read, as of a later one, is told by
    /// what its columns say.
    fn into_job(self) -> Job {
        let Self { id, created_by, state, due_at, data, version, .. } = self;
        let state = JobState::ALL.into_iter().find(|known| known.name() == state).unwrap_or(JobState::Failed);
        let due_at = due_at.map(Timestamp::from);
        match serde_json::from_str::<Job>(&data) {
            Ok(job) if job.task != Task::Unknown => Job { state, due_at, version, ..job },
            _ => Job { state, due_at, version, ..Job::unreadable(id.into(), created_by.map(Id::from)) },
        }
    }
}

/// What came of a job: it may be long, and lists do not show it.
#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = jobs, treat_none_as_default_value = false, treat_none_as_null = true)]
struct ResultRow {
    result: Option<String>,
}

/// A whole job; what came of it is none where that cannot be read.
fn whole(row: JobRow, result: ResultRow) -> Job {
    let result = result.result.and_then(|result| serde_json::from_str::<Value>(&result).ok());
    Job { result, ..row.into_job() }
}

fn queue_name(queue: Queue) -> &'static str {
    match queue {
        Queue::Import => "import",
        // Queues that this version does not know cannot be named by the core it was built with.
        _ => "bulk",
    }
}

/// Writes a job, and gives the number of rows.
pub(super) async fn put(conn: &mut Conn, workspace: i64, put: &Put<Job>) -> Outcome<usize> {
    match &put.before {
        None => {
            let row = JobRow::new(workspace, put.after.clone())?;
            Ok(diesel::insert_into(jobs::table).values(row).execute(conn).await?)
        }
        Some(before) => swap(conn, workspace, put.after.clone(), before.version).await,
    }
}

async fn swap(conn: &mut Conn, workspace: i64, job: Job, before: i64) -> Outcome<usize> {
    let is_known = job.task != Task::Unknown;
    let (row, result) = JobRow::new(workspace, job)?;
    let found = jobs::table
        .filter(jobs::workspace_id.eq(row.workspace_id))
        .filter(jobs::id.eq(row.id))
        .filter(jobs::version.eq(before));
    if !is_known {
        // What this version cannot read stays as it is, for one that can.
        let columns = (jobs::state.eq(row.state), jobs::due_at.eq(row.due_at), jobs::version.eq(row.version));
        return Ok(diesel::update(found).set(columns).execute(conn).await?);
    }
    Ok(diesel::update(found).set((row, result)).execute(conn).await?)
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
        if let Some(queue) = query.queue {
            own = own.filter(jobs::queue.eq(queue_name(queue)));
        }
        if let Some(state) = query.state {
            own = own.filter(jobs::state.eq(state.name()));
        }
        if let Some(before) = query.before {
            own = own.filter(jobs::id.lt(DbId::from(before)));
        }
        if !grant.sees_owner(Entity::Job, None) {
            // Whoever does not see everybody's jobs sees their own, and perhaps those of a team.
            let seen: Vec<Uuid> = grant.seen_owners(Entity::Job);
            let seen: Vec<DbId> = seen.into_iter().map(DbId).collect();
            own = own.filter(jobs::created_by.eq_any(seen));
        }
        let latest = own.order(jobs::id.desc()).limit(query.limit.into()).select(JobRow::as_select());
        self.pools
            .read(async move |conn: &mut Conn| {
                let rows: Vec<JobRow> = latest.load(conn).await?;
                Ok(rows.into_iter().map(JobRow::into_job).collect())
            })
            .await
    }

    async fn due_jobs(&self, now: Timestamp, limit: u16) -> Result<Vec<JobPlace>> {
        self.pools
            .key(async move |conn: &mut Conn| {
                let due = jobs::table
                    .inner_join(workspaces::table.on(workspaces::key.eq(jobs::workspace_id)))
                    .filter(jobs::due_at.le(DbTime(now)))
                    .order((jobs::due_at, jobs::id))
                    .limit(limit.into())
                    .select((workspaces::id, JobRow::as_select(), ResultRow::as_select()));
                let rows: Vec<(DbId, JobRow, ResultRow)> = due.load(conn).await?;
                let place = |(workspace, row, result)| (Id::from(workspace), whole(row, result));
                Ok(rows.into_iter().map(place).collect())
            })
            .await
    }

    async fn swap_job(&self, workspace: Id<Workspace>, before: i64, after: &Job) -> Result<bool> {
        let key = self.workspace_key(workspace).await?;
        let after = after.clone();
        self.pools.write(async move |conn: &mut Conn| Ok(swap(conn, key, after.clone(), before).await? == 1)).await
    }
}

#[derive(Insertable)]
#[diesel(table_name = upload_pieces)]
struct PieceRow {
    workspace_id: i64,
    upload_id: DbId,
    position: i32,
    at: DbTime,
    bytes: Vec<u8>,
}

#[async_trait]
impl UploadStore for Store {
    async fn keep_piece(
        &self,
        grant: &Grant,
        id: Id<Upload>,
        index: u32,
        bytes: Vec<u8>,
        now: Timestamp,
    ) -> Result<()> {
        let workspace_id = self.workspace_key(grant.workspace_id()).await?;
        let position = i32::try_from(index).map_err(Error::internal)?;
        let row = PieceRow { workspace_id, upload_id: id.into(), position, at: now.into(), bytes };
        self.pools
            .write(async move |conn: &mut Conn| {
                diesel::insert_into(upload_pieces::table).values(row).execute(conn).await?;
                Ok(())
            })
            .await
    }

    async fn piece(&self, grant: &Grant, id: Id<Upload>, index: u32) -> Result<Option<Vec<u8>>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let position = i32::try_from(index).map_err(Error::internal)?;
        self.pools
            .read(async move |conn: &mut Conn| {
                let found = upload_pieces::table
                    .filter(upload_pieces::workspace_id.eq(workspace))
                    .filter(upload_pieces::upload_id.eq(DbId::from(id)))
                    .filter(upload_pieces::position.eq(position));
                Ok(found.select(upload_pieces::bytes).get_result(conn).await.optional()?)
            })
            .await
    }

    async fn forget_upload(&self, grant: &Grant, id: Id<Upload>) -> Result<()> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools
            .write(async move |conn: &mut Conn| {
                let own = upload_pieces::table.filter(upload_pieces::workspace_id.eq(workspace));
                diesel::delete(own.filter(upload_pieces::upload_id.eq(DbId::from(id)))).execute(conn).await?;
                Ok(())
            })
            .await
    }

    async fn forget_uploads(&self, until: Timestamp) -> Result<()> {
        self.pools
            .write(async move |conn: &mut Conn| {
                diesel::delete(upload_pieces::table.filter(upload_pieces::at.le(DbTime(until)))).execute(conn).await?;
                Ok(())
            })
            .await
    }
}
