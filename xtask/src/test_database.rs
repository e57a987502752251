//! The PostgreSQL that tests run on: the caller's or one of their own.

use std::process::Command;

use anyhow::Result;

use crate::cluster::{Cluster, Purpose};
use crate::postgres::Postgres;

/// Where the tests find an empty PostgreSQL database.
pub(crate) const VARIABLE: &str = "SLACKCRM_TEST_POSTGRES";

/// An empty database on a running server.
pub(crate) enum TestDatabase {
    Started(Cluster),
    Given(String),
}

impl TestDatabase {
    /// The server that the environment names, or one of our own. `otherwise` says how else to go on
    /// where there is neither, beside naming one.
    pub(crate) fn find_or_start(otherwise: &str) -> Result<Self> {
        // A server of one's own, as in a container; it is used as it is and not stopped.
        if let Ok(url) = std::env::var(VARIABLE) {
            println!("xtask: the tests use {VARIABLE} as it is set");
            return Ok(Self::Given(url));
        }
        let postgres = Postgres::find_or_install(&format!(", name an empty database in {VARIABLE}{otherwise}"))?;
        Cluster::start(&postgres, Purpose::Test).map(Self::Started)
    }

    /// Where the database is.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::Started(cluster) => cluster.url(),
            Self::Given(url) => url.clone(),
        }
    }

    /// Tells a command where the database is.
    pub(crate) fn pass_to(&self, command: &mut Command) {
        command.env(VARIABLE, self.url());
    }
}
