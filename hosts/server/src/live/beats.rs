//! What a watch does from time to time though nothing happens.

use std::time::Duration;

use crm_boot::Watch;
use crm_core::{Error, ErrorKind, Result};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

/// How long a client may take to make room for one message.
pub(super) const SENDING_TIME: Duration = Duration::from_secs(30);
/// How often a silent watch shows that it is there.
const BEAT: Duration = Duration::from_secs(20);
/// When it does so first: rights that were resolved before the watch began are forgotten by then.
const FIRST_BEAT: Duration = Duration::from_millis(1_500);
/// Beats from one look at who watches to the next; a change of their rights is looked at when it happens.
const LOOK: u32 = 3;
/// How long a watch rests after the store could not be reached.
const TROUBLE: Duration = Duration::from_secs(1);

/// The beats of one watch.
pub(super) struct Beats {
    interval: Interval,
    count: u32,
}

impl Beats {
    /// They begin now, and not at once for all who came at once.
    pub(super) fn new() -> Self {
        let spread = Duration::from_millis(rand::random_range(0..1_000));
        let mut interval = interval_at(Instant::now() + FIRST_BEAT + spread, BEAT);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { interval, count: 0 }
    }

    /// Waits for the next one.
    pub(super) async fn next(&mut self) {
        self.interval.tick().await;
        self.count = self.count.wrapping_add(1);
    }

    /// Makes sure now and then that whoever watches still may.
    ///
    /// # Errors
    /// `Unauthenticated` where they may not.
    pub(super) async fn look(&self, watch: &mut Watch) -> Result<()> {
        if self.count % LOOK != 1 {
            return Ok(());
        }
        match watch.renew().await {
            Err(error) if error.kind() != ErrorKind::Unavailable => Err(error),
            // Where the store cannot be reached nothing is told either.
            _ => Ok(()),
        }
    }
}

/// Rests where an error may pass, and gives it back where not.
///
/// # Errors
/// The one that does not pass.
pub(super) async fn bear(error: Error) -> Result<()> {
    if error.kind() != ErrorKind::Unavailable {
        return Err(error);
    }
    tokio::time::sleep(TROUBLE).await;
    Ok(())
}
