//! Port: contacts.

use async_trait::async_trait;

use super::model::Contact;
use crate::access::Grant;
use crate::error::Result;
use crate::id::Id;
use crate::page::{ListQuery, Rows};
use crate::store::Stored;
use crate::transfer::RowKey;

/// Port: contacts. Every read is walled by the grant's workspace and visibility; deleted contacts
/// are absent.
#[async_trait]
pub trait ContactStore: Send + Sync {
    /// A contact.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn contact(&self, grant: &Grant, id: Id<Contact>) -> Result<Stored<Contact>>;

    /// Those of these contacts that exist and are visible, in no order.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn contacts_by_id(&self, grant: &Grant, ids: &[Id<Contact>]) -> Result<Vec<Stored<Contact>>>;

    /// A deleted contact that is not purged.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn deleted_contact(&self, grant: &Grant, id: Id<Contact>) -> Result<Stored<Contact>>;

    /// A page.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn contacts(&self, grant: &Grant, query: &ListQuery) -> Result<Rows<Contact>>;

    /// How many there are, counted up to `cap`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn count_contacts(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64>;

    /// The oldest contact of each key that an imported row is known again by; the answer is as
    /// long as `keys`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn known_contacts(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Contact>>>>;
}
