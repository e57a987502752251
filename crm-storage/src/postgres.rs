//! The store on a PostgreSQL server: diesel-async, without libpq.

mod dialect;
mod error;
mod hearing;
mod indexing;
mod insertion;
mod migrate;
mod pool;
mod reach;
#[path = "sql/mod.rs"]
mod sql;
mod telling;

use std::sync::Arc;

use crm_core::job::{Listener, Ring};
use crm_core::workspace::Workspace;
use crm_core::{Error, Id, Result};
use tokio::runtime::Handle;

use self::hearing::Hearing;
pub use self::pool::Connections;
use self::pool::Pools;
use self::sql::Workspaces;
use self::telling::Telling;
use crate::migration::Migrated;
use crate::options::{Notices, Options};

/// The database that the rooms are compiled for.
pub(crate) type Db = diesel::pg::Pg;
/// Its connection.
pub(crate) type Conn = diesel_async::AsyncPgConnection;
pub(crate) use diesel_async::RunQueryDsl;

/// A store on a PostgreSQL server, 13 or later. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct PostgresStore {
    pools: Pools,
    workspaces: Arc<Workspaces>,
    hearing: Arc<Hearing>,
    telling: Arc<Telling>,
    notices: Notices,
}

/// The store that the rooms implement ports for.
pub(crate) use self::PostgresStore as Store;

impl PostgresStore {
    /// Connects to the server of a `postgres://` URL. The schema is left as it is: see
    /// [`PostgresStore::migrate`]. The runtime that this is called on reads every connection, whoever
    /// uses it, so it must be the one that ends last.
    ///
    /// # Errors
    /// `Unavailable` where the server cannot be reached in time, and outside a tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use crm_core::Crm;
    /// use crm_storage::{Options, PostgresStore};
    ///
    /// # // The server of the tests, where there is one.
    /// # if let Some(url) = crm_core::testkit::postgres_url() {
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let store = PostgresStore::connect(&url, Options::default().connections(4)).await?;
    /// store.migrate().await?;
    /// let crm = Crm::builder(Arc::new(store)).build();
    /// assert_eq!(crm.create_workspace("Acme Sales").await?.name, "Acme Sales");
    /// # Ok::<_, crm_core::Error>(())
    /// # })?;
    /// # }
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub async fn connect(url: &str, options: Options) -> Result<Self> {
        let runtime =
            Handle::try_current().map_err(|_| Error::unavailable("there is no tokio runtime to connect on"))?;
        let notices = options.notices;
        let pools = Pools::new(url.to_owned(), options, runtime.clone());
        let telling = Arc::new(Telling::new());
        let hearing = Arc::new(Hearing::new(url.to_owned(), runtime, telling.clone()));
        let store = Self { pools, workspaces: Arc::default(), hearing, telling, notices };
        store.pools.key(async move |_: &mut Conn| Ok(())).await?;
        Ok(store)
    }

    /// Brings the schema up to date. Safe when several programs start at once.
    ///
    /// # Errors
    /// `Unavailable` for a schema that needs a newer program, and where the server cannot be reached.
    pub async fn migrate(&self) -> Result<Migrated> {
        migrate::up(&self.pools).await
    }

    /// Takes the last migration back, with all data that it made room for.
    ///
    /// # Errors
    /// As [`PostgresStore::migrate`].
    pub async fn revert(&self) -> Result<Migrated> {
        self.workspaces.forget();
        migrate::down(&self.pools).await
    }

    /// Says that the server can be reached and its schema is one that this program works on.
    ///
    /// # Errors
    /// `Unavailable` otherwise, with code `schema_too_old` or `schema_too_new` where it is that.
    pub async fn ready(&self) -> Result<()> {
        migrate::ready(&self.pools).await
    }

    /// Tells workers that jobs wait: the transaction has told them of this process and of others.
    #[expect(clippy::unused_self, reason = "the rooms ask the store of either database")]
    fn tell_of_jobs(&self, _rings: &[Ring]) {}

    fn listen(&self) -> Listener {
        self.hearing.listen()
    }

    /// Tells other processes of a commit, after it, where this one hears of theirs and nobody else tells.
    fn tell_of_commit(&self, workspace: Id<Workspace>) {
        if self.notices == Notices::Store {
            self.telling.note(workspace);
        }
    }

    fn listen_to_others(&self) -> Listener<Id<Workspace>> {
        self.hearing.listen_to_others()
    }

    /// How many connections there are at this moment, and how many callers wait for one.
    pub fn connections(&self) -> Connections {
        self.pools.connections()
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::sql::indexes;
    use super::{Options, PostgresStore};
    use crate::testkit::Schema;

    /// Rows that share their values: those of any other are few, and worth an index.
    const ROWS: &str = "
        INSERT INTO users (workspace_id, id, email_key, name_key, role, status, created_at, updated_at, version)
            SELECT key, gen_random_uuid(), 'a' || n, 'a', 'a', 'a', '2026-01-01', '2026-01-01', 1
            FROM workspaces CROSS JOIN generate_series(1, 500) AS n;
        INSERT INTO companies (workspace_id, id, name_key, created_at, updated_at, version)
            SELECT key, gen_random_uuid(), 'a', '2026-01-01', '2026-01-01', 1
            FROM workspaces CROSS JOIN generate_series(1, 500);
        INSERT INTO contacts (workspace_id, id, lifecycle, created_at, updated_at, version)
            SELECT key, gen_random_uuid(), 'a', '2026-01-01', '2026-01-01', 1
            FROM workspaces CROSS JOIN generate_series(1, 500);
        INSERT INTO deals (workspace_id, id, title_key, pipeline_id, stage_id, status, stage_entered_at, created_at,
                updated_at, version)
            SELECT workspace_id, gen_random_uuid(), 'a', pipeline_id, id, 'a', '2026-01-01', '2026-01-01', '2026-01-01',
                1
            FROM stages CROSS JOIN generate_series(1, 100);
        INSERT INTO tasks (workspace_id, id, title_key, kind, priority, status, created_at, updated_at, version)
            SELECT key, gen_random_uuid(), 'a', 'a', 'a', 'a', '2026-01-01', '2026-01-01', 1
            FROM workspaces CROSS JOIN generate_series(1, 500);
        INSERT INTO notes (workspace_id, id, body, created_at, updated_at, version)
            SELECT key, gen_random_uuid(), 'a', '2026-01-01', '2026-01-01', 1
            FROM workspaces CROSS JOIN generate_series(1, 500);
        ANALYZE users, companies, contacts, deals, tasks, notes;";

    #[tokio::test(flavor = "multi_thread")]
    async fn indexes_serve_what_filters_and_lists_may_ask_for() {
        let Some(schema) = Schema::new().await else { return };
        // Small tables are read whole and sorted wherever the planner may.
        let off =
            ["enable_seqscan", "enable_sort", "enable_incremental_sort"].map(|way| format!("%20-c%20{way}%3Doff"));
        let store = PostgresStore::connect(&(schema.url() + &off.concat()), Options::default().connections(2)).await;
        let store = store.unwrap();
        store.migrate().await.unwrap();
        let session = indexes::first_workspace(&store).await;
        schema.client().await.batch_execute(ROWS).await.unwrap();
        indexes::indexes_serve_what_filters_and_lists_may_ask_for(&store, &session).await;
    }
}
