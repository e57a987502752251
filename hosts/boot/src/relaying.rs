//! Handing events to their handlers, as long as the workers run.

use std::sync::Arc;
use std::time::Duration;

use crm_core::ErrorKind;
use crm_core::relay::Relay;
use tokio::sync::Notify;

use crate::worker::Asked;

/// How long to rest where no commit of this process says that there is something: others may commit too.
const REST: Duration = Duration::from_secs(1);
/// How long commits gather after the first, so that many events are handed over together and a busy process
/// does not look after each.
const GATHER: Duration = Duration::from_millis(20);

/// Relays until it is asked to stop, which waits for no handler. What was not handed over by then is handed over
/// by the next one.
pub(crate) async fn relay(relay: Relay, committed: Arc<Notify>, mut asked: Asked) {
    loop {
        let passed = tokio::select! {
            () = asked.wait() => return,
            passed = relay.pass_over() => passed,
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
