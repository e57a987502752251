//! Every operation of the document, asked by everybody who must not do it.
//!
//! After every request the store is what it was before: each table of it, of every workspace, the search words and
//! sums, uploads, deliveries, keys, sign-ins and counters of attempts too. Left out are three things. A stranger who
//! asks for what is theirs is not refused, and does it in a workspace of its own, whose rows are not compared. On
//! SQLite the words are compared as they are found, not as FTS5 keeps them, which it merges by itself, and the figures
//! of the planner are not. An operation that no case covers fails the law, so nobody adds one and forgets to say who
//! may call it. Here are the cases, in `asked` is who asks, and `keyed` asks twice under a key. `witness` tells what
//! is held, in memory and in databases, and `counted` keeps the count in docs/TESTING.md.

mod asked;
mod counted;
mod keyed;
mod witness;

use std::collections::BTreeMap;

use crm_core::Entity;
use crm_core::access::Action;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Reply, unique};

/// What the records of the workspace are called that is asked about, and nothing else.
const OURS: &str = "Oursalone";

/// What an operation needs to succeed.
struct Case {
    /// The permission; none where being signed in is enough.
    needs: Option<(Entity, Action)>,
    /// What the `{id}` of the path names, and where more than one is read.
    about: Option<About>,
    body: Body,
}

/// The record of a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum About {
    Contact,
    Company,
    Deal,
    Task,
    Note,
    Field,
    Member,
    Team,
    Job,
    Import,
    /// An export whose job is done.
    Export,
    /// A pipeline beside the default one, without deals.
    Pipeline,
    /// An exchange rate.
    Rate,
    /// A webhook endpoint.
    Hook,
    /// An address that gets no mail.
    Suppression,
    /// A stage of the default pipeline, which bodies name.
    Stage,
}

enum Body {
    None,
    Json(fn(&Ids) -> Value),
    Csv(&'static str),
}

/// Records of the workspace that is asked about.
type Ids = BTreeMap<About, String>;

/// Operations that anybody may call.
///
/// To open a WebSocket is nothing yet: its first message brings the token.
const OPEN: [&str; 9] = ["register", "login", "refresh", "watch", "openapi", "docs", "healthz", "readyz", "metrics"];

fn case(operation: &str) -> Option<Case> {
    use About::{
        Company, Contact, Deal, Field, Hook, Import, Job, Member, Note, Pipeline, Rate, Suppression, Task, Team,
    };
    use Action::{Create, Delete, Export, Read, Update};
    let of = |entity, action, about, body| Case { needs: Some((entity, action)), about, body };
    let named = |_: &Ids| json!({"last_name": "Hopper"});
    Some(match operation {
        "me" | "logout" | "stream_events" => Case { needs: None, about: None, body: Body::None },
        "list_contacts" => of(Entity::Contact, Read, None, Body::None),
        "search_contacts" => of(Entity::Contact, Read, None, Body::Json(|_| json!({}))),
        "create_contact" => of(Entity::Contact, Create, None, Body::Json(named)),
        "read_contact" | "contact_timeline" => of(Entity::Contact, Read, Some(Contact), Body::None),
        "replace_contact" | "update_contact" => of(Entity::Contact, Update, Some(Contact), Body::Json(named)),
        "delete_contact" => of(Entity::Contact, Delete, Some(Contact), Body::None),
        "create_contacts" => of(Entity::Contact, Create, None, Body::Json(|_| json!({"items": [{"last_name": "x"}]}))),
        "update_contacts" => {
            of(Entity::Contact, Update, None, Body::Json(|ids| json!({"ids": [ids[&Contact]], "set": {"title": "x"}})))
        }
        "delete_contacts" => of(Entity::Contact, Delete, None, Body::Json(|ids| json!({"ids": [ids[&Contact]]}))),
        "assign_contacts" => {
            of(Entity::Contact, Update, None, Body::Json(|ids| json!({"ids": [ids[&Contact]], "owner_id": null})))
        }
        "tag_contacts" => {
            of(Entity::Contact, Update, None, Body::Json(|ids| json!({"ids": [ids[&Contact]], "add": ["vip"]})))
        }
        "export_contacts" => of(Entity::Contact, Export, None, Body::None),
        "begin_export_of_contacts" => of(Entity::Contact, Export, None, Body::Json(|_| json!({}))),
        "import_contacts" => of(Entity::Import, Create, None, Body::Csv("Last Name\nHopper\n")),
        "list_companies" => of(Entity::Company, Read, None, Body::None),
        "search_companies" => of(Entity::Company, Read, None, Body::Json(|_| json!({}))),
        "create_company" => of(Entity::Company, Create, None, Body::Json(|_| json!({"name": "Acme"}))),
        "read_company" | "company_timeline" => of(Entity::Company, Read, Some(Company), Body::None),
        "replace_company" | "update_company" => {
            of(Entity::Company, Update, Some(Company), Body::Json(|_| json!({"name": "Acme"})))
        }
        "delete_company" => of(Entity::Company, Delete, Some(Company), Body::None),
        "create_companies" => of(Entity::Company, Create, None, Body::Json(|_| json!({"items": [{"name": "x"}]}))),
        "update_companies" => of(
            Entity::Company,
            Update,
            None,
            Body::Json(|ids| json!({"ids": [ids[&Company]], "set": {"industry": "x"}})),
        ),
        "delete_companies" => of(Entity::Company, Delete, None, Body::Json(|ids| json!({"ids": [ids[&Company]]}))),
        "assign_companies" => {
            of(Entity::Company, Update, None, Body::Json(|ids| json!({"ids": [ids[&Company]], "owner_id": null})))
        }
        "tag_companies" => {
            of(Entity::Company, Update, None, Body::Json(|ids| json!({"ids": [ids[&Company]], "add": ["vip"]})))
        }
        "export_companies" => of(Entity::Company, Export, None, Body::None),
        "begin_export_of_companies" => of(Entity::Company, Export, None, Body::Json(|_| json!({}))),
        "import_companies" => of(Entity::Import, Create, None, Body::Csv("Name\nAcme\n")),
        "list_deals" | "board" => of(Entity::Deal, Read, None, Body::None),
        "search_deals" => of(Entity::Deal, Read, None, Body::Json(|_| json!({}))),
        "create_deal" => of(Entity::Deal, Create, None, Body::Json(|_| json!({"title": "Big one"}))),
        "read_deal" | "deal_timeline" => of(Entity::Deal, Read, Some(Deal), Body::None),
        "replace_deal" | "update_deal" => {
            of(Entity::Deal, Update, Some(Deal), Body::Json(|_| json!({"title": "Big one"})))
        }
        "move_deal" => of(Entity::Deal, Update, Some(Deal), Body::Json(|ids| json!({"stage_id": ids[&About::Stage]}))),
        "delete_deal" => of(Entity::Deal, Delete, Some(Deal), Body::None),
        "update_deals" => {
            of(Entity::Deal, Update, None, Body::Json(|ids| json!({"ids": [ids[&Deal]], "set": {"source": "x"}})))
        }
        "delete_deals" => of(Entity::Deal, Delete, None, Body::Json(|ids| json!({"ids": [ids[&Deal]]}))),
        "assign_deals" => {
            of(Entity::Deal, Update, None, Body::Json(|ids| json!({"ids": [ids[&Deal]], "owner_id": null})))
        }
        "tag_deals" => of(Entity::Deal, Update, None, Body::Json(|ids| json!({"ids": [ids[&Deal]], "add": ["vip"]}))),
        "export_deals" => of(Entity::Deal, Export, None, Body::None),
        "begin_export_of_deals" => of(Entity::Deal, Export, None, Body::Json(|_| json!({}))),
        "import_deals" => of(Entity::Import, Create, None, Body::Csv("Title\nBig one\n")),
        "list_tasks" | "my_tasks" | "overdue_tasks" | "upcoming_tasks" | "task_calendar" => {
            of(Entity::Task, Read, None, Body::None)
        }
        "search_tasks" => of(Entity::Task, Read, None, Body::Json(|_| json!({}))),
        "create_task" => of(Entity::Task, Create, None, Body::Json(|_| json!({"title": "Call"}))),
        "read_task" | "task_timeline" => of(Entity::Task, Read, Some(Task), Body::None),
        "replace_task" | "update_task" => {
            of(Entity::Task, Update, Some(Task), Body::Json(|_| json!({"title": "Call"})))
        }
        "delete_task" => of(Entity::Task, Delete, Some(Task), Body::None),
        "create_tasks" => of(Entity::Task, Create, None, Body::Json(|_| json!({"items": [{"title": "x"}]}))),
        "update_tasks" => {
            of(Entity::Task, Update, None, Body::Json(|ids| json!({"ids": [ids[&Task]], "set": {"status": "done"}})))
        }
        "delete_tasks" => of(Entity::Task, Delete, None, Body::Json(|ids| json!({"ids": [ids[&Task]]}))),
        "assign_tasks" => {
            of(Entity::Task, Update, None, Body::Json(|ids| json!({"ids": [ids[&Task]], "assignee_id": null})))
        }
        "tag_tasks" => of(Entity::Task, Update, None, Body::Json(|ids| json!({"ids": [ids[&Task]], "add": ["vip"]}))),
        "export_tasks" => of(Entity::Task, Export, None, Body::None),
        "begin_export_of_tasks" => of(Entity::Task, Export, None, Body::Json(|_| json!({}))),
        "import_tasks" => of(Entity::Import, Create, None, Body::Csv("Title\nCall\n")),
        "list_pipelines" => of(Entity::Pipeline, Read, None, Body::None),
        "conversion" | "forecast" | "velocity" | "sales" | "team" | "dashboard" | "revenue" => {
            of(Entity::Deal, Read, None, Body::None)
        }
        "funnel" => of(Entity::Contact, Read, None, Body::None),
        "list_exchange_rates" => of(Entity::ExchangeRate, Read, None, Body::None),
        "set_exchange_rate" => {
            let rate = |_: &Ids| json!({"base_currency": "EUR", "quote_currency": "USD", "rate": "1.1", "valid_from": "2026-02-01"});
            of(Entity::ExchangeRate, Create, None, Body::Json(rate))
        }
        "read_exchange_rate" => of(Entity::ExchangeRate, Read, Some(Rate), Body::None),
        "replace_exchange_rate" => {
            let change = |_: &_| json!({"base_currency": "GBP", "quote_currency": "USD", "rate": "1.2"});
            of(Entity::ExchangeRate, Update, Some(Rate), Body::Json(change))
        }
        "list_webhook_endpoints" => of(Entity::WebhookEndpoint, Read, None, Body::None),
        "create_webhook_endpoint" => of(Entity::WebhookEndpoint, Create, None, Body::Json(|_| hook())),
        "read_webhook_endpoint" | "list_webhook_deliveries" | "read_webhook_delivery" => {
            of(Entity::WebhookEndpoint, Read, Some(Hook), Body::None)
        }
        "replace_webhook_endpoint" => of(Entity::WebhookEndpoint, Update, Some(Hook), Body::Json(|_| hook())),
        "delete_webhook_endpoint" => of(Entity::WebhookEndpoint, Delete, Some(Hook), Body::None),
        "test_webhook_endpoint" => of(Entity::WebhookEndpoint, Update, Some(Hook), Body::None),
        "replay_webhook_deliveries" => {
            let body = |_: &Ids| json!({"from": "2026-01-01T00:00:00Z"});
            of(Entity::WebhookEndpoint, Update, Some(Hook), Body::Json(body))
        }
        "delete_exchange_rate" => of(Entity::ExchangeRate, Delete, Some(Rate), Body::None),
        "send_mail" => of(
            Entity::Contact,
            Update,
            None,
            Body::Json(|_| json!({"to": [{"email": "ada@example.com"}], "subject": "Hi", "text": "x"})),
        ),
        "send_template_mail" => of(
            Entity::Contact,
            Update,
            None,
            Body::Json(|_| {
                let variables = json!({"name": "Ada", "inviter": "Bob", "url": "https://example.com", "hours": 24});
                json!({"to": {"email": "ada@example.com"}, "template": "invitation", "variables": variables})
            }),
        ),
        "list_mails" => of(Entity::Contact, Update, None, Body::None),
        "list_mail_templates" => of(Entity::MailTemplate, Read, None, Body::None),
        "preview_mail_template" => of(Entity::MailTemplate, Read, None, Body::Json(|_| json!({}))),
        "replace_mail_template" => {
            of(Entity::MailTemplate, Update, None, Body::Json(|_| json!({"subject": "Hi", "text": "x"})))
        }
        "delete_mail_template" => of(Entity::MailTemplate, Delete, None, Body::None),
        // They are people's addresses: whoever only sends does not read them.
        "list_suppressions" => of(Entity::MailTemplate, Update, None, Body::None),
        "suppress" => of(Entity::MailTemplate, Create, None, Body::Json(|_| json!({"email": "bob@example.com"}))),
        "unsuppress" => of(Entity::MailTemplate, Delete, Some(Suppression), Body::None),
        "create_pipeline" => of(
            Entity::Pipeline,
            Create,
            None,
            Body::Json(|_| json!({"name": "Second", "stages": [{"name": "New", "kind": "open"}]})),
        ),
        "read_pipeline" => of(Entity::Pipeline, Read, Some(Pipeline), Body::None),
        "replace_pipeline" => of(
            Entity::Pipeline,
            Update,
            Some(Pipeline),
            Body::Json(|_| json!({"name": "Third", "stages": [{"name": "Newer", "kind": "open"}]})),
        ),
        "delete_pipeline" => of(Entity::Pipeline, Delete, Some(Pipeline), Body::None),
        "create_note" => {
            of(Entity::Note, Create, None, Body::Json(|ids| json!({"contact_id": ids[&Contact], "body": "x"})))
        }
        "update_note" => of(Entity::Note, Update, Some(Note), Body::Json(|_| json!({"body": "y"}))),
        "delete_note" => of(Entity::Note, Delete, Some(Note), Body::None),
        "list_tags" => of(Entity::Tag, Read, None, Body::None),
        "list_custom_fields" => of(Entity::CustomField, Read, None, Body::None),
        "define_custom_field" => of(
            Entity::CustomField,
            Create,
            None,
            Body::Json(|_| json!({"entity": "contact", "key": "shoe", "label": "Shoe", "kind": "text"})),
        ),
        "update_custom_field" => {
            of(Entity::CustomField, Update, Some(Field), Body::Json(|_| json!({"label": "Shoes"})))
        }
        "retire_custom_field" => of(Entity::CustomField, Delete, Some(Field), Body::None),
        // It finds what the caller sees and nothing else.
        "search" | "activities" => Case { needs: None, about: None, body: Body::None },
        "filter_contacts_by_tags" => of(Entity::Contact, Read, None, Body::Json(|_| json!({"any": ["vip"]}))),
        "filter_companies_by_tags" => of(Entity::Company, Read, None, Body::Json(|_| json!({"any": ["vip"]}))),
        "create_user" => of(Entity::User, Create, None, Body::Json(|_| json!({"name": "New", "role": "setter"}))),
        "replace_user" | "update_user" => {
            of(Entity::User, Update, Some(Member), Body::Json(|_| json!({"name": "Other"})))
        }
        "delete_user" => of(Entity::User, Delete, Some(Member), Body::None),
        "change_user_role" => of(Entity::User, Update, Some(Member), Body::Json(|_| json!({"role": "closer"}))),
        "change_user_status" => of(Entity::User, Update, Some(Member), Body::Json(|_| json!({"status": "suspended"}))),
        "list_users" => of(Entity::User, Read, None, Body::None),
        "read_user" => of(Entity::User, Read, Some(Member), Body::None),
        "list_teams" => of(Entity::Team, Read, None, Body::None),
        "read_team" => of(Entity::Team, Read, Some(Team), Body::None),
        "create_team" => of(Entity::Team, Create, None, Body::Json(|_| json!({"name": "South"}))),
        "replace_team" | "update_team" => {
            of(Entity::Team, Update, Some(Team), Body::Json(|_| json!({"name": "South"})))
        }
        "delete_team" => of(Entity::Team, Delete, Some(Team), Body::None),
        "read_workspace" => of(Entity::Workspace, Read, None, Body::None),
        "read_permissions" => of(Entity::Workspace, Read, None, Body::None),
        "replace_permissions" => {
            let change = |_: &Ids| json!({"rules": {"setter": {"contact": {"read": "own"}}}});
            of(Entity::Workspace, Update, None, Body::Json(change))
        }
        "update_workspace" => of(Entity::Workspace, Update, None, Body::Json(|_| json!({"name": "Acme"}))),
        "list_jobs" => of(Entity::Job, Read, None, Body::None),
        "read_job" => of(Entity::Job, Read, Some(Job), Body::None),
        // The job is done: whoever may stop it hears so.
        "cancel_job" | "retry_job" => of(Entity::Job, Update, Some(Job), Body::None),
        // Queues are a setting of the workspace.
        "list_queues" | "pause_queue" | "resume_queue" => of(Entity::Workspace, Update, None, Body::None),
        "retry_queue" => of(Entity::Job, Update, None, Body::None),
        "read_import" | "failed_rows" => of(Entity::Import, Read, Some(Import), Body::None),
        "list_imports" => of(Entity::Import, Read, None, Body::None),
        // What is in it is its maker's alone.
        "read_exported_file" => of(Entity::Job, Read, Some(About::Export), Body::None),
        "forget_exported_file" => of(Entity::Job, Update, Some(About::Export), Body::None),
        "revert_import" => of(Entity::Import, Update, Some(Import), Body::None),
        // An import's id is its batch, and whoever may not undo it hears so whichever way they ask.
        "revert_batch" => of(Entity::Import, Update, Some(Import), Body::None),
        _ => return None,
    })
}

/// A webhook endpoint at an address that never is, for events that these tests do not make.
fn hook() -> Value {
    json!({"url": "https://hooks.example/crm", "event_types": ["user.role_changed"]})
}

/// Records of every kind, made by the admin.
async fn records(api: &Api) -> Ids {
    let made = async |path: &str, body: Value| {
        let reply = api.post(path, body).await;
        reply.json["id"].as_str().unwrap().to_owned()
    };
    let contact = made("/api/v1/contacts", json!({"first_name": "Ada", "last_name": OURS})).await;
    let field = json!({"entity": "contact", "key": unique("f").to_lowercase(), "label": "Shoe", "kind": "text"});
    let pipelines = api.get("/api/v1/pipelines").await.expect(200);
    let stages = json!([{"name": "New", "kind": "open"}]);
    let rate = json!({"base_currency": "GBP", "quote_currency": "USD", "rate": "1.3", "valid_from": "2026-01-01"});
    // A workspace has few of them.
    let hooks = api.get("/api/v1/webhook-endpoints").await.expect(200);
    let hook = match hooks.json["data"][0]["id"].as_str() {
        Some(id) => id.to_owned(),
        None => {
            let made = api.post("/api/v1/webhook-endpoints", hook()).await.expect(201);
            made.json["endpoint"]["id"].as_str().unwrap().to_owned()
        }
    };
    let csv = api.request(Method::POST, "/api/v1/contacts/import/csv").header("content-type", "text/csv");
    let job = Reply::of(csv.body(format!("Last Name\n{}\n", unique(OURS))).send().await.unwrap()).await.expect(202);
    let export = api.post("/api/v1/contacts/export/csv", json!({})).await.expect(202);
    // The name that paths have here.
    api.put("/api/v1/email/templates/email", json!({"subject": OURS, "text": "x"})).await.expect(200);
    Ids::from([
        (About::Note, made("/api/v1/notes", json!({"contact_id": contact, "body": OURS})).await),
        (About::Contact, contact),
        (About::Company, made("/api/v1/companies", json!({"name": OURS})).await),
        (About::Deal, made("/api/v1/deals", json!({"title": OURS})).await),
        (About::Task, made("/api/v1/tasks", json!({"title": OURS})).await),
        (About::Field, made("/api/v1/custom-fields", field).await),
        (About::Member, made("/api/v1/users", json!({"name": "Member", "role": "setter"})).await),
        (About::Team, made("/api/v1/teams", json!({"name": OURS})).await),
        (About::Pipeline, made("/api/v1/pipelines", json!({"name": "Second", "stages": stages})).await),
        (About::Job, api.ended(job.id()).await["id"].as_str().unwrap().to_owned()),
        (About::Export, api.ended(export.id()).await["id"].as_str().unwrap().to_owned()),
        (About::Import, job.json["import_id"].as_str().unwrap().to_owned()),
        (About::Rate, made("/api/v1/exchange-rates", rate).await),
        (About::Hook, hook),
        (About::Suppression, made("/api/v1/email/suppressions", json!({"email": "eve@example.com"})).await),
        (About::Stage, pipelines.json["data"][0]["stages"][1]["id"].as_str().unwrap().to_owned()),
    ])
}

impl Case {
    /// Whether it names records that have an owner.
    fn is_about_records(&self) -> bool {
        let is_owned = |about| {
            use About::{Field, Hook, Member, Pipeline, Rate, Stage, Suppression, Team};
            !matches!(about, Field | Hook | Member | Pipeline | Rate | Stage | Suppression | Team)
        };
        self.about.is_some_and(is_owned) || self.names("ids") || self.names("contact_id")
    }

    /// Whether its body has this field.
    fn names(&self, field: &str) -> bool {
        matches!(self.body, Body::Json(body) if body(&sample_ids()).get(field).is_some())
    }
}

/// Ids of nothing, to look at the shape of a body.
fn sample_ids() -> Ids {
    use About::{
        Company, Contact, Deal, Export, Field, Hook, Import, Job, Member, Note, Pipeline, Rate, Stage, Suppression,
        Task, Team,
    };
    let records = [Contact, Company, Deal, Task, Note, Field, Member, Team, Job, Import, Export, Pipeline];
    let others = [Rate, Hook, Stage, Suppression];
    records.into_iter().chain(others).map(|about| (about, String::new())).collect()
}
