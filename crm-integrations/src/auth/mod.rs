//! Signing in: passwords as argon2id hashes, access tokens as HS256-signed JWTs.

mod password;
mod token;

pub use password::Argon2Hasher;
pub use token::{JwtSigner, MIN_KEY_BYTES};
