//! Passwords as scrypt hashes.

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use crm_core::integration::PasswordHasher;
use crm_core::{Error, Result};
use scrypt::password_hash::phc::PasswordHash;
use scrypt::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use scrypt::{Params, Scrypt};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Costs of a hash: 16 MiB and five passes, one of the choices of OWASP's password storage cheat
/// sheet for scrypt.
const LOG_N: u8 = 14;
const BLOCK: u32 = 8;
const PASSES: u32 = 5;
/// Greater costs are not met: a hash from elsewhere could ask for more memory than there is.
const MOST_LOG_N: u32 = 17;
const MOST_BLOCK_PASSES: u32 = 64;

/// Hashes passwords with scrypt on the runtime's blocking threads, no more of them at once than
/// there are cores. Needs a tokio runtime.
#[derive(Clone, Debug)]
pub struct ScryptHasher {
    slots: Arc<Semaphore>,
}

impl ScryptHasher {
    /// A hasher with OWASP's settings.
    pub fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Self { slots: Arc::new(Semaphore::new(cores)) }
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let slot = self.slots.clone().acquire_owned().await.map_err(Error::internal)?;
        let running = spawn_blocking(move || {
            let _until_done = slot;
            work()
        });
        running.await.map_err(Error::internal)
    }
}

impl Default for ScryptHasher {
    fn default() -> Self {
        Self::new()
    }
}

/// The hash and its costs, where it is one of scrypt's that this machine can afford.
fn readable(hash: &str) -> Option<(PasswordHash, Costs)> {
    let hash = PasswordHash::new(hash).ok().filter(|hash| hash.algorithm.as_str() == "scrypt")?;
    let cost = |name: &str| hash.params.get_decimal(name);
    let costs = Costs { log_n: cost("ln")?, block: cost("r")?, passes: cost("p")? };
    let is_affordable = costs.log_n <= MOST_LOG_N && costs.block.saturating_mul(costs.passes) <= MOST_BLOCK_PASSES;
    is_affordable.then_some((hash, costs))
}

struct Costs {
    log_n: u32,
    block: u32,
    passes: u32,
}

#[async_trait]
impl PasswordHasher for ScryptHasher {
    async fn hash(&self, password: &SecretString) -> Result<String> {
        let password = password.clone();
        let hashed = self.run(move || {
            let params = Params::new(LOG_N, BLOCK, PASSES).map_err(|error| error.to_string())?;
            let hash: PasswordHash = Scrypt::new_with_params(params)
                .hash_password(password.expose_secret().as_bytes())
                .map_err(|error| error.to_string())?;
            Ok::<_, String>(hash.to_string())
        });
        hashed.await?.map_err(Error::internal)
    }

    async fn verify(&self, password: &SecretString, hash: &str) -> Result<bool> {
        let Some((hash, _)) = readable(hash) else { return Ok(false) };
        let password = password.clone();
        self.run(move || Scrypt::new().verify_password(password.expose_secret().as_bytes(), &hash).is_ok()).await
    }

    fn is_outdated(&self, hash: &str) -> bool {
        readable(hash)
            .is_none_or(|(_, costs)| costs.log_n < LOG_N.into() || costs.block < BLOCK || costs.passes < PASSES)
    }
}
