//! Registering, signing in and out.

use crm_core::auth::Signup;
use reqwest::Method;
use serde_json::json;

use crate::support::{Api, PASSWORD, Reply, on_every_store, unique};

fn login(email: &str, password: &str) -> serde_json::Value {
    json!({"email": email, "password": password})
}

#[tokio::test]
async fn a_registered_admin_signs_in_and_out() {
    on_every_store(|api| async move {
        let email = format!("{}@example.com", unique("ada"));
        let body = json!({"workspace_name": "Acme", "email": email, "password": PASSWORD, "name": "Ada"});
        let registered = api.send(Method::POST, "/api/v1/auth/register", None, Some(&body)).await.expect(201);
        assert_eq!(registered.header("cache-control"), "no-store");
        assert_eq!(registered.json["user"]["role"], "admin");
        assert_eq!(registered.json["workspace"]["name"], "Acme");
        let signed =
            api.send(Method::POST, "/api/v1/auth/login", None, Some(&login(&email, PASSWORD))).await.expect(200);
        let token = signed.json["access_token"].as_str().unwrap();
        let me = api.send(Method::GET, "/api/v1/auth/me", Some(token), None).await.expect(200);
        assert_eq!(me.json["user"]["email"], email);
        assert_eq!(me.json["user"].get("password_hash"), None);
        api.send(Method::POST, "/api/v1/auth/logout", Some(token), None).await.expect(204);
        api.send(Method::GET, "/api/v1/auth/me", Some(token), None).await.problem(401, "unauthenticated");
        // The other sign-in goes on.
        let other = registered.json["access_token"].as_str().unwrap();
        api.send(Method::GET, "/api/v1/auth/me", Some(other), None).await.expect(200);
    })
    .await;
}

#[tokio::test]
async fn a_wrong_password_and_an_unknown_address_answer_alike() {
    on_every_store(|api| async move {
        let known = api.admin["user"]["email"].as_str().unwrap();
        let wrong = api.send(Method::POST, "/api/v1/auth/login", None, Some(&login(known, "not the password"))).await;
        let unknown = format!("{}@example.com", unique("nobody"));
        let absent = api.send(Method::POST, "/api/v1/auth/login", None, Some(&login(&unknown, PASSWORD))).await;
        let (wrong, absent) = (wrong.problem(401, "wrong_credentials"), absent.problem(401, "wrong_credentials"));
        assert_eq!(wrong.json["detail"], absent.json["detail"]);
        assert_eq!(wrong.header("www-authenticate"), r#"Bearer realm="slackcrm""#);
    })
    .await;
}

#[tokio::test]
async fn guessing_is_braked() {
    let api = Api::memory().await;
    let email = api.admin["user"]["email"].as_str().unwrap();
    let guess = |n: usize| login(email, &format!("guess number {n}"));
    for n in 0..10 {
        api.send(Method::POST, "/api/v1/auth/login", None, Some(&guess(n))).await.expect(401);
    }
    let braked = api.send(Method::POST, "/api/v1/auth/login", None, Some(&guess(10))).await;
    let braked = braked.problem(429, "rate_limited");
    assert!(braked.header("retry-after").parse::<u64>().unwrap() > 0);
    // A forwarding header that anybody can write moves nobody past the brake.
    let spoofed = api.client.post(api.url("/api/v1/auth/login")).header("x-forwarded-for", "10.9.8.7").json(&guess(11));
    Reply::of(spoofed.send().await.unwrap()).await.expect(429);
}

#[tokio::test]
async fn a_refresh_token_works_once_and_its_reuse_ends_the_sign_in() {
    on_every_store(|api| async move {
        let signed = api.register(&unique("ada")).await;
        let refresh = |token: &serde_json::Value| json!({"refresh_token": token});
        let first = refresh(&signed["refresh_token"]);
        let second = api.send(Method::POST, "/api/v1/auth/refresh", None, Some(&first)).await.expect(200).json;
        assert_ne!(second["refresh_token"], signed["refresh_token"]);
        let access = second["access_token"].as_str().unwrap();
        api.send(Method::GET, "/api/v1/auth/me", Some(access), None).await.expect(200);
        api.send(Method::POST, "/api/v1/auth/refresh", None, Some(&first)).await.problem(401, "unauthenticated");
        let next = refresh(&second["refresh_token"]);
        api.send(Method::POST, "/api/v1/auth/refresh", None, Some(&next)).await.problem(401, "unauthenticated");
        api.send(Method::GET, "/api/v1/auth/me", Some(access), None).await.problem(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn an_account_of_two_workspaces_chooses_one() {
    on_every_store(|api| async move {
        let name = unique("ada");
        let (one, two) = (api.register(&name).await, api.register(&name).await);
        let email = format!("{name}@example.com");
        let asked =
            api.send(Method::POST, "/api/v1/auth/login", None, Some(&login(&email, PASSWORD))).await.expect(200);
        assert_eq!(asked.json["workspace_required"], true);
        assert_eq!(asked.json["workspaces"].as_array().unwrap().len(), 2);
        for workspace in [&one, &two] {
            let id = &workspace["workspace"]["id"];
            let choice = json!({"challenge_token": asked.json["challenge_token"], "workspace_id": id});
            let signed = api.send(Method::POST, "/api/v1/auth/login", None, Some(&choice)).await.expect(200);
            let token = signed.json["access_token"].as_str().unwrap();
            let me = api.send(Method::GET, "/api/v1/auth/me", Some(token), None).await.expect(200);
            assert_eq!(&me.json["workspace"]["id"], id);
        }
        // The challenge itself opens nothing.
        let challenge = asked.json["challenge_token"].as_str().unwrap();
        api.send(Method::GET, "/api/v1/auth/me", Some(challenge), None).await.problem(401, "unauthenticated");
    })
    .await;
}

#[tokio::test]
async fn a_known_address_with_another_password_is_a_conflict() {
    on_every_store(|api| async move {
        let email = &api.admin["user"]["email"];
        let body = json!({"workspace_name": "Other", "email": email, "password": "another password", "name": "Eve"});
        api.send(Method::POST, "/api/v1/auth/register", None, Some(&body)).await.problem(409, "email_taken");
    })
    .await;
}

#[tokio::test]
async fn whoever_lost_the_answer_to_a_registration_sees_at_a_sign_in_what_became_of_it() {
    on_every_store(|api| async move {
        let email = format!("{}@example.com", unique("ada"));
        let sign_in = async || api.send(Method::POST, "/api/v1/auth/login", None, Some(&login(&email, PASSWORD))).await;
        let found = async |name: &str| {
            let body = json!({"workspace_name": name, "email": email, "password": PASSWORD, "name": "Ada"});
            let request = api.client.post(api.url("/api/v1/auth/register")).header("idempotency-key", "once");
            assert_eq!(request.json(&body).send().await.unwrap().status(), 201);
        };
        sign_in().await.problem(401, "wrong_credentials");
        found("First").await;
        assert!(sign_in().await.expect(200).json["access_token"].is_string());
        // A key keeps nobody from a second one.
        found("Second").await;
        let choice = sign_in().await.expect(200).json;
        let mut names: Vec<&str> =
            choice["workspaces"].as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!((&choice["workspace_required"], names), (&json!(true), vec!["First", "Second"]));
    })
    .await;
}

#[tokio::test]
async fn where_signup_is_closed_the_first_registers_and_nobody_after() {
    let api = Api::memory_with(|config| config.signup = Signup::Closed).await;
    let body = |email: &str| json!({"workspace_name": "Acme", "email": email, "password": PASSWORD, "name": "Eve"});
    let known = api.admin["user"]["email"].as_str().unwrap();
    for email in ["eve@example.com", known] {
        let refused = api.send(Method::POST, "/api/v1/auth/register", None, Some(&body(email))).await;
        let refused = refused.problem(403, "signup_closed");
        assert!(!refused.json.to_string().contains(email));
        // No admin of a workspace lets anybody in: it is the operator's to do.
        let detail = refused.json["detail"].as_str().unwrap();
        assert!(detail.contains("deployment") && !detail.contains("admin"), "{detail}");
    }
    api.send(Method::POST, "/api/v1/auth/login", None, Some(&login(known, PASSWORD))).await.expect(200);
}

/// What an answer says of the rest of the share: limit, remaining and seconds.
fn share(reply: &Reply) -> (u32, u32, u64) {
    let number = |name: &str| reply.header(name).parse::<u64>().unwrap();
    let small = |name: &str| u32::try_from(number(name)).unwrap();
    (small("ratelimit-limit"), small("ratelimit-remaining"), number("ratelimit-reset"))
}

#[tokio::test]
async fn every_answer_of_a_counted_route_says_what_is_left() {
    let api = Api::memory().await;
    let email = api.admin["user"]["email"].as_str().unwrap();
    let send = |route: &str, body: &str, media: &str| {
        let request = api.client.post(api.url(&format!("/api/v1/auth/{route}"))).header("content-type", media);
        let request = request.body(body.to_owned());
        async { Reply::of(request.send().await.unwrap()).await }
    };
    let json_media = "application/json";
    // The admin's own registration was the first of a hundred.
    let mut left = 99;
    for (route, body, media, status) in [
        ("login", login(email, PASSWORD).to_string(), json_media, 200),
        ("login", r#"{"challenge_token":"x"}"#.to_owned(), json_media, 401),
        ("login", "{".to_owned(), json_media, 400),
        ("login", "{}".to_owned(), json_media, 422),
        ("login", "{}".to_owned(), "text/plain", 415),
        ("register", "{}".to_owned(), json_media, 422),
        ("register", format!(r#"{{"x":"{}"}}"#, "x".repeat(2_000_000)), json_media, 413),
    ] {
        left -= 1;
        let reply = send(route, &body, media).await.expect(status);
        assert_eq!(share(&reply).1, left, "{route} {status}");
        assert_eq!(share(&reply).0, 100);
        assert!((1..=901).contains(&share(&reply).2), "{reply:?}");
    }
    // With a wrong password the account's counter has the least left.
    for made in 1..=11_u32 {
        let reply = send("login", &login(email, "wrong password").to_string(), json_media).await;
        let reply = reply.expect(if made > 10 { 429 } else { 401 });
        assert_eq!((share(&reply).0, share(&reply).1), (10, 10_u32.saturating_sub(made)));
        assert_eq!(reply.headers.contains_key("retry-after"), made > 10);
    }
    for (body, status) in [(r#"{"refresh_token":"x"}"#, 401), ("[", 400)] {
        let reply = send("refresh", body, json_media).await.expect(status);
        assert_eq!(share(&reply).0, 1_000);
    }
    assert!(!api.get("/api/v1/auth/me").await.headers.contains_key("ratelimit-limit"));
    // What cannot be read is not tried for ever either.
    for _ in 0..left - 11 {
        send("login", "{", json_media).await.expect(400);
    }
    let braked = send("login", "{", json_media).await.problem(429, "rate_limited");
    assert_eq!((share(&braked).1, braked.header("retry-after")), (0, braked.header("ratelimit-reset")));
}

#[tokio::test]
async fn a_sign_in_is_refreshed_so_often_and_no_other_pays_for_it() {
    let api = Api::memory().await;
    let refresh = async |token: &str| {
        let body = json!({"refresh_token": token});
        api.send(Method::POST, "/api/v1/auth/refresh", None, Some(&body)).await
    };
    refresh("never issued").await.problem(401, "unauthenticated");
    let mut token = api.admin["refresh_token"].as_str().unwrap().to_owned();
    for made in 1..=200_u32 {
        let reply = refresh(&token).await.expect(200);
        assert_eq!((share(&reply).0, share(&reply).1), (200, 200 - made));
        reply.json["refresh_token"].as_str().unwrap().clone_into(&mut token);
    }
    let braked = refresh(&token).await.problem(429, "rate_limited");
    assert_eq!((share(&braked).0, share(&braked).1), (200, 0));
    assert!(braked.header("retry-after").parse::<u64>().unwrap() > 0);
    let email = api.admin["user"]["email"].as_str().unwrap();
    let other = api.send(Method::POST, "/api/v1/auth/login", None, Some(&login(email, PASSWORD))).await.expect(200);
    refresh(other.json["refresh_token"].as_str().unwrap()).await.expect(200);
}

#[tokio::test]
async fn clients_behind_a_trusted_proxy_have_shares_of_their_own() {
    let api = Api::memory_with(|config| config.trusted_proxies = "127.0.0.0/8".parse().unwrap()).await;
    let left = |forwarded: &str| {
        let request = reqwest::Client::new().post(api.url("/api/v1/auth/refresh"));
        let request = request.header("x-forwarded-for", forwarded).json(&json!({"refresh_token": "x"}));
        async { share(&Reply::of(request.send().await.unwrap()).await).1 }
    };
    assert_eq!((left("203.0.113.9").await, left("203.0.113.9").await), (999, 998));
    assert_eq!((left("203.0.113.10").await, left("1.2.3.4, 203.0.113.10").await), (999, 998));
    assert_eq!((left("2001:db8:1:2::1").await, left("2001:db8:1:2:ffff::2").await), (999, 998));
    assert_eq!(left("2001:db8:1:3::1").await, 999);
}

#[tokio::test]
async fn a_forwarding_header_of_a_stranger_is_not_believed() {
    let api = Api::memory_with(|config| config.trusted_proxies = "10.0.0.0/8".parse().unwrap()).await;
    for made in 1..=3_u8 {
        let request = reqwest::Client::new().post(api.url("/api/v1/auth/refresh"));
        let request = request.header("x-forwarded-for", format!("203.0.113.{made}"));
        let reply = Reply::of(request.json(&json!({"refresh_token": "x"})).send().await.unwrap()).await;
        assert_eq!(share(&reply).1, 1_000 - u32::from(made));
    }
}
