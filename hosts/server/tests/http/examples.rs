//! The examples of the document: each body is taken, and each answer looks as its example says.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::Value;

use crate::document::{document, each, is_open, needed_query};
use crate::support::{Api, Reply};

/// What a field holds is the caller's own.
const FREE: [&str; 5] = ["custom", "before", "after", "permissions", "format"];
/// They make what the others speak of, in this order.
const FIRST: [&str; 8] = [
    "register",
    "list_pipelines",
    "define_custom_field",
    "create_company",
    "create_contact",
    "create_deal",
    "create_note",
    "import_contacts",
];

/// The example of an operation's body.
fn body(operation: &Value) -> Option<&Value> {
    operation.pointer("/requestBody/content/application~1json/example")
}

/// The example of a file that an operation takes.
fn file(operation: &Value) -> Option<&str> {
    operation.pointer("/requestBody/content/text~1csv/example")?.as_str()
}

/// The schema of an answer, and its example; of a page, that of its rows with where they begin.
fn answer<'a>(document: &'a Value, operation: &'a Value) -> Option<(&'a str, &'static str, &'a Value)> {
    let responses = operation["responses"].as_object()?;
    let (_, good) = responses.iter().find(|(status, _)| status.starts_with('2'))?;
    let name = good.pointer("/content/application~1json/schema/$ref")?.as_str()?.rsplit('/').next()?;
    let (row, begin) = match name.strip_prefix("Page_") {
        Some(row) => (row, "/data/0"),
        None => (name, ""),
    };
    Some((row, begin, document.pointer(&format!("/components/schemas/{row}/example"))?))
}

/// What the examples stand for on this server.
#[derive(Default)]
struct Story(BTreeMap<String, String>);

impl Story {
    /// The value with ids and tokens of this server; an id that nothing has made yet is told.
    fn told(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::Object(fields) => fields.iter().map(|(key, value)| Ok((key.clone(), self.told(value)?))).collect(),
            Value::Array(items) => items.iter().map(|item| self.told(item)).collect(),
            Value::String(text) => match self.0.get(text) {
                Some(here) => Ok(here.as_str().into()),
                None if is_id(text) => Err(text.clone()),
                None => Ok(value.clone()),
            },
            other => Ok(other.clone()),
        }
    }

    /// Compares an answer with its example and learns what the example's ids are here.
    fn compare(&mut self, at: &str, example: &Value, here: &Value) {
        match (example, here) {
            (Value::Object(wanted), Value::Object(found)) => {
                if wanted.contains_key("version") {
                    let keys =
                        |fields: &serde_json::Map<String, Value>| fields.keys().cloned().collect::<BTreeSet<_>>();
                    assert_eq!(keys(wanted), keys(found), "{at}");
                }
                for (key, value) in wanted {
                    let at = format!("{at}.{key}");
                    assert!(found.contains_key(key), "{at} is not there");
                    let found = &found[key];
                    assert!(!FREE.contains(&key.as_str()) || found.is_object(), "{at}");
                    if !FREE.contains(&key.as_str()) {
                        self.compare(&at, value, found);
                    }
                }
            }
            (Value::Array(wanted), Value::Array(found)) => {
                for (index, (wanted, found)) in wanted.iter().zip(found).enumerate() {
                    self.compare(&format!("{at}.{index}"), wanted, found);
                }
            }
            (Value::String(wanted), Value::String(found)) => {
                if is_id(wanted) || at.ends_with("_token") {
                    self.0.entry(wanted.clone()).or_insert_with(|| found.clone());
                }
            }
            // Either may be empty where a record may leave it so.
            (Value::Null, _) | (_, Value::Null) => {}
            (wanted, found) => {
                assert_eq!(std::mem::discriminant(wanted), std::mem::discriminant(found), "{at}: {found}");
            }
        }
    }

    async fn send(&self, api: &Api, method: &str, path: &str, operation: &Value, id: Option<&Value>) -> Reply {
        let path = match id {
            Some(id) => path.replace("{id}", self.told(id).unwrap().as_str().unwrap()),
            None => path.to_owned() + &needed_query(operation),
        };
        let body = body(operation).map(|body| self.told(body).unwrap());
        let token = (!is_open(operation)).then(|| self.0["access"].as_str());
        let method: Method = method.to_uppercase().parse().unwrap();
        let reply = match file(operation) {
            None => api.send(method.clone(), &path, token, body.as_ref()).await,
            Some(file) => {
                let request = api.client.request(method.clone(), api.url(&path)).bearer_auth(token.unwrap());
                let request = request.header("content-type", "text/csv").body(file.to_owned());
                Reply::of(request.send().await.unwrap()).await
            }
        };
        assert!(reply.status.is_success(), "{method} {path} {body:?}: {:#}", reply.json);
        reply
    }
}

fn is_id(text: &str) -> bool {
    text.len() == 36 && text.parse::<crm_core::Id<()>>().is_ok()
}

/// Every operation but those that end something, first those that the others need.
fn in_order(document: &Value) -> Vec<(&str, &str, &Value)> {
    let place =
        |operation: &Value| FIRST.iter().position(|first| operation["operationId"] == *first).unwrap_or(FIRST.len());
    let mut all: Vec<_> = each(document).collect();
    // A job that is done is neither cancelled nor taken up, and what is undone has nothing to show.
    let ends = ["logout", "cancel_job", "retry_job", "revert_import"];
    all.retain(|(method, _, operation)| {
        *method != "delete" && !ends.iter().any(|end| operation["operationId"] == *end)
    });
    all.sort_by_key(|(_, _, operation)| place(operation));
    all
}

#[tokio::test]
async fn every_example_of_a_body_is_taken_and_every_answer_looks_as_its_example() {
    let (api, document) = (Api::memory().await, document());
    let mut story = Story::default();
    let mut compared = BTreeSet::new();
    for (method, path, operation) in in_order(&document) {
        let name = format!("{method} {path}");
        assert_eq!(
            body(operation).is_some() || file(operation).is_some(),
            operation["requestBody"].is_object(),
            "{name} has no example of its body"
        );
        let answer = answer(&document, operation);
        // A path names the record that its answer is, or that its room is of.
        let room = path.split('/').nth(3).unwrap_or_default();
        let room = document.pointer(&format!("/paths/~1api~1v1~1{room}~1{{id}}/get"));
        let id = answer.filter(|(_, _, example)| example["id"].is_string() && !path.ends_with("/timeline"));
        let id = id.or_else(|| self::answer(&document, room?)).map(|(_, _, example)| &example["id"]);
        let reply = story.send(&api, method, path, operation, id.filter(|_| path.contains("{id}"))).await;
        if operation["operationId"] == "register" {
            story.0.insert("access".to_owned(), reply.json["access_token"].as_str().unwrap().to_owned());
        }
        if operation["operationId"] == "import_contacts" {
            // The document's answer is that of a dry run.
            story.compare("Job", &document["components"]["schemas"]["Job"]["example"], &reply.json);
        }
        if let Some((schema, begin, example)) = answer.filter(|(_, _, example)| example.is_object()) {
            let here = reply.json.pointer(begin).unwrap_or_else(|| panic!("{name} answered with nothing to compare"));
            story.compare(&format!("{name} {schema}"), example, here);
            compared.insert(schema);
        }
    }
    assert!(compared.len() > 12, "{compared:?}");
}

#[test]
fn every_record_has_an_example() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas.iter().filter(|(_, schema)| schema["properties"]["version"].is_object()) {
        assert!(schema["example"].is_object(), "{name} has no example");
    }
}

#[test]
fn every_refusal_has_an_example_with_its_status() {
    let document = document();
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        let example = &response["content"]["application/problem+json"]["example"];
        assert_eq!(format!("Refused{}", example["status"]), *name);
    }
}
