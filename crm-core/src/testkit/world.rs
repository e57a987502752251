//! Two workspaces with a member of each role, over any store.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a world that cannot be made fails its test")]

use std::any::Any;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures::future::{BoxFuture, join_all};
use parking_lot::Mutex;

use super::fakes::{FakeClock, PlainHasher, PlainSigner};
use super::samples;
use crate::access::{Action, Actor, Entity, Grant, Role, Rule};
use crate::account::Account;
use crate::crm::{Crm, Store};
use crate::error::Result;
use crate::id::Id;
use crate::session::{Expect, Session};
use crate::store::{Changes, Stored};
use crate::team::Team;
use crate::time::{Clock, Timestamp};
use crate::user::{NewUser, User};
use crate::workspace::Workspace;

/// A fresh and empty database under test. It is removed when this is dropped, if it must be.
///
/// A shared store is one, and so is a shared store beside a guard that cleans up. Implement it for
/// a type of your own where two connections must meet in one database.
pub trait Subject: Send + Sync + 'static {
    /// The adapter.
    type Store: Store;

    /// A handle of the database.
    fn store(&self) -> Arc<Self::Store>;

    /// Another handle of the same database, as another process has it; the same one where the
    /// adapter has no other.
    fn second(&self) -> impl Future<Output = Arc<Self::Store>> + Send {
        std::future::ready(self.store())
    }
}

impl<S: Store> Subject for Arc<S> {
    type Store = S;

    fn store(&self) -> Arc<S> {
        self.clone()
    }
}

impl<S: Store, G: Send + Sync + 'static> Subject for (Arc<S>, G) {
    type Store = S;

    fn store(&self) -> Arc<S> {
        self.0.clone()
    }
}

/// What opening a database gives: the database, or nothing where the developer leaves it out.
pub trait Opened {
    /// The database.
    type Subject: Subject;

    /// The database, if it is there.
    fn subject(self) -> Option<Self::Subject>;
}

impl<S: Subject> Opened for S {
    type Subject = S;

    fn subject(self) -> Option<S> {
        Some(self)
    }
}

impl<S: Subject> Opened for Option<S> {
    type Subject = S;

    fn subject(self) -> Option<S> {
        self
    }
}

/// Runs a task on another thread, as `tokio::spawn` does, and gives its end.
pub type Spawn = fn(BoxFuture<'static, ()>) -> BoxFuture<'static, ()>;

/// One workspace's people.
#[derive(Clone, Debug)]
pub struct Office {
    /// The workspace.
    pub workspace: Id<Workspace>,
    /// One active member of each role.
    pub members: BTreeMap<Role, Id<User>>,
    /// The team of manager, closer and setter.
    pub team: Id<Team>,
}

impl Office {
    /// The member of a role.
    pub fn member(&self, role: Role) -> Id<User> {
        self.members.get(&role).copied().expect("an office has a member of each role")
    }
}

/// An engine over a store under test, with a steered clock, two workspaces and their people.
pub struct World {
    /// The engine.
    pub crm: Crm,
    /// A second engine on another handle of the same database.
    pub second: Crm,
    /// The clock of both.
    pub clock: Arc<FakeClock>,
    /// The workspace in which laws happen.
    pub home: Office,
    /// The workspace on the other side of the wall.
    pub away: Office,
    spawn: Spawn,
    /// Dropped last: it may remove the database.
    _subject: Box<dyn Any + Send + Sync>,
}

impl World {
    /// A world over a fresh database, on 2 March 2026 at noon. Tasks take turns on one thread.
    pub async fn new(subject: impl Subject) -> Self {
        let noon = "2026-03-02T12:00:00Z".parse().expect("an instant");
        let clock = Arc::new(FakeClock::at(noon));
        let crm = engine(subject.store(), clock.clone());
        let second = engine(subject.second().await, clock.clone());
        let home = found(&crm, "Home").await;
        let away = found(&crm, "Away").await;
        Self { crm, second, clock, home, away, spawn: |task| task, _subject: Box::new(subject) }
    }

    /// Lets tasks run on other threads.
    #[must_use]
    pub fn spawning(mut self, spawn: Spawn) -> Self {
        self.spawn = spawn;
        self
    }

    /// The member of a role, at home.
    pub async fn session(&self, role: Role) -> Session {
        session(&self.crm, &self.home, role).await
    }

    /// The member of a role, at home, through the second engine.
    pub async fn second_session(&self, role: Role) -> Session {
        session(&self.second, &self.home, role).await
    }

    /// The admin of the other workspace.
    pub async fn stranger(&self) -> Session {
        session(&self.crm, &self.away, Role::Admin).await
    }

    /// The product itself, at home.
    pub async fn system(&self) -> Session {
        let actor = Actor::system(self.home.workspace, "testkit");
        self.crm.acting(actor).await.expect("the product may act")
    }

    /// Replaces what a role may do at home.
    pub async fn set_rule(&self, role: Role, entity: Entity, rule: Rule) {
        let workspace = self.session(Role::Admin).await.workspace();
        workspace.set_rule(role, entity, rule, Expect::Any).await.expect("an admin sets rules");
        // The second engine may know the old rule for a second.
        self.clock.advance_seconds(2);
    }

    /// Sets the clock.
    pub fn set_time(&self, at: &str) -> Timestamp {
        self.clock.set(at.parse().expect("an instant"));
        self.clock.now()
    }

    /// Runs tasks at once and gives their results in order.
    pub async fn at_once<T: Send + 'static>(&self, tasks: impl IntoIterator<Item = BoxFuture<'static, T>>) -> Vec<T> {
        let results = Arc::new(Mutex::new(BTreeMap::new()));
        let run = |(at, task): (usize, BoxFuture<'static, T>)| {
            let results = results.clone();
            (self.spawn)(Box::pin(async move {
                let result = task.await;
                results.lock().insert(at, result);
            }))
        };
        let runs: Vec<_> = tasks.into_iter().enumerate().map(run).collect();
        join_all(runs).await;
        std::mem::take(&mut *results.lock()).into_values().collect()
    }
}

/// Commits what no service would decide.
///
/// # Errors
/// As `Commit::commit`; `Denied` for a caller who may not change contacts.
pub async fn commit(session: &Session, changes: Changes) -> Result<()> {
    let grant = session.require(Entity::Contact, Action::Update)?;
    session.commit(&grant, changes).await
}

/// Makes the owner of an account an active member of a session's workspace, as accepting an
/// invitation does.
///
/// # Errors
/// As `Commit::commit`; `Denied` for a caller who may not make members.
pub async fn join(session: &Session, account: Id<Account>, role: Role) -> Result<User> {
    let grant = session.require(Entity::User, Action::Create)?;
    let mut changes = session.changes();
    let user = samples::member(samples::user(role.name(), role), changes.now())?;
    let mut user = Stored::new(User { account_id: Some(account), ..user });
    changes.put(&mut user);
    session.commit(&grant, changes).await?;
    Ok(user.into_inner())
}

/// An engine that signs in without real cryptography.
fn engine<S: Store>(store: Arc<S>, clock: Arc<FakeClock>) -> Crm {
    Crm::builder(store).clock(clock).auth(Arc::new(PlainHasher), Arc::new(PlainSigner)).build()
}

/// A member's session.
async fn session(crm: &Crm, office: &Office, role: Role) -> Session {
    crm.acting(Actor::user(office.workspace, office.member(role))).await.expect("a member may act")
}

/// Makes a workspace and its people.
async fn found(crm: &Crm, name: &str) -> Office {
    let workspace = crm.create_workspace(name).await.expect("a workspace").id;
    let system = crm.acting(Actor::system(workspace, "testkit")).await.expect("the product may act");
    let grant: Grant = system.require(Entity::User, Action::Create).expect("the product may do everything");
    let mut changes = system.changes();
    let mut members = BTreeMap::new();
    for role in Role::ALL {
        let email = format!("{role}@{}.example", name.to_lowercase()).parse().ok();
        let new = NewUser { email, ..samples::user(role.name(), role) };
        let user = samples::member(new, changes.now()).expect("a member");
        members.insert(role, user.id);
        changes.put(&mut Stored::new(user));
    }
    let mates: Vec<_> = [Role::Manager, Role::Closer, Role::Setter].iter().map(|role| members[role]).collect();
    let team = Team::new(Id::new_at(changes.now()), samples::team("North", &mates), changes.now()).expect("a team");
    let team_id = team.id;
    changes.put(&mut Stored::new(team));
    system.commit(&grant, changes).await.expect("people");
    Office { workspace, members, team: team_id }
}
