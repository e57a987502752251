//! Work that runs beside the requests.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crm_core::job::{Listener, Stop};
use crm_core::journal::JournalStore;
use crm_core::workspace::Workspace;
use crm_core::{Id, Result, Store};
use futures::StreamExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::live::Wakes;

/// How long the sealer rests. Readers of the feed seal by themselves first, so this bounds only how
/// long a silent journal has an unsealed tail.
const REST: Duration = Duration::from_secs(5);

/// A worker that can be asked to stop.
pub(crate) struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// How a worker hears that it shall stop.
#[derive(Clone)]
pub(crate) struct Asked(watch::Receiver<bool>);

impl Stop for Asked {
    fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}

impl Asked {
    pub(crate) fn new(asked: watch::Receiver<bool>) -> Self {
        Self(asked)
    }

    /// Waits until it is asked.
    pub(crate) async fn wait(&mut self) {
        // Whoever could ask and is gone has asked.
        let _ = self.0.wait_for(|asked| *asked).await;
    }

    /// Rests, and says whether to go on.
    pub(crate) async fn rest(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.0.wait_for(|asked| *asked)).await.is_err()
    }
}

impl Worker {
    /// Starts the worker that gives new entries of the journal their place in the chain.
    pub(crate) fn sealing<S: Store>(store: Arc<S>) -> Self {
        Self::start(|mut asked| async move {
            while asked.rest(REST).await {
                if let Err(error) = seal(store.as_ref()).await {
                    tracing::warn!(?error, "the journal could not be sealed; trying again");
                }
            }
        })
    }

    /// Starts the worker that wakes readers of the feed when others have committed.
    pub(crate) fn waking(mut rings: Listener<Id<Workspace>>, wakes: Arc<Wakes>) -> Self {
        Self::start(|mut asked| async move {
            loop {
                tokio::select! {
                    () = asked.wait() => return,
                    ring = rings.next() => match ring {
                        Some(ring) => wakes.hear(&ring),
                        // The store cannot tell.
                        None => return,
                    },
                }
            }
        })
    }

    fn start<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(Asked) -> F) -> Self {
        let (stop, asked) = watch::channel(false);
        Self { stop, task: tokio::spawn(work(Asked(asked))) }
    }

    /// Ends the worker after what it is doing now; a job is given back at its next step.
    pub(crate) async fn stop(self) {
        // A worker that is gone already is what was wanted.
        let _ = self.stop.send(true);
        if let Err(error) = self.task.await {
            tracing::error!(%error, "a worker ended by itself");
        }
    }
}

async fn seal<S: JournalStore>(store: &S) -> Result<()> {
    for workspace in store.unsealed().await? {
        store.seal(workspace).await?;
    }
    Ok(())
}
