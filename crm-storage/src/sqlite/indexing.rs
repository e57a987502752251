//! Words of records, written at the end of a transaction.
//!
//! A savepoint makes FTS5 write what it holds as a segment of the index, and segments have to be
//! merged: with a savepoint a write, that was a quarter of the writer's time. So the words of all writes
//! that share a transaction wait here, on the writer's thread, until no savepoint follows.

use std::cell::RefCell;
use std::collections::BTreeMap;

use diesel::{QueryResult, SqliteConnection};

use super::RunQueryDsl as _;
use super::sql::fragment::{Fragment, Statement};

/// Records of one statement.
const CHUNK: usize = 8_000;

/// The new words of a row of a table, none where the row goes.
struct Change {
    table: &'static str,
    row: i64,
    words: Option<String>,
}

thread_local! {
    static WAITING: RefCell<Vec<Change>> = const { RefCell::new(Vec::new()) };
}

/// The words of a row, to be written when the transaction ends; without any, it is to be found no more.
pub(super) fn change(table: &'static str, row: i64, words: Option<String>) {
    WAITING.with_borrow_mut(|waiting| waiting.push(Change { table, row, words }));
}

/// A transaction's changes; when it is dropped, those that were not written are forgotten.
pub(super) struct Changes(());

impl Changes {
    /// Those of a transaction that begins on this thread.
    pub(super) fn begin() -> Self {
        WAITING.with_borrow_mut(Vec::clear);
        Self(())
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        WAITING.with_borrow(Vec::len)
    }

    /// Takes all but the first ones back.
    pub(super) fn take_back(&self, count: usize) {
        WAITING.with_borrow_mut(|waiting| waiting.truncate(count));
    }

    /// Writes them, the last one of each row, and gives the tables that they are of.
    pub(super) fn write(self, connection: &mut SqliteConnection) -> QueryResult<Vec<&'static str>> {
        let mut tables: BTreeMap<&'static str, BTreeMap<i64, Option<String>>> = BTreeMap::new();
        for Change { table, row, words } in WAITING.with_borrow_mut(std::mem::take) {
            tables.entry(table).or_default().insert(row, words);
        }
        let changed = tables.keys().copied().collect();
        for (table, rows) in tables {
            let (gone, kept): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, words)| words.is_none());
            let gone: Vec<i64> = gone.into_iter().map(|(row, _)| row).collect();
            let kept: Vec<(i64, String)> = kept.into_iter().filter_map(|(row, words)| Some((row, words?))).collect();
            if !gone.is_empty() {
                run(connection, Fragment::new("DELETE FROM ").sql(table).sql(" WHERE rowid").in_integers(&gone))?;
            }
            for chunk in kept.chunks(CHUNK) {
                run(connection, insertion(table, chunk))?;
            }
        }
        Ok(changed)
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        // A thread on its way out has none left.
        let _ = WAITING.try_with(|waiting| waiting.try_borrow_mut().map(|mut waiting| waiting.clear()));
    }
}

fn insertion(table: &'static str, rows: &[(i64, String)]) -> Fragment {
    let mut insert = Fragment::new("INSERT OR REPLACE INTO ").sql(table).sql(" (rowid, words) VALUES ");
    for (at, (row, words)) in rows.iter().enumerate() {
        insert = insert.sql(if at == 0 { "(" } else { ", (" }).bind(*row).sql(", ").bind(words.clone()).sql(")");
    }
    if rows.len() == 1 { insert.fixed() } else { insert }
}

fn run(connection: &mut SqliteConnection, statement: Fragment) -> QueryResult<()> {
    Statement::<()>::new(statement).execute(connection).into_inner().map(drop)
}

#[cfg(test)]
mod tests {
    use diesel::Connection as _;
    use diesel::connection::SimpleConnection as _;
    use diesel::sql_types::BigInt;

    use super::*;

    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = BigInt)]
        row: i64,
    }

    fn connection() -> SqliteConnection {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        let table = "CREATE VIRTUAL TABLE t USING fts5 (words, content='', contentless_delete=1, tokenize='ascii')";
        connection.batch_execute(table).unwrap();
        connection
    }

    fn found(connection: &mut SqliteConnection, word: &str) -> Vec<i64> {
        let select = format!("SELECT rowid AS row FROM t WHERE t MATCH '{word}' ORDER BY 1");
        let found: Vec<Found> = diesel::RunQueryDsl::load(diesel::sql_query(select), connection).unwrap();
        found.into_iter().map(|found| found.row).collect()
    }

    fn words(row: i64, words: &str) {
        change("t", row, Some(words.to_owned()));
    }

    #[test]
    fn the_last_words_of_a_row_hold() {
        let mut connection = connection();
        let changes = Changes::begin();
        for row in 1..=4 {
            words(row, "early");
        }
        words(1, "late");
        change("t", 2, None);
        change("t", 3, None);
        words(3, "again");
        changes.write(&mut connection).unwrap();
        assert_eq!(found(&mut connection, "early"), [4]);
        assert_eq!((found(&mut connection, "late"), found(&mut connection, "again")), (vec![1], vec![3]));
        let changes = Changes::begin();
        change("t", 4, None);
        words(1, "later");
        changes.write(&mut connection).unwrap();
        assert!(found(&mut connection, "early OR late").is_empty());
        assert_eq!(found(&mut connection, "later"), [1]);
    }

    #[test]
    fn words_that_are_taken_back_are_not_found() {
        let mut connection = connection();
        let changes = Changes::begin();
        words(1, "kept");
        let before = changes.count();
        words(1, "lost");
        words(2, "lost");
        changes.take_back(before);
        words(3, "kept");
        changes.write(&mut connection).unwrap();
        assert_eq!((found(&mut connection, "kept"), found(&mut connection, "lost")), (vec![1, 3], vec![]));
    }

    #[test]
    fn a_transaction_that_ends_early_leaves_no_words_to_the_next() {
        let mut connection = connection();
        let changes = Changes::begin();
        words(1, "lost");
        drop(changes);
        Changes::begin().write(&mut connection).unwrap();
        assert!(found(&mut connection, "lost").is_empty());
    }
}
