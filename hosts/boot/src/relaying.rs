//! Handing events to their handlers, as long as the workers run.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use crm_core::ErrorKind;
use crm_core::relay::Relay;
use futures::FutureExt as _;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::floor::Passing;
use crate::worker::Asked;

/// How long to rest where no commit of this process says that there is something: others may commit too.
const REST: Duration = Duration::from_secs(1);
/// How long commits gather after the first, so that many events are handed over together and a busy process
/// does not look after each.
const GATHER: Duration = Duration::from_millis(20);

/// Relays to each handler by itself until it is asked to stop, which waits for no handler. What was not handed over
/// by then is handed over by the next one.
pub(crate) async fn relay(relay: Relay, committed: Arc<Notify>, mut asked: Asked) {
    let mut bells = Vec::new();
    let mut relays = JoinSet::new();
    for one in relay.apart() {
        let bell = Arc::new(Notify::new());
        bells.push(bell.clone());
        relays.spawn(keep_relaying(one, bell, asked.clone()));
    }
    loop {
        tokio::select! {
            () = asked.wait() => break,
            () = committed.notified() => bells.iter().for_each(|bell| bell.notify_one()),
        }
    }
    while relays.join_next().await.is_some() {}
}

/// Relays to a handler until it is asked to stop, and begins anew where that panics.
async fn keep_relaying(relay: Relay, committed: Arc<Notify>, mut asked: Asked) {
    loop {
        let relaying = relay_to_one(relay.clone(), committed.clone(), asked.clone());
        if AssertUnwindSafe(relaying).catch_unwind().await.is_ok() {
            return;
        }
        tracing::error!("a relay panicked; beginning anew");
        if !asked.rest(REST).await {
            return;
        }
    }
}

async fn relay_to_one(relay: Relay, committed: Arc<Notify>, mut asked: Asked) {
    loop {
        let passed = tokio::select! {
            () = asked.wait() => return,
            passed = relay.pass_over(&Passing) => passed,
        };
        for error in &passed.faults {
            match error.kind() {
                ErrorKind::Internal => tracing::error!(?error, "events could not be handed over; trying again"),
                _ => tracing::warn!(?error, "events could not be handed over; trying again"),
            }
        }
        if passed.handed > 0 || !passed.faults.is_empty() {
            // There may be more at once, or later where nothing went.
            if asked.rest(if passed.handed > 0 { Duration::ZERO } else { REST }).await {
                continue;
            }
            return;
        }
        tokio::select! {
            () = asked.wait() => return,
            () = committed.notified() => if !asked.rest(GATHER).await { return },
            () = tokio::time::sleep(REST) => {}
        }
    }
}
