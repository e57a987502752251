//! The secret that is made for a database without one, and kept beside it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crm_core::{Error, Result};
use secrecy::{ExposeSecret, SecretString};

use crate::secret;

/// The secret beside a database file, `<file>.secret`; made where it is absent.
///
/// # Errors
/// `Invalid` where others may read the file or its content is weak; `Unavailable` where it can
/// neither be read nor made.
pub(crate) fn beside(database: &Path) -> Result<SecretString> {
    let path = with_suffix(database, ".secret");
    match read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(&path).map_err(|error| failed(&path, error))?,
        Err(error) => return Err(failed(&path, error)),
        Ok(secret) => return checked(&path, secret),
    }
    // Whoever was first wrote it: two starts at once read the same file.
    let secret = read(&path).map_err(|error| failed(&path, error))?;
    checked(&path, secret)
}

/// A new secret: 256 random bits.
pub(crate) fn fresh() -> SecretString {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()).into()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn read(path: &Path) -> io::Result<SecretString> {
    fs::read_to_string(path).map(|text| text.trim_end().to_owned().into())
}

/// Writes a new secret in full under a name of its own and then gives it the right one, which fails
/// where that name is taken: nobody ever reads half a secret, and nobody's is overwritten.
fn make(path: &Path) -> io::Result<()> {
    let secret = fresh();
    let draft = with_suffix(path, &format!(".{:016x}", rand::random::<u64>()));
    let written = create(&draft).and_then(|mut file| {
        writeln!(file, "{}", secret.expose_secret())?;
        file.sync_all()
    });
    let named = written.and_then(|()| match fs::hard_link(&draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        named => named,
    });
    let removed = fs::remove_file(&draft);
    named.and(removed)
}

/// A new file that its owner alone may read.
fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

fn checked(path: &Path, secret: SecretString) -> Result<SecretString> {
    let shown = path.display().to_string();
    if let Some(message) = secret::exposure(path).map_err(|error| failed(path, error))? {
        return Err(Error::invalid(shown, "exposed_secret", message));
    }
    match secret::weakness(secret.expose_secret()) {
        Some(reason) => Err(Error::invalid(shown, "weak_secret", reason)),
        None => Ok(secret),
    }
}

fn failed(path: &Path, error: io::Error) -> Error {
    let message = format!("cannot read or make the secret {}: {error}", path.display());
    Error::unavailable(message).with_source(error)
}
