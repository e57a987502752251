//! The ways of deals through the stages, as commits write them.

use crm_core::deal::{DealMove, HistoryWrite, WayBack, begun, way_back};
use crm_core::{Id, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable};
use uuid::Uuid;

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, dialect};
use crate::fault::Outcome;
use crate::schema::deal_moves;
use crate::types::{DbId, DbTime, Guid, Ts};

#[derive(Insertable)]
#[diesel(table_name = deal_moves, treat_none_as_default_value = false)]
struct MoveRow {
    workspace_id: i64,
    deal_id: DbId,
    place: i64,
    from_stage: Option<DbId>,
    to_stage: DbId,
    at: DbTime,
}

impl MoveRow {
    fn new(workspace_id: i64, step: &DealMove) -> Self {
        let DealMove { deal_id, place, from, to, at } = *step;
        Self {
            workspace_id,
            deal_id: deal_id.into(),
            place,
            from_stage: from.map(DbId::from),
            to_stage: to.into(),
            at: at.into(),
        }
    }
}

/// What a commit did to the ways of deals, apart from the times of their steps.
#[derive(Default)]
pub(super) struct Trodden {
    pub(super) added: Vec<DealMove>,
    pub(super) removed: Vec<DealMove>,
}

/// Adds steps, then puts right what was there before.
pub(super) async fn write(conn: &mut Conn, workspace: i64, history: &[HistoryWrite]) -> Outcome<Trodden> {
    let steps = history.iter().filter_map(|write| match write {
        HistoryWrite::Stepped(step) => Some(*step),
        _ => None,
    });
    let mut trodden = Trodden { added: steps.collect(), removed: Vec::new() };
    insert(conn, workspace, &trodden.added).await?;
    for write in history {
        match write {
            HistoryWrite::Stepped(_) => {}
            HistoryWrite::Corrected { deal_id, at } => correct(conn, workspace, (*deal_id).into(), *at).await?,
            HistoryWrite::Begun { deal_id, said, at } => {
                begin(conn, workspace, (*deal_id).into(), (*said, *at)).await?;
            }
            HistoryWrite::Undone { versions, back } => go_back(conn, workspace, versions, *back, &mut trodden).await?,
        }
    }
    Ok(trodden)
}

async fn insert(conn: &mut Conn, workspace: i64, steps: &[DealMove]) -> Outcome<()> {
    let new = steps.iter().map(|step| diesel::insert_into(deal_moves::table).values(MoveRow::new(workspace, step)));
    dialect::insert(conn, new.collect()).await?;
    Ok(())
}

/// The way of a deal, or its first steps.
async fn way(conn: &mut Conn, workspace: i64, deal: DbId, most: i64) -> Outcome<Vec<DealMove>> {
    let way = Fragment::new("SELECT deal_id, place, from_stage, to_stage, at FROM deal_moves WHERE workspace_id = ");
    let way = way.bind(workspace).sql(" AND deal_id = ").bind(deal).sql(" ORDER BY place LIMIT ").bind(most).fixed();
    let rows: Vec<StepRow> = Statement::<(Guid, BigInt, Nullable<Guid>, Guid, Ts)>::new(way).load(conn).await?;
    Ok(rows.into_iter().map(step).collect())
}

/// Work on a deal began at another time than it was said to.
async fn begin(conn: &mut Conn, workspace: i64, deal: DbId, (said, at): (Timestamp, Timestamp)) -> Outcome<()> {
    let first: Vec<DealMove> = way(conn, workspace, deal, 2).await?;
    if let Some((at, step)) = begun(&first, said, at).zip(first.as_slice().first()) {
        let set = Fragment::new("UPDATE deal_moves SET at = ").bind(DbTime(at)).sql(" WHERE workspace_id = ");
        let set = set.bind(workspace).sql(" AND deal_id = ").bind(deal).sql(" AND place = ").bind(step.place);
        Statement::<()>::new(set.fixed()).execute(conn).await?;
    }
    Ok(())
}

/// Versions of a deal are undone.
async fn go_back(
    conn: &mut Conn,
    workspace: i64,
    versions: &[i64],
    back: DealMove,
    trodden: &mut Trodden,
) -> Outcome<()> {
    let deal = DbId::from(back.deal_id);
    match way_back(&way(conn, workspace, deal, i64::MAX).await?, versions, back) {
        WayBack::Along(undone) => {
            for step in &undone {
                let gone = Fragment::new("DELETE FROM deal_moves WHERE workspace_id = ").bind(workspace);
                let gone = gone.sql(" AND deal_id = ").bind(deal).sql(" AND place = ").bind(step.place);
                Statement::<()>::new(gone.fixed()).execute(conn).await?;
            }
            trodden.removed.extend(undone);
            correct(conn, workspace, deal, back.at).await
        }
        WayBack::Anew(step) => {
            insert(conn, workspace, &[step]).await?;
            trodden.added.push(step);
            Ok(())
        }
    }
}

async fn correct(conn: &mut Conn, workspace: i64, deal: DbId, at: Timestamp) -> Outcome<()> {
    let last = Fragment::new("UPDATE deal_moves SET at = ").bind(DbTime(at));
    let last = last.sql(" WHERE workspace_id = ").bind(workspace).sql(" AND deal_id = ").bind(deal);
    let last = last.sql(" AND place = (SELECT MAX(place) FROM deal_moves WHERE workspace_id = ").bind(workspace);
    Statement::<()>::new(last.sql(" AND deal_id = ").bind(deal).sql(")").fixed()).execute(conn).await?;
    Ok(())
}

/// Forgets the way of a deal that is erased.
pub(super) async fn forget(conn: &mut Conn, workspace: i64, deal: Uuid) -> Outcome<()> {
    let own = deal_moves::table.filter(deal_moves::workspace_id.eq(workspace));
    diesel::delete(own.filter(deal_moves::deal_id.eq(DbId(deal)))).execute(conn).await?;
    Ok(())
}

/// A step as a query gives it: deal, place, stage left, stage reached, when.
pub(super) type StepRow = (DbId, i64, Option<DbId>, DbId, DbTime);

/// The step of a row.
pub(super) fn step((deal, place, from, to, at): StepRow) -> DealMove {
    DealMove { deal_id: deal.into(), place, from: from.map(Id::from), to: to.into(), at: at.into() }
}
