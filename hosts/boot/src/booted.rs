//! The wired engine and what keeps it running.

use std::sync::Arc;

use async_trait::async_trait;
use crm_core::auth::Signup;
use crm_core::{Crm, Result, Store};

use crate::config::Config;
use crate::figures::Figure;
use crate::live::{Herald, Live, Wakes};
use crate::store;
use crate::worker::Worker;
use crate::workers::{RunningWorkers, WorkerOptions, run_workers};

/// What a host asks of the store beside its ports.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Whether the store can be reached and its schema is the one that this program needs.
    ///
    /// # Errors
    /// `Unavailable` with the reason.
    async fn ready(&self) -> Result<()>;

    /// What the store tells of itself; what it cannot tell now is left out.
    async fn figures(&self) -> Vec<Figure> {
        Vec::new()
    }
}

/// A running engine.
pub struct Booted {
    crm: Crm,
    live: Arc<Live>,
    herald: Arc<Herald>,
    config: Config,
    backend: Arc<dyn Backend>,
    workers: Vec<Worker>,
    jobs: Option<RunningWorkers>,
}

/// Which key signs access tokens, and with it who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keys {
    /// One that outlives the process, because clients hold tokens: the world asks.
    Kept,
    /// Any, because no token leaves the process: an operator asks, who registers whom they like.
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

/// As [`boot`] for one command of an operator: no worker runs, no secret is asked for or made, and
/// registering is open.
///
/// # Errors
/// As [`boot`].
pub async fn boot_for_command(config: Config) -> Result<Booted> {
    store::open(config, Keys::Passing).await
}

/// As [`boot_for_command`] for a process that does jobs and nothing else: those of the configured queues.
///
/// # Errors
/// As [`boot`].
pub async fn boot_for_jobs(config: Config) -> Result<Booted> {
    let mut booted = store::open(config, Keys::Passing).await?;
    let wakes = booted.live.wakes().clone();
    let options = WorkerOptions::of(&booted.config.queues).woken_by(wakes.any(), booted.herald.jobs());
    booted.workers.extend(booted.herald.rings().map(|rings| Worker::waking(rings, wakes)));
    booted.jobs = Some(run_workers(&booted.crm, options));
    Ok(booted)
}

/// What sends webhooks.
#[cfg(feature = "webhook")]
fn sender(config: &Config) -> crm_integrations::webhook::HttpSender {
    use crm_integrations::webhook::{HttpSender, Reachable};

    let sender = HttpSender::new(Reachable::with(config.webhook_allow.iter().collect()));
    match config.webhook_http {
        crate::config::WebhookHttp::Refused => sender,
        crate::config::WebhookHttp::Allowed => sender.allowing_http(),
    }
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
        let wakes = Arc::new(Wakes::default());
        let herald = Arc::new(Herald::of(&config, wakes.clone())?);
        let builder = Crm::builder(store.clone()).listener(herald.clone()).signup(match keys {
            Keys::Kept => config.signup,
            Keys::Passing => Signup::Open,
        });
        #[cfg(feature = "auth")]
        let builder = {
            use crm_integrations::auth::{Argon2Hasher, JwtSigner};
            let former: Vec<_> = config.secret_key_previous.iter().cloned().collect();
            let secret = crate::secret::of(&config, keys)?;
            let signer = JwtSigner::with_former(&secret, &former)?;
            let builder = builder.auth(Arc::new(Argon2Hasher::new()), Arc::new(signer));
            match keys {
                Keys::Kept => builder.cursor_secrets(&[vec![secret], former].concat()),
                // The next command would not know the secret of this one.
                Keys::Passing => builder,
            }
        };
        #[cfg(feature = "webhook")]
        let builder = builder.webhooks(Arc::new(sender(&config)));
        #[cfg(feature = "email")]
        let builder = match crate::mail::setup(&config)? {
            Some(setup) => builder.mail(setup),
            None => builder,
        };
        #[cfg(not(feature = "email"))]
        if config.mail.is_some() {
            let message = "SLACKCRM_MAIL: this program was built without the feature email";
            return Err(crm_core::Error::new(crm_core::ErrorKind::Unsupported, message));
        }
        let crm = builder.build();
        let workers = match keys {
            Keys::Kept => vec![
                Worker::waking(herald.rings().unwrap_or_else(|| store.listen_for_commits()), wakes.clone()),
                Worker::sealing(store),
            ],
            Keys::Passing => Vec::new(),
        };
        let options = WorkerOptions::of(&config.queues).woken_by(wakes.any(), herald.jobs());
        let live = Live::new(crm.clone(), wakes);
        let jobs = (keys == Keys::Kept).then(|| run_workers(&crm, options));
        Ok(Self { crm, live, herald, config, backend, workers, jobs })
    }

    /// The engine.
    pub fn crm(&self) -> &Crm {
        &self.crm
    }

    /// Events while they happen.
    pub fn live(&self) -> &Arc<Live> {
        &self.live
    }

    /// What it was made from.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The folder that mails are written to, where none is sent.
    #[cfg(feature = "email")]
    pub fn mailbox(&self) -> Option<crm_integrations::mailbox::MailboxMailer> {
        crate::mail::mailbox(&self.config)
    }

    /// The store's answer to whether it can serve.
    pub fn backend(&self) -> Arc<dyn Backend> {
        self.backend.clone()
    }

    /// Takes no further job from now on: the workers' time to end begins, while requests under way are finished.
    /// [`Booted::close`] waits for both.
    pub fn take_no_more(&self) {
        self.jobs.iter().for_each(RunningWorkers::take_no_more);
    }

    /// Ends the workers, each after what it is doing, and lets go of the store. What was committed
    /// is in the store already.
    pub async fn close(self) {
        if let Some(jobs) = self.jobs {
            jobs.stop().await;
        }
        futures::future::join_all(self.workers.into_iter().map(Worker::stop)).await;
    }
}
