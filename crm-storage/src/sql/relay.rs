//! How far handlers of events have come.

use async_trait::async_trait;
use crm_core::relay::{CursorMove, RelayStore};
use crm_core::workspace::Workspace;
use crm_core::{Id, Result};
use diesel::prelude::*;

use super::fragment::{Fragment, Statement};
use super::workspace::NOWHERE;
use super::{Conn, RunQueryDsl, Store, dialect};
use crate::fault::Outcome;
use crate::schema::relay_cursors;
use crate::types::{DbId, Guid};

#[derive(Insertable)]
#[diesel(table_name = relay_cursors, treat_none_as_default_value = false)]
struct CursorRow {
    handler: String,
    workspace_id: i64,
    seq: i64,
}

/// Moves a cursor, and says whether it was where it must be. On PostgreSQL the second of two who move it waits
/// for the first.
pub(super) async fn advance(conn: &mut Conn, workspace: i64, moved: &CursorMove) -> Outcome<bool> {
    let own = relay_cursors::table
        .filter(relay_cursors::handler.eq(moved.handler.as_str()))
        .filter(relay_cursors::workspace_id.eq(workspace))
        .filter(relay_cursors::seq.eq(moved.from));
    let rows = diesel::update(own).set(relay_cursors::seq.eq(moved.to)).execute(conn).await?;
    Ok(rows == 1)
}

/// The workspaces that a statement names.
async fn places(conn: &mut Conn, statement: Fragment) -> Outcome<Vec<Id<Workspace>>> {
    let found: Vec<DbId> = Statement::<Guid>::new(statement.fixed()).load(conn).await?;
    Ok(found.into_iter().map(Id::from).collect())
}

#[async_trait]
impl RelayStore for Store {
    async fn cursor(&self, workspace: Id<Workspace>, handler: &str) -> Result<Option<i64>> {
        let (workspace, handler) = (self.workspace_key(workspace).await?, handler.to_owned());
        self.pools
            .key(async move |conn: &mut Conn| {
                let own = relay_cursors::table
                    .filter(relay_cursors::handler.eq(handler))
                    .filter(relay_cursors::workspace_id.eq(workspace));
                Ok(own.select(relay_cursors::seq).get_result(conn).await.optional()?)
            })
            .await
    }

    async fn begin(&self, handler: &str, after: &[(Id<Workspace>, i64)]) -> Result<()> {
        let mut rows = Vec::with_capacity(after.len());
        for (workspace, seq) in after {
            let workspace_id = self.workspace_key(*workspace).await?;
            if workspace_id != NOWHERE {
                rows.push(CursorRow { handler: handler.to_owned(), workspace_id, seq: *seq });
            }
        }
        // In one order, so that two who begin it at once wait for one another in one direction.
        rows.sort_unstable_by_key(|row| row.workspace_id);
        self.pools
            .write(async move |conn: &mut Conn| {
                let new =
                    |row: CursorRow| diesel::insert_into(relay_cursors::table).values(row).on_conflict_do_nothing();
                dialect::insert(conn, rows.into_iter().map(new).collect()).await?;
                Ok(())
            })
            .await
    }

    async fn behind(&self, handler: &str) -> Result<Vec<Id<Workspace>>> {
        let behind = Fragment::new(
            "SELECT w.id FROM relay_cursors AS c JOIN workspaces AS w ON w.key = c.workspace_id WHERE c.handler = ",
        );
        let behind = behind.bind(handler).sql(
            " AND (EXISTS (SELECT 1 FROM journal_queue AS q WHERE q.workspace_id = c.workspace_id) \
             OR EXISTS (SELECT 1 FROM journal_heads AS h WHERE h.workspace_id = c.workspace_id AND h.seq > c.seq))",
        );
        self.pools.key(async move |conn: &mut Conn| places(conn, behind).await).await
    }

    async fn not_begun(&self, handler: &str) -> Result<Vec<Id<Workspace>>> {
        let fresh = Fragment::new(
            "SELECT w.id FROM workspaces AS w WHERE NOT EXISTS (SELECT 1 FROM relay_cursors AS c \
             WHERE c.workspace_id = w.key AND c.handler = ",
        );
        let fresh = fresh.bind(handler).sql(")");
        self.pools.key(async move |conn: &mut Conn| places(conn, fresh).await).await
    }

    async fn has_begun(&self, handler: &str) -> Result<bool> {
        let handler = handler.to_owned();
        self.pools
            .key(async move |conn: &mut Conn| {
                let own = relay_cursors::table.filter(relay_cursors::handler.eq(handler));
                let any: Option<i64> = own.select(relay_cursors::seq).limit(1).get_result(conn).await.optional()?;
                Ok(any.is_some())
            })
            .await
    }
}
