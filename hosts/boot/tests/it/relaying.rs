//! Handing events over, on the store in memory: what needs a runtime.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use crm_boot::{WorkerOptions, run_workers};
use crm_core::journal::Envelope;
use crm_core::relay::{EventHandler, Handover, Reach};
use crm_core::testkit::{MemoryStore, PATIENCE, StuckHandler, samples};
use crm_core::{Actor, Crm, Result, Session};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// Says what it is handed.
struct Telling(UnboundedSender<String>);

#[async_trait]
impl EventHandler for Telling {
    fn name(&self) -> &'static str {
        "telling"
    }

    async fn hand(&self, _: &Session, events: &[Envelope], _: &mut Handover) -> Result<()> {
        for event in events {
            self.0.send(event.kind.clone()).unwrap();
        }
        Ok(())
    }
}

/// Panics once beside its hand, and says what it is handed.
struct Tripping {
    telling: Telling,
    trips: AtomicBool,
}

#[async_trait]
impl EventHandler for Tripping {
    fn name(&self) -> &'static str {
        "tripping"
    }

    fn reach(&self) -> Reach {
        assert!(!self.trips.swap(false, Ordering::SeqCst), "a defect");
        Reach::Everywhere
    }

    async fn hand(&self, product: &Session, events: &[Envelope], over: &mut Handover) -> Result<()> {
        self.telling.hand(product, events, over).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_panics_begins_anew() {
    let (say, mut said) = unbounded_channel();
    let handler = Arc::new(Tripping { telling: Telling(say), trips: AtomicBool::new(false) });
    let crm = Crm::builder(MemoryStore::new()).event_handler(handler.clone()).build();
    let workspace = crm.create_workspace("Acme").await.unwrap().id;
    assert_eq!(crm.relay().pass().await.unwrap(), 0);
    let session = crm.acting(Actor::system(workspace, "test")).await.unwrap();
    handler.trips.store(true, Ordering::SeqCst);
    let workers = run_workers(&crm, WorkerOptions::none());
    session.contacts().create(samples::contact("Ada")).await.unwrap();
    let heard = tokio::time::timeout(PATIENCE, said.recv()).await.unwrap();
    assert_eq!(heard.as_deref(), Some("contact.created"));
    assert!(!handler.trips.load(Ordering::SeqCst));
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_workspace_is_handed_over_from_its_first_event_on() {
    let (say, mut said) = unbounded_channel();
    let crm = Crm::builder(MemoryStore::new()).event_handler(Arc::new(Telling(say))).build();
    let workers = run_workers(&crm, WorkerOptions::none());
    let workspace = crm.create_workspace("Acme").await.unwrap().id;
    let session = crm.acting(Actor::system(workspace, "test")).await.unwrap();
    session.contacts().create(samples::contact("Ada")).await.unwrap();
    let mut heard = Vec::new();
    while heard.last().is_none_or(|kind| kind != "contact.created") {
        heard.extend(tokio::time::timeout(PATIENCE, said.recv()).await.unwrap());
    }
    assert!(heard.iter().any(|kind| kind == "workspace.created"), "{heard:?}");
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_never_returns_holds_up_no_other_and_no_stop() {
    let (say, mut said) = unbounded_channel();
    let builder = Crm::builder(MemoryStore::new()).event_handler(Arc::new(StuckHandler));
    let crm = builder.event_handler(Arc::new(Telling(say))).build();
    let workspace = crm.create_workspace("Acme").await.unwrap().id;
    // Both begin here.
    assert_eq!(crm.relay().pass().await.unwrap(), 0);
    let session = crm.acting(Actor::system(workspace, "test")).await.unwrap();
    let workers = run_workers(&crm, WorkerOptions::none());
    for name in ["Ada", "Grace"] {
        session.contacts().create(samples::contact(name)).await.unwrap();
        let heard = tokio::time::timeout(PATIENCE, said.recv()).await.unwrap();
        assert_eq!(heard.as_deref(), Some("contact.created"));
    }
    workers.stop().await;
}
