//! Port: companies.

use async_trait::async_trait;

use super::model::Company;
use crate::access::Grant;
use crate::error::Result;
use crate::id::Id;
use crate::page::{ListQuery, Rows};
use crate::store::Stored;
use crate::transfer::RowKey;

/// Port: companies. Every read is walled by the grant's workspace and visibility; deleted companies
/// are absent.
#[async_trait]
pub trait CompanyStore: Send + Sync {
    /// A company.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn company(&self, grant: &Grant, id: Id<Company>) -> Result<Stored<Company>>;

    /// Those of these companies that exist and are visible, in no order.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn companies_by_id(&self, grant: &Grant, ids: &[Id<Company>]) -> Result<Vec<Stored<Company>>>;

    /// A deleted company that is not purged.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn deleted_company(&self, grant: &Grant, id: Id<Company>) -> Result<Stored<Company>>;

    /// A page.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn companies(&self, grant: &Grant, query: &ListQuery) -> Result<Rows<Company>>;

    /// How many there are, counted up to `cap`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn count_companies(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64>;

    /// The oldest company of each key that an imported row is known again by; the answer is as
    /// long as `keys`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn known_companies(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Company>>>>;
}
