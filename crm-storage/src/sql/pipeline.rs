//! Pipelines with their stages.

use std::collections::HashMap;

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::pipeline::{Pipeline, PipelineStore, Stage, StageKind, given_up};
use crm_core::store::{Put, Stored};
use crm_core::{Error, Id, Result, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::fragment::{Fragment, Statement};
use super::text::split_required;
use super::{Conn, RunQueryDsl, Store, dialect, json};
use crate::fault::Outcome;
use crate::schema::{pipelines, stages};
use crate::types::{DbId, DbTime, Guid};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = pipelines,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct PipelineRow {
    workspace_id: i64,
    id: DbId,
    name: Option<String>,
    name_key: String,
    is_default: bool,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
    deleted_at: Option<DbTime>,
}

impl PipelineRow {
    fn new(workspace_id: i64, pipeline: &Pipeline) -> Self {
        let (name, name_key) = split_required(&pipeline.name);
        Self {
            workspace_id,
            id: pipeline.id.into(),
            name,
            name_key,
            is_default: pipeline.is_default,
            created_at: pipeline.created_at.into(),
            updated_at: pipeline.updated_at.into(),
            version: pipeline.version,
            deleted_at: pipeline.deleted_at.map(DbTime::from),
        }
    }

    fn into_pipeline(self, stages: Vec<Stage>) -> Pipeline {
        Pipeline {
            id: self.id.into(),
            name: self.name.unwrap_or(self.name_key),
            is_default: self.is_default,
            stages,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            version: self.version,
            deleted_at: self.deleted_at.map(Timestamp::from),
        }
    }
}

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = stages,
    primary_key(workspace_id, pipeline_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct StageRow {
    workspace_id: i64,
    pipeline_id: DbId,
    id: DbId,
    position: i32,
    name: String,
    kind: String,
    probability: Option<i64>,
    days_until_stale: Option<i64>,
}

impl StageRow {
    fn new(workspace_id: i64, pipeline_id: DbId, (at, stage): (usize, &Stage)) -> Self {
        Self {
            workspace_id,
            pipeline_id,
            id: stage.id.into(),
            position: i32::try_from(at).unwrap_or(i32::MAX),
            name: stage.name.clone(),
            kind: stage.kind.name().to_owned(),
            probability: stage.probability,
            days_until_stale: stage.days_until_stale,
        }
    }

    fn into_stage(self) -> Outcome<Stage> {
        let kind = [StageKind::Open, StageKind::Won, StageKind::Lost].into_iter().find(|kind| kind.name() == self.kind);
        let kind = kind.ok_or(json::unreadable("a stage's kind"))?;
        let Self { id, name, probability, days_until_stale, .. } = self;
        Ok(Stage { id: id.into(), name, kind, probability, days_until_stale })
    }
}

/// Writes a pipeline with its stages, and gives the number of its rows.
pub(super) async fn put(conn: &mut Conn, workspace: i64, put: &Put<Pipeline>) -> Outcome<usize> {
    let row = PipelineRow::new(workspace, &put.after);
    let id = row.id;
    let touched = match &put.before {
        None => diesel::insert_into(pipelines::table).values(row).execute(conn).await?,
        Some(before) => {
            let found = pipelines::table.filter(pipelines::workspace_id.eq(workspace)).filter(pipelines::id.eq(id));
            diesel::update(found.filter(pipelines::version.eq(before.version))).set(row).execute(conn).await?
        }
    };
    put_stages(conn, workspace, id, put).await?;
    Ok(touched)
}

async fn put_stages(conn: &mut Conn, workspace: i64, pipeline: DbId, put: &Put<Pipeline>) -> Outcome<()> {
    let before: &[Stage] = put.before.as_ref().map_or(&[], |before| &before.stages);
    let was = |stage: &Stage| before.iter().any(|known| known.id == stage.id);
    let (old, new): (Vec<_>, Vec<_>) = put.after.stages.iter().enumerate().partition(|(_, stage)| was(stage));
    let row = |stage: (usize, &Stage)| StageRow::new(workspace, pipeline, stage);
    let update = |stage: (usize, &Stage)| {
        let row = row(stage);
        let own = stages::table.filter(stages::workspace_id.eq(workspace)).filter(stages::pipeline_id.eq(pipeline));
        diesel::update(own.filter(stages::id.eq(row.id))).set(row)
    };
    dialect::each(conn, old.into_iter().map(update).collect()).await?;
    let new = new.into_iter().map(|stage| diesel::insert_into(stages::table).values(row(stage)));
    dialect::insert(conn, new.collect()).await?;
    Ok(())
}

/// Removes the stages that are gone, once the commit's deals are written. Says whether no deal stands
/// where it must not: in a stage that is given up, or alive in a deleted pipeline.
pub(super) async fn give_up(conn: &mut Conn, workspace: i64, put: &Put<Pipeline>) -> Outcome<bool> {
    let pipeline = DbId::from(put.after.id);
    let here = || Fragment::new("SELECT id, version FROM deals WHERE workspace_id = ").bind(workspace);
    let given_up: Vec<DbId> = given_up(put).into_iter().map(DbId::from).collect();
    if !given_up.is_empty() && !is_empty(conn, here().sql(" AND stage_id").in_ids(&given_up)).await? {
        return Ok(false);
    }
    let live = || here().sql(" AND deleted_at IS NULL AND pipeline_id = ").bind(pipeline);
    if put.after.deleted_at.is_some() && !is_empty(conn, live()).await? {
        return Ok(false);
    }
    let stays = |id: &DbId| put.after.stages.iter().any(|stage| DbId::from(stage.id) == *id);
    let gone: Vec<DbId> = given_up.into_iter().filter(|id| !stays(id)).collect();
    if !gone.is_empty() {
        let delete = Fragment::new("DELETE FROM stages WHERE workspace_id = ").bind(workspace);
        let delete = delete.sql(" AND pipeline_id = ").bind(pipeline).sql(" AND id").in_ids(&gone);
        Statement::<()>::new(delete).execute(conn).await?;
    }
    Ok(true)
}

async fn is_empty(conn: &mut Conn, deals: Fragment) -> Outcome<bool> {
    let found: Vec<(DbId, i64)> = Statement::<(Guid, BigInt)>::new(deals.sql(" LIMIT 1")).load(conn).await?;
    Ok(found.is_empty())
}

/// The pipelines of a workspace, or one of them.
async fn load(conn: &mut Conn, workspace: i64, only: Option<DbId>) -> Outcome<Vec<Stored<Pipeline>>> {
    let mut which = Fragment::new("pipelines.deleted_at IS NULL AND pipelines.workspace_id = ").bind(workspace);
    let mut whose = Fragment::new("stages.workspace_id = ").bind(workspace);
    if let Some(id) = only {
        which = which.sql(" AND pipelines.id = ").bind(id);
        whose = whose.sql(" AND stages.pipeline_id = ").bind(id);
    }
    // Every move and every board reads its pipeline: connections keep these two statements.
    let order = (pipelines::is_default.desc(), pipelines::name_key, pipelines::id);
    let found = pipelines::table.filter(which.fixed()).order(order);
    let rows: Vec<PipelineRow> = found.select(PipelineRow::as_select()).load(conn).await?;
    let own = stages::table.filter(whose.fixed()).order((stages::pipeline_id, stages::position));
    let own: Vec<StageRow> = own.select(StageRow::as_select()).load(conn).await?;
    let mut by_pipeline: HashMap<DbId, Vec<Stage>> = HashMap::new();
    for row in own {
        by_pipeline.entry(row.pipeline_id).or_default().push(row.into_stage()?);
    }
    let pipeline = |row: PipelineRow| {
        let stages = by_pipeline.remove(&row.id).unwrap_or_default();
        Stored::loaded(row.into_pipeline(stages))
    };
    Ok(rows.into_iter().map(pipeline).collect())
}

#[async_trait]
impl PipelineStore for Store {
    async fn pipeline(&self, grant: &Grant, id: Id<Pipeline>) -> Result<Stored<Pipeline>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let found = self.pools.key(async move |conn: &mut Conn| load(conn, workspace, Some(id.into())).await).await?;
        found.into_iter().next().ok_or_else(|| Error::not_found("pipeline", id))
    }

    async fn pipelines(&self, grant: &Grant) -> Result<Vec<Stored<Pipeline>>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        self.pools.key(async move |conn: &mut Conn| load(conn, workspace, None).await).await
    }
}
