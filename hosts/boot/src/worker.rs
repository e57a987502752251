//! Work that runs beside the requests.

use std::sync::Arc;
use std::time::Duration;

use crm_core::journal::JournalStore;
use crm_core::{Result, Store};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// How long the sealer rests. Readers of the feed seal by themselves first, so this bounds only how
/// long a silent journal has an unsealed tail.
const REST: Duration = Duration::from_secs(5);
/// Entries that are sealed in one transaction.
const BATCH: u32 = 1_000;

/// A worker that can be asked to stop.
pub(crate) struct Worker {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Worker {
    /// Starts the worker that gives new entries of the journal their place in the chain.
    pub(crate) fn sealing<S: Store>(store: Arc<S>) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            while tokio::time::timeout(REST, &mut stopped).await.is_err() {
                if let Err(error) = seal(store.as_ref()).await {
                    tracing::warn!(?error, "the journal could not be sealed; trying again");
                }
            }
        });
        Self { stop, task }
    }

    /// Ends the worker after what it is doing now.
    pub(crate) async fn stop(self) {
        // A worker that is gone already is what was wanted.
        let _ = self.stop.send(());
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a worker ended by itself");
        }
    }
}

async fn seal<S: JournalStore>(store: &S) -> Result<()> {
    for workspace in store.unsealed().await? {
        while store.seal_batch(workspace, BATCH).await? == BATCH {}
    }
    Ok(())
}
