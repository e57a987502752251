//! Members: profile, role, status, and the sign-ins that end with them.

use crm_core::access::{Entity, Role, Rule};
use crm_core::testkit::{MemoryStore, World};
use reqwest::Method;
use serde_json::{Value, json};

use crate::conventions::{shape, token_of};
use crate::support::{Api, Reply, on_every_store, unique};

const USERS: &str = "/api/v1/users";

#[tokio::test]
async fn a_member_is_made_read_replaced_changed_and_deleted() {
    on_every_store(|api| async move {
        let email = format!("{}@example.com", unique("grace"));
        let made = api.post(USERS, json!({"name": "Grace", "email": email, "role": "setter"})).await.expect(201);
        let path = format!("{USERS}/{}", made.id());
        assert_eq!((made.header("location"), made.header("etag")), (path.as_str(), "\"1\""));
        assert_eq!((&made.json["status"], &made.json["role"]), (&json!("invited"), &json!("setter")));
        assert_eq!(api.get(&path).await.expect(200).json, made.json);
        let profile =
            json!({"name": "Grace Hopper", "email": email, "time_zone": "America/New_York", "locale": "EN-us"});
        let replaced = api.put(&path, profile).await.expect(200);
        assert_eq!((&replaced.json["locale"], replaced.header("etag")), (&json!("en-US"), "\"2\""));
        let changed = api.patch(&path, json!({"time_zone": null})).await.expect(200).json;
        assert_eq!((&changed["time_zone"], &changed["name"]), (&Value::Null, &json!("Grace Hopper")));
        let role = api.patch(&format!("{path}/role"), json!({"role": "closer"})).await.expect(200);
        assert_eq!((&role.json["role"], role.header("etag")), (&json!("closer"), "\"4\""));
        let status = api.patch(&format!("{path}/status"), json!({"status": "suspended"})).await.expect(200);
        assert_eq!(status.json["status"], "suspended");
        api.delete(&path).await.expect(204);
        // Records may name them still; lists do not.
        assert!(api.get(&path).await.expect(200).json["deleted_at"].is_string());
        assert_eq!(api.get("/api/v1/users?count=true").await.expect(200).json["total"], 1);
        api.delete(&path).await.problem(404, "not_found");
        api.put(&path, json!({"name": "x"})).await.problem(404, "not_found");
        let given = json!({"last_name": "x", "owner_id": made.id()});
        assert_eq!(api.post("/api/v1/contacts", given).await.faults()[0].0, "owner_id");
    })
    .await;
}

#[tokio::test]
async fn a_bad_member_names_what_is_wrong() {
    on_every_store(|api| async move {
        let own = format!("{USERS}/{}", api.admin["user"]["id"].as_str().unwrap());
        for (method, path, body, field, code) in [
            (Method::POST, USERS.to_owned(), json!({"name": "x"}), "role", "required"),
            (Method::POST, USERS.to_owned(), json!({"role": "setter"}), "name", "required"),
            (Method::POST, USERS.to_owned(), json!({"name": "", "role": "setter"}), "name", "required"),
            (Method::POST, USERS.to_owned(), json!({"name": "x", "role": "king"}), "role", "value"),
            (
                Method::POST,
                USERS.to_owned(),
                json!({"name": "x", "role": "setter", "status": "active"}),
                "status",
                "unknown_field",
            ),
            (
                Method::POST,
                USERS.to_owned(),
                json!({"name": "x", "role": "setter", "account_id": 1}),
                "account_id",
                "unknown_field",
            ),
            (Method::PUT, own.clone(), json!({}), "name", "required"),
            (Method::PATCH, own.clone(), json!({"name": null}), "name", "required"),
            (Method::PATCH, own.clone(), json!({"role": "setter"}), "role", "unknown_field"),
            (Method::PATCH, own.clone(), json!({"last_seen_at": null}), "last_seen_at", "unknown_field"),
            (Method::PATCH, own.clone(), json!({"locale": "english please"}), "locale", "value"),
            (Method::PATCH, own.clone(), json!({"email": "eve@example.com"}), "email", "of_account"),
            (Method::PATCH, format!("{own}/role"), json!({}), "role", "required"),
            (Method::PATCH, format!("{own}/role"), json!({"role": "king"}), "role", "value"),
            (Method::PATCH, format!("{own}/status"), json!({"status": "deleted"}), "status", "value"),
        ] {
            let reply = api.send(method.clone(), &path, Some(api.token()), Some(&body)).await;
            assert_eq!(reply.faults(), [(field.to_owned(), code.to_owned())], "{method} {path} {body}");
        }
        let made =
            api.post(USERS, json!({"name": "Grace", "email": "grace@example.com", "role": "setter"})).await.expect(201);
        api.post(USERS, json!({"name": "Twin", "email": "grace@example.com", "role": "setter"}))
            .await
            .problem(409, "duplicate");
        let path = format!("{USERS}/{}", made.id());
        let faults = api.patch(&format!("{path}/status"), json!({"status": "active"})).await.faults();
        assert_eq!(faults, [("status".to_owned(), "status".to_owned())]);
        let routes = [
            ("", json!({"name": "x"})),
            ("/role", json!({"role": "closer"})),
            ("/status", json!({"status": "suspended"})),
        ];
        for (route, body) in routes {
            let stale = api.request(Method::PATCH, &format!("{path}{route}")).header("if-match", "\"7\"").json(&body);
            Reply::of(stale.send().await.unwrap()).await.problem(409, "stale_version");
        }
        let stale = api.request(Method::DELETE, &path).header("if-match", "\"7\"");
        Reply::of(stale.send().await.unwrap()).await.problem(409, "stale_version");
    })
    .await;
}

#[tokio::test]
async fn a_member_is_made_once_under_one_key() {
    on_every_store(|api| async move {
        let (key, body) = (unique("key"), json!({"name": "Grace", "role": "setter"}));
        let send = || api.request(Method::POST, USERS).header("idempotency-key", &key).json(&body).send();
        let first = Reply::of(send().await.unwrap()).await.expect(201);
        let second = Reply::of(send().await.unwrap()).await.expect(201);
        assert_eq!(first.json, second.json);
        assert_eq!(api.get("/api/v1/users?count=true").await.expect(200).json["total"], 2);
    })
    .await;
}

#[tokio::test]
async fn the_last_admin_stays_under_every_route() {
    on_every_store(|api| async move {
        let own = format!("{USERS}/{}", api.admin["user"]["id"].as_str().unwrap());
        api.patch(&format!("{own}/role"), json!({"role": "setter"})).await.problem(409, "last_admin");
        api.patch(&format!("{own}/status"), json!({"status": "suspended"})).await.problem(409, "last_admin");
        api.delete(&own).await.problem(409, "last_admin");
        let read = api.get(&own).await.expect(200).json;
        assert_eq!((&read["role"], &read["status"], &read["version"]), (&json!("admin"), &json!("active"), &json!(1)));
        assert!(read["last_seen_at"].is_string());
        // Without an account they are no admin who could act.
        api.post(USERS, json!({"name": "Later", "role": "admin"})).await.expect(201);
        api.delete(&own).await.problem(409, "last_admin");
    })
    .await;
}

#[tokio::test]
async fn whoever_is_suspended_or_deleted_is_out_at_once() {
    let store = MemoryStore::new();
    let world = World::new(store.clone()).await;
    let api = Api::memory_on(store.clone()).await;
    let admin = token_of(&store, &world.home, Role::Admin).await;
    let ask = |method: Method, path: String, token: String, body: Option<Value>| {
        let api = &api;
        async move { api.send(method, &path, Some(&token), body.as_ref()).await }
    };
    let of = |role| format!("{USERS}/{}", world.home.member(role));
    for (role, end) in [(Role::Setter, "suspended"), (Role::Closer, "deleted")] {
        let token = token_of(&store, &world.home, role).await;
        ask(Method::GET, "/api/v1/auth/me".into(), token.clone(), None).await.expect(200);
        match end {
            "deleted" => ask(Method::DELETE, of(role), admin.clone(), None).await.expect(204),
            _ => {
                let body = Some(json!({"status": end}));
                ask(Method::PATCH, format!("{}/status", of(role)), admin.clone(), body).await.expect(200)
            }
        };
        ask(Method::GET, "/api/v1/auth/me".into(), token, None).await.problem(401, "unauthenticated");
    }
    // Everybody has a profile of their own, and no say about others.
    let rep = token_of(&store, &world.home, Role::SalesRep).await;
    ask(Method::PATCH, of(Role::SalesRep), rep.clone(), Some(json!({"locale": "fr"}))).await.expect(200);
    for (method, path, body) in [
        (Method::PATCH, of(Role::Manager), Some(json!({"locale": "fr"}))),
        (Method::PATCH, format!("{}/role", of(Role::SalesRep)), Some(json!({"role": "admin"}))),
        (Method::PATCH, format!("{}/status", of(Role::Manager)), Some(json!({"status": "suspended"}))),
        (Method::DELETE, of(Role::Manager), None),
        (Method::POST, USERS.to_owned(), Some(json!({"name": "x", "role": "setter"}))),
    ] {
        ask(method, path, rep.clone(), body).await.problem(403, "denied");
    }
    // A second admin may go, but not by themselves.
    let second = ask(Method::PATCH, format!("{}/role", of(Role::Manager)), admin, Some(json!({"role": "admin"}))).await;
    second.expect(200);
    let token = token_of(&store, &world.home, Role::Manager).await;
    let refused = ask(Method::DELETE, of(Role::Manager), token, None).await.problem(403, "own_membership");
    insta::assert_json_snapshot!(shape(&refused));
}

#[tokio::test]
async fn whoever_may_change_settings_and_members_gives_themselves_nothing() {
    let store = MemoryStore::new();
    let world = World::new(store.clone()).await;
    for entity in [Entity::Workspace, Entity::User] {
        world.set_rule(Role::Manager, entity, Rule::ALL).await;
    }
    let api = Api::memory_on(store.clone()).await;
    let token = token_of(&store, &world.home, Role::Manager).await;
    let ask = async |method: Method, path: &str, body: Value| api.send(method, path, Some(&token), Some(&body)).await;
    ask(Method::PATCH, "/api/v1/workspace", json!({"time_zone": "Europe/Berlin"})).await.expect(200);
    let rules = json!({"rules": {"manager": {"webhook_endpoint": {"create": "all", "read": "all"}}}});
    ask(Method::PUT, "/api/v1/permissions", rules).await.problem(403, "denied");
    let role = |of| format!("{USERS}/{}/role", world.home.member(of));
    ask(Method::PATCH, &role(Role::Manager), json!({"role": "closer"})).await.problem(403, "denied");
    ask(Method::PATCH, &role(Role::Closer), json!({"role": "setter"})).await.expect(200);
}

#[tokio::test]
async fn a_team_is_made_told_of_changed_and_deleted() {
    on_every_store(|api| async move {
        let me = api.admin["user"]["id"].clone();
        let made = api.post("/api/v1/teams", json!({"name": "North", "members": [me]})).await.expect(201);
        let path = format!("/api/v1/teams/{}", made.id());
        assert_eq!((made.header("location"), made.header("etag")), (path.as_str(), "\"1\""));
        assert_eq!(made.json["members"], json!([me]));
        assert_eq!(api.get(&path).await.expect(200).json, made.json);
        // Its id is what figures take.
        api.post("/api/v1/deals", json!({"title": "Difference engine"})).await.expect(201);
        let figures = format!("/api/v1/analytics/activities?team_id={}", made.id());
        let done = async |path: &str| api.get(path).await.expect(200).json["figures"]["total"]["all"].clone();
        let all = done("/api/v1/analytics/activities").await;
        assert_eq!((done(&figures).await, all != json!(0)), (all, true));
        let renamed = api.patch(&path, json!({"name": "East"})).await.expect(200);
        assert_eq!((&renamed.json["name"], &renamed.json["members"]), (&json!("East"), &json!([me])));
        let replaced = api.put(&path, json!({"name": "West"})).await.expect(200);
        assert_eq!((&replaced.json["members"], replaced.header("etag")), (&json!([]), "\"3\""));
        assert_eq!(done(&figures).await, 0);
        for (body, fault) in [
            (json!({"name": ""}), "name"),
            (json!({}), "name"),
            (json!({"name": "x", "members": [me, unknown()]}), "members.1"),
            (json!({"name": "x", "colour": "red"}), "colour"),
        ] {
            assert_eq!(api.put(&path, body.clone()).await.faults()[0].0, fault, "{body}");
            assert_eq!(api.post("/api/v1/teams", body.clone()).await.faults()[0].0, fault, "{body}");
        }
        api.post("/api/v1/teams", json!({"name": "east"})).await.expect(201);
        let listed = api.get("/api/v1/teams").await.expect(200).json;
        let names: Vec<&Value> = listed["data"].as_array().unwrap().iter().map(|team| &team["name"]).collect();
        assert_eq!((names, &listed["next_cursor"]), (vec![&json!("east"), &json!("West")], &Value::Null));
        api.delete(&path).await.expect(204);
        api.get(&path).await.problem(404, "not_found");
        assert_eq!(api.get(&figures).await.faults()[0].0, "team_id");
    })
    .await;
}

#[tokio::test]
async fn the_permissions_are_told_and_replaced_as_a_whole() {
    on_every_store(|api| async move {
        const PATH: &str = "/api/v1/permissions";
        let read = api.get(PATH).await.expect(200);
        let all = read.json["rules"].as_object().unwrap();
        assert!(all.len() == 6 && all.values().all(|rules| rules.as_object().unwrap().len() == 16), "{all:?}");
        assert_eq!(
            (&all["setter"]["contact"]["read"], &all["admin"]["deal"]["delete"]),
            (&json!("team"), &json!("all"))
        );
        let put = async |change: &Value| {
            let request = api.request(Method::PUT, PATH).header("if-match", read.header("etag")).json(change);
            Reply::of(request.send().await.unwrap()).await
        };
        // What was told may be sent back.
        let same = put(&json!({"rules": all})).await.expect(200);
        assert_eq!((&same.json, same.header("etag")), (&read.json, read.header("etag")));
        let change = json!({"rules": {"setter": {"contact": {"read": "own", "hidden": ["email"]}}}});
        let changed = put(&change).await.expect(200);
        let rule = &changed.json["rules"]["setter"]["contact"];
        assert_eq!(
            (&rule["read"], &rule["update"], &rule["hidden"]),
            (&json!("own"), &json!("none"), &json!(["email"]))
        );
        assert_eq!(changed.json["rules"]["setter"]["company"], all["setter"]["company"]);
        assert_eq!(api.get(PATH).await.expect(200).json, changed.json);
        let late = put(&json!({"rules": {}})).await.problem(409, "stale_version");
        assert_eq!((&late.json["current"], late.header("etag")), (&changed.json, changed.header("etag")));
        for (body, fault) in [
            (json!({"rules": {"admin": {"contact": {}}}}), ("rules.admin.contact.role", "role")),
            (json!({"rules": {"setter": {"pipeline": {"read": "own"}}}}), ("rules.setter.pipeline.read", "scope")),
            (
                json!({"rules": {"setter": {"contact": {"hidden": ["x"]}}}}),
                ("rules.setter.contact.hidden", "unknown_field"),
            ),
            (json!({"rules": {"setter": {"contact": {"fly": "all"}}}}), ("rules.setter.contact.fly", "unknown_field")),
            (json!({}), ("rules", "required")),
        ] {
            let faults = api.put(PATH, body).await.faults();
            assert_eq!((faults[0].0.as_str(), faults[0].1.as_str()), fault);
        }
        api.put(PATH, json!({"rules": {"king": {}}})).await.expect(422);
        let back = api.put(PATH, json!({"rules": {}})).await.expect(200);
        assert_eq!(back.json["rules"], read.json["rules"]);
    })
    .await;
}

/// The id of nobody.
fn unknown() -> Value {
    json!("00000000-0000-7000-8000-000000000000")
}
