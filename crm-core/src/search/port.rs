//! Port: records by their words.

use async_trait::async_trait;

use crate::access::Grant;
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::Result;
use crate::filter::Terms;
use crate::task::Task;

/// Port: some records whose words hold all of the terms, walled by the grant's workspace and
/// visibility; deleted ones are absent.
///
/// All matches where there are fewer than `most`; else so many of them as can be had without finding
/// the others, the newest as far as that costs nothing. What the caller does not see takes no place.
#[async_trait]
pub trait SearchStore: Send + Sync {
    /// Contacts.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn contacts_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Contact>>;

    /// Companies.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn companies_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Company>>;

    /// Deals.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn deals_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Deal>>;

    /// Tasks.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn tasks_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Task>>;
}
