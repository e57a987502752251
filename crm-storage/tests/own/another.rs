//! Another process on the same database: this test program once more, running the same law, which
//! finds its task in the environment.

use std::process::{Command, ExitStatus};
use std::sync::Arc;

use crm_core::access::{Action, Grant};
use crm_core::contact::{Contact, ContactEdit, ContactStore as _};
use crm_core::store::{Changes, IdempotencyKey};
use crm_core::testkit::commit;
use crm_core::workspace::Workspace;
use crm_core::{Crm, Edit, Entity, ErrorKind, Expect, Id, ListRequest, Session, Store};

use super::{Behind, engine, session};

/// What the other process shall do, where, to which workspace and contact.
const TASK: [&str; 4] = [
    "SLACKCRM_TEST_OTHER_TASK",
    "SLACKCRM_TEST_OTHER_ADDRESS",
    "SLACKCRM_TEST_OTHER_WORKSPACE",
    "SLACKCRM_TEST_OTHER_CONTACT",
];

/// Whether this is the other process.
pub(crate) fn is_this() -> bool {
    std::env::var_os(TASK[0]).is_some()
}

/// Runs a law in the other process to its end.
fn another(law: &str, task: &str, address: &str, workspace: Id<Workspace>, contact: &str) -> ExitStatus {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([law, "--exact", "--nocapture"]);
    command.envs(TASK.into_iter().zip([task, address, &workspace.to_string(), contact]));
    let output = command.output().unwrap();
    // A name that matches no test would succeed.
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("running 1 test"), "{said}");
    output.status
}

/// Where the task of this process is to be done.
pub(crate) fn address() -> String {
    std::env::var(TASK[1]).unwrap()
}

/// Does the task of this process.
pub(crate) async fn act<S: Store>(store: Arc<S>) {
    let [task, _, workspace, contact] = TASK.map(|name| std::env::var(name).unwrap());
    let crm = Crm::builder(store).build();
    let session = session(&crm, workspace.parse().unwrap()).await;
    match task.as_str() {
        "rename" => rename(&session, contact.parse().unwrap(), "Other").await,
        "create and die" => {
            create_once(&session).await;
            std::process::abort();
        }
        other => panic!("there is no task {other}"),
    }
}

async fn rename(session: &Session, id: Id<Contact>, name: &str) {
    session.contacts().update(id, named(name), Expect::Any).await.unwrap();
}

async fn create_once(session: &Session) -> serde_json::Value {
    let key = IdempotencyKey::new("POST /contacts", "key", b"body");
    let view = session.clone().once(key).contacts().create(named("Once")).await.unwrap();
    serde_json::to_value(view).unwrap()
}

fn named(name: &str) -> ContactEdit {
    ContactEdit { last_name: Edit::Set(name.to_owned()), ..ContactEdit::default() }
}

fn reading(session: &Session) -> Grant {
    session.require(Entity::Contact, Action::Read).unwrap()
}

pub(crate) async fn a_version_that_another_process_left_behind_is_a_conflict<D: Behind>(database: D) {
    let law = "a_version_that_another_process_left_behind_is_a_conflict";
    let (crm, workspace) = engine(database.store()).await;
    let session = session(&crm, workspace).await;
    let read = session.contacts().create(named("A")).await.unwrap();
    assert!(another(law, "rename", &database.address(), workspace, &read.id.to_string()).success());
    let stale = session.contacts().update(read.id, named("B"), Expect::Version(read.version)).await.unwrap_err();
    assert_eq!((stale.kind(), stale.code()), (ErrorKind::Conflict, "stale_version"));
    assert_eq!(session.contacts().read(read.id).await.unwrap().last_name.as_deref(), Some("Other"));
}

pub(crate) async fn a_reliance_that_another_process_broke_is_a_conflict<D: Behind>(database: D) {
    let law = "a_reliance_that_another_process_broke_is_a_conflict";
    let store = database.store();
    let (crm, workspace) = engine(store.clone()).await;
    let session = session(&crm, workspace).await;
    let basis = session.contacts().create(named("Basis")).await.unwrap().id;
    let written = session.contacts().create(named("A")).await.unwrap().id;
    let grant = reading(&session);
    let relying = async || {
        let mut changes = Changes::at(crm.now());
        changes.rely_on(&store.contact(&grant, basis).await.unwrap());
        let mut row = store.contact(&grant, written).await.unwrap();
        row.last_name = Some("B".to_owned());
        changes.put(&mut row);
        changes
    };
    let changes = relying().await;
    assert!(another(law, "rename", &database.address(), workspace, &basis.to_string()).success());
    let stale = commit(&session, changes).await.unwrap_err();
    assert_eq!((stale.kind(), stale.code()), (ErrorKind::Conflict, "stale_version"));
    assert_eq!(session.contacts().read(written).await.unwrap().last_name.as_deref(), Some("A"));
    commit(&session, relying().await).await.unwrap();
}

pub(crate) async fn a_commit_outlives_its_process_and_is_not_repeated<D: Behind>(database: D) {
    let law = "a_commit_outlives_its_process_and_is_not_repeated";
    let (crm, workspace) = engine(database.store()).await;
    let session = session(&crm, workspace).await;
    assert!(!another(law, "create and die", &database.address(), workspace, "").success());
    let page = session.contacts().list(&ListRequest::default()).await.unwrap();
    let [left] = page.data.as_slice() else { panic!("{} records are left", page.data.len()) };
    assert_eq!(create_once(&session).await, serde_json::to_value(left).unwrap());
    assert_eq!(session.contacts().list(&ListRequest::default()).await.unwrap().data.len(), 1);
    let verified = session.workspace().verify_journal().await.unwrap();
    assert!(verified.holds());
    // The workspace's own entries, and one of the contact.
    let timeline = session.contacts().timeline(left.id, None, None).await.unwrap();
    assert_eq!(timeline.data.len(), 1);
}
