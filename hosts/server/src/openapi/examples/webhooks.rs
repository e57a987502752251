//! Examples about webhooks.

use serde_json::{Value, json};

use super::answers::CREATED;
use super::{USER, WEBHOOK_ENDPOINT};

/// Where messages go: a name that never is.
const URL: &str = "https://hooks.babbage.example/crm";

/// A delivery, which is a job too.
pub(super) const DELIVERY: &str = "019a1c5e-7b00-7000-8000-00000000001a";

/// The `webhook-id` of the delivery.
const MESSAGE: &str = "msg_019a1c5e7b007000800000000000001a";

/// The example of an operation's body.
pub(super) fn body(operation: &str) -> Option<Value> {
    Some(match operation {
        "create_webhook_endpoint" => json!({
            "url": URL,
            "description": "Tells the archive what was erased",
            "event_types": ["contact.purged", "company.purged"],
            "fields": [],
            "order": "record",
        }),
        "replace_webhook_endpoint" => json!({
            "url": URL,
            "event_types": ["contact.purged"],
            "fields": [],
            "order": "none",
            "status": "enabled",
            "rotate_secret": {"overlap_seconds": 3_600},
        }),
        "replay_webhook_deliveries" => json!({
            "from": "2026-03-01T00:00:00Z",
            "to": "2026-03-02T00:00:00Z",
            "state": "failed",
        }),
        _ => return None,
    })
}

/// The example of an answer.
pub(super) fn answer(schema: &str) -> Option<Value> {
    Some(match schema {
        "WebhookEndpoint" => endpoint(),
        "EndpointWithSecret" => json!({
            "endpoint": endpoint(),
            "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        }),
        "Delivery" => delivery(),
        "DeliveryWithRequest" => with_request(delivery()),
        "ReplayedDeliveries" => json!({"replayed": 0, "next_cursor": null}),
        _ => return None,
    })
}

fn endpoint() -> Value {
    json!({
        "id": WEBHOOK_ENDPOINT,
        "url": URL,
        "description": "Tells the archive what was erased",
        "event_types": ["company.purged", "contact.purged"],
        "fields": [],
        "order": "record",
        "status": "enabled",
        "disabled_reason": null,
        "after_seq": 41,
        "secret_made_at": CREATED,
        "created_by": USER,
        "created_at": CREATED,
        "updated_at": CREATED,
        "version": 1,
    })
}

fn delivery() -> Value {
    json!({
        "id": DELIVERY,
        "endpoint_id": WEBHOOK_ENDPOINT,
        "message_id": MESSAGE,
        "type": "webhook.test",
        "seq": 0,
        "record_id": null,
        "state": "pending",
        "reason": null,
        "attempts": [],
        "next_attempt_at": null,
        "replay_of": null,
        "created_at": CREATED,
        "finished_at": null,
    })
}

/// A delivery beside what was sent.
fn with_request(mut delivery: Value) -> Value {
    let request = json!({
        "attempt": 1,
        "url": URL,
        "headers": {
            "content-type": "application/json",
            "webhook-id": MESSAGE,
            "webhook-timestamp": "1772452800",
            "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        },
        "body": "{\"type\":\"webhook.test\"}",
    });
    if let Some(fields) = delivery.as_object_mut() {
        fields.insert("request".to_owned(), request);
    }
    delivery
}
