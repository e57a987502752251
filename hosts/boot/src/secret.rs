//! Which secrets protect nothing.

/// Fewest bytes of a secret.
const MIN_BYTES: usize = 32;
/// Fewest different bytes: 32 random bytes, in hexadecimal or base 64, have more in practice always.
const MIN_DIFFERENT: usize = 8;
/// Fewest characters beside runs of neighbours: half of what is asked for.
const MIN_BESIDE_RUNS: usize = MIN_BYTES / 2;
/// Neighbours that make a run: the fingers of a person who invents a secret follow them.
const ROWS: [&str; 9] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "qsdfghjklm",
    "zxcvbnm",
    "yxcvbnm",
];
const RUN: usize = 4;
/// Words of examples and defaults that were never meant to be kept.
const PLACEHOLDERS: [&str; 9] = [
    "changeme",
    "changethis",
    "replaceme",
    "yoursecret",
    "secretkey",
    "supersecret",
    "password",
    "example",
    "insecure",
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
    let plain: Vec<char> = secret.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let reason = if !plain.is_empty() && plain.iter().all(char::is_ascii_digit) {
        "is digits alone; take random bytes instead"
    } else if repeats_early(secret.as_bytes()) {
        "repeats a short text; take random bytes instead"
    } else if secret.chars().count().saturating_sub(in_runs(&plain)) < MIN_BESIDE_RUNS {
        "is runs of neighbouring letters, digits or keys; take random bytes instead"
    } else if is_placeholder(&plain) {
        "reads like a value from an example; take random bytes instead"
    } else {
        return None;
    };
    Some(reason.to_owned())
}

/// Whether all of it repeats a text that would itself be too short.
fn repeats_early(secret: &[u8]) -> bool {
    let longest = (MIN_BYTES - 1).min(secret.len() / 2);
    (1..=longest).any(|period| secret.iter().zip(secret.iter().skip(period)).all(|(one, next)| one == next))
}

/// Characters in runs of neighbours, in either direction, or of one character.
fn in_runs(plain: &[char]) -> usize {
    let mut covered = vec![false; plain.len()];
    for (at, window) in plain.windows(RUN).enumerate() {
        if is_run(window) {
            covered.iter_mut().skip(at).take(RUN).for_each(|char| *char = true);
        }
    }
    covered.into_iter().filter(|is_covered| *is_covered).count()
}

fn is_run(window: &[char]) -> bool {
    let there: String = window.iter().collect();
    let back: String = window.iter().rev().collect();
    let is_one = window.iter().all(|char| window.first() == Some(char));
    is_one || ROWS.iter().any(|row| row.contains(&there) || row.contains(&back))
}

fn is_placeholder(plain: &[char]) -> bool {
    let plain: String = plain.iter().collect();
    PLACEHOLDERS.into_iter().any(|known| plain.contains(known))
}

/// How others than its owner may use a file with a secret; `None` where they may not.
///
/// # Errors
/// That the file's mode cannot be read.
pub(crate) fn exposure(path: &std::path::Path) -> std::io::Result<Option<String>> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(path)?.permissions().mode();
        if mode & 0o077 != 0 {
            let shown = path.display();
            return Ok(Some(format!("others may read it (mode {:03o}); run chmod 600 {shown}", mode & 0o777)));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(None)
}

/// The keys that outlive the process, the present one first; none where there is none: what they sign is read by
/// other processes.
#[cfg(feature = "email")]
pub(crate) fn lasting(config: &crate::Config) -> crm_core::Result<Vec<secrecy::SecretString>> {
    let present = match (&config.secret_key, config.database.file()) {
        (Some(key), _) => Some(key.clone()),
        (None, Some(file)) => Some(crate::secret_file::beside(file)?),
        (None, None) => None,
    };
    Ok(present.into_iter().chain(config.secret_key_previous.clone()).collect())
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
