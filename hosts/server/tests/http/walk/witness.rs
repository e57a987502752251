//! What a workspace holds, in whichever way its store lets a test look.

use std::sync::Arc;

use crm_core::exchange_rate::ExchangeRatesRequest;
use crm_core::job::JobsRequest;
use crm_core::mail::{MailsRequest, SuppressionsRequest};
use crm_core::testkit::MemoryStore;
use crm_core::transfer::ImportsRequest;
use crm_core::{ListRequest, Session};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::support::on_every_store;

/// Who tells what is written.
pub(super) enum Witness {
    /// The rows themselves.
    Rows(Arc<MemoryStore>),
    /// Every list of the engine, as the product sees it: a database shows its rows to nobody else.
    Lists,
}

impl Witness {
    /// All that is written in the workspace of a session of the product.
    pub(super) async fn written(&self, product: &Session) -> String {
        match self {
            Self::Rows(store) => store.written(product.actor().workspace_id()).await,
            Self::Lists => lists(product).await,
        }
    }
}

fn shown(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

/// Everything that can be listed.
async fn lists(product: &Session) -> String {
    let all = ListRequest { limit: Some(200), ..ListRequest::default() };
    let mut users = shown(product.users().list(&all).await.unwrap().data);
    for user in users.as_array_mut().unwrap() {
        // Signing in moves it, which is nothing that a request of the walk asks for.
        user.as_object_mut().unwrap().remove("last_seen_at");
    }
    // How long jobs wait and run goes by the clock.
    let queues = product.queues().list().await.unwrap();
    let paused: Vec<_> = queues.iter().map(|queue| json!([queue.name, queue.paused_at])).collect();
    let mails = product.mails();
    let held = [
        users,
        shown(paused),
        shown(product.workspace().read().await.unwrap()),
        shown(product.teams().list().await.unwrap()),
        shown(product.contacts().list(&all).await.unwrap().data),
        shown(product.companies().list(&all).await.unwrap().data),
        shown(product.deals().list(&all).await.unwrap().data),
        shown(product.tasks().list(&all).await.unwrap().data),
        shown(product.activities().notes(&all).await.unwrap().data),
        shown(product.pipelines().list().await.unwrap()),
        shown(product.tags().counts().await.unwrap()),
        shown(product.custom_fields().list().await.unwrap()),
        shown(product.exchange_rates().list(&ExchangeRatesRequest::default()).await.unwrap().data),
        shown(product.webhooks().list().await.unwrap()),
        shown(mails.templates().await.unwrap()),
        shown(mails.suppressions(&SuppressionsRequest::default()).await.unwrap().data),
        shown(mails.log(&MailsRequest::default()).await.unwrap().data),
        shown(product.transfers().list(&ImportsRequest::default()).await.unwrap().data),
        shown(product.jobs().list(&JobsRequest::default()).await.unwrap().data),
    ];
    held.iter().map(Value::to_string).collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn whoever_writes_is_seen() {
    on_every_store(|api| async move {
        let product = api.system().await;
        let mut before = lists(&product).await;
        assert_eq!(lists(&product).await, before);
        let stage = json!([{"name": "New", "kind": "open"}]);
        for (method, path, body) in [
            (Method::POST, "contacts", json!({"last_name": "Hopper"})),
            (Method::POST, "companies", json!({"name": "Acme"})),
            (Method::POST, "deals", json!({"title": "Big one"})),
            (Method::POST, "tasks", json!({"title": "Call", "tags": ["vip"]})),
            (Method::POST, "pipelines", json!({"name": "Second", "stages": stage})),
            (Method::POST, "users", json!({"name": "New", "role": "setter"})),
            (Method::PATCH, "workspace", json!({"name": "Other"})),
            (Method::POST, "email/suppressions", json!({"email": "eve@example.com"})),
            (Method::PUT, "email/templates/own", json!({"subject": "Hi", "text": "x"})),
            (Method::POST, "queues/email/pause", Value::Null),
        ] {
            let path = format!("/api/v1/{path}");
            let reply = api.send(method, &path, Some(api.token()), Some(&body)).await;
            assert!(reply.status.is_success(), "{path}: {:#}", reply.json);
            let after = lists(&product).await;
            assert!(after != before, "nobody saw {path}");
            before = after;
        }
    })
    .await;
}
