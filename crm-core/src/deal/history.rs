//! The way of a deal through the stages, as commits write it down.
//!
//! The journal says what happened and is read entry by entry; analytics asks for the ways of all
//! deals at once. So each commit also writes the steps of its deals into a table of their own, and
//! this is the one place that says which: both the events that the services emitted, and changes of
//! a stage without one, as undoing a change makes them.

use std::collections::HashMap;

use uuid::Uuid;

use super::event::DealEvent;
use super::model::Deal;
use crate::id::Id;
use crate::journal::Event;
use crate::pipeline::Stage;
use crate::store::{Put, Sealed, Write};
use crate::time::Timestamp;

/// Steps that one write of a deal may have.
const STEPS: i64 = 1_000;

/// One step of a deal's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DealMove {
    /// The deal.
    pub deal_id: Id<Deal>,
    /// Its place among the steps of the deal: ascending, not dense.
    pub place: i64,
    /// The stage that it left; absent where the deal began.
    pub from: Option<Id<Stage>>,
    /// The stage that it got to.
    pub to: Id<Stage>,
    /// When.
    pub at: Timestamp,
}

/// What a commit does to the ways of deals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistoryWrite {
    /// A step is added.
    Stepped(DealMove),
    /// The last step was taken at another time.
    Corrected {
        /// The deal.
        deal_id: Id<Deal>,
        /// The right time.
        at: Timestamp,
    },
}

/// The steps that a commit writes, in its order.
pub fn history_of(sealed: &Sealed) -> Vec<HistoryWrite> {
    let mut events: HashMap<(Uuid, i64), Vec<DealEvent>> = HashMap::new();
    for entry in sealed.entries() {
        let moves = entry.events.iter().filter_map(|event| match event {
            Event::Deal(moved) => Some(moved.clone()),
            _ => None,
        });
        let moves: Vec<DealEvent> = moves.collect();
        if !moves.is_empty() {
            events.entry((entry.record_id, entry.version)).or_default().extend(moves);
        }
    }
    let mut history = Vec::new();
    for write in sealed.writes() {
        if let Write::Deal(put) = write {
            let own = events.remove(&(put.after.id.uuid(), put.after.version)).unwrap_or_default();
            add(put, &own, &mut history);
        }
    }
    history
}

fn add(put: &Put<Deal>, events: &[DealEvent], history: &mut Vec<HistoryWrite>) {
    let after = &put.after;
    let stepped = |at: usize, from, to, when| {
        let place = after.version.saturating_mul(STEPS).saturating_add(i64::try_from(at).unwrap_or(STEPS - 1));
        HistoryWrite::Stepped(DealMove { deal_id: after.id, place, from, to, at: when })
    };
    if !events.is_empty() {
        let moves = events.iter().enumerate();
        history.extend(moves.map(|(at, DealEvent::Moved { from, to, at: when })| stepped(at, *from, *to, *when)));
        return;
    }
    let from = put.before.as_ref().map(|before| before.stage_id);
    if from != Some(after.stage_id) {
        history.push(stepped(0, from, after.stage_id, after.stage_entered_at));
    } else if put.before.as_ref().is_some_and(|before| before.stage_entered_at != after.stage_entered_at) {
        history.push(HistoryWrite::Corrected { deal_id: after.id, at: after.stage_entered_at });
    }
}
