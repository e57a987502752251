//! Pipelines over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Reply, on_every_store};

/// The default pipeline, and its stages as they are sent.
async fn own(api: &Api) -> (String, Value) {
    let pipeline = api.get("/api/v1/pipelines").await.expect(200).json["data"][0].clone();
    (format!("/api/v1/pipelines/{}", pipeline["id"].as_str().unwrap()), pipeline["stages"].clone())
}

#[tokio::test]
async fn a_stage_in_use_leaves_with_a_target_for_its_deals() {
    on_every_store(|api| async move {
        let (path, mut stages) = own(&api).await;
        let (first, second) = (stages[0]["id"].clone(), stages[1]["id"].clone());
        let deal =
            api.post("/api/v1/deals", json!({"title": "A", "stage_id": first})).await.expect(201).id().to_owned();
        stages.as_array_mut().unwrap().remove(0);
        stages[0]["name"] = "Talking".into();
        let body = json!({"name": "Sales", "stages": stages});
        let faults = api.put(&path, body.clone()).await.faults();
        assert_eq!((faults[0].0.as_str(), faults[0].1.as_str()), ("targets", "stage_in_use"));
        let mut aimed = body;
        aimed["targets"] = json!([{"stage_id": first, "to": second}]);
        let told = api.put(&path, aimed.clone()).await.expect(200).json;
        let names: Vec<&Value> = told["stages"].as_array().unwrap().iter().map(|stage| &stage["name"]).collect();
        assert_eq!(names, ["Talking", "Won", "Lost"]);
        let moved = api.get(&format!("/api/v1/deals/{deal}")).await.expect(200).json;
        assert_eq!((&moved["stage_id"], &moved["version"]), (&second, &json!(2)));
        let timeline = api.get(&format!("/api/v1/deals/{deal}/timeline")).await.expect(200).json;
        assert_eq!(timeline["data"][0]["events"][0]["type"], "deal.moved");
        // What is gone is left out no more.
        assert_eq!(api.put(&path, aimed).await.faults()[0].0, "targets.0.stage_id");
    })
    .await;
}

#[tokio::test]
async fn a_second_editor_hears_of_the_first() {
    let api = Api::memory().await;
    let (path, stages) = own(&api).await;
    let body = |name: &str| json!({"name": name, "stages": stages});
    let etag = api.get(&path).await.expect(200).header("etag").to_owned();
    let put = async |name: &str| {
        let request = api.request(Method::PUT, &path).header("if-match", &etag).json(&body(name));
        Reply::of(request.send().await.unwrap()).await
    };
    put("One").await.expect(200);
    put("Two").await.problem(409, "stale_version");
    assert_eq!(api.get(&path).await.expect(200).json["name"], "One");
}

#[tokio::test]
async fn a_pipeline_goes_when_it_is_empty() {
    on_every_store(|api| async move {
        let (path, _) = own(&api).await;
        api.delete(&path).await.problem(409, "default_pipeline");
        let stages = json!([{"name": "New", "kind": "open"}]);
        let other = api.post("/api/v1/pipelines", json!({"name": "Other", "stages": stages})).await.expect(201);
        let path = format!("/api/v1/pipelines/{}", other.id());
        let deal = json!({"title": "A", "pipeline_id": other.id()});
        let deal = api.post("/api/v1/deals", deal).await.expect(201);
        api.delete(&path).await.problem(409, "pipeline_in_use");
        api.delete(&format!("/api/v1/deals/{}", deal.id())).await.expect(204);
        api.delete(&path).await.expect(204);
        api.get(&path).await.problem(404, "not_found");
        assert_eq!(api.get("/api/v1/pipelines").await.expect(200).json["data"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test]
async fn what_no_pipeline_is_is_told_at_its_place() {
    let api = Api::memory().await;
    let (path, stages) = own(&api).await;
    let stage = |more: Value| {
        let mut stage = json!({"name": "X", "kind": "open"});
        stage.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"name": "P", "stages": [stage]})
    };
    for (body, field) in [
        (stage(json!({"probability": 101})), "stages.0.probability"),
        (stage(json!({"days_until_stale": 0})), "stages.0.days_until_stale"),
        (stage(json!({"kind": "paused"})), "stages.0.kind"),
        (stage(json!({"name": " "})), "stages.0.name"),
        (stage(json!({"colour": "red"})), "stages.0.colour"),
        (json!({"name": "P"}), "stages"),
        (json!({"name": "P", "stages": [stages[0], stages[0]]}), "stages.1.id"),
    ] {
        let faults = api.put(&path, body.clone()).await.faults();
        assert_eq!(faults[0].0, field, "{body}");
    }
}
