//! Watching what happens, by a WebSocket client and a reader of event streams that are not ours.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crm_boot::Booted;
use crm_core::testkit::{MemoryStore, PATIENCE, samples};
use futures::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::conventions::shape;
use crate::support::{Api, Ready, beside_another_process, config_on, on_every_store, unique};

/// A client of the WebSocket.
pub(crate) struct Watcher(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Watcher {
    /// One whose browser sends these headers with the handshake, or the status that it is refused with.
    pub(crate) async fn of_a_page(api: &Api, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{}/api/v1/ws", api.address).into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        match connect_async(request).await {
            Err(tungstenite::Error::Http(refused)) => Err(refused.status().as_u16()),
            opened => Ok(Self(opened.unwrap().0)),
        }
    }

    async fn open(api: &Api) -> Self {
        let (socket, _) = connect_async(format!("ws://{}/api/v1/ws", api.address)).await.unwrap();
        Self(socket)
    }

    /// One who has greeted, and the number after which events come.
    async fn greeted(api: &Api, subscribe: &[&str], after: Option<i64>) -> (Self, i64) {
        Self::greeted_as(api, api.token(), subscribe, after).await
    }

    /// As [`Watcher::greeted`], by another token.
    pub(crate) async fn greeted_as(api: &Api, token: &str, subscribe: &[&str], after: Option<i64>) -> (Self, i64) {
        let mut watcher = Self::open(api).await;
        watcher.say(&json!({"token": token, "subscribe": subscribe, "after": after})).await;
        let ready = watcher.hear().await;
        assert_eq!(ready["type"], "ready", "{ready}");
        (watcher, ready["seq"].as_i64().unwrap())
    }

    pub(crate) async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// The next message of the server.
    pub(crate) async fn hear(&mut self) -> Value {
        loop {
            let message = self.next().await;
            if message.is_ping() || message.is_pong() {
                continue;
            }
            let said: Value = serde_json::from_str(message.to_text().unwrap()).unwrap();
            if said["type"] != "beat" {
                return said;
            }
        }
    }

    async fn next(&mut self) -> Message {
        tokio::time::timeout(PATIENCE, self.0.next()).await.unwrap().unwrap().unwrap()
    }

    /// Why the server ended it, by its last message and by its close.
    pub(crate) async fn end(&mut self) -> (Value, CloseCode) {
        let said = self.hear().await;
        let code = match self.next().await {
            Message::Close(frame) => frame.map(|frame| frame.code),
            _ => None,
        };
        (said, code.unwrap())
    }
}

pub(crate) async fn make(api: &Api, last_name: &str) -> Value {
    api.post("/api/v1/contacts", json!({"last_name": last_name})).await.expect(201).json
}

#[tokio::test]
async fn a_watcher_is_told_of_each_change_once_in_order_and_of_nothing_else() {
    on_every_store(|api| async move {
        let (mut watcher, start) = Watcher::greeted(&api, &["contacts"], None).await;
        let first = make(&api, "A").await;
        api.post("/api/v1/companies", json!({"name": "Unwatched"})).await.expect(201);
        api.patch(&format!("/api/v1/contacts/{}", first["id"].as_str().unwrap()), json!({"last_name": "B"})).await;
        make(&api, "C").await;
        let told = [watcher.hear().await, watcher.hear().await, watcher.hear().await];
        let seqs = told.each_ref().map(|event| event["seq"].as_i64().unwrap());
        assert_eq!(seqs, [start + 1, start + 3, start + 4]);
        let kinds = told.each_ref().map(|event| event["type"].as_str().unwrap().to_owned());
        assert_eq!(kinds, ["contact.created", "contact.updated", "contact.created"]);
        assert_eq!(told[1]["data"]["record_id"], first["id"]);
        assert_eq!(told[1]["data"]["after"]["last_name"], "B");
        // Another subscription from here on.
        watcher.say(&json!({"subscribe": ["companies"]})).await;
        assert_eq!(watcher.hear().await["type"], "ready");
        make(&api, "D").await;
        api.post("/api/v1/companies", json!({"name": "Watched"})).await.expect(201);
        assert_eq!(watcher.hear().await["type"], "company.created");
    })
    .await;
}

#[tokio::test]
async fn the_wire_shapes_of_a_watch_stand() {
    let api = Api::memory().await;
    let (mut watcher, _) = Watcher::greeted(&api, &["contacts"], None).await;
    make(&api, "A").await;
    let mut event = watcher.hear().await;
    for field in ["id", "occurred_at"] {
        event[field] = "…".into();
    }
    event["actor"]["user_id"] = "…".into();
    for field in ["created_at", "owner_id"] {
        event["data"]["after"][field] = "…".into();
    }
    event["data"]["record_id"] = "…".into();
    watcher.say(&json!({"subscribe": ["deal"]})).await;
    let refused = watcher.hear().await;
    insta::assert_json_snapshot!(json!({"event": event, "refused": refused}));
}

#[tokio::test]
async fn a_watcher_that_comes_back_goes_on_where_it_was() {
    on_every_store(|api| async move {
        let (mut watcher, _) = Watcher::greeted(&api, &["contacts"], None).await;
        make(&api, "seen").await;
        let last = watcher.hear().await["seq"].as_i64().unwrap();
        watcher.0.close(None).await.unwrap();
        for name in ["missed 1", "missed 2", "missed 3"] {
            make(&api, name).await;
        }
        let (mut watcher, start) = Watcher::greeted(&api, &["contacts"], Some(last)).await;
        assert_eq!(start, last);
        make(&api, "new").await;
        let mut names = Vec::new();
        for _ in 0..4 {
            names.push(watcher.hear().await["data"]["after"]["last_name"].as_str().unwrap().to_owned());
        }
        assert_eq!(names, ["missed 1", "missed 2", "missed 3", "new"]);
        // A number that the feed never had is no place to go on from.
        let (mut watcher, start) = Watcher::greeted(&api, &["contacts"], Some(last + 1_000_000)).await;
        assert_eq!(start, last + 1_000_000, "nothing was told yet");
        let resync = watcher.hear().await;
        assert_eq!((&resync["type"], &resync["seq"]), (&json!("resync"), &json!(last + 4)));
        make(&api, "after").await;
        assert_eq!(watcher.hear().await["seq"], last + 5);
    })
    .await;
}

#[tokio::test]
async fn what_another_process_writes_is_told_too() {
    beside_another_process(|api, other| async move {
        let (mut watcher, _) = Watcher::greeted(&api, &["companies"], None).await;
        let made = other.companies().create(samples::company("Elsewhere")).await.unwrap();
        assert_eq!(watcher.hear().await["data"]["record_id"], made.id.to_string());
    })
    .await;
}

#[tokio::test]
async fn a_greeting_that_does_not_do_is_answered_and_ends_the_socket() {
    let api = Api::memory().await;
    let token = api.token();
    let cases = [
        (json!({"token": "nonsense", "subscribe": []}), "unauthenticated", CloseCode::Policy),
        (json!({"token": token, "subscribe": ["deal"]}), "invalid", CloseCode::Unsupported),
        (json!({"token": token}), "invalid", CloseCode::Unsupported),
        (json!({"token": token, "subscribe": [], "as": "admin"}), "invalid", CloseCode::Unsupported),
        (json!({"token": token, "subscribe": [], "after": "x"}), "invalid", CloseCode::Unsupported),
        (json!([token]), "invalid", CloseCode::Unsupported),
    ];
    for (greeting, code, close) in cases {
        let mut watcher = Watcher::open(&api).await;
        watcher.say(&greeting).await;
        let (said, with) = watcher.end().await;
        assert_eq!((&said["type"], &said["code"], with), (&json!("error"), &json!(code), close), "{said}");
    }
    for message in [Message::text("{"), Message::binary(vec![1, 2]), Message::text("x".repeat(100_000))] {
        let mut watcher = Watcher::open(&api).await;
        watcher.0.send(message).await.unwrap();
        let (said, _) = watcher.end().await;
        assert_eq!(said["type"], "error", "{said}");
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_426() {
    let api = Api::memory().await;
    let reply = api.get("/api/v1/ws").await.problem(426, "upgrade_required");
    insta::assert_json_snapshot!(shape(&reply));
    api.get("/api/v1/ws?token=x").await.expect(422);
}

#[tokio::test]
async fn a_watch_ends_with_its_sign_in() {
    on_every_store(|api| async move {
        let (mut watcher, _) = Watcher::greeted(&api, &["contacts"], None).await;
        let mut events = Events::open(&api, "topics=contacts", None).await;
        assert_eq!(events.next().await.unwrap().name, "ready");
        api.send(Method::POST, "/api/v1/auth/logout", Some(api.token()), None).await.expect(204);
        let (said, close) = watcher.end().await;
        assert_eq!((&said["code"], close), (&json!("unauthenticated"), CloseCode::Policy));
        let last = events.next().await.unwrap();
        assert_eq!((last.name.as_str(), &last.data["code"]), ("error", &json!("unauthenticated")));
        assert!(events.next().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_watcher_of_one_workspace_hears_nothing_of_another() {
    on_every_store(|api| async move {
        let (mut watcher, _) = Watcher::greeted(&api, &["contacts"], None).await;
        let other = api.register(&unique("other")).await;
        let theirs = json!({"last_name": "Theirs"});
        let token = other["access_token"].as_str();
        api.send(Method::POST, "/api/v1/contacts", token, Some(&theirs)).await.expect(201);
        make(&api, "Ours").await;
        assert_eq!(watcher.hear().await["data"]["after"]["last_name"], "Ours");
    })
    .await;
}

#[tokio::test]
async fn a_server_that_ends_says_so_and_waits_for_no_watcher() {
    let mut api = Api::memory().await;
    let (mut watcher, _) = Watcher::greeted(&api, &["contacts"], None).await;
    let mut silent = Watcher::open(&api).await;
    let mut events = Events::open(&api, "topics=contacts", None).await;
    assert_eq!(events.next().await.unwrap().name, "ready");
    let server = api.take_server();
    // Less than the server would wait for a request that is under way.
    tokio::time::timeout(Duration::from_secs(25), server.stop()).await.unwrap().unwrap();
    for watcher in [&mut watcher, &mut silent] {
        match watcher.next().await {
            Message::Close(Some(frame)) => assert_eq!(frame.code, CloseCode::Away),
            other => panic!("the server said {other:?}"),
        }
    }
    assert!(events.next().await.is_none());
}

/// A reader of server-sent events.
struct Events {
    response: reqwest::Response,
    buffer: String,
}

/// One event of a stream.
struct Sent {
    id: i64,
    name: String,
    data: Value,
}

impl Events {
    async fn open(api: &Api, query: &str, last: Option<i64>) -> Self {
        let mut request = api.request(Method::GET, &format!("/api/v1/events?{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, buffer: String::new() }
    }

    /// The next event; nothing where the stream has ended.
    async fn next(&mut self) -> Option<Sent> {
        loop {
            if let Some((block, rest)) = self.buffer.split_once("\n\n") {
                let field = |name: &str| {
                    block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).map(str::to_owned)
                };
                let sent = field("event").map(|name| Sent {
                    id: field("id").unwrap().parse().unwrap(),
                    name,
                    data: serde_json::from_str(&field("data").unwrap()).unwrap(),
                });
                self.buffer = rest.to_owned();
                if sent.is_some() {
                    return sent;
                }
                continue;
            }
            let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.unwrap().unwrap()?;
            self.buffer.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }
}

#[tokio::test]
async fn a_stream_tells_the_same_and_goes_on_after_the_last_event() {
    on_every_store(|api| async move {
        let mut events = Events::open(&api, "topics=contacts,companies", None).await;
        let start = events.next().await.unwrap();
        make(&api, "A").await;
        let first = events.next().await.unwrap();
        assert_eq!((first.id, first.name.as_str()), (start.id + 1, "contact.created"));
        assert_eq!((&first.data["type"], &first.data["seq"]), (&json!("contact.created"), &json!(first.id)));
        drop(events);
        make(&api, "B").await;
        make(&api, "C").await;
        let mut events = Events::open(&api, "topics=contacts&after=0", Some(first.id)).await;
        assert_eq!(events.next().await.unwrap().id, first.id);
        for name in ["B", "C"] {
            assert_eq!(events.next().await.unwrap().data["data"]["after"]["last_name"], name);
        }
    })
    .await;
}

#[tokio::test]
async fn a_stream_of_unknown_topics_or_from_no_number_is_refused() {
    let api = Api::memory().await;
    for (query, field) in [("topics=deal", "subscribe"), ("topics=", "subscribe"), ("topics=deals&after=x", "after")] {
        let faults = api.get(&format!("/api/v1/events?{query}")).await.faults();
        assert_eq!(faults[0].0, field, "{query}");
    }
    assert_eq!(api.get("/api/v1/events").await.faults()[0].0, "topics");
    api.send(Method::GET, "/api/v1/events?topics=deals", None, None).await.problem(401, "unauthenticated");
    let request = api.request(Method::GET, "/api/v1/events?topics=deals").header("last-event-id", "-1");
    assert_eq!(crate::support::Reply::of(request.send().await.unwrap()).await.faults()[0].0, "Last-Event-ID");
}

#[tokio::test]
async fn head_tells_what_get_would_begin_with_and_lets_go_of_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let config = config_on(&format!("sqlite://{}", folder.path().join("crm.db").display()), &folder);
    let booted = Booted::on(MemoryStore::new(), Arc::new(Ready), config).unwrap();
    let live = booted.live().clone();
    let api = Api::on(booted, folder).await;
    make(&api, "Hopper").await;
    // Each watch holds on to what it watches.
    let watchers = || Arc::strong_count(&live);
    let nobody = watchers();
    let mut connection = api.connect();
    let paths = ["/api/v1/events?topics=contacts", "/api/v1/contacts/export/csv", "/api/v1/contacts"];
    // Twice each: where the first goes on, nothing after it is answered.
    let heads = paths.map(|path| [(); 2].map(|()| connection.ask(&Method::HEAD, path, api.token())));
    assert!(connection.ask(&Method::GET, "/healthz", api.token()).0.contains(" 200 "));
    let gone = async {
        while watchers() > nobody {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    let own = ["date", "x-request-id"];
    for (path, heads) in paths.into_iter().zip(heads) {
        let get = api.get(path).await.expect(200);
        let headers = get.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let mut expected: BTreeMap<_, _> = headers.collect();
        expected.retain(|name, _| !own.contains(&name.as_str()));
        for (status, mut headers) in heads {
            headers.retain(|name, _| !own.contains(&name.as_str()));
            assert_eq!((status.as_str(), &headers), ("HTTP/1.1 200 OK", &expected), "{path}");
        }
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_stops_nobody() {
    let api = Arc::new(Api::memory().await);
    let (stuck, _) = Watcher::greeted(&api, &["contacts"], None).await;
    let (mut quick, _) = Watcher::greeted(&api, &["contacts"], None).await;
    let long = "x".repeat(190);
    let items: Vec<Value> = (0..5_000).map(|_| json!({"last_name": "N", "title": long})).collect();
    let write = async {
        for _ in 0..2 {
            api.post("/api/v1/contacts/bulk", json!({"items": items})).await.expect(200);
        }
    };
    // Meanwhile: whoever takes nothing for half a minute is given up.
    let hear = async {
        for _ in 0..10_000 {
            assert_eq!(quick.hear().await["type"], "contact.created");
        }
    };
    tokio::join!(write, hear);
    drop(stuck);
    assert!(matches!(quick.0.close(None).await, Ok(()) | Err(tungstenite::Error::ConnectionClosed)));
}

#[tokio::test]
async fn a_beat_says_how_far_everything_was_told() {
    let api = Api::memory().await;
    let (mut watcher, start) = Watcher::greeted(&api, &["companies"], None).await;
    make(&api, "unwatched").await;
    loop {
        let message = watcher.next().await;
        if message.is_ping() || message.is_pong() {
            continue;
        }
        let Message::Text(text) = message else { panic!("no beat") };
        let beat: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(beat["type"], "beat", "{beat}");
        // One that was before the contact says so, and another follows.
        if beat["seq"] != start {
            assert_eq!(beat["seq"], start + 1);
            return;
        }
    }
}
