//! The ways of deals through the stages, as commits write them.

use crm_core::deal::{DealMove, HistoryWrite};
use crm_core::{Id, Timestamp};
use diesel::prelude::*;
use uuid::Uuid;

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, dialect};
use crate::fault::Outcome;
use crate::schema::deal_moves;
use crate::types::{DbId, DbTime};

/// Columns of a row, hence binds of an insert.
const COLUMNS: usize = 6;

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

/// Adds steps, then corrects the times of last ones.
pub(super) async fn write(conn: &mut Conn, workspace: i64, history: &[HistoryWrite]) -> Outcome<()> {
    let steps: Vec<&DealMove> = history
        .iter()
        .filter_map(|write| match write {
            HistoryWrite::Stepped(step) => Some(step),
            HistoryWrite::Corrected { .. } => None,
        })
        .collect();
    if let [one] = steps.as_slice() {
        // One row is one prepared statement; a batch is prepared for its length.
        diesel::insert_into(deal_moves::table).values(MoveRow::new(workspace, one)).execute(conn).await?;
    } else {
        for chunk in steps.chunks(dialect::MAX_BINDS / COLUMNS) {
            let rows: Vec<MoveRow> = chunk.iter().map(|step| MoveRow::new(workspace, step)).collect();
            diesel::insert_into(deal_moves::table).values(rows).execute(conn).await?;
        }
    }
    for write in history {
        if let HistoryWrite::Corrected { deal_id, at } = write {
            correct(conn, workspace, (*deal_id).into(), *at).await?;
        }
    }
    Ok(())
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
