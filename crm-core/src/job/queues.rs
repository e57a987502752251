//! How queues stand, and how they are paused.

use serde::{Deserialize, Serialize};

use super::queue::Queue;
use crate::access::{Action, Entity, Grant};
use crate::error::Result;
use crate::session::{Decisions, Session};
use crate::store::Write;
use crate::time::Timestamp;

/// How far back latencies and ended jobs are counted, in seconds: a day.
pub const COUNTED_SECONDS: i64 = 24 * 60 * 60;
/// Most jobs that latencies are told of: those that ended last.
pub const MEASURED: usize = 1_000;

/// What did it, in the jobs that keep what requests under a key were told.
const PAUSE: &str = "queue.pause";
const RESUME: &str = "queue.resume";

/// How a queue of a workspace stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QueueState {
    /// Which.
    pub name: Queue,
    /// Since when nothing is taken from it; it is not paused where absent.
    pub paused_at: Option<Timestamp>,
    /// How many jobs there are.
    pub counts: QueueCounts,
    /// When the one that waits longest became due.
    pub waiting_since: Option<Timestamp>,
    /// How long the jobs waited and ran that were done last, at most a thousand of the last day.
    pub latency: Latency,
}

/// How many jobs a queue holds, by how they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct QueueCounts {
    /// They wait and are due.
    pub queued: u64,
    /// They wait and are not due yet.
    pub scheduled: u64,
    /// A worker holds them.
    pub running: u64,
    /// They ended with a fault and were not taken up again.
    pub failed: u64,
    /// They were done in the last day.
    pub done: u64,
    /// Somebody stopped them in the last day.
    pub cancelled: u64,
}

/// How long jobs waited and ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Latency {
    /// How many jobs it is told of.
    pub jobs: u64,
    /// Milliseconds from when they were due until a worker took them, which half of them did not exceed.
    pub wait_ms_p50: u64,
    /// As before, of 95 in a hundred.
    pub wait_ms_p95: u64,
    /// Milliseconds of the attempt that succeeded, which half of them did not exceed.
    pub run_ms_p50: u64,
    /// As before, of 95 in a hundred.
    pub run_ms_p95: u64,
}

/// A queue that is paused or goes on, as a commit writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePause {
    /// Which.
    pub queue: Queue,
    /// Since when nothing is taken from it; absent where it goes on.
    pub paused_at: Option<Timestamp>,
}

impl QueueState {
    /// A queue that holds nothing.
    pub fn empty(name: Queue) -> Self {
        Self { name, paused_at: None, counts: QueueCounts::default(), waiting_since: None, latency: Latency::default() }
    }
}

impl Latency {
    /// What measured pairs of waiting and running, in microseconds, amount to.
    pub fn of(measured: &[(i64, i64)]) -> Self {
        let waits = sorted(measured.iter().map(|(wait, _)| *wait));
        let runs = sorted(measured.iter().map(|(_, run)| *run));
        Self {
            jobs: measured.len() as u64,
            wait_ms_p50: at(&waits, 50),
            wait_ms_p95: at(&waits, 95),
            run_ms_p50: at(&runs, 50),
            run_ms_p95: at(&runs, 95),
        }
    }
}

fn sorted(micros: impl Iterator<Item = i64>) -> Vec<u64> {
    // A clock that went back makes nothing negative.
    let mut all: Vec<u64> = micros.map(|micros| u64::try_from(micros).unwrap_or(0) / 1_000).collect();
    all.sort_unstable();
    all
}

/// The least of sorted values that so many per cent do not exceed.
fn at(sorted: &[u64], percent: usize) -> u64 {
    let place = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(place).copied().unwrap_or(0)
}

/// The queues of a workspace, as far as one actor may go: they are a setting of the workspace, which admins
/// change.
#[derive(Clone)]
pub struct Queues {
    session: Session,
}

impl Queues {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    fn grant(&self) -> Result<Grant> {
        self.session.require(Entity::Workspace, Action::Update)
    }

    /// The standard queues and those of one's own that hold jobs or are paused, by name.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn list(&self) -> Result<Vec<QueueState>> {
        let grant = self.grant()?;
        let mut queues = self.session.ports().jobs.queues(&grant, self.session.now()).await?;
        for queue in Queue::STANDARD {
            if queues.iter().all(|known| known.name != queue) {
                queues.push(QueueState::empty(queue));
            }
        }
        queues.sort_by(|one, other| one.name.cmp(&other.name));
        Ok(queues)
    }

    /// How one stands.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn read(&self, queue: &Queue) -> Result<QueueState> {
        let found = self.list().await?.into_iter().find(|known| known.name == *queue);
        Ok(found.unwrap_or_else(|| QueueState::empty(queue.clone())))
    }

    /// Lets no process take jobs of the workspace from a queue any more. Those that run go on; those that
    /// come wait. Pausing one that is paused changes nothing. Under the caller's key it is done once: sent again it
    /// is told what it was told, and does not pause a queue anew that went on meanwhile.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn pause(&self, queue: &Queue) -> Result<QueueState> {
        self.turn(queue, PAUSE, |paused_at, now| paused_at.or(Some(now))).await
    }

    /// Lets a queue go on, once under the caller's key.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn resume(&self, queue: &Queue) -> Result<QueueState> {
        self.turn(queue, RESUME, |_, _| None).await
    }

    /// Pauses a queue from when a decision says, or lets it go on; what is so already is not written.
    async fn turn(
        &self,
        queue: &Queue,
        name: &'static str,
        decide: impl Fn(Option<Timestamp>, Timestamp) -> Option<Timestamp>,
    ) -> Result<QueueState> {
        let grant = self.grant()?;
        let told: Option<QueueState> = self.session.told_before(&grant).await?;
        if let Some(first) = told {
            return self.counted(first).await;
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let before = self.session.ports().jobs.paused_since(&grant, queue).await?;
                let mut changes = self.session.changes();
                let paused_at = decide(before, changes.now());
                if paused_at != before {
                    changes.writes.push(Write::QueuePause(QueuePause { queue: queue.clone(), paused_at }));
                }
                let told = QueueState { paused_at, ..QueueState::empty(queue.clone()) };
                self.session.commit_telling(&grant, changes, name, Queue::BULK, told).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return self.counted(result?).await;
            }
        }
    }

    /// What was told of a queue, with what it holds now. It is counted last: a queue that holds too much to be
    /// counted in time is paused all the same.
    async fn counted(&self, told: QueueState) -> Result<QueueState> {
        Ok(QueueState { paused_at: told.paused_at, ..self.read(&told.name).await? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_are_those_that_so_many_do_not_exceed() {
        let measured: Vec<(i64, i64)> = (1..=100).map(|ms| (ms * 1_000, ms * 10_000)).collect();
        let latency = Latency::of(&measured);
        assert_eq!((latency.wait_ms_p50, latency.wait_ms_p95), (50, 95));
        assert_eq!((latency.run_ms_p50, latency.run_ms_p95), (500, 950));
        assert_eq!(Latency::of(&[]), Latency::default());
        assert_eq!(Latency::of(&[(-5, 3_000)]).run_ms_p95, 3);
    }
}
