//! Webhook endpoints over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Reply, on_every_store};

const ENDPOINTS: &str = "/api/v1/webhook-endpoints";

/// An endpoint at an address that never is.
fn endpoint(events: &[&str]) -> Value {
    json!({"url": "https://hooks.example/crm", "event_types": events})
}

#[tokio::test]
async fn an_endpoint_is_made_changed_tested_and_deleted_and_its_secret_is_told_once() {
    on_every_store(|api| async move {
        let made = api.post(ENDPOINTS, endpoint(&["user.role_changed"])).await.expect(201);
        let id = made.json["endpoint"]["id"].as_str().unwrap();
        let path = format!("{ENDPOINTS}/{id}");
        assert_eq!((made.header("location"), made.header("cache-control")), (path.as_str(), "no-store"));
        let secret = made.json["secret"].as_str().unwrap();
        assert!(secret.starts_with("whsec_") && secret.len() > 40, "{secret}");
        let read = api.get(&path).await.expect(200);
        assert_eq!((read.header("etag"), &read.json["secret"]), ("\"1\"", &Value::Null));
        let put = async |change: Value, version: &str| {
            let request = api.request(Method::PUT, &path).header("if-match", version).json(&change);
            Reply::of(request.send().await.unwrap()).await
        };
        let plain = put(endpoint(&["deal.*", "contact.created"]), "\"1\"").await.expect(200);
        assert_eq!(plain.json["endpoint"]["event_types"], json!(["contact.created", "deal.*"]));
        assert!(plain.json.get("secret").is_none());
        let mut change = endpoint(&["user.role_changed"]);
        change["rotate_secret"] = json!({});
        put(change.clone(), "\"1\"").await.problem(409, "stale_version");
        let rotated = put(change, "\"2\"").await.expect(200);
        assert!(rotated.json["secret"].as_str().is_some_and(|other| other != secret));
        let job = api.send(Method::POST, &format!("{path}/test"), Some(api.token()), None).await.expect(202);
        let job = api.ended(job.id()).await;
        assert_eq!((&job["state"], &job["result"]["state"]), (&json!("failed"), &json!("failed")));
        let sent = api.get(&format!("{path}/deliveries?state=failed")).await.expect(200).json;
        assert_eq!(sent["data"][0]["attempts"].as_array().unwrap().len(), 1);
        let delivery = sent["data"][0]["id"].as_str().unwrap();
        let found = api.get(&format!("{path}/deliveries/{delivery}")).await.expect(200).json;
        let (request, attempt) = (&found["request"], &found["attempts"][0]);
        assert_eq!(request["headers"]["webhook-id"], found["message_id"]);
        assert_eq!(request["headers"]["webhook-signature"], attempt["signature"]);
        let body = request["body"].as_str().unwrap();
        assert_eq!(
            (body.len() as u64, body.contains("webhook.test")),
            (attempt["request_bytes"].as_u64().unwrap(), true)
        );
        api.get(&format!("{path}/deliveries/{id}")).await.problem(404, "not_found");
        api.get(&format!("{path}/deliveries/x")).await.problem(404, "not_found");
        let none = api.post(&format!("{path}/replay"), json!({"from": "2026-01-01T00:00:00Z"})).await.expect(200);
        assert_eq!(none.json, json!({"replayed": 0, "next_cursor": null}));
        // A cursor of another list opens no replay, as little as what is none.
        for name in ["Ada", "Bob"] {
            api.post("/api/v1/contacts", json!({"last_name": name})).await.expect(201);
        }
        let page = api.get("/api/v1/contacts?limit=1").await.expect(200).json;
        for cursor in [page["next_cursor"].as_str().unwrap(), "x"] {
            let rest = json!({"from": "2026-01-01T00:00:00Z", "cursor": cursor});
            let faults = api.post(&format!("{path}/replay"), rest).await.faults();
            assert_eq!(faults, [("cursor".to_owned(), "cursor".to_owned())], "{cursor}");
        }
        let keyed = async |from: &str| {
            let request = api.request(Method::POST, &format!("{path}/replay")).header("idempotency-key", "k-1");
            Reply::of(request.json(&json!({"from": from})).send().await.unwrap()).await
        };
        let first = keyed("2026-01-01T00:00:00Z").await.expect(200);
        assert_eq!(keyed("2026-01-01T00:00:00Z").await.expect(200).json, first.json);
        keyed("2026-02-01T00:00:00Z").await.problem(422, "invalid");
        assert_eq!(api.get(ENDPOINTS).await.expect(200).json["data"].as_array().unwrap().len(), 1);
        api.delete(&path).await.expect(204);
        api.get(&path).await.problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn addresses_inside_the_servers_network_unknown_events_and_fields_are_refused_by_field() {
    let api = Api::memory().await;
    for url in
        ["https://127.0.0.1/", "https://localhost/", "https://[::1]/", "https://2130706433/", "http://example.com/"]
    {
        let body = json!({"url": url, "event_types": ["*"]});
        let faults = api.post(ENDPOINTS, body).await.expect(422).faults();
        assert_eq!(faults[0].0, "url", "{url}");
    }
    let faults = api.post(ENDPOINTS, endpoint(&["deal.exploded"])).await.expect(422).faults();
    assert_eq!(faults, [("event_types.0".to_owned(), "unknown_event".to_owned())]);
    let mut unknown = endpoint(&["deal.*"]);
    unknown["fields"] = json!(["stage_id", "colour"]);
    let reply = api.post(ENDPOINTS, unknown).await.expect(422);
    assert!(reply.json["errors"][0]["message"].as_str().is_some_and(|message| message.contains("colour")));
    assert_eq!(reply.faults(), [("fields.1".to_owned(), "unknown_field".to_owned())]);
}
