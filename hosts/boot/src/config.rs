//! What a deployment sets.

use std::ffi::OsString;
use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use crm_core::auth::Signup;
use crm_core::mail::Recipient;
use crm_core::{Error, Result};
use secrecy::SecretString;

use crate::database::Database;
use crate::demo::Demo;
use crate::endpoint::Endpoint;
use crate::lane::Queues;
use crate::mail::{MailTarget, PublicUrl};
use crate::networks::Networks;
use crate::origins::Origins;
use crate::proxies::Proxies;
use crate::redis_url::RedisUrl;
use crate::secret;
use crate::sources::{Setting, Sources};

/// Where a host listens unless it is told otherwise: this machine alone.
const LISTEN: &str = "127.0.0.1:8080";
/// Where the data is unless it is told otherwise.
const DATABASE_URL: &str = "sqlite://slackcrm.db";
/// Most bytes of a request's body unless it is told otherwise: 1 MiB.
const BODY_LIMIT: usize = 1024 * 1024;

/// Most connections of a thread unless it is told otherwise.
const MAX_CONNECTIONS: usize = 25_000;

/// What a person typed; the rest comes from the environment and the file.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The configuration file; `SLACKCRM_CONFIG` where absent, else none.
    pub config: Option<PathBuf>,
    /// As [`Config::listen`].
    pub listen: Option<String>,
    /// As [`Config::database`].
    pub database_url: Option<SecretString>,
    /// As [`Config::secret_key`].
    pub secret_key: Option<SecretString>,
    /// As [`Config::log`].
    pub log: Option<String>,
    /// As [`Config::log_format`].
    pub log_format: Option<String>,
    /// As [`Config::queues`].
    pub queues: Option<String>,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line, for machines.
    #[default]
    Json,
    /// Aligned text, for people.
    Text,
}

/// Whether webhooks are sent without encryption too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookHttp {
    /// They are not.
    #[default]
    Refused,
    /// They are, where an endpoint's address begins with `http`.
    Allowed,
}

/// A checked configuration. Secrets do not print.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Config {
    /// `listen`: the address that a server listens on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// `database_url`: `sqlite://path` or `postgres://…`.
    pub database: Database,
    /// `secret_key`: what access tokens are signed with, at least 32 bytes. Without one on SQLite a
    /// key is made and kept beside the database.
    pub secret_key: Option<SecretString>,
    /// `secret_key_previous`: the key before, whose tokens hold until they end.
    pub secret_key_previous: Option<SecretString>,
    /// `log`: what is logged, as in `info` or `warn,crm_server=debug`.
    pub log: String,
    /// `log_format`: `json` or `text`.
    pub log_format: LogFormat,
    /// `body_limit`: most bytes of a request's body.
    pub body_limit: usize,
    /// `signup`: `open` or `closed`, who may register with a server that is reached by anybody.
    pub signup: Signup,
    /// `trusted_proxies`: the proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Proxies,
    /// `cors_origins`: web sites of others that may use the API from a browser.
    pub cors_origins: Origins,
    /// `hsts`: for how many seconds browsers shall come by TLS alone; the server says nothing of it
    /// where absent.
    pub hsts: Option<u32>,
    /// `max_connections`: most connections that each thread of a server holds.
    pub max_connections: usize,
    /// `metrics_token`: what a reader of the figures must know, at least 32 bytes; anybody may read
    /// them where absent.
    pub metrics_token: Option<SecretString>,
    /// `otlp_endpoint`: the collector that traces are sent to; there are none where absent.
    pub otlp_endpoint: Option<Endpoint>,
    /// `queues`: the queues whose jobs this process does, how many at once, and how many it begins in a second, a
    /// minute or an hour, as in `email=10,ai=4@60/minute,webhook`; the standard ones where absent, none where it is
    /// empty.
    pub queues: Queues,
    /// `webhook_allow`: networks inside one's own that webhooks are sent to, as in `10.1.0.0/16`; none where
    /// absent.
    pub webhook_allow: Networks,
    /// `webhook_http`: `allowed` or `refused`, whether webhooks are sent without encryption too.
    pub webhook_http: WebhookHttp,
    /// `mail`: by what means mail is sent, `smtp://user:password@host:587`, `smtps://…` or `mailbox://folder`; none
    /// is where absent.
    pub mail: Option<MailTarget>,
    /// `mail_from`: who mail is from, as in `Acme Sales <crm@example.com>`.
    pub mail_from: Option<Recipient>,
    /// `mail_ca`: a file of certificates in PEM that a mail server's may be signed by, beside those that the machine
    /// trusts; what it holds.
    pub mail_ca: Option<String>,
    /// `public_url`: where people reach the server, as in `https://crm.example.com`; links in mails begin with it,
    /// and there are none where absent.
    pub public_url: Option<PublicUrl>,
    /// `redis_url`: the Redis server by which processes on one database tell each other of commits, as in
    /// `redis://127.0.0.1:6379`; the store does where absent, as far as it can.
    pub redis_url: Option<RedisUrl>,
    /// The demo that is served, of which the start page tells whoever sits at the machine. It is no setting: a
    /// program that serves a demo says so itself.
    pub demo: Option<Demo>,
}

impl Config {
    /// Reads flags, then `SLACKCRM_*` variables, then the file: the first that names a setting
    /// decides it.
    ///
    /// # Errors
    /// `Invalid` that names the setting, where it was set and the reason: unknown settings, values
    /// that do not fit, weak secrets.
    pub fn load(options: Options) -> Result<Self> {
        Self::from_sources(options, std::env::vars_os())
    }

    /// As [`Config::load`], with an environment of the caller's.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn from_sources(options: Options, environment: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Self> {
        let sources = Sources::read(options, environment)?;
        let secret = |key| sources.setting(key).map(checked_secret).transpose();
        let mail = sources.setting("mail").map(|setting| setting.read()).transpose()?;
        let mail_from = sources.setting("mail_from").map(|setting| setting.recipient()).transpose()?;
        if mail.is_some() && mail_from.is_none() {
            let reason = "is required where mail is sent: who it is from, as in Acme Sales <crm@example.com>";
            return Err(Error::invalid("SLACKCRM_MAIL_FROM", "required", reason));
        }
        Ok(Self {
            listen: sources.or("listen", LISTEN).parsed("is not an address with its port, as in 127.0.0.1:8080")?,
            database: sources.or("database_url", DATABASE_URL).database()?,
            secret_key: secret("secret_key")?,
            secret_key_previous: secret("secret_key_previous")?,
            log: sources.or("log", "info").text().to_owned(),
            log_format: sources.or("log_format", "json").log_format()?,
            body_limit: match sources.setting("body_limit") {
                Some(setting) => setting.parsed("is not a number of bytes")?,
                None => BODY_LIMIT,
            },
            signup: sources.or("signup", "closed").signup()?,
            trusted_proxies: sources.or("trusted_proxies", "").read()?,
            cors_origins: sources.or("cors_origins", "").read()?,
            hsts: match sources.setting("hsts") {
                Some(setting) => Some(setting.parsed("is not a number of seconds")?),
                None => None,
            },
            max_connections: match sources.setting("max_connections") {
                Some(setting) => setting.parsed::<NonZeroUsize>("is not a number of connections, at least 1")?.get(),
                None => MAX_CONNECTIONS,
            },
            metrics_token: secret("metrics_token")?,
            otlp_endpoint: sources.setting("otlp_endpoint").map(|setting| setting.read()).transpose()?,
            queues: sources.setting("queues").map(|setting| setting.read()).transpose()?.unwrap_or_default(),
            webhook_allow: sources.or("webhook_allow", "").read()?,
            webhook_http: sources.or("webhook_http", "refused").webhook_http()?,
            mail,
            mail_from,
            mail_ca: sources.setting("mail_ca").map(|setting| setting.content()).transpose()?,
            public_url: sources.setting("public_url").map(|setting| setting.read()).transpose()?,
            redis_url: sources.setting("redis_url").map(|setting| setting.read()).transpose()?,
            demo: None,
        })
    }

    /// The settings of one's own making, for tests and embedding programs: no flag, no variable and
    /// no file is read.
    ///
    /// # Errors
    /// `Invalid` for a database URL that does not fit.
    pub fn for_database(url: &str) -> Result<Self> {
        let options = Options { database_url: Some(url.to_owned().into()), ..Options::default() };
        Self::from_sources(options, [])
    }
}

/// A secret that is not weak.
fn checked_secret(setting: Setting<'_>) -> Result<SecretString> {
    match secret::weakness(setting.text()) {
        Some(reason) => Err(setting.refused("weak_secret", reason)),
        None => Ok(setting.text().to_owned().into()),
    }
}

impl Setting<'_> {
    fn parsed<T: std::str::FromStr>(&self, otherwise: &str) -> Result<T> {
        self.text().parse().map_err(|_| self.refused("value", otherwise))
    }

    fn database(&self) -> Result<Database> {
        Database::parse(self.text()).map_err(|reason| self.refused("value", reason))
    }

    fn log_format(&self) -> Result<LogFormat> {
        match self.text() {
            "json" => Ok(LogFormat::Json),
            "text" => Ok(LogFormat::Text),
            _ => Err(self.refused("value", "is neither json nor text")),
        }
    }

    fn webhook_http(&self) -> Result<WebhookHttp> {
        match self.text() {
            "refused" => Ok(WebhookHttp::Refused),
            "allowed" => Ok(WebhookHttp::Allowed),
            _ => Err(self.refused("value", "is neither refused nor allowed")),
        }
    }

    /// A value that says by itself what is wrong with it.
    fn read<T: FromStr<Err = String>>(&self) -> Result<T> {
        self.text().parse().map_err(|reason| self.refused("value", reason))
    }

    /// What the file holds that is named.
    fn content(&self) -> Result<String> {
        let content = std::fs::read_to_string(self.text());
        content.map_err(|error| self.refused("value", format!("cannot be read: {error}")))
    }

    fn recipient(&self) -> Result<Recipient> {
        Recipient::parse(self.text()).map_err(|error| self.refused("value", error.message()))
    }

    fn signup(&self) -> Result<Signup> {
        match self.text() {
            "open" => Ok(Signup::Open),
            "closed" => Ok(Signup::Closed),
            _ => Err(self.refused("value", "is neither open nor closed")),
        }
    }

    /// The error that names where the setting was set and what is wrong; the value may be a secret
    /// and stays out.
    pub(crate) fn refused(&self, code: &'static str, reason: impl fmt::Display) -> Error {
        Error::invalid(self.origin(), code, reason.to_string())
    }
}
