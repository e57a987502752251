//! The examples of the document: each body is taken, and each answer looks as its example says.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::{Clock as _, SystemClock, Timestamp};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::document::{document, each, is_open, needed_query};
use crate::support::{Api, Reply};

/// What a field holds is the caller's own.
const FREE: [&str; 5] = ["custom", "before", "after", "permissions", "format"];
/// What stands for the first export.
const EXPORT: &str = "export";
/// The delivery of the examples.
const DELIVERY: &str = "019a1c5e-7b00-7000-8000-00000000001a";
/// They make what the others speak of, in this order.
const FIRST: [&str; 18] = [
    "register",
    "list_pipelines",
    "define_custom_field",
    "create_team",
    "set_exchange_rate",
    "replace_mail_template",
    "suppress",
    "create_company",
    "create_contact",
    "create_deal",
    "create_task",
    "create_note",
    "import_contacts",
    "begin_export_of_contacts",
    "create_webhook_endpoint",
    "test_webhook_endpoint",
    "list_webhook_deliveries",
    "send_template_mail",
];

/// What it makes shows in the answers of others.
const LAST: &str = "replace_permissions";

/// The example of an operation's body.
fn body(operation: &Value) -> Option<&Value> {
    operation.pointer("/requestBody/content/application~1json/example")
}

/// The example of a file that an operation takes.
fn file(operation: &Value) -> Option<&str> {
    operation.pointer("/requestBody/content/text~1csv/example")?.as_str()
}

/// The example of a form that an operation takes.
fn form(operation: &Value) -> Option<&Value> {
    operation.pointer("/requestBody/content/multipart~1form-data/example")
}

/// The form of an example: texts are its files, and the options are JSON.
fn sent_form(example: &Value) -> Form {
    example.as_object().unwrap().iter().fold(Form::new(), |form, (name, part)| match part {
        Value::String(file) => form.part(name.clone(), Part::text(file.clone()).file_name("file.csv")),
        options => form.text(name.clone(), options.to_string()),
    })
}

/// The example of an answer that is a text.
fn sent_text(operation: &Value) -> Option<&str> {
    let content = operation.pointer("/responses/200/content")?.as_object()?;
    content.values().find_map(|content| content["example"].as_str())
}

/// Compares a text with its example: the header of a file, or what each metric is.
fn compare_texts(at: &str, example: &str, here: &str) {
    let here = here.trim_start_matches('\u{feff}');
    if example.starts_with('#') {
        for line in example.lines().filter(|line| line.starts_with('#')) {
            assert!(here.lines().any(|other| other == line), "{at}: {line} is not there");
        }
        return;
    }
    assert_eq!(example.lines().next(), here.lines().next(), "{at}");
    let cells = |line: &str| line.split(',').count();
    let wide = cells(example.lines().next().unwrap());
    assert!(example.lines().count() > 1 && example.lines().all(|line| cells(line) == wide), "{at}");
}

/// The schema of the first answer that is no refusal, or of that with a status, and its example; of a
/// page, that of its rows with where they begin.
fn answer<'a>(
    document: &'a Value,
    operation: &'a Value,
    wanted: Option<StatusCode>,
) -> Option<(&'a str, &'static str, &'a Value)> {
    let responses = operation["responses"].as_object()?;
    let is_it = |status: &str| wanted.map_or(status.starts_with('2'), |wanted| status == wanted.as_str());
    let (_, good) = responses.iter().find(|(status, _)| is_it(status))?;
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
            None => path.replace("{name}", "email") + &needed_query(operation),
        };
        let path = match operation["operationId"] == "read_webhook_delivery" {
            true => path.replace("{delivery_id}", &self.0[DELIVERY]),
            false => path,
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
    let place = |operation: &Value| {
        let among_first = FIRST.iter().position(|first| operation["operationId"] == *first);
        (operation["operationId"] == LAST, among_first.unwrap_or(FIRST.len()))
    };
    let mut all: Vec<_> = each(document).collect();
    // A job that is done is neither cancelled nor taken up, and what is undone has nothing to show. To watch
    // is a conversation.
    let ends = ["logout", "cancel_job", "retry_job", "revert_import", "revert_batch", "watch", "stream_events"];
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
    let exported = json!(EXPORT);
    for (method, path, operation) in in_order(&document) {
        let name = format!("{method} {path}");
        assert_eq!(
            body(operation).is_some() || file(operation).is_some(),
            operation["requestBody"].is_object(),
            "{name} has no example of its body"
        );
        // What these lists hold depends on the time of day.
        let due = match operation["operationId"].as_str() {
            Some("overdue_tasks") => Some("2000-01-01T00:00:00Z".parse().unwrap()),
            Some("upcoming_tasks") => Some(SystemClock.now().plus_seconds(3_600)),
            _ => None::<Timestamp>,
        };
        if let Some(due) = due {
            let token = Some(story.0["access"].as_str());
            let task = json!({"title": "Due", "due_at": due});
            api.send(Method::POST, "/api/v1/tasks", token, Some(&task)).await.expect(201);
        }
        let first = answer(&document, operation, None);
        // A path names a record of its room, or where none is read there the one that its answer is.
        let room = path.split('/').nth(3).unwrap_or_default();
        let room = document.pointer(&format!("/paths/~1api~1v1~1{room}~1{{id}}/get"));
        let of_room = room.and_then(|room| answer(&document, room, None)).map(|(_, _, example)| &example["id"]);
        let of_room = if path.contains("/exports/") { Some(&exported) } else { of_room };
        let id = of_room.or_else(|| first.map(|(_, _, example)| &example["id"])).filter(|id| id.is_string());
        let reply = story.send(&api, method, path, operation, id.filter(|_| path.contains("{id}"))).await;
        if operation["operationId"] == "register" {
            story.0.insert("access".to_owned(), reply.json["access_token"].as_str().unwrap().to_owned());
        }
        if let Some(example) = sent_text(operation) {
            compare_texts(&name, example, &reply.text);
        }
        if let Some(example) = form(operation) {
            for query in ["?dry_run=true", ""] {
                let request = api.client.post(api.url(&format!("{path}{query}"))).bearer_auth(&story.0["access"]);
                let mut reply = Reply::of(request.multipart(sent_form(example)).send().await.unwrap()).await;
                // A file of companies beside the deals is told of beside them.
                let beside = reply.json.as_object_mut().and_then(|fields| fields.remove("companies"));
                assert_eq!(beside.is_some(), example["companies"].is_string(), "{name} as a form: {:#}", reply.json);
                let wanted = answer(&document, operation, Some(reply.status));
                let (schema, _, example) = wanted.unwrap_or_else(|| panic!("{name} as a form: {:#}", reply.json));
                story.compare(&format!("{name} as a form {schema}"), example, &reply.json);
                compared.insert(schema);
            }
        }
        let answer = answer(&document, operation, Some(reply.status));
        if let Some((schema, begin, example)) = answer.filter(|(_, _, example)| example.is_object()) {
            let list = begin.strip_suffix("/0").and_then(|list| reply.json.pointer(list)?.as_array());
            // The document's example of a job is an import; those of handlers have fields of their own.
            let is_alike = |job: &&Value| {
                let is_of_one_file = job["companies"].is_null();
                schema != "Job" || (job["kind"] == example["kind"] && is_of_one_file)
            };
            let here = match list {
                Some(all) => all.iter().find(is_alike),
                None => reply.json.pointer(begin),
            };
            let here = here.unwrap_or_else(|| panic!("{name} answered with nothing to compare"));
            if here["kind"] == "export" {
                // Its file is there once the job is done.
                let id = here["id"].as_str().unwrap();
                api.ended_for(&story.0["access"], id).await;
                story.0.entry(EXPORT.to_owned()).or_insert_with(|| id.to_owned());
                continue;
            }
            if !is_alike(&here) {
                assert!(here["kind"] == "run" && here["handler"].is_string(), "{name}: {here}");
                continue;
            }
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
    let mut pages = 0;
    for (name, page) in schemas {
        let Some(row) = name.strip_prefix("Page_") else { continue };
        assert_eq!(page["example"], json!({"data": [schemas[row]["example"]], "next_cursor": null}), "{name}");
        pages += 1;
    }
    assert!(pages > 13, "{pages}");
}

#[test]
fn examples_hold_only_values_that_there_are() {
    let document = document();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    let mut compared = 0;
    for (name, schema) in schemas.iter().filter(|(_, schema)| schema["example"].is_object()) {
        for (field, value) in schema["example"].as_object().unwrap() {
            let property = &schema["properties"][field]["$ref"];
            let kind = property.as_str().map(|reference| &schemas[reference.rsplit('/').next().unwrap()]);
            if let Some(known) = kind.and_then(|kind| kind["enum"].as_array()) {
                assert!(known.contains(value), "{name}.{field} is {value}, which is none of {known:?}");
                compared += 1;
            }
        }
    }
    assert!(compared > 5, "{compared}");
}

#[test]
fn every_json_form_and_text_has_an_example() {
    let document = document();
    let mut seen = BTreeSet::new();
    for (method, path, operation) in each(&document) {
        let answers = operation["responses"].as_object().unwrap().iter();
        let answers = answers.filter(|(status, _)| status.starts_with('2')).map(|(_, answer)| answer);
        let contents = answers.chain([&operation["requestBody"]]).filter_map(|body| body["content"].as_object());
        for (media, content) in contents.flatten() {
            // A page to look at, and a stream that does not end.
            if ["text/html", "text/event-stream"].contains(&media.as_str()) {
                continue;
            }
            let schema = content["schema"]["$ref"].as_str().map(|name| name.rsplit('/').next().unwrap());
            let of_schema = schema.map(|name| &document["components"]["schemas"][name]["example"]);
            let has_one = !content["example"].is_null() || of_schema.is_some_and(|example| !example.is_null());
            assert!(has_one, "{method} {path} has no example of its {media}");
            seen.insert(media.as_str());
        }
    }
    assert_eq!(seen, BTreeSet::from(["application/json", "multipart/form-data", "text/csv", "text/plain"]));
}

#[test]
fn every_refusal_has_an_example_with_its_status() {
    let document = document();
    for (name, response) in document["components"]["responses"].as_object().unwrap() {
        if name == "Refused431" {
            assert!(response["content"].is_null(), "it has no body");
            continue;
        }
        let example = &response["content"]["application/problem+json"]["example"];
        assert_eq!(format!("Refused{}", example["status"]), *name);
    }
}
