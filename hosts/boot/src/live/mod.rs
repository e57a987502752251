//! Events while they happen: one reader of the feed a watched workspace, any number of watchers.
//!
//! ```text
//! commit ──> Wakes ──> Tail (seals, reads the feed once) ──> broadcast ──> Watch (rights of one member)
//! ```
//!
//! A watcher that falls behind reads the feed by itself until it has caught up: the feed is in the store,
//! so nobody waits for anybody and nothing is lost. Deliberately absent: anything about sockets, which
//! the hosts have.

mod tail;
mod wakes;
mod watch;

use std::collections::HashMap;
use std::sync::Arc;

use crm_core::journal::{Feed, Occurrence};
use crm_core::workspace::Workspace;
use crm_core::{Crm, Id, Result};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::broadcast;

pub(crate) use wakes::Wakes;
pub use watch::{Proof, Told, Topics, Watch};

/// Events that wait for a watcher before it has to read the feed by itself.
const WAITING: usize = 256;
/// Entries that a watcher may have missed and still be told of, one by one: 200 a second for ten minutes,
/// and some more.
const MOST_MISSED: i64 = 150_000;

/// Where events of each watched workspace are told.
type Senders = Mutex<HashMap<Id<Workspace>, broadcast::Sender<Arc<Occurrence>>>>;

/// Events of all workspaces while they happen.
pub struct Live {
    crm: Crm,
    wakes: Arc<Wakes>,
    senders: Arc<Senders>,
    runtime: Handle,
    most_missed: i64,
}

impl Live {
    /// Events of an engine that tells `wakes` of its commits. Needs a tokio runtime that outlives it.
    pub(crate) fn new(crm: Crm, wakes: Arc<Wakes>) -> Arc<Self> {
        Arc::new(Self { crm, wakes, senders: Arc::default(), runtime: Handle::current(), most_missed: MOST_MISSED })
    }

    /// Begins to watch as the holder of a proof. With `after` the watch goes on where another one
    /// ended, else it begins now.
    ///
    /// # Errors
    /// `Unauthenticated` for a proof that does not hold; `Unavailable` when the store cannot be reached.
    pub async fn watch(self: &Arc<Self>, proof: Proof, topics: Topics, after: Option<i64>) -> Result<Watch> {
        let workspace = proof.workspace_id();
        let feed = self.crm.feed(workspace).await?;
        let events = self.events(workspace, &feed).await?;
        // What comes after this number is told from here on; what came before it has made the rights.
        let end = feed.end().await?;
        let session = proof.session(&self.crm).await?;
        let mut watch = Watch::new(self.clone(), (proof, session), (feed, events), end);
        watch.watch(topics);
        if let Some(after) = after {
            watch.resume(after);
        }
        Ok(watch)
    }

    /// Who waits for commits.
    pub(crate) fn wakes(&self) -> &Arc<Wakes> {
        &self.wakes
    }

    /// The engine that is watched.
    pub(crate) fn crm(&self) -> &Crm {
        &self.crm
    }

    /// What happens in a workspace from now on.
    pub(crate) async fn events(
        &self,
        workspace: Id<Workspace>,
        feed: &Feed,
    ) -> Result<broadcast::Receiver<Arc<Occurrence>>> {
        if let Some(sender) = self.senders.lock().get(&workspace) {
            return Ok(sender.subscribe());
        }
        let end = feed.end().await?;
        let mut senders = self.senders.lock();
        if let Some(sender) = senders.get(&workspace) {
            return Ok(sender.subscribe());
        }
        let (sender, receiver) = broadcast::channel(WAITING);
        senders.insert(workspace, sender.clone());
        let (wake, senders) = (self.wakes.of(workspace), self.senders.clone());
        let tail = tail::Tail { workspace, feed: feed.clone(), sender, senders, wake, seq: end, is_known: true };
        self.runtime.spawn(tail.run());
        Ok(receiver)
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
        let runtime = Handle::current();
        (Arc::new(Live { crm, wakes, senders: Arc::default(), runtime, most_missed: 300 }), session)
    }

    async fn make(session: &Session, count: usize) {
        let items = (0..count).map(|at| Ok(samples::contact(&at.to_string()))).collect();
        session.contacts().create_many(items, Default::default()).await.unwrap();
    }

    async fn watch(live: &Arc<Live>, session: &Session, after: Option<i64>) -> Watch {
        let topics = Topics::named(["contacts"]).unwrap();
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
        live.senders.lock().remove(&workspace);
        let mut second = watch(&live, &session, None).await;
        make(&session, 1).await;
        for watcher in [&mut watcher, &mut second] {
            assert!(matches!(watcher.next().await.unwrap(), Told::Event(_)));
        }
    }
}
