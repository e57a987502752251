//! Who may register.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use secrecy::SecretString;

use super::auth::{EMAIL, PASSWORD, login, register, signed_in};
use super::support::refused;
use crate::auth::{Registered, Signup};
use crate::crm::Crm;
use crate::error::{Error, ErrorKind, Result};
use crate::integration::PasswordHasher;
use crate::testkit::{PlainSigner, World, samples};

/// Engines that let nobody register but the first.
fn closed(world: &World) -> [Crm; 2] {
    world.engines(|builder| builder.signup(Signup::Closed))
}

async fn come(crm: &Crm, email: &str) -> Result<Registered> {
    crm.auth().register(samples::register("Acme", email).unwrap(), "192.0.2.1").await
}

/// What must not succeed is refused at the door.
#[track_caller]
fn shut(result: Result<Registered>) {
    let error = refused(result);
    assert_eq!((error.kind(), error.code()), (ErrorKind::Denied, "signup_closed"), "{error:?}");
}

pub async fn a_closed_door_lets_the_first_in_and_nobody_after(world: World) {
    let [one, other] = closed(&world);
    let first = come(&one, EMAIL).await.unwrap();
    let before = world.crm.workspaces().await.unwrap().len();
    for crm in [&one, &other] {
        shut(come(crm, "eve@example.com").await);
        // Not even whoever came first, with the right password.
        shut(come(crm, EMAIL).await);
    }
    assert_eq!(world.crm.workspaces().await.unwrap().len(), before);
    assert_eq!(signed_in(login(&world, EMAIL, PASSWORD).await.unwrap()).0.id, first.user.id);
    // An operator's engine is open, on the same store.
    come(&world.crm, "eve@example.com").await.unwrap();
}

pub async fn of_two_who_come_first_at_once_one_is_let_in(world: World) {
    let before = world.crm.workspaces().await.unwrap().len();
    let tasks: Vec<_> = closed(&world)
        .into_iter()
        .cycle()
        .take(8)
        .enumerate()
        .map(|(at, crm)| -> BoxFuture<'static, Result<Registered>> {
            // Some of them are one person who clicked twice.
            let email = format!("first{}@example.com", at / 2);
            Box::pin(async move { come(&crm, &email).await })
        })
        .collect();
    let (let_in, turned_away): (Vec<_>, Vec<_>) = world.at_once(tasks).await.into_iter().partition(Result::is_ok);
    assert_eq!(let_in.len(), 1, "{let_in:?}");
    turned_away.into_iter().for_each(shut);
    // Whoever came too late left nothing behind.
    assert_eq!(world.crm.workspaces().await.unwrap().len(), before + 1);
}

/// A hasher that must not be asked.
struct Unasked;

#[async_trait]
impl PasswordHasher for Unasked {
    async fn hash(&self, _: &SecretString) -> Result<String> {
        Err(Error::internal("a password was hashed"))
    }

    async fn verify(&self, _: &SecretString, _: &str) -> Result<bool> {
        Err(Error::internal("a password was looked at"))
    }

    fn is_outdated(&self, _: &str) -> bool {
        false
    }
}

pub async fn where_the_door_is_closed_no_password_is_looked_at(world: World) {
    register(&world, "Acme", EMAIL).await;
    let [crm, _] =
        world.engines(|builder| builder.signup(Signup::Closed).auth(Arc::new(Unasked), Arc::new(PlainSigner)));
    for email in [EMAIL, "eve@example.com"] {
        shut(come(&crm, email).await);
        let mut bad = samples::register(" ", email).unwrap();
        bad.password = SecretString::from("short");
        shut(crm.auth().register(bad, "192.0.2.1").await);
    }
}

pub async fn a_workspace_without_accounts_leaves_the_door_as_it_is(world: World) {
    let [crm, _] = closed(&world);
    crm.create_workspace("Made by an operator").await.unwrap();
    assert!(!crm.ports.accounts.any_account().await.unwrap());
    come(&crm, EMAIL).await.unwrap();
    assert!(crm.ports.accounts.any_account().await.unwrap());
}
