//! The page that shows the document: whole, and from this server alone.

use reqwest::Method;

use crate::support::Api;

/// What stands in quotes after this mark.
fn quoted<'a>(text: &'a str, mark: &str) -> Vec<&'a str> {
    text.split(mark).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

struct Served {
    policy: String,
    kind: String,
    text: String,
}

async fn served(api: &Api, path: &str) -> Served {
    let response = api.client.get(api.url(path)).send().await.unwrap();
    assert_eq!(response.status(), 200, "{path}");
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("x-content-type-options"), "nosniff");
    let (policy, kind) = (header("content-security-policy"), header("content-type"));
    Served { policy, kind, text: String::from_utf8_lossy(&response.bytes().await.unwrap()).into_owned() }
}

#[tokio::test]
async fn the_page_and_all_that_it_asks_for_come_from_this_server() {
    let api = Api::memory().await;
    let page = served(&api, "/api/docs").await;
    assert_eq!(page.kind, "text/html; charset=utf-8");
    let asked = [quoted(&page.text, "src=\""), quoted(&page.text, "href=\"")].concat();
    let kinds = [("js", "text/javascript; charset=utf-8"), ("css", "text/css; charset=utf-8"), ("png", "image/png")];
    let mut met = 0;
    for path in asked {
        // Relative, as a browser takes it from /api/docs.
        assert!(!path.starts_with('/') && !path.contains(':'), "{path}");
        let url = format!("/api/{path}");
        if path.ends_with("openapi.json") {
            api.send(Method::GET, &url, None, None).await.expect(200);
            continue;
        }
        let file = served(&api, &url).await;
        let (_, kind) = kinds.iter().find(|(end, _)| path.ends_with(end)).unwrap();
        assert_eq!((file.kind.as_str(), &file.policy), (*kind, &page.policy), "{path}");
        assert!(!file.text.is_empty());
        met += 1;
    }
    assert_eq!(met, 5);
    assert!(served(&api, "/api/docs/LICENSE").await.text.contains("Apache License"));
    api.send(Method::GET, "/api/docs/nonsense.js", None, None).await.problem(404, "not_found");
    api.send(Method::GET, "/api/docs/..%2fdocs.rs", None, None).await.problem(404, "not_found");
    api.send(Method::POST, "/api/docs", None, None).await.problem(405, "method_not_allowed");
}

#[tokio::test]
async fn the_page_leads_to_the_document_and_to_nobody_else() {
    let api = Api::memory().await;
    let page = served(&api, "/api/docs").await;
    for (directive, sources) in page.policy.split("; ").map(|part| part.split_once(' ').unwrap()) {
        let allowed: &[&str] = match directive {
            "script-src" | "connect-src" => &["'self'"],
            "style-src" => &["'self'", "'unsafe-inline'"],
            "img-src" => &["'self'", "data:"],
            "default-src" | "base-uri" | "form-action" | "frame-ancestors" => &["'none'"],
            other => panic!("{other} is nobody's need"),
        };
        assert_eq!(sources.split(' ').collect::<Vec<_>>(), allowed, "{directive}");
    }
    let start = served(&api, "/api/docs/page.js").await.text;
    assert_eq!(quoted(&start, "url: \""), ["v1/openapi.json"]);
    // The bundle itself names the service that checks documents; where it is not told otherwise it asks it.
    assert!(start.contains("validatorUrl: null"));
    for (name, text) in [("page", &page.text), ("start", &start)] {
        assert!(!text.contains("http"), "{name} names a host");
    }
    // A style sheet asks for what its `url(…)` and `@import` name: here, pictures within itself.
    for path in ["/api/docs/swagger-ui.css", "/api/docs/page.css"] {
        let style = served(&api, path).await.text;
        assert!(!style.contains("@import"), "{path}");
        for source in style.split("url(").skip(1) {
            assert!(source.trim_start_matches(['"', '\'']).starts_with("data:"), "{path}: {}", &source[..40]);
        }
    }
}

#[tokio::test]
async fn a_slash_too_many_leads_back_to_the_page() {
    let api = Api::memory().await;
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let response = client.get(api.url("/api/docs/")).send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.headers()["location"].to_str().unwrap()), (308, "../docs"));
}
