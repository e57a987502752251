//! Facts about webhook endpoints.

use serde::{Deserialize, Serialize};

use super::model::DisabledReason;

/// A fact about a webhook endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum WebhookEvent {
    /// Nothing is sent there any more until somebody enables it.
    #[serde(rename = "webhook_endpoint.disabled")]
    Disabled {
        /// Why.
        reason: DisabledReason,
    },
}
