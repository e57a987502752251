//! Ports: sign-ins and the brake on guessing. Each call is one compare-and-set of its own, outside
//! the journal and its versions.

use async_trait::async_trait;

use super::model::SignIn;
use crate::error::Result;
use crate::id::Id;
use crate::time::Timestamp;

/// What became of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// The token was the sign-in's present one and is replaced.
    Rotated(SignIn),
    /// The token had been replaced before: the sign-in is ended now.
    Reused(SignIn),
    /// No live sign-in has or had it.
    Unknown,
}

/// Port: sign-ins and the digests of their refresh tokens.
#[async_trait]
pub trait SignInStore: Send + Sync {
    /// Keeps a new sign-in and the digest of its first refresh token, and when its member was seen.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn open(&self, sign_in: &SignIn, refresh_digest: &[u8; 32]) -> Result<()>;

    /// Replaces a refresh token's digest and moves the end of its sign-in on, if it is the present
    /// one of a live sign-in, and keeps when its member was seen; ends the sign-in where the token had
    /// been replaced before.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn rotate(
        &self,
        refresh_digest: &[u8; 32],
        next_digest: &[u8; 32],
        now: Timestamp,
        expires_at: Timestamp,
    ) -> Result<Rotation>;

    /// The sign-in whose present refresh token this is, dead or alive; none for one that was replaced.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn holder(&self, refresh_digest: &[u8; 32]) -> Result<Option<SignIn>>;

    /// A sign-in, dead or alive.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn sign_in(&self, id: Id<SignIn>) -> Result<Option<SignIn>>;

    /// Ends a sign-in. Ending it again does nothing.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn revoke(&self, id: Id<SignIn>, now: Timestamp) -> Result<()>;
}

/// One attempt, as it was counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Attempts that the window allows.
    pub limit: u32,
    /// Attempts in the window, this one included.
    pub made: u32,
    /// When the window ends.
    pub ends_at: Timestamp,
}

impl Attempt {
    /// Whether it may go on.
    pub fn is_allowed(&self) -> bool {
        self.made <= self.limit
    }

    /// How many more the window allows.
    pub fn remaining(&self) -> u32 {
        self.limit.saturating_sub(self.made)
    }

    /// Whole seconds until the window has ended for certain.
    pub fn seconds_left(&self, now: Timestamp) -> u64 {
        u64::try_from((self.ends_at.micros() - now.micros()) / 1_000_000 + 1).unwrap_or(0)
    }
}

/// Port: counters of attempts, shared by all instances.
#[async_trait]
pub trait ThrottleStore: Send + Sync {
    /// Counts one attempt under a key, in a window of `window_seconds` that begins with its first;
    /// from the one after `limit` on they are not allowed, until the window ends. Says what is left
    /// and until when.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn attempt(&self, key: &str, limit: u32, window_seconds: i64, now: Timestamp) -> Result<Attempt>;

    /// Forgets the attempts under a key.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn forgive(&self, key: &str) -> Result<()>;
}
