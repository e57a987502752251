//! Lists and searches.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, on_every_store, unique};

async fn people(api: &Api, names: &[&str]) {
    for name in names {
        api.post("/api/v1/contacts", json!({"last_name": name, "tags": [format!("t-{name}")]})).await.expect(201);
    }
}

fn names(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|row| row["last_name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn pages_follow_one_another() {
    on_every_store(|api| async move {
        people(&api, &["Ada", "Bob", "Cyd", "Dan", "Eve"]).await;
        let mut seen = Vec::new();
        let mut path = "/api/v1/contacts?limit=2&sort=last_name&count=true".to_owned();
        loop {
            let page = api.get(&path).await.expect(200).json;
            assert_eq!(page["total"], 5);
            assert_eq!(page["total_is_capped"], false);
            seen.extend(names(&page).into_iter().map(str::to_owned));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("/api/v1/contacts?limit=2&sort=last_name&count=true&cursor={cursor}");
        }
        assert_eq!(seen, ["Ada", "Bob", "Cyd", "Dan", "Eve"]);
        let latest = api.get("/api/v1/contacts?limit=1").await.expect(200).json;
        assert_eq!(names(&latest), ["Eve"]);
        assert_eq!(latest.get("total"), None);
    })
    .await;
}

#[tokio::test]
async fn the_query_and_the_body_ask_alike() {
    on_every_store(|api| async move {
        people(&api, &["Ada", "Bob", "Cyd"]).await;
        let filter = json!({"field": "last_name", "op": "in", "value": ["ada", "cyd"]});
        let query = [("filter", filter.to_string()), ("sort", "-last_name".into())];
        let query = serde_urlencoded::to_string(query).unwrap();
        let by_query = api.get(&format!("/api/v1/contacts?{query}")).await.expect(200).json;
        let body = json!({"filter": filter, "sort": "-last_name"});
        let by_body = api.post("/api/v1/contacts/search", body).await.expect(200).json;
        assert_eq!(names(&by_query), ["Cyd", "Ada"]);
        assert_eq!(by_query, by_body);
        let both = format!("/api/v1/contacts?{query}&tags=t-Ada,t-Bob");
        assert_eq!(names(&api.get(&both).await.expect(200).json), ["Ada"]);
        assert_eq!(names(&api.get("/api/v1/contacts?q=bo").await.expect(200).json), ["Bob"]);
        api.post("/api/v1/companies/search", json!({})).await.expect(200);
        api.post("/api/v1/deals/search", json!({"count": true})).await.expect(200);
        api.get("/api/v1/companies?count=true&limit=200").await.expect(200);
        api.get("/api/v1/deals").await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_bad_list_names_what_is_wrong() {
    on_every_store(|api| async move {
        for (query, field) in [
            ("limit=0", "limit"),
            ("limit=201", "limit"),
            ("limit=1000000000", "limit"),
            ("limit=1e9", "limit"),
            ("limit=-1", "limit"),
            ("limit=", "limit"),
            ("limit=5&limit=6", "limit"),
            ("sort=nonsense", "sort"),
            ("sort=", "sort"),
            ("cursor=x", "cursor"),
            ("cursor=%00", "cursor"),
            ("count=maybe", "count"),
            ("page=2", "page"),
            ("filter=x", "filter"),
            ("filter=%7B%7D", "filter"),
            ("tags=%00", "tags"),
            ("tags=vip&filter=%7B%22field%22:%22x%22,%22op%22:%22eq%22,%22value%22:1%7D", "filter.field"),
            ("q=%ff", "query"),
            ("q=%zz", "query"),
            ("q=%2", "query"),
        ] {
            let faults = api.get(&format!("/api/v1/contacts?{query}")).await.faults();
            assert_eq!(faults[0].0, field, "{query}: {faults:?}");
        }
        let bodies = [
            (json!({"limit": 0}), "limit"),
            (json!({"limit": "5"}), "limit"),
            (json!({"limit": 5.5}), "limit"),
            (json!({"page": 2}), "page"),
            (json!({"filter": {"field": "nonsense", "op": "eq", "value": 1}}), "filter"),
        ];
        for (body, field) in bodies {
            let faults = api.post("/api/v1/contacts/search", body.clone()).await.faults();
            assert!(faults[0].0.contains(field), "{body}: {faults:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_filter_of_too_many_levels_is_too_deep_however_many_they_are() {
    on_every_store(|api| async move {
        let nested = |levels: usize| {
            let leaf = json!({"field": "last_name", "op": "eq", "value": "x"});
            (1..levels).fold(leaf, |filter, _| json!({"not": filter}))
        };
        let search = async |filter: &Value| api.post("/api/v1/contacts/search", json!({"filter": filter})).await;
        let list = async |filter: &Value| {
            let query = serde_urlencoded::to_string([("filter", filter.to_string())]).unwrap();
            api.get(&format!("/api/v1/contacts?{query}")).await
        };
        search(&nested(8)).await.expect(200);
        list(&nested(8)).await.expect(200);
        // What a board adds is two levels, which are read; deeper ones are refused by the reader.
        for levels in [9, 10, 11, 12, 40, 200] {
            let filter = nested(levels);
            let faults = search(&filter).await.faults();
            let is_told = |(field, code): &(String, String)| field.starts_with("filter") && code == "too_deep";
            assert!(faults.len() == 1 && faults.iter().all(is_told), "{levels}: {faults:?}");
            let faults = list(&filter).await.faults();
            assert_eq!(faults, [("filter".to_owned(), "too_deep".to_owned())], "{levels}");
        }
    })
    .await;
}

#[tokio::test]
async fn members_are_counted_and_have_no_tags() {
    on_every_store(|api| async move {
        assert_eq!(api.get("/api/v1/users?count=true").await.expect(200).json["total"], 1);
        let faults = api.get("/api/v1/users?tags=a").await.faults();
        assert_eq!(faults, [("tags".to_owned(), "unknown_field".to_owned())]);
    })
    .await;
}

#[tokio::test]
async fn a_cursor_belongs_to_its_list() {
    on_every_store(|api| async move {
        people(&api, &["Ada", "Bob", "Cyd"]).await;
        let page = api.get("/api/v1/contacts?limit=1&sort=last_name").await.expect(200).json;
        let cursor = page["next_cursor"].as_str().unwrap();
        let named = json!({"field": "last_name", "op": "starts_with", "value": "c"}).to_string();
        let filter = serde_urlencoded::to_string([("sort", "last_name"), ("filter", &named)]).unwrap();
        for other in [
            "contacts?sort=-last_name",
            "contacts?sort=last_name&q=bob",
            "contacts?sort=last_name&tags=t-Cyd",
            &format!("contacts?{filter}"),
            "companies?sort=name",
            "deals?",
        ] {
            let faults = api.get(&format!("/api/v1/{other}&cursor={cursor}")).await.faults();
            assert_eq!(faults, [("cursor".to_owned(), "cursor".to_owned())], "{other}");
        }
        // As it was given it goes on.
        let next = api.get(&format!("/api/v1/contacts?limit=1&sort=last_name&cursor={cursor}")).await.expect(200);
        assert_eq!(names(&next.json), ["Bob"]);
    })
    .await;
}

#[tokio::test]
async fn a_forged_cursor_is_refused() {
    on_every_store(|api| async move {
        people(&api, &["Ada", "Bob", "Cyd"]).await;
        let list = "/api/v1/contacts?sort=last_name";
        let page = api.get(&format!("{list}&limit=1")).await.expect(200).json;
        let cursor = page["next_cursor"].as_str().unwrap();
        let sealed = URL_SAFE_NO_PAD.decode(cursor).unwrap();
        let place = String::from_utf8(sealed[16..].to_vec()).unwrap();
        let moved = place.replace("\"ada\"", "\"bob\"");
        assert_ne!(place, moved);
        let edited = |at: usize| {
            let mut edited = sealed.clone();
            edited[at] ^= 1;
            URL_SAFE_NO_PAD.encode(edited)
        };
        for forged in [
            edited(0),
            edited(16),
            edited(sealed.len() - 1),
            URL_SAFE_NO_PAD.encode([&sealed[..16], moved.as_bytes()].concat()),
            URL_SAFE_NO_PAD.encode(&moved),
            URL_SAFE_NO_PAD.encode("{}"),
            cursor[..cursor.len() / 2].to_owned(),
            format!("{cursor}A"),
            cursor.replacen(|_: char| true, "!", 1),
        ] {
            let reply = api.get(&format!("{list}&cursor={}", forged.replace('!', "%21"))).await;
            assert_eq!(reply.faults(), [("cursor".to_owned(), "cursor".to_owned())], "{forged}");
        }
        // One of another workspace says nothing here, as it was given or otherwise.
        let stranger = api.register(&unique("stranger")).await;
        let token = stranger["access_token"].as_str();
        for cursor in [cursor, &edited(16)] {
            let theirs = api.send(Method::GET, &format!("{list}&cursor={cursor}"), token, None).await;
            assert_eq!(theirs.faults(), [("cursor".to_owned(), "cursor".to_owned())]);
        }
        assert_eq!(names(&api.get(&format!("{list}&cursor={cursor}")).await.expect(200).json), ["Bob", "Cyd"]);
    })
    .await;
}
