//! Which database, by its URL.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

/// Where the data is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Database {
    /// One file, made where it is absent.
    Sqlite(PathBuf),
    /// A PostgreSQL server, by its URL, which may hold a password.
    Postgres(SecretString),
}

impl Database {
    /// Reads a URL, or says what is wrong with it.
    pub(crate) fn parse(url: &str) -> Result<Self, &'static str> {
        if url.contains('\0') {
            return Err("holds a NUL character");
        }
        if let Some(path) = url.strip_prefix("sqlite://") {
            return match path {
                "" => Err("names no file, as in sqlite://slackcrm.db"),
                path if path.contains('?') => Err("has options, and SQLite takes none here"),
                path => Ok(Self::Sqlite(path.into())),
            };
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned().into()));
        }
        Err("begins with neither sqlite:// nor postgres://")
    }

    /// The file, where it is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path),
            Self::Postgres(_) => None,
        }
    }
}
