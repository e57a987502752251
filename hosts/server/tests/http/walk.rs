//! Every operation of the document, asked by everybody who must not do it.
//!
//! After every refusal the store is what it was before. An operation that no case covers fails the law,
//! so nobody adds one and forgets to say who may call it.

use std::collections::BTreeMap;
use std::time::Duration;

use crm_core::Entity;
use crm_core::access::{Action, Role};
use crm_core::account::AccountStore as _;
use crm_core::testkit::{MemoryStore, join};
use reqwest::Method;
use serde_json::{Value, json};

use crate::document::needed_query;
use crate::support::{Api, PASSWORD, Reply, unique};

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
    Note,
    Field,
    Member,
    Job,
    Import,
    /// A pipeline beside the default one, without deals.
    Pipeline,
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
const OPEN: [&str; 8] = ["register", "login", "refresh", "openapi", "docs", "healthz", "readyz", "metrics"];

fn case(operation: &str) -> Option<Case> {
    use About::{Company, Contact, Deal, Field, Import, Job, Member, Note, Pipeline};
    use Action::{Create, Delete, Export, Read, Update};
    let of = |entity, action, about, body| Case { needs: Some((entity, action)), about, body };
    let named = |_: &Ids| json!({"last_name": "Hopper"});
    Some(match operation {
        "me" | "logout" => Case { needs: None, about: None, body: Body::None },
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
        "import_deals" => of(Entity::Import, Create, None, Body::Csv("Title\nBig one\n")),
        "list_pipelines" => of(Entity::Pipeline, Read, None, Body::None),
        "conversion" | "forecast" | "velocity" | "sales" | "team" => of(Entity::Deal, Read, None, Body::None),
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
        "search" => Case { needs: None, about: None, body: Body::None },
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
        "read_workspace" => of(Entity::Workspace, Read, None, Body::None),
        "update_workspace" => of(Entity::Workspace, Update, None, Body::Json(|_| json!({"name": "Acme"}))),
        "list_jobs" => of(Entity::Job, Read, None, Body::None),
        "read_job" => of(Entity::Job, Read, Some(Job), Body::None),
        // The job is done: whoever may stop it hears so.
        "cancel_job" | "retry_job" => of(Entity::Job, Update, Some(Job), Body::None),
        "read_import" | "failed_rows" => of(Entity::Import, Read, Some(Import), Body::None),
        "revert_import" => of(Entity::Import, Update, Some(Import), Body::None),
        _ => return None,
    })
}

/// Records of every kind, made by the admin.
async fn records(api: &Api) -> Ids {
    let made = async |path: &str, body: Value| {
        let reply = api.post(path, body).await;
        reply.json["id"].as_str().unwrap().to_owned()
    };
    let contact = made("/api/v1/contacts", json!({"last_name": "Hopper"})).await;
    let field = json!({"entity": "contact", "key": unique("f").to_lowercase(), "label": "Shoe", "kind": "text"});
    let pipelines = api.get("/api/v1/pipelines").await.expect(200);
    let stages = json!([{"name": "New", "kind": "open"}]);
    let csv = api.request(Method::POST, "/api/v1/contacts/import/csv").header("content-type", "text/csv");
    let job = Reply::of(csv.body(format!("Last Name\n{}\n", unique("row"))).send().await.unwrap()).await.expect(202);
    Ids::from([
        (About::Note, made("/api/v1/notes", json!({"contact_id": contact, "body": "x"})).await),
        (About::Contact, contact),
        (About::Company, made("/api/v1/companies", json!({"name": "Acme"})).await),
        (About::Deal, made("/api/v1/deals", json!({"title": "Big one"})).await),
        (About::Field, made("/api/v1/custom-fields", field).await),
        (About::Member, made("/api/v1/users", json!({"name": "Member", "role": "setter"})).await),
        (About::Pipeline, made("/api/v1/pipelines", json!({"name": "Second", "stages": stages})).await),
        (About::Job, ended(api, job.id()).await),
        (About::Import, job.json["import_id"].as_str().unwrap().to_owned()),
        (About::Stage, pipelines.json["data"][0]["stages"][1]["id"].as_str().unwrap().to_owned()),
    ])
}

/// A job's id, once it has ended.
async fn ended(api: &Api, id: &str) -> String {
    let end = async {
        while !api.get(&format!("/api/v1/jobs/{id}")).await.expect(200).json["finished_at"].is_string() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), end).await.unwrap();
    id.to_owned()
}

/// A signed-in member of the admin's workspace.
struct Member {
    role: Role,
    token: String,
    permissions: Value,
}

/// One of each role but admin.
async fn members(api: &Api, store: &MemoryStore) -> Vec<Member> {
    let system = api.system().await;
    let mut members = Vec::new();
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let registered = api.register(&unique(role.name())).await;
        let email = registered["user"]["email"].as_str().unwrap();
        let account = store.account_by_email(&email.parse().unwrap()).await.unwrap().unwrap();
        join(&system, account.id, role).await.unwrap();
        let login = json!({"email": email, "password": PASSWORD, "workspace_id": api.admin["workspace"]["id"]});
        let reply = api.send(Method::POST, "/api/v1/auth/login", None, Some(&login)).await.expect(200);
        let token = reply.json["access_token"].as_str().unwrap().to_owned();
        let me = api.send(Method::GET, "/api/v1/auth/me", Some(&token), None).await.expect(200);
        members.push(Member { role, token, permissions: me.json["permissions"].clone() });
    }
    members
}

impl Member {
    /// Whether a request for what the admin's records are about must be refused.
    fn is_refused(&self, case: &Case) -> bool {
        let Some((entity, action)) = case.needs else { return false };
        let scope = |action: &str| self.permissions[entity.name()][action].as_str().unwrap().to_owned();
        let (asked, seen) = (scope(action.name()), scope("read"));
        if asked == "none" || (action != Action::Create && seen == "none") {
            return true;
        }
        // Theirs, or their team's: the records are the admin's.
        action != Action::Create && case.is_about_records() && (asked != "all" || seen != "all")
    }
}

impl Case {
    /// Whether it names records that have an owner.
    fn is_about_records(&self) -> bool {
        let is_owned = |about| !matches!(about, About::Field | About::Member | About::Pipeline | About::Stage);
        let names_ids = matches!(self.body, Body::Json(body) if body(&sample_ids())["ids"].is_array());
        self.about.is_some_and(is_owned) || names_ids
    }
}

/// Ids of nothing, to look at the shape of a body.
fn sample_ids() -> Ids {
    use About::{Company, Contact, Deal, Field, Import, Job, Member, Note, Pipeline, Stage};
    [Contact, Company, Deal, Note, Field, Member, Job, Import, Pipeline, Stage]
        .map(|about| (about, String::new()))
        .into()
}

async fn send(api: &Api, operation: &Operation, case: &Case, ids: &Ids, token: Option<&str>) -> Reply {
    let path = match case.about {
        Some(about) => operation.path.replace("{id}", &ids[&about]),
        None => operation.path.clone(),
    };
    let mut request = api.client.request(operation.method.clone(), api.url(&path));
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    request = match &case.body {
        Body::None => request,
        Body::Json(body) => request.json(&body(ids)),
        Body::Csv(file) => request.header("content-type", "text/csv").body(*file),
    };
    Reply::of(request.send().await.unwrap()).await
}

/// An operation of the document.
struct Operation {
    name: String,
    method: Method,
    path: String,
}

/// Every operation that needs a token, with its case.
fn operations() -> Vec<(Operation, Case)> {
    let document: Value = serde_json::from_str(&crm_server::openapi()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap().to_owned();
            if OPEN.contains(&name.as_str()) {
                continue;
            }
            let found = case(&name);
            assert!(found.is_some(), "no case says who may call {name}");
            let method = method.to_uppercase().parse().unwrap();
            let path = path.clone() + &needed_query(operation);
            all.push((Operation { name, method, path }, found.unwrap()));
        }
    }
    all
}

#[tokio::test]
async fn whoever_may_not_is_refused_and_nothing_is_written() {
    let store = MemoryStore::new();
    let api = Api::memory_on(store.clone()).await;
    let (ids, members) = (records(&api).await, members(&api, &store).await);
    let stranger = api.register(&unique("stranger")).await;
    let stranger = stranger["access_token"].as_str().unwrap();
    let workspace = api.admin["workspace"]["id"].as_str().unwrap().parse().unwrap();
    let before = store.written(workspace).await;
    let mut refused = 0;
    for (operation, case) in operations() {
        let named = |who: &str| format!("{} as {who}", operation.name);
        for token in [None, Some("e30.e30.e30")] {
            let reply = send(&api, &operation, &case, &ids, token).await;
            assert_eq!(reply.status, 401, "{}: {:#}", named("nobody"), reply.json);
            refused += 1;
        }
        for member in members.iter().filter(|member| member.is_refused(&case)) {
            let reply = send(&api, &operation, &case, &ids, Some(&member.token)).await;
            let is_refusal = [403, 404, 422].contains(&reply.status.as_u16());
            assert!(is_refusal, "{}: {} {:#}", named(member.role.name()), reply.status, reply.json);
            refused += 1;
        }
        // Another workspace's admin may do everything there, and sees and changes nothing here.
        if operation.name != "logout" {
            let reply = send(&api, &operation, &case, &ids, Some(stranger)).await;
            if case.about.is_some_and(|about| about != About::Stage) {
                assert_eq!(reply.status, 404, "{}: {:#}", named("a stranger"), reply.json);
            } else if case.is_about_records() {
                assert_eq!(reply.status, 422, "{}: {:#}", named("a stranger"), reply.json);
            }
            refused += 1;
        }
        assert!(store.written(workspace).await == before, "{} wrote something", operation.name);
    }
    assert!(refused > 300, "only {refused} requests were made");
}

#[tokio::test]
async fn whoever_may_succeeds() {
    let api = Api::memory().await;
    let mut operations = operations();
    // The token ends with it.
    operations.sort_by_key(|(operation, _)| operation.name == "logout");
    for (operation, case) in operations {
        let ids = records(&api).await;
        let reply = send(&api, &operation, &case, &ids, Some(api.token())).await;
        if matches!(operation.name.as_str(), "cancel_job" | "retry_job") {
            reply.problem(409, "job_state");
            continue;
        }
        let class = reply.status.as_u16() / 100;
        assert_eq!(class, 2, "{}: {} {:#}", operation.name, reply.status, reply.json);
    }
}
