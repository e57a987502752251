//! Every law of the testkit on PostgreSQL, a fresh schema each, and what is PostgreSQL's own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests fail by panicking")]

mod own;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crm_core::contact::ContactEdit;
use crm_core::job::Never;
use crm_core::journal::JournalStore as _;
use crm_core::store::IdempotencyKey;
use crm_core::testkit::{PATIENCE, Road, Subject};
use crm_core::{Actor, Crm, Edit, ErrorKind, ListRequest, Result, Timestamp};
use crm_storage::testkit::{Schema, at_rest, patient};
use crm_storage::{Connections, Options, PostgresStore};

use self::own::Behind;

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
        self.schema.store(options())
    }
}

impl Behind for Database {
    async fn execute(&self, sql: &str) {
        self.schema.client().await.batch_execute(sql).await.unwrap();
    }

    fn bytes(bytes: &[u8]) -> String {
        format!("CAST('\\x{}' AS bytea)", own::hex(bytes))
    }

    fn time(at: Timestamp) -> String {
        format!("TIMESTAMPTZ 'epoch' + {} * INTERVAL '1 microsecond'", at.micros())
    }

    fn address(&self) -> String {
        self.schema.url()
    }
}

fn options() -> Options {
    patient().connections(4)
}

async fn open() -> Option<Database> {
    let schema = Schema::new().await?;
    let store = schema.store(options()).await;
    store.migrate().await.unwrap();
    Some(Database { store, schema })
}

/// The schema of the process that started this one.
async fn reopen() -> Arc<PostgresStore> {
    Arc::new(PostgresStore::connect(&own::another::address(), Options::default()).await.unwrap())
}

crm_core::testkit::suite!(open);

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_migrate_at_once_migrate_once() {
    let Some(schema) = Schema::new().await else { return };
    let open = || schema.store(Options::default().connections(1));
    let mut stores = Vec::new();
    for _ in 0..4 {
        stores.push(open().await);
    }
    own::migrate_at_once(stores, |store| async move { store.migrate().await }).await;
    open().await.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_waits_longer_for_another_than_a_write_does() {
    // In which a connection is made too.
    let patience = Duration::from_secs(2);
    let Some(schema) = Schema::new().await else { return };
    let store = schema.store(Options::default().connections(1).patience(patience)).await;
    store.migrate().await.unwrap();
    let newest = store.revert().await.unwrap().from;
    let client = schema.client().await;
    client.batch_execute("BEGIN; LOCK TABLE schema_info IN EXCLUSIVE MODE").await.unwrap();
    let migrating = tokio::spawn({
        let store = store.clone();
        async move { store.migrate().await }
    });
    tokio::time::sleep(patience * 2).await;
    assert!(!migrating.is_finished());
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(migrating.await.unwrap().unwrap().to, newest);
    store.ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_commits_under_a_key_waits_for_nobody_who_holds_another_expired_one() {
    let Some(schema) = Schema::new().await else { return };
    let store = schema.store(patient().connections(2)).await;
    store.migrate().await.unwrap();
    let (crm, workspace) = own::engine(store).await;
    let session = own::session(&crm, workspace).await;
    let create = async |key: &str| {
        let edit = ContactEdit { last_name: Edit::Set(key.to_owned()), ..ContactEdit::default() };
        let key = IdempotencyKey::new("POST /contacts", key, b"body");
        session.clone().once(key).contacts().create(edit).await.unwrap();
    };
    create("old").await;
    let client = schema.client().await;
    client.batch_execute("UPDATE idempotency_keys SET at = at - INTERVAL '2 days'").await.unwrap();
    client.batch_execute("BEGIN; SELECT 1 FROM idempotency_keys FOR UPDATE").await.unwrap();
    create("new").await;
    // Nor does upkeep, which finds it the next time.
    assert_eq!(crm.forget_old_keys(&Never).await.unwrap(), 0);
    client.batch_execute("COMMIT").await.unwrap();
    assert_eq!(crm.forget_old_keys(&Never).await.unwrap(), 1);
}

#[tokio::test]
async fn every_migration_can_be_taken_back() {
    let Some(schema) = Schema::new().await else { return };
    let store = schema.store(Options::default().connections(1)).await;
    assert_eq!(store.ready().await.unwrap_err().code(), "schema_too_old");
    assert_eq!(store.migrate().await.unwrap().from, 0);
    while store.revert().await.unwrap().to > 0 {
        assert_eq!(store.ready().await.unwrap_err().code(), "schema_too_old");
    }
    assert_eq!(store.migrate().await.unwrap().from, 0);
    store.ready().await.unwrap();
}

#[tokio::test]
async fn sums_that_a_migration_begins_are_those_of_the_rows() {
    let Some(database) = open().await else { return };
    let (revert, migrate) = (PostgresStore::revert, PostgresStore::migrate);
    own::backfill::sums_that_a_migration_begins_are_those_of_the_rows(database, revert, migrate).await;
}

#[tokio::test]
async fn a_schema_of_a_newer_program_is_refused() {
    let Some(database) = open().await else { return };
    let (ready, migrate) = (PostgresStore::ready, PostgresStore::migrate);
    own::a_schema_of_a_newer_program_is_refused(database, ready, migrate).await;
}

#[tokio::test]
async fn a_workspace_that_was_taken_back_is_empty() {
    let Some(database) = open().await else { return };
    own::a_workspace_that_was_taken_back_is_empty(database.store(), async |store| {
        while store.revert().await.unwrap().to > 0 {}
        store.migrate().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let gone = PostgresStore::connect("postgres://127.0.0.1:1/none", Options::default()).await;
    assert_eq!(gone.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_that_are_longer_than_a_server_can_hold_are_taken() {
    let ever = Duration::MAX;
    let options = Options::default().connections(2).deadline(ever).patience(ever).write_deadline(ever);
    let Some(schema) = Schema::new().await else { return };
    let store = schema.store(options).await;
    store.migrate().await.unwrap();
    let (crm, workspace) = own::engine(store).await;
    let session = own::session(&crm, workspace).await;
    own::fill(&session, 1).await;
    assert_eq!(session.contacts().list(&ListRequest::default()).await.unwrap().data.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_or_search_beyond_its_deadline_is_unavailable_and_its_connection_is_replaced() {
    let Some(schema) = Schema::new().await else { return };
    let store = schema.store(patient().connections(1)).await;
    store.migrate().await.unwrap();
    let (_, workspace) = own::engine(store).await;
    // Who is asked is read by its key, for which there is no more time than for a list.
    let hasty = schema.store(patient().connections(1).deadline(Duration::from_millis(500))).await;
    let crm = Crm::builder(hasty).build();
    let session = in_time(async || crm.acting(Actor::system(workspace, "test")).await).await;
    let client = schema.client().await;
    client.batch_execute("BEGIN; LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE").await.unwrap();
    for _ in 0..3 {
        let late = session.contacts().list(&ListRequest::default()).await.unwrap_err();
        assert_eq!(late.kind(), ErrorKind::Unavailable);
    }
    own::every_list_and_search_is_late(&session).await;
    client.batch_execute("COMMIT").await.unwrap();
    // The only connection of the pool was replaced each time.
    in_time(async || session.contacts().list(&ListRequest::default()).await).await;
}

/// What comes of it, asked again where it came too late: a machine that stands still is late with anything.
async fn in_time<T>(ask: impl AsyncFn() -> Result<T>) -> T {
    let asked = async {
        loop {
            match ask().await {
                Ok(done) => return done,
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_on_a_dead_road_ends_and_its_repeat_has_one_effect() {
    let (patience, deadline) = (Duration::from_secs(3), Duration::from_secs(6));
    let options = Options::default().connections(4).deadline(patience).patience(patience).write_deadline(deadline);
    let Some(schema) = Schema::new().await else { return };
    // What a slow machine migrates in its time is no concern of this law.
    schema.store(options.clone()).await.migrate().await.unwrap();
    let road = Road::to(&schema.url());
    let store = Arc::new(PostgresStore::connect(road.url(), options).await.unwrap());
    own::dead_road::a_write_on_a_dead_road_ends_and_its_repeat_has_one_effect(store, &road).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_survives_the_end_of_the_runtime_that_opened_its_connection() {
    let Some(schema) = Schema::new().await else { return };
    let store = schema.store(patient().connections(2)).await;
    store.migrate().await.unwrap();
    let (crm, workspace) = own::engine(store.clone()).await;
    let session = own::session(&crm, workspace).await;
    // Two at once open the second connection, on a runtime like a server's worker.
    let worker = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let asked = worker.spawn(async move { tokio::join!(store.ready(), store.ready()) });
    let (one, two) = asked.await.unwrap();
    one.and(two).unwrap();
    let client = schema.client().await;
    client.batch_execute("BEGIN; LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let list = || {
        let contacts = session.contacts();
        tokio::spawn(async move { contacts.list(&ListRequest::default()).await.map(|page| page.data.len()) })
    };
    let lists = [list(), list()];
    let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'contacts'::regclass";
    while client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) < 2 {
        tokio::task::yield_now().await;
    }
    tokio::task::spawn_blocking(move || drop(worker)).await.unwrap();
    client.batch_execute("COMMIT").await.unwrap();
    for list in lists {
        assert_eq!(list.await.unwrap().unwrap(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_gives_what_an_older_transaction_commits_late() {
    let Some(database) = open().await else { return };
    let store = database.store();
    let (crm, workspace) = own::engine(store.clone()).await;
    let session = own::session(&crm, workspace).await;
    own::fill(&session, 1).await;
    // A commit's own way to the journal, held open after it has taken its place in the queue.
    let late = database.schema.client().await;
    let append = "BEGIN;
        INSERT INTO journal (workspace_id, record_id, id, at, depth, entity, version, change, after, salt)
            SELECT workspace_id, record_id, '00000000-0000-7000-8000-000000000001', at, depth, entity, version + 1,
                2, after, salt FROM journal ORDER BY id DESC LIMIT 1;
        INSERT INTO journal_queue (workspace_id, record_id, entry_id)
            SELECT workspace_id, record_id, id FROM journal WHERE id = '00000000-0000-7000-8000-000000000001'";
    late.batch_execute(append).await.unwrap();
    own::fill(&session, 3).await;
    while store.seal_batch(workspace, 2).await.unwrap() > 0 {}
    let before = store.feed(workspace, 0, 100).await.unwrap();
    late.batch_execute("COMMIT").await.unwrap();
    own::fill(&session, 1).await;
    while store.seal_batch(workspace, 2).await.unwrap() > 0 {}
    // A reader goes on from the last number that it has seen.
    let seen = before.len() as i64;
    let after = store.feed(workspace, seen, 100).await.unwrap();
    assert_eq!(after.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [seen + 1, seen + 2]);
    assert_eq!(after[0].entry.id.to_string(), "00000000-0000-7000-8000-000000000001");
    let verified = store.verify(workspace).await.unwrap();
    assert!(verified.holds() && verified.unsealed == 0, "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_wait_for_a_connection_are_counted() {
    let Some(schema) = Schema::new().await else { return };
    let store = schema.store(patient().connections(1)).await;
    store.migrate().await.unwrap();
    let (crm, workspace) = own::engine(store.clone()).await;
    let session = own::session(&crm, workspace).await;
    assert_eq!(store.connections(), Connections { open: 1, idle: 1, waiting: 0 });
    let client = schema.client().await;
    client.batch_execute("BEGIN; LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let list = || {
        let contacts = session.contacts();
        tokio::spawn(async move { contacts.list(&ListRequest::default()).await.map(drop) })
    };
    let lists = [list(), list(), list()];
    // The first has its turn a moment before its connection.
    while store.connections().waiting < 2 || store.connections().idle > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.connections(), Connections { open: 1, idle: 0, waiting: 2 });
    client.batch_execute("COMMIT").await.unwrap();
    for list in lists {
        list.await.unwrap().unwrap();
    }
    assert_eq!(store.connections(), Connections { open: 1, idle: 1, waiting: 0 });
}

#[tokio::test]
async fn what_is_still_to_do_is_counted() {
    let Some(database) = open().await else { return };
    own::what_is_still_to_do_is_counted(database.store(), |store| async move { store.backlog().await.unwrap() }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_thousands_pass_is_what_its_filter_says() {
    let Some(database) = open().await else { return };
    own::lists::a_list_that_thousands_pass_is_what_its_filter_says(database.store()).await;
}

#[tokio::test]
async fn a_filter_of_more_values_than_a_statement_takes_is_refused() {
    let Some(database) = open().await else { return };
    own::lists::a_filter_of_more_values_than_a_statement_takes_is_refused(database.store(), 65_535).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_callers_leak_nothing() {
    let Some(database) = open().await else { return };
    let store = database.store();
    own::drop_callers(store.clone()).await;
    at_rest(&store).await;
    // All four of them serve at once.
    let client = database.schema.client().await;
    client.batch_execute("BEGIN; LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let (crm, workspace) = own::engine(store.clone()).await;
    let session = own::session(&crm, workspace).await;
    let write = || {
        let session = session.clone();
        tokio::spawn(async move { own::fill(&session, 1).await })
    };
    let writes = [write(), write(), write(), write()];
    let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'contacts'::regclass";
    while client.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) < 4 {
        tokio::task::yield_now().await;
    }
    client.batch_execute("COMMIT").await.unwrap();
    for write in writes {
        write.await.unwrap();
    }
}

#[tokio::test]
async fn a_changed_entry_is_found() {
    own::forgery::a_changed_entry_is_found(open).await;
}

#[tokio::test]
async fn a_job_that_cannot_be_read_fails_and_the_others_are_done() {
    own::jobs::a_job_that_cannot_be_read_fails_and_the_others_are_done(open).await;
}

#[tokio::test]
async fn a_job_of_a_later_kind_waits_for_a_process_that_knows_it() {
    own::jobs::a_job_of_a_later_kind_waits_for_a_process_that_knows_it(open).await;
}

#[tokio::test]
async fn a_job_that_cannot_be_read_gives_its_unique_key_free() {
    own::jobs::a_job_that_cannot_be_read_gives_its_unique_key_free(open).await;
}

#[tokio::test]
async fn a_job_that_cannot_be_read_keeps_its_queue_and_its_turn() {
    own::jobs::a_job_that_cannot_be_read_keeps_its_queue_and_its_turn(open).await;
}

#[tokio::test]
async fn a_removed_entry_is_found() {
    own::forgery::a_removed_entry_is_found(open).await;
}

#[tokio::test]
async fn reordered_entries_are_found() {
    own::forgery::reordered_entries_are_found(open).await;
}

#[tokio::test]
async fn an_erasure_that_no_purge_explains_is_found() {
    own::forgery::an_erasure_that_no_purge_explains_is_found(open).await;
}

#[tokio::test]
async fn a_chain_that_was_made_anew_shows_in_its_hash() {
    own::forgery::a_chain_that_was_made_anew_shows_in_its_hash(open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_another_process_left_behind_is_a_conflict() {
    if own::another::is_this() {
        return own::another::act(reopen().await).await;
    }
    let Some(database) = open().await else { return };
    own::another::a_version_that_another_process_left_behind_is_a_conflict(database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reliance_that_another_process_broke_is_a_conflict() {
    if own::another::is_this() {
        return own::another::act(reopen().await).await;
    }
    let Some(database) = open().await else { return };
    own::another::a_reliance_that_another_process_broke_is_a_conflict(database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_outlives_its_process_and_is_not_repeated() {
    if own::another::is_this() {
        return own::another::act(reopen().await).await;
    }
    let Some(database) = open().await else { return };
    own::another::a_commit_outlives_its_process_and_is_not_repeated(database).await;
}
