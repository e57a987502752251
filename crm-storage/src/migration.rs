//! Versions of the schema, and who may work on which.

use crm_core::{Error, Result};

/// What this program is to the databases: a schema that says it needs a newer program is refused.
pub const BINARY_VERSION: i32 = 5;

/// One step of a schema.
pub(crate) struct Migration {
    /// Its number, from 1, ascending.
    pub(crate) version: i32,
    /// The oldest program that can work on the schema after it.
    pub(crate) min_binary: i32,
    /// The way there.
    pub(crate) up: &'static str,
    /// The way back.
    pub(crate) down: &'static str,
}

/// What a migration did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The schema's version before.
    pub from: i32,
    /// Its version now.
    pub to: i32,
}

/// The schema as the database describes it; both are 0 before the first migration.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SchemaInfo {
    pub(crate) version: i32,
    pub(crate) min_binary: i32,
}

impl SchemaInfo {
    /// Refuses a schema that only newer programs understand.
    pub(crate) fn check_binary(self) -> Result<Self> {
        if self.min_binary > BINARY_VERSION {
            let Self { version, min_binary } = self;
            let message =
                format!("the schema is at {version} and needs a program of {min_binary}, not {BINARY_VERSION}");
            return Err(Error::unavailable(message).with_code("schema_too_new"));
        }
        Ok(self)
    }

    /// Whether no migration is left to do.
    pub(crate) fn is_current(self, migrations: &[Migration]) -> bool {
        self.version >= newest(migrations)
    }

    /// Refuses a schema that this program cannot work on.
    pub(crate) fn check_ready(self, migrations: &[Migration]) -> Result<()> {
        if !self.check_binary()?.is_current(migrations) {
            let newest = newest(migrations);
            let message = format!("the schema is at {} and must be migrated to {newest}", self.version);
            return Err(Error::unavailable(message).with_code("schema_too_old"));
        }
        Ok(())
    }
}

/// The last version.
pub(crate) fn newest(migrations: &[Migration]) -> i32 {
    migrations.last().map_or(0, |migration| migration.version)
}

/// The statements that take a schema from one version to the newest, one script each.
pub(crate) fn pending(migrations: &'static [Migration], from: i32) -> impl Iterator<Item = &'static Migration> {
    migrations.iter().filter(move |migration| migration.version > from)
}

/// Where a schema is once a version is taken back: versions have gaps where others are still to come.
pub(crate) fn before(migrations: &[Migration], version: i32) -> SchemaInfo {
    let last = migrations.iter().rfind(|migration| migration.version < version);
    last.map_or_else(SchemaInfo::default, |last| SchemaInfo { version: last.version, min_binary: last.min_binary })
}

/// The SQL that notes where the schema is.
pub(crate) fn note(version: i32, min_binary: i32) -> String {
    format!("UPDATE schema_info SET version = {version}, min_binary = {min_binary}")
}

/// The SQL that makes the table of versions, in both databases; a second run changes nothing.
pub(crate) const CREATE_INFO: &str = "CREATE TABLE IF NOT EXISTS schema_info \
    (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, min_binary INTEGER NOT NULL)";

/// The SQL that makes its only row.
pub(crate) const FILL_INFO: &str =
    "INSERT INTO schema_info (id, version, min_binary) VALUES (1, 0, 0) ON CONFLICT (id) DO NOTHING";
