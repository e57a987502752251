//! Signing in by the cookie of a browser: for what a refresh token is for, and for pages of ours alone.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::live::{Watcher, make};
use crate::support::{Api, PASSWORD, Reply, on_every_store};

const FOREIGN: &str = "https://evil.example.com";

async fn sent(request: RequestBuilder) -> Reply {
    Reply::of(request.send().await.unwrap()).await
}

/// A sign-in of the admin whose refresh token the browser keeps.
async fn signed_in(api: &Api) -> Reply {
    let login = json!({"email": api.admin["user"]["email"], "password": PASSWORD});
    api.send(Method::POST, "/api/v1/auth/login?cookie=true", None, Some(&login)).await.expect(200)
}

/// The cookie that an answer sets, as a browser sends it back.
fn cookie(reply: &Reply) -> String {
    reply.header("set-cookie").split(';').next().unwrap().to_owned()
}

/// Where the pages of the server itself come from: by TLS, as its public address says.
fn own(api: &Api) -> String {
    format!("https://{}", api.address)
}

/// A request of a page, to which its browser adds the cookie.
fn of_a_page(api: &Api, method: Method, path: &str, cookie: &str, origin: &str) -> RequestBuilder {
    api.client.request(method, api.url(path)).header("cookie", cookie).header("origin", origin)
}

#[tokio::test]
async fn a_browser_keeps_the_refresh_token_where_no_script_reads_it() {
    on_every_store(|api| async move {
        let signed = signed_in(&api).await;
        assert_eq!(signed.json.get("refresh_token"), None);
        assert!(signed.json["access_token"].is_string() && signed.json["user"].is_object());
        let line = signed.header("set-cookie");
        let (token, flags) = line.strip_prefix("__Host-slackcrm_refresh=").unwrap().split_once("; ").unwrap();
        assert!(!token.is_empty() && !signed.text.contains(token));
        // The public address of this server begins with https.
        assert_eq!(flags, "Path=/; Max-Age=2592000; HttpOnly; SameSite=Strict; Secure");
        // Whoever does not ask for it gets no cookie.
        let login = json!({"email": api.admin["user"]["email"], "password": PASSWORD});
        let plain = api.send(Method::POST, "/api/v1/auth/login", None, Some(&login)).await.expect(200);
        assert!(plain.json["refresh_token"].is_string() && !plain.headers.contains_key("set-cookie"));
    })
    .await;
    let api = Api::memory_with(|config| config.public_url = None).await;
    let signed = signed_in(&api).await;
    assert!(signed.header("set-cookie").starts_with("slackcrm_refresh="));
    assert!(signed.header("set-cookie").ends_with("; Path=/api/v1; Max-Age=2592000; HttpOnly; SameSite=Strict"));
    let body = json!({"workspace_name": "Acme", "email": "eve@example.com", "password": PASSWORD, "name": "Eve"});
    let registered = api.send(Method::POST, "/api/v1/auth/register?cookie=true", None, Some(&body)).await.expect(201);
    assert!(registered.headers.contains_key("set-cookie") && registered.json.get("refresh_token").is_none());
    // A sign-in that goes on with the choice of a workspace sets it at the end.
    let again = json!({"email": "eve@example.com", "password": PASSWORD, "workspace_name": "Two", "name": "Eve"});
    api.send(Method::POST, "/api/v1/auth/register", None, Some(&again)).await.expect(201);
    let login = json!({"email": "eve@example.com", "password": PASSWORD});
    let choice = api.send(Method::POST, "/api/v1/auth/login?cookie=true", None, Some(&login)).await.expect(200);
    assert!(choice.json["challenge_token"].is_string() && !choice.headers.contains_key("set-cookie"));
}

#[tokio::test]
async fn no_page_of_others_has_a_browser_keep_a_sign_in_of_its_choice() {
    on_every_store(|api| async move {
        let login = json!({"email": api.admin["user"]["email"], "password": PASSWORD});
        let signing_in =
            |origin: &str| api.client.post(api.url("/api/v1/auth/login?cookie=true")).header("origin", origin);
        for origin in [FOREIGN, "null"] {
            let refused = sent(signing_in(origin).json(&login)).await.problem(403, "foreign_origin");
            assert!(!refused.headers.contains_key("set-cookie"));
        }
        // Nor does it learn whether a password is right.
        let wrong = json!({"email": api.admin["user"]["email"], "password": "something else"});
        sent(signing_in(FOREIGN).json(&wrong)).await.problem(403, "foreign_origin");
        // A form that asks nobody beforehand is no JSON.
        let form = signing_in(&own(&api)).header("content-type", "text/plain").body(login.to_string());
        sent(form).await.problem(415, "unsupported_media_type");
        let body = json!({"workspace_name": "Acme", "email": "eve@example.com", "password": PASSWORD, "name": "Eve"});
        let registering = api.client.post(api.url("/api/v1/auth/register?cookie=true")).header("origin", FOREIGN);
        sent(registering.json(&body)).await.problem(403, "foreign_origin");
        assert!(sent(signing_in(&own(&api)).json(&login)).await.expect(200).headers.contains_key("set-cookie"));
    })
    .await;
}

#[tokio::test]
async fn a_page_of_ours_refreshes_by_its_cookie_and_no_other_page_does() {
    on_every_store(|api| async move {
        let kept = cookie(&signed_in(&api).await);
        let refresh = |origin: &str, cookie: &str| {
            sent(of_a_page(&api, Method::POST, "/api/v1/auth/refresh", cookie, origin).json(&json!({})))
        };
        refresh(FOREIGN, &kept).await.problem(403, "foreign_origin");
        refresh("null", &kept).await.problem(403, "foreign_origin");
        refresh(&format!("http://{}", api.address), &kept).await.problem(403, "foreign_origin");
        let unsaid = api.client.post(api.url("/api/v1/auth/refresh")).header("cookie", &kept).json(&json!({}));
        sent(unsaid).await.problem(403, "foreign_origin");
        let without = api.send(Method::POST, "/api/v1/auth/refresh", None, Some(&json!({}))).await;
        assert_eq!(without.faults(), [("refresh_token".to_owned(), "required".to_owned())]);
        // What a neighbour in the domain can set has another name.
        let neighbour = kept.replace("__Host-", "");
        let answer = refresh(&own(&api), &neighbour).await;
        assert_eq!(answer.faults(), [("refresh_token".to_owned(), "required".to_owned())]);
        // None of them used the token up.
        let second = refresh(&own(&api), &kept).await.expect(200);
        assert_eq!(second.json.get("refresh_token"), None);
        assert_ne!(cookie(&second), kept);
        let access = second.json["access_token"].as_str().unwrap();
        api.send(Method::GET, "/api/v1/auth/me", Some(access), None).await.expect(200);
        refresh(&own(&api), &kept).await.problem(401, "unauthenticated");
        let refused = refresh(&own(&api), &cookie(&second)).await.problem(401, "unauthenticated");
        assert!(refused.header("set-cookie").starts_with("__Host-slackcrm_refresh=; Path=/; Max-Age=0; HttpOnly"));
    })
    .await;
}

#[tokio::test]
async fn whoever_ends_another_sign_in_keeps_the_cookie_of_theirs() {
    let api = Api::memory().await;
    let (ending, staying) = (signed_in(&api).await, signed_in(&api).await);
    let logout = |signed: &Reply| {
        let token = signed.json["access_token"].as_str().unwrap();
        let request = of_a_page(&api, Method::POST, "/api/v1/auth/logout", &cookie(&staying), &own(&api));
        sent(request.bearer_auth(token))
    };
    assert!(!logout(&ending).await.expect(204).headers.contains_key("set-cookie"));
    let gone = logout(&staying).await.expect(204);
    assert!(gone.header("set-cookie").contains("; Max-Age=0; "));
}

#[tokio::test]
async fn a_cookie_alone_authorises_no_other_request() {
    let api = Api::memory().await;
    let kept = cookie(&signed_in(&api).await);
    for (method, path) in [
        (Method::GET, "/api/v1/contacts"),
        (Method::POST, "/api/v1/contacts"),
        (Method::GET, "/api/v1/auth/me"),
        (Method::POST, "/api/v1/auth/logout"),
    ] {
        let request = of_a_page(&api, method, path, &kept, &own(&api)).json(&json!({"last_name": "Hopper"}));
        sent(request).await.problem(401, "unauthenticated");
    }
    assert_eq!(api.get("/api/v1/contacts").await.expect(200).json["data"], json!([]));
}

#[tokio::test]
async fn a_page_of_ours_watches_by_its_cookie_and_no_other_page_does() {
    on_every_store(|api| async move {
        let kept = cookie(&signed_in(&api).await);
        for headers in [&[("cookie", &*kept), ("origin", FOREIGN)][..], &[("cookie", &*kept)]] {
            assert_eq!(Watcher::of_a_page(&api, headers).await.err(), Some(403), "{headers:?}");
        }
        sent(of_a_page(&api, Method::GET, "/api/v1/ws", &kept, FOREIGN)).await.problem(403, "foreign_origin");
        let own = own(&api);
        let mut watcher = Watcher::of_a_page(&api, &[("cookie", &kept), ("origin", &own)]).await.unwrap();
        watcher.say(&json!({"subscribe": ["contacts"]})).await;
        assert_eq!(watcher.hear().await["type"], "ready");
        let made = make(&api, "A").await;
        assert_eq!(watcher.hear().await["data"]["record_id"], made["id"]);
    })
    .await;
}

#[tokio::test]
async fn a_site_that_is_let_in_watches_by_the_cookie_too() {
    const SITE: &str = "https://app.example.com";
    let api = Api::memory_with(|config| config.cors_origins = SITE.parse().unwrap()).await;
    let kept = cookie(&signed_in(&api).await);
    // The public address is the server's own, by whatever name a proxy asks for it.
    for origin in [SITE, "https://crm.acme.example"] {
        let mut watcher = Watcher::of_a_page(&api, &[("cookie", &kept), ("origin", origin)]).await.unwrap();
        watcher.say(&json!({"subscribe": []})).await;
        assert_eq!(watcher.hear().await["type"], "ready", "{origin}");
    }
}

#[tokio::test]
async fn whoever_has_no_cookie_that_holds_watches_by_a_token() {
    let api = Api::memory().await;
    let own = own(&api);
    let (mut bare, stale) =
        (Watcher::of_a_page(&api, &[]).await.unwrap(), [("cookie", "__Host-slackcrm_refresh=x"), ("origin", &*own)]);
    let mut former = Watcher::of_a_page(&api, &stale).await.unwrap();
    for watcher in [&mut bare, &mut former] {
        watcher.say(&json!({"subscribe": []})).await;
        let (said, close) = watcher.end().await;
        assert_eq!((&said["code"], close), (&json!("unauthenticated"), CloseCode::Policy));
    }
    // A page of others that sends no cookie of ours is a client like any other.
    for headers in [&stale[..], &[("origin", FOREIGN)], &[("origin", FOREIGN), ("cookie", "theme=dark")]] {
        let mut watcher = Watcher::of_a_page(&api, headers).await.unwrap();
        watcher.say(&json!({"token": api.token(), "subscribe": []})).await;
        assert_eq!(watcher.hear().await["type"], "ready", "{headers:?}");
    }
}

#[tokio::test]
async fn a_page_of_ours_reads_a_stream_by_its_cookie_and_no_other_page_does() {
    const PATH: &str = "/api/v1/events?topics=contacts";
    on_every_store(|api| async move {
        let kept = cookie(&signed_in(&api).await);
        sent(of_a_page(&api, Method::GET, PATH, &kept, FOREIGN)).await.problem(403, "foreign_origin");
        sent(of_a_page(&api, Method::GET, PATH, &kept, &own(&api))).await.expect(200);
        // Of a page's own server a browser says so in another header.
        let read = |site: &str| api.client.get(api.url(PATH)).header("cookie", &kept).header("sec-fetch-site", site);
        sent(read("same-origin")).await.expect(200);
        for site in ["same-site", "cross-site", "none"] {
            sent(read(site)).await.problem(403, "foreign_origin");
        }
        sent(api.client.get(api.url(PATH)).header("cookie", &kept)).await.problem(403, "foreign_origin");
        let stale = of_a_page(&api, Method::GET, PATH, "__Host-slackcrm_refresh=x", &own(&api));
        sent(stale).await.problem(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn a_watch_by_cookie_ends_with_its_sign_in_and_the_browser_forgets_it() {
    on_every_store(|api| async move {
        let signed = signed_in(&api).await;
        let (kept, own) = (cookie(&signed), own(&api));
        let page = [("cookie", &*kept), ("origin", &*own)];
        let mut watcher = Watcher::of_a_page(&api, &page).await.unwrap();
        watcher.say(&json!({"subscribe": ["contacts"]})).await;
        assert_eq!(watcher.hear().await["type"], "ready");
        let token = signed.json["access_token"].as_str().unwrap();
        let logout = of_a_page(&api, Method::POST, "/api/v1/auth/logout", &kept, &own).bearer_auth(token);
        let gone = sent(logout).await.expect(204);
        assert!(gone.header("set-cookie").starts_with("__Host-slackcrm_refresh=; Path=/; Max-Age=0; HttpOnly"));
        let (said, close) = watcher.end().await;
        assert_eq!((&said["code"], close), (&Value::from("unauthenticated"), CloseCode::Policy));
        // It opens nothing any more.
        let mut late = Watcher::of_a_page(&api, &page).await.unwrap();
        late.say(&json!({"subscribe": []})).await;
        assert_eq!(late.end().await.0["code"], "unauthenticated");
        let refresh = of_a_page(&api, Method::POST, "/api/v1/auth/refresh", &kept, &own).json(&json!({}));
        sent(refresh).await.problem(401, "unauthenticated");
    })
    .await;
}
