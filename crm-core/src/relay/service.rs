//! Handing events over.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::{Either, select};
use parking_lot::Mutex;

use super::handler::{EventHandler, Handover, Reach};
use super::port::CursorMove;
use crate::access::{Action, Actor, Entity};
use crate::crm::Crm;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::job::{Endless, Timer};
use crate::journal::Envelope;
use crate::store::Write;
use crate::time::Timestamp;
use crate::workspace::Workspace;

/// Most events that are handed over in one commit.
const BATCH: u32 = 200;
/// How long a handler may take over a batch, in seconds: it decides, and leaves what takes long to jobs.
const HAND_SECONDS: u32 = 30;

/// What relays events, with the handlers that it knows. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    crm: Crm,
    handlers: Vec<Arc<dyn EventHandler>>,
    batches: Batches,
    /// Since when it is there: of a workspace that was made later every event is new to its handlers, also where it
    /// is the first of all.
    since: Timestamp,
}

/// How many events each handler is handed at once in each workspace, where that is not the most. Cheap to clone;
/// all clones are one.
#[derive(Clone, Default)]
struct Batches(Arc<Mutex<BTreeMap<Way, u32>>>);

/// A handler by its name, and a workspace whose events it is handed.
type Way = (&'static str, Id<Workspace>);

impl Batches {
    fn of(&self, handler: &'static str, workspace: Id<Workspace>) -> u32 {
        self.0.lock().get(&(handler, workspace)).copied().unwrap_or(BATCH)
    }

    /// Half as many from now on as were handed over: they took too long.
    fn halve(&self, handler: &'static str, workspace: Id<Workspace>, handed: usize) {
        let half = u32::try_from(handed / 2).unwrap_or(BATCH).max(1);
        self.0.lock().insert((handler, workspace), half);
    }

    /// Twice as many from now on: they were in time.
    fn double(&self, handler: &'static str, workspace: Id<Workspace>) {
        let mut batches = self.0.lock();
        let Some(batch) = batches.get_mut(&(handler, workspace)) else { return };
        *batch *= 2;
        if *batch >= BATCH {
            batches.remove(&(handler, workspace));
        }
    }
}

/// What came of a pass.
#[derive(Debug, Default)]
pub struct Passed {
    /// How many events were handed over.
    pub handed: usize,
    /// What could not be handed over failed with these.
    pub faults: Vec<Error>,
}

impl Crm {
    /// What relays events to the handlers of this engine.
    pub fn relay(&self) -> Relay {
        let handlers = self.ports.event_handlers.clone();
        Relay { crm: self.clone(), handlers, batches: Batches::default(), since: self.now() }
    }
}

impl Relay {
    /// Whether there is nobody to hand events to.
    pub fn is_idle(&self) -> bool {
        self.handlers.is_empty()
    }

    /// A relay for each handler, so that none waits for another.
    pub fn apart(self) -> impl Iterator<Item = Relay> {
        let Self { crm, handlers, batches, since } = self;
        let apart = move |handler| Relay { crm: crm.clone(), handlers: vec![handler], batches: batches.clone(), since };
        handlers.into_iter().map(apart)
    }

    /// Hands over what there is by now, at most a batch to each handler in each workspace, and gives the number
    /// of events: while there are some, there may be more. Any number of relays at once do not disturb each
    /// other. What cannot be handed over in one place keeps nobody else from it; the first fault is told. A handler
    /// has all the time that it takes.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached; whatever a handler fails with.
    pub async fn pass(&self) -> Result<usize> {
        let Passed { handed, faults } = self.pass_over(&Endless).await;
        faults.into_iter().next().map_or(Ok(handed), Err)
    }

    /// As [`Relay::pass`], and tells every fault beside the number of events. A handler that has not said within
    /// 30 s what follows from a batch has failed, and is handed half of it the next time.
    pub async fn pass_over(&self, timer: &dyn Timer) -> Passed {
        let mut passed = Passed::default();
        for handler in &self.handlers {
            if let Err(error) = self.pass_to(handler, timer, &mut passed).await {
                passed.faults.push(error);
            }
        }
        passed
    }

    async fn pass_to(&self, handler: &Arc<dyn EventHandler>, timer: &dyn Timer, passed: &mut Passed) -> Result<()> {
        if handler.reach() == Reach::Everywhere {
            self.begin(handler.name()).await?;
        }
        for workspace in self.crm.ports.relay.behind(handler.name()).await? {
            match self.hand_on(workspace, handler.as_ref(), timer).await {
                Ok(events) => passed.handed += events,
                Err(error) => passed.faults.push(error),
            }
        }
        Ok(())
    }

    /// Begins a handler in the workspaces in which it has not begun: one that is new at the end of their feeds, in
    /// all at once; any other before the first event, because they were made since.
    async fn begin(&self, handler: &str) -> Result<()> {
        let relay = &self.crm.ports.relay;
        let fresh = relay.not_begun(handler).await?;
        if fresh.is_empty() {
            return Ok(());
        }
        // Asked after the other: whoever begins it meanwhile does so in those of them that are older, where it stays.
        let has_begun = relay.has_begun(handler).await?;
        let mut after = Vec::with_capacity(fresh.len());
        for workspace in fresh {
            let seq = match has_begun || self.was_made_since(workspace).await? {
                true => 0,
                false => self.crm.feed(workspace).await?.end().await?,
            };
            after.push((workspace, seq));
        }
        relay.begin(handler, &after).await
    }

    /// Whether a workspace was made since this is there.
    async fn was_made_since(&self, workspace: Id<Workspace>) -> Result<bool> {
        Ok(self.since < self.crm.ports.workspaces.workspace(workspace).await?.created_at)
    }

    /// Hands a batch of a workspace's events to a handler, and gives their number; none where somebody else
    /// was faster.
    async fn hand_on(&self, workspace: Id<Workspace>, handler: &dyn EventHandler, timer: &dyn Timer) -> Result<usize> {
        let Some(from) = self.crm.ports.relay.cursor(workspace, handler.name()).await? else { return Ok(0) };
        let most = self.batches.of(handler.name(), workspace);
        let occurrences = self.crm.feed(workspace).await?.after(from, most).await?;
        let Some(to) = occurrences.last().map(|last| last.seq) else { return Ok(0) };
        let product = self.crm.acting(Actor::system(workspace, "relay")).await?;
        let events: Vec<Envelope> = occurrences.iter().filter_map(|occurrence| product.envelope(occurrence)).collect();
        let mut over = Handover::default();
        // A defect that one handler meets must not end the relay.
        let hand = AssertUnwindSafe(handler.hand(&product, &events, &mut over)).catch_unwind();
        match select(hand, timer.pass(HAND_SECONDS)).await {
            Either::Left((Ok(handed), _)) => handed?,
            Either::Left((Err(_), _)) => {
                return Err(Error::internal(format!("the event handler {} panicked", handler.name())));
            }
            Either::Right(_) => {
                self.batches.halve(handler.name(), workspace, occurrences.len());
                let message = format!("the event handler {} took longer than {HAND_SECONDS} s", handler.name());
                return Err(Error::unavailable(message));
            }
        }
        self.batches.double(handler.name(), workspace);
        let mut changes = product.changes();
        changes.writes.push(Write::CursorMove(CursorMove { handler: handler.name().to_owned(), from, to }));
        if !over.deliveries.is_empty() {
            changes.writes.push(Write::Deliveries(over.deliveries));
        }
        over.jobs.into_iter().for_each(|job| changes.enqueue(job));
        let grant = product.internally(Entity::Job, Action::Create);
        match product.commit(&grant, changes).await {
            Ok(()) => Ok(occurrences.len()),
            Err(error) if error.kind() == ErrorKind::Conflict => {
                // Another conflict than the one about the cursor comes again each time.
                match self.crm.ports.relay.cursor(workspace, handler.name()).await? == Some(from) {
                    true => Err(error),
                    false => Ok(0),
                }
            }
            Err(error) => Err(error),
        }
    }
}
