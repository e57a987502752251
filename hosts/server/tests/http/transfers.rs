//! Files over HTTP: sent, imported by a worker, undone, and sent back.

use std::collections::BTreeSet;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{Api, Reply, on_every_store, unique};

const FILE: &str = "First Name,Last Name,Email,Shoe\nGrace,Hopper,grace@example.com,40\nMarie,Curie,nonsense,36\n";

async fn send_csv(api: &Api, path: &str, file: impl Into<reqwest::Body>) -> Reply {
    let request = api.request(Method::POST, path).header("content-type", "text/csv").body(file);
    Reply::of(request.send().await.unwrap()).await
}

async fn send_form(api: &Api, path: &str, form: Form) -> Reply {
    Reply::of(api.request(Method::POST, path).multipart(form).send().await.unwrap()).await
}

fn file(text: &str) -> Part {
    Part::text(text.to_owned()).file_name("people.csv").mime_str("text/csv").unwrap()
}

async fn text(api: &Api, path: &str) -> String {
    let response = api.request(Method::GET, path).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/csv; charset=utf-8");
    String::from_utf8(response.bytes().await.unwrap().to_vec()).unwrap()
}

/// The job, once it has ended.
async fn ended(api: &Api, job: &Reply) -> Value {
    let path = job.header("location").to_owned();
    assert!(path.ends_with(job.id()), "{path}");
    api.ended(job.id()).await
}

#[tokio::test]
async fn a_file_is_imported_by_a_job_and_undone_by_another() {
    on_every_store(|api| async move {
        let job = send_csv(&api, "/api/v1/contacts/import/csv", FILE).await.expect(202);
        assert_eq!((&job.json["kind"], &job.json["queue"]), (&json!("import"), &json!("import")));
        let done = ended(&api, &job).await;
        assert_eq!(done["state"], "done", "{done:#}");
        assert_eq!(done["progress"]["done"], FILE.len());
        assert_eq!(done["result"]["counts"], json!({"created": 1, "updated": 0, "unchanged": 0, "failed": 1}));
        let import = done["import_id"].as_str().unwrap();
        let failed = text(&api, &format!("/api/v1/imports/{import}/failed.csv")).await;
        assert!(failed.contains("Marie,Curie,nonsense,36") && failed.contains("3,email,"), "{failed}");
        assert_eq!(api.get(&format!("/api/v1/imports/{import}")).await.expect(200).json["state"], "done");
        let exported = text(&api, "/api/v1/contacts/export/csv?q=grace").await;
        assert!(exported.contains("grace@example.com"), "{exported}");

        let job = api.post(&format!("/api/v1/imports/{import}/revert"), json!({})).await.expect(202);
        let done = ended(&api, &job).await;
        assert_eq!((&done["state"], &done["result"]["deleted"]), (&json!("done"), &json!(1)), "{done:#}");
        assert_eq!(api.get("/api/v1/contacts").await.expect(200).json["data"], json!([]));
        let jobs = api.get("/api/v1/jobs?state=done&queue=import").await.expect(200);
        assert_eq!(jobs.json["data"].as_array().unwrap().len(), 2);
        let path = format!("/api/v1/jobs/{}", job.id());
        api.post(&format!("{path}/cancel"), json!({})).await.problem(409, "job_state");
        api.post(&format!("{path}/retry"), json!({})).await.problem(409, "job_state");
    })
    .await;
}

#[tokio::test]
async fn a_job_is_cancelled_and_taken_up_again() {
    on_every_store(|api| async move {
        // Nobody takes it meanwhile.
        api.post("/api/v1/queues/import/pause", Value::Null).await.expect(200);
        let job = send_csv(&api, "/api/v1/contacts/import/csv", FILE).await.expect(202);
        let path = format!("/api/v1/jobs/{}", job.id());
        let steer = async |verb: &str, key: &str| {
            let request = api.request(Method::POST, &format!("{path}/{verb}")).header("idempotency-key", key);
            Reply::of(request.send().await.unwrap()).await
        };
        api.post(&format!("{path}/retry"), Value::Null).await.problem(409, "job_state");
        let cancelled = steer("cancel", "k-1").await.expect(200);
        assert_eq!((cancelled.id(), &cancelled.json["state"]), (job.id(), &json!("cancelled")));
        assert!(cancelled.json["finished_at"].is_string(), "{:#}", cancelled.json);
        assert_eq!(cancelled.header("etag"), format!("\"{}\"", cancelled.json["version"]));
        assert_eq!(steer("cancel", "k-1").await.expect(200).json, cancelled.json);
        api.post(&format!("{path}/cancel"), Value::Null).await.problem(409, "job_state");
        assert_eq!(api.get(&path).await.expect(200).json, cancelled.json);

        let queued = steer("retry", "k-2").await.expect(200);
        assert_eq!((queued.id(), &queued.json["state"]), (job.id(), &json!("queued")));
        assert_eq!((&queued.json["finished_at"], &queued.json["attempts"]), (&Value::Null, &json!(0)));
        api.post("/api/v1/queues/import/resume", Value::Null).await.expect(200);
        let done = api.ended(job.id()).await;
        assert_eq!((&done["state"], &done["result"]["counts"]["created"]), (&json!("done"), &json!(1)), "{done:#}");
        assert_eq!(api.get("/api/v1/contacts?count=true").await.expect(200).json["total"], 1);
    })
    .await;
}

#[tokio::test]
async fn a_dry_run_looks_at_the_first_100_000_rows_and_says_so() {
    let api = Api::memory().await;
    // Blank rows are rows.
    let looked_at = async |blank: usize| {
        let file = format!("First Name,Last Name\n{}Grace,Hopper\n", ",\n".repeat(blank));
        send_csv(&api, "/api/v1/contacts/import/csv?dry_run=true", file).await.expect(200).json
    };
    let whole = looked_at(99_999).await;
    assert_eq!((&whole["rows"], &whole["counts"]["created"]), (&json!(100_000), &json!(1)));
    assert_eq!(whole.get("cut_off_after"), None);
    let cut = looked_at(100_000).await;
    assert_eq!((&cut["rows"], &cut["counts"]["created"]), (&json!(100_000), &json!(0)));
    assert_eq!(cut["cut_off_after"], 100_000);
}

#[tokio::test]
async fn a_job_writes_the_file_that_an_export_sends_at_once() {
    on_every_store(|api| async move {
        for name in ["Hopper", "Curie", "=1+1"] {
            api.post("/api/v1/contacts", json!({"last_name": name, "title": "Dr"})).await.expect(201);
        }
        let path = "/api/v1/contacts/export/csv";
        let list = json!({"sort": "last_name", "filter": {"field": "title", "op": "eq", "value": "Dr"}});
        // Nobody takes it meanwhile.
        api.post("/api/v1/queues/export/pause", Value::Null).await.expect(200);
        let job = api.post(path, list.clone()).await.expect(202);
        assert_eq!((&job.json["kind"], &job.json["queue"]), (&json!("export"), &json!("export")));
        assert_eq!((&job.json["list"]["sort"], &job.json["file"]["rows"]), (&json!("last_name"), &json!(0)));
        let file = format!("/api/v1/exports/{}/file.csv", job.id());
        api.get(&file).await.problem(409, "export_running");
        let other = api.post(path, json!({})).await.expect(202);
        api.post(&format!("/api/v1/jobs/{}/cancel", other.id()), Value::Null).await.expect(200);
        api.get(&format!("/api/v1/exports/{}/file.csv", other.id())).await.problem(404, "not_found");
        api.post("/api/v1/queues/export/resume", Value::Null).await.expect(200);
        let done = ended(&api, &job).await;
        assert_eq!((&done["state"], &done["progress"]), (&json!("done"), &json!({"done": 3, "total": 3})), "{done:#}");
        let fetched = text(&api, &file).await;
        assert_eq!(done["result"], json!({"rows": 3, "bytes": fetched.len()}));
        assert!(fetched.contains("'=1+1"), "{fetched}");
        let query = "sort=last_name&filter=%7B%22field%22:%22title%22,%22op%22:%22eq%22,%22value%22:%22Dr%22%7D";
        assert_eq!(fetched, text(&api, &format!("{path}?{query}")).await);
        let listed = api.get("/api/v1/jobs?kind=export&state=done").await.expect(200);
        assert_eq!(listed.json["data"][0]["id"], job.id());
        for bad in [json!({"limit": 5}), json!({"sort": "nonsense"}), json!({"tags": ["a"]})] {
            api.post(path, bad).await.problem(422, "invalid");
        }
        let stranger = api.register(&unique("stranger")).await["access_token"].as_str().unwrap().to_owned();
        api.send(Method::GET, &file, Some(&stranger), None).await.problem(404, "not_found");
        api.send(Method::DELETE, &file, Some(&stranger), None).await.problem(404, "not_found");
        api.delete(&file).await.expect(204);
        api.get(&file).await.problem(404, "not_found");
        api.delete(&file).await.problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn imports_are_listed_the_latest_first() {
    let api = Api::memory().await;
    let mut imports = Vec::new();
    for _ in 0..3 {
        let job = send_csv(&api, "/api/v1/contacts/import/csv", FILE).await.expect(202);
        imports.insert(0, ended(&api, &job).await["import_id"].as_str().unwrap().to_owned());
    }
    let first = api.get("/api/v1/imports?limit=2").await.expect(200).json;
    let rest = api.get(&format!("/api/v1/imports?cursor={}", first["next_cursor"].as_str().unwrap())).await.expect(200);
    let pages = [&first, &rest.json].map(|page| page["data"].as_array().unwrap().clone()).concat();
    assert_eq!(pages.iter().map(|import| import["id"].as_str().unwrap()).collect::<Vec<_>>(), imports);
    assert!(pages.iter().all(|import| import["state"] == "done") && rest.json["next_cursor"].is_null());
    api.get("/api/v1/imports?limit=0").await.problem(422, "invalid");
    api.get("/api/v1/imports?cursor=x").await.problem(422, "invalid");
}

#[tokio::test]
async fn a_form_carries_the_options_beside_the_file() {
    let api = Api::memory().await;
    let options = json!({"mapping": {"Shoe": "title"}, "on_duplicate": "create"}).to_string();
    let form = || Form::new().text("options", options.clone()).part("file", file(FILE));
    let preview = send_form(&api, "/api/v1/contacts/import/csv?dry_run=true", form()).await.expect(200);
    assert_eq!(preview.json["counts"]["created"], 1, "{:#}", preview.json);
    assert_eq!(api.get("/api/v1/contacts").await.expect(200).json["data"], json!([]));
    // The file may come before its options.
    let form = Form::new().part("file", file(FILE)).text("options", options.clone());
    let job = send_form(&api, "/api/v1/contacts/import/csv", form).await.expect(202);
    assert_eq!(ended(&api, &job).await["result"]["counts"]["created"], 1);
    assert_eq!(api.get("/api/v1/contacts").await.expect(200).json["data"][0]["title"], "40");
    let job = send_csv(
        &api,
        "/api/v1/companies/import/csv?on_duplicate=update&delimiter=%3B",
        "Name;Domain\nAcme;acme.example\n",
    );
    assert_eq!(ended(&api, &job.await.expect(202)).await["result"]["counts"]["created"], 1);
}

#[tokio::test]
async fn a_file_sent_again_under_its_key_is_one_import() {
    let api = Api::memory().await;
    let send = |body: &'static str| {
        let request = api.request(Method::POST, "/api/v1/contacts/import/csv");
        let request = request.header("content-type", "text/csv").header("idempotency-key", "k-1").body(body);
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let first = send(FILE).await.expect(202);
    assert_eq!(send(FILE).await.expect(202).id(), first.id());
    let faults = send("Last Name\nCurie\n").await.faults();
    assert_eq!(faults[0].1, "idempotency_key_reused");
}

#[tokio::test]
async fn a_file_sent_many_times_at_once_under_one_key_is_one_import() {
    on_every_store(|api| async move {
        let key = unique("key");
        // Each of them would define the field and make the contact once more.
        let path = "/api/v1/contacts/import/csv?create_fields=true&on_duplicate=create";
        let send = || {
            let request = api.request(Method::POST, path).header("content-type", "text/csv");
            let request = request.header("idempotency-key", &key).body(FILE);
            async { Reply::of(request.send().await.unwrap()).await }
        };
        let replies = futures::future::join_all((0..8).map(|_| send())).await;
        assert!(replies.iter().all(|reply| matches!(reply.status.as_u16(), 202 | 503)), "{replies:#?}");
        let jobs: BTreeSet<_> =
            replies.iter().filter(|reply| reply.status == 202).map(|reply| reply.id().to_owned()).collect();
        assert_eq!(jobs.len(), 1, "{replies:#?}");
        let job = send().await.expect(202);
        assert!(jobs.contains(job.id()));
        assert_eq!(ended(&api, &job).await["result"]["counts"]["created"], 1);
        for (list, expected) in [("jobs?queue=import", 1), ("imports", 1), ("contacts", 1), ("custom-fields", 1)] {
            let listed = api.get(&format!("/api/v1/{list}")).await.expect(200).json;
            assert_eq!(listed["data"].as_array().unwrap().len(), expected, "{list}: {listed:#}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_cell_of_a_megabyte_costs_its_row_and_no_other() {
    on_every_store(|api| async move {
        let (most, long, endless) = ("x".repeat(65_536), "y".repeat(1_000_000), "z".repeat(5 * 1024 * 1024));
        let file =
            format!("Last Name,Words on them\nBefore,{most}\nLong,{long}\nBetween,\nEndless,{endless}\nAfter,a\n");
        let path = "/api/v1/contacts/import/csv";
        let preview = send_csv(&api, &format!("{path}?dry_run=true"), file.clone()).await.expect(200).json;
        let job = send_csv(&api, path, file).await.expect(202);
        let done = ended(&api, &job).await;
        assert_eq!((&done["state"], &done["result"]["counts"]), (&json!("done"), &preview["counts"]), "{done:#}");
        assert_eq!(preview["counts"], json!({"created": 3, "updated": 0, "unchanged": 0, "failed": 2}));
        let faults = |error: &Value| json!([error["line"], error["field"], error["code"]]);
        let foreseen: Vec<Value> = preview["errors"].as_array().unwrap().iter().map(faults).collect();
        assert_eq!(foreseen, [json!([3, "Words on them", "cell_too_long"]), json!([5, "", "record_too_long"])]);
        let import = done["import_id"].as_str().unwrap();
        let failed = text(&api, &format!("/api/v1/imports/{import}/failed.csv")).await;
        let rows: Vec<&str> = failed.lines().skip(1).collect();
        assert_eq!(rows.len(), 2, "{failed}");
        assert!(rows[0].starts_with("3,Words on them,") && rows[1].starts_with("5,,"), "{failed}");
        let kept = api.get("/api/v1/contacts?sort=last_name").await.expect(200).json;
        let names: Vec<&Value> = kept["data"].as_array().unwrap().iter().map(|kept| &kept["last_name"]).collect();
        assert_eq!(names, ["After", "Before", "Between"]);
    })
    .await;
}

#[tokio::test]
async fn what_is_no_importable_file_is_refused() {
    let api = Api::memory().await;
    let path = "/api/v1/contacts/import/csv";
    assert_eq!(send_csv(&api, path, "").await.faults(), [("file".to_owned(), "no_header".to_owned())]);
    let field = |reply: Reply| reply.faults().remove(0).0;
    assert_eq!(field(send_csv(&api, &format!("{path}?mapping=7"), FILE).await), "mapping");
    assert_eq!(
        field(send_csv(&api, &format!("{path}?mapping=%7B%22Shoe%22:%22boot%22%7D"), FILE).await),
        "mapping.Shoe"
    );
    assert_eq!(field(send_csv(&api, &format!("{path}?on_duplicate=maybe"), FILE).await), "on_duplicate");
    assert_eq!(field(send_csv(&api, &format!("{path}?delimiter=ab"), FILE).await), "delimiter");
    assert_eq!(field(send_csv(&api, &format!("{path}?colour=red"), FILE).await), "colour");
    assert_eq!(field(send_form(&api, path, Form::new().text("options", "{}")).await), "file");
    let twice = || Form::new().part("file", file(FILE)).part("file", file(FILE));
    assert_eq!(field(send_form(&api, path, twice()).await), "file");
    let form = Form::new().part("file", file(FILE)).text("options", json!({"colour": 1}).to_string());
    assert_eq!(field(send_form(&api, path, form).await), "colour");
    let form = Form::new().part("file", file(FILE)).text("extra", "1");
    assert_eq!(field(send_form(&api, path, form).await), "extra");
    let form = Form::new().part("file", file(FILE)).text("options", "{");
    send_form(&api, path, form).await.problem(400, "malformed_json");
    api.post(path, json!({})).await.problem(415, "unsupported_media_type");
    let zipped = api.request(Method::POST, path).header("content-type", "text/csv").header("content-encoding", "gzip");
    Reply::of(zipped.body(FILE).send().await.unwrap()).await.problem(415, "unsupported_media_type");
    let no_boundary = api.request(Method::POST, path).header("content-type", "multipart/form-data").body("--x");
    assert_eq!(field(Reply::of(no_boundary.send().await.unwrap()).await), "body");
    api.get("/api/v1/contacts/export/csv?sort=nonsense").await.expect(422);
    api.get("/api/v1/contacts/export/csv?limit=5").await.expect(422);
    let nowhere = "01900000-0000-7000-8000-000000000000";
    for path in ["imports/{}", "imports/{}/failed.csv", "jobs/{}"] {
        api.get(&format!("/api/v1/{}", path.replace("{}", nowhere))).await.problem(404, "not_found");
    }
    api.post(&format!("/api/v1/imports/{nowhere}/revert"), json!({})).await.problem(404, "not_found");
    assert_eq!(api.get("/api/v1/jobs").await.expect(200).json["data"], json!([]));
}

#[tokio::test]
async fn files_of_other_workspaces_are_not_there() {
    let api = Api::memory().await;
    let job = send_csv(&api, "/api/v1/contacts/import/csv", FILE).await.expect(202);
    let import = ended(&api, &job).await["import_id"].as_str().unwrap().to_owned();
    let other = api.register("other").await;
    let token = other["access_token"].as_str();
    for path in [format!("imports/{import}"), format!("imports/{import}/failed.csv"), format!("jobs/{}", job.id())] {
        api.send(Method::GET, &format!("/api/v1/{path}"), token, None).await.problem(404, "not_found");
    }
    for path in [format!("imports/{import}/revert"), format!("jobs/{}/cancel", job.id())] {
        api.send(Method::POST, &format!("/api/v1/{path}"), token, None).await.problem(404, "not_found");
    }
}
