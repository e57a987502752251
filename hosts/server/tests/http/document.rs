//! The OpenAPI document: true to the code, and sound in itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Api;

fn document() -> Value {
    serde_json::from_str(&crm_server::openapi()).unwrap()
}

fn docs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file)
}

/// Every operation as `METHOD /path`.
fn operations(document: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            all.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    all
}

fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn the_document_in_docs_is_the_generated_one() {
    let path = docs("openapi.json");
    let generated = crm_server::openapi() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &generated).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == generated, "docs/openapi.json is not the generated document; run this test with UPDATE=1");
}

#[tokio::test]
async fn the_served_document_is_the_generated_one() {
    let api = Api::memory().await;
    let served = api.send(reqwest::Method::GET, "/api/v1/openapi.json", None, None).await.expect(200);
    assert_eq!(served.json, document());
}

#[test]
fn every_reference_resolves() {
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.len() > 100);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn every_operation_is_whole() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{name} has an id that is taken");
            assert!(operation["summary"].is_string() && operation["tags"][0].is_string(), "{name}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{name} never succeeds");
            for (status, response) in responses {
                let is_named = response["$ref"].is_string() || !response["description"].as_str().unwrap().is_empty();
                assert!(is_named, "{name} {status}");
            }
            let is_open = operation["security"].as_array().unwrap().iter().all(|way| way == &serde_json::json!({}));
            assert_eq!(is_open, !responses.contains_key("403"), "{name}");
            let has_body = operation["requestBody"].is_object();
            assert_eq!(has_body, responses.contains_key("415"), "{name}");
            let placeholders = path.matches('{').count();
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(placeholders, in_path, "{name}");
        }
    }
}

#[test]
fn request_bodies_refuse_unknown_fields() {
    let document = document();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema/$ref") else {
                continue;
            };
            let schema = document.pointer(schema.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
            assert_eq!(schema["additionalProperties"], false, "{method} {path}");
        }
    }
}

/// A route that the document does not know would answer 401 or 405 somewhere; the routes of the
/// document all answer, and what the guide lists is what there is.
#[tokio::test]
async fn every_route_of_the_document_answers_and_the_guide_lists_it() {
    let api = Api::memory().await;
    let document = document();
    let operations = operations(&document);
    for operation in &operations {
        let (method, path) = operation.split_once(' ').unwrap();
        let path = path.replace("{id}", "00000000-0000-7000-8000-000000000000");
        let reply = api.send(method.parse().unwrap(), &path, None, None).await;
        let status = reply.status.as_u16();
        assert!(matches!(status, 200 | 401 | 415), "{operation}: {status} {:#}", reply.json);
    }
    let guide = std::fs::read_to_string(docs("API.md")).unwrap();
    let rows =
        guide.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`').map(|(name, _)| name.to_owned()));
    let listed: BTreeSet<String> = rows.filter(|row| row.contains(" /")).collect();
    assert_eq!(listed, operations, "the routes in docs/API.md are not those of the document");
}

#[test]
fn the_guide_lists_every_code_of_the_server() {
    let guide = std::fs::read_to_string(docs("API.md")).unwrap();
    for code in [
        "malformed_json",
        "incomplete_body",
        "unauthenticated",
        "token_expired",
        "wrong_credentials",
        "denied",
        "not_found",
        "method_not_allowed",
        "body_timeout",
        "conflict",
        "stale_version",
        "email_taken",
        "body_too_large",
        "unsupported_media_type",
        "invalid",
        "rate_limited",
        "internal",
        "unsupported",
        "unavailable",
    ] {
        assert!(guide.contains(&format!("| `{code}` |")), "{code}");
    }
}
