//! What tests on real databases stand on: a schema of a test's own on the PostgreSQL server that they share, stores
//! that a slow machine does not hurry, and all that the tables of a database hold.

#![allow(clippy::unwrap_used, reason = "what a test stands on fails it")]

mod postgres_tables;
#[cfg(feature = "sqlite")]
mod sqlite_tables;

use std::sync::Arc;
use std::time::Duration;

use crm_core::testkit::{PATIENCE, postgres_url};
use tokio_postgres::{Client, NoTls};

pub use self::postgres_tables::PostgresTables;
#[cfg(feature = "sqlite")]
pub use self::sqlite_tables::SqliteTables;
use crate::{Connections, Options, PostgresStore};

/// A schema of a test's own, so that nobody else's worker takes its jobs and nobody else's lock stops it. Gone
/// when it is dropped.
pub struct Schema {
    server: String,
    name: String,
}

impl Schema {
    /// An empty schema on the server that tests run on; none where the developer has left that out.
    ///
    /// # Panics
    /// Where the server cannot be reached, and as [`postgres_url`].
    pub async fn new() -> Option<Self> {
        let server = postgres_url()?;
        let name = format!("test_{:032x}", rand::random::<u128>());
        client(&server).await.batch_execute(&format!("CREATE SCHEMA {name}")).await.unwrap();
        Some(Self { server, name })
    }

    /// The URL of the server, with this schema as the one that names are looked up in.
    pub fn url(&self) -> String {
        let mark = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{mark}options=-c%20search_path%3D{}", self.server, self.name)
    }

    /// A connection past the store; it ends with the client.
    ///
    /// # Panics
    /// Where the server cannot be reached.
    pub async fn client(&self) -> Client {
        client(&self.url()).await
    }

    /// A store on the schema, as one more process has it; not migrated.
    ///
    /// # Panics
    /// Where the server cannot be reached.
    pub async fn store(&self, options: Options) -> Arc<PostgresStore> {
        Arc::new(PostgresStore::connect(&self.url(), options).await.unwrap())
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let Self { server, name } = self;
        // Whoever still holds a lock there, as the worker of a server that nobody stopped, serves nobody any more.
        let sql = format!(
            "SET lock_timeout = '10s';
            SELECT pg_terminate_backend(held.pid) FROM pg_locks AS held JOIN pg_class ON pg_class.oid = held.relation
                WHERE held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND relnamespace = '{name}'::regnamespace AND held.pid <> pg_backend_pid();
            DROP SCHEMA {name} CASCADE"
        );
        let server = server.clone();
        // A thread of its own: the test's runtime may be on its way out.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            if let Err(error) = runtime.block_on(async { client(&server).await.batch_execute(&sql).await }) {
                // It is in nobody's way.
                tracing::warn!(%error, "the schema of a test stays");
            }
        });
        let _ = dropped.join();
    }
}

async fn client(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// Waits until every connection that is open is idle and nobody waits for one, and says how many there are.
/// Whoever is gone lets go of its connection a moment later.
///
/// # Panics
/// Where that does not come in [`PATIENCE`]: a connection is lost.
pub async fn at_rest(store: &PostgresStore) -> u64 {
    let rest = async {
        loop {
            let Connections { open, idle, waiting } = store.connections();
            if open == idle && waiting == 0 {
                return open;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, rest).await.unwrap()
}

/// The options of a store whose limits a machine that stands still for a moment does not reach.
pub fn patient() -> Options {
    Options::default().patience(PATIENCE).deadline(PATIENCE).write_deadline(PATIENCE)
}
