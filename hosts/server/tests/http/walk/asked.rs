//! Who asks: nobody, members of each role, another workspace's admin, and whoever may.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crm_core::access::{Action, Role};
use crm_core::testkit::{Holdings, join};
use crm_core::workspace::Workspace;
use crm_core::{Actor, Entity, Id, ListRequest, Session};
use reqwest::Method;
use serde_json::{Value, json};

use super::counted::{Counted, NOTHING_OF_OURS};
use super::witness::{Witness, in_memory, on_each_database};
use super::{Body, Case, Ids, OPEN, OURS, case, records};
use crate::document::needed_query;
use crate::support::{Api, PASSWORD, Reply, unique};

/// Of these the admin is shown what is theirs, so that a stranger who is not tells something.
const SHOWN: [&str; 16] = [
    "list_contacts",
    "list_companies",
    "list_deals",
    "search_contacts",
    "export_contacts",
    "export_deals",
    "my_tasks",
    "search",
    "list_users",
    "list_teams",
    "list_jobs",
    "list_imports",
    "list_pipelines",
    "list_custom_fields",
    "list_exchange_rates",
    "read_workspace",
];

/// Whoever asks with a token that nobody gave them.
const FORGED: &str = "a token that is none";

/// A signed-in member of the admin's workspace.
struct Member {
    role: Role,
    token: String,
    permissions: Value,
}

/// How a request for what the admin's records are about is refused.
#[derive(Clone, Copy)]
enum Refusal {
    /// The permission is missing, or does not reach so far.
    Denied,
    /// The record of the path is not there for them.
    Unseen,
    /// A record that the body names is not there for them.
    Unnamed,
}

impl Refusal {
    /// The status and the code of the answer.
    const fn problem(self) -> (u16, &'static str) {
        match self {
            Self::Denied => (403, "denied"),
            Self::Unseen => (404, "not_found"),
            Self::Unnamed => (422, "invalid"),
        }
    }

    /// Holds what came back against it.
    #[track_caller]
    fn check(self, reply: &Reply, who: &str) {
        let (status, code) = self.problem();
        assert_eq!((reply.status.as_u16(), &reply.json["code"]), (status, &json!(code)), "{who}: {:#}", reply.json);
        if let Self::Unnamed = self {
            // Nothing else is wrong with the body that would have it refused whoever asks.
            let faults = reply.json["errors"].as_array().unwrap();
            assert!(faults.iter().all(|fault| fault["code"] == "not_found"), "{who}: {:#}", reply.json);
        }
    }
}

/// One of each role but admin.
async fn members(api: &Api, system: &Session) -> Vec<Member> {
    let mut members = Vec::new();
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let registered = api.register(&unique(role.name())).await;
        let email = registered["user"]["email"].as_str().unwrap();
        let own = registered["workspace"]["id"].as_str().unwrap().parse().unwrap();
        let own = api.crm.acting(Actor::system(own, "test")).await.unwrap();
        let account = own.users().list(&ListRequest::default()).await.unwrap().data[0].account_id;
        join(system, account.unwrap(), role).await.unwrap();
        let login = json!({"email": email, "password": PASSWORD, "workspace_id": api.admin["workspace"]["id"]});
        let reply = api.send(Method::POST, "/api/v1/auth/login", None, Some(&login)).await.expect(200);
        let token = reply.json["access_token"].as_str().unwrap().to_owned();
        let me = api.send(Method::GET, "/api/v1/auth/me", Some(&token), None).await.expect(200);
        members.push(Member { role, token, permissions: me.json["permissions"].clone() });
    }
    members
}

impl Member {
    fn scope(&self, entity: Entity, action: Action) -> &str {
        self.permissions[entity.name()][action.name()].as_str().unwrap()
    }

    /// How a request for what the admin's records are about must be refused, where it must. Theirs, or
    /// their team's, the records are not.
    fn refusal(&self, case: &Case) -> Option<Refusal> {
        let (entity, action) = case.needs?;
        let asked = self.scope(entity, action);
        if asked == "none" {
            return Some(Refusal::Denied);
        }
        if !case.is_about_records() {
            return None;
        }
        // A note is seen where its contact is.
        let kinds = [entity, if entity == Entity::Note { Entity::Contact } else { entity }];
        if kinds.into_iter().any(|kind| self.scope(kind, Action::Read) != "all") {
            return Some(case.unseen());
        }
        (action != Action::Create && asked != "all").then_some(Refusal::Denied)
    }
}

impl Case {
    /// How whoever does not see the records is refused.
    fn unseen(&self) -> Refusal {
        if self.about.is_some() { Refusal::Unseen } else { Refusal::Unnamed }
    }
}

/// An operation of the document.
pub(super) struct Operation {
    pub(super) name: String,
    pub(super) method: Method,
    path: String,
    /// Whether a repeat under the same key answers as the first did.
    pub(super) is_keyed: bool,
}

/// Whether the document says that an operation takes an `Idempotency-Key`.
pub(super) fn is_keyed(operation: &Value) -> bool {
    let mut parameters = operation["parameters"].as_array().into_iter().flatten();
    parameters.any(|parameter| parameter["name"] == "Idempotency-Key")
}

/// Every operation that needs a token, with its case.
pub(super) fn operations() -> Vec<(Operation, Case)> {
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
            all.push((Operation { name, method, path, is_keyed: is_keyed(operation) }, found.unwrap()));
        }
    }
    all
}

/// The path on the record that it is about.
pub(super) fn placed(operation: &Operation, case: &Case, ids: &Ids) -> String {
    match case.about {
        // A delivery is looked for after its endpoint.
        Some(about) => operation.path.replace("{id}", &ids[&about]).replace("{delivery_id}", &ids[&about]),
        None => operation.path.replace("{name}", "email"),
    }
}

async fn send(api: &Api, operation: &Operation, case: &Case, ids: &Ids, token: Option<&str>) -> Reply {
    let path = placed(operation, case, ids);
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

/// The walk through the operations, with the workspace that all of them ask about.
struct Walk {
    api: Arc<Api>,
    witness: Witness,
    ids: Ids,
    members: Vec<Member>,
    /// The access token of another workspace's admin, who is refused whatever they ask for.
    stranger: String,
    /// That of one who is not, because they ask for what is theirs.
    stranger_at_home: String,
    /// Their workspace, in which that may change something.
    home: Id<Workspace>,
    /// What the store held before, but for that workspace.
    before: Holdings,
    counted: Counted,
}

impl Walk {
    async fn begin(api: Arc<Api>, witness: Witness) -> Self {
        let product = api.system().await;
        let (ids, members) = (records(&api).await, members(&api, &product).await);
        let token = |registered: &Value| registered["access_token"].as_str().unwrap().to_owned();
        let stranger = token(&api.register(&unique("stranger")).await);
        let at_home = api.register(&unique("stranger")).await;
        let home = at_home["workspace"]["id"].as_str().unwrap().parse().unwrap();
        let before = witness.at_rest(&api).await.without(home);
        let (stranger_at_home, counted) = (token(&at_home), Counted::default());
        Self { api, witness, ids, members, stranger, stranger_at_home, home, before, counted }
    }

    async fn in_memory() -> Self {
        let (api, witness) = in_memory().await;
        Self::begin(api, witness).await
    }

    /// Holds all that is stored against what was, after a request that the text tells of.
    async fn check_unchanged(&self, asker: &'static str, who: &str) {
        let changed = self.before.differences(&self.witness.holdings().await.without(self.home));
        assert!(changed.is_empty(), "{who} wrote something: {changed:#?}");
        self.counted.note_comparison(asker);
    }

    /// Asks as nobody, and with a token that is none.
    async fn as_nobody(&mut self, operation: &Operation, case: &Case) {
        for (who, token) in [("nobody", None), (FORGED, Some("e30.e30.e30"))] {
            let reply = send(&self.api, operation, case, &self.ids, token).await;
            assert_eq!(reply.status, 401, "{} as {who}: {:#}", operation.name, reply.json);
            self.check_unchanged(who, &format!("{} as {who}", operation.name)).await;
            self.counted.note(who, "unauthenticated");
        }
    }

    /// Asks as every member who may not.
    async fn as_members(&mut self, operation: &Operation, case: &Case) {
        for member in &self.members {
            let Some(refusal) = member.refusal(case) else { continue };
            let who = format!("{} as {}", operation.name, member.role.name());
            let reply = send(&self.api, operation, case, &self.ids, Some(&member.token)).await;
            refusal.check(&reply, &who);
            self.check_unchanged(member.role.name(), &who).await;
            self.counted.note(member.role.name(), refusal.problem().1);
        }
    }

    /// Asks as another workspace's admin, who may do everything there, and sees and changes nothing here.
    async fn as_stranger(&mut self, operation: &Operation, case: &Case) {
        let who = format!("{} as a stranger", operation.name);
        let is_refused = case.about.is_some() || case.is_about_records();
        let token = if is_refused { &self.stranger } else { &self.stranger_at_home };
        let reply = send(&self.api, operation, case, &self.ids, Some(token)).await;
        let code = if is_refused {
            case.unseen().check(&reply, &who);
            case.unseen().problem().1
        } else {
            // What is known by a name, as a template, another workspace has of its own, or not at all.
            let is_absent = operation.path.contains("{name}") && reply.status == 404;
            assert!(reply.status.is_success() || is_absent, "{who}: {} {:#}", reply.status, reply.json);
            assert!(!self.shows_ours(&reply), "{who}: {}", reply.text);
            NOTHING_OF_OURS
        };
        self.check_unchanged("a stranger", &who).await;
        self.counted.note("a stranger", code);
    }

    /// Whether an answer tells anything of the workspace.
    fn shows_ours(&self, reply: &Reply) -> bool {
        let admin = [&self.api.admin["workspace"]["id"], &self.api.admin["user"]["id"]];
        let ids = self.ids.values().map(String::as_str).chain(admin.map(|id| id.as_str().unwrap()));
        ids.chain([OURS]).any(|ours| reply.text.contains(ours))
    }

    /// Asks for everything as everybody who must not have it, and counts how often.
    async fn through(mut self) {
        let operations = operations();
        for (operation, case) in &operations {
            self.as_nobody(operation, case).await;
            self.as_members(operation, case).await;
            // The token ends with it, whose ever it is.
            if operation.name != "logout" {
                self.as_stranger(operation, case).await;
            }
        }
        let count = operations.len();
        // Each once to whoever has no token and to a stranger, and to each role as often as the matrix says.
        let mut wanted = BTreeMap::from([("nobody", count), (FORGED, count), ("a stranger", count - 1)]);
        for member in &self.members {
            let refused = operations.iter().filter(|(_, case)| member.refusal(case).is_some()).count();
            wanted.insert(member.role.name(), refused);
        }
        assert_eq!(self.counted.by_asker(), wanted);
        // Support agents change no contact, company or deal, so that these alone are so many.
        let closed = [Entity::Contact, Entity::Company, Entity::Deal];
        let is_closed =
            |case: &Case| case.needs.is_some_and(|(kind, what)| closed.contains(&kind) && what != Action::Read);
        let closed = operations.iter().filter(|(_, case)| is_closed(case)).count();
        assert!(wanted["support_agent"] >= closed && closed >= 30, "{closed} of {wanted:?}");
        // Every store refuses the same.
        self.counted.hold(count);
    }
}

#[tokio::test]
async fn whoever_may_not_is_refused_and_nothing_is_written() {
    Walk::in_memory().await.through().await;
}

#[tokio::test]
async fn whoever_may_not_is_refused_on_each_database_and_nothing_is_written() {
    on_each_database(|api, witness| async move { Walk::begin(api, witness).await.through().await }).await;
}

#[tokio::test]
async fn whoever_may_see_is_shown_what_strangers_are_not() {
    let walk = Walk::in_memory().await;
    let mut shown = BTreeSet::new();
    for (operation, case) in operations().into_iter().filter(|(operation, _)| SHOWN.contains(&&*operation.name)) {
        let reply = send(&walk.api, &operation, &case, &walk.ids, Some(walk.api.token())).await.expect(200);
        if walk.shows_ours(&reply) {
            shown.insert(operation.name);
        }
    }
    assert_eq!(shown, BTreeSet::from(SHOWN.map(str::to_owned)));
}

/// What each role may do by default, as every member reads it of themselves.
#[tokio::test]
async fn the_permissions_of_each_role_stand() {
    let walk = Walk::in_memory().await;
    let me = walk.api.get("/api/v1/auth/me").await.expect(200);
    let admin = ("admin", &me.json["permissions"]);
    let others = walk.members.iter().map(|member| (member.role.name(), &member.permissions));
    let mut table = String::new();
    for (role, permissions) in [admin].into_iter().chain(others) {
        table.push_str(&format!("{role}\n"));
        for (kind, rule) in permissions.as_object().unwrap() {
            let cells: Vec<_> =
                rule.as_object().unwrap().iter().map(|(what, scope)| format!("{what} {scope}")).collect();
            table.push_str(&format!("    {kind}: {}\n", cells.join(", ").replace('"', "")));
        }
    }
    insta::assert_snapshot!(table);
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
        // Nothing was sent to the endpoint; `webhooks.rs` reads a delivery that was.
        if operation.name == "read_webhook_delivery" {
            assert!(reply.problem(404, "not_found").json["detail"].as_str().unwrap().starts_with("delivery"));
            continue;
        }
        let class = reply.status.as_u16() / 100;
        assert_eq!(class, 2, "{}: {} {:#}", operation.name, reply.status, reply.json);
    }
}
