//! What browsers are told with every answer.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::support::{Api, Reply};

const OURS: &str = "https://crm.example.com";
const THEIRS: &str = "https://evil.example.com";

#[tokio::test]
async fn every_answer_keeps_browsers_from_what_nobody_meant() {
    let api = Api::memory_with(|config| config.body_limit = 4_096).await;
    let made = api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await.expect(201);
    let contact = format!("/api/v1/contacts/{}", made.id());
    let replies = [
        api.get(&contact).await.expect(200),
        api.get("/api/v1/contacts").await.expect(200),
        api.get("/api/v1/openapi.json").await.expect(200),
        api.get("/healthz").await.expect(200),
        api.get("/metrics").await.expect(200),
        api.send(Method::GET, "/api/v1/auth/me", None, None).await.expect(401),
        api.get("/nonsense").await.expect(404),
        api.delete("/healthz").await.expect(405),
        api.post("/api/v1/contacts", json!({"last_name": "x".repeat(5_000)})).await.expect(413),
        api.get(&format!("/api/v1/contacts?q={}", "x".repeat(20_000))).await.problem(414, "uri_too_long"),
        api.post("/api/v1/contacts", json!({})).await.expect(422),
        api.send(Method::HEAD, &contact, Some(api.token()), None).await.expect(200),
        api.send(Method::OPTIONS, &contact, None, None).await.expect(405),
        api.delete(&contact).await.expect(204),
        made,
    ];
    for reply in replies {
        for (header, value) in [
            ("cache-control", "no-store"),
            ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
            ("cross-origin-resource-policy", "same-origin"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
        ] {
            assert_eq!(reply.headers.get_all(header).iter().count(), 1, "{header}: {reply:?}");
            assert_eq!(reply.header(header), value, "{reply:?}");
        }
        assert!(!reply.headers.contains_key("strict-transport-security"), "{reply:?}");
        assert!(!reply.headers.contains_key("vary"), "{reply:?}");
    }
}

#[tokio::test]
async fn browsers_shall_come_by_tls_where_the_operator_says_so() {
    let api = Api::memory_with(|config| config.hsts = Some(31_536_000)).await;
    for path in ["/api/v1/contacts", "/nonsense"] {
        assert_eq!(api.get(path).await.header("strict-transport-security"), "max-age=31536000");
    }
}

fn cors_headers(reply: &Reply) -> Vec<String> {
    let names = reply.headers.keys().map(|name| name.as_str().to_owned());
    names.filter(|name| name.starts_with("access-control-")).collect()
}

/// What a browser asks before a script of `origin` may send this.
fn preflight(api: &Api, origin: &str, path: &str) -> RequestBuilder {
    let request = api.client.request(Method::OPTIONS, api.url(path)).header("origin", origin);
    request
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization,content-type,if-match")
}

async fn sent(request: RequestBuilder) -> Reply {
    Reply::of(request.send().await.unwrap()).await
}

#[tokio::test]
async fn no_site_of_others_is_let_in_unless_it_is_named() {
    let api = Api::memory().await;
    let reply = sent(api.request(Method::GET, "/api/v1/contacts").header("origin", OURS)).await.expect(200);
    assert_eq!(cors_headers(&reply), [""; 0]);
    let asked = sent(preflight(&api, OURS, "/api/v1/contacts")).await.problem(405, "method_not_allowed");
    assert_eq!(cors_headers(&asked), [""; 0]);
}

#[tokio::test]
async fn a_site_that_is_named_may_use_the_api_and_others_may_not() {
    let origins = format!("http://localhost:5173, {OURS}");
    let api = Api::memory_with(|config| config.cors_origins = origins.parse().unwrap()).await;
    let listed = |origin: &str| sent(api.request(Method::GET, "/api/v1/contacts").header("origin", origin));
    let reply = listed(OURS).await.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), OURS);
    assert_eq!(reply.header("vary"), "Origin");
    for exposed in ["ETag", "Location", "X-Request-Id", "RateLimit-Remaining", "Retry-After"] {
        assert!(reply.header("access-control-expose-headers").contains(exposed), "{exposed}");
    }
    // Tokens are no cookies: no browser sends them by itself.
    assert!(!reply.headers.contains_key("access-control-allow-credentials"));
    // Refusals can be read too, and problems of others cannot.
    let refused = sent(api.client.get(api.url("/api/v1/contacts")).header("origin", OURS)).await.expect(401);
    assert_eq!(refused.header("access-control-allow-origin"), OURS);
    for other in [THEIRS, "null", "https://crm.example.com.evil.example", "https://CRM.example.com", "*"] {
        let reply = listed(other).await.expect(200);
        assert_eq!(cors_headers(&reply), [""; 0], "{other}");
        assert_eq!(reply.header("vary"), "Origin");
    }
    assert_eq!(api.get("/api/v1/contacts").await.header("vary"), "Origin");
}

#[tokio::test]
async fn a_browser_hears_what_a_site_that_is_named_may_send() {
    let api = Api::memory_with(|config| config.cors_origins = OURS.parse().unwrap()).await;
    for path in ["/api/v1/contacts/00000000-0000-7000-8000-000000000000", "/api/v1/auth/login"] {
        let asked = sent(preflight(&api, OURS, path)).await.expect(204);
        assert_eq!(asked.header("access-control-allow-origin"), OURS);
        assert_eq!(asked.header("vary"), "Origin");
        assert_eq!(asked.header("x-request-id").len(), 32);
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            assert!(asked.header("access-control-allow-methods").split(", ").any(|allowed| allowed == method));
        }
        for header in ["authorization", "content-type", "if-match", "idempotency-key", "x-request-id"] {
            let allowed = asked.header("access-control-allow-headers").to_lowercase();
            assert!(allowed.split(", ").any(|allowed| allowed == header), "{header}");
        }
    }
    let asked = sent(preflight(&api, THEIRS, "/api/v1/contacts")).await.problem(405, "method_not_allowed");
    assert_eq!(cors_headers(&asked), [""; 0]);
    // What is no question of a browser is a request like any other.
    let plain = api.client.request(Method::OPTIONS, api.url("/api/v1/contacts")).header("origin", OURS);
    sent(plain).await.problem(405, "method_not_allowed");
}
