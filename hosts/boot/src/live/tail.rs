//! The one reader of a watched workspace's feed.

use std::sync::Arc;
use std::time::Duration;

use crm_core::Id;
use crm_core::journal::Feed;
use crm_core::workspace::Workspace;
use tokio::sync::Notify;

use super::Watched;
use super::ears::Ears;

/// Entries that are read at once: well below those that wait for a watcher, so that whoever keeps up
/// need not read by themselves.
const BATCH: u32 = 100;
/// How long commits gather after the first, so that many are sealed in one transaction.
const GATHER: Duration = Duration::from_millis(5);
/// How long the tail rests after the store could not be reached.
const TROUBLE: Duration = Duration::from_secs(1);

/// The reader, and how far it got.
pub(super) struct Tail {
    pub(super) workspace: Id<Workspace>,
    pub(super) feed: Feed,
    pub(super) ears: Arc<Ears>,
    pub(super) watched: Arc<Watched>,
    pub(super) wake: Arc<Notify>,
    pub(super) seq: i64,
    /// How long it rests where nobody wakes it.
    pub(super) rest: Duration,
    /// Whether watchers find it.
    pub(super) is_known: bool,
}

impl Drop for Tail {
    /// However it ends, nobody waits for it any more.
    fn drop(&mut self) {
        if self.is_known {
            self.watched.lock().remove(&self.workspace);
        }
        self.ears.close();
    }
}

impl Tail {
    /// Tells what happens until nobody listens.
    pub(super) async fn run(mut self) {
        loop {
            match self.feed.after(self.seq, BATCH).await {
                Ok(found) => {
                    let is_behind = found.len() == BATCH as usize;
                    self.seq = found.last().map_or(self.seq, |last| last.seq);
                    self.ears.tell(found);
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
            if tokio::time::timeout(self.rest, self.wake.notified()).await.is_ok() {
                tokio::time::sleep(GATHER).await;
            }
        }
    }

    /// Whether nobody listens any more; then nobody finds this tail from here on.
    fn is_over(&mut self) -> bool {
        let mut watched = self.watched.lock();
        let is_over = !self.ears.is_anybody_there();
        if is_over {
            watched.remove(&self.workspace);
            self.is_known = false;
        }
        is_over
    }
}
