//! All that a store holds, whichever it is, looked at past the engine.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crm_core::Actor;
use crm_core::job::{JobState, JobsRequest};
use crm_core::testkit::{Holdings, MemoryStore, PATIENCE};
use crm_storage::testkit::{PostgresTables, SqliteTables};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Reply, Store, on_every_named_store};

/// Who tells what is held.
pub(super) enum Witness {
    Memory(Arc<MemoryStore>),
    Sqlite(Box<SqliteTables>),
    Postgres(Box<PostgresTables>),
}

impl Witness {
    /// Everything in every table and of every workspace: no table is left out.
    pub(super) async fn holdings(&self) -> Holdings {
        match self {
            Self::Memory(store) => store.holdings().await,
            Self::Sqlite(tables) => tables.holdings(),
            Self::Postgres(tables) => tables.holdings().await,
        }
    }

    /// Everything, once the workers have nothing left to do and it stays as it is.
    pub(super) async fn at_rest(&self, api: &Api) -> Holdings {
        let rest = async {
            loop {
                seal(api).await;
                let before = self.holdings().await;
                // Between two looks that agree nothing was written, so that what is seen between them holds.
                let is_idle = !has_jobs(api).await && api.crm.relay().pass().await.unwrap() == 0;
                if is_idle && before == self.holdings().await {
                    return before;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, rest).await.unwrap()
    }
}

/// Gives every entry of the journals its place, as the sealer would a few seconds later.
async fn seal(api: &Api) {
    for workspace in api.crm.workspaces().await.unwrap() {
        api.crm.feed(workspace.id).await.unwrap().end().await.unwrap();
    }
}

/// Whether a job waits or runs in any workspace.
async fn has_jobs(api: &Api) -> bool {
    for workspace in api.crm.workspaces().await.unwrap() {
        let product = api.crm.acting(Actor::system(workspace.id, "test")).await.unwrap();
        for state in [JobState::Queued, JobState::Running] {
            let request = JobsRequest { state: Some(state), ..JobsRequest::default() };
            if !product.jobs().list(&request).await.unwrap().data.is_empty() {
                return true;
            }
        }
    }
    false
}

/// In memory.
pub(super) async fn in_memory() -> (Arc<Api>, Witness) {
    let store = MemoryStore::new();
    let api = Api::memory_on(store.clone()).await;
    (Arc::new(api), Witness::Memory(store))
}

/// Runs a law on each database.
pub(super) async fn on_each_database<F: Future<Output = ()>>(law: impl Fn(Arc<Api>, Witness) -> F) {
    let law = &law;
    on_every_named_store(|store, api| async move {
        let witness = match store {
            Store::Memory => return,
            Store::Sqlite => Witness::Sqlite(Box::new(SqliteTables::of(&api.file()))),
            Store::Postgres => {
                let tables = PostgresTables::of(api.postgres_client().await).await;
                Witness::Postgres(Box::new(tables))
            }
        };
        law(api, witness).await;
    })
    .await;
}

/// Whatever is written is seen, and told by its table.
async fn whoever_writes_is_seen(api: Arc<Api>, witness: Witness) {
    let mut before = witness.at_rest(&api).await;
    let stage = json!([{"name": "New", "kind": "open"}]);
    let hook = json!({"url": "https://hooks.example/crm", "event_types": ["user.role_changed"]});
    let writes: [(Method, &str, Value, &[&str]); 12] = [
        (Method::POST, "contacts", json!({"last_name": "Hopper"}), &["contacts", "journal"]),
        (Method::POST, "companies", json!({"name": "Acme"}), &["companies"]),
        (Method::POST, "deals", json!({"title": "Big one"}), &["deals"]),
        (Method::POST, "tasks", json!({"title": "Call", "tags": ["vip"]}), &["tasks", "tags"]),
        (Method::POST, "pipelines", json!({"name": "Second", "stages": stage}), &["pipelines"]),
        (Method::POST, "users", json!({"name": "New", "role": "setter"}), &["users"]),
        (Method::PATCH, "workspace", json!({"name": "Other"}), &["workspaces"]),
        (Method::POST, "email/suppressions", json!({"email": "eve@example.com"}), &["mail_suppressions"]),
        (Method::PUT, "email/templates/own", json!({"subject": "Hi", "text": "x"}), &["mail_templates"]),
        (Method::POST, "webhook-endpoints", hook, &["webhook_endpoints", "webhook_secrets", "relay_cursors"]),
        (Method::POST, "contacts/export/csv", json!({}), &["jobs", "upload_pieces"]),
        (Method::POST, "queues/email/pause", Value::Null, &["paused_queues"]),
    ];
    for (method, path, body, tables) in writes {
        let path = format!("/api/v1/{path}");
        let request = api.request(method, &path).json(&body);
        let keyed = path.ends_with("/contacts");
        let request = if keyed { request.header("idempotency-key", "witness") } else { request };
        let reply = Reply::of(request.send().await.unwrap()).await;
        assert!(reply.status.is_success(), "{path}: {:#}", reply.json);
        let after = witness.at_rest(&api).await;
        let told = before.differences(&after);
        let keys = keyed.then_some("idempotency_keys");
        for table in tables.iter().copied().chain(keys) {
            assert!(told.iter().any(|line| line.starts_with(&format!("{table} of "))), "{path}: {table}: {told:?}");
        }
        before = after;
    }
    // Who signs in is seen too, and so is who tries.
    let login = json!({"email": "nobody@example.com", "password": "not the one"});
    api.send(Method::POST, "/api/v1/auth/login", None, Some(&login)).await.expect(401);
    let told = before.differences(&witness.holdings().await);
    assert!(told.iter().any(|line| line.starts_with("throttles of no workspace")), "{told:?}");
}

#[tokio::test]
async fn whoever_writes_is_seen_in_memory() {
    let (api, witness) = in_memory().await;
    whoever_writes_is_seen(api, witness).await;
}

#[tokio::test]
async fn whoever_writes_is_seen_in_each_database() {
    on_each_database(whoever_writes_is_seen).await;
}
