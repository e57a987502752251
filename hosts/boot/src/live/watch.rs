//! What one member watches.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crm_core::integration::AccessClaims;
use crm_core::journal::{Envelope, Feed, Occurrence, topic, topics};
use crm_core::user::User;
use crm_core::workspace::Workspace;
use crm_core::{Actor, Crm, Entity, Error, Id, Result, Session};

use super::Live;
use super::ears::{Listening, Lost};

/// Entries that are read at once while a watch catches up.
const BATCH: u32 = 200;

/// How the watcher showed who they are.
#[derive(Clone, Debug)]
pub enum Proof {
    /// By a token; the watch ends with its sign-in.
    SignIn(AccessClaims),
    /// The program that embeds the engine vouches for them.
    Actor(Actor),
}

impl Proof {
    /// The workspace that is watched.
    pub(super) fn workspace_id(&self) -> Id<Workspace> {
        match self {
            Proof::SignIn(claims) => claims.workspace_id,
            Proof::Actor(actor) => actor.workspace_id(),
        }
    }

    /// The member who watches, where it is one.
    pub(super) fn member(&self) -> Option<Id<User>> {
        match self {
            Proof::SignIn(claims) => Some(claims.user_id),
            Proof::Actor(actor) => actor.user_id(),
        }
    }

    /// The session with the permissions of now.
    pub(super) async fn session(&self, crm: &Crm) -> Result<Session> {
        match self {
            Proof::SignIn(claims) => crm.auth().still(claims).await,
            Proof::Actor(actor) => crm.acting(actor.clone()).await,
        }
    }
}

/// The kinds of record that are watched.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topics(BTreeSet<Entity>);

impl Topics {
    /// Those of these names, as `deals` or `contacts`.
    ///
    /// # Errors
    /// `Invalid` at `subscribe` for a name that is no topic.
    pub fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self> {
        let known = |name: &str| {
            topic(name).ok_or_else(|| {
                let known = topics().collect::<Vec<_>>().join(", ");
                Error::invalid("subscribe", "unknown_topic", format!("{name:?} is not a topic; topics are {known}"))
            })
        };
        names.into_iter().map(known).collect::<Result<_>>().map(Self)
    }

    /// Whether records of this kind are watched.
    pub(super) fn have(&self, entity: Entity) -> bool {
        self.0.contains(&entity)
    }
}

/// What a watcher is told.
#[derive(Debug)]
pub enum Told {
    /// Something happened.
    Event(Box<Envelope>),
    /// Too much happened since the last event: whoever watches reads what they show anew. Events go on
    /// after this number.
    Resync(i64),
}

/// The events of one workspace as one member may see them, without a gap and without a repeat.
pub struct Watch {
    live: Arc<Live>,
    proof: Proof,
    session: Session,
    feed: Feed,
    events: Listening,
    topics: Topics,
    /// The number of the last entry that was looked at, or that is known to be of no concern.
    seq: i64,
    /// What is to be looked at next.
    found: VecDeque<Arc<Occurrence>>,
    pace: Pace,
}

/// Where the next entries come from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pace {
    /// As they happen.
    Live,
    /// From the feed, up to what happens.
    CatchingUp,
    /// Nowhere: the watcher has to be told first that they missed too much.
    Lost,
}

impl Watch {
    /// A watch that begins at a number, the last one by now.
    pub(super) fn new(
        live: Arc<Live>,
        (proof, session): (Proof, Session),
        (feed, events): (Feed, Listening),
        topics: Topics,
        end: i64,
    ) -> Self {
        Self { live, proof, session, feed, events, topics, seq: end, found: VecDeque::new(), pace: Pace::Live }
    }

    /// Goes on where another watch ended, as far as that is not too long ago.
    pub(super) fn resume(&mut self, after: i64) {
        let is_near = (self.seq.saturating_sub(self.live.most_missed)..=self.seq).contains(&after) && after >= 0;
        self.pace = if is_near { Pace::CatchingUp } else { Pace::Lost };
        // Also where it has to be told that they missed too much: until then nothing was told.
        self.seq = after;
    }

    /// Who watches.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The number up to which all was told that is watched.
    pub fn seq(&self) -> i64 {
        let is_waiting = self.pace != Pace::Live || !self.found.is_empty();
        let quiet_to = if is_waiting { None } else { self.events.quiet_to() };
        quiet_to.map_or(self.seq, |told| told.max(self.seq))
    }

    /// Watches other kinds of record from here on.
    pub fn watch(&mut self, topics: Topics) {
        self.events.turn_to(topics.clone());
        self.topics = topics;
        if self.pace != Pace::Live {
            return;
        }
        match self.events.quiet_to() {
            Some(told) if self.found.is_empty() => self.seq = self.seq.max(told),
            // Between what waits there may be something of the new kinds that was not kept for this watch.
            _ => {
                self.found.clear();
                self.pace = Pace::CatchingUp;
            }
        }
    }

    /// What is to be told next; waits for it. Whoever drops the future before it ends loses nothing.
    ///
    /// # Errors
    /// `Unauthenticated` when the watcher's sign-in has ended or they are no active member any more;
    /// `Unavailable` when the store cannot be reached.
    pub async fn next(&mut self) -> Result<Told> {
        loop {
            if self.pace == Pace::Lost {
                let end = self.feed.end().await?;
                // What is jumped over may have changed what they see.
                self.renew().await?;
                self.found.clear();
                (self.seq, self.pace) = (end, Pace::CatchingUp);
                return Ok(Told::Resync(self.seq));
            }
            if let Some(occurrence) = self.found.front().cloned() {
                if occurrence.is_about_access_of(self.session.actor().user_id()) {
                    self.renew().await?;
                }
                self.found.pop_front();
                self.seq = occurrence.seq;
                if let Some(envelope) = self.seen(&occurrence) {
                    return Ok(Told::Event(Box::new(envelope)));
                }
                continue;
            }
            match self.pace {
                Pace::Live => self.listen().await?,
                Pace::CatchingUp | Pace::Lost => self.catch_up().await?,
            }
        }
    }

    /// Makes sure that the watcher may still watch, and as what; a change of their rights does so too.
    ///
    /// # Errors
    /// As [`Watch::next`].
    pub async fn renew(&mut self) -> Result<()> {
        // If something is missed from here on, this need not be read again.
        self.seq = self.seq();
        // What others have asked meanwhile is remembered.
        let _turn = self.live.turn().await;
        self.session = self.proof.session(self.live.crm()).await?;
        Ok(())
    }

    fn seen(&self, occurrence: &Occurrence) -> Option<Envelope> {
        if !self.topics.have(occurrence.entity()) {
            return None;
        }
        self.session.envelope(occurrence)
    }

    async fn listen(&mut self) -> Result<()> {
        match self.events.next().await {
            Ok(occurrence) if occurrence.seq <= self.seq => {}
            Ok(occurrence) => self.found.push_back(occurrence),
            Err(Lost::Missed) => self.pace = Pace::CatchingUp,
            Err(Lost::Closed) => {
                self.events = self.live.events(&self.proof, self.topics.clone(), &self.feed).await?;
                self.pace = Pace::CatchingUp;
            }
        }
        Ok(())
    }

    async fn catch_up(&mut self) -> Result<()> {
        let _turn = self.live.turn().await;
        // Whatever is told from here on is after what is read now, or in it.
        self.events.begin_anew();
        let found = self.feed.sealed_after(self.seq, BATCH).await?;
        let is_all = found.len() < BATCH as usize;
        if !is_all && self.feed.sealed_to().await? - self.seq > self.live.most_missed {
            self.pace = Pace::Lost;
            return Ok(());
        }
        self.found.extend(found.into_iter().map(Arc::new));
        if is_all {
            self.pace = Pace::Live;
        }
        Ok(())
    }
}
