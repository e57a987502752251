//! A load of HTTP requests from this process on a server in another.
//!
//! Connections are kept alive and each has one request under way: the next is sent when the answer
//! is in. That is what 32 busy browsers do, and it leaves the server's share of two cores large,
//! because writing and reading bytes is all that happens here.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Rates and latencies of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// Answers a second.
    pub(crate) per_second: f64,
    /// Median latency.
    pub(crate) p50: Duration,
    /// 95 of 100 answers were faster.
    pub(crate) p95: Duration,
    /// 99 of 100 answers were faster.
    pub(crate) p99: Duration,
    /// Requests that the server was too busy for (503), which count as no answers.
    pub(crate) refused: u64,
}

/// What is sent: the bytes of request number `n`.
pub(crate) type Requests = Arc<dyn Fn(u64) -> Vec<u8> + Send + Sync>;

/// Sends requests on so many connections for so long, after a warm-up of a tenth of that.
///
/// Fails at the first answer that is neither a success nor says that the server is busy.
pub(crate) async fn run(address: &str, connections: usize, time: Duration, requests: Requests) -> io::Result<Outcome> {
    let counter = Arc::new(AtomicU64::new(0));
    let warm = Instant::now() + time / 10;
    let end = warm + time;
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let (address, requests, counter) = (address.to_owned(), requests.clone(), counter.clone());
        tasks.push(tokio::spawn(async move { one(&address, warm, end, &requests, &counter).await }));
    }
    let (mut latencies, mut refused) = (Vec::new(), 0);
    for task in tasks {
        let (answered, busy) = task.await.map_err(io::Error::other)??;
        latencies.extend(answered);
        refused += busy;
    }
    Ok(Outcome { refused, ..outcome(latencies, time) })
}

/// The rates of a run, given the latencies of all its answers.
pub(crate) fn outcome(mut latencies: Vec<Duration>, time: Duration) -> Outcome {
    latencies.sort_unstable();
    let at = |hundredth: usize| latencies.get(latencies.len() * hundredth / 100).copied().unwrap_or_default();
    let per_second = latencies.len() as f64 / time.as_secs_f64();
    Outcome { per_second, p50: at(50), p95: at(95), p99: at(99), refused: 0 }
}

/// One connection's share: latencies of the answers that came between `warm` and `end`, and how often the server was
/// busy.
async fn one(
    address: &str,
    warm: Instant,
    end: Instant,
    requests: &Requests,
    counter: &AtomicU64,
) -> io::Result<(Vec<Duration>, u64)> {
    let mut connection = Kept::open(address).await?;
    let (mut latencies, mut refused) = (Vec::with_capacity(100_000), 0);
    loop {
        let request = requests(counter.fetch_add(1, Ordering::Relaxed));
        let sent = Instant::now();
        if sent >= end {
            return Ok((latencies, refused));
        }
        match connection.ask(&request).await {
            Ok(()) if sent >= warm => latencies.push(sent.elapsed()),
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                refused += 1;
                // What is left of its answer goes with the connection.
                connection = Kept::open(address).await?;
            }
            Err(error) => return Err(error),
        }
    }
}

/// A connection that is kept; it has one request under way at most.
pub(crate) struct Kept {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Kept {
    /// Connects.
    pub(crate) async fn open(address: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: vec![0; 256 * 1024] })
    }

    /// Sends a request and waits for its answer; fails unless that is a success.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> io::Result<()> {
        self.stream.write_all(request).await?;
        answer(&mut self.stream, &mut self.buffer).await
    }
}

/// Reads one answer with a content length; fails unless its status is a success.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> io::Result<()> {
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            buffer.resize(buffer.len() * 2, 0);
        }
        let read = stream.read(buffer.get_mut(filled..).unwrap_or_default()).await?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed the connection"));
        }
        filled += read;
        let bytes = buffer.get(..filled).unwrap_or_default();
        if let Some(whole) = whole_length(bytes)?
            && filled >= whole
        {
            return Ok(());
        }
    }
}

/// The length of an answer, once its head is in.
fn whole_length(bytes: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else { return Ok(None) };
    let head = bytes.get(..end).unwrap_or_default();
    if !head.starts_with(b"HTTP/1.1 2") {
        let whole = String::from_utf8_lossy(bytes).into_owned();
        let kind = match head.starts_with(b"HTTP/1.1 503") {
            true => io::ErrorKind::ResourceBusy,
            false => io::ErrorKind::Other,
        };
        return Err(io::Error::new(kind, format!("the server answered {whole}")));
    }
    if head.starts_with(b"HTTP/1.1 204") {
        return Ok(Some(end + 4));
    }
    let length = head.split(|byte| *byte == b'\n').find_map(content_length);
    length.map(|length| Some(end + 4 + length)).ok_or_else(|| io::Error::other("the answer has no content length"))
}

/// The length that a header line tells.
fn content_length(line: &[u8]) -> Option<usize> {
    let (name, value) = line.split_at_checked(b"content-length:".len())?;
    name.eq_ignore_ascii_case(b"content-length:").then_some(())?;
    std::str::from_utf8(value).ok()?.trim().parse().ok()
}

/// Sends one request on a connection of its own and gives the answer's body.
pub(crate) async fn once(address: &str, request: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(request).await?;
    let mut buffer = vec![0; 64 * 1024];
    answer(&mut stream, &mut buffer).await?;
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n").map_or(0, |at| at + 4);
    let whole = whole_length(&buffer)?.unwrap_or(head);
    Ok(buffer.get(head..whole).unwrap_or_default().to_vec())
}

/// The bytes of a request without a body.
pub(crate) fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// The bytes of a POST with a JSON body.
pub(crate) fn post(path: &str, token: &str, body: &str) -> Vec<u8> {
    sending("POST", path, token, body)
}

/// The bytes of a request with a JSON body.
pub(crate) fn sending(method: &str, path: &str, token: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_busy_is_told_from_one_that_fails() {
        let kind = |status: &str| {
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
            whole_length(answer.as_bytes()).map_err(|error| error.kind())
        };
        assert!(matches!(kind("200 OK"), Ok(Some(_))));
        assert_eq!(kind("503 Service Unavailable"), Err(io::ErrorKind::ResourceBusy));
        assert_eq!(kind("500 Internal Server Error"), Err(io::ErrorKind::Other));
    }

    #[test]
    fn percentiles_are_of_the_sorted_latencies() {
        let latencies = (0..200).rev().map(Duration::from_millis).collect();
        let outcome = outcome(latencies, Duration::from_secs(2));
        let millis = [outcome.p50, outcome.p95, outcome.p99].map(|time| time.as_millis());
        assert_eq!((outcome.per_second.round(), millis), (100.0, [100, 190, 198]));
    }
}
