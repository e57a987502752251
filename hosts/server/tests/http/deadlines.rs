//! Lists and searches past their deadline on PostgreSQL, where somebody else holds the table that they read.
//!
//! `shapes.rs` has the same on SQLite, where nobody can hold readers up and the deadline itself is none.

use std::time::Duration;

use crm_core::testkit::PATIENCE;
use crm_storage::testkit::{at_rest, patient};
use serde_json::json;

use crate::support::{Api, Reply};

const CONTACTS: &str = "/api/v1/contacts";
/// Lists, lists by words and searches of contacts, all at once.
async fn lists_and_searches(api: &Api) -> [Reply; 3] {
    let filter = json!({"field": "title", "op": "contains", "value": "absent"});
    let list = api.get("/api/v1/contacts?q=hopper&count=true");
    let search = api.post("/api/v1/contacts/search", json!({"filter": filter, "count": true}));
    let found = api.get("/api/v1/search?q=hopper");
    let (list, search, found) = tokio::join!(list, search, found);
    [list, search, found]
}

/// As [`lists_and_searches`], once none of them is late: on a machine that stands still for a moment some are.
async fn lists_and_searches_in_time(api: &Api) -> [Reply; 3] {
    let served = async {
        loop {
            let replies = lists_and_searches(api).await;
            if replies.iter().all(|reply| reply.status != 503) {
                return replies;
            }
        }
    };
    tokio::time::timeout(PATIENCE, served).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_or_search_beyond_its_deadline_is_503_and_its_connection_serves_again() {
    // Three of four connections are for lists: each request has one.
    let options = patient().connections(4).deadline(Duration::from_secs(5));
    let Some((api, store)) = Api::postgres_with(options).await else { return };
    api.post(CONTACTS, json!({"last_name": "Hopper"})).await.expect(201);
    let holder = api.postgres_client().await;
    holder.batch_execute("BEGIN; LOCK TABLE contacts IN ACCESS EXCLUSIVE MODE").await.unwrap();
    for late in lists_and_searches(&api).await {
        let late = late.problem(503, "unavailable");
        assert_eq!(late.header("retry-after"), "1");
    }
    // Whoever reads nothing of it is answered meanwhile.
    let answered = async { while api.get("/api/v1/auth/me").await.status != 200 {} };
    tokio::time::timeout(PATIENCE, answered).await.unwrap();
    // The server does no more for those that were given up.
    let waiting = "SELECT COUNT(*) FROM pg_locks WHERE NOT granted AND relation = 'contacts'::regclass";
    let given_up = async {
        while holder.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, given_up).await.unwrap();
    holder.batch_execute("COMMIT").await.unwrap();
    // More of them than there are connections.
    for _ in 0..4 {
        for (reply, rows) in lists_and_searches_in_time(&api).await.into_iter().zip([1, 0, 1]) {
            let reply = reply.expect(200);
            assert_eq!(reply.json["data"].as_array().unwrap().len(), rows, "{:#}", reply.json);
        }
    }
    let open = at_rest(&store).await;
    assert!(open <= 4, "{open}");
    api.stop().await;
}
