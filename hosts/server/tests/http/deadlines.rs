//! Lists and searches past their deadline on PostgreSQL, where somebody else holds the table that they read.
//!
//! `shapes.rs` has the same on SQLite, where nobody can hold readers up and the deadline itself is none.

use std::sync::Arc;
use std::time::Duration;

use crm_boot::Booted;
use crm_core::testkit::postgres_url;
use crm_storage::{Connections, Options, PostgresStore};
use serde_json::json;
use tokio_postgres::{Client, NoTls};

use crate::support::{Api, Reply, config_on_postgres, unique};

const CONTACTS: &str = "/api/v1/contacts";
/// Longer than anything takes that comes at all.
const NEVER: Duration = Duration::from_secs(60);

/// A schema of its own: other laws read the tables of the one that they share. Gone when it is dropped.
struct Schema {
    server: String,
    name: String,
}

impl Schema {
    async fn new() -> Option<Self> {
        let schema = Self { server: postgres_url()?, name: unique("http") };
        run(&schema.server, &format!("CREATE SCHEMA {}", schema.name)).await;
        Some(schema)
    }

    fn url(&self) -> String {
        let mark = if self.server.contains('?') { '&' } else { '?' };
        format!("{}{mark}options=-c%20search_path%3D{}", self.server, self.name)
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let (server, sql) = (self.server.clone(), format!("DROP SCHEMA {} CASCADE", self.name));
        // A thread of its own: the test's runtime may be on its way out.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&server, &sql));
        });
        let _ = dropped.join();
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn run(url: &str, sql: &str) {
    connect(url).await.batch_execute(sql).await.unwrap();
}

/// Lists, lists by words and searches of contacts, all at once.
async fn lists_and_searches(api: &Api) -> [Reply; 3] {
    let filter = json!({"field": "title", "op": "contains", "value": "absent"});
    let list = api.get("/api/v1/contacts?q=hopper&count=true");
    let search = api.post("/api/v1/contacts/search", json!({"filter": filter, "count": true}));
    let found = api.get("/api/v1/search?q=hopper");
    let (list, search, found) = tokio::join!(list, search, found);
    [list, search, found]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_or_search_beyond_its_deadline_is_503_and_its_connection_serves_again() {
    let Some(schema) = Schema::new().await else { return };
    // Three of four connections are for lists: each request has one.
    let options = Options::default().connections(4).deadline(Duration::from_secs(5));
    let store = Arc::new(PostgresStore::connect(&schema.url(), options).await.unwrap());
    store.migrate().await.unwrap();
    let booted = Booted::on(store.clone(), store.clone(), config_on_postgres(&schema.url())).unwrap();
    let api = Api::on(booted, tempfile::tempdir().unwrap()).await;
    api.post(CONTACTS, json!({"last_name": "Hopper"})).await.expect(201);
    let holder = connect(&schema.url()).await;
    holder.batch_execute("BEGIN; LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE").await.unwrap();
    for late in lists_and_searches(&api).await {
        let late = late.problem(503, "unavailable");
        assert_eq!(late.header("retry-after"), "1");
    }
    // Whoever reads nothing of it is answered meanwhile.
    api.get("/api/v1/auth/me").await.expect(200);
    // The server does no more for those that were given up.
    let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'contacts'::regclass";
    let given_up = async {
        while holder.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(NEVER, given_up).await.unwrap();
    holder.batch_execute("COMMIT").await.unwrap();
    // More of them than there are connections.
    for _ in 0..4 {
        for (reply, rows) in lists_and_searches(&api).await.into_iter().zip([1, 0, 1]) {
            let reply = reply.expect(200);
            assert_eq!(reply.json["data"].as_array().unwrap().len(), rows, "{:#}", reply.json);
        }
    }
    let rest = async {
        loop {
            let Connections { open, idle, waiting } = store.connections();
            if open == idle && waiting == 0 {
                return open;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let open = tokio::time::timeout(NEVER, rest).await.unwrap();
    assert!(open <= 4, "{open}");
    api.stop().await;
}
