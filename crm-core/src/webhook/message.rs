//! What is sent.

use serde::Serialize;

use super::delivery::{Delivery, TEST};
use crate::access::ActorRef;
use crate::id::Id;
use crate::journal::{Entry, Envelope, EnvelopeData};
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
    /// The entry of the journal behind it; absent for a test.
    #[cfg_attr(feature = "schema", schema(value_type = Option<uuid::Uuid>))]
    pub id: Option<Id<Entry>>,
    /// By whom; absent for a test.
    pub actor: Option<ActorRef>,
    /// The change; absent for a test.
    pub data: Option<EnvelopeData>,
}

impl Message {
    /// The message of an event.
    pub(super) fn of(workspace_id: Id<Workspace>, event: Envelope) -> Self {
        let Envelope { seq, id, kind, occurred_at, actor, data } = event;
        Self { kind, timestamp: occurred_at, workspace_id, seq, id: Some(id), actor: Some(actor), data: Some(data) }
    }

    /// The message of a test.
    pub(super) fn test(workspace_id: Id<Workspace>, delivery: &Delivery) -> Self {
        let kind = TEST.to_owned();
        Self { kind, timestamp: delivery.created_at, workspace_id, seq: 0, id: None, actor: None, data: None }
    }
}
