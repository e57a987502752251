//! What callers ask of webhook endpoints, and what they are answered.

use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::delivery::{Delivery, DeliveryState};
use super::model::{DeliveryOrder, WebhookEndpoint, WebhookStatus};
use crate::access::View;
use crate::id::Id;
use crate::time::Timestamp;

/// An endpoint to be made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct NewWebhookEndpoint {
    /// Where to: `https`, without a name or password before the host.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 2_000))]
    pub url: String,
    /// What it is for.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(max_length = 500))]
    pub description: Option<String>,
    /// Which events: their names, `deal.*` for those of a kind of record, or `*` for all.
    #[cfg_attr(feature = "schema", schema(min_items = 1, max_items = 100))]
    pub event_types: Vec<String>,
    /// Of these events those alone that change one of these fields, custom ones as `custom.key`; all where
    /// empty.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(max_items = 100))]
    pub fields: Vec<String>,
    /// In which order deliveries are sent.
    #[serde(default)]
    pub order: DeliveryOrder,
}

/// An endpoint as it shall be: what is left out is empty, but for its status and its secrets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WebhookEndpointChange {
    /// Where to: `https`, without a name or password before the host.
    #[cfg_attr(feature = "schema", schema(min_length = 1, max_length = 2_000))]
    pub url: String,
    /// What it is for.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(max_length = 500))]
    pub description: Option<String>,
    /// Which events: their names, `deal.*` for those of a kind of record, or `*` for all.
    #[cfg_attr(feature = "schema", schema(min_items = 1, max_items = 100))]
    pub event_types: Vec<String>,
    /// Of these events those alone that change one of these fields, custom ones as `custom.key`; all where
    /// empty.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(max_items = 100))]
    pub fields: Vec<String>,
    /// In which order deliveries are sent.
    #[serde(default)]
    pub order: DeliveryOrder,
    /// Whether anything is sent; as it is where absent.
    #[serde(default)]
    pub status: Option<WebhookStatus>,
    /// Makes a new secret.
    #[serde(default)]
    pub rotate_secret: Option<RotateSecret>,
}

/// How a secret gives way to a new one.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RotateSecret {
    /// For how long messages are signed with the former secrets too, the latest two at most, in seconds, up to a
    /// week; a day where absent.
    #[serde(default = "overlap")]
    #[cfg_attr(feature = "schema", schema(minimum = 0, maximum = 604_800))]
    pub overlap_seconds: i64,
}

impl RotateSecret {
    /// The longest overlap.
    pub(super) const MOST_SECONDS: i64 = 7 * 24 * 60 * 60;
}

impl Default for RotateSecret {
    fn default() -> Self {
        Self { overlap_seconds: overlap() }
    }
}

fn overlap() -> i64 {
    24 * 60 * 60
}

/// An endpoint, and the secret that was made for it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EndpointWithSecret {
    /// The endpoint.
    #[cfg_attr(feature = "schema", schema(value_type = WebhookEndpoint))]
    pub endpoint: View<WebhookEndpoint>,
    /// What its messages are signed with, as `whsec_` and base 64. It is told here and never again; absent
    /// where none was made.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "told")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub secret: Option<SecretString>,
}

fn told<S: Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(|secret| secret.expose_secret()).serialize(serializer)
}

/// A list of deliveries, as a caller asks for it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "schema", into_params(parameter_in = Query))]
pub struct DeliveriesRequest {
    /// Those in a state.
    #[cfg_attr(feature = "schema", param(inline))]
    pub state: Option<DeliveryState>,
    /// Deliveries a page, 1 to 200; 50 where absent.
    #[cfg_attr(feature = "schema", param(minimum = 1, maximum = 200))]
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Deliveries that are to be sent again: one, or those of a span of time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReplayDeliveries {
    /// This one.
    #[cfg_attr(feature = "schema", schema(value_type = Option<uuid::Uuid>))]
    pub delivery_id: Option<Id<Delivery>>,
    /// Those of events from this instant on.
    pub from: Option<Timestamp>,
    /// Those of events before this instant.
    pub to: Option<Timestamp>,
    /// Of a span those in a state; all where absent.
    pub state: Option<DeliveryState>,
    /// Of a span what comes after the `next_cursor` of the answer before.
    pub cursor: Option<String>,
}

/// How many deliveries are sent again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReplayedDeliveries {
    /// So many.
    pub replayed: u64,
    /// Where to go on: one request sends a thousand again. Absent where there are no more.
    pub next_cursor: Option<String>,
}
