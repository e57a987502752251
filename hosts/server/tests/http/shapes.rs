//! The shapes on the wire of what takes more than one request to bring about.

use std::sync::Arc;
use std::time::Duration;

use crm_boot::{Booted, Config};
use crm_core::auth::Signup;
use crm_storage::{Options, SqliteStore};
use reqwest::Method;
use serde_json::{Value, json};

use crate::conventions::{ended, shape, steady};
use crate::support::{Api, Reply, SECRET};

const CONTACTS: &str = "/api/v1/contacts";
/// One row is good, one is not, one column is no field.
const FILE: &str = "Last Name,Email,Shoe\nHopper,grace@example.com,40\nCurie,nonsense,36\n";

async fn send_file(api: &Api, query: &str) -> Reply {
    let request = api.request(Method::POST, &format!("{CONTACTS}/import/csv{query}"));
    Reply::of(request.header("content-type", "text/csv").body(FILE).send().await.unwrap()).await
}

#[tokio::test]
async fn bulk_work_and_its_undoing_have_their_shapes() {
    let api = Api::memory().await;
    let items = json!([{"last_name": "Hopper"}, {"last_name": "Curie"}, {"email": "nonsense"}]);
    let made = api.post(&format!("{CONTACTS}/bulk"), json!({"items": items, "mode": "partial"})).await;
    let at = |index: usize| made.json["results"][index]["id"].as_str().unwrap();
    // What somebody has changed since is left alone.
    api.patch(&format!("{CONTACTS}/{}", at(1)), json!({"title": "Physicist"})).await.expect(200);
    let atomic = api.put(&format!("{CONTACTS}/bulk"), json!({"ids": [at(0)], "set": {"email": "nonsense"}})).await;
    let batch = made.json["batch_id"].as_str().unwrap();
    let undoing = api.post(&format!("/api/v1/batches/{batch}/revert"), Value::Null).await;
    let undone = api.ended(undoing.id()).await;
    insta::assert_json_snapshot!([
        json!({"200 partial": shape(&made)}),
        json!({"422 atomic": shape(&atomic)}),
        json!({"202 undoing": shape(&undoing)}),
        json!({"undone": ended(&undone)})
    ]);
}

#[tokio::test]
async fn an_import_has_its_shapes() {
    let api = Api::memory().await;
    let preview = send_file(&api, "?dry_run=true").await;
    let queued = send_file(&api, "").await;
    let done = api.ended(queued.id()).await;
    let path = format!("/api/v1/imports/{}", done["import_id"].as_str().unwrap());
    let import = api.get(&path).await;
    let failed = api.get(&format!("{path}/failed.csv")).await;
    let undoing = api.post(&format!("{path}/revert"), Value::Null).await;
    let undone = api.ended(undoing.id()).await;
    insta::assert_json_snapshot!([
        json!({"200 preview": shape(&preview)}),
        json!({"202 queued": shape(&queued)}),
        json!({"done": ended(&done)}),
        json!({"200 import": shape(&import)}),
        json!({"200 failed rows": shape(&failed), "text": failed.text}),
        json!({"undone": ended(&undone)})
    ]);
}

#[tokio::test]
async fn a_repeat_under_a_key_has_its_shapes() {
    let api = Api::memory().await;
    let send = async |name: &str| {
        let request = api.request(Method::POST, CONTACTS).header("idempotency-key", "k-1");
        Reply::of(request.json(&json!({"last_name": name})).send().await.unwrap()).await
    };
    let (first, again, other) = (send("Hopper").await, send("Hopper").await, send("Curie").await);
    assert_eq!((shape(&again), &again.json), (shape(&first), &first.json));
    insta::assert_json_snapshot!([json!({"201 again": shape(&again)}), json!({"422 other body": shape(&other)})]);
}

#[tokio::test]
async fn what_comes_before_the_record_has_its_shapes() {
    let api = Api::memory().await;
    let made = api.post(CONTACTS, json!({"last_name": "Hopper"})).await.expect(201);
    let path = format!("{CONTACTS}/{}", made.id());
    let change = async |tag: &str| {
        let request = api.request(Method::PATCH, &path).header("if-match", tag);
        Reply::of(request.json(&json!({"title": "x"})).send().await.unwrap()).await
    };
    let (weak, several) = (change("W/\"1\"").await, change("\"1\", \"2\"").await);
    let long = api.get(&format!("{CONTACTS}?q={}", "x".repeat(17_000))).await;
    insta::assert_json_snapshot!([
        json!({"414 long": shape(&long)}),
        json!({"422 weak tag": shape(&weak)}),
        json!({"422 several tags": shape(&several)})
    ]);
    let unchanged = api.get(&path).await.expect(200);
    assert_eq!(steady(&unchanged.json), steady(&made.json));
}

#[tokio::test]
async fn a_list_beyond_its_deadline_is_503_with_retry_after() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("crm.db");
    let store = Arc::new(SqliteStore::open(&path, Options::default().deadline(Duration::ZERO)).unwrap());
    store.migrate().await.unwrap();
    let mut config = Config::for_database(&format!("sqlite://{}", path.display())).unwrap();
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.secret_key = Some(SECRET.to_owned().into());
    config.signup = Signup::Open;
    let api = Api::on(Booted::on(store.clone(), store, config).unwrap(), folder).await;
    let items: Vec<Value> = (0..1_000).map(|at| json!({"last_name": format!("Row {at}")})).collect();
    let made = api.post(&format!("{CONTACTS}/bulk"), json!({"items": items})).await.expect(200);
    let filter = json!({"field": "title", "op": "contains", "value": "absent"});
    let late = api.post(&format!("{CONTACTS}/search"), json!({"filter": filter, "count": true})).await;
    let late = late.problem(503, "unavailable");
    assert_eq!(late.header("retry-after"), "1");
    insta::assert_json_snapshot!(shape(&late));
    // What is read by its key has no deadline.
    api.get(&format!("{CONTACTS}/{}", made.json["results"][0]["id"].as_str().unwrap())).await.expect(200);
}
