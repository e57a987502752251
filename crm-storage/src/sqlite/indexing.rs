//! Words of records, written at the end of a transaction.
//!
//! A savepoint makes FTS5 write what it holds as a segment of the index, and segments have to be
//! merged: with a savepoint a write, that was a quarter of the writer's time. So the words of all writes
//! that share a transaction wait here, on the writer's thread, until no savepoint follows.
//!
//! Beside the index is a table of the words that there are, in which searches look up the words that a word begins
//! (`dialect.rs`). Every word that a record has is in it, or a search would miss that record; both are written in one
//! transaction. A word that no record has any more does a search no harm, but may be somebody's address: it goes with
//! its last record.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use diesel::{QueryResult, SqliteConnection};

use super::RunQueryDsl as _;
use super::dialect::json;
use super::sql::fragment::{Fragment, Statement};

/// Records of one statement.
const CHUNK: usize = 8_000;

/// The words that a row of a table had and those that it has now, none where it goes.
struct Change {
    table: &'static str,
    row: i64,
    before: Vec<String>,
    after: Option<Vec<String>>,
}

/// The changes of a table.
#[derive(Default)]
struct TableChanges {
    /// What rows had, some of which they may have still.
    before: BTreeSet<String>,
    /// What each row has at the end.
    rows: BTreeMap<i64, Option<Vec<String>>>,
}

thread_local! {
    static WAITING: RefCell<Vec<Change>> = const { RefCell::new(Vec::new()) };
}

/// The words of a row, to be written when the transaction ends, after those that it had; without any, it is to be
/// found no more.
pub(super) fn change(table: &'static str, row: i64, before: Vec<String>, after: Option<Vec<String>>) {
    WAITING.with_borrow_mut(|waiting| waiting.push(Change { table, row, before, after }));
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
        let mut tables: BTreeMap<&'static str, TableChanges> = BTreeMap::new();
        for Change { table, row, before, after } in WAITING.with_borrow_mut(std::mem::take) {
            let changed = tables.entry(table).or_default();
            changed.before.extend(before);
            changed.rows.insert(row, after);
        }
        let changed = tables.keys().copied().collect();
        for (table, TableChanges { before, rows }) in tables {
            let (gone, kept): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, words)| words.is_none());
            let gone: Vec<i64> = gone.into_iter().map(|(row, _)| row).collect();
            let kept: Vec<(i64, Vec<String>)> =
                kept.into_iter().filter_map(|(row, words)| Some((row, words?))).collect();
            if !gone.is_empty() {
                run(connection, Fragment::new("DELETE FROM ").sql(table).sql(" WHERE rowid").in_integers(&gone))?;
            }
            for chunk in kept.chunks(CHUNK) {
                run(connection, insertion(table, chunk))?;
            }
            let after: BTreeSet<&str> = kept.iter().flat_map(|(_, words)| words).map(String::as_str).collect();
            let left: Vec<&str> = before.iter().map(String::as_str).filter(|word| !after.contains(word)).collect();
            let after: Vec<&str> = after.into_iter().collect();
            keep(connection, table, &after, &left)?;
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

/// Keeps the table of the words that there are, once the index is written: with those that rows have, and without
/// those that left a row and that no other has.
fn keep(connection: &mut SqliteConnection, table: &'static str, words: &[&str], left: &[&str]) -> QueryResult<()> {
    if !words.is_empty() {
        let insert =
            Fragment::new("INSERT OR IGNORE INTO ").sql(table).sql("_terms (term) SELECT value FROM json_each(");
        run(connection, insert.bind(json(words)).sql(")").fixed())?;
    }
    if !left.is_empty() {
        let delete = Fragment::new("DELETE FROM ").sql(table).sql("_terms WHERE term IN (SELECT value FROM json_each(");
        let delete = delete.bind(json(left)).sql(")) AND NOT EXISTS (SELECT 1 FROM ").sql(table).sql(" WHERE ");
        // Words are letters and digits; nothing in them could end the quotes.
        run(connection, delete.sql(table).sql(" MATCH '\"' || term || '\"')").fixed())?;
    }
    Ok(())
}

fn insertion(table: &'static str, rows: &[(i64, Vec<String>)]) -> Fragment {
    let mut insert = Fragment::new("INSERT OR REPLACE INTO ").sql(table).sql(" (rowid, words) VALUES ");
    for (at, (row, words)) in rows.iter().enumerate() {
        insert = insert.sql(if at == 0 { "(" } else { ", (" }).bind(*row).sql(", ").bind(words.join(" ")).sql(")");
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
    use diesel::sql_types::{BigInt, Text};

    use super::*;

    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = BigInt)]
        row: i64,
    }

    #[derive(diesel::QueryableByName)]
    struct Term {
        #[diesel(sql_type = Text)]
        term: String,
    }

    fn connection() -> SqliteConnection {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        let tables = "CREATE VIRTUAL TABLE t USING fts5 (words, content='', contentless_delete=1, tokenize='ascii'); \
            CREATE TABLE t_terms (term TEXT PRIMARY KEY NOT NULL) STRICT, WITHOUT ROWID; \
            CREATE VIRTUAL TABLE temp.vocabulary USING fts5vocab(main, t, row);";
        connection.batch_execute(tables).unwrap();
        connection
    }

    fn found(connection: &mut SqliteConnection, word: &str) -> Vec<i64> {
        let select = format!("SELECT rowid AS row FROM t WHERE t MATCH '{word}' ORDER BY 1");
        let found: Vec<Found> = diesel::RunQueryDsl::load(diesel::sql_query(select), connection).unwrap();
        found.into_iter().map(|found| found.row).collect()
    }

    /// The words that there are, which those of the index are too.
    fn terms(connection: &mut SqliteConnection) -> Vec<String> {
        let [kept, indexed] = ["t_terms", "temp.vocabulary"].map(|table| {
            let select = diesel::sql_query(format!("SELECT term FROM {table} ORDER BY 1"));
            let terms: Vec<Term> = diesel::RunQueryDsl::load(select, connection).unwrap();
            terms.into_iter().map(|term| term.term).collect::<Vec<_>>()
        });
        assert_eq!(kept, indexed);
        kept
    }

    fn cut(words: &str) -> Vec<String> {
        words.split(' ').map(str::to_owned).collect()
    }

    /// New words of a row that had none.
    fn words(row: i64, words: &str) {
        change("t", row, Vec::new(), Some(cut(words)));
    }

    #[test]
    fn the_last_words_of_a_row_hold() {
        let mut connection = connection();
        let changes = Changes::begin();
        for row in 1..=4 {
            words(row, "early");
        }
        change("t", 1, cut("early"), Some(cut("late")));
        change("t", 2, cut("early"), None);
        change("t", 3, cut("early"), None);
        words(3, "again");
        changes.write(&mut connection).unwrap();
        assert_eq!(found(&mut connection, "early"), [4]);
        assert_eq!((found(&mut connection, "late"), found(&mut connection, "again")), (vec![1], vec![3]));
        let changes = Changes::begin();
        change("t", 4, cut("early"), None);
        change("t", 1, cut("late"), Some(cut("later")));
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
        assert_eq!(terms(&mut connection), ["kept"]);
    }

    #[test]
    fn a_transaction_that_ends_early_leaves_no_words_to_the_next() {
        let mut connection = connection();
        let changes = Changes::begin();
        words(1, "lost");
        drop(changes);
        Changes::begin().write(&mut connection).unwrap();
        assert!(found(&mut connection, "lost").is_empty());
        assert!(terms(&mut connection).is_empty());
    }

    #[test]
    fn a_word_is_there_until_its_last_row_has_it_no_more() {
        let mut connection = connection();
        let mut write = |of: &dyn Fn()| {
            let changes = Changes::begin();
            of();
            changes.write(&mut connection).unwrap();
            terms(&mut connection)
        };
        let two = write(&|| {
            words(1, "shared ada");
            words(2, "shared bob");
        });
        assert_eq!(two, ["ada", "bob", "shared"]);
        assert_eq!(write(&|| change("t", 1, cut("shared ada"), Some(cut("eve")))), ["bob", "eve", "shared"]);
        assert_eq!(write(&|| change("t", 2, cut("shared bob"), None)), ["eve"]);
        // What one row gives up and another takes in one transaction.
        let handed_on = write(&|| {
            words(3, "eve");
            change("t", 1, cut("eve"), None);
        });
        assert_eq!(handed_on, ["eve"]);
        // What a row had for a while within one, and what it got back.
        let back = write(&|| {
            change("t", 3, cut("eve"), Some(cut("while")));
            change("t", 3, cut("while"), Some(cut("eve")));
        });
        assert_eq!(back, ["eve"]);
        assert!(write(&|| change("t", 3, cut("eve"), None)).is_empty());
    }

    #[test]
    fn whatever_rows_take_and_give_up_the_words_that_there_are_are_those_of_the_index() {
        let mut connection = connection();
        let mut rows: BTreeMap<i64, Vec<String>> = BTreeMap::new();
        let mut step: u64 = 0;
        let mut thrown = |sides: u64| {
            step = step.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (step >> 33) % sides
        };
        for _ in 0..500 {
            let (was, changes) = (rows.clone(), Changes::begin());
            for _ in 0..=thrown(4) {
                let row = i64::try_from(thrown(12)).unwrap();
                let before = rows.remove(&row).unwrap_or_default();
                let after: Vec<String> = (0..thrown(5)).map(|_| format!("w{}é", thrown(40))).collect();
                if !after.is_empty() {
                    rows.insert(row, after.clone());
                }
                change("t", row, before, (!after.is_empty()).then_some(after));
            }
            if thrown(5) == 0 {
                drop(changes);
                rows = was;
            } else {
                changes.write(&mut connection).unwrap();
            }
            let expected: BTreeSet<String> = rows.values().flatten().cloned().collect();
            assert_eq!(terms(&mut connection), expected.into_iter().collect::<Vec<_>>());
        }
    }
}
