//! Work that runs beside the requests.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crm_core::job::Stop;
use crm_core::journal::JournalStore;
use crm_core::{Crm, Result, Store};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long the sealer rests. Readers of the feed seal by themselves first, so this bounds only how
/// long a silent journal has an unsealed tail.
const REST: Duration = Duration::from_secs(5);
/// Entries that are sealed in one transaction.
const BATCH: u32 = 1_000;

/// How long a worker rests that found no job.
const JOB_REST: Duration = Duration::from_millis(200);
/// How long the one rests that forgets old files.
const TIDY_REST: Duration = Duration::from_secs(60 * 60);

/// A worker that can be asked to stop.
pub(crate) struct Worker {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// How a worker hears that it shall stop.
#[derive(Clone)]
struct Asked(watch::Receiver<bool>);

impl Stop for Asked {
    fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}

impl Asked {
    /// Rests, and says whether to go on.
    async fn rest(&mut self, time: Duration) -> bool {
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

    /// Starts a worker that does jobs.
    pub(crate) fn of_jobs(crm: Crm) -> Self {
        Self::start(|mut asked| async move {
            loop {
                let found = crm.work(&asked.clone()).await;
                if let Err(error) = &found {
                    tracing::warn!(?error, "no job could be taken; trying again");
                }
                let rest = if matches!(found, Ok(true)) { Duration::ZERO } else { JOB_REST };
                if !asked.rest(rest).await {
                    return;
                }
            }
        })
    }

    /// Starts the worker that forgets files nobody needs any more.
    pub(crate) fn tidying(crm: Crm) -> Self {
        Self::start(|mut asked| async move {
            while asked.rest(TIDY_REST).await {
                if let Err(error) = crm.forget_old_uploads().await {
                    tracing::warn!(?error, "old files could not be forgotten; trying again");
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
        while store.seal_batch(workspace, BATCH).await? == BATCH {}
    }
    Ok(())
}
