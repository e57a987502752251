//! The bodies that operations take.

use serde_json::{Value, json};

use super::{COMPANY, CONTACT, REFRESH_TOKEN, STAGES, USER, many, webhooks};

const EMAIL: &str = "grace@acme.example";
const PASSWORD: &str = "correct horse battery";

/// The example of an operation's body, by the operation's id.
pub(super) fn body(operation: &str) -> Option<Value> {
    let body = match operation {
        "register" => {
            json!({"workspace_name": "Acme Sales", "email": EMAIL, "password": PASSWORD, "name": "Grace Hopper"})
        }
        "login" => json!({"email": EMAIL, "password": PASSWORD}),
        "refresh" => json!({"refresh_token": REFRESH_TOKEN}),
        "replace_permissions" => {
            json!({"rules": {"setter": {"deal": {"read": "team", "create": "own", "hidden": ["value"]}}}})
        }
        "update_workspace" => json!({"time_zone": "Europe/London", "currency": "GBP"}),
        _ => {
            let others = || of_tasks(operation).or_else(|| many::body(operation)).or_else(|| webhooks::body(operation));
            return of_people(operation).or_else(|| of_deals(operation)).or_else(others);
        }
    };
    Some(body)
}

/// The example of a file that an operation takes, by the operation's id.
pub(super) fn file(operation: &str) -> Option<&'static str> {
    Some(match operation {
        "import_contacts" => "First Name,Last Name,Email\nMary,Somerville,mary@somerville.example\n",
        "import_companies" => "Name,Domain\nSomerville Press,somerville.example\n",
        "import_tasks" => "Subject,Due Date,Priority,Status\nSend the offer,2026-03-09,High,Not started\n",
        "import_deals" => "Title,Company\nPrinting press,Somerville Press\n",
        _ => return None,
    })
}

fn of_people(operation: &str) -> Option<Value> {
    let body = match operation {
        "create_company" | "replace_company" => json!({
            "name": "Babbage Engines",
            "domain": "babbage.example",
            "industry": "Machinery",
            "employees": 42,
            "tags": ["customer"],
        }),
        "update_company" => json!({"employees": 43, "domain": null}),
        "search_companies" => json!({
            "filter": {"all": [
                {"field": "employees", "op": "between", "value": [10, 500]},
                {"not": {"field": "domain", "op": "is_null"}},
            ]},
            "sort": "name",
        }),
        "create_contact" | "replace_contact" => json!({
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "ada@babbage.example",
            "phone": "+44 20 7946 0000",
            "title": "Analyst",
            "company_id": COMPANY,
            "lifecycle": "lead",
            "source": "conference",
            "tags": ["vip"],
        }),
        "update_contact" => json!({"title": "Chief Analyst", "lifecycle": "customer"}),
        "search_contacts" => json!({
            "filter": {"all": [
                {"field": "tags", "op": "has_any", "value": ["vip"]},
                {"field": "created_at", "op": "ge", "value": {"ago": "P30D"}},
                {"related": "company", "filter": {"field": "industry", "op": "eq", "value": "Machinery"}},
            ]},
            "sort": "-created_at",
            "limit": 20,
            "count": true,
        }),
        "filter_contacts_by_tags" => json!({"any": ["vip", "press"], "none": ["churned"], "sort": "last_name"}),
        "filter_companies_by_tags" => json!({"all": ["customer"], "limit": 20}),
        "create_user" => json!({"name": "Charles Babbage", "email": "charles@acme.example", "role": "closer"}),
        "replace_user" => json!({"name": "Grace Hopper", "time_zone": "Europe/London", "locale": "en-GB"}),
        "update_user" => json!({"locale": "en-US"}),
        "change_user_role" => json!({"role": "admin"}),
        "change_user_status" => json!({"status": "active"}),
        "create_team" | "replace_team" => json!({"name": "North", "members": [USER]}),
        "update_team" => json!({"name": "North and West"}),
        "create_note" => json!({"body": "Met at the fair; wants a demonstration in May.", "contact_id": CONTACT}),
        "update_note" => json!({"body": "Met at the fair; the demonstration is on 4 May."}),
        "define_custom_field" => json!({
            "entity": "contact",
            "key": "region",
            "label": "Region",
            "kind": "choice",
            "choices": ["north", "south"],
        }),
        "update_custom_field" => json!({"choices": ["north", "south", "west"]}),
        _ => return None,
    };
    Some(body)
}

fn of_tasks(operation: &str) -> Option<Value> {
    let body = match operation {
        "create_task" | "replace_task" => json!({
            "title": "Call about the demonstration",
            "description": "She asked for a date in May.",
            "kind": "call",
            "priority": "high",
            "due_at": "2026-03-05T14:00:00Z",
            "duration_minutes": 30,
            "reminder": "30m",
            "recurrence": "FREQ=WEEKLY;BYDAY=TH",
            "contact_id": CONTACT,
            "tags": ["may"],
        }),
        "update_task" => json!({"status": "done"}),
        "search_tasks" => json!({
            "filter": {"all": [
                {"field": "kind", "op": "in", "value": ["call", "meeting"]},
                {"field": "assignee_id", "op": "eq", "value": {"me": true}},
                {"related": "contact", "filter": {"field": "tags", "op": "has_any", "value": ["vip"]}},
            ]},
            "sort": "due_at",
        }),
        _ => return None,
    };
    Some(body)
}

fn of_deals(operation: &str) -> Option<Value> {
    let body = match operation {
        "create_deal" | "replace_deal" => json!({
            "title": "Difference engine",
            "value": {"amount_minor": 1_700_000, "currency": "GBP"},
            "expected_close_date": "2026-06-30",
            "probability": 60,
            "forecast_category": "best_case",
            "contact_id": CONTACT,
            "company_id": COMPANY,
            "source": "referral",
            "tags": ["2026"],
        }),
        "update_deal" => json!({"value": {"amount_minor": 1_850_000, "currency": "GBP"}}),
        "move_deal" => json!({"stage_id": STAGES[1]}),
        "search_deals" => json!({
            "filter": {"any": [
                {"field": "value", "op": "gt", "value": {"amount_minor": 1_000_000, "currency": "GBP"}},
                {"all": [
                    {"field": "status", "op": "eq", "value": "open"},
                    {"field": "owner_id", "op": "eq", "value": {"me": true}},
                ]},
            ]},
            "sort": "-value",
        }),
        "create_pipeline" => json!({
            "name": "Partners",
            "stages": [
                {"name": "Contacted", "kind": "open", "probability": 30, "days_until_stale": 14},
                {"name": "Signed", "kind": "won"},
                {"name": "Gone", "kind": "lost"},
            ],
        }),
        "set_exchange_rate" => json!({
            "base_currency": "GBP",
            "quote_currency": "USD",
            "rate": "1.2712",
            "valid_from": "2026-01-01",
        }),
        "replace_exchange_rate" => json!({"base_currency": "GBP", "quote_currency": "USD", "rate": "1.2708"}),
        "send_mail" => json!({
            "to": [{"email": "ada@babbage.example", "name": "Ada Lovelace"}],
            "subject": "Our offer",
            "text": "Dear Ada,\n\nhere is what we spoke about.\n\nGrace",
        }),
        "send_template_mail" => json!({
            "template": "reminder",
            "to": {"email": "ada@babbage.example", "name": "Ada Lovelace"},
            "variables": {
                "name": "Ada",
                "task": {"title": "Sign the offer", "due": "tomorrow"},
                "url": "https://crm.example.com/offer",
            },
        }),
        "replace_mail_template" => json!({
            "subject": "Welcome to {{ workspace.name }}",
            "text": "Hello {{ name }},\n\nnice to meet you.",
            "html": "<p>Hello {{ name }},</p>\n<p>nice to meet you.</p>",
        }),
        "preview_mail_template" => json!({"variables": {"name": "Ada"}}),
        "suppress" => json!({"email": "charles@babbage.example"}),
        "replace_pipeline" => {
            let [first, second, won, lost] = STAGES;
            json!({
                "name": "Sales",
                "stages": [
                    {"id": first, "name": "Prospecting", "kind": "open", "probability": 10},
                    {"id": second, "name": "Engaging", "kind": "open", "probability": 50, "days_until_stale": 30},
                    {"id": won, "name": "Won", "kind": "won"},
                    {"id": lost, "name": "Lost", "kind": "lost"},
                ],
                "targets": [],
            })
        }
        _ => return None,
    };
    Some(body)
}
