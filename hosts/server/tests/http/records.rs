//! Contacts, companies, deals and what hangs on them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Reply, on_every_store, unique};

#[tokio::test]
async fn a_contact_is_made_read_replaced_changed_and_deleted() {
    on_every_store(|api| async move {
        let body = json!({"first_name": "Grace", "last_name": "Hopper", "email": "Grace@Example.com", "tags": ["vip"]});
        let made = api.post("/api/v1/contacts", body).await.expect(201);
        let path = format!("/api/v1/contacts/{}", made.id());
        assert_eq!(made.header("location"), path);
        assert_eq!(made.header("etag"), "\"1\"");
        assert_eq!(made.json["owner_id"], api.admin["user"]["id"]);
        let read = api.get(&path).await.expect(200);
        assert_eq!(read.json, made.json);
        assert_eq!(read.header("etag"), "\"1\"");
        let changed = api.patch(&path, json!({"title": "Rear admiral", "email": null})).await.expect(200);
        assert_eq!(changed.header("etag"), "\"2\"");
        assert_eq!(changed.json["title"], "Rear admiral");
        assert_eq!(changed.json["email"], Value::Null);
        assert_eq!(changed.json["last_name"], "Hopper");
        let replaced = api.put(&path, json!({"last_name": "Murray"})).await.expect(200);
        assert_eq!(replaced.json["first_name"], Value::Null);
        assert_eq!(replaced.json["tags"], json!([]));
        assert_eq!(replaced.json["owner_id"], api.admin["user"]["id"]);
        api.delete(&path).await.expect(204);
        api.get(&path).await.problem(404, "not_found");
        api.delete(&path).await.problem(404, "not_found");
    })
    .await;
}

#[tokio::test]
async fn a_company_and_its_contact_are_linked() {
    on_every_store(|api| async move {
        let company = api.post("/api/v1/companies", json!({"name": "Acme", "domain": "acme.com"})).await.expect(201);
        let contact = json!({"last_name": "Hopper", "company_id": company.id()});
        let contact = api.post("/api/v1/contacts", contact).await.expect(201);
        assert_eq!(contact.json["company_id"], company.json["id"]);
        let path = format!("/api/v1/companies/{}", company.id());
        let changed = api.patch(&path, json!({"name": "Acme Ltd"})).await.expect(200);
        assert_eq!(changed.json["name"], "Acme Ltd");
        let replaced = api.put(&path, json!({"name": "Acme"})).await.expect(200);
        assert_eq!(replaced.json["domain"], Value::Null);
        api.delete(&path).await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn a_deal_goes_through_its_stages_and_the_board_counts_it() {
    on_every_store(|api| async move {
        let pipelines = api.get("/api/v1/pipelines").await.expect(200).json;
        let stages = pipelines["data"][0]["stages"].as_array().unwrap().clone();
        let value = json!({"amount_minor": 125_000, "currency": "USD"});
        let body = json!({"title": "Big one", "value": value, "stage_id": stages[1]["id"]});
        let deal = api.post("/api/v1/deals", body).await.expect(201);
        assert_eq!(deal.json["stage_id"], stages[1]["id"]);
        let path = format!("/api/v1/deals/{}", deal.id());
        let won = stages.iter().find(|stage| stage["kind"] == "won").unwrap();
        let moved = api.put(&format!("{path}/stage"), json!({"stage_id": won["id"]})).await.expect(200);
        assert_eq!(moved.json["status"], "won");
        assert_eq!(moved.header("etag"), "\"2\"");
        let board = api.get("/api/v1/deals/pipeline").await.expect(200).json;
        let column = board["stages"].as_array().unwrap().iter().find(|stage| stage["stage_id"] == won["id"]).unwrap();
        assert_eq!(column["count"], 1);
        assert_eq!(column["total"], json!([value]));
        api.put(&format!("{path}/stage"), json!({"stage_id": deal.json["id"]})).await.expect(422);
        let timeline = api.get(&format!("{path}/timeline")).await.expect(200).json;
        assert_eq!(timeline["data"][0]["events"][0]["type"], "deal.moved");
        api.patch(&path, json!({"title": "Bigger one"})).await.expect(200);
        api.put(&path, json!({"title": "Small one"})).await.expect(200);
        api.delete(&path).await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn a_deal_names_its_fields_and_its_beginning_in_one_object() {
    on_every_store(|api| async move {
        let post = |body: Value| {
            let api = api.clone();
            async move { api.post("/api/v1/deals", body).await }
        };
        let unknown = post(json!({"title": "x", "status": "won"})).await.faults();
        assert_eq!(unknown, [("status".to_owned(), "unknown_field".to_owned())]);
        let mistyped = post(json!({"title": "x", "stage_id": 7})).await.faults();
        assert_eq!(mistyped, [("stage_id".to_owned(), "value_type".to_owned())]);
        let mistyped = post(json!({"title": 7})).await.faults();
        assert_eq!(mistyped, [("title".to_owned(), "value_type".to_owned())]);
        let twice = api.post_bytes("/api/v1/deals", r#"{"title":"x","stage_id":null,"stage_id":null}"#).await.faults();
        assert_eq!(twice, [("stage_id".to_owned(), "duplicate".to_owned())]);
        post(json!({"title": "x", "stage_id": null, "pipeline_id": null})).await.expect(201);
    })
    .await;
}

#[tokio::test]
async fn a_note_is_on_a_record_and_in_its_timeline() {
    on_every_store(|api| async move {
        let contact = api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await.expect(201);
        let note = json!({"body": "Called her", "contact_id": contact.id()});
        let note = api.post("/api/v1/notes", note).await.expect(201);
        // No path reads it by itself.
        assert_eq!((note.header("location"), note.header("etag")), ("", "\"1\""));
        let path = format!("/api/v1/notes/{}", note.id());
        let changed = api.patch(&path, json!({"body": "Called her twice"})).await.expect(200);
        assert_eq!(changed.json["body"], "Called her twice");
        let timeline = api.get(&format!("/api/v1/contacts/{}/timeline?limit=2", contact.id())).await.expect(200).json;
        assert_eq!(timeline["data"].as_array().unwrap().len(), 2);
        assert_eq!(timeline["data"][0]["entity"], "note");
        let cursor = timeline["next_cursor"].as_str().unwrap();
        let rest = format!("/api/v1/contacts/{}/timeline?limit=2&cursor={cursor}", contact.id());
        assert_eq!(api.get(&rest).await.expect(200).json["data"][0]["change"], "created");
        api.delete(&path).await.expect(204);
        api.delete(&path).await.problem(404, "not_found");
        api.post("/api/v1/notes", json!({"body": "x"})).await.expect(422);
    })
    .await;
}

#[tokio::test]
async fn tags_users_workspace_and_custom_fields_answer() {
    on_every_store(|api| async move {
        api.post("/api/v1/contacts", json!({"last_name": "Hopper", "tags": ["vip", "navy"]})).await.expect(201);
        let tags = api.get("/api/v1/tags").await.expect(200).json;
        assert_eq!(tags["data"][0]["name"], "navy");
        assert_eq!(tags["data"][0]["count"], 1);
        let users = api.get("/api/v1/users").await.expect(200).json;
        assert_eq!(users["data"][0]["id"], api.admin["user"]["id"]);
        api.get(&format!("/api/v1/users/{}", users["data"][0]["id"].as_str().unwrap())).await.expect(200);
        let workspace = api.patch("/api/v1/workspace", json!({"time_zone": "Europe/Berlin"})).await.expect(200);
        assert_eq!(workspace.json["time_zone"], "Europe/Berlin");
        assert_eq!(api.get("/api/v1/workspace").await.expect(200).json, workspace.json);
        let field = json!({"entity": "contact", "key": "shoe_size", "label": "Shoe size", "kind": "number"});
        let field = api.post("/api/v1/custom-fields", field).await.expect(201);
        let contact = json!({"last_name": "Hopper", "custom": {"shoe_size": 38}});
        let contact = api.post("/api/v1/contacts", contact).await.expect(201);
        assert_eq!(contact.json["custom"], json!({"shoe_size": 38}));
        let path = format!("/api/v1/custom-fields/{}", field.id());
        assert_eq!(api.put(&path, json!({"label": "Shoes"})).await.expect(200).json["label"], "Shoes");
        api.delete(&path).await.expect(204);
        assert_eq!(api.get("/api/v1/custom-fields").await.expect(200).json["data"], json!([]));
        let pipeline = json!({"name": "Support", "stages": [{"name": "New", "kind": "open"}]});
        api.post("/api/v1/pipelines", pipeline).await.expect(201);
        assert_eq!(api.get("/api/v1/pipelines").await.expect(200).json["data"].as_array().unwrap().len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_record_of_another_workspace_is_absent() {
    on_every_store(|api| async move {
        let other = api.register(&unique("eve")).await;
        let eve = other["access_token"].as_str().unwrap();
        let pipelines = api.get("/api/v1/pipelines").await.expect(200).json;
        let field = json!({"entity": "deal", "key": "colour", "label": "Colour", "kind": "text"});
        let contact = api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await.expect(201).json;
        let note = json!({"body": "x", "contact_id": contact["id"]});
        let records = [
            ("contacts", contact["id"].clone(), json!({"last_name": "x"})),
            (
                "companies",
                api.post("/api/v1/companies", json!({"name": "A"})).await.json["id"].clone(),
                json!({"name": "x"}),
            ),
            ("deals", api.post("/api/v1/deals", json!({"title": "A"})).await.json["id"].clone(), json!({"title": "x"})),
            ("notes", api.post("/api/v1/notes", note).await.json["id"].clone(), json!({"body": "x"})),
            ("custom-fields", api.post("/api/v1/custom-fields", field).await.json["id"].clone(), json!({"label": "x"})),
            ("users", api.admin["user"]["id"].clone(), json!({"name": "x"})),
            ("teams", api.post("/api/v1/teams", json!({"name": "A"})).await.json["id"].clone(), json!({"name": "x"})),
        ];
        let taken = |room: &str| match room {
            "notes" => [false, false, true, true],
            "custom-fields" => [false, true, false, true],
            _ => [true; 4],
        };
        for (room, id, body) in &records {
            let path = format!("/api/v1/{room}/{}", id.as_str().unwrap());
            for (method, is_taken) in [Method::GET, Method::PUT, Method::PATCH, Method::DELETE].iter().zip(taken(room))
            {
                let body = (method == Method::PUT || method == Method::PATCH).then_some(body);
                let reply = api.send(method.clone(), &path, Some(eve), body).await;
                assert_eq!(reply.status, if is_taken { 404 } else { 405 }, "{method} {path}: {:#}", reply.json);
            }
        }
        let stage = json!({"stage_id": pipelines["data"][0]["stages"][0]["id"]});
        let deal = format!("/api/v1/deals/{}/stage", records[2].1.as_str().unwrap());
        api.send(Method::PUT, &deal, Some(eve), Some(&stage)).await.problem(404, "not_found");
        let timeline = format!("/api/v1/contacts/{}/timeline", contact["id"].as_str().unwrap());
        api.send(Method::GET, &timeline, Some(eve), None).await.problem(404, "not_found");
        // Nor can a record of one's own point there.
        let link = json!({"last_name": "x", "company_id": records[1].1, "owner_id": api.admin["user"]["id"]});
        let faults = api.send(Method::POST, "/api/v1/contacts", Some(eve), Some(&link)).await.faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
        let board = format!("/api/v1/deals/pipeline?pipeline_id={}", pipelines["data"][0]["id"].as_str().unwrap());
        let foreign = api.send(Method::GET, &board, Some(eve), None).await;
        assert!(matches!(foreign.status.as_u16(), 404 | 422), "{:#}", foreign.json);
        // Nothing of it happened.
        assert_eq!(api.get(&format!("/api/v1/contacts/{}", contact["id"].as_str().unwrap())).await.json, contact);
    })
    .await;
}

#[tokio::test]
async fn a_stale_version_is_a_conflict() {
    on_every_store(|api| async move {
        let made = api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await.expect(201);
        let path = format!("/api/v1/contacts/{}", made.id());
        let write = |method: Method, tag: &'static str, body: Option<Value>| {
            let mut request = api.request(method, &path).header("if-match", tag);
            if let Some(body) = body {
                request = request.json(&body);
            }
            async { Reply::of(request.send().await.unwrap()).await }
        };
        write(Method::PATCH, "\"1\"", Some(json!({"title": "a"}))).await.expect(200);
        write(Method::PATCH, "\"1\"", Some(json!({"title": "b"}))).await.problem(409, "stale_version");
        write(Method::PUT, "\"1\"", Some(json!({"last_name": "b"}))).await.problem(409, "stale_version");
        write(Method::DELETE, "\"1\"", None).await.problem(409, "stale_version");
        write(Method::PATCH, "*", Some(json!({"title": "c"}))).await.expect(200);
        for bad in ["1", "W/\"1\"", "\"x\"", "\"1\", \"2\"", "\"\"", "\""] {
            let faults = write(Method::PATCH, bad, Some(json!({"title": "d"}))).await.faults();
            assert_eq!(faults, [("If-Match".to_owned(), "etag".to_owned())], "{bad}");
        }
        assert_eq!(api.get(&path).await.json["title"], "c");
        write(Method::DELETE, "\"3\"", None).await.expect(204);
    })
    .await;
}

#[tokio::test]
async fn of_two_moves_at_once_the_one_that_loses_is_shown_what_the_other_made() {
    on_every_store(|api| async move {
        let stages = api.get("/api/v1/pipelines").await.expect(200).json["data"][0]["stages"].clone();
        let made = api.post("/api/v1/deals", json!({"title": "Difference engine"})).await.expect(201);
        let path = format!("/api/v1/deals/{}", made.id());
        let moves = ["won", "lost"].map(|kind| {
            let stage = stages.as_array().unwrap().iter().find(|stage| stage["kind"] == kind).unwrap();
            let request = api.request(Method::PUT, &format!("{path}/stage")).header("if-match", "\"1\"");
            let request = request.json(&json!({"stage_id": stage["id"]}));
            async { Reply::of(request.send().await.unwrap()).await }
        });
        let replies = futures::future::join_all(moves).await;
        let (winners, losers): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
        assert_eq!((winners.len(), losers.len()), (1, 1), "{winners:#?}");
        let loser = losers.into_iter().next().unwrap().problem(409, "stale_version");
        assert_eq!((&loser.json["current"], loser.header("etag")), (&winners[0].json, "\"2\""));
        let now = api.get(&path).await.expect(200);
        assert_eq!((&loser.json["current"], now.header("etag")), (&now.json, "\"2\""));
        // With what it was shown, the one that lost goes on without another read.
        let again = api.request(Method::PUT, &format!("{path}/stage")).header("if-match", loser.header("etag"));
        let again = again.json(&json!({"stage_id": stages[0]["id"]})).send().await.unwrap();
        assert_eq!(Reply::of(again).await.expect(200).json["version"], 3);
        // Whoever says where they saw the deal is refused where it is no longer there, whatever its version.
        let to_second = |from: usize| json!({"stage_id": stages[1]["id"], "from_stage_id": stages[from]["id"]});
        let late = api.put(&format!("{path}/stage"), to_second(2)).await.problem(409, "stale_version");
        assert_eq!((&late.json["current"]["stage_id"], late.header("etag")), (&stages[0]["id"], "\"3\""));
        let moved = api.put(&format!("{path}/stage"), to_second(0)).await.expect(200);
        assert_eq!((&moved.json["stage_id"], &moved.json["version"]), (&stages[1]["id"], &json!(4)));
    })
    .await;
}

#[tokio::test]
async fn every_kind_of_record_is_shown_to_whoever_comes_too_late() {
    on_every_store(|api| async move {
        let pipeline = json!({"name": "Second", "stages": [{"name": "New", "kind": "open"}]});
        let rate = json!({"base_currency": "EUR", "quote_currency": "USD", "rate": "1.1", "valid_from": "2026-02-01"});
        for (room, new, change) in [
            ("contacts", json!({"last_name": "Hopper"}), json!({"last_name": "x"})),
            ("companies", json!({"name": "Acme"}), json!({"name": "x"})),
            ("deals", json!({"title": "Big one"}), json!({"title": "x"})),
            ("tasks", json!({"title": "Call"}), json!({"title": "x"})),
            ("users", json!({"name": "New", "role": "setter"}), json!({"name": "x"})),
            ("teams", json!({"name": "North"}), json!({"name": "x"})),
            ("pipelines", pipeline.clone(), pipeline),
            ("exchange-rates", rate, json!({"base_currency": "EUR", "quote_currency": "USD", "rate": "1.2"})),
        ] {
            let made = api.post(&format!("/api/v1/{room}"), new).await.expect(201);
            let path = format!("/api/v1/{room}/{}", made.id());
            let now = api.get(&path).await.expect(200).json;
            for method in [Method::PUT, Method::DELETE] {
                let mut late = api.request(method.clone(), &path).header("if-match", "\"7\"");
                if method == Method::PUT {
                    late = late.json(&change);
                }
                let late = Reply::of(late.send().await.unwrap()).await.problem(409, "stale_version");
                assert_eq!((&late.json["current"], late.header("etag")), (&now, "\"1\""), "{method} {path}");
            }
            assert_eq!(api.get(&path).await.expect(200).json, now);
        }
    })
    .await;
}

#[tokio::test]
async fn a_creation_under_a_key_happens_once() {
    on_every_store(|api| async move {
        let create = |key: String, body: Value| {
            let request = api.request(Method::POST, "/api/v1/contacts").header("idempotency-key", key).json(&body);
            async { Reply::of(request.send().await.unwrap()).await }
        };
        let (key, body) = (unique("key"), json!({"last_name": "Hopper", "tags": ["once"]}));
        let first = create(key.clone(), body.clone()).await.expect(201);
        let path = format!("/api/v1/contacts/{}", first.id());
        api.patch(&path, json!({"title": "changed since"})).await.expect(200);
        // The repeat answers as the first did, at the version of then.
        let again = create(key.clone(), body.clone()).await.expect(201);
        assert_eq!(again.json, first.json);
        assert_eq!(again.header("etag"), "\"1\"");
        let all = api.get("/api/v1/contacts?tags=once&count=true").await.expect(200).json;
        assert_eq!(all["total"], 1);
        create(key.clone(), json!({"last_name": "Other"})).await.problem(422, "invalid");
        // A failure is not kept.
        let key = unique("key");
        create(key.clone(), json!({"last_name": 7})).await.expect(422);
        create(key.clone(), json!({"tags": []})).await.expect(422);
        create(key, json!({"last_name": "Hopper"})).await.expect(201);
        for bad in [String::new(), "x".repeat(256), "a b".to_owned()] {
            assert_eq!(create(bad, body.clone()).await.faults()[0].0, "Idempotency-Key");
        }
    })
    .await;
}

#[tokio::test]
async fn of_many_at_once_under_one_key_one_creates() {
    on_every_store(|api| async move {
        let (key, tag) = (unique("key"), unique("t"));
        let body = json!({"last_name": "Hopper", "tags": [tag]});
        let requests = (0..16).map(|_| {
            let request = api.request(Method::POST, "/api/v1/contacts").header("idempotency-key", &key).json(&body);
            async { Reply::of(request.send().await.unwrap()).await }
        });
        let replies = futures::future::join_all(requests).await;
        let ids: std::collections::BTreeSet<_> =
            replies.iter().filter(|reply| reply.status == 201).map(|reply| reply.id().to_owned()).collect();
        assert_eq!(ids.len(), 1, "{replies:#?}");
        assert!(replies.iter().all(|reply| matches!(reply.status.as_u16(), 201 | 503)), "{replies:#?}");
        let all = api.get(&format!("/api/v1/contacts?tags={tag}&count=true")).await.expect(200).json;
        assert_eq!(all["total"], 1);
    })
    .await;
}
