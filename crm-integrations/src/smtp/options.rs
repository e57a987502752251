//! How a mail server is reached.

use std::time::Duration;

use secrecy::SecretString;

/// Whether a connection is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte, usually on port 465.
    Implicit,
    /// TLS after STARTTLS, usually on port 587; a server that does not offer it gets no mail.
    Starttls,
    /// None: for servers on the same machine.
    Plain,
}

/// How a mail server is reached. The password does not print.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SmtpOptions {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub security: Security,
    /// Who signs in, where somebody must.
    pub credentials: Option<(String, SecretString)>,
    /// Certificates in PEM that the server's may be signed by, beside those that the machine trusts.
    pub authorities: Option<String>,
    /// How long a mail may take, from the connection to the answer.
    pub timeout: Duration,
    /// How many idle connections are kept.
    pub idle: usize,
}

impl SmtpOptions {
    /// A server that nobody signs in to. A mail may take a minute, and four idle connections are kept.
    pub fn new(host: impl Into<String>, port: u16, security: Security) -> Self {
        let timeout = Duration::from_secs(60);
        Self { host: host.into(), port, security, credentials: None, authorities: None, timeout, idle: 4 }
    }
}
