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
async fn where_signup_is_closed_the_first_registers_and_nobody_after() {
    let api = Api::memory_with(|config| config.signup = Signup::Closed).await;
    let body = |email: &str| json!({"workspace_name": "Acme", "email": email, "password": PASSWORD, "name": "Eve"});
    let known = api.admin["user"]["email"].as_str().unwrap();
    for email in ["eve@example.com", known] {
        let refused = api.send(Method::POST, "/api/v1/auth/register", None, Some(&body(email))).await;
        let refused = refused.problem(403, "signup_closed");
        assert!(!refused.json.to_string().contains(email));
    }
    api.send(Method::POST, "/api/v1/auth/login", None, Some(&login(known, PASSWORD))).await.expect(200);
}
