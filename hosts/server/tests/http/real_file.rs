//! A team's real history over HTTP: one form in, then each figure in one call, against a second
//! computation from the bytes of the files.

use std::collections::BTreeMap;
use std::time::Duration;

use crm_core::testkit::PATIENCE;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

use crate::support::{Api, Reply, on_every_store};

const PIPELINE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/sales_pipeline.csv"));
const ACCOUNTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/accounts.csv"));
const PRODUCTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/products.csv"));
const TEAMS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/data/sales_teams.csv"));
const PATH: &str = "/api/v1/deals/import/csv";

fn csv(text: &'static str) -> Part {
    Part::text(text).file_name("file.csv").mime_str("text/csv").unwrap()
}

fn form() -> Form {
    let options = json!({"values": {"product": {"GTXPro": "GTX Pro"}}, "on_duplicate": "update"});
    let form = Form::new().text("options", options.to_string()).part("companies", csv(ACCOUNTS));
    form.part("products", csv(PRODUCTS)).part("teams", csv(TEAMS)).part("file", csv(PIPELINE))
}

async fn send(api: &Api, path: &str, form: Form) -> Reply {
    Reply::of(api.request(Method::POST, path).multipart(form).send().await.unwrap()).await
}

/// Sends the history and gives the job, once it is done.
async fn history(api: &Api) -> Value {
    let job = send(api, PATH, form()).await.expect(202);
    let path = job.header("location").to_owned();
    let end = async {
        loop {
            let job = api.get(&path).await.expect(200).json;
            if job["finished_at"].is_string() {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let job = tokio::time::timeout(PATIENCE, end).await.unwrap();
    assert_eq!(job["state"], "done", "{job:#}");
    job
}

fn dollars(totals: &Value) -> i64 {
    let totals = totals.as_array().unwrap();
    assert!(totals.iter().all(|money| money["currency"] == "USD"), "{totals:?}");
    totals.iter().map(|money| money["amount_minor"].as_i64().unwrap()).sum::<i64>() / 100
}

/// The rows of a file, cut at their commas: it has no quotes.
fn rows(file: &'static str) -> Vec<Vec<&'static str>> {
    file.lines().skip(1).map(|line| line.split(',').collect()).collect()
}

#[tokio::test]
async fn a_history_goes_in_as_one_form_and_its_figures_come_out() {
    on_every_store(|api| async move {
        let job = history(&api).await;
        assert_eq!(job["result"]["counts"], json!({"created": 8_800, "updated": 0, "unchanged": 0, "failed": 0}));
        assert_eq!(job["progress"]["done"], PIPELINE.len() + ACCOUNTS.len());
        let companies = job["companies"]["import_id"].as_str().unwrap();
        let companies = api.get(&format!("/api/v1/imports/{companies}")).await.expect(200);
        assert_eq!(companies.json["counts"]["created"], 85);

        let prices: BTreeMap<&str, i64> =
            rows(PRODUCTS).iter().map(|cells| (cells[0], cells[2].parse().unwrap())).collect();
        let mut stages: BTreeMap<String, (u64, i64)> = BTreeMap::new();
        let (mut months, mut agents) = (BTreeMap::<String, i64>::new(), BTreeMap::<&str, i64>::new());
        for cells in rows(PIPELINE) {
            let price = prices[if cells[2] == "GTXPro" { "GTX Pro" } else { cells[2] }];
            let worth = if cells[6].is_empty() { price } else { cells[7].parse().unwrap() };
            let (count, total) = stages.entry(cells[4].to_owned()).or_default();
            (*count, *total) = (*count + 1, *total + worth);
            if cells[4] == "Won" {
                let day: Vec<&str> = cells[6].split('/').collect();
                *months.entry(format!("{}-{:0>2}-01", day[2], day[0])).or_default() += worth;
                *agents.entry(cells[1]).or_default() += worth;
            }
        }
        assert_eq!(stages["Won"], (4_238, 10_005_534));
        let board = api.get("/api/v1/deals/pipeline").await.expect(200).json;
        let told = board["stages"].as_array().unwrap().iter().map(|stage| {
            let name = stage["name"].as_str().unwrap().to_owned();
            (name, (stage["count"].as_u64().unwrap(), dollars(&stage["total"])))
        });
        assert_eq!(told.collect::<BTreeMap<_, _>>(), stages);

        let sales = api.get("/api/v1/analytics/sales").await.expect(200).json["figures"].take();
        assert_eq!((&sales["total"]["won"], &sales["total"]["lost"]), (&json!(4_238), &json!(2_473)));
        assert_eq!(format!("{:.2}", sales["total"]["win_rate"].as_f64().unwrap() * 100.0), "63.15");
        let told = sales["periods"].as_array().unwrap().iter();
        let told = told.map(|one| (one["period"].as_str().unwrap().to_owned(), dollars(&one["won_value"])));
        assert_eq!((months["2017-03-01"], months["2017-12-01"]), (1_134_672, 1_131_573));
        assert_eq!(told.collect::<BTreeMap<_, _>>(), months);

        let velocity = api.get("/api/v1/deals/analytics/velocity").await.expect(200).json["figures"].take();
        assert_eq!(format!("{:.2}", velocity["won_cycle"]["mean"].as_f64().unwrap()), "51.78");
        assert_eq!(velocity["won_cycle"]["median"], 57.0);
        let ranks = api.get("/api/v1/analytics/team").await.expect(200).json["figures"]["ranks"].take();
        let top = agents.iter().max_by_key(|(_, sum)| **sum).unwrap();
        assert_eq!((ranks[0]["name"].as_str(), dollars(&ranks[0]["won_value"])), (Some(*top.0), 1_153_214));

        let fields = api.get("/api/v1/custom-fields").await.expect(200).json;
        assert_eq!(
            (&fields["data"][0]["kind"], fields["data"][0]["choices"].as_array().unwrap().len()),
            (&json!("choice"), 7)
        );
        let guessed = json!({"filter": {"field": "value_estimated", "op": "eq", "value": true}, "count": true});
        assert_eq!(api.post("/api/v1/deals/search", guessed).await.expect(200).json["total"], 2_089);
        let people = api.get("/api/v1/users?limit=200").await.expect(200).json;
        assert_eq!(people["data"].as_array().unwrap().iter().filter(|user| user["email"].is_null()).count(), 41);

        let again = history(&api).await;
        assert_eq!(again["result"]["counts"], json!({"created": 0, "updated": 0, "unchanged": 8_800, "failed": 0}));
    })
    .await;
}

#[tokio::test]
async fn what_lies_beside_a_file_is_refused_by_name_and_keeps_nothing() {
    let api = Api::memory().await;
    let file = || Form::new().part("file", csv("id,name\n1,A\n"));
    let fields = |reply: Reply| reply.faults().into_iter().map(|fault| fault.0).collect::<Vec<_>>();
    for (part, content, field) in [
        ("products", "product,price\nA,five\n", "products"),
        ("products", "product,price\nA,-5\n", "products.0.price"),
        ("teams", "manager\nB\n", "teams"),
        ("companies", "\n", "companies.file"),
    ] {
        assert_eq!(fields(send(&api, PATH, file().part(part, csv(content))).await), [field]);
    }
    let twice = file().part("teams", csv("member\nA\n")).part("teams", csv("member\nA\n"));
    assert_eq!(fields(send(&api, PATH, twice).await), ["teams"]);
    let both = json!({"products": [{"name": "A"}]}).to_string();
    let both = file().text("options", both).part("products", csv("product\nA\n"));
    assert_eq!(fields(send(&api, PATH, both).await), ["products"]);
    let long = Part::text("x".repeat(1024 * 1024 + 1));
    send(&api, PATH, file().part("products", long)).await.problem(413, "body_too_large");
    let misplaced = Form::new().part("companies", csv(ACCOUNTS)).part("file", csv("last name\nA\n"));
    assert_eq!(fields(send(&api, "/api/v1/contacts/import/csv", misplaced).await), ["companies"]);
    let preview =
        send(&api, &format!("{PATH}?dry_run=true"), file().part("companies", csv(ACCOUNTS))).await.expect(200);
    assert_eq!(preview.json["counts"]["created"], 1);
    assert_eq!(
        (&preview.json["companies"]["entity"], &preview.json["companies"]["counts"]["created"]),
        (&json!("company"), &json!(85))
    );
    let faulty = file().part("companies", csv("\n"));
    assert_eq!(fields(send(&api, &format!("{PATH}?dry_run=true"), faulty).await), ["companies.file"]);
    for path in ["/api/v1/jobs", "/api/v1/deals", "/api/v1/companies"] {
        assert_eq!(api.get(path).await.expect(200).json["data"], json!([]), "{path}");
    }
}

#[tokio::test]
async fn a_form_sent_again_under_its_key_is_one_import_unless_a_file_beside_it_changed() {
    let api = Api::memory().await;
    let send = |products: &'static str, companies: &'static str| {
        let form = Form::new().part("file", csv("id,name\n1,A\n")).part("products", csv(products));
        let form = form.part("companies", csv(companies));
        let request = api.request(Method::POST, PATH).header("idempotency-key", "k-1").multipart(form);
        async move { Reply::of(request.send().await.unwrap()).await }
    };
    let first = send("product\nA\n", "name\nAcme\n").await.expect(202);
    assert_eq!(send("product\nA\n", "name\nAcme\n").await.expect(202).id(), first.id());
    for (products, companies) in [("product\nB\n", "name\nAcme\n"), ("product\nA\n", "name\nOther\n")] {
        assert_eq!(send(products, companies).await.faults()[0].1, "idempotency_key_reused");
    }
}
