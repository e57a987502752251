//! Stand-ins for the outside world that a test can steer.

use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Error, Result};
use crate::integration::{AccessClaims, Mailer, PasswordHasher, TokenSigner};
use crate::journal::Envelope;
use crate::mail::Mail;
use crate::relay::{EventHandler, Handover};
use crate::session::Session;
use crate::time::{Clock, Timestamp};

/// A clock that goes as the test says. Each look moves it on by its tick, so that what was done
/// later has a later time.
#[derive(Debug)]
pub struct FakeClock {
    micros: AtomicI64,
    tick: AtomicI64,
}

impl FakeClock {
    /// A clock that shows `at` and moves on by one millisecond a look.
    pub fn at(at: Timestamp) -> Self {
        Self { micros: AtomicI64::new(at.micros()), tick: AtomicI64::new(1_000) }
    }

    /// Shows this instant from now on.
    pub fn set(&self, at: Timestamp) {
        self.micros.store(at.micros(), Ordering::SeqCst);
    }

    /// Moves on by whole seconds.
    pub fn advance_seconds(&self, seconds: i64) {
        self.micros.fetch_add(seconds * 1_000_000, Ordering::SeqCst);
    }

    /// How many microseconds a look moves it on; 0 makes it stand still.
    pub fn tick_micros(&self, tick: i64) {
        self.tick.store(tick, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.micros.fetch_add(self.tick.load(Ordering::SeqCst), Ordering::SeqCst))
    }
}

/// A hasher that protects nothing and costs nothing: for tests alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainHasher;

#[async_trait]
impl PasswordHasher for PlainHasher {
    async fn hash(&self, password: &SecretString) -> Result<String> {
        Ok(format!("$plain${}", password.expose_secret()))
    }

    async fn verify(&self, password: &SecretString, hash: &str) -> Result<bool> {
        Ok(hash.strip_prefix("$plain$") == Some(password.expose_secret()))
    }

    fn is_outdated(&self, hash: &str) -> bool {
        !hash.starts_with("$plain$")
    }
}

/// A signer whose tokens anybody can make: for tests alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainSigner;

impl TokenSigner for PlainSigner {
    fn sign(&self, claims: &AccessClaims) -> Result<String> {
        let AccessClaims { workspace_id, user_id, session_id, issued_at, expires_at } = claims;
        Ok(format!("{workspace_id}.{user_id}.{session_id}.{}.{}", issued_at.micros(), expires_at.micros()))
    }

    fn verify(&self, token: &str, now: Timestamp) -> Result<AccessClaims> {
        let forged = || Error::unauthenticated("the token does not hold");
        let mut parts = token.split('.');
        let mut part = || parts.next().ok_or_else(forged);
        let (workspace, user, session, issued, expires) = (part()?, part()?, part()?, part()?, part()?);
        let instant = |text: &str| text.parse().map(Timestamp::from_micros).map_err(|_| forged());
        let claims = AccessClaims {
            workspace_id: workspace.parse().map_err(|_| forged())?,
            user_id: user.parse().map_err(|_| forged())?,
            session_id: session.parse().map_err(|_| forged())?,
            issued_at: instant(issued)?,
            expires_at: instant(expires)?,
        };
        if now < claims.expires_at { Ok(claims) } else { Err(forged()) }
    }
}

/// A mailer that keeps what it is given, and stumbles when it is told to.
#[derive(Debug, Default)]
pub struct FakeMailer {
    sent: Mutex<Vec<Mail>>,
    troubles: Mutex<Vec<Error>>,
}

impl FakeMailer {
    /// Fails so once, before whatever it was told earlier.
    pub fn stumble(&self, error: Error) {
        self.troubles.lock().push(error);
    }

    /// The mails that it accepted, in their order.
    pub fn sent(&self) -> Vec<Mail> {
        self.sent.lock().clone()
    }
}

#[async_trait]
impl Mailer for FakeMailer {
    async fn send(&self, mail: &Mail) -> Result<()> {
        // A mail that cannot be written is refused as an adapter refuses it.
        mail.envelope().and_then(|_| mail.formatted())?;
        match self.troubles.lock().pop() {
            Some(error) => Err(error),
            None => {
                self.sent.lock().push(mail.clone());
                Ok(())
            }
        }
    }
}

/// A handler of events, `stuck`, that never says what follows.
#[derive(Clone, Copy, Debug, Default)]
pub struct StuckHandler;

#[async_trait]
impl EventHandler for StuckHandler {
    fn name(&self) -> &'static str {
        "stuck"
    }

    async fn hand(&self, _: &Session, _: &[Envelope], _: &mut Handover) -> Result<()> {
        std::future::pending().await
    }
}
