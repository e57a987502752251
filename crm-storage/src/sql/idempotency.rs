//! Callers' keys, by which a repeated request is known again.

use crm_core::store::{KEPT_SECONDS, Reliance, Replay, Sealed};
use crm_core::workspace::Workspace;
use crm_core::{Error, Id, Timestamp};
use diesel::prelude::*;
use diesel::sql_types::Binary;

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, columns, dialect, json};
use crate::fault::Outcome;
use crate::schema::idempotency_keys;
use crate::types::{DbId, DbTime, Guid};

#[derive(Queryable, Selectable)]
#[diesel(table_name = idempotency_keys)]
struct KeyRow {
    body: Vec<u8>,
    entity: i16,
    record_id: DbId,
    version: i64,
    at: DbTime,
}

impl KeyRow {
    fn into_replay(self) -> Outcome<Replay> {
        let entity = columns::entity(self.entity).ok_or(json::unreadable("a kind of record"))?;
        let body = self.body.try_into().map_err(|_| json::unreadable("a digest"))?;
        let result = Reliance { entity, id: self.record_id.0, version: self.version };
        Ok(Replay { body, result, at: self.at.into() })
    }
}

/// What a key was used for that is not expired.
pub(super) async fn replay(conn: &mut Conn, workspace: i64, scope: Vec<u8>, now: Timestamp) -> Outcome<Option<Replay>> {
    let found = idempotency_keys::table
        .filter(idempotency_keys::workspace_id.eq(workspace))
        .filter(idempotency_keys::scope.eq(scope))
        .filter(idempotency_keys::at.gt(DbTime(now.plus_seconds(-KEPT_SECONDS))))
        .select(KeyRow::as_select());
    found.get_result(conn).await.optional()?.map(KeyRow::into_replay).transpose()
}

/// Keeps the caller's key, unless it is kept already and has not expired. No other key is touched: whoever else
/// commits under one would wait until this commit ends.
pub(super) async fn keep(conn: &mut Conn, workspace: i64, sealed: &Sealed) -> Outcome<()> {
    let Some((key, result)) = sealed.idempotency() else { return Ok(()) };
    let keep = Fragment::new(
        "INSERT INTO idempotency_keys (workspace_id, scope, body, entity, record_id, version, at) VALUES (",
    );
    let keep = keep
        .bind(workspace)
        .sql(", ")
        .bind(key.scope.to_vec())
        .sql(", ")
        .bind(key.body.to_vec())
        .sql(", ")
        .bind(columns::code(result.entity))
        .sql(", ")
        .bind(DbId(result.id))
        .sql(", ")
        .bind(result.version)
        .sql(", ")
        .bind(DbTime(sealed.at()))
        .sql(") ON CONFLICT (workspace_id, scope) DO UPDATE SET body = excluded.body, entity = excluded.entity, ")
        .sql("record_id = excluded.record_id, version = excluded.version, at = excluded.at ")
        .sql("WHERE idempotency_keys.at <= ")
        .bind(DbTime(sealed.at().plus_seconds(-KEPT_SECONDS)));
    if Statement::<()>::new(keep.fixed()).execute(conn).await? == 1 {
        return Ok(());
    }
    Err(Error::conflict("the idempotency key was used before").with_code("idempotency_replay").into())
}

/// The workspaces that hold keys of until an instant.
pub(super) async fn places(conn: &mut Conn, until: Timestamp) -> Outcome<Vec<Id<Workspace>>> {
    let places = Fragment::new("SELECT w.id FROM workspaces AS w WHERE EXISTS (SELECT 1 FROM idempotency_keys AS k ")
        .sql("WHERE k.workspace_id = w.key AND k.at <= ")
        .bind(DbTime(until))
        .sql(")");
    let found: Vec<DbId> = Statement::<Guid>::new(places.fixed()).load(conn).await?;
    Ok(found.into_iter().map(Id::from).collect())
}

/// Forgets some keys of until an instant, but for those that somebody else is writing.
pub(super) async fn prune(conn: &mut Conn, workspace: i64, until: Timestamp, limit: u16) -> Outcome<usize> {
    let old = Fragment::new("SELECT j.scope FROM idempotency_keys AS j WHERE j.workspace_id = ")
        .bind(workspace)
        .sql(" AND j.at <= ")
        .bind(DbTime(until))
        .sql(" ORDER BY j.at LIMIT ")
        .bind(i64::from(limit))
        .sql(dialect::FOR_UPDATE_OF_FREE);
    let scopes: Vec<Vec<u8>> = Statement::<Binary>::new(old.fixed()).load(conn).await?;
    if scopes.is_empty() {
        return Ok(0);
    }
    let forget = Fragment::new("DELETE FROM idempotency_keys WHERE workspace_id = ").bind(workspace).sql(" AND scope");
    Ok(Statement::<()>::new(forget.in_digests(&scopes)).execute(conn).await?)
}
