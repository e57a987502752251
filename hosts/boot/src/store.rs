//! The store of a configuration: which adapter opens which URL.

use crm_core::{Error, ErrorKind, Result};

use crate::booted::{Booted, Keys};
use crate::config::Config;
use crate::database::Database;

/// Opens the configured store, migrates it and wires the engine on it.
pub(crate) async fn open(config: Config, keys: Keys) -> Result<Booted> {
    match config.database.clone() {
        Database::Sqlite(_) => Err(left_out("sqlite")),
        Database::Postgres(_) => Err(left_out("postgres")),
    }
}

/// The answer of a program that was built without an adapter.
fn left_out(feature: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this program was built without {feature}"))
}
