//! Writing what came of jobs: what ends while the write before is under way is written together.

use std::time::Duration;

use crm_core::job::{Settled, Workers};
use tokio::sync::mpsc::UnboundedReceiver;

/// Most jobs of one write.
const MOST: usize = 512;
/// How often a write is tried that fails, with twice the rest each time: for half a minute, in which a server
/// of the database is up again that crashed.
const TRIES: u32 = 12;
/// The first rest.
const REST: Duration = Duration::from_millis(100);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(5);

/// Writes until nobody is left who could send.
pub(crate) async fn settle_all(workers: Workers, mut ended: UnboundedReceiver<Settled>) {
    let mut batch = Vec::with_capacity(MOST);
    while ended.recv_many(&mut batch, MOST).await > 0 {
        // Nearly in the order in which heartbeats write, so that they seldom wait for each other. No statement over
        // many rows promises one: where PostgreSQL finds the two in each other's way, one fails and is tried again.
        batch.sort_unstable_by_key(|settled| settled.job.id);
        settle(&workers, &batch).await;
        batch.clear();
    }
}

/// Writes a batch. What cannot be written is done again when its lease ends.
async fn settle(workers: &Workers, batch: &[Settled]) {
    for again in 0..TRIES {
        match workers.settle(batch).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(?error, "what came of jobs could not be written; trying again"),
        }
        tokio::time::sleep(LONGEST_REST.min(REST * 2_u32.pow(again))).await;
    }
    tracing::error!(jobs = batch.len(), "what came of jobs was not written: they are done again");
}
