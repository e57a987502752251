//! Who listens to the one reader of a workspace's feed, each to the kinds of record that they watch.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crm_core::Id;
use crm_core::journal::Occurrence;
use crm_core::user::User;
use parking_lot::Mutex;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::Topics;

/// Events that wait for a watcher before it has to read the feed by itself.
const WAITING: usize = 256;

/// The ears of one workspace.
pub(super) struct Ears(Mutex<Heard>);

/// How far was told, and to whom. Both under one lock: whoever begins to watch something knows from which number on.
struct Heard {
    told: i64,
    next: u64,
    ears: HashMap<u64, Ear>,
}

/// What the reader knows of a listener.
struct Ear {
    topics: Topics,
    member: Option<Id<User>>,
    events: Sender<Arc<Occurrence>>,
    missed: Arc<AtomicBool>,
}

impl Ear {
    /// Whether a listener has to hear of it: what they watch, and what may change their rights.
    fn wants(&self, occurrence: &Occurrence) -> bool {
        self.topics.have(occurrence.entity()) || occurrence.is_about_access_of(self.member)
    }

    fn offer(&self, occurrence: &Arc<Occurrence>) {
        if let Err(TrySendError::Full(_)) = self.events.try_send(occurrence.clone()) {
            self.missed.store(true, Ordering::Release);
        }
    }
}

impl Ears {
    /// Nobody's yet, of a reader that has come to this number.
    pub(super) fn new(told: i64) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Heard { told, next: 0, ears: HashMap::new() })))
    }

    /// Hears what is told from now on, of these topics and of what changes the rights of this member.
    pub(super) fn listen(self: &Arc<Self>, topics: Topics, member: Option<Id<User>>) -> Listening {
        let (events, heard) = channel(WAITING);
        let missed = Arc::<AtomicBool>::default();
        let mut all = self.0.lock();
        let id = all.next;
        all.next += 1;
        all.ears.insert(id, Ear { topics, member, events, missed: missed.clone() });
        drop(all);
        Listening { ears: self.clone(), id, events: heard, missed }
    }

    /// Tells of all that has happened up to a number.
    pub(super) fn tell(&self, occurrences: Vec<Occurrence>) {
        let mut all = self.0.lock();
        for occurrence in occurrences {
            all.told = occurrence.seq;
            let occurrence = Arc::new(occurrence);
            all.ears.values().filter(|ear| ear.wants(&occurrence)).for_each(|ear| ear.offer(&occurrence));
        }
    }

    /// The last number that was told.
    pub(super) fn told(&self) -> i64 {
        self.0.lock().told
    }

    /// Whether somebody listens.
    pub(super) fn is_anybody_there(&self) -> bool {
        !self.0.lock().ears.is_empty()
    }

    /// Lets all who listen know that nothing more comes.
    pub(super) fn close(&self) {
        self.0.lock().ears.clear();
    }
}

/// What one watcher hears, in order.
pub(super) struct Listening {
    ears: Arc<Ears>,
    id: u64,
    events: Receiver<Arc<Occurrence>>,
    missed: Arc<AtomicBool>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.ears.0.lock().ears.remove(&self.id);
    }
}

impl Listening {
    /// What is told next, where nothing before it was missed.
    pub(super) async fn next(&mut self) -> Result<Arc<Occurrence>, Lost> {
        let occurrence = self.events.recv().await.ok_or(Lost::Closed)?;
        // Something is missed only while others wait, so whoever missed it comes by here afterwards.
        if self.has_missed() { Err(Lost::Missed) } else { Ok(occurrence) }
    }

    /// Forgets what was told by now and is in the feed: from here on it is told anew.
    pub(super) fn begin_anew(&mut self) {
        while self.events.try_recv().is_ok() {}
        self.missed.store(false, Ordering::Release);
    }

    /// Hears of other topics from here on.
    pub(super) fn turn_to(&self, topics: Topics) {
        if let Some(ear) = self.ears.0.lock().ears.get_mut(&self.id) {
            ear.topics = topics;
        }
    }

    /// The last number up to which there is nothing more to hear; none while there is something.
    pub(super) fn quiet_to(&self) -> Option<i64> {
        // Asked first: what comes after it is after this number.
        let told = self.ears.told();
        (self.events.is_empty() && !self.has_missed()).then_some(told)
    }

    fn has_missed(&self) -> bool {
        self.missed.load(Ordering::Acquire)
    }
}

/// Why a listener does not hear the next event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lost {
    /// It was too slow for some.
    Missed,
    /// The reader has ended.
    Closed,
}
