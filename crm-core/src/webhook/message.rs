//! What is sent.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::delivery::{Delivery, TEST_EVENT};
use crate::access::ActorRef;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::journal::{Entry, Envelope, EnvelopeData};
use crate::session::Session;
use crate::time::Timestamp;
use crate::workspace::Workspace;

/// The body of a message: an event as an admin sees it when it is sent.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", schema(as = WebhookMessage))]
pub struct Message {
    /// What happened, as `deal.moved`; `webhook.test` for a test.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened.
    pub timestamp: Timestamp,
    /// The workspace in which it happened.
    pub workspace_id: Id<Workspace>,
    /// The event's number within the workspace, without gaps; 0 for a test. Messages may come in another
    /// order.
    pub seq: i64,
    /// The entry of the journal behind it; `null` for a test.
    #[cfg_attr(feature = "schema", schema(value_type = Option<uuid::Uuid>))]
    pub id: Option<Id<Entry>>,
    /// By whom; `null` for a test.
    pub actor: Option<ActorRef>,
    /// The change; `null` for a test.
    pub data: Option<EnvelopeData>,
}

impl Message {
    /// The message of an event.
    fn of(workspace_id: Id<Workspace>, event: Envelope) -> Self {
        let Envelope { seq, id, kind, occurred_at, actor, data } = event;
        Self { kind, timestamp: occurred_at, workspace_id, seq, id: Some(id), actor: Some(actor), data: Some(data) }
    }

    /// The message of a test.
    fn test(workspace_id: Id<Workspace>, delivery: &Delivery) -> Self {
        let kind = TEST_EVENT.to_owned();
        Self { kind, timestamp: delivery.created_at, workspace_id, seq: 0, id: None, actor: None, data: None }
    }
}

/// The body of a delivery: the event as an admin sees it now; none where nobody is told of it.
pub(super) async fn body_of(product: &Session, delivery: &Delivery) -> Result<Option<Vec<u8>>> {
    let workspace = product.actor().workspace_id();
    let message = if delivery.is_test() {
        Message::test(workspace, delivery)
    } else {
        let feed = product.crm().feed(workspace).await?;
        let found = feed.sealed_after(delivery.seq - 1, 1).await?;
        let event = found.first().and_then(|occurrence| product.envelope(occurrence));
        let Some(event) = event else { return Ok(None) };
        Message::of(workspace, event)
    };
    serde_json::to_vec(&message).map(Some).map_err(Error::internal)
}

/// By what a body is known again: its SHA-256 in hexadecimal digits.
pub(super) fn digest(body: &[u8]) -> String {
    Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
}
