//! Clients that send slowly, too much, or without end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crm_core::testkit::PATIENCE;
use reqwest::Method;
use serde_json::json;

use crate::support::{Api, Reply};

/// The head of a request with a body that is still to come.
fn posting(api: &Api, more: &str) -> String {
    format!(
        "POST /api/v1/contacts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n{more}\r\n\r\n",
        api.token()
    )
}

#[tokio::test]
async fn two_hundred_clients_that_stop_halfway_keep_nobody_waiting() {
    let api = Api::memory().await;
    let beginnings = [
        "GET /api/v1/contacts HT".to_owned(),
        "GET /api/v1/contacts HTTP/1.1\r\nhost: x\r\nx-slow:".to_owned(),
        format!("{}{{\"last_name\":\"S", posting(&api, "content-length: 500")),
        format!("{}5\r\n{{\"las", posting(&api, "transfer-encoding: chunked")),
    ];
    let mut held: Vec<(TcpStream, &[u8])> = Vec::new();
    for beginning in beginnings.iter().cycle().take(200) {
        let mut stream = TcpStream::connect(api.address).unwrap();
        let (now, later) = beginning.as_bytes().split_at(beginning.len() - 4);
        stream.write_all(now).unwrap();
        held.push((stream, later));
    }
    for round in 0..4 {
        // One more byte of each of them, as if it went on for ever.
        for (stream, later) in &mut held {
            // A server that has waited long enough for the rest of a head hangs up.
            let _gone = stream.write_all(&later[round..=round]);
        }
        for _ in 0..20 {
            api.post("/api/v1/contacts", json!({"last_name": "Quick"})).await.expect(201);
            api.get("/api/v1/contacts").await.expect(200);
        }
    }
    drop(held);
    assert_eq!(api.get("/api/v1/contacts?count=true").await.json["total"], 80);
}

#[tokio::test]
async fn a_head_that_does_not_end_in_time_is_408_and_closed() {
    let api = Api::memory().await;
    let mut stream = TcpStream::connect(api.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n").unwrap();
    let answer = tokio::task::spawn_blocking(move || {
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map(|_| answer)
    });
    let answer = answer.await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn a_body_that_stops_is_408_and_its_connection_ends() {
    let api = Api::memory().await;
    let beginnings = [
        format!("{}{{\"last_name\":\"S", posting(&api, "content-length: 500")),
        format!("{}5\r\n{{\"las", posting(&api, "transfer-encoding: chunked")),
    ];
    let answers = beginnings.map(|beginning| {
        let address = api.address;
        std::thread::spawn(move || {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.write_all(beginning.as_bytes()).unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).map(|_| answer)
        })
    });
    for answer in answers {
        let answer = tokio::task::spawn_blocking(move || answer.join().unwrap()).await.unwrap().unwrap();
        assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_timeout"), "{answer}");
    }
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_not_read_to_its_end() {
    let api = Api::memory().await;
    let stranger = "POST /api/v1/contacts HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n";
    for (head, status) in [
        (stranger.to_owned(), 401),
        ("GET /healthz HTTP/1.1\r\nhost: x\r\n".to_owned(), 200),
        ("POST /nonsense HTTP/1.1\r\nhost: x\r\n".to_owned(), 404),
    ] {
        for body in ["transfer-encoding: chunked\r\n\r\n5\r\n{\"las", "content-length: 500\r\n\r\n{\"las"] {
            let (address, bytes) = (api.address, format!("{head}{body}"));
            let answer = tokio::task::spawn_blocking(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                stream.write_all(bytes.as_bytes()).unwrap();
                let mut answer = String::new();
                // To the end of the connection.
                stream.read_to_string(&mut answer).map(|_| answer)
            });
            let answer = answer.await.unwrap().unwrap();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
        }
    }
    // One that came to its end leaves the connection to the next request.
    let chunked = format!("{stranger}transfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n");
    let both = api.raw(format!("{chunked}GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes());
    assert!(both.starts_with("HTTP/1.1 401") && both.contains("HTTP/1.1 200"), "{both}");
}

#[tokio::test]
async fn a_body_of_100_mb_is_refused_before_it_is_read() {
    let api = Api::memory().await;
    // Announced: no byte of it is waited for.
    let announced = api.raw(posting(&api, "content-length: 104857600\r\nconnection: close").as_bytes());
    assert!(announced.starts_with("HTTP/1.1 413") && announced.contains("body_too_large"), "{announced}");
    // Not announced: the answer comes while the client is still sending.
    let head = posting(&api, "transfer-encoding: chunked");
    let address = api.address;
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut sending = stream.try_clone().unwrap();
        let sender = std::thread::spawn(move || {
            let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
            // Until the server has had enough.
            (0..1_600).take_while(|_| sending.write_all(chunk.as_bytes()).is_ok()).count()
        });
        let mut answer = vec![0; 4_096];
        let read = stream.read(&mut answer).unwrap();
        drop(stream);
        sender.join().unwrap();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    api.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_path_and_query_of_16_kib_are_read_and_no_more() {
    let api = Api::memory().await;
    let path = "/api/v1/contacts?q=";
    let fits = format!("{path}{}", "x".repeat(16 * 1024 - path.len()));
    assert_ne!(api.get(&fits).await.status, 414);
    let refused = api.get(&format!("{fits}x")).await.problem(414, "uri_too_long");
    assert!(refused.json.to_string().len() < 1_000);
    api.send(Method::GET, &format!("/{}", "x".repeat(20_000)), None, None).await.problem(414, "uri_too_long");
    // What even the parser does not take is no request.
    let answer = api.raw(format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(70_000)).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    // A long filter has a body to go into.
    let value = "x".repeat(20_000);
    let search = json!({"filter": {"field": "last_name", "op": "eq", "value": value}});
    assert_ne!(api.post("/api/v1/contacts/search", search).await.status, 414);
}

#[tokio::test]
async fn what_looks_like_a_gzip_bomb_is_not_unpacked() {
    let api = Api::memory().await;
    for encoding in ["gzip", "br", "deflate", "zstd", "gzip, gzip", "x"] {
        let request = api.request(Method::POST, "/api/v1/contacts").header("content-type", "application/json");
        let request = request.header("content-encoding", encoding).body(b"\x1f\x8b\x08\x00".repeat(1_000));
        Reply::of(request.send().await.unwrap()).await.problem(415, "unsupported_media_type");
    }
}

/// Whether the kernel still lists the server's end of a connection as established.
#[cfg(target_os = "linux")]
fn is_established(server: u16, client: u16) -> bool {
    let ends = format!(":{server:04X} 0100007F:{client:04X} 01 ");
    std::fs::read_to_string("/proc/net/tcp").unwrap().lines().any(|line| line.contains(&ends))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_takes_nothing_of_an_export_is_cut_off() {
    let api = Api::memory().await;
    // More than the kernel keeps for somebody who does not read.
    let long = "x".repeat(190);
    for _ in 0..10 {
        let person = json!({"first_name": long, "last_name": long, "title": long, "source": long});
        let items: Vec<_> = std::iter::repeat_n(person, 1_500).collect();
        api.post("/api/v1/contacts/bulk", json!({"items": items})).await.expect(200);
    }
    let mut stream = TcpStream::connect(api.address).unwrap();
    let head =
        format!("GET /api/v1/contacts/export/csv HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", api.token());
    stream.write_all(head.as_bytes()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    let (server, client) = (api.address.port(), stream.local_addr().unwrap().port());
    assert!(is_established(server, client));
    let ended = async {
        while is_established(server, client) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
    // It has the beginning, and cannot take it for the whole.
    let mut rest = Vec::new();
    let _broken = stream.read_to_end(&mut rest);
    assert!(!rest.is_empty() && !rest.ends_with(b"\r\n0\r\n\r\n"));
    api.get("/healthz").await.expect(200);
}
