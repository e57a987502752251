//! Which secrets protect nothing.

/// Fewest bytes of a secret.
const MIN_BYTES: usize = 32;
/// Fewest different bytes: 32 random bytes, in hexadecimal or base 64, have more in practice always.
const MIN_DIFFERENT: usize = 8;
/// Words of examples and defaults that were never meant to be kept.
const PLACEHOLDERS: [&str; 10] = [
    "changeme",
    "changethis",
    "replaceme",
    "yoursecret",
    "secretkey",
    "supersecret",
    "password",
    "example",
    "insecure",
    "0123456789abcdef0123456789abcdef",
];

/// Why a secret is too weak; `None` for one that may be used.
pub(crate) fn weakness(secret: &str) -> Option<String> {
    if secret.len() < MIN_BYTES {
        return Some(format!("has {} bytes and needs at least {MIN_BYTES}", secret.len()));
    }
    let mut bytes: Vec<u8> = secret.bytes().collect();
    bytes.sort_unstable();
    bytes.dedup();
    if bytes.len() < MIN_DIFFERENT {
        return Some(format!("has only {} different characters and needs at least {MIN_DIFFERENT}", bytes.len()));
    }
    let plain: String = secret.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let is_placeholder = PLACEHOLDERS.into_iter().any(|known| plain.contains(known));
    is_placeholder.then(|| "reads like a value from an example; take random bytes instead".to_owned())
}

/// The key that signs access tokens.
#[cfg(feature = "auth")]
pub(crate) fn of(config: &crate::Config, keys: crate::booted::Keys) -> crm_core::Result<secrecy::SecretString> {
    use crate::booted::Keys;
    match (&config.secret_key, config.database.file(), keys) {
        (Some(key), _, _) => Ok(key.clone()),
        (None, _, Keys::Passing) => Ok(crate::secret_file::fresh()),
        (None, Some(file), Keys::Kept) => crate::secret_file::beside(file),
        (None, None, Keys::Kept) => {
            let reason = "is required with PostgreSQL: at least 32 random bytes, the same on every instance";
            Err(crm_core::Error::invalid("SLACKCRM_SECRET_KEY", "required", reason))
        }
    }
}
