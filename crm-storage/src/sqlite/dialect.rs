//! What SQLite says in words of its own.

use std::collections::{BTreeSet, HashSet};

use crm_core::Entity;
use crm_core::job::{JobState, Queue};
use diesel::prelude::*;
use diesel::query_builder::AstPass;
use diesel::sql_types::{BigInt, Text};
use diesel::sqlite::Sqlite;
use uuid::Uuid;

use super::indexing;
use super::sql::fragment::{Fragment, Statement};
use super::sql::predicate::Place;
use super::sql::words::{Document, Search, words_table};
use super::sql::work::Done;
use super::vocabulary::vocabulary;
use super::{Conn, RunQueryDsl, finished};
use crate::fault::Outcome;
use crate::schema::jobs;
use crate::types::{DbId, DbTime, Guid};

/// Most binds of one statement.
pub(crate) const MAX_BINDS: usize = 32_766;
/// The function that finds a text in another, at a place from 1.
pub(crate) const PLACE_OF: &str = "instr";
/// Before a column, keeps the planner from choosing an index by it.
pub(crate) const UNINDEXED: &str = "+";
/// The slot of kept sums that this connection adds to: the only writer needs one.
pub(crate) const SLOT: &str = "0";
/// The first of some deals by id.
pub(crate) const FIRST_DEAL: &str = "MIN(deals.id)";
/// Keeps rows that were read from changing until the transaction ends; the only writer needs none.
pub(crate) const FOR_SHARE: &str = "";
/// Keeps rows from being read for change until the transaction ends.
pub(crate) const FOR_UPDATE: &str = "";
/// As [`FOR_UPDATE`], of the rows of `j` that nobody else keeps.
pub(crate) const FOR_UPDATE_OF_FREE: &str = "";

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

    /// Digests.
    pub(crate) fn digests(digests: &[Vec<u8>]) -> Self {
        let hex = |digest: &Vec<u8>| digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let list: Vec<String> = digests.iter().map(hex).collect();
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

/// What is searched, as FTS5 is to be asked: an expression of a text.
fn query(place: Place, search: &Search) -> Option<Fragment> {
    let vocabulary = vocabulary(place.entity)?;
    let any = |words: &Vec<String>| {
        let words = words.iter().map(|word| beginning(vocabulary, word)).collect();
        Some(Fragment::new("'(' || ").then(Fragment::chain(words, " || ' OR ' || ")?).sql(" || ')'"))
    };
    let terms = search.terms(place.workspace).iter().filter_map(any).collect();
    Fragment::chain(terms, " || ' AND ' || ")
}

/// What finds a word and those that it begins.
///
/// FTS5 merges the rows of all words with a beginning before it gives the first, but gives those of whole words one
/// by one. Most words begin no other or few, which are named then.
fn beginning(vocabulary: &'static str, word: &str) -> Fragment {
    let [after, until] = [format!("{word}\u{1}"), format!("{word}\u{10ffff}")];
    let found =
        Fragment::new("'\"' || ").bind(word).sql(" || (SELECT CASE WHEN COUNT(*) > 8 THEN '\" *' ELSE '\"' || ");
    let found = found.sql("COALESCE(group_concat(' OR \"' || term || '\"', ''), '') END FROM (SELECT term FROM ");
    let found = found.sql(vocabulary).sql(" WHERE term >= ").bind(after).sql(" AND term <= ").bind(until);
    found.sql(" LIMIT 9))")
}

/// The condition that a record's words hold what is searched.
pub(crate) fn matches(place: Place, search: &Search) -> Fragment {
    let (Some(table), Some(query)) = (words_table(place.entity), query(place, search)) else {
        return Fragment::nothing();
    };
    let found = place.column("row").sql(" IN (SELECT rowid FROM ").sql(table);
    found.sql(" WHERE ").sql(table).sql(" MATCH (").then(query).sql("))")
}

/// What tells how many rows a table has at most: without statistics, the planner knows neither that nor
/// how many pass a condition.
pub(crate) fn most_rows(table: &'static str) -> Option<Fragment> {
    Some(Fragment::new("SELECT COALESCE(MAX(row), 0) FROM ").sql(table).fixed())
}

/// The name of a record's row inside [`some_matches`].
pub(crate) const FOUND: &str = "found";

/// The condition that a row is one of the last `most` whose words hold what is searched and that are
/// `seen`, which is a condition of the row by the name of [`FOUND`].
pub(crate) fn some_matches(place: Place, table: &'static str, search: &Search, seen: Fragment, most: i64) -> Fragment {
    let (Some(words), Some(query)) = (words_table(place.entity), query(place, search)) else {
        return Fragment::nothing();
    };
    // The index gives rows in their order, last ones first, and a cross join is done as it is written:
    // each is looked up, until there are enough.
    let some = place.column("row").sql(" IN (SELECT found.row FROM ").sql(words).sql(" CROSS JOIN ").sql(table);
    let some = some.sql(" AS found WHERE ").sql(words).sql(" MATCH (").then(query);
    let some = some.sql(") AND found.row = ").sql(words).sql(".rowid AND ").then(seen);
    some.sql(" ORDER BY ").sql(words).sql(".rowid DESC LIMIT ").bind(most).sql(")")
}

/// Replaces the words of records when the transaction ends. The records are written already: their
/// rows are needed.
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
        for document in chunk {
            let Ok(at) = rows.binary_search_by_key(&document.id, |(id, _)| id.0) else { continue };
            let Some((_, row)) = rows.get(at) else { continue };
            indexing::change(words, *row, Some(document.words(workspace).join(" ")));
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
    for (_, row) in rows(conn, workspace, table, &ids).await? {
        indexing::change(words, row, None);
    }
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

/// Tells workers of other processes that jobs wait: nobody can, they look now and then.
pub(crate) async fn tell_of_jobs(_: &mut Conn, _: &BTreeSet<&Queue>) -> Outcome<()> {
    Ok(())
}

/// Writes jobs as done, each where it is held by its claim, and gives those that it wrote.
pub(crate) async fn end_jobs(conn: &mut Conn, done: Vec<Done>) -> QueryResult<HashSet<(i64, DbId)>> {
    let end = |one: &Done| {
        let held = jobs::table
            .filter(jobs::workspace_id.eq(one.workspace))
            .filter(jobs::id.eq(one.id))
            .filter(jobs::claim.eq(one.claim))
            .filter(jobs::state.eq(JobState::Running.name()));
        diesel::update(held).set((
            jobs::state.eq(JobState::Done.name()),
            jobs::due_at.eq(None::<DbTime>),
            jobs::finished_at.eq(Some(one.at)),
            jobs::updated_at.eq(one.at),
            jobs::version.eq(jobs::version + 1),
        ))
    };
    let rows = each(conn, done.iter().map(end).collect()).await?;
    let written = done.iter().zip(rows).filter(|(_, rows)| *rows == 1);
    Ok(written.map(|(one, _)| (one.workspace, one.id)).collect())
}

/// How a statement is done, line by line.
#[cfg(test)]
pub(crate) async fn plan(conn: &mut Conn, statement: Fragment) -> Outcome<Vec<String>> {
    use diesel::sql_types::Integer;
    let explained = Fragment::new("EXPLAIN QUERY PLAN ").then(statement);
    let lines: Vec<(i32, i32, i32, String)> =
        Statement::<(Integer, Integer, Integer, Text)>::new(explained).load(conn).await?;
    Ok(lines.into_iter().map(|(_, _, _, line)| line).collect())
}

/// Runs statements of one kind, one after the other, and gives the number of rows of each.
pub(crate) async fn each<S>(conn: &mut Conn, statements: Vec<S>) -> QueryResult<Vec<usize>>
where
    S: RunQueryDsl + diesel::RunQueryDsl<Conn> + diesel::query_dsl::methods::ExecuteDsl<Conn>,
{
    let run = |statement: S| diesel::RunQueryDsl::execute(statement, conn);
    finished(statements.into_iter().map(run).collect()).await
}

/// Writes new rows, each of which such a statement writes, and gives their number.
pub(crate) async fn insert<S>(conn: &mut Conn, statements: Vec<S>) -> QueryResult<usize>
where
    S: RunQueryDsl + diesel::RunQueryDsl<Conn> + diesel::query_dsl::methods::ExecuteDsl<Conn>,
{
    Ok(each(conn, statements).await?.into_iter().sum())
}
