//! Upkeep: old jobs and keys, deliveries, files and mails are forgotten, and what hangs on nothing is ended. Every
//! process that does jobs sees to it; what two do at once is done once.

use std::future::Future;
use std::time::Duration;

use crm_core::job::{Stop as _, Workers};
use crm_core::{Crm, Result};

use crate::worker::Asked;

/// When the first pass comes, in seconds after the start: soon, because a process may not live for an hour, and not
/// at once, because the start has enough to do.
const FIRST_SECONDS: i64 = 60;
/// How long after a pass the next one comes, in seconds.
const REST_SECONDS: i64 = 60 * 60;
/// How often the engine's clock is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How long jobs are kept that were done, and those that ended otherwise, in seconds.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) done_seconds: i64,
    pub(crate) others_seconds: i64,
}

/// Sees to it from now on until it is asked to stop.
pub(crate) fn keep_up(
    crm: Crm,
    workers: Workers,
    kept: Kept,
    mut asked: Asked,
) -> impl Future<Output = ()> + Send + 'static {
    let mut due = crm.now().plus_seconds(FIRST_SECONDS);
    async move {
        while asked.rest(LOOK).await {
            let now = crm.now();
            // A clock that went back puts it off for no longer than a rest.
            due = due.min(now.plus_seconds(REST_SECONDS));
            if due <= now {
                pass(&crm, &workers, kept, &asked).await;
                due = now.plus_seconds(REST_SECONDS);
            }
        }
    }
}

async fn pass(crm: &Crm, workers: &Workers, kept: Kept, asked: &Asked) {
    note("old jobs could not be forgotten", workers.prune(kept.done_seconds, kept.others_seconds, asked).await);
    note("old idempotency keys could not be forgotten", crm.forget_old_keys(asked).await);
    note("old deliveries could not be forgotten", crm.forget_old_deliveries(asked).await);
    note("deliveries that nothing sends could not be ended", crm.end_stranded_deliveries(asked).await);
    // A stop waits for what is under way, and for no more.
    if !asked.is_asked() {
        note("old files could not be forgotten", crm.forget_old_uploads().await);
    }
    if !asked.is_asked() {
        note("old mails could not be forgotten", crm.forget_old_mails().await);
    }
}

/// Tells of what failed: the next pass tries again.
fn note<T>(what: &'static str, done: Result<T>) {
    if let Err(error) = done {
        tracing::warn!(?error, "{what}; trying again");
    }
}
