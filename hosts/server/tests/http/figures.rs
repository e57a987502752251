//! What monitoring reads.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use crm_core::testkit::PATIENCE;
use reqwest::Method;
use serde_json::json;

use crate::support::{Api, PASSWORD, Store, on_every_named_store};

/// Where the names of those figures begin that a server has on every store.
const OF_THE_PROCESS: [&str; 3] = ["slackcrm_http_", "slackcrm_build_info", "process_start_time_seconds"];

/// The figures of a server: by name with labels, as they stand in the text.
pub(crate) async fn figures(api: &Api, token: Option<&str>) -> BTreeMap<String, f64> {
    let mut request = api.client.get(api.url("/metrics"));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    parsed(&response.text().await.unwrap())
}

/// The figures of a server, once they are as the law waits for.
async fn until(api: &Api, is_so: impl Fn(&BTreeMap<String, f64>) -> bool) -> BTreeMap<String, f64> {
    let wait = async {
        loop {
            let figures = figures(api, None).await;
            if is_so(&figures) {
                return figures;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.unwrap()
}

/// Reads the text format strictly: every sample follows the type of its metric, no sample comes twice,
/// and histograms add up.
fn parsed(text: &str) -> BTreeMap<String, f64> {
    assert!(text.ends_with('\n'));
    let (mut kinds, mut samples, mut helped) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            assert!(helped.insert(help.split_once(' ').unwrap().0), "{line}");
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind) && helped.contains(name), "{line}");
            assert!(kinds.insert(name, kind).is_none(), "{line}");
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap();
        let name = sample.split('{').next().unwrap();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let kind = kinds.get(name).or_else(|| kinds.get(base?)).unwrap_or_else(|| unreachable!("{line} has no type"));
        assert_eq!(*kind == "counter", name.ends_with("_total"), "{line}");
        assert!(samples.insert(sample.to_owned(), value.parse::<f64>().unwrap()).is_none(), "{line}");
    }
    let buckets = samples.iter().filter(|(sample, _)| sample.contains("le=\"+Inf\""));
    for (sample, value) in buckets {
        let count = sample.replace("_bucket", "_count").replace(",le=\"+Inf\"", "");
        assert_eq!(samples[&count], *value, "{sample}");
        let ladder = sample.split("le=").next().unwrap();
        let below = samples.iter().filter(|(other, _)| other.starts_with(ladder));
        let mut steps: Vec<(f64, f64)> = below.map(|(step, count)| (bound(step), *count)).collect();
        steps.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(steps.len() > 5 && steps.is_sorted_by(|one, other| one.1 <= other.1), "{steps:?}");
    }
    samples
}

fn bound(sample: &str) -> f64 {
    let bound = sample.split("le=\"").nth(1).unwrap().trim_end_matches("\"}");
    if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() }
}

fn requests(route: &str, method: &str, status: &str) -> String {
    format!("slackcrm_http_requests_total{{route=\"{route}\",method=\"{method}\",status=\"{status}\"}}")
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_status() {
    let api = Api::memory().await;
    let made = api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await.expect(201);
    let path = format!("/api/v1/contacts/{}", made.id());
    for _ in 0..3 {
        api.get(&path).await.expect(200);
    }
    api.send(Method::HEAD, &path, Some(api.token()), None).await.expect(200);
    api.get("/api/v1/contacts/7").await.expect(404);
    for nowhere in ["/ada@example.com", "/api/v1/nonsense", "/wp-login.php"] {
        api.get(nowhere).await.expect(404);
    }
    api.send(Method::from_bytes(b"BREW").unwrap(), "/api/v1/contacts", None, None).await.expect(405);
    // What was answered is counted a moment later.
    let figures = until(&api, |figures| figures["slackcrm_http_requests_in_flight"] == 1.0).await;
    for (route, method, status, count) in [
        ("/api/v1/contacts", "POST", "2xx", 1.0),
        ("/api/v1/contacts/{id}", "GET", "2xx", 3.0),
        ("/api/v1/contacts/{id}", "HEAD", "2xx", 1.0),
        ("/api/v1/contacts/{id}", "GET", "4xx", 1.0),
        ("/api/v1/contacts", "_OTHER", "4xx", 1.0),
        ("/api/v1/auth/register", "POST", "2xx", 1.0),
        ("unknown", "GET", "4xx", 3.0),
    ] {
        assert_eq!(figures.get(&requests(route, method, status)), Some(&count), "{method} {route}: {figures:#?}");
    }
    let count = "slackcrm_http_request_duration_seconds_count{route=\"/api/v1/contacts/{id}\"}";
    assert_eq!(figures[count], 5.0);
    assert_eq!(figures["slackcrm_http_panics_total"], 0.0);
    assert_eq!(figures[&format!("slackcrm_build_info{{version=\"{}\"}}", env!("CARGO_PKG_VERSION"))], 1.0);
    let age =
        std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64() - figures["process_start_time_seconds"];
    assert!((0.0..600.0).contains(&age), "{age}");
}

#[tokio::test]
async fn no_figure_names_anybody() {
    let api = Api::memory().await;
    let email = api.admin["user"]["email"].as_str().unwrap();
    let id = api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await.id().to_owned();
    api.get(&format!("/api/v1/contacts/{id}/timeline?q={email}")).await.expect(422);
    api.get(&format!("/{email}/{PASSWORD}\"}}x{{y=\"")).await.expect(404);
    let text = api.client.get(api.url("/metrics")).send().await.unwrap().text().await.unwrap();
    parsed(&text);
    for secret in [email, PASSWORD, &id, api.token(), "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

#[tokio::test]
async fn a_store_tells_how_it_fares() {
    on_every_named_store(|store, api| async move {
        api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await.expect(201);
        // A store that has much to do does not say what waits, and its own workers wait now and then.
        let is_at_rest = |figures: &BTreeMap<String, f64>| {
            let mut waiting = figures.iter().filter(|(name, _)| name.ends_with("_waiting"));
            let is_counted = figures.contains_key("slackcrm_jobs_queued") || store == Store::Memory;
            is_counted && waiting.all(|(_, count)| *count == 0.0)
        };
        let figures = until(&api, is_at_rest).await;
        let own =
            figures.keys().map(String::as_str).filter(|name| !OF_THE_PROCESS.iter().any(|its| name.starts_with(its)));
        let wanted: &[&str] = match store {
            Store::Memory => &[],
            Store::Sqlite => &[
                "slackcrm_jobs_queued",
                "slackcrm_jobs_running",
                "slackcrm_journal_unsealed_entries",
                "slackcrm_sqlite_readers",
                "slackcrm_sqlite_readers_idle",
                "slackcrm_sqlite_readers_waiting",
                "slackcrm_sqlite_writers_waiting",
            ],
            Store::Postgres => &[
                "slackcrm_jobs_queued",
                "slackcrm_jobs_running",
                "slackcrm_journal_unsealed_entries",
                "slackcrm_postgres_connections_idle",
                "slackcrm_postgres_connections_open",
                "slackcrm_postgres_connections_waiting",
            ],
        };
        assert_eq!(own.collect::<Vec<_>>(), wanted, "{store:?}");
        if store == Store::Sqlite {
            let (all, idle) = ("slackcrm_sqlite_readers", "slackcrm_sqlite_readers_idle");
            assert!(figures[all] >= 2.0 && figures[all] >= figures[idle], "{figures:?}");
        }
        if store == Store::Postgres {
            let (open, idle) = ("slackcrm_postgres_connections_open", "slackcrm_postgres_connections_idle");
            assert!(figures[open] >= 1.0 && figures[open] >= figures[idle], "{figures:?}");
        }
        if store != Store::Memory {
            assert!(figures["slackcrm_journal_unsealed_entries"] <= 10_000.0);
        }
    })
    .await;
}

#[tokio::test]
async fn whoever_reads_the_figures_knows_their_token_where_there_is_one() {
    let token = "uB7kq8Zr2VnX0cT5yLwJfD3sHgPa9eMi";
    let api = Api::memory_with(|config| config.metrics_token = Some(token.to_owned().into())).await;
    for wrong in [None, Some(""), Some(api.token()), Some("uB7kq8Zr2VnX0cT5yLwJfD3sHgPa9eMj")] {
        api.send(Method::GET, "/metrics", wrong, None).await.problem(401, "unauthenticated");
    }
    figures(&api, Some(token)).await;
    // It opens nothing else.
    api.send(Method::GET, "/api/v1/auth/me", Some(token), None).await.problem(401, "unauthenticated");
}

#[tokio::test]
async fn a_client_that_goes_away_is_no_longer_under_way() {
    let api = Api::memory().await;
    let head = format!(
        "POST /api/v1/contacts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{{",
        api.token()
    );
    let under_way = async || figures(&api, None).await["slackcrm_http_requests_in_flight"];
    let mut streams: Vec<TcpStream> = (0..10).map(|_| TcpStream::connect(api.address).unwrap()).collect();
    for stream in &mut streams {
        stream.write_all(head.as_bytes()).unwrap();
    }
    while under_way().await < 11.0 {
        tokio::task::yield_now().await;
    }
    drop(streams);
    while under_way().await > 1.0 {
        tokio::task::yield_now().await;
    }
}
