//! What operations answer with, by the name of its schema.

use serde_json::{Value, json};

use super::{
    ACCESS_TOKEN, COMPANY, CONTACT, CUSTOM_FIELD, DEAL, ENTRY, EXCHANGE_RATE, JOB, MAIL_TEMPLATE, NOTE, PIPELINE,
    REFRESH_TOKEN, STAGES, SUPPRESSION, TAG, TASK, TEAM, USER, WORKSPACE, figures, files, many, refusal, webhooks,
};
use crate::openapi::with;

pub(super) const CREATED: &str = "2026-03-02T09:30:00.000000Z";
pub(super) const UPDATED: &str = "2026-03-02T09:45:12.345678Z";

/// The example of a schema.
pub(super) fn answer(schema: &str) -> Option<Value> {
    let answer = match schema {
        "Tokens" => tokens(),
        "LoginAnswer" => with(tokens(), "user", user()),
        "Registered" => with(with(tokens(), "user", user()), "workspace", workspace()),
        "Me" => {
            let rule = json!({"read": "all", "create": "all", "update": "own", "delete": "none", "export": "none", "assign": "none"});
            json!({"user": user(), "workspace": workspace(), "permissions": {"contact": rule}})
        }
        "Permissions" => {
            let rule = json!({"create": "own", "read": "team", "update": "none", "delete": "none", "export": "none", "assign": "none"});
            json!({"rules": {"setter": {"deal": rule}}, "version": 2})
        }
        "User" => user(),
        "Workspace" => workspace(),
        "Problem" => return refusal("422"),
        _ => {
            let others = || many::answer(schema).or_else(|| files::answer(schema)).or_else(|| figures::answer(schema));
            let others = || others().or_else(|| webhooks::answer(schema));
            return of_people(schema).or_else(|| of_deals(schema)).or_else(|| of_tasks(schema)).or_else(others);
        }
    };
    Some(answer)
}

fn tokens() -> Value {
    json!({"access_token": ACCESS_TOKEN, "refresh_token": REFRESH_TOKEN, "expires_in": 900})
}

fn user() -> Value {
    json!({
        "id": USER,
        "email": "grace@acme.example",
        "name": "Grace Hopper",
        "role": "admin",
        "status": "active",
        "time_zone": "Europe/London",
        "locale": "en-GB",
        "last_seen_at": UPDATED,
        "created_at": CREATED,
        "updated_at": CREATED,
        "version": 1,
    })
}

fn workspace() -> Value {
    json!({
        "id": WORKSPACE,
        "name": "Acme Sales",
        "time_zone": "UTC",
        "currency": "USD",
        "created_at": CREATED,
        "updated_at": CREATED,
        "version": 1,
    })
}

fn of_people(schema: &str) -> Option<Value> {
    let answer = match schema {
        "Company" => json!({
            "id": COMPANY,
            "name": "Babbage Engines",
            "domain": "babbage.example",
            "industry": "Machinery",
            "employees": 42,
            "owner_id": USER,
            "external_id": null,
            "tags": ["customer"],
            "custom": {},
            "created_at": CREATED,
            "updated_at": CREATED,
            "version": 1,
        }),
        "Contact" => json!({
            "id": CONTACT,
            "first_name": "Ada",
            "last_name": "Lovelace",
            "email": "ada@babbage.example",
            "phone": "+44 20 7946 0000",
            "title": "Analyst",
            "company_id": COMPANY,
            "owner_id": USER,
            "lifecycle": "lead",
            "source": "conference",
            "external_id": null,
            "tags": ["vip"],
            "custom": {"region": "north"},
            "created_at": CREATED,
            "updated_at": UPDATED,
            "version": 2,
        }),
        "Team" => json!({
            "id": TEAM,
            "name": "North",
            "members": [USER],
            "created_at": CREATED,
            "updated_at": CREATED,
            "version": 1,
        }),
        "Note" => json!({
            "id": NOTE,
            "body": "Met at the fair; wants a demonstration in May.",
            "author_id": USER,
            "contact_id": CONTACT,
            "company_id": null,
            "deal_id": null,
            "created_at": CREATED,
            "updated_at": CREATED,
            "version": 1,
        }),
        "Hit" => json!({
            "type": "contact",
            "id": CONTACT,
            "title": "Ada Lovelace",
            "subtitle": "Analyst · ada@babbage.example",
            "matched": "prefix",
        }),
        "TagCount" => json!({"id": TAG, "name": "vip", "count": 1}),
        "CustomField" => json!({
            "id": CUSTOM_FIELD,
            "entity": "contact",
            "key": "region",
            "label": "Region",
            "kind": "choice",
            "choices": ["north", "south"],
            "target": null,
            "required": false,
            "created_at": CREATED,
            "updated_at": CREATED,
            "version": 1,
        }),
        "Envelope" => json!({
            "seq": 4711,
            "id": ENTRY,
            "type": "contact.updated",
            "occurred_at": UPDATED,
            "actor": {"user_id": USER, "cause": null},
            "data": change(),
        }),
        "EnvelopeData" => change(),
        "TimelineItem" => json!({
            "id": ENTRY,
            "at": UPDATED,
            "actor": {"user_id": USER, "cause": null},
            "entity": "contact",
            "record_id": CONTACT,
            "change": "updated",
            "before": {"title": "Analyst"},
            "after": {"title": "Chief Analyst"},
            "events": [],
        }),
        _ => return None,
    };
    Some(answer)
}

/// The change behind an event.
fn change() -> Value {
    json!({
        "entity": "contact",
        "record_id": CONTACT,
        "version": 2,
        "change": "updated",
        "before": {"title": "Analyst"},
        "after": {"title": "Chief Analyst"},
        "events": [],
    })
}

/// A stage that leaves its probability to its place.
fn stage(id: &str, name: &str, kind: &str) -> Value {
    json!({"id": id, "name": name, "kind": kind, "probability": null, "days_until_stale": null})
}

fn of_tasks(schema: &str) -> Option<Value> {
    let answer = match schema {
        "Task" => json!({
            "id": TASK,
            "title": "Call about the demonstration",
            "description": "She asked for a date in May.",
            "kind": "call",
            "priority": "high",
            "status": "open",
            "due_at": "2026-03-05T14:00:00.000000Z",
            "due_date": null,
            "duration_minutes": 30,
            "reminder": "30m",
            "recurrence": "FREQ=WEEKLY;BYDAY=TH",
            "recurrence_start": "2026-03-05T14:00:00.000000Z",
            "next_id": null,
            "completed_at": null,
            "contact_id": CONTACT,
            "company_id": null,
            "deal_id": null,
            "assignee_id": USER,
            "created_by": USER,
            "external_id": null,
            "tags": ["may"],
            "custom": {},
            "created_at": CREATED,
            "updated_at": CREATED,
            "version": 1,
        }),
        "Calendar" => json!({
            "time_zone": "UTC",
            "from": "2026-03-01T00:00:00.000000Z",
            "to": "2026-03-08T00:00:00.000000Z",
            "days": [{
                "date": "2026-03-01",
                "starts_at": "2026-03-01T00:00:00.000000Z",
                "ends_at": "2026-03-02T00:00:00.000000Z",
                "tasks": [],
            }],
            "next_cursor": null,
        }),
        _ => return None,
    };
    Some(answer)
}

fn of_deals(schema: &str) -> Option<Value> {
    let value = || json!({"amount_minor": 1_700_000, "currency": "GBP"});
    let [first, second, won, lost] = STAGES;
    let answer = match schema {
        "Deal" => json!({
            "id": DEAL,
            "title": "Difference engine",
            "value": value(),
            "value_estimated": false,
            "pipeline_id": PIPELINE,
            "stage_id": first,
            "status": "open",
            "contact_id": CONTACT,
            "company_id": COMPANY,
            "owner_id": USER,
            "source": "referral",
            "external_id": null,
            "tags": ["2026"],
            "custom": {},
            "opened_at": CREATED,
            "closed_at": null,
            "expected_close_date": "2026-06-30",
            "probability": 60,
            "forecast_category": "best_case",
            "lost_reason": null,
            "stage_entered_at": CREATED,
            "created_at": CREATED,
            "updated_at": CREATED,
            "version": 1,
        }),
        "Board" => {
            let dollars = |minor: u64| json!({"amount_minor": minor, "currency": "USD"});
            let converted = |total: u64, weighted: u64| json!({"total": dollars(total), "weighted": dollars(weighted), "without_rate": []});
            let empty = |stage: &str, name: &str, kind: &str| {
                json!({
                    "stage_id": stage,
                    "name": name,
                    "kind": kind,
                    "count": 0,
                    "total": [],
                    "weighted": [],
                    "converted": converted(0, 0),
                    "conversion": null,
                    "deals": [],
                    "next_cursor": null,
                })
            };
            json!({
                "pipeline_id": PIPELINE,
                "name": "Sales",
                "currency_totals": [value()],
                "converted": converted(2_161_040, 1_296_624),
                "stages": [
                    {
                        "stage_id": first,
                        "name": "Prospecting",
                        "kind": "open",
                        "count": 1,
                        "total": [value()],
                        "weighted": [{"amount_minor": 1_020_000, "currency": "GBP"}],
                        "converted": converted(2_161_040, 1_296_624),
                        "conversion": 0.0,
                        "deals": [of_deals("Deal")],
                        "next_cursor": null,
                    },
                    empty(second, "Engaging", "open"),
                    empty(won, "Won", "won"),
                    empty(lost, "Lost", "lost"),
                ],
            })
        }
        "ExchangeRate" => json!({
            "id": EXCHANGE_RATE,
            "base_currency": "GBP",
            "quote_currency": "USD",
            "rate": "1.2712",
            "valid_from": "2026-01-01",
            "created_at": CREATED,
            "updated_at": CREATED,
            "version": 1,
        }),
        "MailTemplate" => json!({
            "id": MAIL_TEMPLATE,
            "name": "welcome",
            "subject": "Welcome to {{ workspace.name }}",
            "text": "Hello {{ name }},\n\nnice to meet you.",
            "html": "<p>Hello {{ name }},</p>\n<p>nice to meet you.</p>",
            "created_at": CREATED,
            "updated_at": CREATED,
            "version": 1,
        }),
        "ListedTemplate" => json!({
            "name": "digest",
            "subject": "{{ workspace.name }}: your day",
            "text": "Hello {{ name }},\n",
            "html": "<p>Hello {{ name }},</p>\n",
            "built_in": true,
        }),
        "Rendered" => json!({
            "subject": "Welcome to Acme Sales",
            "text": "Hello Ada,\n\nnice to meet you.",
            "html": "<p>Hello Ada,</p>\n<p>nice to meet you.</p>",
        }),
        "MailRecord" => json!({
            "id": JOB,
            "state": "sent",
            "recipients": "charles@babbage.example",
            "template": "welcome",
            "created_by": USER,
            "at": CREATED,
        }),
        "Suppression" => json!({
            "id": SUPPRESSION,
            "email": "charles@babbage.example",
            "reason": "manual",
            "since": CREATED,
            "created_by": USER,
        }),
        "Pipeline" => json!({
            "id": PIPELINE,
            "name": "Sales",
            "stages": [
                stage(first, "Prospecting", "open"),
                stage(second, "Engaging", "open"),
                stage(won, "Won", "won"),
                stage(lost, "Lost", "lost"),
            ],
            "is_default": true,
            "created_at": CREATED,
            "updated_at": CREATED,
            "version": 1,
        }),
        _ => return None,
    };
    Some(answer)
}
