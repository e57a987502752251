//! Events while they happen: one reader of the feed a watched workspace, any number of watchers.
//!
//! ```text
//! commit ──> Wakes ──> Tail (seals, reads the feed once) ──> Ears (topics) ──> Watch (rights of one member)
//! ```
//!
//! A watcher hears of what it watches and of what may change its rights, and sleeps through all else. One that
//! falls behind reads the feed by itself until it has caught up: the feed is in the store, so nobody waits for
//! anybody and nothing is lost. Deliberately absent: anything about sockets, which the hosts have.

mod ears;
mod herald;
mod tail;
mod wakes;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crm_core::journal::Feed;
use crm_core::workspace::Workspace;
use crm_core::{Crm, Id, Result};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, SemaphorePermit};

use ears::{Ears, Listening};

pub(crate) use herald::Herald;
pub(crate) use wakes::Wakes;
pub use watch::{Proof, Told, Topics, Watch};

/// Entries that a watcher may have missed and still be told of, one by one: 200 a second for ten minutes,
/// and some more.
const MOST_MISSED: i64 = 150_000;

/// How long a reader rests where nobody wakes it: others may commit too, and not every store can tell of it.
const REST: Duration = Duration::from_millis(500);

/// Watchers that ask the store for their rights or for what they missed at once. When one event wakes thousands, the
/// rest of the program still gets at the store.
const AT_ONCE: usize = 4;

/// Who listens in each watched workspace.
type Watched = Mutex<HashMap<Id<Workspace>, Arc<Ears>>>;

/// Events of all workspaces while they happen.
pub struct Live {
    crm: Crm,
    wakes: Arc<Wakes>,
    watched: Arc<Watched>,
    runtime: Handle,
    most_missed: i64,
    turns: Semaphore,
    rest: Mutex<Duration>,
}

impl Live {
    /// Events of an engine that tells `wakes` of its commits. Needs a tokio runtime that outlives it.
    pub(crate) fn new(crm: Crm, wakes: Arc<Wakes>) -> Arc<Self> {
        Arc::new(Self::missing(MOST_MISSED, crm, wakes))
    }

    /// As [`Live::new`], where so many entries may be missed.
    fn missing(most_missed: i64, crm: Crm, wakes: Arc<Wakes>) -> Self {
        let (watched, runtime, turns) = (Arc::default(), Handle::current(), Semaphore::new(AT_ONCE));
        Self { crm, wakes, watched, runtime, most_missed, turns, rest: Mutex::new(REST) }
    }

    /// Begins to watch as the holder of a proof. With `after` the watch goes on where another one
    /// ended, else it begins now.
    ///
    /// # Errors
    /// `Unauthenticated` for a proof that does not hold; `Unavailable` when the store cannot be reached.
    pub async fn watch(self: &Arc<Self>, proof: Proof, topics: Topics, after: Option<i64>) -> Result<Watch> {
        let workspace = proof.workspace_id();
        let feed = self.crm.feed(workspace).await?;
        let events = self.events(&proof, topics.clone(), &feed).await?;
        // What comes after this number is told from here on; what came before it has made the rights.
        let end = feed.end().await?;
        let session = proof.session(&self.crm).await?;
        let mut watch = Watch::new(self.clone(), (proof, session), (feed, events), topics, end);
        if let Some(after) = after {
            watch.resume(after);
        }
        Ok(watch)
    }

    /// Looks so often for what others commit and nobody tells of, in workspaces that are watched from here on; every
    /// half second unless it is said otherwise.
    pub fn look_every(&self, rest: Duration) {
        *self.rest.lock() = rest;
    }

    /// Who waits for commits.
    pub(crate) fn wakes(&self) -> &Arc<Wakes> {
        &self.wakes
    }

    /// The engine that is watched.
    pub(crate) fn crm(&self) -> &Crm {
        &self.crm
    }

    /// Waits for a watcher's turn to ask the store, which ends with what it gives. Nobody closes the turns.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// What happens from now on of these topics, and to the rights of whoever watches.
    async fn events(&self, proof: &Proof, topics: Topics, feed: &Feed) -> Result<Listening> {
        let (workspace, member) = (proof.workspace_id(), proof.member());
        // Under this lock, so that no reader ends that has just been found.
        if let Some(ears) = self.watched.lock().get(&workspace) {
            return Ok(ears.listen(topics, member));
        }
        let end = feed.end().await?;
        let mut known = self.watched.lock();
        if let Some(ears) = known.get(&workspace) {
            return Ok(ears.listen(topics, member));
        }
        let ears = Ears::new(end);
        let listening = ears.listen(topics, member);
        known.insert(workspace, ears.clone());
        // A runtime that ends drops the reader at once, which asks for it.
        drop(known);
        let (wake, watched) = (self.wakes.of(workspace), self.watched.clone());
        let (feed, rest) = (feed.clone(), *self.rest.lock());
        let tail = tail::Tail { workspace, feed, ears, watched, wake, seq: end, rest, is_known: true };
        self.runtime.spawn(tail.run());
        Ok(listening)
    }
}

#[cfg(test)]
mod tests {
    use crm_core::testkit::{MemoryStore, samples};
    use crm_core::{Actor, Session};

    use super::*;

    /// An engine on which few entries may be missed, and the product in a workspace of it.
    async fn impatient() -> (Arc<Live>, Session) {
        let wakes = Arc::new(Wakes::default());
        let crm = Crm::builder(MemoryStore::new()).listener(wakes.clone()).build();
        let workspace = crm.create_workspace("Acme").await.unwrap().id;
        let session = crm.acting(Actor::system(workspace, "test")).await.unwrap();
        (Arc::new(Live::missing(300, crm, wakes)), session)
    }

    async fn make(session: &Session, count: usize) {
        let items = (0..count).map(|at| Ok(samples::contact(&at.to_string()))).collect();
        session.contacts().create_many(items, Default::default()).await.unwrap();
    }

    async fn watch(live: &Arc<Live>, session: &Session, after: Option<i64>) -> Watch {
        watch_of("contacts", live, session, after).await
    }

    async fn watch_of(topic: &str, live: &Arc<Live>, session: &Session, after: Option<i64>) -> Watch {
        let topics = Topics::named([topic]).unwrap();
        live.watch(Proof::Actor(session.actor().clone()), topics, after).await.unwrap()
    }

    #[tokio::test]
    async fn whoever_missed_too_much_is_told_so_and_goes_on_from_there() {
        let (live, session) = impatient().await;
        let (mut watcher, mut quick) = (watch(&live, &session, None).await, watch(&live, &session, None).await);
        let start = watcher.seq();
        make(&session, 1_000).await;
        while quick.seq() < start + 1_000 {
            assert!(matches!(quick.next().await.unwrap(), Told::Event(_)), "whoever keeps up misses nothing");
        }
        let Told::Resync(seq) = watcher.next().await.unwrap() else { panic!("nothing was missed") };
        assert_eq!(seq, start + 1_000);
        make(&session, 1).await;
        assert!(matches!(watcher.next().await.unwrap(), Told::Event(event) if event.seq == seq + 1));
        // As for one who comes back so late; until they are told, they are where they were.
        let mut late = watch(&live, &session, Some(start)).await;
        assert_eq!(late.seq(), start);
        assert!(matches!(late.next().await.unwrap(), Told::Resync(told) if told == seq + 1));
    }

    #[tokio::test]
    async fn a_reader_that_died_is_replaced() {
        let (live, session) = impatient().await;
        let mut watcher = watch(&live, &session, None).await;
        let workspace = session.actor().workspace_id();
        // As the reader's end leaves it.
        live.watched.lock().remove(&workspace);
        let mut second = watch(&live, &session, None).await;
        make(&session, 1).await;
        for watcher in [&mut watcher, &mut second] {
            assert!(matches!(watcher.next().await.unwrap(), Told::Event(_)));
        }
    }

    #[tokio::test]
    async fn whoever_watches_something_else_is_not_woken_and_knows_how_far_all_is_told() {
        let (live, session) = impatient().await;
        let mut watcher = watch(&live, &session, None).await;
        let other = watch_of("deals", &live, &session, None).await;
        let start = watcher.seq();
        // More than wait for one watcher.
        make(&session, 290).await;
        while watcher.seq() < start + 290 {
            assert!(matches!(watcher.next().await.unwrap(), Told::Event(_)));
        }
        assert_eq!(other.seq(), start + 290, "something waits for it");
    }

    #[tokio::test]
    async fn whoever_turns_to_something_else_hears_of_it_from_the_number_on_that_they_know() {
        let (live, session) = impatient().await;
        let mut watcher = watch(&live, &session, None).await;
        let mut other = watch_of("deals", &live, &session, None).await;
        let start = watcher.seq();
        make(&session, 1).await;
        assert!(matches!(watcher.next().await.unwrap(), Told::Event(_)));
        other.watch(Topics::named(["contacts"]).unwrap());
        assert_eq!(other.seq(), start + 1);
        make(&session, 1).await;
        assert!(matches!(other.next().await.unwrap(), Told::Event(event) if event.seq == start + 2));
        // Also where something that was watched before still waits.
        watcher.watch(Topics::named(["contacts", "deals"]).unwrap());
        assert_eq!(watcher.seq(), start + 1);
        assert!(matches!(watcher.next().await.unwrap(), Told::Event(event) if event.seq == start + 2));
    }
}
