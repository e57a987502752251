//! Port: definitions of custom fields.

use async_trait::async_trait;

use super::model::CustomField;
use crate::access::Grant;
use crate::error::Result;
use crate::id::Id;
use crate::store::Stored;
use crate::workspace::Workspace;

/// Port: definitions of custom fields.
#[async_trait]
pub trait CustomFieldStore: Send + Sync {
    /// All definitions that are not retired, by entity and key; without a grant, because a grant
    /// is made from them.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn custom_fields(&self, workspace: Id<Workspace>) -> Result<Vec<CustomField>>;

    /// A definition.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn custom_field(&self, grant: &Grant, id: Id<CustomField>) -> Result<Stored<CustomField>>;
}
