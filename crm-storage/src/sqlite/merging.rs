//! Merges of the index of words, while nobody changes it.
//!
//! FTS5 keeps the words of each transaction as a segment of the index and looks into every segment at each search.
//! It merges some of them as more come, no more than a write can bear. The rest is merged here, once no words
//! have come for a while, a few pages in a transaction.

use std::collections::BTreeSet;
use std::time::Duration;

use diesel::sql_types::BigInt;
use diesel::{QueryResult, SqliteConnection};
use parking_lot::Mutex;

use super::RunQueryDsl as _;
use super::sql::fragment::{Fragment, Statement};

/// For how long no words have come when a merge begins.
pub(super) const QUIET: Duration = Duration::from_secs(1);
/// Pages that one transaction writes: a write that comes meanwhile waits for them.
const PAGES: i64 = 16;
/// The largest segment is merged with the others once they are such a part of it together: to write it again costs
/// as much as it is large.
const PART: i64 = 16;

/// The tables whose words changed since they were merged.
#[derive(Default)]
pub(super) struct Changed(Mutex<State>);

#[derive(Default)]
struct State {
    tables: BTreeSet<&'static str>,
    /// How often words came.
    count: u64,
    is_planned: bool,
}

impl Changed {
    /// Words of these tables changed.
    pub(super) fn add(&self, tables: Vec<&'static str>) {
        if !tables.is_empty() {
            let mut state = self.0.lock();
            state.tables.extend(tables);
            state.count += 1;
        }
    }

    /// Whether somebody is to begin to merge: there is something, and nobody does.
    pub(super) fn plan(&self) -> bool {
        let mut state = self.0.lock();
        !state.tables.is_empty() && !std::mem::replace(&mut state.is_planned, true)
    }

    /// How often words came.
    pub(super) fn count(&self) -> u64 {
        self.0.lock().count
    }

    /// A table that is to be merged; without one, whoever asks has done.
    pub(super) fn next(&self) -> Option<&'static str> {
        let mut state = self.0.lock();
        let next = state.tables.first().copied();
        state.is_planned = next.is_some();
        next
    }

    /// A table is merged, unless words came after the first so many times.
    pub(super) fn merged(&self, table: &'static str, count: u64) {
        let mut state = self.0.lock();
        if state.count == count {
            state.tables.remove(table);
        }
    }

    /// Whoever merged does so no more.
    pub(super) fn leave(&self) {
        self.0.lock().is_planned = false;
    }
}

/// Merges a few pages of a table's index; `false` where there is nothing to do.
pub(super) fn merge(connection: &mut SqliteConnection, table: &'static str) -> QueryResult<bool> {
    let sizes = Fragment::new("SELECT COUNT(*) FROM ").sql(table).sql("_idx GROUP BY segid ORDER BY 1 DESC");
    let sizes: Vec<i64> = Statement::<BigInt>::new(sizes.fixed()).load(connection).into_inner()?;
    let [largest, others @ ..] = sizes.as_slice() else { return Ok(false) };
    if others.is_empty() || others.iter().sum::<i64>() * PART < *largest {
        return Ok(false);
    }
    let before = changes(connection)?;
    // A number below zero merges all segments into one, over as many calls as it takes.
    let merge = Fragment::new("INSERT INTO ").sql(table).sql(" (").sql(table).sql(", rank) VALUES ('merge', ");
    Statement::<()>::new(merge.bind(-PAGES).sql(")").fixed()).execute(connection).into_inner()?;
    // The command itself counts as one change.
    Ok(changes(connection)? - before > 1)
}

fn changes(connection: &mut SqliteConnection) -> QueryResult<i64> {
    let total = Statement::<BigInt>::new(Fragment::new("SELECT total_changes()").fixed());
    total.get_result(connection).into_inner()
}

#[cfg(test)]
mod tests {
    use diesel::Connection as _;
    use diesel::connection::SimpleConnection as _;

    use super::*;

    fn numbers(connection: &mut SqliteConnection, select: &'static str) -> Vec<i64> {
        Statement::<BigInt>::new(Fragment::new(select)).load(connection).into_inner().unwrap()
    }

    /// Adds words in transactions of ten rows each.
    fn grow(connection: &mut SqliteConnection, rows: std::ops::Range<i64>) {
        for row in rows {
            let begin = if row % 10 == 0 { "BEGIN;" } else { "" };
            let end = if row % 10 == 9 { "COMMIT;" } else { "" };
            let insert =
                format!("{begin} INSERT INTO t (rowid, words) VALUES ({row}, 'all w{row} v{}'); {end}", row % 7);
            connection.batch_execute(&insert).unwrap();
        }
    }

    fn segments(connection: &mut SqliteConnection) -> i64 {
        numbers(connection, "SELECT COUNT(DISTINCT segid) FROM t_idx").iter().sum()
    }

    #[test]
    fn many_segments_become_one_a_few_pages_at_a_time_and_few_new_words_leave_it_alone() {
        let mut connection = SqliteConnection::establish(":memory:").unwrap();
        let table = "CREATE VIRTUAL TABLE t USING fts5 (words, content='', contentless_delete=1, detail=none)";
        connection.batch_execute(table).unwrap();
        grow(&mut connection, 0..20_000);
        assert!(segments(&mut connection) > 1);
        let found =
            |connection: &mut SqliteConnection| numbers(connection, "SELECT rowid FROM t WHERE t MATCH 'v3 AND all'");
        let before = found(&mut connection);
        let merges = std::iter::from_fn(|| merge(&mut connection, "t").unwrap().then_some(())).count();
        assert!(merges > 1, "{merges}");
        assert_eq!(segments(&mut connection), 1);
        assert_eq!(found(&mut connection), before);
        grow(&mut connection, 20_000..20_020);
        assert!(!merge(&mut connection, "t").unwrap());
        assert!(segments(&mut connection) > 1);
    }

    #[test]
    fn what_changed_is_merged_by_one_until_nothing_came_meanwhile() {
        let changed = Changed::default();
        changed.add(Vec::new());
        assert!(!changed.plan());
        changed.add(vec!["b", "a"]);
        assert!(changed.plan() && !changed.plan());
        let before = changed.count();
        assert_eq!(changed.next(), Some("a"));
        changed.add(vec!["a"]);
        changed.merged("a", before);
        assert_eq!(changed.next(), Some("a"));
        let before = changed.count();
        changed.merged("a", before);
        assert_eq!(changed.next(), Some("b"));
        changed.merged("b", before);
        assert_eq!(changed.next(), None);
        changed.add(vec!["b"]);
        assert!(changed.plan());
        changed.leave();
        assert!(changed.plan());
    }
}
