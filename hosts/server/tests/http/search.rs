//! Search across records, and lists by tags.

use serde_json::{Value, json};

use crate::conventions::shape;
use crate::support::{Api, on_every_store};

fn titles(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(|hit| hit["title"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_search_ranks_what_it_finds_across_records() {
    on_every_store(|api| async move {
        api.post("/api/v1/deals", json!({"title": "Renewal for Acme"})).await.expect(201);
        api.post("/api/v1/companies", json!({"name": "Acme", "domain": "acme.com"})).await.expect(201);
        api.post("/api/v1/contacts", json!({"first_name": "Acmella", "email": "ella@acme.com"})).await.expect(201);
        let found = api.get("/api/v1/search?q=acme").await.expect(200).json;
        assert_eq!(titles(&found), ["Acme", "Acmella", "Renewal for Acme"]);
        assert_eq!(found["next_cursor"], Value::Null);
        let found = api.get("/api/v1/search?q=acme&types=deal,%20company&limit=1").await.expect(200).json;
        assert_eq!(titles(&found), ["Acme"]);
        let found = api.get("/api/v1/search?q=ella%40acme.com").await.expect(200).json;
        assert_eq!(found["data"][0]["matched"], "exact");
        assert_eq!(titles(&api.get("/api/v1/search?q=nowhere").await.expect(200).json), Vec::<&str>::new());
    })
    .await;
}

#[tokio::test]
async fn a_bad_search_names_what_is_wrong() {
    on_every_store(|api| async move {
        for (query, field, code) in [
            ("", "q", "required"),
            ("q=", "q", "required"),
            ("q=%25", "q", "required"),
            ("q=a&q=b", "q", "duplicate"),
            ("q=a%00", "q", "control_character"),
            ("q=a&types=user", "types", "unknown_choice"),
            ("q=a&types=", "types", "unknown_choice"),
            ("q=a&limit=0", "limit", "out_of_range"),
            ("q=a&limit=201", "limit", "out_of_range"),
            ("q=a&cursor=x", "cursor", "unknown_field"),
        ] {
            let faults = api.get(&format!("/api/v1/search?{query}")).await.faults();
            assert_eq!(faults, [(field.to_owned(), code.to_owned())], "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn lists_by_tags_say_any_all_and_none() {
    on_every_store(|api| async move {
        for (name, tags) in [("Ada", json!(["vip", "Nord"])), ("Bob", json!(["vip"])), ("Cyd", json!(["nord"]))] {
            api.post("/api/v1/contacts", json!({"last_name": name, "tags": tags})).await.expect(201);
            api.post("/api/v1/companies", json!({"name": name, "tags": tags})).await.expect(201);
        }
        for (body, expected) in [
            (json!({}), &["Ada", "Bob", "Cyd"][..]),
            (json!({"any": ["VIP", "x"]}), &["Ada", "Bob"]),
            (json!({"all": ["vip", "nord"]}), &["Ada"]),
            (json!({"any": ["vip", "nord"], "none": ["vip"]}), &["Cyd"]),
        ] {
            for (room, name) in [("contacts", "last_name"), ("companies", "name")] {
                let mut body = body.clone();
                body["sort"] = name.into();
                let page = api.post(&format!("/api/v1/{room}/filter/tags"), body.clone()).await.expect(200).json;
                let names = page["data"].as_array().unwrap().iter().map(|row| row[name].as_str().unwrap());
                assert_eq!(names.collect::<Vec<_>>(), expected, "{room} {body}");
            }
        }
        let first = json!({"any": ["vip"], "limit": 1, "sort": "last_name", "count": true});
        let page = api.post("/api/v1/contacts/filter/tags", first.clone()).await.expect(200).json;
        assert_eq!((&page["total"], &page["data"][0]["last_name"]), (&json!(2), &json!("Ada")));
        let mut next = first;
        next["cursor"] = page["next_cursor"].clone();
        let page = api.post("/api/v1/contacts/filter/tags", next.clone()).await.expect(200).json;
        assert_eq!((&page["next_cursor"], &page["data"][0]["last_name"]), (&Value::Null, &json!("Bob")));
        next["any"] = json!(["nord"]);
        assert_eq!(api.post("/api/v1/contacts/filter/tags", next).await.faults()[0].0, "cursor");
        for (body, field) in [
            (json!({"any": "vip"}), "any"),
            (json!({"any": [7]}), "any.0"),
            (json!({"all": ["x"], "none": ["ok", "a\u{0}"]}), "none.1"),
            (json!({"limit": 0}), "limit"),
            (json!({"some": []}), "some"),
        ] {
            let faults = api.post("/api/v1/contacts/filter/tags", body.clone()).await.faults();
            assert_eq!(faults[0].0, field, "{body}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_hit_has_its_shape() {
    let api = Api::memory().await;
    let value = json!({"amount_minor": 125_000, "currency": "USD"});
    api.post("/api/v1/deals", json!({"title": "Acme", "value": value})).await.expect(201);
    insta::assert_json_snapshot!(shape(&api.get("/api/v1/search?q=acme").await));
}
