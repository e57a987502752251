//! Guessing passwords is slowed down, and nobody is locked out by it for long.

use futures::future::BoxFuture;

use super::auth::{EMAIL, PASSWORD, login, register, signed_in};
use super::support::{fails, refused};
use crate::auth::{Attempt, Auth, Login};
use crate::error::ErrorKind::{RateLimited, Unauthenticated};
use crate::id::Id;
use crate::testkit::{World, samples};

pub async fn guessing_is_slowed_down_and_the_owner_gets_in_again(world: World) {
    register(&world, "Acme", EMAIL).await;
    world.clock.tick_micros(0);
    for _ in 0..10 {
        fails(login(&world, EMAIL, "wrong password").await, Unauthenticated);
    }
    let error = refused(login(&world, EMAIL, PASSWORD).await);
    assert_eq!(error.kind(), RateLimited);
    let wait = error.retry_after().unwrap().as_secs();
    assert!((1..=15 * 60 + 1).contains(&wait), "{wait}");
    // Another instance counts the same attempts.
    fails(world.second.auth().login(samples::login(EMAIL, PASSWORD).unwrap(), "192.0.2.7").await, RateLimited);
    fails(login(&world, "other@example.com", PASSWORD).await, Unauthenticated);
    world.clock.advance_seconds(15 * 60);
    signed_in(login(&world, EMAIL, PASSWORD).await.unwrap());
    // Success forgives what was counted.
    for _ in 0..9 {
        fails(login(&world, EMAIL, "wrong password").await, Unauthenticated);
    }
    signed_in(login(&world, EMAIL, PASSWORD).await.unwrap());
    fails(login(&world, EMAIL, "wrong password").await, Unauthenticated);
}

pub async fn an_address_cannot_try_every_account(world: World) {
    world.clock.tick_micros(0);
    for at in 0..100 {
        fails(login(&world, &format!("u{at}@example.com"), PASSWORD).await, Unauthenticated);
    }
    fails(login(&world, "u100@example.com", PASSWORD).await, RateLimited);
    let elsewhere = world.crm.auth().login(samples::login("u100@example.com", PASSWORD).unwrap(), "192.0.2.9").await;
    fails(elsewhere, Unauthenticated);
}

pub async fn an_address_that_had_its_share_locks_nobody_out(world: World) {
    world.clock.tick_micros(0);
    register(&world, "Acme", EMAIL).await;
    for at in 0..99 {
        fails(login(&world, &format!("u{at}@example.com"), PASSWORD).await, Unauthenticated);
    }
    for _ in 0..20 {
        fails(login(&world, EMAIL, "wrong password").await, RateLimited);
    }
    let elsewhere = world.crm.auth().login(samples::login(EMAIL, PASSWORD).unwrap(), "192.0.2.9").await;
    signed_in(elsewhere.unwrap());
}

pub async fn a_password_that_no_account_can_have_is_wrong(world: World) {
    let account = register(&world, "Acme", EMAIL).await.user.account_id.unwrap();
    let long = "x".repeat(257);
    let hashes = (format!("$plain${PASSWORD}"), format!("$plain${long}"));
    assert!(world.crm.ports.accounts.rehash(account, &hashes.0, &hashes.1).await.unwrap());
    let error = refused(login(&world, EMAIL, &long).await);
    assert_eq!((error.kind(), error.code()), (Unauthenticated, "wrong_credentials"));
}

pub async fn attempts_at_once_are_all_counted(world: World) {
    let now = world.crm.now();
    let tasks = (0..40).map(|at| -> BoxFuture<'static, Attempt> {
        let throttles = if at % 2 == 0 { &world.crm } else { &world.second }.ports.throttles.clone();
        Box::pin(async move { throttles.attempt("key", 10, 60, now).await.unwrap() })
    });
    let tasks: Vec<_> = tasks.collect();
    let answers = world.at_once(tasks).await;
    assert_eq!(answers.iter().filter(|answer| answer.is_allowed()).count(), 10);
    let mut made: Vec<_> = answers.iter().map(|answer| answer.made).collect();
    made.sort_unstable();
    assert_eq!(made, (1..=40).collect::<Vec<_>>());
    let until = now.plus_seconds(60);
    let throttles = &world.crm.ports.throttles;
    let late = throttles.attempt("key", 10, 60, now.plus_seconds(59)).await.unwrap();
    assert_eq!((late, late.remaining()), (Attempt { limit: 10, made: 41, ends_at: until }, 0));
    let again = throttles.attempt("key", 10, 60, until).await.unwrap();
    assert_eq!((again, again.remaining()), (Attempt { limit: 10, made: 1, ends_at: until.plus_seconds(60) }, 9));
    let first = throttles.attempt("other", 1, 60, now).await.unwrap();
    assert!(first.is_allowed() && first.remaining() == 0);
    throttles.forgive("other").await.unwrap();
    assert!(throttles.attempt("other", 1, 60, now).await.unwrap().is_allowed());
    throttles.forgive("never tried").await.unwrap();
}

pub async fn an_address_cannot_refresh_without_end(world: World) {
    let tokens = register(&world, "Acme", EMAIL).await.tokens;
    world.clock.tick_micros(0);
    let now = world.crm.now();
    let tasks = (0..1_000).map(|_| -> BoxFuture<'static, ()> {
        let throttles = world.crm.ports.throttles.clone();
        Box::pin(async move {
            throttles.attempt("refresh:192.0.2.1", 1_000, 900, now).await.unwrap();
        })
    });
    let tasks: Vec<_> = tasks.collect();
    world.at_once(tasks).await;
    fails(world.crm.auth().refresh(&tokens.refresh_token, "192.0.2.1").await, RateLimited);
    // Signing in has a counter of its own, and the token was not spent.
    signed_in(login(&world, EMAIL, PASSWORD).await.unwrap());
    assert!(world.second.auth().refresh(&tokens.refresh_token, "192.0.2.2").await.is_ok());
    world.clock.advance_seconds(15 * 60);
    let fresh = world.crm.auth();
    fails(fresh.refresh("never issued", "192.0.2.1").await, Unauthenticated);
    assert_eq!(fresh.tightest().map(|attempt| attempt.remaining()), Some(999));
}

pub async fn a_sign_in_cannot_be_refreshed_without_end(world: World) {
    let first = register(&world, "Acme", EMAIL).await.tokens;
    world.clock.tick_micros(0);
    let auth = world.crm.auth();
    let id = auth.holder(&first.refresh_token).await.unwrap().session_id;
    for _ in 0..199 {
        world.crm.ports.throttles.attempt(&format!("refresh:sign-in:{id}"), 200, 900, world.crm.now()).await.unwrap();
    }
    let second = auth.refresh(&first.refresh_token, "192.0.2.1").await.unwrap();
    assert_eq!(auth.tightest().map(|attempt| (attempt.limit, attempt.remaining())), Some((200, 0)));
    // Wherever it comes from, and whichever instance is asked.
    let error = refused(world.second.auth().refresh(&second.refresh_token, "192.0.2.2").await);
    assert_eq!(error.kind(), RateLimited);
    assert!(error.retry_after().unwrap().as_secs() <= 15 * 60 + 1);
    // The account's other sign-ins are not held up, and the token was not spent.
    let (_, other) = signed_in(login(&world, EMAIL, PASSWORD).await.unwrap());
    assert!(auth.refresh(&other.refresh_token, "192.0.2.1").await.is_ok());
    world.clock.advance_seconds(15 * 60);
    assert!(auth.refresh(&second.refresh_token, "192.0.2.1").await.is_ok());
}

pub async fn whoever_holds_no_token_locks_no_sign_in_out(world: World) {
    let tokens = register(&world, "Acme", EMAIL).await.tokens;
    world.clock.tick_micros(0);
    let auth = world.crm.auth();
    for at in 1..=20 {
        let tampered = format!("{}x", tokens.refresh_token);
        fails(auth.refresh(&tampered, &format!("192.0.2.{at}")).await, Unauthenticated);
    }
    auth.refresh(&tokens.refresh_token, "192.0.2.1").await.unwrap();
    assert_eq!(auth.tightest().map(|attempt| (attempt.limit, attempt.remaining())), Some((200, 199)));
}

pub async fn every_attempt_says_what_is_left(world: World) {
    register(&world, "Acme", EMAIL).await;
    world.clock.tick_micros(0);
    let now = world.crm.now();
    let left = |auth: &Auth| {
        let attempt = auth.tightest().unwrap();
        (attempt.limit, attempt.remaining())
    };
    let auth = world.crm.auth();
    assert_eq!(auth.tightest(), None);
    let from = "192.0.2.7";
    for made in 1..=11_u32 {
        let wrong = auth.login(samples::login(EMAIL, "wrong password").unwrap(), from).await;
        fails(wrong, if made > 10 { RateLimited } else { Unauthenticated });
        assert_eq!(left(&auth), (10, 10_u32.saturating_sub(made)));
    }
    let braked = auth.tightest().unwrap();
    assert_eq!(braked.ends_at, now.plus_seconds(15 * 60));
    assert_eq!((braked.seconds_left(now), braked.seconds_left(braked.ends_at.plus_seconds(5))), (901, 0));
    // What fails before the account is known, and what does not reach the engine, counts by address.
    fails(auth.login(challenge("no token"), from).await, Unauthenticated);
    assert_eq!(left(&auth), (100, 88));
    auth.sign_in_failed(from).await.unwrap();
    assert_eq!(left(&auth), (100, 87));
    auth.refresh_failed(from).await.unwrap();
    assert_eq!(left(&auth), (1_000, 999));
    world.clock.advance_seconds(15 * 60);
    // Whoever got in is forgiven: what is left is the address's.
    auth.login(samples::login(EMAIL, PASSWORD).unwrap(), from).await.unwrap();
    assert_eq!(left(&auth), (100, 99));
    auth.register(samples::register("Other", EMAIL).unwrap(), from).await.unwrap();
    assert_eq!(left(&auth), (100, 98));
}

fn challenge(token: &str) -> Login {
    Login { email: None, password: None, challenge_token: Some(token.to_owned()), workspace_id: None }
}

pub async fn a_password_is_hashed_anew_only_where_it_is_still_the_same(world: World) {
    let registered = register(&world, "Acme", EMAIL).await;
    let id = registered.user.account_id.unwrap();
    let accounts = &world.crm.ports.accounts;
    let old = format!("$plain${PASSWORD}");
    assert!(accounts.rehash(id, &old, "$new").await.unwrap());
    assert!(!accounts.rehash(id, &old, "$newer").await.unwrap());
    assert!(!accounts.rehash(Id::new_at(world.crm.now()), &old, "$newer").await.unwrap());
    let account = accounts.account_by_email(&EMAIL.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((account.id, secrecy::ExposeSecret::expose_secret(&account.password_hash)), (id, "$new"));
    assert_eq!(accounts.account_by_email(&"no@example.com".parse().unwrap()).await.unwrap().map(|a| a.id), None);
}
