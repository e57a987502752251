//! What becomes of a delivery with the job that sends it.

use super::deliver::Deliver;
use super::delivery::{Delivery, DeliveryState};
use crate::access::Actor;
use crate::id::Id;
use crate::job::{Handler as _, Job, JobState};
use crate::store::Write;
use crate::time::Timestamp;

/// Another state of a delivery, because of what became of its job. One that was delivered stays so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryTurn {
    /// The delivery.
    pub id: Id<Delivery>,
    /// How it stands from now on.
    pub state: DeliveryState,
    /// Why nothing is sent any more; absent where it is sent.
    pub reason: Option<String>,
    /// When that was.
    pub at: Timestamp,
}

impl DeliveryTurn {
    /// The delivery after it.
    pub fn of(&self, delivery: Delivery) -> Delivery {
        let is_open = self.state == DeliveryState::Pending;
        Delivery {
            state: self.state,
            reason: self.reason.clone(),
            next_attempt_at: is_open.then_some(self.at),
            finished_at: (!is_open).then_some(self.at),
            ..delivery
        }
    }
}

/// What a job is to its delivery that somebody has just stopped or taken up; nothing for other jobs.
pub(crate) fn turned(job: &Job, actor: &Actor, at: Timestamp) -> Option<Write> {
    if job.task.name() != Deliver::KIND {
        return None;
    }
    let (state, reason) = match job.state {
        JobState::Cancelled => {
            let who = actor.user_id().map_or_else(|| "the product".to_owned(), |user| format!("member {user}"));
            (DeliveryState::Cancelled, Some(format!("{who} cancelled the job that sends it")))
        }
        JobState::Queued => (DeliveryState::Pending, None),
        JobState::Running | JobState::Done | JobState::Failed => return None,
    };
    Some(Write::DeliveryTurn(DeliveryTurn { id: job.id.cast(), state, reason, at }))
}
