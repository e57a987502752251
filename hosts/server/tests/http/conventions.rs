//! The shapes on the wire: snapshots of the statuses, but for 408, which takes half a minute, and 500,
//! which no request brings about, and of each convention.

use crm_core::access::{FieldMask, Role, Rule};
use crm_core::auth::{SignIn, SignInStore as _};
use crm_core::integration::{AccessClaims, TokenSigner as _};
use crm_core::testkit::{MemoryStore, Office, World};
use crm_core::{Clock as _, Entity, Id, SystemClock};
use crm_integrations::auth::JwtSigner;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Reply, SECRET, unique};

/// What a client sees, without what differs from run to run.
pub(crate) fn shape(reply: &Reply) -> Value {
    let shown = [
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
        "vary",
        "content-type",
        "www-authenticate",
        "allow",
        "etag",
        "cache-control",
        "location",
        "retry-after",
        "ratelimit-limit",
        "ratelimit-remaining",
        "ratelimit-reset",
        "x-request-id",
    ];
    let headers: serde_json::Map<_, _> = shown
        .into_iter()
        .filter(|name| reply.headers.contains_key(*name))
        .map(|name| (name.to_owned(), steady_header(name, reply.header(name)).into()))
        .collect();
    json!({"status": reply.status.as_u16(), "headers": headers, "body": steady(&reply.json)})
}

fn steady_header(name: &str, value: &str) -> String {
    match (name, value.rsplit_once('/')) {
        ("retry-after" | "ratelimit-reset", _) => "<seconds>".to_owned(),
        ("x-request-id", _) => "<request_id>".to_owned(),
        ("location", Some((path, _))) => format!("{path}/<id>"),
        _ => value.to_owned(),
    }
}

/// A body without what differs from run to run.
pub(crate) fn steady(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(key, value)| (key.clone(), steady_field(key, value))).collect(),
        Value::Array(items) => items.iter().map(|item| steady_field("", item)).collect(),
        other => other.clone(),
    }
}

/// A job that has ended, without what differs from run to run: also how often it was written.
pub(crate) fn ended(job: &Value) -> Value {
    let mut shown = steady(job);
    shown["version"] = "<version>".into();
    shown
}

fn steady_field(key: &str, value: &Value) -> Value {
    match (key, value) {
        ("request_id" | "access_token" | "refresh_token" | "challenge_token" | "next_cursor", Value::String(_)) => {
            format!("<{key}>").into()
        }
        (_, Value::String(text)) if text.len() == 36 && text.parse::<crm_core::Id<()>>().is_ok() => "<id>".into(),
        (_, Value::String(text)) if text.len() == 27 && text.parse::<crm_core::Timestamp>().is_ok() => "<time>".into(),
        ("detail" | "message", Value::String(text)) => text
            .split(' ')
            .map(|word| if word.parse::<crm_core::Id<()>>().is_ok() { "<id>" } else { word })
            .collect::<Vec<_>>()
            .join(" ")
            .into(),
        (_, value) => steady(value),
    }
}

#[tokio::test]
async fn every_status_has_its_shape() {
    let api = Api::memory_with(|config| config.body_limit = 4_096).await;
    let email = api.admin["user"]["email"].as_str().unwrap().to_owned();
    let made = api.post("/api/v1/contacts", json!({"last_name": "Hopper", "email": "grace@example.com"})).await;
    let path = format!("/api/v1/contacts/{}", made.id());
    let stale = api.request(Method::PATCH, &path).header("if-match", "\"7\"").json(&json!({"title": "x"}));
    let nowhere = "/api/v1/contacts/00000000-0000-7000-8000-000000000000";
    let large = json!({"last_name": "x".repeat(5_000)});
    let text = api.request(Method::POST, "/api/v1/contacts").header("content-type", "text/plain").body("x");
    let login = json!({"email": email, "password": "not the password"});
    let replies = [
        ("200 one record", api.get(&path).await),
        ("200 list", api.get("/api/v1/contacts?count=true").await),
        ("201 created", made),
        ("400 malformed", api.post_bytes("/api/v1/contacts", "{").await),
        ("401 nobody", api.send(Method::GET, &path, None, None).await),
        ("404 record", api.get(nowhere).await),
        ("404 route", api.get("/api/v1/nonsense").await),
        ("405 method", api.delete("/api/v1/contacts").await),
        ("409 stale version", Reply::of(stale.send().await.unwrap()).await),
        ("413 large", api.post("/api/v1/contacts", large).await),
        ("415 media", Reply::of(text.send().await.unwrap()).await),
        ("422 fields", api.post("/api/v1/contacts", json!({"last_name": "x".repeat(300), "tags": [""]})).await),
        ("204 deleted", api.delete(&path).await),
    ];
    let mut shapes: Vec<_> = replies.iter().map(|(name, reply)| json!({*name: shape(reply)})).collect();
    for _ in 0..10 {
        api.send(Method::POST, "/api/v1/auth/login", None, Some(&login)).await.expect(401);
    }
    let braked = api.send(Method::POST, "/api/v1/auth/login", None, Some(&login)).await;
    shapes.push(json!({"429 braked": shape(&braked)}));
    insta::assert_json_snapshot!(shapes);
}

#[tokio::test]
async fn signing_in_has_its_shape() {
    let api = Api::memory().await;
    let body =
        json!({"workspace_name": "Acme", "email": "shape@example.com", "password": "correct horse", "name": "Ada"});
    let login = json!({"email": "shape@example.com", "password": "correct horse"});
    let registered = api.send(Method::POST, "/api/v1/auth/register", None, Some(&body)).await;
    let signed = api.send(Method::POST, "/api/v1/auth/login", None, Some(&login)).await;
    let refresh = json!({"refresh_token": signed.json["refresh_token"]});
    let refreshed = api.send(Method::POST, "/api/v1/auth/refresh", None, Some(&refresh)).await;
    api.send(Method::POST, "/api/v1/auth/register", None, Some(&body)).await.expect(201);
    let asked = api.send(Method::POST, "/api/v1/auth/login", None, Some(&login)).await;
    let token = signed.json["access_token"].as_str().unwrap();
    let mut me = api.send(Method::GET, "/api/v1/auth/me", Some(token), None).await;
    // The matrix has laws of its own.
    me.json["permissions"] = json!("<permissions>");
    let shapes: Vec<_> = [&registered, &signed, &refreshed, &asked, &me].into_iter().map(shape).collect();
    insta::assert_json_snapshot!(shapes);
}

/// An access token of a member who has no password, for a sign-in that is put into the store.
pub(crate) async fn token_of(store: &MemoryStore, office: &Office, role: Role) -> String {
    let (now, user_id) = (SystemClock.now(), office.member(role));
    let sign_in = SignIn {
        id: Id::new_at(now),
        account_id: Id::new_at(now),
        workspace_id: office.workspace,
        user_id,
        created_at: now,
        expires_at: now.plus_seconds(600),
        revoked_at: None,
    };
    store.open(&sign_in, &[7; 32]).await.unwrap();
    let claims = AccessClaims::new(office.workspace, user_id, sign_in.id, now, 600);
    JwtSigner::new(&SECRET.to_owned().into()).unwrap().sign(&claims).unwrap()
}

#[tokio::test]
async fn a_missing_permission_is_named_and_a_hidden_field_is_absent() {
    let store = MemoryStore::new();
    let world = World::new(store.clone()).await;
    let api = Api::memory_on(store.clone()).await;
    let (admin, agent) =
        (token_of(&store, &world.home, Role::Admin).await, token_of(&store, &world.home, Role::SupportAgent).await);
    let ask = |method: Method, path: &str, token: &str, body: Option<Value>| {
        let (path, token) = (path.to_owned(), token.to_owned());
        let api = &api;
        async move { api.send(method, &path, Some(&token), body.as_ref()).await }
    };
    let value = json!({"amount_minor": 5, "currency": "USD"});
    let deal = json!({"title": "Big one", "value": value});
    let made = ask(Method::POST, "/api/v1/deals", &admin, Some(deal.clone())).await.expect(201);
    let path = format!("/api/v1/deals/{}", made.id());
    let refused = [
        (ask(Method::POST, "/api/v1/contacts", &agent, Some(json!({"last_name": "x"}))).await, "contact:create"),
        (ask(Method::PATCH, &path, &agent, Some(json!({"title": "x"}))).await, "deal:update"),
        (ask(Method::DELETE, &path, &agent, None).await, "deal:delete"),
        (ask(Method::PATCH, "/api/v1/workspace", &agent, Some(json!({"name": "x"}))).await, "workspace:update"),
    ];
    for (reply, permission) in refused {
        let reply = reply.problem(403, "denied");
        assert!(reply.json["detail"].as_str().unwrap().contains(permission), "{:#}", reply.json);
    }
    assert_eq!(ask(Method::GET, &path, &admin, None).await.expect(200).json["value"], value);
    let seen = ask(Method::GET, &path, &agent, None).await.expect(200);
    assert_eq!(seen.json["title"], "Big one");
    assert_eq!(seen.json.get("value"), None);
    for query in ["sort=value", "filter=%7B%22field%22:%22value%22,%22op%22:%22is_null%22%7D"] {
        let faults = ask(Method::GET, &format!("/api/v1/deals?{query}"), &agent, None).await.faults();
        assert_eq!(faults[0].1, "unknown_field", "{query}");
    }
    let denied = ask(Method::DELETE, &path, &agent, None).await;
    insta::assert_json_snapshot!(shape(&denied));
    let board = ask(Method::GET, "/api/v1/deals/pipeline", &agent, None).await.expect(200);
    assert_eq!(board.json["stages"][0].get("total"), None);
    let timeline = ask(Method::GET, &format!("{path}/timeline"), &agent, None).await.expect(200);
    assert_eq!(timeline.json["data"][0]["after"].get("value"), None);
}

#[tokio::test]
async fn a_conflict_shows_no_more_than_a_read() {
    let store = MemoryStore::new();
    let world = World::new(store.clone()).await;
    let hidden = Rule { hidden: FieldMask::of(["value"]), ..Rule::ALL };
    world.set_rule(Role::Closer, Entity::Deal, hidden).await;
    let api = Api::memory_on(store.clone()).await;
    let tokens = [token_of(&store, &world.home, Role::Admin).await, token_of(&store, &world.home, Role::Closer).await];
    let deal = json!({"title": "Big one", "value": {"amount_minor": 5, "currency": "USD"}});
    let made = api.send(Method::POST, "/api/v1/deals", Some(&tokens[0]), Some(&deal)).await.expect(201);
    let path = format!("/api/v1/deals/{}", made.id());
    for (token, sees) in tokens.iter().zip([true, false]) {
        let read = api.send(Method::GET, &path, Some(token), None).await.expect(200);
        let late = api.client.patch(api.url(&path)).bearer_auth(token).header("if-match", "\"7\"");
        let late = Reply::of(late.json(&json!({"title": "x"})).send().await.unwrap()).await;
        let late = late.problem(409, "stale_version");
        assert_eq!(late.json["current"], read.json);
        assert_eq!(late.json["current"].get("value").is_some(), sees);
    }
    // Nobody comes too late for what they do not see.
    let stranger = api.request(Method::PATCH, &path).header("if-match", "\"7\"").json(&json!({"title": "x"}));
    let stranger = Reply::of(stranger.send().await.unwrap()).await.problem(404, "not_found");
    assert_eq!((stranger.json.get("current"), stranger.header("etag")), (None, ""));
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_keeps_a_harmless_one() {
    let api = Api::memory().await;
    let ask = |id: &str, path: &str| {
        let request = api.request(Method::GET, path).header("x-request-id", id);
        async { Reply::of(request.send().await.unwrap()).await }
    };
    let own = unique("request-");
    for path in ["/api/v1/contacts", "/api/v1/nonsense", "/healthz", "/api/v1/contacts?limit=0"] {
        assert_eq!(ask(&own, path).await.header("x-request-id"), own);
        for bad in ["", "a b", "<script>", &"x".repeat(129)] {
            let given = ask(bad, path).await.header("x-request-id").to_owned();
            assert!(given.len() == 32 && given != bad, "{given}");
        }
    }
    let one = api.get("/healthz").await;
    assert_ne!(one.header("x-request-id"), api.get("/healthz").await.header("x-request-id"));
}
