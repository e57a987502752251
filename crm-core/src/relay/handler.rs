//! What follows from events.

use async_trait::async_trait;

use crate::error::Result;
use crate::job::NewJob;
use crate::journal::Envelope;
use crate::session::Session;
use crate::webhook::Delivery;

/// In which workspaces a handler begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// In every one: in those that are there when a relay first comes by with the handler at the end of their
    /// feeds, and in those that are made later before their first event.
    #[default]
    Everywhere,
    /// Where something of the product has begun it.
    Begun,
}

/// What follows from events, decided; the effect is in the jobs that it enqueues.
///
/// Each event is handed over once, together with its jobs. A handler may be asked about the same events
/// again where its answer could not be written, so it changes nothing by itself.
///
/// # Example
///
#[cfg_attr(feature = "testkit", doc = "```")]
#[cfg_attr(not(feature = "testkit"), doc = "```text")]
/// use std::sync::Arc;
///
/// use crm_core::contact::ContactEdit;
/// use crm_core::job::{Handler, JobContext, JobError, Never, Policy, Queue};
/// use crm_core::journal::Envelope;
/// use crm_core::relay::{EventHandler, Handover};
/// use crm_core::testkit::MemoryStore;
/// use crm_core::{Actor, Crm, Result, Session};
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
///     async fn run(&self, _: &JobContext, _contact: String) -> Result<(), JobError> {
///         Ok(())
///     }
/// }
///
/// struct Greeting;
///
/// #[async_trait::async_trait]
/// impl EventHandler for Greeting {
///     fn name(&self) -> &'static str {
///         "greeting"
///     }
///
///     async fn hand(&self, _: &Session, events: &[Envelope], over: &mut Handover) -> Result<()> {
///         for event in events.iter().filter(|event| event.kind == "contact.created") {
///             over.enqueue(Greet::job(&event.data.record_id.to_string())?);
///         }
///         Ok(())
///     }
/// }
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let crm = Crm::builder(MemoryStore::new()).handler(Greet).event_handler(Arc::new(Greeting)).build();
/// let workspace = crm.create_workspace("Acme Sales").await?;
/// let session = crm.acting(Actor::system(workspace.id, "example")).await?;
/// // The handler begins here. A host leaves the relay to `crm_boot::run_workers`.
/// crm.relay().pass().await?;
/// let ada = ContactEdit { last_name: "Lovelace".to_owned().into(), ..Default::default() };
/// session.contacts().create(ada).await?;
/// assert_eq!(crm.relay().pass().await?, 1);
/// assert!(crm.work(Arc::new(Never)).await?);
/// # Ok::<_, crm_core::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[async_trait]
pub trait EventHandler: Send + Sync + 'static {
    /// Its name, under which its cursors are kept: one that is renamed begins anew.
    fn name(&self) -> &'static str;

    /// Where it begins.
    fn reach(&self) -> Reach {
        Reach::Everywhere
    }

    /// Decides what follows from events, which come in order and as an admin sees them. Sign-ins, and what
    /// else nobody is told of, are left out.
    ///
    /// # Errors
    /// Any: the same events are handed over again later, and later ones wait for them. So it is after a panic.
    async fn hand(&self, product: &Session, events: &[Envelope], over: &mut Handover) -> Result<()>;
}

/// What follows from events: written together with the move of the cursor.
#[derive(Debug, Default)]
pub struct Handover {
    pub(crate) jobs: Vec<NewJob>,
    pub(crate) deliveries: Vec<Delivery>,
}

impl Handover {
    /// Enqueues a job.
    pub fn enqueue(&mut self, job: NewJob) {
        self.jobs.push(job);
    }
}
