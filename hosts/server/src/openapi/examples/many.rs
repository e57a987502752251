//! Many records at once, files and jobs.

use serde_json::{Value, json};

use super::answers::{CREATED, UPDATED};
use super::{BATCH, COMPANY, CONTACT, DEAL, IMPORT, JOB, TASK, UPLOAD, USER};

/// The example of a bulk operation's body, by the operation's id.
pub(super) fn body(operation: &str) -> Option<Value> {
    if operation.starts_with("begin_export_of_") {
        return Some(json!({"q": "babbage", "sort": "-created_at"}));
    }
    let (verb, room) = operation.split_once('_')?;
    let (id, item, set) = match room {
        "contacts" => (CONTACT, json!({"last_name": "Somerville"}), json!({"lifecycle": "customer"})),
        "companies" => (COMPANY, json!({"name": "Somerville Press"}), json!({"industry": "Publishing"})),
        "deals" => (DEAL, Value::Null, json!({"source": "fair"})),
        "tasks" => (TASK, json!({"title": "Send the offer"}), json!({"priority": "urgent"})),
        _ => return None,
    };
    Some(match verb {
        "create" => json!({"items": [item], "mode": "partial"}),
        "update" => json!({"ids": [id], "set": set}),
        "delete" => json!({"ids": [id]}),
        "assign" if room == "tasks" => json!({"ids": [id], "assignee_id": USER}),
        "assign" => json!({"ids": [id], "owner_id": USER}),
        "tag" => json!({"ids": [id], "add": ["newsletter"], "remove": ["trial"]}),
        _ => return None,
    })
}

/// The example of a schema.
pub(super) fn answer(schema: &str) -> Option<Value> {
    Some(match schema {
        "BulkReport" => json!({
            "batch_id": BATCH,
            "succeeded": 1,
            "failed": 0,
            "results": [{"index": 0, "id": CONTACT, "status": "updated"}],
        }),
        "Job" => json!({
            "id": JOB,
            "queue": "import",
            "kind": "import",
            "import_id": IMPORT,
            "upload_id": UPLOAD,
            "state": "queued",
            "progress": {"done": 0, "total": null},
            "result": null,
            "error": null,
            "attempts": 0,
            "due_at": CREATED,
            "created_by": USER,
            "created_at": CREATED,
            "updated_at": CREATED,
            "finished_at": null,
            "version": 1,
            "errors": [],
            "max_attempts": 8,
            "priority": "normal",
            "unique": null,
            "run_at": CREATED,
            "started_at": null,
        }),
        "QueueState" => json!({
            "name": "email",
            "paused_at": null,
            "counts": {"queued": 2, "scheduled": 1, "running": 1, "failed": 0, "done": 40, "cancelled": 0},
            "waiting_since": CREATED,
            "latency": {"jobs": 40, "wait_ms_p50": 3, "wait_ms_p95": 20, "run_ms_p50": 110, "run_ms_p95": 300},
        }),
        "RetriedJobs" => json!({"retried": 3, "has_more": false}),
        "Import" => json!({
            "id": IMPORT,
            "entity": "contact",
            "state": "done",
            "options": {"mapping": {}, "on_duplicate": "skip", "create_missing": true, "create_fields": false},
            "format": {},
            "file": {
                "bytes": 65,
                "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            },
            "columns": ["first_name", "last_name", "email"],
            "headers": ["First Name", "Last Name", "Email"],
            "date_format": "month_day_year",
            "offset": 65,
            "line": 3,
            "rows": 1,
            "counts": {"created": 1, "updated": 0, "unchanged": 0, "failed": 0},
            "warnings": [],
            "job_id": JOB,
            "created_by": USER,
            "created_at": CREATED,
            "updated_at": UPDATED,
            "version": 2,
        }),
        _ => return None,
    })
}
