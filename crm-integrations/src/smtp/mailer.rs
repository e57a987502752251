//! The mailer.

use async_trait::async_trait;
use crm_core::integration::Mailer;
use crm_core::mail::Mail;
use crm_core::{Error, Result};
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use parking_lot::Mutex;
use secrecy::ExposeSecret as _;

use super::error;
use super::options::{Security, SmtpOptions};

/// How somebody signs in; servers that offer neither are not spoken to.
const MECHANISMS: [Mechanism; 2] = [Mechanism::Plain, Mechanism::Login];

/// How a certificate begins; without one, a file of certificates is of something else.
const PEM: &str = "-----BEGIN CERTIFICATE-----";

/// Gives mails to a server over SMTP.
pub struct SmtpMailer {
    options: SmtpOptions,
    tls: Option<TlsParameters>,
    hello: ClientId,
    idle: Mutex<Vec<AsyncSmtpConnection>>,
}

impl SmtpMailer {
    /// A mailer; nobody is connected to yet.
    ///
    /// # Errors
    /// `Invalid` at `host` where TLS cannot be set up for it, and at `authorities` where these are no certificates.
    pub fn new(options: SmtpOptions) -> Result<Self> {
        let tls = match options.security {
            Security::Plain => None,
            Security::Implicit | Security::Starttls => Some(tls(&options)?),
        };
        Ok(Self { options, tls, hello: ClientId::default(), idle: Mutex::default() })
    }

    /// A connection that was kept and still stands, or a new one.
    async fn connection(&self) -> Result<AsyncSmtpConnection> {
        loop {
            let kept = self.idle.lock().pop();
            let Some(mut kept) = kept else { return self.connect().await.map_err(error::unreachable) };
            // A server closes what is idle for long; it is asked before a mail is begun.
            if kept.test_connected().await {
                return Ok(kept);
            }
        }
    }

    async fn connect(&self) -> std::result::Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
        let SmtpOptions { host, port, security, credentials, timeout, .. } = &self.options;
        let at_once = self.tls.clone().filter(|_| *security == Security::Implicit);
        let address = (host.as_str(), *port);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(address, Some(*timeout), &self.hello, at_once, None).await?;
        if let (Security::Starttls, Some(tls)) = (security, &self.tls) {
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some((user, password)) = credentials {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection.auth(&MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    async fn deliver(&self, envelope: &Envelope, message: &[u8]) -> Result<()> {
        let mut connection = self.connection().await?;
        connection.send(envelope, message).await.map_err(error::of_mail)?;
        let mut idle = self.idle.lock();
        if idle.len() < self.options.idle && !connection.has_broken() {
            idle.push(connection);
        }
        Ok(())
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<()> {
        let (envelope, message) = (envelope(mail)?, mail.formatted()?);
        let delivered = tokio::time::timeout(self.options.timeout, self.deliver(&envelope, &message)).await;
        delivered.unwrap_or_else(|_| Err(error::timeout()))
    }
}

/// What servers are believed to be by.
fn tls(options: &SmtpOptions) -> Result<TlsParameters> {
    let mut tls = TlsParameters::builder(options.host.clone());
    if let Some(authorities) = &options.authorities {
        if !authorities.contains(PEM) {
            return Err(Error::invalid("authorities", "value", "holds no certificate in PEM"));
        }
        let read = Certificate::from_pem(authorities.as_bytes());
        tls = tls.add_root_certificate(read.map_err(|error| {
            Error::invalid("authorities", "value", format!("cannot be read: {error}")).with_source(error)
        })?);
    }
    tls.build().map_err(|error| {
        Error::invalid("host", "host", format!("cannot be spoken to with TLS: {error}")).with_source(error)
    })
}

/// Whom the server is told the mail is from and for.
fn envelope(mail: &Mail) -> Result<Envelope> {
    let (from, to) = mail.envelope()?;
    let unfit = |error: lettre::address::AddressError| Error::invalid("email", "email", error.to_string());
    let to = to.iter().map(|to| to.parse().map_err(unfit)).collect::<Result<_>>()?;
    let from = from.parse().map_err(unfit)?;
    Envelope::new(Some(from), to).map_err(|error| Error::invalid("to", "required", error.to_string()))
}
