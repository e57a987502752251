//! Handing events over.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;

use super::handler::{EventHandler, Handover, Reach};
use super::port::CursorMove;
use crate::access::{Action, Actor, Entity};
use crate::crm::Crm;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::journal::Envelope;
use crate::store::Write;
use crate::workspace::Workspace;

/// Events that are handed over in one commit.
const BATCH: u32 = 200;

/// What relays events, with the handlers that it knows. Cheap to clone.
#[derive(Clone)]
pub struct Relay {
    crm: Crm,
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
        Relay { crm: self.clone() }
    }
}

impl Relay {
    /// Whether there is nobody to hand events to.
    pub fn is_idle(&self) -> bool {
        self.crm.ports.event_handlers.is_empty()
    }

    /// Hands over what there is by now, at most a batch to each handler in each workspace, and gives the number
    /// of events: while there are some, there may be more. Any number of relays at once do not disturb each
    /// other. What cannot be handed over in one place keeps nobody else from it; the first fault is told.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached; whatever a handler fails with.
    pub async fn pass(&self) -> Result<usize> {
        let Passed { handed, faults } = self.pass_over().await;
        faults.into_iter().next().map_or(Ok(handed), Err)
    }

    /// As [`Relay::pass`], and tells every fault beside the number of events.
    pub async fn pass_over(&self) -> Passed {
        let mut passed = Passed::default();
        for handler in &self.crm.ports.event_handlers {
            if let Err(error) = self.pass_to(handler, &mut passed).await {
                passed.faults.push(error);
            }
        }
        passed
    }

    async fn pass_to(&self, handler: &Arc<dyn EventHandler>, passed: &mut Passed) -> Result<()> {
        let relay = &self.crm.ports.relay;
        if handler.reach() == Reach::Everywhere {
            for workspace in relay.not_begun(handler.name()).await? {
                let end = self.crm.feed(workspace).await?.end().await?;
                relay.begin(workspace, handler.name(), end).await?;
            }
        }
        for workspace in relay.behind(handler.name()).await? {
            match self.hand_on(workspace, handler.as_ref()).await {
                Ok(events) => passed.handed += events,
                Err(error) => passed.faults.push(error),
            }
        }
        Ok(())
    }

    /// Hands a batch of a workspace's events to a handler, and gives their number; none where somebody else
    /// was faster.
    async fn hand_on(&self, workspace: Id<Workspace>, handler: &dyn EventHandler) -> Result<usize> {
        let Some(from) = self.crm.ports.relay.cursor(workspace, handler.name()).await? else { return Ok(0) };
        let occurrences = self.crm.feed(workspace).await?.after(from, BATCH).await?;
        let Some(to) = occurrences.last().map(|last| last.seq) else { return Ok(0) };
        let product = self.crm.acting(Actor::system(workspace, "relay")).await?;
        let events: Vec<Envelope> = occurrences.iter().filter_map(|occurrence| product.envelope(occurrence)).collect();
        let mut over = Handover::default();
        // A defect that one handler meets must not end the relay.
        let hand = AssertUnwindSafe(handler.hand(&product, &events, &mut over));
        let panicked = |_| Err(Error::internal(format!("the event handler {} panicked", handler.name())));
        hand.catch_unwind().await.unwrap_or_else(panicked)?;
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
