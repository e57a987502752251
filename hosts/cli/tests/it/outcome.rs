//! All that a workspace holds, told without ids and times of its own, so that two of them compare.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crm_boot::{Booted, Config, boot_for_command};
use crm_core::job::Job;
use crm_core::{Actor, ListRequest, Page, Session};
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Runtime;
use uuid::Uuid;

use crate::serving::NEVER;
use crate::support::Product;

/// An engine beside the binary on the same database, which looks faster than a process of its own.
pub(crate) struct Engine {
    runtime: Runtime,
    booted: Booted,
}

/// What a workspace holds: each kind of content, a line each, in an order that ids do not make.
#[derive(Debug)]
pub(crate) struct Outcome(BTreeMap<&'static str, Vec<String>>);

impl Engine {
    pub(crate) fn on(product: &Product) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let config = Config::for_database(product.url()).unwrap();
        let booted = runtime.block_on(boot_for_command(config)).unwrap();
        Self { runtime, booted }
    }

    /// The product itself in the only workspace, with what is defined there by now.
    async fn session(&self) -> Session {
        let [workspace] = &*self.booted.crm().workspaces().await.unwrap() else { panic!("there are several") };
        self.booted.crm().acting(Actor::system(workspace.id, "test")).await.unwrap()
    }

    /// How many rows of an import are done.
    pub(crate) fn rows(&self, import: &str) -> u64 {
        let read = async { self.session().await.transfers().read(import.parse().unwrap()).await };
        self.runtime.block_on(read).unwrap().rows
    }

    /// A job as it stands.
    pub(crate) fn job(&self, id: &str) -> Job {
        let read = async { self.session().await.jobs().read(id.parse().unwrap()).await };
        self.runtime.block_on(read).unwrap().into_inner()
    }

    /// A job, once it has ended.
    pub(crate) fn ended(&self, id: &str) -> Job {
        let begun = Instant::now();
        loop {
            let job = self.job(id);
            if job.finished_at.is_some() {
                return job;
            }
            assert!(begun.elapsed() < NEVER, "the job has not ended: {job:#?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// All that the workspace holds after an import.
    pub(crate) fn outcome(&self, import: &str) -> Outcome {
        self.runtime.block_on(self.look(import))
    }

    async fn look(&self, import: &str) -> Outcome {
        let session = self.session().await;
        let (contacts, companies, deals) = (session.contacts(), session.companies(), session.deals());
        let (tasks, users) = (session.tasks(), session.users());
        let import = session.transfers().read(import.parse().unwrap()).await.unwrap();
        let content: Vec<(&'static str, Vec<Value>)> = vec![
            ("contacts", whole(async |page| contacts.list(&page).await).await),
            ("companies", whole(async |page| companies.list(&page).await).await),
            ("deals", whole(async |page| deals.list(&page).await).await),
            ("tasks", whole(async |page| tasks.list(&page).await).await),
            ("users", whole(async |page| users.list(&page).await).await),
            ("pipelines", values(&session.pipelines().list().await.unwrap())),
            ("custom fields", values(&session.custom_fields().list().await.unwrap())),
            ("tags", values(&session.tags().counts().await.unwrap())),
            ("import", values(&[import])),
        ];
        let workspace = json(&session.workspace().read().await.unwrap());
        let plain = Plain { names: names(&content), since: workspace["created_at"].as_str().unwrap().to_owned() };
        let mut told: BTreeMap<&'static str, Vec<String>> = BTreeMap::new();
        for (kind, values) in content {
            told.insert(kind, sorted(values.iter().map(|value| plain.told(value)).collect()));
        }
        told.insert("board", self.board(&session, &plain).await);
        told.insert("journal", self.journal(&session, &plain).await);
        Outcome(told)
    }

    /// The sums of the board, which every commit adds to.
    async fn board(&self, session: &Session, plain: &Plain) -> Vec<String> {
        let stages = session.deals().board(None).await.unwrap().stages;
        let sums = stages.iter().map(|stage| json(&(&stage.name, stage.count, &stage.total)));
        sums.map(|sum| plain.told(&sum)).collect()
    }

    /// The entries of each record, oldest first, a line a record.
    async fn journal(&self, session: &Session, plain: &Plain) -> Vec<String> {
        let feed = self.booted.crm().feed(session.actor().workspace_id()).await.unwrap();
        let (mut after, mut entries): (i64, BTreeMap<Uuid, Vec<String>>) = (0, BTreeMap::new());
        loop {
            let page = feed.after(after, 10_000).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.seq;
            for occurrence in &page {
                // Nobody is told who signed in.
                let Some(event) = session.envelope(occurrence) else { continue };
                let told = json(&(&event.kind, &event.actor, &event.data));
                entries.entry(event.data.record_id).or_default().push(plain.told(&told));
            }
        }
        sorted(entries.into_values().map(|lines| lines.join("\n")).collect())
    }
}

impl Outcome {
    /// Adds what the binary itself printed of it.
    pub(crate) fn with(mut self, kind: &'static str, printed: &str) -> Self {
        self.0.insert(kind, printed.lines().map(str::to_owned).collect());
        self
    }

    /// So much of one kind of content.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.0[kind].len()
    }

    /// Fails with the first difference.
    #[track_caller]
    pub(crate) fn must_be(&self, expected: &Self, case: &str) {
        assert_eq!(self.0.keys().collect::<Vec<_>>(), expected.0.keys().collect::<Vec<_>>());
        for (kind, expected) in &expected.0 {
            let found = &self.0[kind];
            let differs = found.iter().zip(expected).find(|(found, expected)| found != expected);
            assert!(differs.is_none(), "{case}: {kind}: {differs:#?}");
            assert_eq!(found.len(), expected.len(), "{case}: {kind}");
        }
    }
}

/// What stands for ids and for times that came of the clock.
struct Plain {
    names: HashMap<String, String>,
    since: String,
}

impl Plain {
    fn told(&self, value: &Value) -> String {
        self.plain(value).to_string()
    }

    fn plain(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => self.word(text).into(),
            Value::Array(values) => values.iter().map(|value| self.plain(value)).collect(),
            Value::Object(fields) => fields
                .iter()
                .map(|(key, value)| (key.clone(), self.plain(value)))
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    fn word(&self, text: &str) -> String {
        let is_instant = text.len() == "2026-01-01T00:00:00.000000Z".len() && text.ends_with('Z');
        match self.names.get(text) {
            Some(name) => name.clone(),
            None if Uuid::try_parse(text).is_ok() => "an id".to_owned(),
            None if is_instant && *text >= *self.since => "lately".to_owned(),
            None => text.to_owned(),
        }
    }
}

/// What each record is called, by its id.
fn names(content: &[(&'static str, Vec<Value>)]) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for (kind, values) in content {
        for value in values {
            let stages = value["stages"].as_array().into_iter().flatten();
            for named in stages.chain([value]) {
                let words = ["first_name", "last_name", "email", "name", "key", "title", "external_id"];
                let words: Vec<&str> = words.iter().filter_map(|field| named[field].as_str()).collect();
                names.extend(named["id"].as_str().map(|id| (id.to_owned(), format!("{kind}: {}", words.join(" ")))));
            }
        }
    }
    names
}

/// Every page of a list.
async fn whole<V: Serialize>(list: impl AsyncFn(ListRequest) -> crm_core::Result<Page<V>>) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let request = ListRequest { limit: Some(200), cursor: cursor.take(), ..ListRequest::default() };
        let page = list(request).await.unwrap();
        all.extend(values(&page.data));
        cursor = page.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

fn values<V: Serialize>(list: &[V]) -> Vec<Value> {
    list.iter().map(json).collect()
}

fn json<V: Serialize>(value: &V) -> Value {
    serde_json::to_value(value).unwrap()
}

fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}
