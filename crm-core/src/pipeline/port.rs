//! Port: pipelines.

use async_trait::async_trait;

use super::model::Pipeline;
use crate::access::Grant;
use crate::error::Result;
use crate::id::Id;
use crate::store::Stored;

/// Port: pipelines with their stages.
#[async_trait]
pub trait PipelineStore: Send + Sync {
    /// A pipeline.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn pipeline(&self, grant: &Grant, id: Id<Pipeline>) -> Result<Stored<Pipeline>>;

    /// All pipelines, the default one first, then by name.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn pipelines(&self, grant: &Grant) -> Result<Vec<Stored<Pipeline>>>;
}
