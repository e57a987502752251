//! The one reader of a watched workspace's feed.

use std::sync::Arc;
use std::time::Duration;

use crm_core::Id;
use crm_core::journal::{Feed, Occurrence};
use crm_core::workspace::Workspace;
use tokio::sync::{Notify, broadcast};

use super::Senders;

/// Entries that are read at once: well below those that wait for a watcher, so that whoever keeps up
/// need not read by themselves.
const BATCH: u32 = 100;
/// How long commits gather after the first, so that many are sealed in one transaction.
const GATHER: Duration = Duration::from_millis(5);
/// How long the tail rests where nobody wakes it: others may commit too, and not every store can tell of it.
const REST: Duration = Duration::from_millis(500);
/// How long it rests after the store could not be reached.
const TROUBLE: Duration = Duration::from_secs(1);

/// The reader, and how far it got.
pub(super) struct Tail {
    pub(super) workspace: Id<Workspace>,
    pub(super) feed: Feed,
    pub(super) sender: broadcast::Sender<Arc<Occurrence>>,
    pub(super) senders: Arc<Senders>,
    pub(super) wake: Arc<Notify>,
    pub(super) seq: i64,
    /// Whether watchers find it.
    pub(super) is_known: bool,
}

impl Drop for Tail {
    /// However it ends, nobody waits for it any more.
    fn drop(&mut self) {
        if self.is_known {
            self.senders.lock().remove(&self.workspace);
        }
    }
}

impl Tail {
    /// Tells what happens until nobody listens.
    pub(super) async fn run(mut self) {
        loop {
            match self.feed.after(self.seq, BATCH).await {
                Ok(found) => {
                    let is_behind = found.len() == BATCH as usize;
                    for occurrence in found {
                        self.seq = occurrence.seq;
                        // Nobody listens just now: the end of the loop sees to that.
                        let _ = self.sender.send(Arc::new(occurrence));
                    }
                    if is_behind {
                        // Whoever listens takes what there is first.
                        tokio::task::yield_now().await;
                        continue;
                    }
                }
                Err(error) => {
                    tracing::warn!(?error, "the feed could not be read; trying again");
                    tokio::time::sleep(TROUBLE).await;
                }
            }
            if self.is_over() {
                return;
            }
            if tokio::time::timeout(REST, self.wake.notified()).await.is_ok() {
                tokio::time::sleep(GATHER).await;
            }
        }
    }

    /// Whether nobody listens any more; then nobody finds this tail from here on.
    fn is_over(&mut self) -> bool {
        let mut senders = self.senders.lock();
        let is_over = self.sender.receiver_count() == 0;
        if is_over {
            senders.remove(&self.workspace);
            self.is_known = false;
        }
        is_over
    }
}
