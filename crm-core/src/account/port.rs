//! Port: accounts, read without a grant.

use async_trait::async_trait;

use super::model::Account;
use crate::error::Result;
use crate::id::Id;
use crate::text::Email;

/// Port: accounts.
#[async_trait]
pub trait AccountStore: Send + Sync {
    /// The account of an e-mail address.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn account_by_email(&self, email: &Email) -> Result<Option<Account>>;

    /// Whether there is any account.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn any_account(&self) -> Result<bool>;

    /// Replaces a password's hash where it still is `old`; says whether it was.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn rehash(&self, id: Id<Account>, old: &str, new: &str) -> Result<bool>;
}
