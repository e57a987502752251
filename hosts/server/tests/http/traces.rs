//! Traces, as a collector receives them.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span, span::SpanKind, status::StatusCode};
use prost::Message as _;
use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::support::{Api, PASSWORD, Reply};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";
/// Where nobody listens: a port that was free a moment ago may be another test's by now.
const AWAY: &str = "http://127.0.0.1:1";

/// One request to a collector: its request line and its body.
type Export = (String, Vec<u8>);

/// A collector on a free port: its address, and what it is sent.
async fn collector() -> (String, mpsc::UnboundedReceiver<Export>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (told, heard) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(collect(stream, told.clone()));
        }
    });
    (address, heard)
}

async fn collect(stream: TcpStream, told: mpsc::UnboundedSender<Export>) {
    let mut stream = BufReader::new(stream);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_lowercase();
            if first.is_empty() {
                first.clone_from(&line);
            } else if line == "content-type: application/x-protobuf" {
                first.push_str(" protobuf");
            } else if let Some(announced) = line.strip_prefix("content-length: ") {
                length = announced.parse().unwrap();
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.unwrap();
        let _nobody_asks_any_more = told.send((first, body));
        stream.get_mut().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    }
}

async fn tracing_to(address: &str) -> Api {
    Api::memory_with(|config| config.otlp_endpoint = Some(address.parse().unwrap())).await
}

/// Everything that the collector was sent until the server ended.
async fn exported(api: Api, heard: &mut mpsc::UnboundedReceiver<Export>) -> Vec<ResourceSpans> {
    api.stop().await;
    let mut all = Vec::new();
    while let Ok((head, body)) = heard.try_recv() {
        assert_eq!(head, "post /v1/traces http/1.1 protobuf");
        all.extend(ExportTraceServiceRequest::decode(body.as_slice()).unwrap().resource_spans);
    }
    all
}

/// All spans, the first to begin first: one ends a moment after its answer has come.
fn spans(resources: Vec<ResourceSpans>) -> Vec<Span> {
    let scopes = resources.into_iter().flat_map(|resource| resource.scope_spans);
    let mut spans: Vec<Span> = scopes.flat_map(|scope| scope.spans).collect();
    spans.sort_by_key(|span| span.start_time_unix_nano);
    spans
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test]
async fn every_request_is_one_span_that_a_collector_receives() {
    let (address, mut heard) = collector().await;
    let api = tracing_to(&address).await;
    let made = api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await.expect(201);
    let path = format!("/api/v1/contacts/{}", made.id());
    let read = Reply::of(api.request(Method::GET, &path).header("x-request-id", "mine").send().await.unwrap()).await;
    read.expect(200);
    api.get("/nonsense").await.expect(404);
    let resources = exported(api, &mut heard).await;
    let service = resources[0].resource.as_ref().unwrap().attributes.iter();
    assert!(service.clone().any(|attribute| attribute.key == "service.name"), "{service:?}");
    let spans = spans(resources);
    let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["POST /api/v1/auth/register", "POST /api/v1/contacts", "GET /api/v1/contacts/{id}", "GET"]);
    for span in &spans {
        assert_eq!((span.kind, span.trace_id.len(), span.span_id.len()), (SpanKind::Server as i32, 16, 8));
        assert!(span.parent_span_id.is_empty());
        assert!(span.start_time_unix_nano > 0 && span.start_time_unix_nano <= span.end_time_unix_nano);
        assert_eq!(span.status.clone().unwrap_or_default().code, StatusCode::Unset as i32);
    }
    let read = &spans[2];
    for (key, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/api/v1/contacts/{id}"),
        ("http.response.status_code", "200"),
        ("slackcrm.request_id", "mine"),
    ] {
        assert_eq!(attribute(read, key).as_deref(), Some(value), "{read:#?}");
    }
    assert_eq!(attribute(&spans[3], "http.route"), None);
    assert_eq!(attribute(&spans[3], "http.response.status_code").as_deref(), Some("404"));
    // Each request is a trace of its own.
    assert!(spans.iter().all(|span| spans.iter().filter(|other| other.trace_id == span.trace_id).count() == 1));
}

#[tokio::test]
async fn the_trace_of_a_caller_is_continued() {
    let (address, mut heard) = collector().await;
    let api = tracing_to(&address).await;
    let ask = async |traceparent: &str, id: &str| {
        let request = api.request(Method::GET, "/api/v1/contacts").header("traceparent", traceparent);
        let request = request.header("tracestate", "congo=t61rcWkgMzE").header("x-request-id", id);
        Reply::of(request.send().await.unwrap()).await.expect(200);
    };
    ask(&format!("00-{TRACE}-{SPAN}-01"), "continued").await;
    ask(&format!("00-{TRACE}-{SPAN}-00"), "unsampled").await;
    ask(&format!("00-{TRACE}-nonsense-01"), "nonsense").await;
    let spans = spans(exported(api, &mut heard).await);
    let of = |id: &str| spans.iter().find(|span| attribute(span, "slackcrm.request_id").as_deref() == Some(id));
    let continued = of("continued").unwrap();
    assert_eq!((hex(&continued.trace_id), hex(&continued.parent_span_id)), (TRACE.to_owned(), SPAN.to_owned()));
    assert_eq!(continued.trace_state, "congo=t61rcWkgMzE");
    assert_ne!(hex(&continued.span_id), SPAN);
    assert_eq!(of("unsampled"), None);
    let other = of("nonsense").unwrap();
    assert!(hex(&other.trace_id) != TRACE && other.parent_span_id.is_empty());
}

#[tokio::test]
async fn no_span_names_anybody() {
    let (address, mut heard) = collector().await;
    let api = tracing_to(&address).await;
    let email = api.admin["user"]["email"].as_str().unwrap().to_owned();
    let (token, id) = (api.token().to_owned(), api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await);
    let id = id.id().to_owned();
    api.get(&format!("/api/v1/contacts?q={email}")).await.expect(200);
    api.get(&format!("/api/v1/contacts/{id}")).await.expect(200);
    api.get(&format!("/{email}")).await.expect(404);
    let login = json!({"email": email, "password": "not the password"});
    api.send(Method::POST, "/api/v1/auth/login", None, Some(&login)).await.expect(401);
    let text = format!("{:?}", exported(api, &mut heard).await);
    assert!(text.contains("/api/v1/contacts/{id}"));
    for secret in [email.as_str(), &token, &id, PASSWORD, "not the password", "127.0.0.1", "Hopper"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// Requests are answered and the server ends although nobody takes its spans.
async fn goes_on_without(address: &str) {
    let api = tracing_to(address).await;
    // More than wait for a collector.
    for _ in 0..100 {
        api.get("/healthz").await.expect(200);
    }
    tokio::time::timeout(Duration::from_secs(30), api.stop()).await.unwrap();
}

#[tokio::test]
async fn nobody_waits_for_a_collector_that_is_away() {
    goes_on_without(AWAY).await;
}

#[tokio::test]
async fn nobody_waits_for_a_collector_that_never_answers() {
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    goes_on_without(&format!("http://{}", mute.local_addr().unwrap())).await;
}

#[tokio::test]
async fn lost_spans_are_counted() {
    let api = tracing_to(AWAY).await;
    loop {
        let text = api.client.get(api.url("/metrics")).send().await.unwrap().text().await.unwrap();
        let lost = text.lines().find_map(|line| line.strip_prefix("slackcrm_trace_spans_lost_total ")).unwrap();
        if lost.parse::<u64>().unwrap() > 0 {
            return;
        }
        tokio::task::yield_now().await;
    }
}
