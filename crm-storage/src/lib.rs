//! SlackCRM's stores: SQLite in one file, and PostgreSQL, written once.
//!
//! ```text
//! src/sql/<room>.rs   every query, compiled twice: as `sqlite::sql` and as `postgres::sql`
//! src/sqlite/         synchronous Diesel behind finished futures, pool, deadlines, migrations
//! src/postgres/       diesel-async, pool with leases, migrations
//! src/schema.rs       the tables; src/types.rs the SQL types that both databases have
//! migrations/         one folder a database
//! ```
//!
//! A room is plain async Rust over `Conn`, `Db` and `RunQueryDsl`, which mean one thing in
//! `sqlite` and another in `postgres`. Whatever the two databases cannot say in the same words
//! (lists of binds, search, locks) is a function of the same name in each `dialect.rs`.
//!
//! Deliberately absent: read-your-writes over replicas, and row-level security.

#![allow(clippy::duplicate_mod, reason = "the rooms are compiled once for each database")]
#![cfg_attr(
    not(any(feature = "sqlite", feature = "postgres")),
    allow(dead_code, reason = "without a database nothing uses the tables")
)]

mod backlog;
mod fault;
mod migration;
mod options;
#[cfg(feature = "postgres")]
mod postgres;
mod schema;
#[cfg(feature = "sqlite")]
mod sqlite;
#[cfg(any(all(test, feature = "postgres"), feature = "testkit"))]
pub mod testkit;
mod types;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod waiting;

pub use backlog::Backlog;
pub use migration::{BINARY_VERSION, Migrated};
pub use options::{Durability, Notices, Options};
#[cfg(feature = "postgres")]
pub use postgres::{Connections, PostgresStore};
#[cfg(feature = "sqlite")]
pub use sqlite::{Readers, SqliteStore};
