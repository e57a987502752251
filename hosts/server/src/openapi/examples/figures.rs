//! What analytics says of the one deal that the other examples sell.

use serde_json::{Value, json};

use super::{PIPELINE, STAGES, USER};
use crate::openapi::with;

/// The example of a schema.
pub(super) fn answer(schema: &str) -> Option<Value> {
    let figures = match schema {
        "Report_Conversion" => conversion(),
        "Report_Forecast" => forecast(),
        "Report_Velocity" => velocity(),
        "Report_Sales" => sales(),
        "Report_Leaderboard" => leaderboard(),
        "Report_Revenue" => {
            let total = json!({"won": 0, "won_value": [], "average_deal": [], "converted": converted_tally()});
            json!({"total": total, "every": "month", "periods": [], "owners": [], "sources": [], "currencies": []})
        }
        "Report_Funnel" => funnel(),
        "Report_Activity" => activity(),
        "Report_Dashboard" => json!({
            "sales": sales(),
            "forecast": forecast(),
            "conversion": conversion(),
            "velocity": velocity(),
            "leaderboard": leaderboard(),
        }),
        _ => return None,
    };
    Some(json!({"window": {"from": null, "to": null, "time_zone": "Europe/London"}, "figures": figures}))
}

/// Nothing has ended yet.
fn tally() -> Value {
    let converted = converted_tally();
    json!({"won": 0, "lost": 0, "win_rate": null, "won_value": [], "average_deal": [], "converted": converted})
}

fn converted_tally() -> Value {
    let nothing = json!({"amount_minor": 0, "currency": "USD"});
    json!({"won_value": nothing, "average_deal": null, "without_rate": []})
}

fn sales() -> Value {
    json!({"total": tally(), "every": "month", "periods": []})
}

fn leaderboard() -> Value {
    let rank = with(with(tally(), "owner_id", USER.into()), "name", "Grace Hopper".into());
    json!({"currency": "USD", "ranks": [with(rank, "open", 1.into())]})
}

/// Grace Hopper called Ada Lovelace and made a deal.
fn activity() -> Value {
    let done = json!({
        "all": 2,
        "notes": 0,
        "tasks": {"done": 1, "to_do": 0, "call": 1, "email": 0, "meeting": 0, "follow_up": 0},
        "deals": {"moved": 0, "won": 0, "lost": 0},
        "new_contacts": 0,
        "new_companies": 0,
        "new_deals": 1,
    });
    let person = with(with(done.clone(), "user_id", USER.into()), "name", "Grace Hopper".into());
    let period = with(done.clone(), "period", "2026-03-01".into());
    json!({"total": done, "every": "month", "periods": [period], "people": [person]})
}

/// Ada Lovelace is a lead.
fn funnel() -> Value {
    let step = |lifecycle: &str, reached: u64| {
        json!({
            "lifecycle": lifecycle,
            "here": reached,
            "reached": reached,
            "next_rate": (reached > 0).then_some(0.0),
            "cumulative_rate": if reached > 0 { 1.0 } else { 0.0 },
        })
    };
    let steps = [step("lead", 1), step("qualified", 0), step("opportunity", 0), step("customer", 0)];
    json!({"contacts": 1, "steps": steps, "churned": 0, "other": 0})
}

fn conversion() -> Value {
    let [first, second, won, lost] = STAGES;
    let stage = |id: &str, name: &str, kind: &str, there: u64, cumulative_rate: f64| {
        json!({
            "stage_id": id,
            "name": name,
            "kind": kind,
            "at_start": 0,
            "entries": there,
            "advanced": 0,
            "lost": 0,
            "moved_back": 0,
            "still_there": there,
            "reached": there,
            "skipped": 0,
            "next_rate": (there > 0).then_some(0.0),
            "cumulative_rate": cumulative_rate,
        })
    };
    json!({
        "pipeline_id": PIPELINE,
        "counting": "cohort",
        "path": "any_stage",
        "deals": 1,
        "stages": [
            stage(first, "Prospecting", "open", 1, 1.0),
            stage(second, "Engaging", "open", 0, 0.0),
            stage(won, "Won", "won", 0, 0.0),
            stage(lost, "Lost", "lost", 0, 0.0),
        ],
    })
}

fn forecast() -> Value {
    let value = || json!([{"amount_minor": 1_700_000, "currency": "GBP"}]);
    let dollars = |minor: u64| json!({"amount_minor": minor, "currency": "USD"});
    let converted = |open: u64| {
        json!({
            "pipeline": dollars(0),
            "best_case": dollars(2_161_040 * open),
            "commit": dollars(0),
            "closed": dollars(0),
            "cumulative_commit": dollars(0),
            "cumulative_best_case": dollars(2_161_040 * open),
            "open_pipeline": dollars(2_161_040 * open),
            "weighted": dollars(1_296_624 * open),
            "without_rate": [],
        })
    };
    let amounts = |open: u64, value: &dyn Fn() -> Value, weighted: Value| {
        json!({
            "open_count": open,
            "closed_count": 0,
            "without_value": 0,
            "pipeline": [],
            "best_case": value(),
            "commit": [],
            "closed": [],
            "cumulative_commit": [],
            "cumulative_best_case": value(),
            "open_pipeline": value(),
            "weighted": weighted,
            "converted": converted(open),
        })
    };
    let all = || amounts(1, &value, json!([{"amount_minor": 1_020_000, "currency": "GBP"}]));
    let month = with(all(), "month", "2026-06-01".into());
    let owner = with(all(), "owner_id", USER.into());
    let nothing = amounts(0, &|| json!([]), json!([]));
    json!({"total": all(), "months": [month], "owners": [owner], "undated": nothing})
}

fn velocity() -> Value {
    let [first, second, ..] = STAGES;
    let none = || json!({"count": 0, "mean": null, "median": null, "p90": null});
    json!({
        "pipeline_id": PIPELINE,
        "stages": [
            {
                "stage_id": first,
                "name": "Prospecting",
                "left": none(),
                "staying": {"count": 1, "mean": 2.5, "median": 2.5, "p90": 2.5},
                "stale": null,
            },
            {"stage_id": second, "name": "Engaging", "left": none(), "staying": none(), "stale": null},
        ],
        "won_cycle": none(),
        "lost_cycle": none(),
        "opportunities": 1,
        "win_rate": null,
        "pace": [],
    })
}
