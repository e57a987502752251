//! What PostgreSQL says in words of its own.

use std::collections::{BTreeSet, HashSet};

use crm_core::Entity;
use crm_core::job::Queue;
use diesel::QueryResult;
use diesel::pg::Pg;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Binary, Text};
use futures::future::try_join_all;
use uuid::Uuid;

use super::hearing::CHANNEL;
use super::indexing::Indexing;
use super::insertion::Insertion;
use super::sql::fragment::{Fragment, Statement};
use super::sql::predicate::Place;
use super::sql::words::{Document, Search, words_table};
use super::sql::work::Done;
use super::{Conn, RunQueryDsl};
use crate::fault::Outcome;
use crate::types::{DbId, Guid, Ts};

/// Most binds of one statement.
pub(crate) const MAX_BINDS: usize = 65_535;
/// The function that finds a text in another, at a place from 1.
pub(crate) const PLACE_OF: &str = "strpos";
/// Before a column, keeps the planner from choosing an index by it; nothing asks for that here.
pub(crate) const UNINDEXED: &str = "";
/// The slot of kept sums that this connection adds to.
pub(crate) const SLOT: &str = "pg_backend_pid() % 16";
/// The first of some deals by id: servers before 18 know no least id, and the texts of ids have their order.
pub(crate) const FIRST_DEAL: &str = "CAST(MIN(CAST(deals.id AS TEXT) COLLATE \"C\") AS UUID)";
/// Keeps rows that were read from changing until the transaction ends.
pub(crate) const FOR_SHARE: &str = " FOR SHARE";
/// Keeps rows from being read for change until the transaction ends.
pub(crate) const FOR_UPDATE: &str = " FOR UPDATE";
/// As [`FOR_UPDATE`], of the rows of `j` that nobody else keeps.
pub(crate) const FOR_UPDATE_OF_FREE: &str = " FOR UPDATE OF j SKIP LOCKED";
/// Statements that are sent at once.
const PIPELINE: usize = 256;

/// Many values as one bind: an array.
#[derive(Clone, Debug)]
pub(crate) enum Many {
    Ids(Vec<DbId>),
    Texts(Vec<String>),
    Integers(Vec<i64>),
    Digests(Vec<Vec<u8>>),
}

impl Many {
    /// Ids.
    pub(crate) fn ids(ids: &[DbId]) -> Self {
        Self::Ids(ids.to_vec())
    }

    /// Texts.
    pub(crate) fn texts(texts: &[String]) -> Self {
        Self::Texts(texts.to_vec())
    }

    /// Whole numbers.
    pub(crate) fn integers(numbers: &[i64]) -> Self {
        Self::Integers(numbers.to_vec())
    }

    /// Digests.
    pub(crate) fn digests(digests: &[Vec<u8>]) -> Self {
        Self::Digests(digests.to_vec())
    }

    /// Writes ` = ANY(…)`.
    pub(crate) fn walk<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(" = ANY(");
        match self {
            Self::Ids(ids) => out.push_bind_param::<Array<Guid>, _>(ids)?,
            Self::Texts(texts) => out.push_bind_param::<Array<Text>, _>(texts)?,
            Self::Integers(numbers) => out.push_bind_param::<Array<BigInt>, _>(numbers)?,
            Self::Digests(digests) => out.push_bind_param::<Array<Binary>, _>(digests)?,
        }
        out.push_sql(")");
        Ok(())
    }
}

/// What is searched, as a tsquery.
fn query(workspace: i64, search: &Search) -> String {
    // Words are letters and digits; nothing in them could end the quotes.
    let term = |term: &Vec<String>| {
        let any: Vec<String> = term.iter().map(|prefix| format!("'{prefix}':*")).collect();
        format!("({})", any.join(" | "))
    };
    search.terms(workspace).iter().map(term).collect::<Vec<_>>().join(" & ")
}

/// The condition that a record's words hold what is searched.
pub(crate) fn matches(place: Place, search: &Search) -> Fragment {
    let Some(table) = words_table(place.entity) else { return Fragment::nothing() };
    // As an array the search is done once, by its words: planned as a join, a workspace that the
    // statistics do not know yet was searched anew for every row.
    let found = place.column("id").sql(" = ANY(ARRAY(SELECT w.id FROM ").sql(table);
    let found = found.sql(" AS w WHERE w.words @@ CAST(").bind(query(place.workspace, search));
    found.sql(" AS tsquery) AND w.workspace_id + 0 = ").bind(place.workspace).sql("))")
}

/// What tells how many rows a table has at most: none, the planner knows how many pass a condition and
/// that a page needs few of them.
pub(crate) fn most_rows(_: &'static str) -> Option<Fragment> {
    None
}

/// The name of a record's row inside [`some_matches`].
pub(crate) const FOUND: &str = "found";

/// The condition that a row is one of the first `most` whose words hold what is searched and that are
/// `seen`, which is a condition of the row by the name of [`FOUND`].
pub(crate) fn some_matches(place: Place, table: &'static str, search: &Search, seen: Fragment, most: i64) -> Fragment {
    let Some(words) = words_table(place.entity) else { return Fragment::nothing() };
    // `OFFSET 0` keeps the planner from turning the steps into a join that finds all before it gives
    // one: each match is looked up by its key, until there are enough.
    let matched = Fragment::new("(SELECT w.id FROM ").sql(words).sql(" AS w WHERE w.words @@ CAST(");
    let matched = matched.bind(query(place.workspace, search)).sql(" AS tsquery) AND w.workspace_id + 0 = ");
    let matched = matched.bind(place.workspace).sql(" OFFSET 0) AS matched");
    let looked_up =
        Fragment::new("(SELECT found.id FROM ").sql(table).sql(" AS found WHERE found.id = matched.id AND ");
    let looked_up = looked_up.then(seen).sql(" OFFSET 0) AS looked_up");
    let some = place.column("id").sql(" = ANY(ARRAY(SELECT looked_up.id FROM ").then(matched);
    some.sql(" CROSS JOIN LATERAL ").then(looked_up).sql(" LIMIT ").bind(most).sql("))")
}

/// Replaces the words of records.
pub(crate) async fn index(
    conn: &mut Conn,
    workspace: i64,
    entity: Entity,
    _table: &'static str,
    documents: &[Document],
) -> Outcome<()> {
    let Some(words) = words_table(entity) else { return Ok(()) };
    let lists = documents.iter().map(|document| (DbId(document.id), document.words(workspace).join(" ")));
    each(conn, Indexing::all(words, workspace, lists)).await?;
    Ok(())
}

/// Forgets the words of records.
pub(crate) async fn forget(
    conn: &mut Conn,
    workspace: i64,
    entity: Entity,
    _table: &'static str,
    ids: &[Uuid],
) -> Outcome<()> {
    let Some(words) = words_table(entity) else { return Ok(()) };
    let ids: Vec<DbId> = ids.iter().copied().map(DbId).collect();
    let delete = Fragment::new("DELETE FROM ").sql(words).sql(" WHERE workspace_id = ").bind(workspace);
    Statement::<()>::new(delete.sql(" AND id").in_ids(&ids)).execute(conn).await?;
    Ok(())
}

/// Keeps accounts from being made by anybody else until the transaction ends, after those that are
/// on the way.
pub(crate) async fn hold_accounts(conn: &mut Conn) -> Outcome<()> {
    diesel::sql_query("LOCK TABLE accounts IN SHARE ROW EXCLUSIVE MODE").execute(conn).await?;
    Ok(())
}

/// Tells workers, when the transaction commits, that jobs wait in these queues.
pub(crate) async fn tell_of_jobs(conn: &mut Conn, queues: &BTreeSet<&Queue>) -> Outcome<()> {
    for queue in queues {
        let tell = Fragment::new("SELECT pg_notify('").sql(CHANNEL).sql("', ").bind(queue.name()).sql(")");
        Statement::<()>::new(tell.fixed()).execute(conn).await?;
    }
    Ok(())
}

/// A job that [`end_jobs`] wrote.
#[derive(diesel::QueryableByName)]
struct Ended {
    #[diesel(sql_type = BigInt)]
    workspace_id: i64,
    #[diesel(sql_type = Guid)]
    id: DbId,
}

/// Writes jobs as done, each where it is held by its claim, in one statement, and gives those that it wrote.
pub(crate) async fn end_jobs(conn: &mut Conn, done: Vec<Done>) -> QueryResult<HashSet<(i64, DbId)>> {
    if done.is_empty() {
        return Ok(HashSet::new());
    }
    let end = diesel::sql_query(
        "UPDATE jobs SET state = 'done', due_at = NULL, finished_at = done.ended_at, updated_at = done.ended_at, \
         version = jobs.version + 1 FROM unnest($1, $2, $3, $4) AS done (workspace_id, id, claim, ended_at) \
         WHERE jobs.workspace_id = done.workspace_id AND jobs.id = done.id AND jobs.claim = done.claim \
         AND jobs.state = 'running' RETURNING jobs.workspace_id, jobs.id",
    );
    let end = end
        .bind::<Array<BigInt>, _>(done.iter().map(|one| one.workspace).collect::<Vec<_>>())
        .bind::<Array<Guid>, _>(done.iter().map(|one| one.id).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(done.iter().map(|one| one.claim).collect::<Vec<_>>())
        .bind::<Array<Ts>, _>(done.iter().map(|one| one.at).collect::<Vec<_>>());
    let written: Vec<Ended> = end.load(conn).await?;
    Ok(written.into_iter().map(|one| (one.workspace_id, one.id)).collect())
}

/// How a statement is done, line by line.
#[cfg(test)]
pub(crate) async fn plan(conn: &mut Conn, statement: Fragment) -> Outcome<Vec<String>> {
    let explained = Fragment::new("EXPLAIN (COSTS OFF) ").then(statement);
    Ok(Statement::<Text>::new(explained).load(conn).await?)
}

/// Runs statements of one kind, many on the way at once, and gives the number of rows of each.
pub(crate) async fn each<S>(conn: &mut Conn, statements: Vec<S>) -> QueryResult<Vec<usize>>
where
    S: QueryFragment<Pg> + QueryId + Send,
    S: diesel::RunQueryDsl<Conn>,
{
    let conn: &Conn = conn;
    let mut counts = Vec::with_capacity(statements.len());
    let mut statements = statements.into_iter();
    loop {
        let batch: Vec<S> = statements.by_ref().take(PIPELINE).collect();
        if batch.is_empty() {
            return Ok(counts);
        }
        let run = |statement: S| async move {
            let mut conn = conn;
            diesel_async::RunQueryDsl::execute(statement, &mut conn).await
        };
        counts.extend(try_join_all(batch.into_iter().map(run)).await?);
    }
}

/// Writes new rows, each of which such a statement writes, and gives their number.
pub(crate) async fn insert<S>(conn: &mut Conn, statements: Vec<S>) -> QueryResult<usize>
where
    S: QueryFragment<Pg> + QueryId + Send,
    S: diesel::RunQueryDsl<Conn>,
{
    if statements.len() < 2 {
        return Ok(each(conn, statements).await?.into_iter().sum());
    }
    let insertions = Insertion::all(&statements)?;
    drop(statements);
    Ok(each(conn, insertions).await?.into_iter().sum())
}
