//! Webhook endpoints that hang, reset the connection, redirect to themselves or answer without end, beside one that
//! takes what comes. They are real servers on this machine, and the sender is the product's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crm_boot::{Config, Options, boot_for_jobs};
use crm_core::contact::ContactEdit;
use crm_core::testkit::{PATIENCE, samples};
use crm_core::webhook::{DeliveriesRequest, Delivery, DeliveryState, WebhookEndpoint};
use crm_core::{Edit, Id, Session};
use crm_storage::testkit::Schema;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::{is_long, note, session};

/// Bytes of an answer without end.
const HUGE: u64 = 1_000_000_000;
/// Bytes that may be on their way to somebody who does not read them.
const MOST_UNREAD: u64 = 32 * 1024 * 1024;
/// By how much memory may grow at most, in kilobytes: far less than one such answer.
const MOST_MEMORY: u64 = 256 * 1024;
/// Connections to one endpoint at most: two places, and two whose time was up and that were not seen to end yet.
const MOST_OPEN: usize = 4;

/// What an endpoint does with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Take,
    Hang,
    Reset,
    Redirect,
    Flood,
}

/// What an endpoint has seen.
#[derive(Default)]
struct Seen {
    open: AtomicUsize,
    most_open: AtomicUsize,
    most_written: AtomicU64,
    followed: AtomicUsize,
}

/// A connection as long as it is open.
struct Open(Arc<Seen>);

impl Open {
    fn new(seen: Arc<Seen>) -> Self {
        let open = seen.open.fetch_add(1, Ordering::SeqCst) + 1;
        seen.most_open.fetch_max(open, Ordering::SeqCst);
        Self(seen)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Reads a message, and gives its first lines and its body.
pub(super) async fn message(stream: &mut TcpStream) -> std::io::Result<(String, String)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4_096]);
    loop {
        let read = stream.read(&mut buffer).await?;
        bytes.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            if read == 0 {
                return Ok((text, String::new()));
            }
            continue;
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap_or("0");
        if read == 0 || body.len() >= length.parse().unwrap() {
            return Ok((head.to_owned(), body.to_owned()));
        }
    }
}

async fn serve(mut stream: TcpStream, does: Does, seen: Arc<Seen>) -> std::io::Result<()> {
    let open = Open::new(seen);
    let (head, _) = message(&mut stream).await?;
    if head.starts_with("POST /again") {
        open.0.followed.fetch_add(1, Ordering::SeqCst);
    }
    let end = "content-length: 0\r\nconnection: close\r\n\r\n";
    match does {
        Does::Take => stream.write_all(format!("HTTP/1.1 204 No Content\r\n{end}").as_bytes()).await,
        // Until whoever sends has had enough.
        Does::Hang => stream.read(&mut [0; 1]).await.map(drop),
        Does::Reset => stream.set_zero_linger(),
        Does::Redirect => stream.write_all(format!("HTTP/1.1 307 Here\r\nlocation: /again\r\n{end}").as_bytes()).await,
        Does::Flood => {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {HUGE}\r\n\r\n");
            stream.write_all(head.as_bytes()).await?;
            let (piece, mut written) = (vec![b'x'; 64 * 1024], 0);
            while written < HUGE {
                stream.write_all(&piece).await?;
                written += piece.len() as u64;
                open.0.most_written.fetch_max(written, Ordering::SeqCst);
            }
            Ok(())
        }
    }
}

async fn receiver(does: Does) -> (String, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let seen = Arc::new(Seen::default());
    let watched = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, does, watched.clone()));
        }
    });
    (url, seen)
}

/// The configuration of a program that sends webhooks to this machine.
pub(super) fn config(url: &str) -> Config {
    let options = Options { database_url: Some(url.to_owned().into()), ..Options::default() };
    let settings = [("SLACKCRM_WEBHOOK_ALLOW", "127.0.0.0/8"), ("SLACKCRM_WEBHOOK_HTTP", "allowed")];
    Config::from_sources(options, settings.map(|(name, value)| (name.into(), value.into()))).unwrap()
}

/// The most memory that this process has had, in kilobytes, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// The deliveries of an endpoint, once they are as they shall be.
async fn once(session: &Session, endpoint: Id<WebhookEndpoint>, is_so: impl Fn(&[Delivery]) -> bool) -> Vec<Delivery> {
    let request = DeliveriesRequest { limit: Some(200), ..DeliveriesRequest::default() };
    let wait = async {
        loop {
            let all = session.webhooks().deliveries(endpoint, &request).await.unwrap().data;
            if is_so(&all) {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap()
}

/// An endpoint that takes nothing: its test has failed, and its events are tried again. Gives the reason.
async fn is_refused(session: &Session, endpoint: Id<WebhookEndpoint>) -> String {
    let is_so = |all: &[Delivery]| {
        let has_tried = all.iter().any(|one| !one.is_test() && !one.attempts.is_empty());
        has_tried && all.iter().any(|one| one.is_test() && one.state != DeliveryState::Pending)
    };
    let all = once(session, endpoint, is_so).await;
    let test = all.iter().find(|one| one.is_test()).unwrap();
    assert_eq!((test.state, test.attempts.len()), (DeliveryState::Failed, 1));
    let reason = test.attempts[0].error.clone().unwrap();
    for event in all.iter().filter(|one| !one.is_test() && !one.attempts.is_empty()) {
        assert_eq!(event.state, DeliveryState::Pending);
        assert!(event.attempts[0].error.is_some());
        assert!(event.next_attempt_at.unwrap() > event.attempts[0].at);
    }
    reason
}

/// An endpoint that takes all.
async fn takes_all(session: &Session, endpoint: Id<WebhookEndpoint>, messages: usize) -> Vec<Delivery> {
    let is_so = |all: &[Delivery]| all.len() == messages && all.iter().all(|one| one.state == DeliveryState::Delivered);
    once(session, endpoint, is_so).await
}

async fn each_comes_to_its_state(store: &str, url: &str) {
    let booted = boot_for_jobs(config(url)).await.unwrap();
    booted.crm().create_workspace("Faults").await.unwrap();
    let session = session(&booted).await;
    let before = peak();
    let mut endpoints = Vec::new();
    for does in [Does::Hang, Does::Reset, Does::Redirect, Does::Flood, Does::Take] {
        let (url, seen) = receiver(does).await;
        let new = samples::webhook(&url, &["contact.created"]);
        let id = session.webhooks().create(new).await.unwrap().endpoint.id;
        session.webhooks().test(id).await.unwrap();
        endpoints.push((does, id, seen));
    }
    // More than the queue has places.
    let contacts = if is_long() { 150 } else { 40 };
    for at in 0..contacts {
        let edit = ContactEdit { last_name: Edit::Set(format!("Told {at:05}")), ..ContactEdit::default() };
        session.contacts().create(edit).await.unwrap();
    }
    let messages = contacts + 1;
    let rounds = format!("{messages} messages");
    // The last one is the neighbour: it is waited for first.
    for (does, id, seen) in endpoints.iter().rev() {
        match does {
            Does::Take => {
                takes_all(&session, *id, messages).await;
                let outcome = format!("took all {messages} messages");
                note(store, "an endpoint beside those below", &rounds, "it is sent everything meanwhile", &outcome);
            }
            Does::Flood => {
                let all = takes_all(&session, *id, messages).await;
                // An attempt that took too long has none.
                let answers = all.iter().flat_map(|one| &one.attempts).filter_map(|one| one.answer.as_ref());
                assert!(answers.map(|answer| answer.len()).max().unwrap() <= 4_096);
                let written = seen.most_written.load(Ordering::SeqCst);
                assert!(written <= MOST_UNREAD, "{written} bytes were taken");
                let outcome = format!("delivered; {} kB of an answer were sent at most", written / 1024);
                let holds = "its answer is read no further than 4 kB";
                note(store, "an endpoint that answers 1 GB", &rounds, holds, &outcome);
            }
            Does::Hang => {
                let reason = is_refused(&session, *id).await;
                assert!(reason.contains("in time"), "{reason}");
                let most = seen.most_open.load(Ordering::SeqCst);
                assert!(most <= MOST_OPEN, "{most} messages at once");
                let outcome = format!("{reason}; {most} connections at once");
                let holds = "a message ends in time and is tried again; four connections at most";
                note(store, "an endpoint that hangs", &rounds, holds, &outcome);
            }
            Does::Reset => {
                let reason = is_refused(&session, *id).await;
                let holds = "a message is tried again, with the reason";
                note(store, "an endpoint that resets the connection", &rounds, holds, &reason);
            }
            Does::Redirect => {
                let reason = is_refused(&session, *id).await;
                assert!(reason.contains("redirect"), "{reason}");
                assert_eq!(seen.followed.load(Ordering::SeqCst), 0);
                note(store, "an endpoint that redirects to itself", &rounds, "nobody goes where it leads", &reason);
            }
        }
    }
    if let (Some(before), Some(after)) = (before, peak()) {
        let grown = after.saturating_sub(before);
        assert!(grown <= MOST_MEMORY, "memory grew by {grown} kB");
        let outcome = format!("grew by {} MB at most", grown / 1024);
        note(store, "the memory of whoever sends to these", "once", "grows by 256 MB at most", &outcome);
    }
    booted.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_goes_wrong_holds_up_no_other_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    each_comes_to_its_state("SQLite", &format!("sqlite://{}", folder.path().join("hooks.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_goes_wrong_holds_up_no_other_on_postgres() {
    let Some(schema) = Schema::new().await else { return };
    each_comes_to_its_state("PostgreSQL", &schema.url()).await;
}
