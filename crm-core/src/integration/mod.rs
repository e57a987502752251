//! Role ports: the small jobs that the engine asks of the outside world.
//!
//! This is the extension surface. Each port is one role with a suite in the testkit that every
//! adapter passes; adapters live in `crm-integrations` or in the embedding program.

use async_trait::async_trait;
use secrecy::SecretString;

use crate::error::Result;
use crate::id::Id;
use crate::time::Timestamp;
use crate::user::User;
use crate::workspace::Workspace;

/// Port: slow, salted hashes of passwords.
#[async_trait]
#[cfg_attr(feature = "testkit", mockall::automock)]
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
