//! The start page: what it tells to whom, and where it leads.

use crm_boot::Demo;
use crm_core::Actor;
use crm_core::access::Role;
use crm_core::testkit::{MemoryStore, World};
use reqwest::Method;
use serde_json::json;

use crate::conventions::token_of;
use crate::support::{Api, Reply};

/// What a browser on the server's machine gets, with nobody in between.
async fn visit(api: &Api, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = reqwest::Client::new().get(api.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Reply::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn the_start_page_leads_on_and_asks_for_nothing_elsewhere() {
    let api = Api::memory().await;
    let page = visit(&api, "/", &[]).await.expect(200);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    assert!(!page.text.contains("<script") && !page.text.contains("http"), "{}", page.text);
    let links: Vec<&str> = page.text.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    let wanted = ["/start.css", "/api/docs", "/api/v1/openapi.json", "/healthz", "/readyz", "/dev/mailbox"];
    assert_eq!(links, wanted);
    for link in links {
        visit(&api, link, &[]).await.expect(200);
    }
    assert_eq!(visit(&api, "/start.css", &[]).await.header("content-type"), "text/css; charset=utf-8");
    // What is for development is for nobody who comes through a proxy.
    let passed_on = visit(&api, "/", &[("x-forwarded-for", "192.0.2.1")]).await.expect(200);
    assert!(passed_on.text.contains("/api/docs") && !passed_on.text.contains("/dev/"), "{}", passed_on.text);
    api.send(Method::HEAD, "/", None, None).await.expect(200);
    api.send(Method::POST, "/", None, None).await.problem(404, "not_found");
    let unmailed = Api::memory_with(|config| config.mail = None).await;
    assert!(!visit(&unmailed, "/", &[]).await.expect(200).text.contains("/dev/"));
}

#[tokio::test]
async fn the_start_page_of_a_demo_shows_its_board_to_this_machine_alone() {
    let store = MemoryStore::new();
    let world = World::new(store.clone()).await;
    let demo = Demo {
        actor: Actor::user(world.home.workspace, world.home.member(Role::Admin)),
        email: "admin@demo.example".to_owned(),
        password_file: "/tmp/it's here/password".into(),
    };
    let api = Api::memory_on_with(store.clone(), |config| config.demo = Some(demo)).await;
    let token = token_of(&store, &world.home, Role::Admin).await;
    let pipelines = api.send(Method::GET, "/api/v1/pipelines", Some(&token), None).await.expect(200).json;
    let mut stages = pipelines["data"][0]["stages"].clone();
    stages[0]["name"] = "<b>New & old</b>".into();
    let path = format!("/api/v1/pipelines/{}", pipelines["data"][0]["id"].as_str().unwrap());
    let change = json!({"name": "Sales", "stages": stages});
    api.send(Method::PUT, &path, Some(&token), Some(&change)).await.expect(200);
    let deal = json!({"title": "Engine", "value": {"amount_minor": 125_000, "currency": "USD"}});
    api.send(Method::POST, "/api/v1/deals", Some(&token), Some(&deal)).await.expect(201);
    let page = visit(&api, "/", &[]).await.expect(200).text;
    assert!(page.contains("&lt;b&gt;New &amp; old&lt;/b&gt;</th><td>1</td><td>1,250.00 USD</td>"), "{page}");
    assert!(page.contains("admin@demo.example") && page.contains("it&#39;\\&#39;&#39;s here"), "{page}");
    // Its commands ask for what there is.
    let base = format!("http://{}", api.address);
    let asked = page.split(&base).skip(1);
    let asked: Vec<&str> = asked.filter_map(|rest| rest.split("&#39;").next()).collect();
    assert_eq!((asked.len(), asked[0]), (6, "/api/v1/auth/login"), "{page}");
    for path in &asked[1..] {
        api.send(Method::GET, path, Some(&token), None).await.expect(200);
    }
    for far in [("x-forwarded-for", "192.0.2.1"), ("host", "eve.example")] {
        let page = visit(&api, "/", &[far]).await.expect(200).text;
        assert!(page.contains("/api/docs"), "{page}");
        assert!(!["demo", "1,250.00", "curl"].iter().any(|told| page.contains(told)), "{far:?}: {page}");
    }
}
