//! Every law of the testkit on PostgreSQL, a fresh schema each, and what is PostgreSQL's own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests fail by panicking")]

mod own;

use std::future::Future;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crm_core::testkit::Subject;
use crm_core::{ErrorKind, ListRequest};
use crm_storage::{Options, PostgresStore};
use tokio_postgres::NoTls;

/// The server under test. Where the developer has said that there is none, the tests end here and
/// say so.
fn server() -> String {
    if let Ok(url) = std::env::var("SLACKCRM_TEST_POSTGRES") {
        return url;
    }
    if std::env::var("SLACKCRM_TEST_WITHOUT").is_ok_and(|without| without == "postgres") {
        let _ = std::io::stderr().write_all(b"\nskipped: SLACKCRM_TEST_WITHOUT=postgres\n");
        std::process::exit(0);
    }
    panic!("set SLACKCRM_TEST_POSTGRES to the URL of a database, or SLACKCRM_TEST_WITHOUT=postgres");
}

/// A schema, gone when it is dropped.
struct Schema {
    server: String,
    name: String,
    options: Options,
}

impl Schema {
    async fn new(server: String, options: Options) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let name = format!("test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let schema = Self { server, name, options };
        run(&schema.server, &format!("CREATE SCHEMA {}", schema.name)).await;
        schema
    }

    async fn open(&self) -> Arc<PostgresStore> {
        let mark = if self.server.contains('?') { '&' } else { '?' };
        let url = format!("{}{mark}options=-c%20search_path%3D{}", self.server, self.name);
        Arc::new(PostgresStore::connect(&url, self.options.clone()).await.unwrap())
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let (server, sql) = (self.server.clone(), format!("DROP SCHEMA {} CASCADE", self.name));
        // A thread of its own: the test's runtime may be on its way out.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&server, &sql));
        });
        let _ = dropped.join();
    }
}

async fn run(server: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(server, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    client.batch_execute(sql).await.unwrap();
    drop(client);
    let _ = connection.await;
}

/// A database under test.
struct Database {
    store: Arc<PostgresStore>,
    schema: Schema,
}

impl Subject for Database {
    type Store = PostgresStore;

    fn store(&self) -> Arc<PostgresStore> {
        self.store.clone()
    }

    fn second(&self) -> impl Future<Output = Arc<PostgresStore>> + Send {
        self.schema.open()
    }
}

async fn open() -> Database {
    let schema = Schema::new(server(), Options::default().readers(4).patience(Duration::from_secs(60))).await;
    let store = schema.open().await;
    store.migrate().await.unwrap();
    Database { store, schema }
}

crm_core::testkit::suite!(open);

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_migrate_at_once_migrate_once() {
    let schema = Schema::new(server(), Options::default().readers(1)).await;
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(schema.open().await);
    }
    own::migrate_at_once(stores, |store| async move { store.migrate().await }).await;
    schema.open().await.ready().await.unwrap();
}

#[tokio::test]
async fn a_migration_can_be_taken_back() {
    let schema = Schema::new(server(), Options::default().readers(1)).await;
    let store = schema.open().await;
    assert_eq!(store.ready().await.unwrap_err().code(), "schema_too_old");
    assert_eq!(store.migrate().await.unwrap().from, 0);
    store.revert().await.unwrap();
    assert_eq!(store.ready().await.unwrap_err().code(), "schema_too_old");
    store.migrate().await.unwrap();
    store.ready().await.unwrap();
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let gone = PostgresStore::connect("postgres://127.0.0.1:1/none", Options::default()).await;
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_beyond_its_deadline_is_unavailable_and_its_connection_is_replaced() {
    let deadline = Duration::from_millis(100);
    let schema = Schema::new(server(), Options::default().readers(1).deadline(deadline)).await;
    let store = schema.open().await;
    store.migrate().await.unwrap();
    let (crm, workspace) = own::engine(store).await;
    let session = own::session(&crm, workspace).await;
    let (client, connection) = tokio_postgres::connect(&schema.server, NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let lock = format!("BEGIN; LOCK TABLE {}.contacts IN ACCESS EXCLUSIVE MODE", schema.name);
    client.batch_execute(&lock).await.unwrap();
    for _ in 0..3 {
        let late = session.contacts().list(&ListRequest::default()).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Unavailable);
    }
    client.batch_execute("COMMIT").await.unwrap();
    // The only connection of the pool was replaced each time.
    session.contacts().list(&ListRequest::default()).await.unwrap();
    drop(client);
    let _ = connection.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_callers_leak_nothing() {
    let database = open().await;
    own::drop_callers(database.store()).await;
}
