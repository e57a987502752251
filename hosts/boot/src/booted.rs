//! The wired engine and what keeps it running.

use std::sync::Arc;

use async_trait::async_trait;
use crm_core::{Crm, Result, Store};

use crate::config::Config;
use crate::store;
use crate::worker::Worker;

/// What a host asks of the store beside its ports.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Whether the store can be reached and its schema is the one that this program needs.
    ///
    /// # Errors
    /// `Unavailable` with the reason.
    async fn ready(&self) -> Result<()>;
}

/// A running engine.
pub struct Booted {
    crm: Crm,
    config: Config,
    backend: Arc<dyn Backend>,
    workers: Vec<Worker>,
}

/// Jobs that one process does at once.
const JOB_WORKERS: usize = 2;

/// Which key signs access tokens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// One that outlives the process, because clients hold tokens.
    Kept,
    /// Any: no token leaves the process.
    Passing,
}

/// Opens the store, brings its schema up to date and wires an engine that serves: people sign in,
/// and workers run beside the requests. Needs a tokio runtime.
///
/// # Errors
/// `Invalid` for a configuration that does not do, with setting and reason; `Unsupported` for a
/// database whose feature was left out; `Unavailable` where the store cannot be reached.
pub async fn boot(config: Config) -> Result<Booted> {
    store::open(config, Keys::Kept).await
}

/// As [`boot`] for one command: no worker runs, and no secret is asked for or made.
///
/// # Errors
/// As [`boot`].
pub async fn boot_for_command(config: Config) -> Result<Booted> {
    store::open(config, Keys::Passing).await
}

impl Booted {
    /// An engine that serves, on any store; for programs with a store of their own, and for tests.
    ///
    /// # Errors
    /// `Invalid` without a secret key where one is needed and none can be made.
    pub fn on<S: Store>(store: Arc<S>, backend: Arc<dyn Backend>, config: Config) -> Result<Self> {
        Self::wire(store, backend, config, Keys::Kept)
    }

    /// Wires a store that is open.
    pub(crate) fn wire<S: Store>(store: Arc<S>, backend: Arc<dyn Backend>, config: Config, keys: Keys) -> Result<Self> {
        let builder = Crm::builder(store.clone());
        #[cfg(feature = "auth")]
        let builder = {
            use crm_integrations::auth::{Argon2Hasher, JwtSigner};
            let former: Vec<_> = config.secret_key_previous.iter().cloned().collect();
            let signer = JwtSigner::with_former(&crate::secret::of(&config, keys)?, &former)?;
            builder.auth(Arc::new(Argon2Hasher::new()), Arc::new(signer))
        };
        let crm = builder.build();
        let workers = match keys {
            Keys::Kept => {
                let mut workers = vec![Worker::sealing(store), Worker::tidying(crm.clone())];
                workers.extend((0..JOB_WORKERS).map(|_| Worker::of_jobs(crm.clone())));
                workers
            }
            Keys::Passing => Vec::new(),
        };
        Ok(Self { crm, config, backend, workers })
    }

    /// The engine.
    pub fn crm(&self) -> &Crm {
        &self.crm
    }

    /// What it was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The store's answer to whether it can serve.
    pub fn backend(&self) -> Arc<dyn Backend> {
        self.backend.clone()
    }

    /// Ends the workers, each after what it is doing, and lets go of the store. What was committed
    /// is in the store already.
    pub async fn close(self) {
        futures::future::join_all(self.workers.into_iter().map(Worker::stop)).await;
    }
}
