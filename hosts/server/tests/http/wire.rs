//! The conventions of the API on the wire, those that no single status shows: what is refused in a body, in a query and
//! in a filter, pages, whole and partial changes, and what a client says in headers.

use crm_core::access::Role;
use crm_core::testkit::{MemoryStore, World};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::conventions::{shape, token_of};
use crate::support::{Api, Reply, on_every_store};

const CONTACTS: &str = "/api/v1/contacts";
const SITE: &str = "https://crm.example.com";

async fn sent(request: RequestBuilder) -> Reply {
    Reply::of(request.send().await.unwrap()).await
}

/// Replies by what they are.
fn shapes<const N: usize>(replies: [(&str, &Reply); N]) -> Vec<Value> {
    replies.into_iter().map(|(name, reply)| json!({name: shape(reply)})).collect()
}

#[tokio::test]
async fn what_is_unknown_is_named() {
    let api = Api::memory().await;
    let body = api.post(CONTACTS, json!({"last_name": "Hopper", "shoe": 40})).await;
    let custom = api.post(CONTACTS, json!({"last_name": "Hopper", "custom": {"shoe": 40}})).await;
    let query = api.get(&format!("{CONTACTS}?page=2")).await;
    let items = json!([{"last_name": "Hopper"}, {"last_name": "Curie", "shoe": 36}]);
    let bulk = api.post(&format!("{CONTACTS}/bulk"), json!({"items": items})).await;
    for (reply, field) in [(&body, "shoe"), (&custom, "custom.shoe"), (&query, "page"), (&bulk, "items.1.shoe")] {
        assert_eq!(reply.status, 422, "{field}");
        let fault = &reply.json["errors"][0];
        assert_eq!((&fault["field"], &fault["code"]), (&json!(field), &json!("unknown_field")), "{:#}", reply.json);
    }
    insta::assert_json_snapshot!(shapes([
        ("422 field", &body),
        ("422 custom field", &custom),
        ("422 parameter", &query),
        ("422 item", &bulk),
    ]));
}

#[tokio::test]
async fn put_clears_what_it_leaves_out_and_patch_what_is_null() {
    let api = Api::memory().await;
    let body = json!({
        "first_name": "Grace", "last_name": "Hopper", "title": "Rear admiral", "source": "fair", "tags": ["vip"]
    });
    let made = api.post(CONTACTS, body).await.expect(201);
    let path = format!("{CONTACTS}/{}", made.id());
    let patched = api.patch(&path, json!({"title": null, "first_name": "Amazing"})).await.expect(200);
    let (title, source) = (&patched.json["title"], &patched.json["source"]);
    assert_eq!((title, source, &patched.json["tags"]), (&Value::Null, &json!("fair"), &json!(["vip"])));
    let put = api.put(&path, json!({"last_name": "Hopper", "title": "Commodore"})).await.expect(200);
    for field in ["first_name", "source", "email"] {
        assert_eq!(put.json[field], Value::Null, "{field}");
    }
    assert_eq!((&put.json["tags"], &put.json["owner_id"]), (&json!([]), &made.json["owner_id"]));
    // What may not be empty is neither left out nor cleared.
    let (left_out, cleared) = (api.put(&path, json!({})).await, api.patch(&path, json!({"last_name": null})).await);
    for reply in [&left_out, &cleared] {
        assert_eq!(reply.json["errors"][0]["code"], "required", "{:#}", reply.json);
    }
    insta::assert_json_snapshot!(shapes([
        ("200 PATCH", &patched),
        ("200 PUT", &put),
        ("422 PUT", &left_out),
        ("422 PATCH", &cleared),
    ]));
}

#[tokio::test]
async fn a_refused_filter_says_where_it_is_wrong() {
    let store = MemoryStore::new();
    let world = World::new(store.clone()).await;
    let api = Api::memory_on(store.clone()).await;
    let agent = token_of(&store, &world.home, Role::SupportAgent).await;
    let search = async |filter: Value| {
        let body = json!({"filter": {"all": [filter]}});
        api.send(Method::POST, "/api/v1/deals/search", Some(&agent), Some(&body)).await
    };
    let is = |field: &str, op: &str, value: Value| json!({"field": field, "op": op, "value": value});
    let mut deep = is("title", "eq", json!("x"));
    for _ in 0..40 {
        deep = json!({"not": deep});
    }
    let unknown = search(is("shoe", "eq", json!(40))).await;
    let hidden = search(is("value", "gt", json!(80))).await;
    let operator = search(is("title", "has_any", json!(["a", "b"]))).await;
    let value = search(is("created_at", "gt", json!("yesterday"))).await;
    let deep = search(deep).await;
    let query = api.send(Method::GET, "/api/v1/deals?filter=%7B", Some(&agent), None).await;
    for reply in [&unknown, &hidden, &operator, &value, &deep, &query] {
        assert_eq!((reply.status.as_u16(), &reply.json["code"]), (422, &json!("invalid")), "{:#}", reply.json);
        let field = reply.json["errors"][0]["field"].as_str().unwrap();
        assert!(field.starts_with("filter"), "{:#}", reply.json);
    }
    // A field that the caller does not see is none.
    let code = |reply: &Reply| reply.json["errors"][0]["code"].clone();
    assert_eq!((code(&unknown), code(&hidden)), (json!("unknown_field"), json!("unknown_field")));
    insta::assert_json_snapshot!(shapes([
        ("422 unknown field", &unknown),
        ("422 hidden field", &hidden),
        ("422 operator", &operator),
        ("422 value", &value),
        ("422 too deep", &deep),
        ("422 no JSON", &query),
    ]));
}

#[tokio::test]
async fn pages_follow_one_another_by_their_cursors_alone() {
    let api = Api::memory().await;
    for name in ["Curie", "Hopper", "Lovelace"] {
        api.post(CONTACTS, json!({"last_name": name})).await.expect(201);
    }
    let list = format!("{CONTACTS}?sort=last_name&limit=2&count=true");
    let first = api.get(&list).await.expect(200);
    let cursor = first.json["next_cursor"].as_str().unwrap();
    let last = api.get(&format!("{list}&cursor={cursor}")).await.expect(200);
    assert_eq!((&last.json["data"][0]["last_name"], &last.json["next_cursor"]), (&json!("Lovelace"), &Value::Null));
    let body = json!({"sort": "last_name", "limit": 2, "count": true});
    let by_body = api.post(&format!("{CONTACTS}/search"), body).await.expect(200);
    assert_eq!(by_body.json, first.json);
    let two = api.get(&format!("{CONTACTS}?sort=last_name,title")).await;
    let foreign = api.get(&format!("{CONTACTS}?sort=-last_name&cursor={cursor}")).await;
    let other = api.get(&format!("/api/v1/companies?sort=name&cursor={cursor}")).await;
    for (reply, field) in [(&two, "sort"), (&foreign, "cursor"), (&other, "cursor")] {
        assert_eq!((reply.status.as_u16(), &reply.json["errors"][0]["field"]), (422, &json!(field)));
    }
    insta::assert_json_snapshot!(shapes([
        ("200 first", &first),
        ("200 last", &last),
        ("422 two fields", &two),
        ("422 cursor of another order", &foreign),
        ("422 cursor of another list", &other),
    ]));
}

#[tokio::test]
async fn a_browser_asks_before_it_sends() {
    let api = Api::memory_with(|config| config.cors_origins = SITE.parse().unwrap()).await;
    let ask = async |origin: &str| {
        let request = api.client.request(Method::OPTIONS, api.url(CONTACTS)).header("origin", origin);
        sent(request.header("access-control-request-method", "POST")).await
    };
    let (allowed, refused) = (ask(SITE).await, ask("https://evil.example").await);
    assert_eq!((allowed.status.as_u16(), allowed.header("access-control-allow-origin")), (204, SITE));
    assert_eq!((refused.status.as_u16(), refused.header("access-control-allow-origin")), (405, ""));
    let read = sent(api.request(Method::GET, CONTACTS).header("origin", SITE)).await;
    assert_eq!(read.header("access-control-allow-origin"), SITE);
    insta::assert_json_snapshot!(shapes([
        ("204 allowed", &allowed),
        ("405 refused", &refused),
        ("200 read by a page", &read),
    ]));
}

#[tokio::test]
async fn what_a_client_says_in_headers_has_its_shape() {
    let api = Api::memory().await;
    let made = api.post(CONTACTS, json!({"last_name": "Hopper"})).await.expect(201);
    let path = format!("{CONTACTS}/{}", made.id());
    let with = async |method: Method, header: &str, value: &str, body: Option<Value>| {
        let request = api.request(method, &path).header(header, value);
        sent(match body {
            Some(body) => request.json(&body),
            None => request,
        })
        .await
    };
    let head = api.send(Method::HEAD, &path, Some(api.token()), None).await;
    let options = api.send(Method::OPTIONS, &path, Some(api.token()), None).await;
    assert_eq!(options.header("allow"), "GET, HEAD, PUT, PATCH, DELETE");
    // Nobody may keep an answer, so there is nothing that could be unmodified.
    let known = with(Method::GET, "if-none-match", "\"1\"", None).await;
    assert_eq!((known.status.as_u16(), &known.json), (200, &made.json));
    let fresh = with(Method::PATCH, "if-match", "\"1\"", Some(json!({"title": "Dr"}))).await;
    let stale = with(Method::PATCH, "if-match", "\"1\"", Some(json!({"title": "Prof"}))).await;
    assert_eq!((fresh.status.as_u16(), fresh.header("etag"), stale.status.as_u16()), (200, "\"2\"", 409));
    let named = with(Method::GET, "x-request-id", "mine-7", None).await;
    assert_eq!(named.header("x-request-id"), "mine-7");
    insta::assert_json_snapshot!(shapes([
        ("200 HEAD", &head),
        ("405 OPTIONS", &options),
        ("200 If-None-Match", &known),
        ("200 If-Match", &fresh),
        ("409 If-Match", &stale),
    ]));
}

#[tokio::test]
async fn the_version_of_another_record_is_no_version_of_this_one() {
    on_every_store(|api| async move {
        let one = api.post(CONTACTS, json!({"last_name": "Hopper"})).await.expect(201);
        let other = api.post("/api/v1/companies", json!({"name": "Acme"})).await.expect(201);
        let company = format!("/api/v1/companies/{}", other.id());
        for name in ["Acme Ltd", "Acme Inc"] {
            api.patch(&company, json!({"name": name})).await.expect(200);
        }
        let tag = api.get(&company).await.expect(200).header("etag").to_owned();
        assert_eq!(tag, "\"3\"");
        let path = format!("{CONTACTS}/{}", one.id());
        for (method, body) in [
            (Method::PATCH, Some(json!({"title": "x"}))),
            (Method::PUT, Some(json!({"last_name": "x"}))),
            (Method::DELETE, None),
        ] {
            let request = api.request(method, &path).header("if-match", &tag);
            let request = match &body {
                Some(body) => request.json(body),
                None => request,
            };
            sent(request).await.problem(409, "stale_version");
        }
        assert_eq!(api.get(&path).await.expect(200).json, one.json);
    })
    .await;
}

#[tokio::test]
async fn of_two_bodies_at_once_under_one_key_one_is_done() {
    on_every_store(|api| async move {
        let requests = (0..8).map(|number| {
            let request = api.request(Method::POST, CONTACTS).header("idempotency-key", "two-bodies");
            sent(request.json(&json!({"last_name": format!("Hopper {number}")})))
        });
        let replies = futures::future::join_all(requests).await;
        let made = replies.iter().filter(|reply| reply.status == 201).count();
        assert_eq!(made, 1, "{replies:#?}");
        for reply in replies.iter().filter(|reply| reply.status != 201) {
            let is_refused = reply.status == 422 && reply.json["errors"][0]["code"] == "idempotency_key_reused";
            assert!(is_refused || reply.status == 503, "{:#}", reply.json);
        }
        assert_eq!(api.get(&format!("{CONTACTS}?count=true")).await.expect(200).json["total"], 1);
    })
    .await;
}
