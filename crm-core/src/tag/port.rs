//! Port: tags.

use async_trait::async_trait;

use super::model::{Tag, TagCount};
use crate::access::Grant;
use crate::error::Result;

/// Port: tags.
#[async_trait]
pub trait TagStore: Send + Sync {
    /// The tags among these comparison forms that exist.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn tags_by_key(&self, grant: &Grant, keys: &[String]) -> Result<Vec<Tag>>;

    /// All tags by name, with the number of live records that carry them and that the caller sees.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn tag_counts(&self, grant: &Grant) -> Result<Vec<TagCount>>;
}
