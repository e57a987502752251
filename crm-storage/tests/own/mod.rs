//! What both databases are asked beyond the laws.

#![allow(dead_code, reason = "each test crate uses its part")]

pub(crate) mod another;
pub(crate) mod backfill;
pub(crate) mod dead_road;
pub(crate) mod forgery;
pub(crate) mod jobs;
pub(crate) mod lists;

use std::collections::BTreeSet;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crm_core::contact::ContactEdit;
use crm_core::job::{Handler, JobContext, JobError, Policy, Queue};
use crm_core::search::SearchRequest;
use crm_core::testkit::Subject;
use crm_core::workspace::Workspace;
use crm_core::{Actor, Crm, Edit, Entity, ErrorKind, Id, ListRequest, Result, Session, Store, Timestamp};
use crm_storage::{BINARY_VERSION, Backlog, Migrated};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use uuid::Uuid;

/// A database that can be reached past its store.
pub(crate) trait Behind: Subject {
    /// Runs SQL that both databases understand.
    fn execute(&self, sql: &str) -> impl Future<Output = ()>;

    /// These bytes in the SQL of this database.
    fn bytes(bytes: &[u8]) -> String;

    /// This instant in the SQL of this database.
    fn time(at: Timestamp) -> String;

    /// Where another process finds it.
    fn address(&self) -> String;
}

/// An engine with a workspace.
pub(crate) async fn engine<S: Store>(store: Arc<S>) -> (Crm, Id<Workspace>) {
    let crm = Crm::builder(store).build();
    let workspace = crm.create_workspace("Own").await.unwrap().id;
    (crm, workspace)
}

/// The product itself in a workspace.
pub(crate) async fn session(crm: &Crm, workspace: Id<Workspace>) -> Session {
    crm.acting(Actor::system(workspace, "test")).await.unwrap()
}

/// Makes so many contacts.
pub(crate) async fn fill(session: &Session, contacts: usize) {
    for number in 0..contacts {
        let edit = ContactEdit {
            last_name: Edit::Set(format!("Lovelace {number}")),
            title: Edit::Set("Countess of Lovelace, née Byron".into()),
            ..ContactEdit::default()
        };
        session.contacts().create(edit).await.unwrap();
    }
}

/// A list that looks at every contact.
pub(crate) fn thorough() -> ListRequest {
    let filter = serde_json::from_str(r#"{"field": "title", "op": "contains", "value": "absent"}"#).unwrap();
    ListRequest { filter: Some(filter), count: true, ..ListRequest::default() }
}

/// Lists, lists by words and searches of contacts, each beyond its deadline.
pub(crate) async fn every_list_and_search_is_late(session: &Session) {
    let words = ListRequest { q: Some("lovelace".to_owned()), count: true, ..ListRequest::default() };
    let search = SearchRequest { q: "lovelace countess".to_owned(), ..SearchRequest::default() };
    let contacts = session.contacts();
    for (what, answer) in [
        ("a list", contacts.list(&thorough()).await.map(drop)),
        ("a list by words", contacts.list(&words).await.map(drop)),
        ("a search", session.search().find(&search).await.map(drop)),
    ] {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Unavailable, "{what}");
    }
}

/// Several programs migrate at once: all succeed, one of them does it.
pub(crate) async fn migrate_at_once<S, F>(stores: Vec<Arc<S>>, migrate: fn(Arc<S>) -> F)
where
    S: Send + Sync + 'static,
    F: Future<Output = Result<Migrated>> + Send + 'static,
{
    let tasks: Vec<_> = stores.into_iter().map(|store| tokio::spawn(migrate(store))).collect();
    let mut makers = 0;
    for task in tasks {
        let Migrated { from, to } = task.await.unwrap().unwrap();
        assert!(to > 0);
        makers += i32::from(from == 0);
    }
    assert_eq!(makers, 1);
}

/// A schema that only a newer program understands is refused by programs that have it open and by those that
/// begin, with both numbers; nothing of it is changed.
pub(crate) async fn a_schema_of_a_newer_program_is_refused<D: Behind>(
    database: D,
    ready: impl AsyncFn(&D::Store) -> Result<()>,
    migrate: impl AsyncFn(&D::Store) -> Result<Migrated>,
) {
    let newer = BINARY_VERSION + 1;
    let reason = format!("needs a program of {newer}, not {BINARY_VERSION}");
    database.execute(&format!("UPDATE schema_info SET min_binary = {newer}")).await;
    for store in [database.store(), database.second().await] {
        for refused in [ready(&store).await, migrate(&store).await.map(drop)] {
            let refused = refused.unwrap_err();
            assert_eq!((refused.kind(), refused.code()), (ErrorKind::Unavailable, "schema_too_new"));
            assert!(refused.message().contains(&reason), "{refused}");
        }
    }
    database.execute(&format!("UPDATE schema_info SET min_binary = {BINARY_VERSION}")).await;
    ready(&database.store()).await.unwrap();
    let Migrated { from, to } = migrate(&database.store()).await.unwrap();
    assert_eq!(from, to);
}

/// Callers who go away in the middle leave nothing half written: each record has its entry and each entry its
/// record.
pub(crate) async fn drop_callers<S: Store>(store: Arc<S>) {
    let (crm, workspace) = engine(store.clone()).await;
    let session = session(&crm, workspace).await;
    fill(&session, 300).await;
    for at in 0..200 {
        let pause = Duration::from_micros(at * 20);
        let request = thorough();
        let _ = tokio::time::timeout(pause, session.contacts().list(&request)).await;
        let edit = ContactEdit { last_name: Edit::Set("Gone".into()), ..ContactEdit::default() };
        let _ = tokio::time::timeout(pause, session.contacts().create(edit)).await;
    }
    let requests: Vec<_> = (0..64).map(|_| thorough()).collect();
    let lists = requests.iter().map(|request| async { session.contacts().list(request).await.map(|page| page.total) });
    for total in futures::future::join_all(lists).await {
        assert_eq!(total.unwrap(), Some(0));
    }
    fill(&session, 1).await;
    assert!(session.workspace().verify_journal().await.unwrap().holds());
    // Some were written before their caller went, or carried to their end without it.
    let records = ids(&session, &ListRequest::default()).await;
    let gone = serde_json::from_str(r#"{"field": "last_name", "op": "eq", "value": "Gone"}"#).unwrap();
    let gone = ids(&session, &ListRequest { filter: Some(gone), ..ListRequest::default() }).await;
    assert_eq!(records.len(), 301 + gone.len());
    while store.seal_batch(workspace, 1_000).await.unwrap() > 0 {}
    let entries = store.feed(workspace, 0, 10_000).await.unwrap();
    let made = entries.iter().filter(|sealed| sealed.entry.entity == Entity::Contact);
    let made: Vec<Uuid> = made.map(|sealed| sealed.entry.record_id).collect();
    assert_eq!(made.len(), records.len());
    assert_eq!(made.into_iter().collect::<BTreeSet<_>>(), records);
    // The words of each were indexed with it.
    let words = ListRequest { q: Some("gone".to_owned()), ..ListRequest::default() };
    assert_eq!(ids(&session, &words).await, gone);
}

/// The ids of all contacts of a list.
async fn ids(session: &Session, list: &ListRequest) -> BTreeSet<Uuid> {
    let mut request = ListRequest { limit: Some(200), ..list.clone() };
    let mut ids = BTreeSet::new();
    loop {
        let page = session.contacts().list(&request).await.unwrap();
        ids.extend(page.data.iter().map(|contact| contact.id.uuid()));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            return ids;
        }
    }
}

/// What is committed waits for its seal until it is sealed.
pub(crate) async fn what_is_still_to_do_is_counted<S, F>(store: Arc<S>, backlog: fn(Arc<S>) -> F)
where
    S: Store,
    F: Future<Output = Backlog>,
{
    let (crm, workspace) = engine(store.clone()).await;
    let session = session(&crm, workspace).await;
    fill(&session, 3).await;
    session.jobs().enqueue_all((0..3).map(|_| Idle::job(&()).unwrap())).await.unwrap();
    while store.seal_batch(workspace, 100).await.unwrap() > 0 {}
    assert_eq!(backlog(store.clone()).await, Backlog { unsealed_entries: 0, queued_jobs: 3, running_jobs: 0 });
    fill(&session, 2).await;
    assert_eq!(crm.workers().take(&[(Queue::SYNC, 2)], 2).await.unwrap().len(), 2);
    assert_eq!(backlog(store.clone()).await, Backlog { unsealed_entries: 2, queued_jobs: 1, running_jobs: 2 });
}

/// A kind of job that does nothing.
struct Idle;

impl Handler for Idle {
    type Payload = ();
    const KIND: &'static str = "idle";

    fn policy() -> Policy {
        Policy::on(Queue::SYNC)
    }

    async fn run(&self, _: &JobContext, (): ()) -> std::result::Result<(), JobError> {
        Ok(())
    }
}

/// Another process that is writing to an SQLite file.
pub(crate) fn hold_sqlite(path: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute("BEGIN IMMEDIATE").unwrap();
    connection
}

/// Lays hands on an SQLite file behind the store's back.
pub(crate) fn tamper(path: &Path, statement: &str) {
    let mut connection = SqliteConnection::establish(path.to_str().unwrap()).unwrap();
    connection.batch_execute(statement).unwrap();
}

/// Bytes as SQL writes them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A workspace that went with its schema is unknown, whatever has its place by now.
pub(crate) async fn a_workspace_that_was_taken_back_is_empty<S: Store>(store: Arc<S>, anew: impl AsyncFn(&S)) {
    let (crm, workspace) = engine(store.clone()).await;
    let gone = session(&crm, workspace).await;
    fill(&gone, 1).await;
    anew(&store).await;
    let (crm, workspace) = engine(store).await;
    fill(&session(&crm, workspace).await, 1).await;
    assert!(gone.contacts().list(&ListRequest::default()).await.unwrap().data.is_empty());
}
