//! A small mail server that speaks SMTP as RFC 5321 says, with TLS or without, and gives trouble when it is told to.

use std::net::SocketAddr;
use std::sync::Arc;

use crm_core::testkit::roles::mailer_trouble::Trouble;
use parking_lot::Mutex;
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, Issuer, KeyPair};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Who signs certificates of servers.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> String {
        let certificate: &Certificate = self.0.as_ref();
        certificate.pem()
    }

    /// What a server of this name shows.
    pub(crate) fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let issuer: &Issuer<'_, KeyPair> = &self.0;
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, issuer).unwrap();
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let key = PrivateKeyDer::Pkcs8(key.serialize_der().into());
        TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap()))
    }
}

/// How a server is spoken to.
#[derive(Clone)]
pub(crate) enum Line {
    Plain,
    Starttls(TlsAcceptor),
    Implicit(TlsAcceptor),
}

/// A connection, whatever lies beneath.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A connection whose lines are read.
type Stream = BufReader<Box<dyn Wire>>;

/// What the server was told and does.
#[derive(Default)]
pub(crate) struct Desk {
    pub(crate) trouble: Mutex<Option<Trouble>>,
    /// Whole messages, with the dots as they were written.
    pub(crate) arrived: Mutex<Vec<String>>,
    /// Recipients of those messages.
    pub(crate) recipients: Mutex<Vec<String>>,
    /// How many connections there were.
    pub(crate) connections: Mutex<usize>,
    /// What a client must say to sign in, where it must.
    pub(crate) password: Mutex<Option<String>>,
}

/// A server on a free port; it ends with the test's runtime.
pub(crate) fn start(line: Line) -> (SocketAddr, Arc<Desk>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let desk = Arc::new(Desk::default());
    let served = desk.clone();
    tokio::spawn(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        while let Ok((stream, _)) = listener.accept().await {
            let (desk, line) = (served.clone(), line.clone());
            *desk.connections.lock() += 1;
            // A client that breaks off is no concern of the others.
            tokio::spawn(async move { serve(stream, &line, &desk).await.ok() });
        }
    });
    (address, desk)
}

async fn serve(stream: TcpStream, line: &Line, desk: &Desk) -> std::io::Result<()> {
    let trouble = || *desk.trouble.lock();
    if trouble() == Some(Trouble::Absence) {
        return Ok(());
    }
    let mut stream: Stream = BufReader::new(match line {
        Line::Implicit(acceptor) => Box::new(acceptor.accept(stream).await?),
        Line::Plain | Line::Starttls(_) => Box::new(stream),
    });
    let mut upgrade = match line {
        Line::Starttls(acceptor) => Some(acceptor),
        Line::Plain | Line::Implicit(_) => None,
    };
    say(&mut stream, "220 test.example ESMTP").await?;
    let (mut recipients, mut is_signed_in) = (Vec::new(), desk.password.lock().is_none());
    loop {
        let line = read_line(&mut stream).await?;
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        if trouble() == Some(Trouble::Silence) && verb == "MAIL" {
            std::future::pending::<()>().await;
        }
        if let (Some(acceptor), "STARTTLS") = (upgrade, verb.as_str()) {
            say(&mut stream, "220 go on").await?;
            stream = BufReader::new(Box::new(acceptor.accept(stream.into_inner()).await?));
            upgrade = None;
            continue;
        }
        let answer = match verb.as_str() {
            "EHLO" if upgrade.is_some() => "250-test.example\r\n250 STARTTLS",
            "MAIL" if upgrade.is_some() => "530 5.7.0 use STARTTLS first",
            "EHLO" if is_signed_in => "250-test.example\r\n250-8BITMIME\r\n250 SIZE 1000000",
            "EHLO" => "250-test.example\r\n250-AUTH PLAIN\r\n250 8BITMIME",
            "AUTH" => {
                is_signed_in = desk.password.lock().as_ref().is_some_and(|password| line.ends_with(password));
                if is_signed_in { "235 signed in" } else { "535 wrong password" }
            }
            "MAIL" if !is_signed_in => "530 sign in first",
            "MAIL" | "RSET" => {
                recipients.clear();
                "250 ok"
            }
            "RCPT" => match trouble() {
                Some(Trouble::RefusedRecipient) => "550 5.1.1 no such user",
                Some(Trouble::DeferredRecipient) => "451 4.3.0 try again later",
                _ => {
                    recipients.push(line);
                    "250 ok"
                }
            },
            "DATA" if recipients.is_empty() => "503 nobody to send to",
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let message = read_message(&mut stream).await?;
                match trouble() {
                    Some(Trouble::RefusedMail) => "554 5.7.1 spam",
                    lost => {
                        desk.arrived.lock().push(message);
                        desk.recipients.lock().append(&mut recipients);
                        if lost == Some(Trouble::LostAnswer) {
                            return Ok(());
                        }
                        "250 queued"
                    }
                }
            }
            "NOOP" => "250 ok",
            "QUIT" => return say(&mut stream, "221 bye").await,
            _ => "500 what",
        };
        say(&mut stream, answer).await?;
    }
}

async fn say(stream: &mut Stream, answer: &str) -> std::io::Result<()> {
    stream.get_mut().write_all(format!("{answer}\r\n").as_bytes()).await
}

async fn read_line(stream: &mut Stream) -> std::io::Result<String> {
    let mut line = String::new();
    match stream.read_line(&mut line).await? {
        0 => Err(std::io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(line.trim_end_matches(['\r', '\n']).to_owned()),
    }
}

async fn read_message(stream: &mut Stream) -> std::io::Result<String> {
    let mut message = String::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        assert!(line.ends_with("\r\n"), "a line without its end: {line:?}");
        if line == ".\r\n" {
            return Ok(message);
        }
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}
