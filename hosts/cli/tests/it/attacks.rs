//! Clients that mean no good meet a server that stays as it is.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::serving::{Serving, asked, sent};
use crate::support::{PASSWORD, Product};

/// The most memory that a process has held, in KiB.
#[cfg(target_os = "linux")]
fn peak_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

/// Every attack once. Each is answered with its refusal.
fn attack(address: &str, token: &str) {
    let head = |line: &str, headers: &str| {
        format!("{line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{headers}connection: close\r\n\r\n")
    };
    let posting =
        |headers: &str| head("POST /api/v1/contacts", &format!("content-type: application/json\r\n{headers}"));
    let with_length = |body: &[u8], headers: &str| {
        let head = posting(&format!("{headers}content-length: {}\r\n", body.len()));
        [head.as_bytes(), body].concat()
    };
    let fields: String = (0..10_000).map(|number| format!("x-{number}: y\r\n")).collect();
    let deep = format!(r#"{{"custom":{{"x":{}{}}}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let bomb = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03".repeat(1_000);
    let attacks: Vec<(&str, Vec<u8>)> = vec![
        ("431", head("GET /healthz", &fields).into()),
        ("431", head("GET /healthz", &format!("x: {}\r\n", "y".repeat(200_000))).into()),
        ("422", with_length(deep.as_bytes(), "")),
        ("400", with_length("[".repeat(10_000).as_bytes(), "")),
        ("413", posting("content-length: 104857600\r\n").into()),
        ("413", posting("content-length: 18446744073709551615\r\n").into()),
        ("400", posting("content-length: -1\r\n").into()),
        ("400", posting("content-length: 5\r\ntransfer-encoding: chunked\r\n").into()),
        ("400", format!("{}ffffffffffffffffff\r\n", posting("transfer-encoding: chunked\r\n")).into()),
        ("400", format!("{}nonsense\r\n", posting("transfer-encoding: chunked\r\n")).into()),
        ("415", with_length(&bomb, "content-encoding: gzip\r\n")),
        ("404", head("GET /../../../../etc/passwd", "").into()),
        ("404", head("GET /api/v1/..%2f..%2fetc%2fpasswd", "").into()),
        ("404", head("GET /api/v1/contacts/%00", "").into()),
        ("404", head("GET /api/v1/contacts/%zz%", "").into()),
        ("404", head("GET /api/v1/contacts/%ff%fe", "").into()),
        ("422", head("GET /api/v1/contacts?q=%zz", "").into()),
        ("414", head(&format!("GET /api/v1/contacts?q={}", "x".repeat(60_000)), "").into()),
        ("405", head("BREW /api/v1/contacts", "").into()),
        ("404", head("CONNECT example.com:443", "").into()),
        ("400", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n".to_vec()),
        ("400", b"GET /healthz HTTP/9.9\r\nhost: x\r\n\r\n".to_vec()),
    ];
    for (status, bytes) in attacks {
        let answer = sent(address, &bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(100)]).into_owned();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{shown}: {answer}");
    }
    endless_body(address, &posting("transfer-encoding: chunked\r\n"));
    half_open(address, &posting("content-length: 500\r\n"));
}

/// Sends 100 MB in chunks, unless the server hangs up before.
fn endless_body(address: &str, head: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut reading = stream.try_clone().unwrap();
    let answer = std::thread::spawn(move || {
        let mut first = [0; 12];
        reading.read_exact(&mut first).map(|()| first)
    });
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    let _sent = (0..1_600).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
    // A server that hangs up on a client which still sends may take its answer along.
    if let Ok(first) = answer.join().unwrap() {
        assert_eq!(&first, b"HTTP/1.1 413");
    }
}

/// Holds 200 connections that have sent half of what they announced, while others are answered.
fn half_open(address: &str, head: &str) {
    let beginnings = ["GET /api/v1/con", "GET /healthz HTTP/1.1\r\nhost: x\r\nx-slow: ", head];
    let open = |beginning: &&str| {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(beginning.as_bytes()).unwrap();
        stream
    };
    let held: Vec<TcpStream> = beginnings.iter().cycle().take(200).map(open).collect();
    for _ in 0..20 {
        assert!(asked(address, "GET /readyz", "", "").starts_with("HTTP/1.1 200"));
    }
    drop(held);
}

#[test]
fn attacks_are_refused_and_neither_end_nor_bloat_the_process() {
    let product = Product::sqlite();
    product.register("ada@example.com");
    let mut serving = Serving::start(product.command());
    let address = serving.address();
    let login = format!(r#"{{"email":"ada@example.com","password":"{PASSWORD}"}}"#);
    let signed = asked(&address, "POST /api/v1/auth/login", "", &login);
    let token = signed.split("\"access_token\":\"").nth(1).unwrap().split('"').next().unwrap();
    attack(&address, token);
    #[cfg(target_os = "linux")]
    let before = peak_kib(serving.id());
    for _ in 0..5 {
        attack(&address, token);
    }
    #[cfg(target_os = "linux")]
    {
        let after = peak_kib(serving.id());
        assert!(after < before + 16 * 1_024, "{before} KiB became {after} KiB");
    }
    let figures = asked(&address, "GET /metrics", "", "");
    assert!(figures.contains("\nslackcrm_http_panics_total 0\n"), "{figures}");
    assert!(!figures.contains("status=\"5xx\""), "{figures}");
    serving.signal("TERM");
    serving.ended();
}
