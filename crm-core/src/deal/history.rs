//! The way of a deal through the stages, as commits write it down.
//!
//! The journal says what happened and is read entry by entry; analytics asks for the ways of all
//! deals at once. So each commit also writes the steps of its deals into a table of their own, and
//! this is the one place that says which: both the events that the services emitted, and changes of
//! a stage without one. Where a change is undone, its steps are taken out of the way again, so that
//! figures are as if they had not been taken; the journal says that they were.

use std::collections::HashMap;

use uuid::Uuid;

use super::event::DealEvent;
use super::model::{Deal, DealStatus};
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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// Work on a deal began at another time; [`begun`] says what becomes of its first step.
    Begun {
        /// The deal.
        deal_id: Id<Deal>,
        /// When it was said to have begun.
        said: Timestamp,
        /// The right time.
        at: Timestamp,
    },
    /// A deal is where it was before some of its versions; [`way_back`] says what becomes of its way.
    Undone {
        /// These versions.
        versions: Vec<i64>,
        /// The step to where it is, since when it is there.
        back: DealMove,
    },
}

/// How a way changes where versions of its deal are undone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WayBack {
    /// These steps, its last ones, are taken out; the last one that is left was taken at the time of the step back.
    Along(Vec<DealMove>),
    /// This step is added.
    Anew(DealMove),
}

/// When the first step of a way was taken, of which the first steps are given, where work on the deal began at
/// `at` and not when it was `said` to: none where it was not taken then. It was not taken after the next one, whatever
/// is said; where there is no next one, the deal itself says since when it is there.
pub fn begun(steps: &[DealMove], said: Timestamp, at: Timestamp) -> Option<Timestamp> {
    match steps {
        [first, next, ..] if first.at == said.min(next.at) => Some(at.min(next.at)),
        _ => None,
    }
}

/// How a way changes where these versions of its deal are undone. Their steps are taken out where they are the
/// last ones, and where the rest leads to where the deal is now; else the deal goes back by a step.
pub fn way_back(steps: &[DealMove], versions: &[i64], back: DealMove) -> WayBack {
    let is_undone = |step: &DealMove| versions.contains(&step.place.div_euclid(STEPS));
    let mut left = steps;
    while let Some((_, earlier)) = left.split_last().filter(|(last, _)| is_undone(last)) {
        left = earlier;
    }
    let leads = |way: &[DealMove]| way.last().is_some_and(|step| step.to == back.to);
    match (leads(left), leads(steps)) {
        (true, _) => WayBack::Along(steps.iter().skip(left.len()).copied().collect()),
        (false, true) => WayBack::Along(Vec::new()),
        (false, false) => WayBack::Anew(back),
    }
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
    let undone = sealed.undone.iter().map(|undone| ((undone.record_id, undone.version), undone.versions.as_slice()));
    let undone: HashMap<(Uuid, i64), &[i64]> = undone.collect();
    let mut history = Vec::new();
    for write in sealed.writes() {
        if let Write::Deal(put) = write {
            let key = (put.after.id.uuid(), put.after.version);
            let own = events.remove(&key).unwrap_or_default();
            add(put, &own, undone.get(&key).copied().unwrap_or_default(), &mut history);
        }
    }
    history
}

fn add(put: &Put<Deal>, events: &[DealEvent], undone: &[i64], history: &mut Vec<HistoryWrite>) {
    let after = &put.after;
    let step = |at: usize, from, to, when| {
        let place = after.version.saturating_mul(STEPS).saturating_add(i64::try_from(at).unwrap_or(STEPS - 1));
        DealMove { deal_id: after.id, place, from, to, at: when }
    };
    let from = put.before.as_ref().map(|before| before.stage_id);
    let here = || step(0, from, after.stage_id, after.stage_entered_at);
    let is_corrected = put.before.as_ref().is_some_and(|before| before.stage_entered_at != after.stage_entered_at);
    if !undone.is_empty() && (from != Some(after.stage_id) || is_corrected) {
        history.push(HistoryWrite::Undone { versions: undone.to_vec(), back: here() });
    } else if !events.is_empty() {
        let moves = events.iter().enumerate();
        let moves = moves.map(|(at, DealEvent::Moved { from, to, at: when })| step(at, *from, *to, *when));
        history.extend(moves.map(HistoryWrite::Stepped));
    } else if from != Some(after.stage_id) {
        history.push(HistoryWrite::Stepped(here()));
    } else if is_corrected {
        history.push(HistoryWrite::Corrected { deal_id: after.id, at: after.stage_entered_at });
    }
    // The step that ends a deal may be taken on the day on which it began.
    let onward = match after.status {
        DealStatus::Open => events,
        DealStatus::Won | DealStatus::Lost => events.split_last().map_or(&[][..], |(_, earlier)| earlier),
    };
    if let Some(before) = &put.before
        && let (Some(said), Some(at)) = (before.opened_at, after.opened_at)
        && said != at
        && !goes_on_at(onward, at)
    {
        history.push(HistoryWrite::Begun { deal_id: after.id, said, at });
    }
}

/// Whether one of the steps is taken when work on the deal began: it was where it was before already.
pub(crate) fn goes_on_at(events: &[DealEvent], began: Timestamp) -> bool {
    events.iter().any(|DealEvent::Moved { from, at, .. }| from.is_some() && *at == began)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(number: u128) -> Id<Stage> {
        Uuid::from_u128(number).into()
    }

    /// The way through stages, each with the version that led there; times are the numbers of the stages.
    fn way(stages: &[(u128, i64)]) -> Vec<DealMove> {
        let mut from = None;
        let mut steps = Vec::new();
        for (number, version) in stages {
            let at = Timestamp::from_micros(i64::try_from(*number).unwrap());
            steps.push(DealMove {
                deal_id: stage(0).uuid().into(),
                place: version * STEPS,
                from,
                to: stage(*number),
                at,
            });
            from = Some(stage(*number));
        }
        steps
    }

    #[test]
    fn undone_steps_are_taken_out_where_they_are_the_last_ones_and_lead_back() {
        let steps = way(&[(1, 1), (2, 4), (3, 5), (4, 7)]);
        let back = |to: u128| DealMove { to: stage(to), place: 9 * STEPS, from: Some(stage(4)), ..steps[0] };
        assert_eq!(way_back(&steps, &[7], back(3)), WayBack::Along(steps[3..].to_vec()));
        assert_eq!(way_back(&steps, &[4, 5, 7], back(1)), WayBack::Along(steps[1..].to_vec()));
        // Somebody went on between two of them, or after them all.
        assert_eq!(way_back(&steps, &[4, 7], back(3)), WayBack::Along(steps[3..].to_vec()));
        assert_eq!(way_back(&steps, &[4], back(1)), WayBack::Anew(back(1)));
        assert_eq!(way_back(&steps, &[5, 7], back(1)), WayBack::Anew(back(1)));
        // A time was put right, and no step was taken.
        assert_eq!(way_back(&steps, &[8], back(4)), WayBack::Along(Vec::new()));
    }

    #[test]
    fn a_way_begins_anew_where_it_began_when_it_was_said_to_and_not_after_its_next_step() {
        let steps = way(&[(10, 1), (20, 2)]);
        let at = Timestamp::from_micros;
        assert_eq!(begun(&steps, at(10), at(5)), Some(at(5)));
        assert_eq!(begun(&steps, at(10), at(30)), Some(at(20)));
        // What was said to have begun later than it went on is put right as well.
        let at_once = way(&[(20, 1), (20, 2)]);
        assert_eq!(begun(&at_once, at(30), at(10)), Some(at(10)));
        assert_eq!(begun(&steps, at(30), at(5)), None);
        assert_eq!(begun(&steps[..1], at(10), at(30)), None);
        assert_eq!(begun(&steps, at(9), at(5)), None);
        assert_eq!(begun(&[], at(9), at(5)), None);
    }
}
