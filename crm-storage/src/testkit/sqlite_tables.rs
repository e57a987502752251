//! What the tables of an SQLite file hold.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crm_core::testkit::Holdings;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Bool, Text};
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use parking_lot::Mutex;
use uuid::Uuid;

/// The columns of all tables but SQLite's own, which hold the figures of its planner.
const COLUMNS: &str = "SELECT one.name AS part, one.sql LIKE 'CREATE VIRTUAL%' AS is_virtual, \
    field.name AS field, field.type AS kind \
    FROM sqlite_schema AS one, pragma_table_info(one.name) AS field \
    WHERE one.type = 'table' AND one.name NOT LIKE 'sqlite%' ORDER BY one.name, field.cid";

/// All tables of an SQLite file, looked at past the store.
pub struct SqliteTables(Mutex<Looking>);

struct Looking {
    connection: SqliteConnection,
    look: String,
    /// What was held, and the file's version then.
    last: Option<(i64, Holdings)>,
}

#[derive(diesel::QueryableByName)]
struct Version {
    #[diesel(sql_type = BigInt)]
    data_version: i64,
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    part: String,
    #[diesel(sql_type = Text)]
    owner: String,
    #[diesel(sql_type = Text)]
    held: String,
}

#[derive(diesel::QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    part: String,
    #[diesel(sql_type = Bool)]
    is_virtual: bool,
    #[diesel(sql_type = Text)]
    field: String,
    #[diesel(sql_type = Text)]
    kind: String,
}

/// A table's columns, each with its type.
#[derive(Default)]
struct Table {
    is_virtual: bool,
    columns: Vec<(String, String)>,
}

impl SqliteTables {
    /// The tables of a file, as they are made now.
    ///
    /// # Panics
    /// Where the file cannot be read.
    pub fn of(file: &Path) -> Self {
        let mut connection = connect(file);
        let mut looks = Vec::new();
        for (name, table) in tables(&mut connection) {
            looks.push(match table.is_virtual {
                true => look_at_words(&mut connection, &name),
                false => look_at(&name, &table),
            });
        }
        Self(Mutex::new(Looking { connection, look: looks.join(" UNION ALL "), last: None }))
    }

    /// All that they hold at one moment. How FTS5 keeps the index of words is left out, because it merges what it
    /// keeps by itself: each word is taken with its record instead. Where SQLite tells that nobody wrote since the
    /// last time, that is what is held.
    ///
    /// # Panics
    /// Where the file cannot be read.
    pub fn holdings(&self) -> Holdings {
        let looking = &mut *self.0.lock();
        let version: Version = diesel::sql_query("PRAGMA data_version").get_result(&mut looking.connection).unwrap();
        match &looking.last {
            Some((last, held)) if *last == version.data_version => held.clone(),
            _ => {
                let rows: Vec<Row> = diesel::sql_query(&looking.look).load(&mut looking.connection).unwrap();
                let mut held = Holdings::default();
                for row in rows {
                    // Without an owner there is no text.
                    held.add(&row.part, Uuid::parse_str(&row.owner).ok(), &row.held);
                }
                looking.last = Some((version.data_version, held.clone()));
                held
            }
        }
    }
}

fn connect(file: &Path) -> SqliteConnection {
    SqliteConnection::establish(file.to_str().unwrap()).unwrap()
}

/// The tables by name, without those in which virtual tables keep what they hold.
fn tables(connection: &mut SqliteConnection) -> BTreeMap<String, Table> {
    let columns: Vec<Column> = diesel::sql_query(COLUMNS).load(connection).unwrap();
    let mut tables: BTreeMap<String, Table> = BTreeMap::new();
    for Column { part, is_virtual, field, kind } in columns {
        let table = tables.entry(part).or_default();
        table.is_virtual = is_virtual;
        table.columns.push((field, kind));
    }
    let indexes: BTreeSet<String> =
        tables.iter().filter(|(_, table)| table.is_virtual).map(|(name, _)| format!("{name}_")).collect();
    tables.retain(|name, _| !indexes.iter().any(|index| name.starts_with(index)));
    tables
}

/// Reads the rows of a table as text, each with its workspace.
fn look_at(name: &str, table: &Table) -> String {
    let workspace = table.columns.iter().find(|(field, _)| field == "workspace_id");
    let (owner, owners) = match (name, workspace.map(|(_, kind)| kind.as_str())) {
        ("workspaces", _) => ("one.id", ""),
        // Sign-ins know the id, all others the key.
        (_, Some("BLOB")) => ("one.workspace_id", ""),
        (_, Some(_)) => ("owner.id", "LEFT JOIN workspaces AS owner ON owner.key = one.workspace_id"),
        (_, None) => ("NULL", ""),
    };
    let fields: Vec<String> = table.columns.iter().map(|(field, _)| format!("quote(one.\"{field}\")")).collect();
    let held = fields.join(" || ',' || ");
    format!("SELECT '{name}' AS part, hex({owner}) AS owner, {held} AS held FROM \"{name}\" AS one {owners}")
}

/// Reads each word of an index with the row of its record, and the record's workspace.
fn look_at_words(connection: &mut SqliteConnection, name: &str) -> String {
    let make = format!("CREATE VIRTUAL TABLE temp.{name}_held USING fts5vocab(main, {name}, instance)");
    connection.batch_execute(&make).unwrap();
    let records = name.strip_suffix("_words").unwrap();
    format!(
        "SELECT '{name}' AS part, hex(owner.id) AS owner, quote(one.term) || ',' || one.doc AS held \
         FROM temp.{name}_held AS one LEFT JOIN {records} AS record ON record.\"row\" = one.doc \
         LEFT JOIN workspaces AS owner ON owner.key = record.workspace_id"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Options, SqliteStore};

    /// A value of a column, as all columns of its type have it.
    fn value(kind: &str) -> &'static str {
        match kind {
            "BLOB" => "x'01980000000070008000000000000001'",
            "TEXT" => "'x'",
            _ => "7",
        }
    }

    /// The tables of a file that gets a row of each, but for the schema's version; each is told what that changed.
    async fn filled(folder: &tempfile::TempDir, mut each: impl FnMut(&str, Vec<String>)) -> SqliteTables {
        let file = folder.path().join("held.db");
        SqliteStore::open(&file, Options::default()).unwrap().migrate().await.unwrap();
        let looking = SqliteTables::of(&file);
        let mut other = connect(&file);
        other.batch_execute("PRAGMA foreign_keys = OFF").unwrap();
        let mut before = looking.holdings();
        let mut tables: Vec<(String, Table)> = tables(&mut other).into_iter().collect();
        assert!(tables.len() > 50, "{}", tables.len());
        tables.retain(|(name, _)| name != "schema_info");
        // The workspaces first, whose keys the others name.
        tables.sort_by_key(|(name, _)| (name != "workspaces", name.clone()));
        for (name, table) in tables {
            let names: Vec<String> = table.columns.iter().map(|(field, _)| format!("\"{field}\"")).collect();
            let values: Vec<&str> = table.columns.iter().map(|(_, kind)| value(kind)).collect();
            let (names, values) = match table.is_virtual {
                true => ("rowid, words".to_owned(), "7, 'lovelace'".to_owned()),
                false => (names.join(", "), values.join(", ")),
            };
            other.batch_execute(&format!("INSERT INTO {name} ({names}) VALUES ({values})")).unwrap();
            let after = looking.holdings();
            each(&name, before.differences(&after));
            before = after;
        }
        looking
    }

    #[tokio::test]
    async fn a_row_more_in_any_table_of_a_file_is_noticed_and_named() {
        let folder = tempfile::tempdir().unwrap();
        let check = |name: &str, told: Vec<String>| {
            assert!(told.len() == 1 && told[0].starts_with(&format!("{name} of ")), "{name}: {told:?}");
        };
        let tables = filled(&folder, check).await;
        let before = tables.holdings();
        let mut other = connect(&folder.path().join("held.db"));
        other.batch_execute("UPDATE schema_info SET min_binary = min_binary + 1").unwrap();
        assert_eq!(before.differences(&tables.holdings()).len(), 1);
    }

    #[tokio::test]
    async fn merging_the_words_changes_nothing_and_a_word_more_or_less_does() {
        let folder = tempfile::tempdir().unwrap();
        let tables = filled(&folder, |_, _| {}).await;
        let mut other = connect(&folder.path().join("held.db"));
        let mut write = |sql: &str| other.batch_execute(sql).unwrap();
        write("INSERT INTO notes_words (rowid, words) VALUES (8, 'ada lovelace')");
        let before = tables.holdings();
        write("INSERT INTO notes_words (rowid, words) VALUES (9, 'babbage')");
        let told = before.differences(&tables.holdings());
        assert!(told.len() == 1 && told[0].starts_with("notes_words of no workspace"), "{told:?}");
        write("DELETE FROM notes_words WHERE rowid = 9");
        assert_eq!(before.differences(&tables.holdings()), Vec::<String>::new());
        write("INSERT INTO notes_words (notes_words) VALUES ('optimize')");
        assert_eq!(before.differences(&tables.holdings()), Vec::<String>::new());
        write("INSERT OR REPLACE INTO notes_words (rowid, words) VALUES (8, 'ada')");
        assert_eq!(before.differences(&tables.holdings()).len(), 1);
    }
}
