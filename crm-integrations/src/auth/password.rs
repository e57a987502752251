//! Passwords as argon2id hashes.

use std::num::NonZeroUsize;
use std::sync::Arc;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use async_trait::async_trait;
use crm_core::integration::PasswordHasher;
use crm_core::{Error, Result};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Memory of one hash in KiB, its passes and lanes: the first choice of OWASP's password storage
/// cheat sheet for argon2id.
const MEMORY_KIB: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Hashes passwords with argon2id, 19 MiB and two passes each.
///
/// A hash takes some 20 ms of one core, so it runs on the runtime's blocking threads, and no more
/// of them at once than there are cores: a flood of sign-ins waits in line instead of taking the
/// machine's memory. Needs a tokio runtime.
#[derive(Clone, Debug)]
pub struct Argon2Hasher {
    params: Params,
    slots: Arc<Semaphore>,
}

impl Argon2Hasher {
    /// A hasher with OWASP's settings and as many hashes at once as there are cores.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        // The constants lie within argon2's limits; its own defaults are the same numbers.
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or(Params::DEFAULT);
        Self { params, slots: Arc::new(Semaphore::new(cores)) }
    }

    /// Runs one piece of work on a blocking thread when a core is free for it.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce(Argon2<'static>) -> T + Send + 'static) -> Result<T> {
        let slot = self.slots.clone().acquire_owned().await.map_err(Error::internal)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone());
        let running = spawn_blocking(move || {
            // Held until the hash is done, also when the caller has gone away meanwhile.
            let _slot = slot;
            work(argon2)
        });
        running.await.map_err(Error::internal)
    }
}

impl Default for Argon2Hasher {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl PasswordHasher for Argon2Hasher {
    async fn hash(&self, password: &SecretString) -> Result<String> {
        let password = password.clone();
        let hashed = self
            .run(move |argon2| argon2.hash_password(password.expose_secret().as_bytes()).map(|hash| hash.to_string()));
        hashed.await?.map_err(|error| Error::internal(error.to_string()))
    }

    async fn verify(&self, password: &SecretString, hash: &str) -> Result<bool> {
        let Ok(hash) = PasswordHash::new(hash) else { return Ok(false) };
        let password = password.clone();
        // The hash brings its own settings, so that old ones still match.
        self.run(move |argon2| argon2.verify_password(password.expose_secret().as_bytes(), &hash).is_ok()).await
    }

    fn is_outdated(&self, hash: &str) -> bool {
        let Ok(hash) = PasswordHash::new(hash) else { return true };
        let is_current_form = Algorithm::try_from(hash.algorithm.as_str()) == Ok(Algorithm::Argon2id)
            && hash.version == Some(Version::V0x13.into());
        let params = Params::try_from(&hash);
        let is_strong = params
            .is_ok_and(|params| params.m_cost() >= MEMORY_KIB && params.t_cost() >= PASSES && params.p_cost() >= LANES);
        !is_current_form || !is_strong
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        text.to_owned().into()
    }

    #[tokio::test]
    async fn a_hash_matches_its_password_alone() {
        let hasher = Argon2Hasher::new();
        let hash = hasher.hash(&secret("correct horse battery")).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(hasher.verify(&secret("correct horse battery"), &hash).await.unwrap());
        assert!(!hasher.verify(&secret("correct horse batterz"), &hash).await.unwrap());
        assert!(!hasher.verify(&secret(""), &hash).await.unwrap());
        assert!(!hasher.is_outdated(&hash));
    }

    #[tokio::test]
    async fn equal_passwords_have_different_hashes() {
        let hasher = Argon2Hasher::new();
        let password = secret("correct horse battery");
        assert_ne!(hasher.hash(&password).await.unwrap(), hasher.hash(&password).await.unwrap());
    }

    #[tokio::test]
    async fn an_unreadable_hash_matches_nothing() {
        let hasher = Argon2Hasher::new();
        for hash in ["", "x", "$argon2id$", "$argon2id$v=19$m=1,t=0,p=0$c2FsdA$aGFzaA", "$2b$10$abcdefghijklmnopqrstuv"]
        {
            assert!(!hasher.verify(&secret("correct horse battery"), hash).await.unwrap(), "{hash}");
            assert!(hasher.is_outdated(hash), "{hash}");
        }
    }

    #[tokio::test]
    async fn a_weaker_hash_still_matches_but_is_outdated() {
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8_192, 1, 1, None).unwrap());
        let hash = weak.hash_password(b"correct horse battery").unwrap().to_string();
        let hasher = Argon2Hasher::new();
        assert!(hasher.verify(&secret("correct horse battery"), &hash).await.unwrap());
        assert!(hasher.is_outdated(&hash));
    }

    #[tokio::test(flavor = "current_thread")]
    async fn hashing_leaves_the_async_thread_free() {
        let hasher = Argon2Hasher::new();
        let password = secret("correct horse battery");
        let hash = hasher.hash(&password);
        tokio::pin!(hash);
        let mut turns = 0;
        loop {
            tokio::select! {
                biased;
                _ = &mut hash => break,
                () = tokio::task::yield_now() => turns += 1,
            }
        }
        // How many there are is a matter of who else has the processors.
        assert!(turns > 0, "the thread was held");
    }
}
