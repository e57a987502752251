//! Port: deals.

use async_trait::async_trait;

use super::board::StageTotal;
use super::model::Deal;
use crate::access::Grant;
use crate::error::Result;
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::page::{ListQuery, Rows};
use crate::pipeline::{Pipeline, Stage};
use crate::store::Stored;
use crate::transfer::RowKey;

/// Port: deals. Every read is walled by the grant's workspace and visibility; deleted deals
/// are absent.
#[async_trait]
pub trait DealStore: Send + Sync {
    /// A deal.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn deal(&self, grant: &Grant, id: Id<Deal>) -> Result<Stored<Deal>>;

    /// Those of these deals that exist and are visible, in no order.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn deals_by_id(&self, grant: &Grant, ids: &[Id<Deal>]) -> Result<Vec<Stored<Deal>>>;

    /// A deleted deal that is not purged.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn deleted_deal(&self, grant: &Grant, id: Id<Deal>) -> Result<Stored<Deal>>;

    /// A page.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn deals(&self, grant: &Grant, query: &ListQuery) -> Result<Rows<Deal>>;

    /// How many there are, counted up to `cap`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn count_deals(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64>;

    /// The oldest deal of each key that an imported row is known again by; the answer is as
    /// long as `keys`.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn known_deals(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Deal>>>>;

    /// Number and worth of the visible deals of a pipeline that pass a filter, stage by stage; stages without
    /// deals may be absent. A store may answer from sums that it keeps.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed; `Invalid` for a filter with too
    /// many values.
    async fn stage_totals(
        &self,
        grant: &Grant,
        pipeline: Id<Pipeline>,
        filter: &CheckedFilter,
    ) -> Result<Vec<StageTotal>>;

    /// The visible deals that pass a filter and got to each of these stages last, at most `limit` a stage: in
    /// the order of the stages, then the last ones first, of several at one time that with the greater id.
    ///
    /// # Errors
    /// As [`DealStore::stage_totals`].
    async fn last_in_stages(
        &self,
        grant: &Grant,
        stages: &[Id<Stage>],
        filter: &CheckedFilter,
        limit: usize,
    ) -> Result<Vec<Vec<Deal>>>;

    /// At most `limit` of the visible deals of these stages, deleted ones included: those that are not
    /// deleted first, then by id.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn deals_in_stages(&self, grant: &Grant, stages: &[Id<Stage>], limit: usize) -> Result<Vec<Stored<Deal>>>;
}
