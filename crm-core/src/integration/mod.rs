//! Role ports: the small jobs that the engine asks of the outside world.
//!
//! This is the extension surface. Each port is one role with a suite in the testkit that every
//! adapter passes; adapters live in `crm-integrations` or in the embedding program.

use async_trait::async_trait;
use secrecy::SecretString;

use crate::error::Result;
use crate::id::Id;
use crate::mail::Mail;
use crate::time::Timestamp;
use crate::user::User;
use crate::workspace::Workspace;

/// Port: slow, salted hashes of passwords.
// The mock is made of what stands below its line: the other way around, its answers would be boxed futures.
#[cfg_attr(feature = "testkit", mockall::automock)]
#[async_trait]
pub trait PasswordHasher: Send + Sync {
    /// The hash of a password as a PHC string, with a fresh salt.
    ///
    /// # Errors
    /// `Internal` when the hasher cannot run.
    async fn hash(&self, password: &SecretString) -> Result<String>;

    /// Whether the password is the one behind `hash`. A hash that cannot be read matches nothing.
    ///
    /// # Errors
    /// `Internal` when the hasher cannot run.
    async fn verify(&self, password: &SecretString, hash: &str) -> Result<bool>;

    /// Whether `hash` was made with weaker settings than today's and should be made anew.
    fn is_outdated(&self, hash: &str) -> bool;
}

/// What an access token proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessClaims {
    /// The workspace that the token opens.
    pub workspace_id: Id<Workspace>,
    /// The member who holds it.
    pub user_id: Id<User>,
    /// The sign-in it belongs to; revoking that ends the token.
    pub session_id: Id<crate::auth::SignIn>,
    /// When it was made, to the second.
    pub issued_at: Timestamp,
    /// When it ends, to the second.
    pub expires_at: Timestamp,
}

impl AccessClaims {
    /// Claims of a token that lives from `issued_at` for `lifetime_seconds`.
    pub fn new(
        workspace_id: Id<Workspace>,
        user_id: Id<User>,
        session_id: Id<crate::auth::SignIn>,
        issued_at: Timestamp,
        lifetime_seconds: i64,
    ) -> Self {
        Self { workspace_id, user_id, session_id, issued_at, expires_at: issued_at.plus_seconds(lifetime_seconds) }
    }
}

/// Port: signed access tokens that need no store to be read.
#[cfg_attr(feature = "testkit", mockall::automock)]
pub trait TokenSigner: Send + Sync {
    /// The signed token.
    ///
    /// # Errors
    /// `Internal` when the key cannot sign.
    fn sign(&self, claims: &AccessClaims) -> Result<String>;

    /// The claims of a genuine token that is alive at `now`.
    ///
    /// # Errors
    /// `Unauthenticated` for every other text.
    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims>;
}

/// A message to a webhook endpoint, signed already.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WebhookRequest {
    /// Where to.
    pub url: String,
    /// Headers beside those of the content: their names in small letters.
    pub headers: Vec<(&'static str, String)>,
    /// The body, which is JSON.
    pub body: Vec<u8>,
}

impl WebhookRequest {
    /// A message.
    pub fn new(url: String, headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Self {
        Self { url, headers, body }
    }
}

/// What an endpoint answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookAnswer {
    /// Its status; that of a redirect as it came.
    pub status: u16,
    /// The first bytes of its body, at most [`WebhookAnswer::MOST_BYTES`].
    pub body: Vec<u8>,
    /// Its `Retry-After`, as it came.
    pub retry_after: Option<String>,
}

impl WebhookAnswer {
    /// Most bytes of an answer that are read.
    pub const MOST_BYTES: usize = 4_096;

    /// An answer of this status.
    pub fn new(status: u16, body: Vec<u8>, retry_after: Option<String>) -> Self {
        Self { status, body, retry_after }
    }
}

/// Port: sends messages to addresses that strangers chose.
///
/// A sender follows no redirect, takes no proxy from its environment, connects to no address inside the
/// network that it runs in unless it is configured to, whatever spelling or name leads there and whenever,
/// and ends by itself within a minute.
#[async_trait]
#[cfg_attr(feature = "testkit", mockall::automock)]
pub trait WebhookSender: Send + Sync {
    /// Refuses an address that nothing will ever be sent to. Names are not looked up yet.
    ///
    /// # Errors
    /// `Invalid` at `url` with the reason.
    fn check(&self, url: &str) -> Result<()>;

    /// Sends a message, and gives the answer of any status.
    ///
    /// # Errors
    /// `Invalid` for an address that nothing is sent to, also where its name leads there now; `Unavailable`
    /// where no answer came in time.
    async fn send(&self, request: WebhookRequest) -> Result<WebhookAnswer>;
}

/// Port: takes mails to their recipients, or to somebody who does.
#[async_trait]
#[cfg_attr(feature = "testkit", mockall::automock)]
pub trait Mailer: Send + Sync {
    /// Gives a mail to whoever passes it on; all of its recipients are accepted, or none. It comes to an end by
    /// itself within two minutes.
    ///
    /// # Errors
    /// `Invalid` with code `mail_refused` for a mail or recipient that is refused for good, `Invalid` at the field
    /// for one that cannot be written; `Unavailable` with code `mail_deferred`, `mail_unreachable` or
    /// `mail_timeout` where another attempt may succeed. After the last two it is not known whether the mail was
    /// accepted: its `Message-ID` lets receivers know it again.
    async fn send(&self, mail: &Mail) -> Result<()>;
}
