//! A Postman collection (format 2.1) made from the document: a folder a tag, a request an operation.
//!
//! What differs from one workspace to the next is a variable: the address, the tokens, and the ids
//! that examples name. Requests that answer with such values keep them, so that the next request
//! finds what an earlier one made. Absent on purpose: examples of answers, which the document has.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::examples::VARIABLES;
use super::with;

const FORMAT: &str = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json";
/// Where a server listens that nobody configured.
const ADDRESS: &str = "http://127.0.0.1:8080";
const JSON: &str = "/content/application~1json";
/// The methods in the order in which a record goes through them.
const METHODS: [&str; 5] = ["post", "get", "put", "patch", "delete"];

/// The collection of a document.
pub(super) fn collection(document: &Value) -> Value {
    let mut folders: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (path, item) in fields(document, "/paths") {
        for method in METHODS {
            let Some(operation) = item.get(method) else { continue };
            let request = Request { document, path, method, operation };
            folders.entry(text(operation, "/tags/0")).or_default().push(request.item());
        }
    }
    let folder = |(tag, items): (&str, Vec<Value>)| json!({"name": tag, "item": items});
    let variable = |(name, _): (&str, &str)| json!({"key": name, "value": ""});
    let variables = std::iter::once(json!({"key": "baseUrl", "value": ADDRESS}));
    json!({
        "info": {
            "name": text(document, "/info/title"),
            "description": text(document, "/info/description"),
            "version": text(document, "/info/version"),
            "schema": FORMAT,
        },
        "auth": {"type": "bearer", "bearer": [{"key": "token", "value": "{{access_token}}", "type": "string"}]},
        "variable": variables.chain(VARIABLES.into_iter().map(variable)).collect::<Vec<_>>(),
        "item": folders.into_iter().map(folder).collect::<Vec<_>>(),
    })
}

/// One operation of the document.
struct Request<'a> {
    document: &'a Value,
    path: &'a str,
    method: &'a str,
    operation: &'a Value,
}

impl Request<'_> {
    fn item(&self) -> Value {
        let mut request = json!({
            "method": self.method.to_uppercase(),
            "header": self.headers(),
            "url": self.url(),
            "description": text(self.operation, "/summary"),
        });
        if self.operation.pointer("/security/0").is_some_and(|way| way == &json!({})) {
            request = with(request, "auth", json!({"type": "noauth"}));
        }
        if let Some(example) = self.operation.pointer(&format!("/requestBody{JSON}/example")) {
            let body = serde_json::to_string_pretty(&with_variables(example)).unwrap_or_default();
            request =
                with(request, "body", json!({"mode": "raw", "raw": body, "options": {"raw": {"language": "json"}}}));
        }
        let mut item = json!({"name": text(self.operation, "/operationId"), "request": request, "response": []});
        let lines = self.kept_lines();
        if !lines.is_empty() {
            item =
                with(item, "event", json!([{"listen": "test", "script": {"type": "text/javascript", "exec": lines}}]));
        }
        item
    }

    fn parameters(&self, place: &str) -> impl Iterator<Item = &Value> {
        let all = self.operation.pointer("/parameters").and_then(Value::as_array);
        all.into_iter().flatten().filter(move |parameter| text(parameter, "/in") == place)
    }

    /// The headers, those switched off that are seldom sent.
    fn headers(&self) -> Vec<Value> {
        let json = self.operation.get("requestBody").is_some();
        let media = json.then(|| json!({"key": "Content-Type", "value": "application/json"}));
        let seldom = self.parameters("header").map(switched_off);
        media.into_iter().chain(seldom).collect()
    }

    fn url(&self) -> Value {
        let segment = |segment: &str| match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => format!(":{name}"),
            None => segment.to_owned(),
        };
        let path: Vec<String> = self.path.trim_start_matches('/').split('/').map(segment).collect();
        let mut url = json!({
            "raw": format!("{{{{baseUrl}}}}/{}", path.join("/")),
            "host": ["{{baseUrl}}"],
            "path": path,
        });
        let query: Vec<_> = self.parameters("query").map(switched_off).collect();
        if !query.is_empty() {
            url = with(url, "query", query.into());
        }
        let value = |parameter| match text(parameter, "/name") {
            "id" => self.record(),
            "delivery_id" => "{{delivery_id}}".to_owned(),
            _ => text(parameter, "/example").to_owned(),
        };
        let placed = |parameter| json!({"key": text(parameter, "/name"), "value": value(parameter)});
        let placed: Vec<_> = self.parameters("path").map(placed).collect();
        if !placed.is_empty() {
            url = with(url, "variable", placed.into());
        }
        url
    }

    /// The record that the path names: one of the room that stands before it.
    fn record(&self) -> String {
        let before = self.path.split_once("/{id}").map_or(self.path, |(before, _)| before);
        let room = before.rsplit('/').next().unwrap_or_default();
        // An export is known by its job.
        let room = if room == "exports" { "jobs" } else { room };
        let room = room.replace('-', "_");
        let one = match (room.strip_suffix("ies"), room.strip_suffix("ches")) {
            (Some(stem), _) => format!("{stem}y"),
            (None, Some(stem)) => format!("{stem}ch"),
            (None, None) => room.trim_end_matches('s').to_owned(),
        };
        format!("{{{{{one}_id}}}}")
    }

    /// Lines of a script that keep what the answer brings.
    fn kept_lines(&self) -> Vec<String> {
        let mut found = Vec::new();
        let answers = fields(self.operation, "/responses").filter(|(status, _)| status.starts_with('2'));
        for (_, answer) in answers {
            let schema = answer.pointer(&format!("{JSON}/schema/$ref")).and_then(Value::as_str).unwrap_or_default();
            if let Some(example) = self.document.pointer(&format!("{}/example", schema.trim_start_matches('#'))) {
                places(example, "body", &mut found);
            }
        }
        found.retain(|(name, place)| self.brings(name, place));
        if found.is_empty() {
            return Vec::new();
        }
        let keep = |(name, place): &(&str, String)| format!("  pm.collectionVariables.set(\"{name}\", {place});");
        let mut lines =
            vec!["if (pm.response.code < 300) {".to_owned(), "  const body = pm.response.json();".to_owned()];
        lines.extend(found.iter().map(keep));
        lines.push("}".to_owned());
        lines
    }

    /// Whether this is news: what a record points to was known before.
    fn brings(&self, name: &str, place: &str) -> bool {
        match text(self.operation, "/tags/0") {
            "auth" => name.ends_with("_token") || ["user_id", "workspace_id"].contains(&name),
            // The board is what shows the stages that a deal can go to.
            _ => {
                let is_made = self.method == "post" && (place == "body?.id" || name == "import_id");
                is_made || self.path.ends_with("/pipeline")
            }
        }
    }
}

/// Where in an example the variables stand, as a script says it; each at its first place.
fn places(example: &Value, at: &str, found: &mut Vec<(&str, String)>) {
    match example {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| places(value, &format!("{at}?.{key}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}?.[{index}]"), found));
        }
        Value::String(text) => {
            if let Some(name) = variable(text).filter(|name| found.iter().all(|(known, _)| known != name)) {
                found.push((name, at.to_owned()));
            }
        }
        _ => {}
    }
}

fn variable(text: &str) -> Option<&'static str> {
    VARIABLES.into_iter().find(|(_, value)| *value == text).map(|(name, _)| name)
}

/// The example with variables in the place of what they stand for.
fn with_variables(example: &Value) -> Value {
    match example {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), with_variables(value))).collect(),
        Value::Array(items) => items.iter().map(with_variables).collect(),
        Value::String(text) => variable(text).map_or(text.clone(), |name| format!("{{{{{name}}}}}")).into(),
        other => other.clone(),
    }
}

/// A parameter that is there to be filled in.
fn switched_off(parameter: &Value) -> Value {
    let description = text(parameter, "/description");
    json!({"key": text(parameter, "/name"), "value": "", "description": description, "disabled": true})
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn fields<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    value.pointer(pointer).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}
