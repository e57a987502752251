//! Every law of the testkit on SQLite, a fresh file each, and what is SQLite's own.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests fail by panicking")]

mod own;

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crm_core::testkit::{PATIENCE, Subject};
use crm_core::{Crm, ErrorKind, Timestamp};
use crm_storage::{Options, SqliteStore};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};

use self::own::Behind;

/// A file, gone when it is dropped.
struct File {
    folder: tempfile::TempDir,
    options: Options,
}

impl File {
    fn new(options: Options) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), options }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("crm.db")
    }

    fn open(&self) -> Arc<SqliteStore> {
        Arc::new(SqliteStore::open(self.path(), self.options.clone()).unwrap())
    }
}

/// A database under test.
struct Database {
    store: Arc<SqliteStore>,
    file: File,
}

impl Subject for Database {
    type Store = SqliteStore;

    fn store(&self) -> Arc<SqliteStore> {
        self.store.clone()
    }

    fn second(&self) -> impl Future<Output = Arc<SqliteStore>> + Send {
        std::future::ready(self.file.open())
    }
}

impl Behind for Database {
    async fn execute(&self, sql: &str) {
        SqliteConnection::establish(&self.address()).unwrap().batch_execute(sql).unwrap();
    }

    fn bytes(bytes: &[u8]) -> String {
        format!("x'{}'", own::hex(bytes))
    }

    fn time(at: Timestamp) -> String {
        at.micros().to_string()
    }

    fn address(&self) -> String {
        self.file.path().to_str().unwrap().to_owned()
    }
}

/// What a machine that stands still for a moment does not end.
fn patient() -> Options {
    Options::default().patience(PATIENCE).deadline(PATIENCE)
}

async fn open() -> Database {
    let file = File::new(patient());
    let store = file.open();
    store.migrate().await.unwrap();
    Database { store, file }
}

/// The file of the process that started this one.
async fn reopen() -> Arc<SqliteStore> {
    Arc::new(SqliteStore::open(own::another::address(), Options::default()).unwrap())
}

crm_core::testkit::suite!(open);

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_migrate_at_once_migrate_once() {
    let file = File::new(Options::default());
    own::migrate_at_once((0..4).map(|_| file.open()).collect(), |store| async move { store.migrate().await }).await;
    file.open().ready().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_waits_longer_for_another_than_a_write_does() {
    let file = File::new(Options::default().patience(Duration::from_millis(50)));
    let store = file.open();
    let busy = own::hold_sqlite(&file.path());
    let migrating = tokio::spawn({
        let store = store.clone();
        async move { store.migrate().await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(!migrating.is_finished());
    drop(busy);
    assert_eq!(migrating.await.unwrap().unwrap().from, 0);
    store.ready().await.unwrap();
}

#[tokio::test]
async fn every_migration_can_be_taken_back() {
    let file = File::new(Options::default());
    let store = file.open();
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
    let (revert, migrate) = (SqliteStore::revert, SqliteStore::migrate);
    own::backfill::sums_that_a_migration_begins_are_those_of_the_rows(open().await, revert, migrate).await;
}

#[tokio::test]
async fn a_schema_of_a_newer_program_is_refused() {
    let (ready, migrate) = (SqliteStore::ready, SqliteStore::migrate);
    own::a_schema_of_a_newer_program_is_refused(open().await, ready, migrate).await;
}

#[tokio::test]
async fn a_workspace_that_was_taken_back_is_empty() {
    let database = open().await;
    own::a_workspace_that_was_taken_back_is_empty(database.store(), async |store| {
        while store.revert().await.unwrap().to > 0 {}
        store.migrate().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn what_is_no_file_is_refused() {
    for path in ["", ":memory:", "file:x?mode=memory", "a\0b"] {
        assert_eq!(SqliteStore::open(path, Options::default()).unwrap_err().kind(), ErrorKind::Invalid, "{path:?}");
    }
    let missing = SqliteStore::open("/nowhere/at/all.db", Options::default());
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_or_search_beyond_its_deadline_is_unavailable_and_stops() {
    let file = File::new(Options::default().deadline(Duration::ZERO));
    let store = file.open();
    store.migrate().await.unwrap();
    let (crm, workspace) = own::engine(store).await;
    let session = own::session(&crm, workspace).await;
    own::fill(&session, 1_000).await;
    own::every_list_and_search_is_late(&session).await;
    // Keyed reads and writes have no deadline.
    own::fill(&session, 1).await;
}

#[tokio::test]
async fn a_second_process_that_writes_too_long_makes_the_store_unavailable() {
    let file = File::new(patient());
    let store = file.open();
    store.migrate().await.unwrap();
    let hasty = SqliteStore::open(file.path(), Options::default().patience(Duration::from_millis(50))).unwrap();
    let hasty = Crm::builder(Arc::new(hasty)).build();
    let busy = own::hold_sqlite(&file.path());
    let error = hasty.create_workspace("Late").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.is_retryable());
    drop(busy);
    Crm::builder(store).build().create_workspace("In time").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_that_wait_are_counted() {
    let database = open().await;
    let store = database.store();
    let (crm, workspace) = own::engine(store.clone()).await;
    let session = own::session(&crm, workspace).await;
    assert_eq!(store.writers_waiting(), 0);
    let busy = own::hold_sqlite(&database.file.path());
    let write = || {
        let session = session.clone();
        tokio::spawn(async move { own::fill(&session, 1).await })
    };
    let writes = [write(), write(), write()];
    // One waits for the other process, and the others for the one.
    while store.writers_waiting() < 2 {
        tokio::task::yield_now().await;
    }
    drop(busy);
    for write in writes {
        write.await.unwrap();
    }
    assert_eq!(store.writers_waiting(), 0);
}

#[tokio::test]
async fn what_is_still_to_do_is_counted() {
    let database = open().await;
    own::what_is_still_to_do_is_counted(database.store(), |store| async move { store.backlog().await.unwrap() }).await;
}

#[test]
fn the_store_works_without_a_runtime() {
    let file = File::new(Options::default());
    let store = file.open();
    futures::executor::block_on(async {
        store.migrate().await.unwrap();
        Crm::builder(store).build().create_workspace("Alone").await.unwrap();
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_thousands_pass_is_what_its_filter_says() {
    let database = open().await;
    own::lists::a_list_that_thousands_pass_is_what_its_filter_says(database.store()).await;
}

#[tokio::test]
async fn a_filter_of_more_values_than_a_statement_takes_is_refused() {
    let database = open().await;
    own::lists::a_filter_of_more_values_than_a_statement_takes_is_refused(database.store(), 32_766).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn dropped_callers_leak_nothing() {
    // Where lists have one connection, all of them would miss it.
    for options in [patient(), patient().readers(1)] {
        let file = File::new(options);
        let store = file.open();
        store.migrate().await.unwrap();
        own::drop_callers(store).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_are_neither_sealed_nor_waiting_are_found() {
    let database = open().await;
    let (crm, workspace) = own::engine(database.store()).await;
    let session = own::session(&crm, workspace).await;
    own::fill(&session, 2).await;
    assert!(session.workspace().verify_journal().await.unwrap().holds());
    own::fill(&session, 1).await;
    own::tamper(&database.file.folder.path().join("crm.db"), "DELETE FROM journal_queue");
    let verified = session.workspace().verify_journal().await.unwrap();
    assert_eq!(verified.broken_at, Some(verified.sealed + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_was_erased_by_hand_is_found() {
    for forged in
        ["change = 5, before = NULL, after = NULL, events = NULL, salt = NULL", "before = '{}'", "cause = 'x'"]
    {
        let database = open().await;
        let (crm, workspace) = own::engine(database.store()).await;
        let session = own::session(&crm, workspace).await;
        own::fill(&session, 1).await;
        assert!(session.workspace().verify_journal().await.unwrap().holds());
        let forge = format!(
            "UPDATE journal SET digest = CASE WHEN {} THEN randomblob(32) END, {forged} WHERE after LIKE '%Lovelace%'",
            i32::from(forged.contains("salt")),
        );
        own::tamper(&database.file.folder.path().join("crm.db"), &forge);
        assert!(!session.workspace().verify_journal().await.unwrap().holds(), "{forged}");
    }
}

#[tokio::test]
async fn a_changed_entry_is_found() {
    own::forgery::a_changed_entry_is_found(async || Some(open().await)).await;
}

#[tokio::test]
async fn a_job_that_cannot_be_read_fails_and_the_others_are_done() {
    own::jobs::a_job_that_cannot_be_read_fails_and_the_others_are_done(async || Some(open().await)).await;
}

#[tokio::test]
async fn a_job_of_a_later_kind_waits_for_a_process_that_knows_it() {
    own::jobs::a_job_of_a_later_kind_waits_for_a_process_that_knows_it(async || Some(open().await)).await;
}

#[tokio::test]
async fn a_job_that_cannot_be_read_gives_its_unique_key_free() {
    own::jobs::a_job_that_cannot_be_read_gives_its_unique_key_free(async || Some(open().await)).await;
}

#[tokio::test]
async fn a_job_that_cannot_be_read_keeps_its_queue_and_its_turn() {
    own::jobs::a_job_that_cannot_be_read_keeps_its_queue_and_its_turn(async || Some(open().await)).await;
}

#[tokio::test]
async fn a_removed_entry_is_found() {
    own::forgery::a_removed_entry_is_found(async || Some(open().await)).await;
}

#[tokio::test]
async fn reordered_entries_are_found() {
    own::forgery::reordered_entries_are_found(async || Some(open().await)).await;
}

#[tokio::test]
async fn an_erasure_that_no_purge_explains_is_found() {
    own::forgery::an_erasure_that_no_purge_explains_is_found(async || Some(open().await)).await;
}

#[tokio::test]
async fn a_chain_that_was_made_anew_shows_in_its_hash() {
    own::forgery::a_chain_that_was_made_anew_shows_in_its_hash(async || Some(open().await)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_another_process_left_behind_is_a_conflict() {
    if own::another::is_this() {
        return own::another::act(reopen().await).await;
    }
    own::another::a_version_that_another_process_left_behind_is_a_conflict(open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reliance_that_another_process_broke_is_a_conflict() {
    if own::another::is_this() {
        return own::another::act(reopen().await).await;
    }
    own::another::a_reliance_that_another_process_broke_is_a_conflict(open().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_outlives_its_process_and_is_not_repeated() {
    if own::another::is_this() {
        return own::another::act(reopen().await).await;
    }
    own::another::a_commit_outlives_its_process_and_is_not_repeated(open().await).await;
}
