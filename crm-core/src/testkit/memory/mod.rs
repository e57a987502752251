//! A store in memory: every port over plain maps behind one lock. It is the smallest adapter that
//! keeps every law, and the one to read before writing another.
//!
//! A commit works on a copy of the workspace's rows and puts it in their place when nothing has
//! failed; rows are shared between copies, so the copy costs a pointer a row.

mod analytics;
mod auth;
mod commit;
mod facts;
mod held;
mod hooks;
mod jobs;
mod journal;
mod keys;
mod list;
mod mails;
mod mirror;
mod people;
mod rates;
mod records;
mod rows;
mod search;
mod work;

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use parking_lot::RwLock;
use uuid::Uuid;

use self::auth::SignIns;
use self::hooks::Hooks;
use self::jobs::Pieces;
use self::journal::Journal;
pub(in crate::testkit) use self::mirror::Mirror;
use self::rows::Rows;
pub(in crate::testkit) use self::rows::Tabled;
use crate::access::Grant;
use crate::account::Account;
use crate::job::Bell;

/// A store whose data lives as long as it does.
#[derive(Default)]
pub struct MemoryStore {
    state: RwLock<State>,
    bell: Bell,
}

/// Everything that the store holds.
#[derive(Default)]
struct State {
    accounts: BTreeMap<Uuid, Account>,
    spaces: BTreeMap<Uuid, Space>,
    sign_ins: SignIns,
    /// Pieces of files and when the last one came, by workspace and upload.
    uploads: BTreeMap<(Uuid, Uuid), Pieces>,
    /// First attempt and number of attempts, by key.
    throttles: BTreeMap<String, (i64, u32)>,
}

/// One workspace.
#[derive(Default)]
struct Space {
    rows: Rows,
    journal: Journal,
    hooks: Hooks,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Looks at everything.
    async fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        Turn::default().await;
        look(&self.state.read())
    }

    /// Looks at the rows of the grant's workspace.
    async fn rows<T>(&self, grant: &Grant, look: impl FnOnce(&Rows) -> T) -> T {
        let workspace = grant.workspace_id().uuid();
        self.read(|state| match state.spaces.get(&workspace) {
            Some(space) => look(&space.rows),
            None => look(&Rows::default()),
        })
        .await
    }

    /// Changes everything.
    async fn write<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        Turn::default().await;
        change(&mut self.state.write())
    }
}

/// Lets every other task go first once. A database makes its callers wait; without this, two tasks
/// of one thread would never meet inside a use case.
#[derive(Default)]
struct Turn(bool);

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
