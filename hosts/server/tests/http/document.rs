//! The OpenAPI document: true to the code, and sound in itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Reply};

pub(crate) fn document() -> Value {
    serde_json::from_str(&crm_server::openapi()).unwrap()
}

/// A file of the documentation.
pub(crate) fn docs(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(file)
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

/// One operation as a few lines, so that a changed border is a small difference.
fn outline(method: &str, path: &str, operation: &Value) -> String {
    let schema = |at: &Value| {
        let content = at["content"].as_object().into_iter().flatten().next();
        let (media, content) = content.map(|(media, content)| (media.as_str(), content))?;
        let name = content["schema"]["$ref"].as_str().map(|name| name.rsplit('/').next().unwrap());
        Some(name.unwrap_or(media).to_owned())
    };
    let named = |place: &'static str| {
        let those = operation["parameters"].as_array().into_iter().flatten().filter(move |one| one["in"] == place);
        those.map(|one| one["name"].as_str().unwrap().to_owned())
    };
    let taken: Vec<_> = schema(&operation["requestBody"])
        .into_iter()
        .chain(named("query").map(|name| format!("?{name}")))
        .chain(named("header"))
        .collect();
    let responses = operation["responses"].as_object().unwrap();
    let (good, refused): (Vec<_>, Vec<_>) = responses.iter().partition(|(status, _)| status.starts_with('2'));
    let good: Vec<_> = good.iter().map(|(status, one)| [status, &*schema(one).unwrap_or_default()].join(" ")).collect();
    let refused: Vec<_> = refused.iter().map(|(status, _)| status.as_str()).collect();
    let mut lines = format!("{} {path}\n", method.to_uppercase());
    for (verb, what) in [
        ("takes", taken.join(", ")),
        ("answers", good.join(", ").trim_end().to_owned()),
        ("refuses", refused.join(" ")),
        ("needs", if is_open(operation) { String::new() } else { "an access token".to_owned() }),
    ] {
        if !what.is_empty() {
            lines.push_str(&format!("    {verb} {what}\n"));
        }
    }
    lines
}

#[test]
fn what_docs_keeps_of_the_document_is_generated() {
    let outlines = |(method, path, operation)| outline(method, path, operation);
    for (file, generated) in [
        ("openapi.json", crm_server::openapi() + "\n"),
        ("postman.json", crm_server::postman() + "\n"),
        ("openapi-operations.txt", each(&document()).map(outlines).collect::<Vec<_>>().join("\n")),
    ] {
        let path = docs(file);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &generated).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == generated, "docs/{file} is not the generated one; run this test with UPDATE=1");
    }
}

#[test]
fn the_collection_has_every_operation_as_one_request() {
    let collection: Value = serde_json::from_str(&crm_server::postman()).unwrap();
    let mut requests = BTreeSet::new();
    for folder in collection["item"].as_array().unwrap() {
        for item in folder["item"].as_array().unwrap() {
            let request = &item["request"];
            let path = request["url"]["raw"].as_str().unwrap().strip_prefix("{{baseUrl}}").unwrap();
            let folder = folder["name"].as_str().unwrap();
            let method = request["method"].as_str().unwrap();
            assert!(requests.insert(format!("{folder}: {method} {path}")), "{method} {path} is there twice");
        }
    }
    let document = document();
    let wanted = |(method, path, operation): (&str, &str, &Value)| {
        let tag = operation["tags"][0].as_str().unwrap();
        format!("{tag}: {} {}", method.to_uppercase(), path.replace('{', ":").replace('}', ""))
    };
    assert_eq!(requests, each(&document).map(wanted).collect::<BTreeSet<_>>());
    // Every variable that a request speaks of is one of the collection's.
    let known: Vec<_> =
        collection["variable"].as_array().unwrap().iter().map(|one| one["key"].as_str().unwrap()).collect();
    let text = collection["item"].to_string();
    let names = text.split("{{").skip(1).map(|rest| rest.split("}}").next().unwrap());
    // Templates of mails have places of their own, with spaces around.
    for name in names.filter(|name| !name.starts_with(' ')) {
        assert!(known.contains(&name), "{name} is no variable of the collection");
    }
}

#[tokio::test]
async fn the_served_document_is_the_generated_one() {
    let api = Api::memory().await;
    let served = api.send(Method::GET, "/api/v1/openapi.json", None, None).await.expect(200);
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
fn every_message_to_a_webhook_endpoint_has_a_schema_of_its_own() {
    let document = document();
    let webhooks = document["webhooks"].as_object().unwrap();
    // And one that is sent for a test.
    assert_eq!(webhooks.len(), crm_core::webhook::events().count() + 1);
    let test = &webhooks["webhook.test"]["post"]["requestBody"]["content"]["application/json"]["schema"];
    let own = &test["allOf"][1]["properties"];
    assert_eq!((&own["type"]["enum"], &own["data"]["type"]), (&json!(["webhook.test"]), &json!("null")));
    for event in crm_core::webhook::events() {
        let schema = &webhooks[&event.name]["post"]["requestBody"]["content"]["application/json"]["schema"];
        assert_eq!(schema["allOf"][0]["$ref"], "#/components/schemas/WebhookMessage", "{}", event.name);
        let own = &schema["allOf"][1]["properties"];
        assert_eq!(own["type"]["enum"], json!([event.name]));
        let data = &own["data"]["properties"];
        assert_eq!(data["entity"]["enum"], json!([event.entity.name()]), "{}", event.name);
        if let Some(change) = event.change {
            assert_eq!((&data["change"]["enum"], data.get("events")), (&json!([change.name()]), None));
            continue;
        }
        // The catalogue tells of every field of the fact, and of no other.
        let fact = &data["events"]["prefixItems"][0];
        assert_eq!(fact["properties"]["type"]["enum"], json!([event.name]));
        let fields = fact["properties"].as_object().unwrap().iter().filter(|(field, _)| *field != "type");
        let told: BTreeSet<_> = fields.map(|(field, is)| (field.as_str(), is["description"].as_str())).collect();
        let wanted: BTreeSet<_> = event.fact.iter().map(|(field, is)| (*field, Some(*is))).collect();
        assert_eq!(told, wanted, "{}", event.name);
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
            // A WebSocket is opened by 101.
            assert!(responses.keys().any(|status| status.starts_with(['1', '2'])), "{name} never succeeds");
            for (status, response) in responses {
                let is_named = response["$ref"].is_string() || !response["description"].as_str().unwrap().is_empty();
                assert!(is_named, "{name} {status}");
            }
            // Also a page of others that would have or use a cookie.
            let takes_cookie = ["/register", "/login", "/refresh", "/ws"].iter().any(|end| path.ends_with(end));
            let may_be_denied = !is_open(operation) || takes_cookie;
            assert_eq!(may_be_denied, responses.contains_key("403"), "{name}");
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

/// The operation's path on a record that is not there.
fn placed(path: &str) -> String {
    let nobody = "00000000-0000-7000-8000-000000000000";
    path.replace("{id}", nobody).replace("{delivery_id}", nobody)
}

/// The query string that an operation cannot do without, of the examples of its parameters.
pub(crate) fn needed_query(operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let needed = parameters.filter(|parameter| parameter["in"] == "query" && parameter["required"] == true);
    let pairs = needed
        .map(|parameter| format!("{}={}", parameter["name"].as_str().unwrap(), parameter["example"].as_str().unwrap()));
    let query = pairs.collect::<Vec<_>>().join("&");
    if query.is_empty() { query } else { format!("?{query}") }
}

pub(crate) fn is_open(operation: &Value) -> bool {
    operation["security"] == json!([{}])
}

/// All operations with their methods and paths.
pub(crate) fn each(document: &Value) -> impl Iterator<Item = (&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    paths.flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(|(method, one)| (method.as_str(), path.as_str(), one))
    })
}

#[tokio::test]
async fn every_route_asks_for_a_token_unless_the_document_says_that_it_is_open() {
    let api = Api::memory().await;
    for (method, path, operation) in each(&document()) {
        let reply = api.send(method.to_uppercase().parse().unwrap(), &placed(path), None, None).await;
        let expected = match (is_open(operation), operation["requestBody"].is_object()) {
            (false, _) => 401,
            (true, true) => 415,
            // What it takes is no plain request.
            (true, false) if path.ends_with("/ws") => 426,
            (true, false) => 200,
        };
        assert_eq!(reply.status, expected, "{method} {path}: {:#}", reply.json);
    }
}

#[tokio::test]
async fn every_route_refuses_parameters_that_it_does_not_read() {
    let api = Api::memory().await;
    for (method, path, operation) in each(&document()) {
        let path = format!("{}?nonsense=1", placed(path));
        let token = (!is_open(operation)).then(|| api.token());
        let request = api.client.request(method.to_uppercase().parse().unwrap(), api.url(&path));
        let request = match (token, operation["requestBody"].is_object()) {
            (Some(token), true) => request.bearer_auth(token).json(&json!({"last_name": "x", "name": "x"})),
            (Some(token), false) => request.bearer_auth(token),
            (None, true) => request.json(&json!({})),
            (None, false) => request,
        };
        let faults = Reply::of(request.send().await.unwrap()).await.faults();
        assert_eq!(faults, [("nonsense".to_owned(), "unknown_field".to_owned())], "{method} {path}");
    }
    // Nothing of it was done.
    assert_eq!(api.get("/api/v1/contacts?count=true").await.expect(200).json["total"], 0);
    // A stranger does not even hear that.
    api.send(Method::GET, "/api/v1/workspace?nonsense=1", None, None).await.problem(401, "unauthenticated");
}

#[test]
fn the_guide_lists_every_route_in_one_row() {
    let document = document();
    let guide = std::fs::read_to_string(docs("API.md")).unwrap();
    for row in guide.lines().filter(|line| line.starts_with('|')) {
        assert!(row.ends_with('|'), "a broken row: {row}");
    }
    let rows = guide.lines().filter(|row| row.starts_with("| `") && row.split('`').nth(1).unwrap().contains(" /"));
    let listed: BTreeSet<String> = rows.map(str::to_owned).collect();
    let row = |(method, path, operation): (&str, &str, &Value)| {
        let summary = operation["summary"].as_str().unwrap();
        format!("| `{} {path}` | {} |", method.to_uppercase(), summary.trim_end_matches('.'))
    };
    let wanted: BTreeSet<String> = each(&document).map(row).collect();
    assert_eq!(listed, wanted, "the routes in docs/API.md are not those of the document");
}

#[test]
fn operations_say_which_headers_and_refusals_there_are() {
    let document = document();
    let answers = |operation: &str, statuses: &[&str]| {
        let (method, path) = operation.split_once(' ').unwrap();
        let responses = document["paths"][path][method]["responses"].as_object().unwrap();
        statuses.iter().map(|status| responses.contains_key(*status)).collect::<Vec<_>>()
    };
    let has = |operation: &str, status: &str, header: &str| {
        let (method, path) = operation.split_once(' ').unwrap();
        document["paths"][path][method]["responses"][status]["headers"][header].is_object()
    };
    for (method, path, operation) in each(&document) {
        assert!(operation["responses"]["431"].is_object(), "{method} {path} does not say that a head may be too large");
    }
    assert!(!has("get /api/v1/contacts/{id}/timeline", "200", "ETag"));
    assert!(has("get /api/v1/contacts/{id}", "200", "ETag") && has("patch /api/v1/workspace", "200", "ETag"));
    assert!(!has("get /api/v1/contacts", "200", "ETag") && !has("get /api/v1/auth/me", "200", "ETag"));
    assert!(has("post /api/v1/contacts", "201", "Location") && !has("post /api/v1/notes", "201", "Location"));
    let refused = |status: &str, header: &str| {
        document["components"]["responses"][format!("Refused{status}")]["headers"][header].is_object()
    };
    assert!(refused("401", "WWW-Authenticate") && refused("429", "Retry-After") && refused("503", "Retry-After"));
    assert_eq!(answers("get /api/v1/deals/pipeline", &["404", "409"]), [true, false]);
    assert_eq!(answers("post /api/v1/contacts", &["404", "409", "429"]), [true, true, false]);
    assert!(has("post /api/v1/users", "201", "Location") && has("patch /api/v1/users/{id}/role", "200", "ETag"));
    for list in ["search", "filter/tags"] {
        assert_eq!(answers(&format!("post /api/v1/contacts/{list}"), &["404", "409"]), [false, false]);
    }
    assert_eq!(answers("post /api/v1/auth/logout", &["401", "409"]), [true, false]);
    assert_eq!(answers("post /api/v1/auth/login", &["401", "409", "429"]), [true, false, true]);
    assert_eq!(answers("get /healthz", &["429", "503"]), [false, false]);
    assert!(
        has("post /api/v1/auth/refresh", "200", "Set-Cookie") && has("post /api/v1/auth/logout", "204", "Set-Cookie")
    );
    let ways = |path: &str| document["paths"][path]["get"]["security"].as_array().unwrap().len();
    assert_eq!((ways("/api/v1/events"), ways("/api/v1/contacts")), (2, 1), "a stream takes the cookie too");
}

#[test]
fn schemas_say_what_is_sent_and_taken() {
    let text = crm_server::openapi();
    assert!(!text.contains("[`"), "a link of rustdoc leads nowhere here");
    assert!(!text.contains("\"default\": null"));
    let document = document();
    let schema = |name: &str| &document["components"]["schemas"][name];
    let requires = |name: &str, field: &str| schema(name)["required"].as_array().unwrap().iter().any(|it| it == field);
    for record in ["Contact", "Company", "Deal"] {
        for field in ["version", "updated_at", "tags", "custom"] {
            assert!(requires(record, field), "{record}.{field}");
        }
        assert_eq!(schema(record)["properties"]["deleted_at"]["$ref"], "#/components/schemas/Timestamp");
    }
    assert!(requires("Page_Contact", "next_cursor"));
    assert!(requires("WholeCompany", "name") && requires("WholeDeal", "title") && requires("NewDeal", "title"));
    for (change, field) in [("CustomFieldEdit", "label"), ("WorkspaceEdit", "name"), ("NoteEdit", "body")] {
        assert_eq!(schema(change)["properties"][field]["type"], "string", "{change}.{field}");
    }
    assert_eq!(schema("Register")["properties"]["password"]["minLength"], 10);
    assert!(schema("Matrix")["properties"].is_null() && schema("Matrix")["additionalProperties"].is_object());
}

#[tokio::test]
async fn texts_longer_than_the_document_says_are_refused() {
    let api = Api::memory().await;
    let document = document();
    let contact = api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await.expect(201);
    let mut tried = 0;
    for (method, path, operation) in each(&document).filter(|(method, _, one)| *method == "post" && !is_open(one)) {
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema/$ref") else { continue };
        let schema = document.pointer(schema.as_str().unwrap().strip_prefix('#').unwrap()).unwrap();
        for (field, property) in schema["properties"].as_object().unwrap() {
            let Some(most) = property["maxLength"].as_u64() else { continue };
            // What else the body needs.
            let mut body = json!({});
            for needed in schema["required"].as_array().into_iter().flatten() {
                let filler = match needed.as_str().unwrap() {
                    "stages" => json!([{"name": "New", "kind": "open"}]),
                    "event_types" => json!(["*"]),
                    "entity" => "contact".into(),
                    "kind" => "text".into(),
                    "key" => "shoe_size".into(),
                    "role" => "setter".into(),
                    _ => "x".into(),
                };
                body[needed.as_str().unwrap()] = filler;
            }
            if path.ends_with("/notes") {
                body["contact_id"] = contact.json["id"].clone();
            }
            body[field] = "x".repeat(usize::try_from(most).unwrap() + 1).into();
            let faults = api.post(path, body).await.faults();
            assert!(faults.iter().any(|(at, _)| at == field), "{method} {path} {field}: {faults:?}");
            tried += 1;
        }
    }
    assert!(tried > 10);
}

#[tokio::test]
async fn a_tag_is_as_long_as_the_document_says() {
    let api = Api::memory().await;
    let document = document();
    let mut written = 0;
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        // Bodies take no fields but their own; answers name tags that there are.
        let is_body = schema["additionalProperties"] == false;
        for list in ["tags", "add"].map(|field| &schema["properties"][field]).into_iter().filter(|_| is_body) {
            if list.is_object() {
                assert_eq!(list["items"]["$ref"], "#/components/schemas/TagName", "{name}");
                written += 1;
            }
        }
    }
    assert!(written >= 12, "{written}");
    let most = document["components"]["schemas"]["TagName"]["maxLength"].as_u64().unwrap();
    let tag = |more: usize| "x".repeat(usize::try_from(most).unwrap() + more);
    let too_long = |field: &str| [(field.to_owned(), "too_long".to_owned())];
    for (room, name) in [("companies", "name"), ("contacts", "last_name"), ("deals", "title"), ("tasks", "title")] {
        let path = format!("/api/v1/{room}");
        api.post(&path, json!({name: "x", "tags": [tag(0)]})).await.expect(201);
        let faults = api.post(&path, json!({name: "x", "tags": [tag(1)]})).await.faults();
        assert_eq!(faults, too_long("tags.0"), "{room}");
        // Also where there is no record to be tagged.
        let nobody = json!({"field": name, "op": "eq", "value": "nobody"});
        let faults = api.post(&format!("{path}/bulk/tag"), json!({"filter": nobody, "add": [tag(1)]})).await.faults();
        assert_eq!(faults, too_long("add.0"), "{room}");
    }
}
