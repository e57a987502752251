//! What SQLite says in words of its own.

use crm_core::Entity;
use diesel::QueryResult;
use diesel::query_builder::AstPass;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use uuid::Uuid;

use super::sql::fragment::{Fragment, Statement};
use super::sql::predicate::Place;
use super::sql::words::{Document, Search, words_table};
use super::{Conn, RunQueryDsl, finished};
use crate::fault::Outcome;
use crate::types::{DbId, Guid};

/// Most binds of one statement.
pub(crate) const MAX_BINDS: usize = 32_766;
/// The function that finds a text in another, at a place from 1.
pub(crate) const PLACE_OF: &str = "instr";
/// Before a column, keeps the planner from choosing an index by it.
pub(crate) const UNINDEXED: &str = "+";
/// Whether the planner knows how many rows pass a condition, and that a page needs few of them.
pub(crate) const KNOWS_ROWS: bool = false;
/// Keeps rows that were read from changing until the transaction ends; the only writer needs none.
pub(crate) const FOR_SHARE: &str = "";
/// Keeps rows from being read for change until the transaction ends.
pub(crate) const FOR_UPDATE: &str = "";

/// Many values as one bind: a JSON list.
#[derive(Clone, Debug)]
pub(crate) struct Many {
    sql: &'static str,
    list: String,
}

impl Many {
    /// Ids.
    pub(crate) fn ids(ids: &[DbId]) -> Self {
        let list: Vec<String> = ids.iter().map(|id| id.0.simple().to_string()).collect();
        Self { sql: " IN (SELECT unhex(value) FROM json_each(", list: json(&list) }
    }

    /// Texts.
    pub(crate) fn texts(texts: &[String]) -> Self {
        Self { sql: " IN (SELECT value FROM json_each(", list: json(texts) }
    }

    /// Whole numbers.
    pub(crate) fn integers(numbers: &[i64]) -> Self {
        Self { sql: " IN (SELECT value FROM json_each(", list: json(numbers) }
    }

    /// Writes ` IN (…)`.
    pub(crate) fn walk<'b>(&'b self, out: &mut AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(self.sql);
        out.push_bind_param::<Text, _>(&self.list)?;
        out.push_sql("))");
        Ok(())
    }
}

fn json<T: serde::Serialize>(values: &[T]) -> String {
    serde_json::to_string(values).unwrap_or_default()
}

/// What is searched, as FTS5 asks it.
fn query(workspace: i64, search: &Search) -> String {
    let term = |term: &Vec<String>| {
        let any: Vec<String> = term.iter().map(|prefix| format!("\"{prefix}\" *")).collect();
        format!("({})", any.join(" OR "))
    };
    search.terms(workspace).iter().map(term).collect::<Vec<_>>().join(" AND ")
}

/// The condition that a record's words hold what is searched.
pub(crate) fn matches(place: Place, search: &Search) -> Fragment {
    let Some(table) = words_table(place.entity) else { return Fragment::nothing() };
    let found = place.column("row").sql(" IN (SELECT rowid FROM ").sql(table);
    found.sql(" WHERE ").sql(table).sql(" MATCH ").bind(query(place.workspace, search)).sql(")")
}

/// The name of a record's row inside [`some_matches`].
pub(crate) const FOUND: &str = "found";

/// The condition that a row is one of the last `most` whose words hold what is searched and that are
/// `seen`, which is a condition of the row by the name of [`FOUND`].
pub(crate) fn some_matches(place: Place, table: &'static str, search: &Search, seen: Fragment, most: i64) -> Fragment {
    let Some(words) = words_table(place.entity) else { return Fragment::nothing() };
    // The index gives rows in their order, last ones first, and a cross join is done as it is written:
    // each is looked up, until there are enough.
    let some = place.column("row").sql(" IN (SELECT found.row FROM ").sql(words).sql(" CROSS JOIN ").sql(table);
    let some = some.sql(" AS found WHERE ").sql(words).sql(" MATCH ").bind(query(place.workspace, search));
    let some = some.sql(" AND found.row = ").sql(words).sql(".rowid AND ").then(seen);
    some.sql(" ORDER BY ").sql(words).sql(".rowid DESC LIMIT ").bind(most).sql(")")
}

/// Replaces the words of records. The records are written already: their rows are needed.
pub(crate) async fn index(
    conn: &mut Conn,
    workspace: i64,
    entity: Entity,
    table: &'static str,
    documents: &[Document],
) -> Outcome<()> {
    let Some(words) = words_table(entity) else { return Ok(()) };
    for chunk in documents.chunks(MAX_BINDS / 4) {
        let ids: Vec<DbId> = chunk.iter().map(|document| DbId(document.id)).collect();
        let rows = rows(conn, workspace, table, &ids).await?;
        let mut insert = Fragment::new("INSERT OR REPLACE INTO ").sql(words).sql(" (rowid, words) VALUES ");
        let mut is_first = true;
        for document in chunk {
            let Ok(at) = rows.binary_search_by_key(&document.id, |(id, _)| id.0) else { continue };
            let Some((_, row)) = rows.get(at) else { continue };
            insert = insert.sql(if is_first { "(" } else { ", (" }).bind(*row).sql(", ");
            insert = insert.bind(document.words(workspace).join(" ")).sql(")");
            is_first = false;
        }
        if chunk.len() == 1 {
            insert = insert.fixed();
        }
        if !is_first {
            Statement::<()>::new(insert).execute(conn).await?;
        }
    }
    Ok(())
}

/// Forgets the words of a record, before the record goes.
pub(crate) async fn forget(
    conn: &mut Conn,
    workspace: i64,
    entity: Entity,
    table: &'static str,
    ids: &[Uuid],
) -> Outcome<()> {
    let Some(words) = words_table(entity) else { return Ok(()) };
    let ids: Vec<DbId> = ids.iter().copied().map(DbId).collect();
    let rows: Vec<i64> = rows(conn, workspace, table, &ids).await?.into_iter().map(|(_, row)| row).collect();
    let delete = Fragment::new("DELETE FROM ").sql(words).sql(" WHERE rowid").in_integers(&rows);
    Statement::<()>::new(delete).execute(conn).await?;
    Ok(())
}

/// The rows of records, by id.
async fn rows(conn: &mut Conn, workspace: i64, table: &'static str, ids: &[DbId]) -> Outcome<Vec<(DbId, i64)>> {
    let select = Fragment::new("SELECT id, row FROM ").sql(table).sql(" WHERE workspace_id = ").bind(workspace);
    let mut select = select.sql(" AND id").in_ids(ids).sql(" ORDER BY id");
    if ids.len() == 1 {
        select = select.fixed();
    }
    Ok(Statement::<(Guid, BigInt)>::new(select).load(conn).await?)
}

/// Keeps accounts from being made by anybody else until the transaction ends; the only writer needs
/// no lock.
pub(crate) async fn hold_accounts(_conn: &mut Conn) -> Outcome<()> {
    Ok(())
}

/// Runs statements of one kind, one after the other, and gives the number of rows of each.
pub(crate) async fn each<S>(conn: &mut Conn, statements: Vec<S>) -> QueryResult<Vec<usize>>
where
    S: RunQueryDsl + diesel::RunQueryDsl<Conn> + diesel::query_dsl::methods::ExecuteDsl<Conn>,
{
    let run = |statement: S| diesel::RunQueryDsl::execute(statement, conn);
    finished(statements.into_iter().map(run).collect()).await
}
