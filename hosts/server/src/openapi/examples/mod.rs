//! The examples of the document: bodies by operation, answers by schema, refusals by status.
//!
//! They tell one story: Grace Hopper registers Acme Sales and writes down Ada Lovelace of Babbage
//! Engines, and what is being sold to her. Ids are the same wherever they stand for the same record.
//! A law sends every body to a server and compares every answer with its example, so that none of
//! them grows old. Absent on purpose: examples of query strings, which the page would fill in.

mod answers;
mod bodies;
mod figures;
mod files;
mod many;
mod refusals;
mod webhooks;

use serde_json::{Value, json};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::{Content, OpenApi, RefOr, Schema};

pub(super) use refusals::refusal;

const WORKSPACE: &str = "019a1c5e-7b00-7000-8000-000000000001";
const USER: &str = "019a1c5e-7b00-7000-8000-000000000002";
const COMPANY: &str = "019a1c5e-7b00-7000-8000-000000000003";
const CONTACT: &str = "019a1c5e-7b00-7000-8000-000000000004";
const DEAL: &str = "019a1c5e-7b00-7000-8000-000000000005";
const NOTE: &str = "019a1c5e-7b00-7000-8000-000000000006";
const TAG: &str = "019a1c5e-7b00-7000-8000-000000000007";
const CUSTOM_FIELD: &str = "019a1c5e-7b00-7000-8000-000000000008";
const ENTRY: &str = "019a1c5e-7b00-7000-8000-000000000009";
const PIPELINE: &str = "019a1c5e-7b00-7000-8000-00000000000a";
const EXCHANGE_RATE: &str = "019a1c5e-7b00-7000-8000-000000000014";
const WEBHOOK_ENDPOINT: &str = "019a1c5e-7b00-7000-8000-000000000015";
const MAIL_TEMPLATE: &str = "019a1c5e-7b00-7000-8000-000000000016";
const SUPPRESSION: &str = "019a1c5e-7b00-7000-8000-000000000017";
const JOB: &str = "019a1c5e-7b00-7000-8000-00000000000f";
const IMPORT: &str = "019a1c5e-7b00-7000-8000-000000000010";
const UPLOAD: &str = "019a1c5e-7b00-7000-8000-000000000011";
const BATCH: &str = "019a1c5e-7b00-7000-8000-000000000012";
const TEAM: &str = "019a1c5e-7b00-7000-8000-000000000018";
const TASK: &str = "019a1c5e-7b00-7000-8000-000000000013";
/// The stages of the pipeline; a deal begins in the first.
const STAGES: [&str; 4] = [
    "019a1c5e-7b00-7000-8000-00000000000b",
    "019a1c5e-7b00-7000-8000-00000000000c",
    "019a1c5e-7b00-7000-8000-00000000000d",
    "019a1c5e-7b00-7000-8000-00000000000e",
];
const ACCESS_TOKEN: &str = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl";
const REFRESH_TOKEN: &str = "kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi";

/// What of the examples differs from one workspace to the next, by a name for it.
pub(super) const VARIABLES: [(&str, &str); 21] = [
    ("workspace_id", WORKSPACE),
    ("user_id", USER),
    ("team_id", TEAM),
    ("company_id", COMPANY),
    ("contact_id", CONTACT),
    ("deal_id", DEAL),
    ("task_id", TASK),
    ("note_id", NOTE),
    ("tag_id", TAG),
    ("custom_field_id", CUSTOM_FIELD),
    ("pipeline_id", PIPELINE),
    ("exchange_rate_id", EXCHANGE_RATE),
    ("webhook_endpoint_id", WEBHOOK_ENDPOINT),
    ("delivery_id", webhooks::DELIVERY),
    ("suppression_id", SUPPRESSION),
    ("job_id", JOB),
    ("import_id", IMPORT),
    ("batch_id", BATCH),
    ("stage_id", STAGES[1]),
    ("access_token", ACCESS_TOKEN),
    ("refresh_token", REFRESH_TOKEN),
];

/// Adds the examples of bodies and answers.
pub(super) fn complete(document: &mut OpenApi) {
    let schemas = document.components.iter_mut().flat_map(|components| &mut components.schemas);
    for (name, schema) in schemas {
        if let RefOr::T(schema) = schema
            && let Some(example) = answers::answer(name).or_else(|| page(name))
        {
            show(schema, example);
        }
    }
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        let Some(id) = operation.operation_id.clone() else { continue };
        if let Some(RefOr::T(body)) = &mut operation.request_body {
            for (media, content) in &mut body.content {
                let example = match media.as_str() {
                    "application/json" => bodies::body(&id),
                    "multipart/form-data" => files::form(&id),
                    _ => bodies::file(&id).map(Value::from),
                };
                exemplify(content, example);
            }
        }
        for response in operation.responses.responses.values_mut() {
            if let RefOr::T(response) = response {
                response.content.values_mut().for_each(|content| exemplify(content, files::sent(&id)));
            }
        }
    }
}

/// The example of a page: one row, and no more of them.
fn page(schema: &str) -> Option<Value> {
    let row = answers::answer(schema.strip_prefix("Page_")?)?;
    Some(json!({"data": [row], "next_cursor": null}))
}

fn exemplify(content: &mut RefOr<Content>, example: Option<Value>) {
    if let RefOr::T(content) = content
        && example.is_some()
    {
        content.example = example;
    }
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, post, put, patch, delete, .. } = item;
    [get, post, put, patch, delete].into_iter().flatten()
}

fn show(schema: &mut Schema, example: Value) {
    let place = match schema {
        Schema::Array(array) => &mut array.example,
        Schema::Object(object) => &mut object.example,
        Schema::OneOf(either) => &mut either.example,
        Schema::AllOf(all) => &mut all.example,
        Schema::AnyOf(any) => &mut any.example,
        _ => return,
    };
    *place = Some(example);
}
