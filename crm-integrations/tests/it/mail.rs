//! The adapters of mail keep the laws of their role, each against what it really speaks to.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crm_core::integration::Mailer;
use crm_core::mail::{Mail, Recipient};
use crm_core::testkit::roles::mailer::PostOffice;
use crm_core::testkit::roles::mailer_trouble::{Trouble, TroubledPostOffice};
use crm_integrations::mailbox::MailboxMailer;
use crm_integrations::smtp::{Security, SmtpMailer, SmtpOptions};
use support::{Desk, start};

/// A server, and a mailer that gives up soon.
struct Server {
    mailer: SmtpMailer,
    address: SocketAddr,
    desk: Arc<Desk>,
}

fn options(address: SocketAddr, security: Security) -> SmtpOptions {
    let mut options = SmtpOptions::new(address.ip().to_string(), address.port(), security);
    options.timeout = Duration::from_secs(2);
    options
}

fn server() -> Server {
    let (address, desk) = start();
    Server { mailer: SmtpMailer::new(options(address, Security::Plain)).unwrap(), address, desk }
}

#[async_trait]
impl PostOffice for Server {
    fn mailer(&self) -> &dyn Mailer {
        &self.mailer
    }

    async fn arrived(&self) -> Vec<String> {
        self.desk.arrived.lock().clone()
    }
}

#[async_trait]
impl TroubledPostOffice for Server {
    async fn trouble(&self, trouble: Option<Trouble>) {
        *self.desk.trouble.lock() = trouble;
    }
}

mod over_smtp {
    use super::*;
    crm_core::testkit::mailer_suite!(server);
    crm_core::testkit::mailer_trouble_suite!(server);
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
        let mailer = SmtpMailer::new(options(server.address, security)).unwrap();
        let error = mailer.send(&mail()).await.unwrap_err();
        assert!(["mail_unreachable", "mail_timeout"].contains(&error.code()), "{error:?}");
    }
    assert!(server.desk.recipients.lock().is_empty());
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
