//! The process: clients that go away, and the end.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crm_boot::Backend;
use crm_core::access::Action;
use crm_core::job::{JobState, UploadStore as _};
use crm_core::testkit::{MemoryStore, PATIENCE};
use crm_core::transfer::ImportOptions;
use crm_core::{Entity, ListRequest, Timestamp};
use crm_storage::testkit::{at_rest, patient};
use reqwest::Method;
use serde_json::json;

use crate::conventions::shape;
use crate::figures::figures;
use crate::support::{Api, Reply, on_every_server, on_every_store};

#[tokio::test]
async fn health_and_readiness_answer() {
    on_every_store(|api| async move {
        for path in ["/healthz", "/readyz"] {
            let reply = api.send(Method::GET, path, None, None).await.expect(200);
            assert_eq!(reply.json, json!({"status": "ok"}));
        }
    })
    .await;
}

struct Down;

#[async_trait]
impl Backend for Down {
    async fn ready(&self) -> crm_core::Result<()> {
        Err(crm_core::Error::unavailable("the store cannot be reached"))
    }
}

#[tokio::test]
async fn a_store_that_is_down_is_503_with_retry_after() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = crm_boot::Config::for_database("sqlite://unused.db").unwrap();
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.secret_key = Some(crate::support::SECRET.to_owned().into());
    let store = MemoryStore::new();
    let api = Api::on(crm_boot::Booted::on(store, Arc::new(Down), config).unwrap(), folder).await;
    let reply = api.send(Method::GET, "/readyz", None, None).await.problem(503, "unavailable");
    assert_eq!(reply.header("retry-after"), "1");
    insta::assert_json_snapshot!(shape(&reply));
    api.send(Method::GET, "/healthz", None, None).await.expect(200);
}

/// Clients that go away while their request is on its way or half sent: what they sent whole may be done,
/// nothing else is, no handler panics, and the next one is served.
async fn go_away(api: &Api) {
    let body = json!({"last_name": "Gone"}).to_string();
    let head = |path: &str, more: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n{more}",
            api.token()
        )
    };
    let whole = format!("{}content-length: {}\r\n\r\n{body}", head("/api/v1/contacts", ""), body.len());
    let half = format!("{}content-length: 500\r\n\r\n{body}", head("/api/v1/contacts", ""));
    let search = r#"{"count":true}"#;
    let read = format!("{}content-length: {}\r\n\r\n{search}", head("/api/v1/contacts/search", ""), search.len());
    let mut sent_whole = 0;
    for turn in 0..200 {
        let bytes = [&whole, &half, &read][turn % 3].as_bytes();
        let mut stream = TcpStream::connect(api.address).unwrap();
        let end = if turn % 2 == 0 { bytes.len() } else { bytes.len() * (turn % 17 + 1) / 18 };
        sent_whole += u64::from(turn % 3 == 0 && end == bytes.len());
        stream.write_all(&bytes[..end]).unwrap();
        // Closed at once, while the request is on its way or half sent.
        drop(stream);
    }
    assert_eq!(sent_whole, 34);
    let made = api.post("/api/v1/contacts", json!({"last_name": "Here"})).await.expect(201);
    api.get(&format!("/api/v1/contacts/{}", made.id())).await.expect(200);
    let all = api.get("/api/v1/contacts?count=true").await.expect(200).json;
    assert!(all["total"].as_u64().unwrap() <= sent_whole + 1, "{all:#}");
    assert_eq!(figures(api, None).await["slackcrm_http_panics_total"], 0.0);
}

#[tokio::test]
async fn clients_that_go_away_leave_nothing_behind() {
    on_every_store(|api| async move { go_away(&api).await }).await;
}

/// A connection that one of them kept would be missing for good: of two, no more than one is needed to see it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_go_away_keep_no_connection_to_the_database() {
    let Some((api, store)) = Api::postgres_with(patient().connections(2)).await else { return };
    go_away(&api).await;
    let open = at_rest(&store).await;
    assert!(open <= 2, "{open}");
    let told = figures(&api, None).await;
    assert!(told["slackcrm_postgres_connections_open"] <= 2.0, "{told:#?}");
}

/// Whoever got an answer finds the contact in the store, and every contact in the store was answered:
/// no request was cut off between its commit and its answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_finishes_what_is_under_way_and_loses_nothing() {
    on_every_server(stop_under_writes).await;
}

async fn stop_under_writes(mut api: Api) {
    let server = api.take_server();
    let api = Arc::new(api);
    let (answers, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let writer = |number: usize| {
        let (api, told) = (api.clone(), answers.clone());
        tokio::spawn(async move {
            let body = json!({"last_name": format!("W{number}")});
            // Until the server takes no more.
            while let Ok(response) = api.request(Method::POST, "/api/v1/contacts").json(&body).send().await {
                Reply::of(response).await.expect(201);
                told.send(()).unwrap();
            }
        })
    };
    let writers: Vec<_> = (0..8).map(writer).collect();
    drop(answers);
    let mut answered = 0;
    while answered < 50 {
        heard.recv().await.unwrap();
        answered += 1;
    }
    server.stop().await.unwrap();
    for writer in writers {
        writer.await.unwrap();
    }
    while heard.recv().await.is_some() {
        answered += 1;
    }
    let all = ListRequest { count: true, ..ListRequest::default() };
    let kept = api.system().await.contacts().list(&all).await.unwrap().total.unwrap();
    assert_eq!(kept, answered);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_finishes_its_requests_takes_no_further_job() {
    let mut api = Api::memory().await;
    let server = api.take_server();
    let mut client = TcpStream::connect(api.address).unwrap();
    let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
        expect: 100-continue\r\ncontent-length: 2\r\n\r\n";
    client.write_all(head.as_bytes()).unwrap();
    let mut answer = BufReader::new(client.try_clone().unwrap());
    let mut line = String::new();
    // The handler asks for the body, so the request is under way.
    answer.read_line(&mut line).unwrap();
    assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
    answer.read_line(&mut line).unwrap();
    let meanwhile = async {
        let refused = async {
            while TcpStream::connect(api.address).is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, refused).await.unwrap();
        let session = api.system().await;
        let mut spool = session.transfers().receive().unwrap();
        spool.write(b"Last Name\nHopper\n").await.unwrap();
        let upload = spool.finish().await.unwrap();
        let job = session.transfers().begin(Entity::Contact, &upload, ImportOptions::default()).await.unwrap().id;
        // Workers that take jobs would have it long before.
        tokio::time::sleep(Duration::from_millis(300)).await;
        client.write_all(b"{}").unwrap();
        line.clear();
        answer.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 422"), "{line}");
        job
    };
    let (stopped, job) = tokio::join!(server.stop(), meanwhile);
    stopped.unwrap();
    let job = api.system().await.jobs().read(job).await.unwrap();
    assert_eq!((job.state, job.attempts), (JobState::Queued, 0));
}

#[tokio::test]
async fn an_upload_that_breaks_off_takes_no_room_once_upkeep_has_run() {
    let store = MemoryStore::new();
    let api = Api::memory_on(store.clone()).await;
    let grant = api.system().await.require(Entity::Import, Action::Create).unwrap();
    let kept = async || store.count_pieces(&grant).await.unwrap();
    let mut client = TcpStream::connect(api.address).unwrap();
    let token = api.token();
    let head = format!(
        "POST /api/v1/contacts/import/csv HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: text/csv\r\ncontent-length: 10000000\r\n\r\n"
    );
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&vec![b'x'; 300 * 1024]).unwrap();
    let come = async {
        while kept().await == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, come).await.unwrap();
    drop(client);
    // However much later; what a job names stays.
    let job = api.request(Method::POST, "/api/v1/contacts/import/csv").header("content-type", "text/csv");
    let job = Reply::of(job.body("Last Name\nHopper\n").send().await.unwrap()).await.expect(202);
    store.forget_unnamed_uploads(Timestamp::from_micros(i64::MAX)).await.unwrap();
    assert_eq!(api.ended(job.id()).await["state"], "done");
    assert_eq!(kept().await, 0);
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_the_end_up() {
    let api = Api::memory().await;
    api.get("/healthz").await.expect(200);
    let idle = TcpStream::connect(api.address).unwrap();
    // Less than the server would wait for a request that is under way.
    tokio::time::timeout(PATIENCE, api.stop()).await.unwrap();
    drop(idle);
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let api = Api::memory().await;
    let mut config = crm_boot::Config::for_database("sqlite://unused.db").unwrap();
    config.listen = api.address;
    config.secret_key = Some(crate::support::SECRET.to_owned().into());
    let store = crm_core::testkit::MemoryStore::new();
    let booted = crm_boot::Booted::on(store, Arc::new(crate::support::Ready), config).unwrap();
    let error = crm_server::Server::start(booted).err().unwrap();
    assert!(error.to_string().contains(&api.address.to_string()), "{error}");
}
