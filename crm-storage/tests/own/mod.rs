//! What both databases are asked beyond the laws.

#![allow(dead_code, reason = "each test crate uses its part")]

pub(crate) mod another;
pub(crate) mod forgery;
pub(crate) mod jobs;
pub(crate) mod lists;

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crm_core::contact::ContactEdit;
use crm_core::testkit::Subject;
use crm_core::workspace::Workspace;
use crm_core::{Actor, Crm, Edit, Id, ListRequest, Result, Session, Store};
use crm_storage::Migrated;
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};

/// A database that can be reached past its store.
pub(crate) trait Behind: Subject {
    /// Runs SQL that both databases understand.
    fn execute(&self, sql: &str) -> impl Future<Output = ()>;

    /// These bytes in the SQL of this database.
    fn bytes(bytes: &[u8]) -> String;

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

/// Callers who go away in the middle leave every connection behind, and nothing half written.
pub(crate) async fn drop_callers<S: Store>(store: Arc<S>) {
    let (crm, workspace) = engine(store).await;
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
}

/// What is committed waits for its seal until it is sealed.
pub(crate) async fn entries_that_wait_for_their_seal_are_counted<S, F>(store: Arc<S>, count: fn(Arc<S>) -> F)
where
    S: Store,
    F: Future<Output = u64>,
{
    let (crm, workspace) = engine(store.clone()).await;
    let session = session(&crm, workspace).await;
    fill(&session, 3).await;
    while store.seal_batch(workspace, 100).await.unwrap() > 0 {}
    assert_eq!(count(store.clone()).await, 0);
    fill(&session, 2).await;
    assert_eq!(count(store.clone()).await, 2);
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
