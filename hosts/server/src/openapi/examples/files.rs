//! Files: those that imports take as forms, what an import would do, and what is sent as text.

use serde_json::{Value, json};

use super::{COMPANY, CONTACT, DEAL, TASK, bodies};
use crate::openapi::with;

/// The example of a form that an operation takes, by the operation's id.
pub(super) fn form(operation: &str) -> Option<Value> {
    let options = match operation {
        "import_contacts" => json!({"mapping": {"First Name": "first_name"}, "on_duplicate": "update"}),
        "import_companies" => json!({"on_duplicate": "update"}),
        "import_deals" => json!({"create_missing": true}),
        "import_tasks" => json!({"values": {"priority": {"Normal": "high"}}}),
        _ => return None,
    };
    let form = json!({"file": bodies::file(operation)?, "options": options});
    Some(match operation {
        "import_deals" => with(form, "companies", bodies::file("import_companies")?.into()),
        _ => form,
    })
}

/// The example of an answer that no schema describes, by the operation's id.
pub(super) fn sent(operation: &str) -> Option<Value> {
    let text = match operation {
        "export_contacts" => format!(
            "id,external_id,first_name,last_name,email,phone,title,company,owner,lifecycle,source,tags,created_at,\
             updated_at,custom.region\r\n{CONTACT},,Ada,Lovelace,ada@babbage.example,+44 20 7946 0000,Analyst,\
             Babbage Engines,Grace Hopper,lead,conference,vip,2026-03-02T09:30:00.000000Z,\
             2026-03-02T09:45:12.345678Z,north\r\n"
        ),
        "export_companies" => format!(
            "id,external_id,name,domain,industry,employees,owner,tags,created_at,updated_at\r\n{COMPANY},,\
             Babbage Engines,babbage.example,Machinery,42,Grace Hopper,customer,2026-03-02T09:30:00.000000Z,\
             2026-03-02T09:30:00.000000Z\r\n"
        ),
        "export_deals" => format!(
            "id,external_id,title,value,value_estimated,currency,pipeline,stage,status,company,contact,owner,source,\
             tags,opened_at,closed_at,expected_close_date,probability,forecast_category,lost_reason,stage_entered_at,\
             created_at,updated_at\r\n{DEAL},,Difference engine,1250.00,false,USD,Sales,New,open,Babbage Engines,\
             ada@babbage.example,Grace Hopper,fair,,2026-03-02T09:30:00.000000Z,,,,,,2026-03-02T09:30:00.000000Z,\
             2026-03-02T09:30:00.000000Z,2026-03-02T09:30:00.000000Z\r\n"
        ),
        "export_tasks" => format!(
            "id,external_id,title,description,kind,priority,status,due_at,due_date,duration_minutes,reminder,\
             recurrence,completed_at,company,contact,deal_id,assignee,tags,created_at,updated_at\r\n{TASK},,Call about the demonstration,,\
             call,high,open,2026-03-09T14:00:00.000000Z,,30,,,,,ada@babbage.example,,Grace Hopper,,\
             2026-03-02T09:30:00.000000Z,2026-03-02T09:30:00.000000Z\r\n"
        ),
        "read_exported_file" => return sent("export_contacts"),
        "failed_rows" => {
            "line,field,reason,First Name,Last Name,Email\r\n2,email,is no e-mail address,Mary,Somerville,mary\r\n".into()
        }
        "metrics" => {
            "# HELP slackcrm_http_requests_in_flight Requests under way\n# TYPE slackcrm_http_requests_in_flight gauge\n\
             slackcrm_http_requests_in_flight 1\n"
                .into()
        }
        "openapi" => {
            let info = json!({"title": "SlackCRM", "version": env!("CARGO_PKG_VERSION")});
            return Some(json!({"openapi": "3.1.0", "info": info, "paths": {}}));
        }
        _ => return None,
    };
    Some(text.into())
}

/// The example of a schema.
pub(super) fn answer(schema: &str) -> Option<Value> {
    let column = |column: u8, header: &str, field: &str, sample: &str| json!({"column": column, "header": header, "field": field, "confidence": "exact", "samples": [sample]});
    Some(match schema {
        "Health" => json!({"status": "ok"}),
        "Preview" => json!({
            "entity": "contact",
            "columns": [
                column(0, "First Name", "first_name", "Mary"),
                column(1, "Last Name", "last_name", "Somerville"),
                column(2, "Email", "email", "mary@somerville.example"),
            ],
            "new_fields": [],
            "format": {"encoding": "utf8", "delimiter": 44, "bom_bytes": 0},
            "date_format": "year_month_day",
            "rows": 1,
            "counts": {"created": 1, "updated": 0, "unchanged": 0, "failed": 0},
            "errors": [],
            "warnings": [],
        }),
        _ => return None,
    })
}
