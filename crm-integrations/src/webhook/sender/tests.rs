use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use crm_core::ErrorKind;
use crm_core::testkit::PATIENCE;
use futures::future::BoxFuture;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

/// One that reaches this machine.
fn here() -> HttpSender {
    let loopback = vec!["127.0.0.0/8".parse().unwrap()];
    HttpSender::new(Reachable::with(loopback)).allowing_http()
}

/// As [`here`], where what is waited for never comes.
fn hasty() -> HttpSender {
    here().timeout(Duration::from_millis(700))
}

fn message(url: &str) -> WebhookRequest {
    WebhookRequest::new(url.to_owned(), vec![("webhook-id", "msg_1".to_owned())], b"{}".to_vec())
}

#[test]
fn http_is_refused_unless_it_is_allowed() {
    let strict = HttpSender::new(Reachable::default());
    assert!(strict.check("http://example.com/").is_err());
    strict.check("https://example.com/").unwrap();
}

/// Answers a name with one address at first and with another from then on.
struct Rebinding(AtomicUsize, [SocketAddr; 2]);

impl Lookup for Rebinding {
    fn addresses(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
        let at = self.0.fetch_add(1, Ordering::SeqCst).min(1);
        let address = self.1.get(at).copied();
        Box::pin(async move { Ok(address.into_iter().collect()) })
    }
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_a_moment_later_gains_nothing() {
    let inside: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let (listener, _) = listen().await;
    let port = listener.local_addr().unwrap().port();
    // The first address is nobody's; the second is this listener's, which is inside.
    let outside: SocketAddr = "192.0.2.1:0".parse().unwrap();
    let lookup = Arc::new(Rebinding(AtomicUsize::new(0), [outside, inside]));
    let reachable = Reachable::with(vec!["192.0.2.0/24".parse().unwrap()]);
    let sender = HttpSender::looking_up(reachable, lookup, Duration::from_millis(300)).allowing_http();
    let url = format!("http://rebind.example:{port}/");
    assert_eq!(sender.send(message(&url)).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(sender.send(message(&url)).await.unwrap_err().kind(), ErrorKind::Invalid);
    let nobody = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(nobody.is_err(), "somebody connected");
}

#[tokio::test]
async fn one_address_inside_among_others_is_enough_to_refuse() {
    struct Both;
    impl Lookup for Both {
        fn addresses(&self, _: &str) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
            Box::pin(async { Ok(["93.184.216.34:0", "10.0.0.1:0"].map(|text| text.parse().unwrap()).into()) })
        }
    }
    let sender = HttpSender::looking_up(Reachable::default(), Arc::new(Both), Duration::from_millis(300));
    assert_eq!(sender.send(message("https://both.example/")).await.unwrap_err().kind(), ErrorKind::Invalid);
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    (listener, url)
}

/// What a receiver does with a connection.
#[derive(Clone, Copy)]
enum Does {
    Say(&'static str),
    Hang,
    Reset,
    Flood,
    Drip,
}

async fn serve(mut stream: TcpStream, does: Does) {
    let mut buffer = vec![0; 16 * 1024];
    let _ = stream.read(&mut buffer).await;
    match does {
        Does::Say(answer) => stream.write_all(answer.as_bytes()).await.unwrap(),
        Does::Hang => tokio::time::sleep(Duration::from_secs(60)).await,
        Does::Reset => stream.set_zero_linger().unwrap(),
        Does::Flood => {
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).await;
            while stream.write_all(&buffer).await.is_ok() {}
        }
        Does::Drip => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx").await;
            tokio::time::sleep(Duration::from_secs(60)).await;
        }
    }
}

/// The address of a receiver, and how often somebody connected.
async fn receiver(does: Does) -> (String, Arc<AtomicUsize>) {
    let (listener, url) = listen().await;
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(serve(stream, does));
        }
    });
    (url, count)
}

#[tokio::test]
async fn every_status_is_an_answer() {
    for (answer, status, retry_after, body) in [
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, None, ""),
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, None, "ok"),
        ("HTTP/1.1 429 No\r\nretry-after: 120\r\ncontent-length: 0\r\n\r\n", 429, Some("120"), ""),
        ("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n", 410, None, ""),
        ("HTTP/1.1 500 No\r\ncontent-length: 3\r\n\r\nbad", 500, None, "bad"),
    ] {
        let (url, _) = receiver(Does::Say(answer)).await;
        let got = here().send(message(&url)).await.unwrap();
        assert_eq!(got, WebhookAnswer::new(status, body.as_bytes().to_vec(), retry_after.map(str::to_owned)));
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    for answer in [
        "HTTP/1.1 302 Found\r\nlocation: /hook\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 307 Away\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n",
    ] {
        let (url, count) = receiver(Does::Say(answer)).await;
        let got = here().send(message(&url)).await.unwrap();
        assert!(matches!(got.status, 302 | 307) && count.load(Ordering::SeqCst) == 1);
    }
}

#[tokio::test]
async fn whoever_hangs_or_resets_is_given_up_in_time() {
    for does in [Does::Hang, Does::Reset] {
        let (url, _) = receiver(does).await;
        let sent = tokio::time::timeout(PATIENCE, hasty().send(message(&url))).await.unwrap();
        assert_eq!(sent.unwrap_err().kind(), ErrorKind::Unavailable);
    }
}

#[tokio::test]
async fn of_an_endless_answer_little_is_read() {
    let (url, _) = receiver(Does::Flood).await;
    let got = here().send(message(&url)).await.unwrap();
    assert_eq!((got.status, got.body.len()), (200, WebhookAnswer::MOST_BYTES));
    let (url, _) = receiver(Does::Drip).await;
    // What came in its time is read, so that the time must not be short.
    let patient = here().timeout(Duration::from_secs(5));
    let got = tokio::time::timeout(PATIENCE, patient.send(message(&url))).await.unwrap().unwrap();
    assert_eq!((got.status, got.body.as_slice()), (200, b"x".as_slice()));
}

#[tokio::test]
async fn a_failure_does_not_repeat_the_address() {
    let (url, _) = receiver(Does::Reset).await;
    let error = here().send(message(&format!("{url}?token=s3cret"))).await.unwrap_err();
    assert!(!error.message().contains("s3cret"), "{error}");
}
