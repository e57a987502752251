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
        "Report_Sales" => json!({"total": tally(), "every": "month", "periods": []}),
        "Report_Leaderboard" => {
            let rank = with(with(tally(), "owner_id", USER.into()), "name", "Grace Hopper".into());
            json!({"currency": "USD", "ranks": [with(rank, "open", 1.into())]})
        }
        _ => return None,
    };
    Some(json!({"window": {"from": null, "to": null, "time_zone": "Europe/London"}, "figures": figures}))
}

/// Nothing has ended yet.
fn tally() -> Value {
    json!({"won": 0, "lost": 0, "win_rate": null, "won_value": [], "average_deal": []})
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
