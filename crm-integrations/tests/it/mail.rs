//! The adapters of mail keep the laws of their role, each against what it really speaks to.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crm_core::integration::Mailer;
use crm_core::mail::{Mail, Recipient};
use crm_core::testkit::roles::mailer::PostOffice;
use crm_core::testkit::roles::mailer_trouble::{Trouble, TroubledPostOffice};
use crm_integrations::mailbox::MailboxMailer;
use crm_integrations::smtp::{Security, SmtpMailer, SmtpOptions};
use support::{Authority, Desk, Line, start};

/// How long a mailer waits for an answer that never comes.
const HASTE: Duration = Duration::from_secs(5);

/// A server, and two mailers: one gives up soon, which a machine with too much to do would have it do too often.
struct Server {
    mailer: SmtpMailer,
    hasty: SmtpMailer,
    /// Whether it has once been silent. From then on the hasty one sends, also what follows.
    was_silent: AtomicBool,
    address: SocketAddr,
    desk: Arc<Desk>,
}

fn options(address: SocketAddr, security: Security) -> SmtpOptions {
    SmtpOptions::new(address.ip().to_string(), address.port(), security)
}

fn hasty(mut options: SmtpOptions) -> SmtpOptions {
    options.timeout = HASTE;
    options
}

fn spoken_to(options: SmtpOptions, address: SocketAddr, desk: Arc<Desk>) -> Server {
    let [mailer, hasty] = [options.clone(), hasty(options)].map(|options| SmtpMailer::new(options).unwrap());
    Server { mailer, hasty, was_silent: AtomicBool::new(false), address, desk }
}

fn server() -> Server {
    let (address, desk) = start(Line::Plain);
    spoken_to(options(address, Security::Plain), address, desk)
}

/// How servers of this name are spoken to, who signed their certificate, and by which mailer.
fn encrypted(security: Security, name: &str, signer: &Authority) -> (SocketAddr, Arc<Desk>, SmtpOptions) {
    let acceptor = signer.acceptor(name);
    let (address, desk) = start(match security {
        Security::Implicit => Line::Implicit(acceptor),
        Security::Starttls => Line::Starttls(acceptor),
        Security::Plain => Line::Plain,
    });
    (address, desk, options(address, security))
}

/// A server whose certificate is signed by somebody whom the mailer is told of.
fn trusted(security: Security) -> Server {
    let authority = Authority::new();
    let (address, desk, mut options) = encrypted(security, "127.0.0.1", &authority);
    options.authorities = Some(authority.pem());
    spoken_to(options, address, desk)
}

fn by_starttls() -> Server {
    trusted(Security::Starttls)
}

fn by_tls() -> Server {
    trusted(Security::Implicit)
}

#[async_trait]
impl PostOffice for Server {
    fn mailer(&self) -> &dyn Mailer {
        if self.was_silent.load(Ordering::SeqCst) { &self.hasty } else { &self.mailer }
    }

    async fn arrived(&self) -> Vec<String> {
        self.desk.arrived.lock().clone()
    }
}

#[async_trait]
impl TroubledPostOffice for Server {
    async fn trouble(&self, trouble: Option<Trouble>) {
        self.was_silent.fetch_or(trouble == Some(Trouble::Silence), Ordering::SeqCst);
        *self.desk.trouble.lock() = trouble;
    }
}

mod over_smtp {
    use super::*;
    crm_core::testkit::mailer_suite!(server);
    crm_core::testkit::mailer_trouble_suite!(server);
}

mod over_starttls {
    use super::*;
    crm_core::testkit::mailer_suite!(by_starttls);
    crm_core::testkit::mailer_trouble_suite!(by_starttls);
}

mod over_tls {
    use super::*;
    crm_core::testkit::mailer_suite!(by_tls);
    crm_core::testkit::mailer_trouble_suite!(by_tls);
}

/// A folder that is removed after its test.
struct Folder {
    mailbox: MailboxMailer,
    folder: tempfile::TempDir,
}

fn folder() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    Folder { mailbox: MailboxMailer::new(folder.path().join("mail")), folder }
}

#[async_trait]
impl PostOffice for Folder {
    fn mailer(&self) -> &dyn Mailer {
        &self.mailbox
    }

    async fn arrived(&self) -> Vec<String> {
        let mut mails = Vec::new();
        for name in self.mailbox.list().await.unwrap() {
            mails.push(String::from_utf8(self.mailbox.raw(&name).await.unwrap()).unwrap());
        }
        mails
    }
}

mod into_a_folder {
    use super::*;
    crm_core::testkit::mailer_suite!(folder);
}

fn mail() -> Mail {
    let at = "2026-03-02T12:00:00Z".parse().unwrap();
    let recipient = |text: &str| Recipient::parse(text).unwrap();
    let mut mail = Mail::new("1@acme.example", at, recipient("crm@acme.example"), recipient("ada@example.com"));
    (mail.subject, mail.text) = ("Hi".to_owned(), Some("x".to_owned()));
    mail
}

#[tokio::test]
async fn everybody_named_gets_a_mail_and_its_connection_serves_the_next() {
    let server = server();
    let mut mail = mail();
    mail.cc = vec![Recipient::parse("Bob <bob@example.com>").unwrap()];
    for _ in 0..3 {
        server.mailer.send(&mail).await.unwrap();
    }
    let recipients = server.desk.recipients.lock().clone();
    assert_eq!(recipients.len(), 6, "{recipients:?}");
    assert!(recipients[1].contains("<bob@example.com>"), "{recipients:?}");
    assert_eq!(*server.desk.connections.lock(), 1);
}

#[tokio::test]
async fn a_sender_without_the_right_password_is_set_right_and_then_sends() {
    let server = server();
    // AUTH PLAIN of user and password, as RFC 4616 has it.
    *server.desk.password.lock() = Some("AHVzZXIAcmlnaHQ=".to_owned());
    let signed = |password: &str| {
        let mut options = options(server.address, Security::Plain);
        options.credentials = Some(("user".to_owned(), password.to_owned().into()));
        SmtpMailer::new(options).unwrap()
    };
    let error = signed("wrong").send(&mail()).await.unwrap_err();
    assert!(error.is_retryable() && !format!("{error:?}").contains("wrong\\0"), "{error:?}");
    assert_eq!(error.code(), "mail_unreachable");
    signed("right").send(&mail()).await.unwrap();
    assert_eq!(server.desk.arrived.lock().len(), 1);
}

#[tokio::test]
async fn a_server_without_tls_gets_no_mail_that_needs_it() {
    let server = server();
    for security in [Security::Starttls, Security::Implicit] {
        let mailer = SmtpMailer::new(hasty(options(server.address, security))).unwrap();
        let error = mailer.send(&mail()).await.unwrap_err();
        assert!(["mail_unreachable", "mail_timeout"].contains(&error.code()), "{error:?}");
    }
    assert!(server.desk.recipients.lock().is_empty());
}

#[tokio::test]
async fn a_server_whose_certificate_is_not_trusted_gets_no_mail_and_may_be_set_right() {
    let authority = Authority::new();
    for security in [Security::Starttls, Security::Implicit] {
        let (_, desk, mut options) = encrypted(security, "127.0.0.1", &authority);
        let stranger = Authority::new();
        for authorities in [None, Some(stranger.pem())] {
            options.authorities = authorities;
            let error = SmtpMailer::new(options.clone()).unwrap().send(&mail()).await.unwrap_err();
            assert_eq!((error.code(), error.is_retryable()), ("mail_unreachable", true), "{error:?}");
            assert!(error.message().contains("certificate"), "it says why: {error:?}");
        }
        assert!(desk.arrived.lock().is_empty() && desk.recipients.lock().is_empty());
        // One of several is enough.
        options.authorities = Some(stranger.pem() + &authority.pem());
        SmtpMailer::new(options).unwrap().send(&mail()).await.unwrap();
        assert_eq!(desk.arrived.lock().len(), 1);
        // A certificate is of one server: another's does not do.
        let (_, desk, mut options) = encrypted(security, "mail.example.com", &authority);
        options.authorities = Some(authority.pem());
        let error = SmtpMailer::new(options).unwrap().send(&mail()).await.unwrap_err();
        assert_eq!(error.code(), "mail_unreachable", "{error:?}");
        assert!(desk.arrived.lock().is_empty());
    }
}

#[tokio::test]
async fn what_is_no_certificate_is_refused_before_anything_is_sent() {
    let (address, _) = start(Line::Plain);
    for authorities in ["", "a certificate", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        let mut options = options(address, Security::Starttls);
        options.authorities = Some(authorities.to_owned());
        let error = SmtpMailer::new(options).map(drop).unwrap_err();
        assert_eq!(error.kind(), crm_core::ErrorKind::Invalid, "{authorities}");
    }
}

#[tokio::test]
async fn a_mail_that_is_written_twice_is_one_and_no_name_leads_out_of_the_folder() {
    let Folder { mailbox, folder } = folder();
    let mut mail = mail();
    mail.message_id = "../../escape@acme.example".to_owned();
    for _ in 0..2 {
        mailbox.send(&mail).await.unwrap();
    }
    let names = mailbox.list().await.unwrap();
    assert_eq!(names.len(), 1, "{names:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "only the mailbox itself");
    for name in ["../mail/x", "..", ".", "", ".hidden", "a/b", "a\\b"] {
        assert!(mailbox.read(name).await.is_err(), "{name}");
    }
    let files: Vec<_> = std::fs::read_dir(folder.path().join("mail")).unwrap().collect();
    assert_eq!(files.len(), 2, "{files:?}");
}
