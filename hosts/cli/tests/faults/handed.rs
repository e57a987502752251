//! Workers that are killed while changes go on: each event comes to each handler and to each endpoint.
//!
//! A handler of the test's own makes a company for each event of a contact, by a job. Two webhook endpoints are sent
//! the same events over HTTP, one of them those of a record in order. Whoever writes keeps a little ahead of what was
//! told, so that changes and kills go on at once.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use crm_boot::{Booted, QueueOptions, WorkerOptions, boot_for_command, run_workers};
use crm_core::company::CompanyEdit;
use crm_core::contact::{Contact, ContactEdit};
use crm_core::job::{Handler, JobContext, JobError, JobsRequest, Policy, Queue, Retry};
use crm_core::journal::Envelope;
use crm_core::relay::{EventHandler, Handover};
use crm_core::testkit::samples;
use crm_core::webhook::{
    DeliveriesRequest, Delivery, DeliveryOrder, DeliveryState, NewWebhookEndpoint, WebhookEndpoint,
};
use crm_core::{Crm, Edit, ErrorKind, Expect, Id, ListRequest, Result, Session, Store};
use crm_storage::testkit::Schema;
use crm_storage::{Options, PostgresStore, SqliteStore};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::hooks::{config, message};
use super::{DATABASE, EFFECTS, is_long, note, pause, session, worker};

/// How much happens.
struct Extent {
    records: usize,
    /// Changes of each record, its making included.
    changes: usize,
    kills: usize,
}

impl Extent {
    fn of_this_run() -> Self {
        match is_long() {
            true => Self { records: 100, changes: 10, kills: 20 },
            false => Self { records: 20, changes: 4, kills: 4 },
        }
    }

    fn events(&self) -> usize {
        self.records * self.changes
    }
}

/// Makes a company of the name of an event.
struct Noted;

impl Handler for Noted {
    type Payload = String;
    const KIND: &'static str = "noted";

    fn policy() -> Policy {
        Policy::on(EFFECTS).retry(Retry::DEFAULT.attempts(1_000))
    }

    async fn run(&self, job: &JobContext, event: String) -> std::result::Result<(), JobError> {
        let edit = CompanyEdit { name: Edit::Set(event), ..CompanyEdit::default() };
        job.once("effect").await?.companies().create(edit).await?;
        Ok(())
    }
}

/// Has each event of a contact noted.
struct Noting;

#[async_trait]
impl EventHandler for Noting {
    fn name(&self) -> &'static str {
        "noting"
    }

    async fn hand(&self, _: &Session, events: &[Envelope], over: &mut Handover) -> Result<()> {
        for event in events.iter().filter(|event| is_of_a_contact(event)) {
            over.enqueue(Noted::job(&name(event))?);
        }
        Ok(())
    }
}

fn is_of_a_contact(event: &Envelope) -> bool {
    event.kind.starts_with("contact.")
}

/// By what an event is known, at the endpoints too.
fn name(event: &Envelope) -> String {
    format!("{} {}", event.seq, event.id)
}

/// An engine with the handler, beside the product's own that sends webhooks.
async fn noting(url: &str) -> Crm {
    fn on<S: Store>(store: S) -> Crm {
        Crm::builder(Arc::new(store)).event_handler(Arc::new(Noting)).build()
    }
    let options = Options::default().connections(6);
    match url.strip_prefix("sqlite://") {
        Some(file) => on(SqliteStore::open(file, options).unwrap()),
        None => on(PostgresStore::connect(url, options).await.unwrap()),
    }
}

/// Relays, does the handler's jobs and sends webhooks until it is killed.
async fn be_a_worker(url: &str) {
    let booted = boot_for_command(config(url)).await.unwrap();
    let sending = WorkerOptions::none().queue(QueueOptions::new(Queue::WEBHOOK).concurrency(6));
    let _sending = run_workers(booted.crm(), sending.lease_seconds(2));
    let noting = noting(url).await;
    let _noting = run_workers(&noting, WorkerOptions::none().handler(Noted).lease_seconds(2));
    std::future::pending::<()>().await;
}

/// A message as it came to an endpoint.
struct Came {
    message: String,
    /// The event's number and entry.
    event: String,
    seq: i64,
    record: String,
}

/// What came to an endpoint, in its order.
type Post = Arc<Mutex<Vec<Came>>>;

async fn receive(mut stream: TcpStream, post: Post) -> std::io::Result<()> {
    let (head, body) = message(&mut stream).await?;
    // Whoever was killed in the middle has said nothing.
    let Ok(body) = serde_json::from_str::<serde_json::Value>(&body) else { return Ok(()) };
    let message = head.lines().find_map(|line| line.strip_prefix("webhook-id: ")).unwrap().to_owned();
    let seq = body["seq"].as_i64().unwrap();
    let event = format!("{seq} {}", body["id"].as_str().unwrap());
    let record = body["data"]["record_id"].as_str().unwrap().to_owned();
    post.lock().unwrap().push(Came { message, event, seq, record });
    stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await
}

/// An endpoint of a workspace, and what comes to it.
struct Hook {
    id: Id<WebhookEndpoint>,
    post: Post,
}

impl Hook {
    async fn make(session: &Session, order: DeliveryOrder) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let post = Post::default();
        let received = post.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, received.clone()));
            }
        });
        let new = NewWebhookEndpoint { order, ..samples::webhook(&url, &["contact.*"]) };
        Self { id: session.webhooks().create(new).await.unwrap().endpoint.id, post }
    }

    /// How many events came to it.
    fn told(&self) -> usize {
        self.post.lock().unwrap().iter().map(|one| &one.event).collect::<BTreeSet<_>>().len()
    }

    /// Its deliveries.
    async fn deliveries(&self, session: &Session) -> Vec<Delivery> {
        let mut request = DeliveriesRequest { limit: Some(200), ..DeliveriesRequest::default() };
        let mut all = Vec::new();
        loop {
            let page = session.webhooks().deliveries(self.id, &request).await.unwrap();
            all.extend(page.data);
            request.cursor = page.next_cursor;
            if request.cursor.is_none() {
                return all;
            }
        }
    }

    async fn has_all(&self, session: &Session, events: usize) -> bool {
        // Its own count first, which costs nothing.
        self.told() == events && {
            let all = self.deliveries(session).await;
            all.len() == events && all.iter().all(|one| one.state == DeliveryState::Delivered)
        }
    }

    /// Each event came, under one id that is no other's, and has one delivery.
    async fn each_event_is_there_once(&self, session: &Session, events: &BTreeSet<String>) {
        let deliveries = self.deliveries(session).await;
        let all = self.post.lock().unwrap();
        let pairs: BTreeSet<(&String, &String)> = all.iter().map(|one| (&one.message, &one.event)).collect();
        assert_eq!(pairs.iter().map(|(message, _)| *message).collect::<BTreeSet<_>>().len(), events.len());
        assert_eq!(pairs.iter().map(|(_, event)| (*event).clone()).collect::<BTreeSet<_>>(), *events);
        assert_eq!(pairs.len(), events.len());
        let delivered: BTreeSet<&String> = deliveries.iter().map(|one| &one.message_id).collect();
        assert_eq!((deliveries.len(), delivered.len()), (events.len(), events.len()));
        assert!(pairs.iter().all(|(message, _)| delivered.contains(message)));
    }

    /// What is about one record came in order: a message comes again before a later one, and never after it.
    fn keeps_order(&self) {
        let mut last: BTreeMap<String, i64> = BTreeMap::new();
        for Came { record, seq, .. } in self.post.lock().unwrap().iter() {
            let before = last.insert(record.clone(), *seq).unwrap_or(0);
            assert!(before <= *seq, "{seq} of {record} came after {before}");
        }
    }
}

/// Changes records one after the other, each change once, also where an answer was lost.
struct Writer {
    session: Session,
    contacts: Vec<Id<Contact>>,
    written: usize,
}

impl Writer {
    async fn write(&mut self, extent: &Extent) {
        let (at, number) = (self.written % extent.records, self.written);
        let once = || self.session.clone().once(samples::key(&format!("change {number}"), ""));
        let edit = ContactEdit { title: Edit::Set(format!("Change {number}")), ..samples::contact(&format!("C{at}")) };
        loop {
            let answer = match self.contacts.get(at) {
                None => once().contacts().create(edit.clone()).await,
                Some(id) => once().contacts().update(*id, edit.clone(), Expect::Any).await,
            };
            match answer {
                Ok(contact) => {
                    if at == self.contacts.len() {
                        self.contacts.push(contact.id);
                    }
                    self.written += 1;
                    return;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                    pause().await;
                }
            }
        }
    }
}

/// What the handler's jobs have made.
async fn companies(session: &Session) -> Vec<String> {
    let mut request = ListRequest { limit: Some(200), ..ListRequest::default() };
    let mut names = Vec::new();
    loop {
        let page = session.companies().list(&request).await.unwrap();
        names.extend(page.data.iter().map(|company| company.name.clone()));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            return names;
        }
    }
}

/// The jobs that the handler enqueued.
async fn jobs(session: &Session) -> usize {
    let mut request = JobsRequest { kind: Some("noted".to_owned()), limit: Some(200), ..JobsRequest::default() };
    let mut count = 0;
    loop {
        let page = session.jobs().list(&request).await.unwrap();
        count += page.data.len();
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            return count;
        }
    }
}

/// The events of contacts, from the journal itself.
async fn events(booted: &Booted, session: &Session) -> BTreeSet<String> {
    let feed = booted.crm().feed(session.actor().workspace_id()).await.unwrap();
    let (mut all, mut seq) = (BTreeSet::new(), 0);
    loop {
        let some = feed.after(seq, 200).await.unwrap();
        let Some(last) = some.last() else { return all };
        seq = last.seq;
        let told = some.iter().filter_map(|occurrence| session.envelope(occurrence));
        all.extend(told.filter(is_of_a_contact).map(|event| name(&event)));
    }
}

async fn each_event_comes_to_each(law: &str, store: &str, url: &str, processes: usize) {
    let extent = Extent::of_this_run();
    let booted = boot_for_command(config(url)).await.unwrap();
    booted.crm().create_workspace("Faults").await.unwrap();
    let session = session(&booted).await;
    // The handler begins before anything is written, as the endpoints do.
    assert_eq!(noting(url).await.relay().pass().await.unwrap(), 0);
    let plain = Hook::make(&session, DeliveryOrder::None).await;
    let ordered = Hook::make(&session, DeliveryOrder::Record).await;
    let mut writer = Writer { session: session.clone(), contacts: Vec::new(), written: 0 };
    let mut workers: Vec<Child> = (0..processes).map(|_| worker(law, url)).collect();
    let (total, until) = (extent.events(), Instant::now() + Duration::from_secs(600));
    let (mut killed, mut is_over) = (0, false);
    while !is_over {
        let told = plain.told();
        assert!(Instant::now() < until, "{told} of {total} events are told after {killed} kills");
        if writer.written < total && writer.written < told + total / 4 {
            writer.write(&extent).await;
        } else {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        if killed < extent.kills && told >= (killed + 1) * total / (extent.kills + 2) {
            pause().await;
            let victim = killed % processes;
            workers[victim].kill().unwrap();
            workers[victim].wait().unwrap();
            workers[victim] = worker(law, url);
            killed += 1;
        }
        is_over = told == total
            && killed == extent.kills
            && plain.has_all(&session, total).await
            && ordered.has_all(&session, total).await
            && companies(&session).await.len() >= total;
    }
    for mut worker in workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    let events = events(&booted, &session).await;
    assert_eq!(events.len(), total);
    plain.each_event_is_there_once(&session, &events).await;
    ordered.each_event_is_there_once(&session, &events).await;
    ordered.keeps_order();
    let effects = companies(&session).await;
    assert_eq!((effects.len(), jobs(&session).await), (total, total));
    assert_eq!(effects.into_iter().collect::<BTreeSet<_>>(), events);
    assert!(session.workspace().verify_journal().await.unwrap().holds());
    let came = plain.post.lock().unwrap().len() + ordered.post.lock().unwrap().len();
    note(
        store,
        "workers are killed while changes go on",
        &format!("{killed} kills, {total} changes"),
        "each event comes to a handler and to two endpoints, one of them in order; it has one effect and one delivery \
         to each",
        &format!("{total} effects and {} deliveries; {came} messages came, those of each record in order", total * 2),
    );
    booted.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_to_handlers_and_endpoints_whoever_is_killed_on_sqlite() {
    if let Ok(url) = std::env::var(DATABASE) {
        return be_a_worker(&url).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("handed.db").display());
    let law = "handed::events_come_to_handlers_and_endpoints_whoever_is_killed_on_sqlite";
    each_event_comes_to_each(law, "SQLite", &url, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_come_to_handlers_and_endpoints_whoever_is_killed_on_postgres() {
    if let Ok(url) = std::env::var(DATABASE) {
        return be_a_worker(&url).await;
    }
    let Some(schema) = Schema::new().await else { return };
    let law = "handed::events_come_to_handlers_and_endpoints_whoever_is_killed_on_postgres";
    each_event_comes_to_each(law, "PostgreSQL", &schema.url(), 2).await;
}
