//! The brake on guessing: who may try how often.

use std::time::Duration;

use parking_lot::Mutex;

use super::model::SignIn;
use super::port::Attempt;
use crate::crm::Crm;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::text::Email;
use crate::time::Timestamp;

/// Attempts to sign in to one account within a window.
const PER_ACCOUNT: u32 = 10;
/// Attempts to register or to sign in from one address within a window.
const PER_ADDRESS: u32 = 100;
/// Attempts to refresh from one address within a window. Tokens cannot be guessed; this bounds what
/// trying costs, and an office behind one address has hundreds of people with a tab open.
const REFRESHES_PER_ADDRESS: u32 = 1_000;
/// Refreshes of one sign-in within a window: a page that is loaded every five seconds.
const REFRESHES_PER_SIGN_IN: u32 = 200;
/// Length of a window in seconds: 15 minutes.
const WINDOW_SECONDS: i64 = 15 * 60;

/// Counts one attempt wherever it must be counted, and remembers what was left.
#[derive(Default)]
pub(super) struct Brake(Mutex<Met>);

/// The counters of the last attempt.
#[derive(Default)]
struct Met {
    address: Option<Attempt>,
    /// That of the account, or of the sign-in that is refreshed.
    account: Option<Attempt>,
}

impl Brake {
    /// The counter with the least left; of two alike, the one that opens again last.
    pub(super) fn tightest(&self) -> Option<Attempt> {
        let met = self.0.lock();
        let both = [met.address, met.account].into_iter().flatten();
        both.min_by_key(|attempt| (attempt.remaining(), std::cmp::Reverse(attempt.ends_at)))
    }

    /// Counts an attempt to register or to sign in against its address. This comes before anything
    /// is counted against an account: an address can lock out no more accounts than it may try.
    pub(super) async fn sign_in_from(&self, crm: &Crm, address: &str, now: Timestamp) -> Result<()> {
        self.from(crm, &format!("address:{address}"), PER_ADDRESS, now).await
    }

    /// Counts an attempt to refresh against its address.
    pub(super) async fn refresh_from(&self, crm: &Crm, address: &str, now: Timestamp) -> Result<()> {
        self.from(crm, &format!("refresh:{address}"), REFRESHES_PER_ADDRESS, now).await
    }

    /// Counts a refresh against the sign-in whose present token was shown. No other attempt is counted here, and no
    /// other sign-in of the account pays for it: whoever does not hold the token locks nobody out.
    pub(super) async fn refresh_of(&self, crm: &Crm, sign_in: Id<SignIn>, now: Timestamp) -> Result<()> {
        let attempt = count(crm, &format!("refresh:sign-in:{sign_in}"), REFRESHES_PER_SIGN_IN, now).await?;
        self.0.lock().account = Some(attempt);
        allowed(attempt, now)
    }

    /// Counts an attempt to sign in against its account.
    pub(super) async fn sign_in_to(&self, crm: &Crm, email: &Email, now: Timestamp) -> Result<()> {
        let attempt = count(crm, &account_key(email), PER_ACCOUNT, now).await?;
        self.0.lock().account = Some(attempt);
        allowed(attempt, now)
    }

    /// Forgets the attempts on an account whose owner got in.
    pub(super) async fn forgive(&self, crm: &Crm, email: &Email) -> Result<()> {
        self.0.lock().account = None;
        crm.ports.throttles.forgive(&account_key(email)).await
    }

    async fn from(&self, crm: &Crm, key: &str, limit: u32, now: Timestamp) -> Result<()> {
        let attempt = count(crm, key, limit, now).await?;
        *self.0.lock() = Met { address: Some(attempt), account: None };
        allowed(attempt, now)
    }
}

async fn count(crm: &Crm, key: &str, limit: u32, now: Timestamp) -> Result<Attempt> {
    crm.ports.throttles.attempt(key, limit, WINDOW_SECONDS, now).await
}

fn account_key(email: &Email) -> String {
    format!("account:{email}")
}

fn allowed(attempt: Attempt, now: Timestamp) -> Result<()> {
    if attempt.is_allowed() {
        return Ok(());
    }
    let wait = Duration::from_secs(attempt.seconds_left(now).max(1));
    Err(Error::new(ErrorKind::RateLimited, "too many attempts").with_retry_after(wait))
}
