//! Exchange rates over HTTP.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Reply, on_every_store};

const RATES: &str = "/api/v1/exchange-rates";

fn rate(base: &str, quote: &str, rate: &str, day: &str) -> Value {
    json!({"base_currency": base, "quote_currency": quote, "rate": rate, "valid_from": day})
}

#[tokio::test]
async fn a_rate_is_set_read_changed_and_deleted() {
    on_every_store(|api| async move {
        let made = api.post(RATES, rate("EUR", "USD", "1.0842", "2026-01-31")).await.expect(201);
        let path = format!("{RATES}/{}", made.id());
        // Nothing is made by saying it again.
        let again = api.post(RATES, rate("EUR", "USD", "1.0842", "2026-01-31")).await.expect(200);
        assert_eq!((again.id(), again.header("etag")), (made.id(), "\"1\""));
        for _ in 0..2 {
            let once = api.request(Method::POST, RATES).header("idempotency-key", "again");
            let said = once.json(&rate("EUR", "USD", "1.0842", "2026-01-31"));
            Reply::of(said.send().await.unwrap()).await.expect(200);
        }
        assert_eq!((made.header("location"), made.header("etag")), (path.as_str(), "\"1\""));
        let turned = api.post(RATES, rate("USD", "EUR", "0.9", "2026-01-31")).await.expect(200);
        assert_eq!((turned.id(), turned.header("etag")), (made.id(), "\"2\""));
        let put = async |version: &str| {
            let change = json!({"base_currency": "USD", "quote_currency": "EUR", "rate": "0.95"});
            let request = api.request(Method::PUT, &path).header("if-match", version).json(&change);
            Reply::of(request.send().await.unwrap()).await
        };
        put("\"1\"").await.problem(409, "stale_version");
        put("\"2\"").await.expect(200);
        let read = api.get(&path).await.expect(200).json;
        assert_eq!(
            (&read["base_currency"], &read["quote_currency"], &read["rate"], &read["valid_from"]),
            (&json!("USD"), &json!("EUR"), &json!("0.95"), &json!("2026-01-31"))
        );
        api.post(RATES, rate("EUR", "USD", "2", "2026-02-01")).await.expect(201);
        let page = api.get(&format!("{RATES}?limit=1&currency=EUR")).await.expect(200).json;
        assert_eq!((&page["data"][0]["rate"], page["next_cursor"].is_string()), (&json!("2"), true));
        let cursor = page["next_cursor"].as_str().unwrap();
        let rest = api.get(&format!("{RATES}?limit=1&currency=EUR&cursor={cursor}")).await.expect(200).json;
        assert_eq!((&rest["data"][0]["rate"], &rest["next_cursor"]), (&json!("0.95"), &Value::Null));
        api.delete(&path).await.expect(204);
        api.get(&path).await.problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn sums_come_in_the_workspaces_currency_beside_their_own() {
    on_every_store(|api| async move {
        for (minor, currency) in [(1_000, "USD"), (2_000, "EUR"), (500, "GBP")] {
            let value = json!({"amount_minor": minor, "currency": currency});
            api.post("/api/v1/deals", json!({"title": "D", "value": value})).await.expect(201);
        }
        api.post(RATES, rate("EUR", "USD", "1.5", "2020-01-01")).await.expect(201);
        let board = api.get("/api/v1/deals/pipeline").await.expect(200).json;
        assert_eq!(board["currency_totals"].as_array().unwrap().len(), 3);
        let converted = json!({"amount_minor": 4_000, "currency": "USD"});
        let left_out = json!([{"amount_minor": 500, "currency": "GBP"}]);
        assert_eq!((&board["converted"]["total"], &board["converted"]["without_rate"]), (&converted, &left_out));
        let forecast = api.get("/api/v1/deals/analytics/forecast").await.expect(200).json;
        let undated = &forecast["figures"]["undated"]["converted"];
        assert_eq!((&undated["open_pipeline"], &undated["without_rate"]), (&converted, &left_out));
    })
    .await;
}

#[tokio::test]
async fn what_no_rate_is_is_told_at_its_place() {
    let api = Api::memory().await;
    let good = || rate("EUR", "USD", "1.0842", "2026-01-31");
    for (field, value) in [
        ("base_currency", json!("EURO")),
        ("quote_currency", json!("EUR")),
        ("rate", json!("0")),
        ("rate", json!("-1")),
        ("rate", json!("1e3")),
        ("rate", json!("1,5")),
        ("rate", json!("0.00000000001")),
        ("rate", json!("100000000")),
        ("rate", json!(1.5)),
        ("rate", Value::Null),
        ("valid_from", json!("2026-1-31")),
        ("valid_from", json!("2026-02-30")),
        ("valid_from", json!("0000-01-01")),
        ("valid_from", json!("+10000-01-01")),
        ("note", json!("x")),
    ] {
        let mut body = good();
        body[field] = value.clone();
        let faults = api.post(RATES, body).await.faults();
        assert_eq!(faults[0].0, field, "{value}");
    }
    let made = api.post(RATES, good()).await.expect(201).id().to_owned();
    let faults = api.put(&format!("{RATES}/{made}"), good()).await.faults();
    assert_eq!(faults, [("valid_from".to_owned(), "unknown_field".to_owned())]);
    let other = json!({"base_currency": "EUR", "quote_currency": "GBP", "rate": "1"});
    let faults = api.put(&format!("{RATES}/{made}"), other).await.faults();
    assert_eq!(faults, [("quote_currency".to_owned(), "another_pair".to_owned())]);
    for (query, field) in
        [("limit=0", "limit"), ("cursor=x", "cursor"), ("from=2026-1-1", "from"), ("currency=EURO", "currency")]
    {
        assert_eq!(api.get(&format!("{RATES}?{query}")).await.faults()[0].0, field, "{query}");
    }
}
