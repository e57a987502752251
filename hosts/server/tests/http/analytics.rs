//! Figures over HTTP: what was moved is what they tell, and every one explains itself.

use serde_json::{Value, json};

use crate::support::{Api, on_every_store};

/// A deal that is made and moved through stages by their names.
async fn deal(api: &Api, body: Value, stages: &[&str]) -> String {
    let pipelines = api.get("/api/v1/pipelines").await.expect(200).json;
    let known = pipelines["data"][0]["stages"].as_array().unwrap();
    let id = api.post("/api/v1/deals", body).await.expect(201).id().to_owned();
    for name in stages {
        let stage = known.iter().find(|stage| stage["name"] == *name).unwrap();
        let mut body = json!({"stage_id": stage["id"]});
        if stage["kind"] == "lost" {
            body["lost_reason"] = "Too dear".into();
        }
        api.put(&format!("/api/v1/deals/{id}/stage"), body).await.expect(200);
    }
    id
}

fn worth(title: &str, minor: i64) -> Value {
    json!({"title": title, "value": {"amount_minor": minor, "currency": "USD"}})
}

fn explained<'a>(report: &'a Value, figure: &str) -> &'a Value {
    report["explanations"].as_array().unwrap().iter().find(|one| one["figure"] == figure).unwrap()
}

#[tokio::test]
async fn figures_tell_what_was_moved_and_what_stands_behind_them() {
    on_every_store(|api| async move {
        let won = deal(&api, worth("A", 300), &["Engaging", "Won"]).await;
        let lost = deal(&api, worth("B", 500), &["Lost"]).await;
        let mut open = worth("C", 1_000);
        open["expected_close_date"] = "2999-02-28".into();
        open["probability"] = 90.into();
        let open = deal(&api, open, &[]).await;

        let sales = api.get("/api/v1/analytics/sales?explain=true&every=year").await.expect(200).json;
        let total = &sales["figures"]["total"];
        assert_eq!((&total["won"], &total["lost"], &total["win_rate"]), (&json!(1), &json!(1), &json!(0.5)));
        assert_eq!(explained(&sales, "total.lost")["ids"], json!([lost]));
        assert_eq!(explained(&sales, "total.win_rate")["denominator"], 2);
        let rest = format!("/api/v1/analytics/sales?explain=true&ids_after={lost}");
        let rest = api.get(&rest).await.expect(200).json;
        let behind = explained(&rest, "total.lost");
        assert_eq!(
            (&behind["ids"], &behind["ids_are_capped"], &behind["id_count"]),
            (&json!([]), &json!(false), &json!(1))
        );

        let conversion = api.get("/api/v1/deals/analytics/conversion?path=every_stage").await.expect(200).json;
        let stages = conversion["figures"]["stages"].as_array().unwrap();
        let reached: Vec<&Value> = stages.iter().map(|stage| &stage["reached"]).collect();
        assert_eq!(reached, [3, 1, 1, 1]);

        let forecast = api.get("/api/v1/deals/analytics/forecast?from=2999-01-01&explain=true").await.expect(200).json;
        let usd = |minor: i64| json!([{"amount_minor": minor, "currency": "USD"}]);
        let total = &forecast["figures"]["total"];
        assert_eq!((&total["commit"], &total["weighted"]), (&usd(1_000), &usd(900)));
        assert_eq!(forecast["figures"]["months"][0]["month"], "2999-02-01");
        assert_eq!(explained(&forecast, "total.commit")["ids"], json!([open]));

        let velocity = api.get("/api/v1/deals/analytics/velocity").await.expect(200).json;
        assert_eq!((&velocity["figures"]["opportunities"], velocity.get("explanations")), (&json!(1), None));
        let team = api.get("/api/v1/analytics/team").await.expect(200).json;
        assert_eq!(team["figures"]["ranks"][0]["won_value"], usd(300));

        let board = api.get("/api/v1/deals/pipeline?cards=1").await.expect(200).json;
        assert_eq!((&board["stages"][2]["deals"][0]["id"], &board["stages"][0]["weighted"]), (&json!(won), &usd(900)));
        let lost = api.get(&format!("/api/v1/deals/{lost}")).await.expect(200).json;
        assert_eq!(lost["lost_reason"], "Too dear");
    })
    .await;
}

#[tokio::test]
async fn a_board_of_some_deals_says_which_and_its_cards_go_on_with_them() {
    on_every_store(|api| async move {
        let vip = |title: &str| {
            let mut body = worth(title, 100);
            body["tags"] = json!(["vip"]);
            body
        };
        let mut own = Vec::new();
        for title in ["A", "B", "C"] {
            own.push(deal(&api, vip(title), &[]).await);
        }
        deal(&api, worth("D", 7), &[]).await;

        let asked = "/api/v1/deals/pipeline?cards=2&tag=vip&explain=true";
        let board = api.get(asked).await.expect(200).json;
        let mut sorted = own.clone();
        sorted.sort();
        let first = &board["stages"][0];
        assert_eq!((&first["count"], &first["total"][0]["amount_minor"]), (&json!(3), &json!(300)));
        assert_eq!(board["filter"], json!({"field": "tags", "op": "has_any", "value": ["vip"]}));
        let counted = explained(&board, &format!("stages.{}.count", first["stage_id"].as_str().unwrap()));
        assert_eq!((&counted["id_count"], &counted["ids"]), (&json!(3), &json!(sorted)));
        let here = json!({"field": "stage_id", "op": "eq", "value": first["stage_id"]});
        let rest = json!({
            "filter": {"all": [here, board["filter"]]},
            "sort": "-stage_entered_at",
            "limit": 2,
            "cursor": first["next_cursor"],
        });
        let rest = api.post("/api/v1/deals/search", rest).await.expect(200).json;
        assert_eq!((&rest["data"][0]["id"], &rest["next_cursor"]), (&json!(own[0]), &Value::Null));

        let all = api.get("/api/v1/deals/pipeline").await.expect(200).json;
        assert_eq!((&all["stages"][0]["count"], all.get("filter")), (&json!(4), None));
        let future = "/api/v1/deals/pipeline?from=2999-01-01&to=2999-01-31&compare=true";
        let future = api.get(future).await.expect(200).json;
        assert_eq!((&future["stages"][0]["count"], &future["before"]["stages"][0]["count"]), (&json!(0), &json!(0)));
    })
    .await;
}

#[tokio::test]
async fn a_bad_question_is_told_at_its_parameter() {
    let api = Api::memory().await;
    for (query, field) in [
        ("from=2026-02-30", "from"),
        ("compare=true", "compare"),
        ("ids_after=019a1c5e-7b00-7000-8000-000000000001", "ids_after"),
        ("cards=51", "cards"),
        ("cards=1&cards=2", "cards"),
        ("filter=%7B%22field%22:%22nothing%22,%22op%22:%22is_null%22%7D", "filter.field"),
        ("colour=red", "colour"),
    ] {
        let faults = api.get(&format!("/api/v1/deals/pipeline?{query}")).await.faults();
        assert_eq!(faults[0].0, field, "{query}");
    }
    for (query, field) in [
        ("sales?from=2026-02-30", "from"),
        ("sales?from=2026-02-02&to=2026-02-01", "to"),
        ("sales?from=2026-1-5", "from"),
        ("team?to=2026-1-05", "to"),
        ("sales?from=2026-01-05&from=2026-01-06", "from"),
        ("sales?every=day&every=week", "every"),
        ("sales?compare=true", "compare"),
        ("sales?ids_after=019a1c5e-7b00-7000-8000-000000000001", "ids_after"),
        ("sales?every=fortnight", "every"),
        ("team?filter=%7B%22field%22:%22nothing%22,%22op%22:%22is_null%22%7D", "filter.field"),
        ("team?colour=red", "colour"),
    ] {
        let faults = api.get(&format!("/api/v1/analytics/{query}")).await.faults();
        assert_eq!(faults[0].0, field, "{query}");
    }
    let unknown = "019a1c5e-7b00-7000-8000-000000000001";
    for path in ["deals/analytics/conversion", "deals/analytics/velocity", "deals/analytics/forecast"]
        .into_iter()
        .chain(["analytics/sales", "analytics/team"])
    {
        let query = format!("/api/v1/{path}?pipeline_id={unknown}");
        api.get(&query).await.problem(404, "not_found");
    }
    for percent in [json!(-1), json!(101), json!(1e30), json!("x")] {
        let body = json!({"title": "D", "probability": percent});
        let faults = api.post("/api/v1/deals", body).await.faults();
        assert_eq!(faults[0].0, "probability", "{percent}");
    }
    for day in ["2026-02-30", "1/2/2026", "tomorrow", "+10000-01-01"] {
        let body = json!({"title": "D", "expected_close_date": day});
        let faults = api.post("/api/v1/deals", body).await.faults();
        assert_eq!(faults[0].0, "expected_close_date", "{day}");
    }
}
