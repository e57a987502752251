//! The store of a configuration: which adapter opens which URL.

use crm_core::Result;
#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
use crm_core::{Error, ErrorKind};

use crate::booted::{Booted, Keys};
use crate::config::Config;
use crate::database::Database;

/// Opens the configured store, brings its schema up to date and wires the engine on it.
pub(crate) async fn open(config: Config, keys: Keys) -> Result<Booted> {
    match config.database.clone() {
        #[cfg(feature = "sqlite")]
        Database::Sqlite(path) => sqlite::open(&path, config, keys).await,
        #[cfg(not(feature = "sqlite"))]
        Database::Sqlite(_) => Err(left_out("sqlite", config, keys)),
        #[cfg(feature = "postgres")]
        Database::Postgres(url) => postgres::open(&url, config, keys).await,
        #[cfg(not(feature = "postgres"))]
        Database::Postgres(_) => Err(left_out("postgres", config, keys)),
    }
}

/// The answer of a program that was built without an adapter.
#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
fn left_out(feature: &str, _: Config, _: Keys) -> Error {
    Error::new(ErrorKind::Unsupported, format!("this program was built without {feature}"))
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use std::path::Path;
    use std::sync::Arc;

    use async_trait::async_trait;
    use crm_core::Result;
    use crm_storage::{Options, Readers, SqliteStore};

    use crate::booted::{Backend, Booted, Keys};
    use crate::config::Config;
    use crate::figures::{Figure, backlog};

    pub(super) async fn open(path: &Path, config: Config, keys: Keys) -> Result<Booted> {
        let store = Arc::new(SqliteStore::open(path, Options::default())?);
        store.migrate().await?;
        Booted::wire(store.clone(), store, config, keys)
    }

    #[async_trait]
    impl Backend for SqliteStore {
        async fn ready(&self) -> Result<()> {
            SqliteStore::ready(self).await
        }

        async fn figures(&self) -> Vec<Figure> {
            let (Readers { all, idle, waiting }, writers) = (self.readers(), self.writers_waiting());
            let figure = |name, help, value| Figure { name, help, value };
            let mut figures = backlog(self.backlog()).await;
            figures.extend([
                figure("slackcrm_sqlite_readers", "Connections for lists and searches", all),
                figure("slackcrm_sqlite_readers_idle", "Connections for lists and searches that nobody uses", idle),
                figure("slackcrm_sqlite_readers_waiting", "Lists and searches that wait for a connection", waiting),
                figure("slackcrm_sqlite_writers_waiting", "Writes that wait for the one that is under way", writers),
            ]);
            figures
        }
    }
}

#[cfg(feature = "postgres")]
mod postgres {
    use std::sync::Arc;

    use async_trait::async_trait;
    use crm_core::Result;
    use crm_storage::{Connections, Notices, Options, PostgresStore};
    use secrecy::{ExposeSecret as _, SecretString};

    use crate::booted::{Backend, Booted, Keys};
    use crate::config::Config;
    use crate::figures::{Figure, backlog};

    pub(super) async fn open(url: &SecretString, config: Config, keys: Keys) -> Result<Booted> {
        let notices = if config.redis_url.is_some() { Notices::Host } else { Notices::Store };
        let options = Options::default().notices(notices);
        let store = Arc::new(PostgresStore::connect(url.expose_secret(), options).await?);
        store.migrate().await?;
        Booted::wire(store.clone(), store, config, keys)
    }

    #[async_trait]
    impl Backend for PostgresStore {
        async fn ready(&self) -> Result<()> {
            PostgresStore::ready(self).await
        }

        async fn figures(&self) -> Vec<Figure> {
            let Connections { open, idle, waiting } = self.connections();
            let figure = |name, help, value| Figure { name, help, value };
            let mut figures = backlog(self.backlog()).await;
            figures.extend([
                figure("slackcrm_postgres_connections_open", "Connections to the server", open),
                figure("slackcrm_postgres_connections_idle", "Connections that nobody uses", idle),
                figure("slackcrm_postgres_connections_waiting", "Callers that wait for a connection", waiting),
            ]);
            figures
        }
    }
}
