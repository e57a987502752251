//! Passwords and tokens.
#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use crm_integrations::auth::{Argon2Hasher, JwtSigner};

fn signer() -> JwtSigner {
    JwtSigner::new(&"kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi".to_owned().into()).unwrap()
}

fn foreign() -> JwtSigner {
    JwtSigner::new(&"iMe9aPgHs3DfJu7BwLy5Tc0XnV2rZ8qk".to_owned().into()).unwrap()
}

crm_core::testkit::password_hasher_suite!(Argon2Hasher::new);
crm_core::testkit::token_signer_suite!(signer, foreign);
