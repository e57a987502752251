//! One event on its way to one endpoint.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::model::WebhookEndpoint;
use crate::id::Id;
use crate::journal::{Entry, Envelope};
use crate::time::Timestamp;

/// Most characters of an answer that are kept.
const MOST_CHARS: usize = 1_000;
/// Attempts that are kept: the latest.
const KEPT_ATTEMPTS: usize = 20;
/// The name of a test's event.
pub const TEST_EVENT: &str = "webhook.test";

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum DeliveryState {
    /// It is to be sent, for the first time or again.
    Pending,
    /// The endpoint took it.
    Delivered,
    /// It was given up.
    Failed,
    /// Somebody cancelled the job that sends it.
    Cancelled,
}

impl DeliveryState {
    /// Every state.
    pub const ALL: [DeliveryState; 4] =
        [DeliveryState::Pending, DeliveryState::Delivered, DeliveryState::Failed, DeliveryState::Cancelled];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            DeliveryState::Pending => "pending",
            DeliveryState::Delivered => "delivered",
            DeliveryState::Failed => "failed",
            DeliveryState::Cancelled => "cancelled",
        }
    }
}

/// An attempt at a delivery.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeliveryAttempt {
    /// Which one it was, from 1.
    pub number: u32,
    /// When it began: the `webhook-timestamp` to the second.
    pub at: Timestamp,
    /// Where to.
    pub url: String,
    /// How long the body was, in bytes; 0 where nothing was sent.
    pub request_bytes: u64,
    /// The SHA-256 of the body, in hexadecimal digits.
    #[serde(default)]
    pub body_sha256: Option<String>,
    /// The `webhook-signature`.
    #[serde(default)]
    pub signature: Option<String>,
    /// The status of the answer; absent where none came.
    pub status: Option<u16>,
    /// How the answer began.
    pub answer: Option<String>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// Why it failed.
    pub error: Option<String>,
}

impl DeliveryAttempt {
    /// The `webhook-timestamp`: when it began, in seconds since 1970.
    pub(super) fn seconds(&self) -> i64 {
        self.at.micros().div_euclid(1_000_000)
    }
}

/// One event on its way to one endpoint; the job that sends it has the same id.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Delivery {
    /// Its id.
    #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
    pub id: Id<Delivery>,
    /// The endpoint.
    pub endpoint_id: Id<WebhookEndpoint>,
    /// The `webhook-id`: the same for one event and endpoint, however often it is sent.
    pub message_id: String,
    /// The event's name.
    #[serde(rename = "type")]
    pub kind: String,
    /// The event's number; 0 for a test.
    pub seq: i64,
    /// The record that the event is about; absent for a test.
    pub record_id: Option<Uuid>,
    /// How it stands.
    pub state: DeliveryState,
    /// Why it ended, where no attempt tells.
    #[serde(default)]
    pub reason: Option<String>,
    /// What became of it so far, the first first; of many the latest twenty.
    pub attempts: Vec<DeliveryAttempt>,
    /// When it is tried again.
    pub next_attempt_at: Option<Timestamp>,
    /// The delivery that this one repeats because somebody asked for it.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Uuid>))]
    pub replay_of: Option<Id<Delivery>>,
    /// When it was wanted.
    pub created_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
}

impl Delivery {
    /// The delivery of an event.
    pub(super) fn of(event: &Envelope, endpoint: Id<WebhookEndpoint>, now: Timestamp) -> Self {
        Self {
            kind: event.kind.clone(),
            seq: event.seq,
            record_id: Some(event.data.record_id),
            ..Self::blank(endpoint, message_id(event.id, endpoint), now)
        }
    }

    /// A test.
    pub(super) fn test(endpoint: Id<WebhookEndpoint>, now: Timestamp) -> Self {
        Self { kind: TEST_EVENT.to_owned(), ..Self::blank(endpoint, message_id(Id::new_at(now), endpoint), now) }
    }

    /// The same event once more.
    pub(super) fn again(&self, now: Timestamp) -> Self {
        Self {
            kind: self.kind.clone(),
            seq: self.seq,
            record_id: self.record_id,
            replay_of: Some(self.id),
            ..Self::blank(self.endpoint_id, self.message_id.clone(), now)
        }
    }

    fn blank(endpoint_id: Id<WebhookEndpoint>, message_id: String, now: Timestamp) -> Self {
        Self {
            id: Id::new_at(now),
            endpoint_id,
            message_id,
            kind: String::new(),
            seq: 0,
            record_id: None,
            state: DeliveryState::Pending,
            reason: None,
            attempts: Vec::new(),
            next_attempt_at: Some(now),
            replay_of: None,
            created_at: now,
            finished_at: None,
        }
    }

    /// Whether it is a test, which no event stands behind.
    pub fn is_test(&self) -> bool {
        self.seq == 0
    }

    /// Notes an attempt, and when the next one is; none where it has ended.
    pub(super) fn note(&mut self, mut attempt: DeliveryAttempt, next: Option<Timestamp>, now: Timestamp) {
        if let Some(answer) = &mut attempt.answer {
            // A receiver says what it likes, and some databases keep no zero character.
            *answer = answer.chars().filter(|char| *char != '\0').take(MOST_CHARS).collect();
        }
        if self.attempts.len() >= KEPT_ATTEMPTS {
            self.attempts.remove(0);
        }
        let is_delivered = attempt.error.is_none();
        self.attempts.push(attempt);
        self.next_attempt_at = next;
        self.state = match (is_delivered, next) {
            (true, _) => DeliveryState::Delivered,
            (false, Some(_)) => DeliveryState::Pending,
            (false, None) => DeliveryState::Failed,
        };
        self.finished_at = (self.state != DeliveryState::Pending).then_some(now);
    }
}

/// The `webhook-id` of an entry and an endpoint. Full stops part what is signed, so it has none.
fn message_id(entry: Id<Entry>, endpoint: Id<WebhookEndpoint>) -> String {
    let digest = Sha256::new().chain_update(entry.uuid()).chain_update(endpoint.uuid()).finalize();
    let hex: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{hex}")
}
