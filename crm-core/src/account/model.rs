//! Accounts and their passwords' hashes.

use secrecy::SecretString;

use crate::error::{Error, Result};
use crate::id::Id;
use crate::text::Email;
use crate::time::Timestamp;

/// Fewest characters of a password (NIST SP 800-63B, section 3.1.1.2, asks for 8 at least).
pub(crate) const MIN_PASSWORD_CHARS: usize = 10;
/// Most bytes of a password, so that hashing cannot be made to hang.
pub(crate) const MAX_PASSWORD_BYTES: usize = 256;

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: Id<Account>,
    /// Unique over all accounts.
    pub email: Email,
    /// The hash of the password, as a PHC string.
    pub password_hash: SecretString,
    /// When it was made.
    pub created_at: Timestamp,
}

/// An account to be made by the commit that registers its first workspace.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The account.
    pub account: Account,
    /// Whether it must be the first of all. The commit decides: of two that were decided at once,
    /// one comes too late.
    pub rank: Rank,
}

/// Whether an account must be the first of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rank {
    /// It may be any.
    Any,
    /// The commit is refused where there is an account.
    First,
}

impl NewAccount {
    /// What a commit answers whose account must be the first and is not.
    pub fn not_first() -> Error {
        Error::conflict("there is an account already").with_code("signup_closed")
    }
}

/// Refuses passwords that are too short to protect or too long to hash.
pub(crate) fn check_password(password: &str) -> Result<()> {
    if password.chars().count() < MIN_PASSWORD_CHARS {
        let message = format!("needs at least {MIN_PASSWORD_CHARS} characters");
        return Err(Error::invalid("password", "too_short", message));
    }
    if password.len() > MAX_PASSWORD_BYTES {
        return Err(Error::invalid("password", "too_long", format!("has more than {MAX_PASSWORD_BYTES} bytes")));
    }
    Ok(())
}
