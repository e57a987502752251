//! Under a key: every operation that names one is done once, and those that name none are known.

use std::collections::BTreeSet;

use serde_json::Value;

use super::asked::{Operation, is_keyed, operations, placed};
use super::{Body, Case, Ids, records};
use crate::support::{Api, Reply};

/// Requests by `POST` that take no key, and why.
const KEYLESS: [(&str, &str); 12] = [
    ("create_webhook_endpoint", SECRET),
    ("filter_companies_by_tags", READS),
    ("filter_contacts_by_tags", READS),
    ("login", SECRET),
    ("logout", "ends the sign-in that asks: a repeat is refused"),
    ("preview_mail_template", READS),
    ("refresh", SECRET),
    ("register", SECRET),
    ("search_companies", READS),
    ("search_contacts", READS),
    ("search_deals", READS),
    ("search_tasks", READS),
];

/// The answer tells a secret, which is kept nowhere as it is.
const SECRET: &str = "tells a secret";
/// Nothing is written, so that nothing is written twice.
const READS: &str = "writes nothing";

/// They are refused of the job that is at hand, which is done, and have a law of their own.
const REFUSED: [&str; 2] = ["cancel_job", "retry_job"];

/// Sends a request under a key, its body with this behind it.
async fn send(api: &Api, operation: &Operation, case: &Case, ids: &Ids, behind: &str) -> Reply {
    let request = api.request(operation.method.clone(), &placed(operation, case, ids));
    let request = request.header("idempotency-key", "walk");
    let request = match &case.body {
        Body::None => request,
        Body::Json(body) => request.header("content-type", "application/json").body(format!("{}{behind}", body(ids))),
        Body::Csv(file) => request.header("content-type", "text/csv").body(format!("{file}{behind}")),
    };
    Reply::of(request.send().await.unwrap()).await
}

#[test]
fn every_post_takes_a_key_or_is_known_to_take_none() {
    let document: Value = serde_json::from_str(&crm_server::openapi()).unwrap();
    let posts = document["paths"].as_object().unwrap().values().filter_map(|item| item.get("post"));
    let keyless = posts.filter(|operation| !is_keyed(operation));
    let named: BTreeSet<&str> = keyless.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    // Whoever adds one gives it a key, or says here why it has none.
    let known: BTreeSet<&str> = KEYLESS.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, known);
}

#[tokio::test]
async fn what_takes_a_key_is_done_once_under_it() {
    let api = Api::memory().await;
    let mut done = 0;
    for (operation, case) in operations() {
        let name = &operation.name;
        if !operation.is_keyed || REFUSED.contains(&name.as_str()) {
            continue;
        }
        let ids = records(&api).await;
        let first = send(&api, &operation, &case, &ids, "").await;
        assert!(first.status.is_success(), "{name}: {} {:#}", first.status, first.json);
        let again = send(&api, &operation, &case, &ids, "").await;
        assert_eq!((again.status, again.header("etag")), (first.status, first.header("etag")), "{name}");
        if first.status == 202 {
            // The job may have got further meanwhile.
            assert_eq!(again.id(), first.id(), "{name}");
        } else {
            assert_eq!(again.json, first.json, "{name}");
        }
        // The bytes count, not what they say.
        let other = match case.body {
            Body::None => None,
            Body::Json(_) => Some(" "),
            Body::Csv(_) => Some("Another\n"),
        };
        if let Some(other) = other {
            let faults = send(&api, &operation, &case, &ids, other).await.faults();
            let wanted = ("Idempotency-Key".to_owned(), "idempotency_key_reused".to_owned());
            assert_eq!(faults, [wanted], "{name}");
        }
        done += 1;
    }
    assert!(done >= 30, "{done}");
}
