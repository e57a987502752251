//! Many records in one request.

use reqwest::Method;
use serde_json::{Value, json};

use crate::conventions::{ended, shape};
use crate::support::{Api, Reply, on_every_store};

async fn made(api: &Api, names: &[&str]) -> Vec<Value> {
    let items: Vec<Value> = names.iter().map(|name| json!({"last_name": name})).collect();
    let reply = api.post("/api/v1/contacts/bulk", json!({"items": items})).await.expect(200);
    reply.json["results"].as_array().unwrap().iter().map(|result| result["id"].clone()).collect()
}

async fn delete(api: &Api, body: Value) -> Reply {
    api.send(Method::DELETE, "/api/v1/contacts/bulk", Some(api.token()), Some(&body)).await
}

#[tokio::test]
async fn many_are_made_changed_tagged_assigned_and_deleted() {
    on_every_store(|api| async move {
        let reply =
            api.post("/api/v1/contacts/bulk", json!({"items": [{"last_name": "Hopper"}, {}], "mode": "partial"})).await;
        let reply = reply.expect(200);
        assert_eq!((&reply.json["succeeded"], &reply.json["failed"]), (&json!(1), &json!(1)));
        let (first, second) = (&reply.json["results"][0], &reply.json["results"][1]);
        assert_eq!((&first["index"], &first["status"], &first["error"]), (&json!(0), &json!("created"), &Value::Null));
        assert_eq!((&second["id"], &second["status"]), (&Value::Null, &json!("failed")));
        assert_eq!(second["error"]["errors"][0]["field"], "last_name");
        let ids = made(&api, &["Lovelace", "Curie"]).await;

        let items = json!([{"id": ids[0], "version": 1, "title": "Countess"}, {"id": ids[1], "tags": ["vip"]}]);
        let reply = api.put("/api/v1/contacts/bulk", json!({"items": items})).await.expect(200);
        assert_eq!(reply.json["succeeded"], 2);
        let faults = api.put("/api/v1/contacts/bulk", json!({"items": [{"id": ids[0], "titel": "x"}]})).await.faults();
        assert_eq!(faults, [("items.0.titel".to_owned(), "unknown_field".to_owned())]);
        api.put("/api/v1/contacts/bulk", json!({"items": items})).await.problem(409, "stale_version");

        let filter = json!({"field": "last_name", "op": "in", "value": ["Lovelace", "Curie"]});
        let body = json!({"filter": filter, "set": {"lifecycle": "customer"}});
        assert_eq!(api.put("/api/v1/contacts/bulk", body).await.expect(200).json["succeeded"], 2);
        let body = json!({"ids": ids, "add": ["Fair"], "remove": ["VIP"]});
        assert_eq!(api.post("/api/v1/contacts/bulk/tag", body).await.expect(200).json["succeeded"], 2);
        let curie = api.get(&format!("/api/v1/contacts/{}", ids[1].as_str().unwrap())).await.expect(200);
        assert_eq!((&curie.json["tags"], &curie.json["lifecycle"]), (&json!(["Fair"]), &json!("customer")));
        let body = json!({"ids": ids, "owner_id": null});
        assert_eq!(api.post("/api/v1/contacts/bulk/assign", body).await.expect(200).json["succeeded"], 2);
        assert_eq!(delete(&api, json!({"filter": filter})).await.expect(200).json["succeeded"], 2);
        let left = api.get("/api/v1/contacts").await.expect(200);
        assert_eq!(left.json["data"].as_array().unwrap().len(), 1);

        let company = api.post("/api/v1/companies/bulk", json!({"items": [{"name": "Acme"}]})).await.expect(200);
        let company = json!([company.json["results"][0]["id"]]);
        let body = json!({"ids": company, "set": {"industry": "Tools"}});
        assert_eq!(api.put("/api/v1/companies/bulk", body).await.expect(200).json["succeeded"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_bulk_request_says_which_records_it_is_about_in_one_way() {
    let api = Api::memory().await;
    let id = made(&api, &["Hopper"]).await;
    let filter = json!({"field": "last_name", "op": "eq", "value": "Hopper"});
    let at = |body: Value| {
        let api = &api;
        async move { api.put("/api/v1/contacts/bulk", body).await.faults().remove(0) }
    };
    let fault = |field: &str, code: &str| (field.to_owned(), code.to_owned());
    assert_eq!(at(json!({})).await, fault("set", "required"));
    assert_eq!(at(json!({"set": {"title": "x"}})).await, fault("ids", "required"));
    assert_eq!(at(json!({"ids": id, "filter": filter, "set": {}})).await, fault("filter", "exclusive"));
    assert_eq!(at(json!({"items": [], "set": {}})).await, fault("items", "exclusive"));
    assert_eq!(at(json!({"items": []})).await, fault("items", "count"));
    assert_eq!(at(json!({"items": [{"title": "x"}]})).await, fault("items.0.id", "required"));
    assert_eq!(at(json!({"items": [7]})).await.0, "items.0");
    assert_eq!(at(json!({"ids": id, "set": {"version": 7}})).await, fault("set.version", "unknown_field"));
    assert_eq!(at(json!({"ids": id, "set": {}, "mode": "half"})).await.0, "mode");
    let nobody = json!(["018f2f6e-0000-7000-8000-000000000000"]);
    assert_eq!(at(json!({"ids": nobody, "set": {"title": "x"}})).await, fault("ids.0", "not_found"));
    // What is there twice is not guessed at.
    let body = r#"{"items": [{"last_name": "Hopper", "last_name": "Curie"}]}"#;
    let twice = api.post_bytes("/api/v1/contacts/bulk", body).await.faults();
    assert_eq!(twice, [fault("items.0.last_name", "duplicate")]);
    let tag = api.post("/api/v1/contacts/bulk/tag", json!({"ids": id})).await.faults();
    assert_eq!(tag, [fault("add", "required")]);
    let assign = api.post("/api/v1/contacts/bulk/assign", json!({"ids": id})).await.faults();
    assert_eq!(assign, [fault("owner_id", "required")]);
}

#[tokio::test]
async fn a_repeated_bulk_request_is_answered_and_not_done_again() {
    let api = Api::memory().await;
    let send = |body: Value| {
        let request = api.request(Method::POST, "/api/v1/contacts/bulk").header("idempotency-key", "k-1").json(&body);
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let body = json!({"items": [{"last_name": "Hopper"}]});
    let first = send(body.clone()).await.expect(200);
    assert_eq!(send(body).await.expect(200).json, first.json);
    assert_eq!(api.get("/api/v1/contacts?count=true").await.expect(200).json["total"], 1);
    send(json!({"items": [{"last_name": "Curie"}]})).await.faults();
}

#[tokio::test]
async fn ten_thousand_records_are_taken_and_one_more_is_refused() {
    let api = Api::memory().await;
    let items = |many: usize| (0..many).map(|at| json!({"last_name": format!("Row {at}")})).collect::<Vec<_>>();
    let reply = api.post("/api/v1/contacts/bulk", json!({"items": items(10_000)})).await.expect(200);
    assert_eq!(reply.json["succeeded"], 10_000);
    let faults = api.post("/api/v1/contacts/bulk", json!({"items": items(10_001)})).await.faults();
    assert_eq!(faults, [("items".to_owned(), "count".to_owned())]);
}

#[tokio::test]
async fn more_records_of_a_filter_than_a_commit_takes_are_changed_by_a_job() {
    let api = Api::memory().await;
    let items = |many: usize| (0..many).map(|at| json!({"last_name": format!("Row {at}")})).collect::<Vec<_>>();
    for many in [10_000, 1] {
        api.post("/api/v1/contacts/bulk", json!({"items": items(many)})).await.expect(200);
    }
    let all = json!({"field": "last_name", "op": "starts_with", "value": "Row"});
    let mut body = json!({"filter": all, "set": {"title": "Buyer"}, "mode": "atomic"});
    let faults = api.put("/api/v1/contacts/bulk", body.clone()).await.faults();
    assert_eq!(faults, [("filter".to_owned(), "too_many".to_owned())]);
    body.as_object_mut().unwrap().remove("mode");
    let page = api.get("/api/v1/contacts?count=true&limit=1").await.expect(200);
    assert_eq!((&page.json["total"], &page.json["total_is_capped"]), (&json!(10_000), &json!(true)));
    let reply = api.put("/api/v1/contacts/bulk", body).await.expect(202);
    let place = reply.header("location");
    assert_eq!(place, format!("/api/v1/jobs/{}", reply.json["id"].as_str().unwrap()));
    assert_eq!((&reply.json["kind"], &reply.json["progress"]["total"]), (&json!("change"), &json!(10_001)));
    let job = api.ended(reply.id()).await;
    assert_eq!((&job["state"], &job["result"]["succeeded"]), (&json!("done"), &json!(10_001)));
    insta::assert_json_snapshot!([
        json!({"200 capped": shape(&page)}),
        json!({"202 queued": shape(&reply)}),
        json!({"done": ended(&job)})
    ]);
    let batch = job["result"]["batch_id"].as_str().unwrap();
    api.post(&format!("/api/v1/batches/{batch}/revert"), Value::Null).await.expect(202);
}
