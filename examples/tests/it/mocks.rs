//! How a program that embeds the engine tests itself: on a store in memory, with mocks of the role ports that
//! say what they expect.

use std::sync::Arc;

use crm_core::testkit::{MemoryStore, MockPasswordHasher, MockTokenSigner};
use crm_core::{Crm, Error, ErrorKind};
use serde_json::json;

/// An engine that signs people in by these ports.
fn engine(hasher: MockPasswordHasher, signer: MockTokenSigner) -> Crm {
    Crm::builder(MemoryStore::new()).auth(Arc::new(hasher), Arc::new(signer)).build()
}

/// What a program sends on for somebody who registers.
fn grace() -> crm_core::auth::Register {
    let body = json!({
        "workspace_name": "Acme Sales",
        "name": "Grace Hopper",
        "email": "grace@acme.example",
        "password": "correct horse battery",
    });
    serde_json::from_value(body).unwrap()
}

#[tokio::test]
async fn whoever_registers_gets_the_token_that_was_signed_for_them() {
    let mut hasher = MockPasswordHasher::new();
    hasher.expect_hash().once().returning(|_| Ok("a hash".to_owned()));
    let mut signer = MockTokenSigner::new();
    signer.expect_sign().once().returning(|claims| Ok(format!("token of {}", claims.user_id)));
    let registered = engine(hasher, signer).auth().register(grace(), "192.0.2.1").await.unwrap();
    assert_eq!(registered.tokens.access_token, format!("token of {}", registered.user.id));
}

#[tokio::test]
async fn nobody_is_registered_while_passwords_cannot_be_hashed() {
    let mut hasher = MockPasswordHasher::new();
    hasher.expect_hash().once().returning(|_| Err(Error::internal("no entropy")));
    let mut signer = MockTokenSigner::new();
    signer.expect_sign().never();
    let crm = engine(hasher, signer);
    let refused = crm.auth().register(grace(), "192.0.2.1").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Internal);
    assert!(crm.workspaces().await.unwrap().is_empty());
}
