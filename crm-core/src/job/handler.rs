//! Jobs of one's own: a kind, its payload and what is done.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use futures::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::context::JobContext;
use super::fault::JobError;
use super::new::NewJob;
use super::policy::Policy;
use super::queue::Queue;
use crate::error::{Error, Result};

/// A kind of job: what it needs to know, how it is treated and what is done.
///
/// A job may be run more than once: a worker may die after the effect and before it could say so. What it does
/// outside the store carries [`JobContext::idempotency_key`], what it does in the store goes through
/// [`JobContext::once`].
///
/// # Example
///
#[cfg_attr(feature = "testkit", doc = "```")]
#[cfg_attr(not(feature = "testkit"), doc = "```text")]
/// use std::sync::Arc;
///
/// use crm_core::contact::ContactEdit;
/// use crm_core::job::{Handler, JobContext, JobError, Never, Policy, Queue};
/// use crm_core::testkit::MemoryStore;
/// use crm_core::{Actor, Crm};
///
/// struct Greet;
///
/// impl Handler for Greet {
///     type Payload = String;
///     const KIND: &'static str = "greet";
///
///     fn policy() -> Policy {
///         Policy::on(Queue::NOTIFICATION)
///     }
///
///     async fn run(&self, job: &JobContext, name: String) -> Result<(), JobError> {
///         let note = ContactEdit { last_name: name.into(), ..Default::default() };
///         job.once("greet").await?.contacts().create(note).await?;
///         Ok(())
///     }
/// }
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let crm = Crm::builder(MemoryStore::new()).handler(Greet).build();
/// let workspace = crm.create_workspace("Acme Sales").await?;
/// let session = crm.acting(Actor::system(workspace.id, "example")).await?;
/// session.jobs().enqueue(Greet::job(&"Lovelace".to_owned())?).await?;
///
/// // A host leaves this to `crm_boot::run_workers`.
/// assert!(crm.work(Arc::new(Never)).await?);
/// assert_eq!(session.contacts().list(&Default::default()).await?.data.len(), 1);
/// # Ok::<_, crm_core::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub trait Handler: Send + Sync + 'static {
    /// What it needs to know. Jobs of before an update are read by the code of after it, so fields that come
    /// later need a default.
    type Payload: Serialize + DeserializeOwned + Send;

    /// The kind's name, which jobs keep, as in `welcome_mail`: 1 to 60 small letters, digits, underscores and
    /// dots that begin with a letter.
    const KIND: &'static str;

    /// How it is treated.
    fn policy() -> Policy;

    /// Does it.
    ///
    /// # Errors
    /// A [`JobError`], which decides what becomes of the job.
    fn run(&self, job: &JobContext, payload: Self::Payload) -> impl Future<Output = Result<(), JobError>> + Send;

    /// A job of this kind, to be enqueued.
    ///
    /// # Errors
    /// `Internal` for a payload that cannot be written as JSON.
    fn job(payload: &Self::Payload) -> Result<NewJob>
    where
        Self: Sized,
    {
        let payload = serde_json::to_value(payload).map_err(Error::internal)?;
        Ok(NewJob::new(Self::KIND, payload, Self::policy()))
    }
}

/// The code of a payload that its type does not read.
pub(crate) const UNREAD: &str = "payload";

/// A handler whose payload is JSON.
pub(crate) trait Run: Send + Sync {
    fn policy(&self) -> Policy;

    fn run<'a>(&'a self, job: &'a JobContext, payload: Value) -> BoxFuture<'a, Result<(), JobError>>;
}

struct Typed<H>(H);

impl<H: Handler> Run for Typed<H> {
    fn policy(&self) -> Policy {
        H::policy()
    }

    fn run<'a>(&'a self, job: &'a JobContext, payload: Value) -> BoxFuture<'a, Result<(), JobError>> {
        Box::pin(async move {
            let payload = serde_json::from_value(payload)
                .map_err(|error| JobError::fatal(UNREAD, format!("the payload does not parse: {error}")))?;
            self.0.run(job, payload).await
        })
    }
}

/// The kinds of job that a process knows. Cheap to clone.
#[derive(Clone, Default)]
pub struct Handlers(Arc<BTreeMap<&'static str, Arc<dyn Run>>>);

impl Handlers {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more; of two with one name the later holds.
    #[must_use]
    pub fn with<H: Handler>(mut self, handler: H) -> Self {
        Arc::make_mut(&mut self.0).insert(H::KIND, Arc::new(Typed(handler)));
        self
    }

    /// With those of another.
    #[must_use]
    pub fn and(mut self, other: &Handlers) -> Self {
        let others = other.0.iter().map(|(kind, handler)| (*kind, handler.clone()));
        Arc::make_mut(&mut self.0).extend(others);
        self
    }

    /// The queues that its kinds wait in.
    pub fn queues(&self) -> Vec<Queue> {
        let mut queues: Vec<Queue> = self.0.values().map(|handler| handler.policy().queue).collect();
        queues.sort();
        queues.dedup();
        queues
    }

    pub(crate) fn of(&self, kind: &str) -> Option<Arc<dyn Run>> {
        self.0.get(kind).cloned()
    }
}

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
