//! How a kind of job is treated: where it waits, how long an attempt may take, when it is tried again.

use sha2::{Digest as _, Sha256};

use super::model::Job;
use super::queue::{Priority, Queue};
use crate::id::Id;

/// How a kind of job is treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Where it waits.
    pub queue: Queue,
    /// Which place it has among those that are due there.
    pub priority: Priority,
    /// How long an attempt may take, in seconds. One that takes longer is ended and counts as failed.
    pub timeout_seconds: u32,
    /// When it is tried again.
    pub retry: Retry,
}

impl Policy {
    /// The default on a queue: normal priority, five minutes an attempt.
    pub const fn on(queue: Queue) -> Self {
        Self { queue, priority: Priority::Normal, timeout_seconds: 300, retry: Retry::DEFAULT }
    }

    /// With another priority.
    #[must_use]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// With so much time an attempt.
    #[must_use]
    pub const fn timeout_seconds(mut self, seconds: u32) -> Self {
        self.timeout_seconds = seconds;
        self
    }

    /// With other attempts.
    #[must_use]
    pub const fn retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }
}

/// When a job is tried again that failed for a reason which may pass: after a wait that doubles, with jitter,
/// until it has had so many attempts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts in all, at least 1.
    pub max_attempts: u32,
    /// The first wait, in seconds.
    pub first_wait_seconds: u32,
    /// The longest wait, in seconds.
    pub longest_wait_seconds: u32,
    /// Up to so many per cent are added to each wait, so that jobs which failed together do not come back
    /// together.
    pub jitter_percent: u32,
}

impl Retry {
    /// Eight attempts after 4 s, 8 s, 16 s …, up to a fifth longer: the last some ten minutes after the first.
    pub const DEFAULT: Retry =
        Retry { max_attempts: 8, first_wait_seconds: 4, longest_wait_seconds: 6 * 60 * 60, jitter_percent: 20 };

    /// One attempt alone.
    pub const NEVER: Retry = Retry { max_attempts: 1, ..Retry::DEFAULT };

    /// So many attempts.
    #[must_use]
    pub const fn attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts;
        self
    }

    /// The wait after an attempt, from 1, in microseconds. The jitter is a job's own at each attempt.
    pub(crate) fn wait_micros(&self, id: Id<Job>, attempt: u32) -> i64 {
        let doubled = u64::from(self.first_wait_seconds) << attempt.saturating_sub(1).min(31);
        let micros = doubled.min(u64::from(self.longest_wait_seconds)).saturating_mul(1_000_000);
        let digest = Sha256::new().chain_update(id.uuid().as_bytes()).chain_update(attempt.to_be_bytes()).finalize();
        let share = digest.iter().take(4).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte)) % 10_000;
        let jitter = micros.saturating_mul(u64::from(self.jitter_percent)) / 100 * share / 10_000;
        i64::try_from(micros.saturating_add(jitter)).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    #[test]
    fn waits_double_up_to_the_longest_and_are_spread() {
        let retry = Retry { max_attempts: 9, first_wait_seconds: 2, longest_wait_seconds: 60, jitter_percent: 50 };
        let ids: Vec<Id<Job>> = (0..50).map(|at| Id::new_at(Timestamp::from_micros(at))).collect();
        for (attempt, least) in [(1, 2), (2, 4), (5, 32), (6, 60), (99, 60)] {
            let waits: Vec<i64> = ids.iter().map(|id| retry.wait_micros(*id, attempt)).collect();
            assert!(waits.iter().all(|wait| (least * 1_000_000..least * 1_500_000).contains(wait)), "{waits:?}");
            assert!(waits.iter().collect::<std::collections::BTreeSet<_>>().len() > 40);
        }
        let plain = Retry { jitter_percent: 0, ..retry };
        assert_eq!(plain.wait_micros(Id::new_at(Timestamp::from_micros(0)), 3), 8_000_000);
    }
}
