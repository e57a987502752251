//! The store in one SQLite file: synchronous Diesel, behind futures that are finished when they
//! are asked.

mod deadline;
mod dialect;
mod error;
mod indexing;
mod merging;
mod migrate;
mod pool;
mod shapes;
#[path = "sql/mod.rs"]
mod sql;
mod vocabulary;
mod writer;

use std::future::{Ready, ready};
use std::path::Path;
use std::sync::Arc;

use crm_core::job::{Bell, Listener, Ring};
use crm_core::workspace::Workspace;
use crm_core::{Error, Id, Result};
use diesel::QueryResult;
use diesel::query_dsl::LoadQuery;
use diesel::query_dsl::methods::{ExecuteDsl, LimitDsl};

use self::pool::Pools;
pub use self::pool::Readers;
use self::sql::Workspaces;
use crate::migration::Migrated;
use crate::options::Options;

/// The database that the rooms are compiled for.
pub(crate) type Db = diesel::sqlite::Sqlite;
/// Its connection.
pub(crate) type Conn = diesel::sqlite::SqliteConnection;

/// A store in one SQLite file, for one or several processes. Cheap to clone; clones share their
/// connections.
#[derive(Clone)]
pub struct SqliteStore {
    pools: Pools,
    workspaces: Arc<Workspaces>,
    /// Rings in this process alone.
    bell: Bell,
}

/// The store that the rooms implement ports for.
pub(crate) use self::SqliteStore as Store;

impl SqliteStore {
    /// Opens a file, and makes it where it is absent. The schema is left as it is: see
    /// [`SqliteStore::migrate`].
    ///
    /// # Errors
    /// `Invalid` for a path that SQLite would read as something else than a file; `Unavailable` where
    /// the file cannot be opened or another process holds it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use crm_core::Crm;
    /// use crm_storage::{Options, SqliteStore};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("crm.db");
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// let store = SqliteStore::open(&path, Options::default())?;
    /// store.migrate().await?;
    /// let crm = Crm::builder(Arc::new(store)).build();
    /// assert_eq!(crm.create_workspace("Acme Sales").await?.name, "Acme Sales");
    /// # Ok::<_, crm_core::Error>(())
    /// # })?;
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Self> {
        let path = path.as_ref();
        let url = path.to_str().ok_or_else(|| invalid("is not Unicode"))?;
        let url = url.strip_prefix("sqlite://").unwrap_or(url);
        // SQLite reads these as its own language; a memory database would be one a connection.
        if url.is_empty() || url.starts_with("file:") || url.contains(":memory:") || url.contains('\0') {
            return Err(invalid("is not the path of a file"));
        }
        Ok(Self { pools: Pools::open(url.to_owned(), options)?, workspaces: Arc::default(), bell: Bell::new() })
    }

    /// Brings the schema up to date. Safe when several programs start at once.
    ///
    /// # Errors
    /// `Unavailable` for a schema that needs a newer program, and where the file cannot be written.
    pub async fn migrate(&self) -> Result<Migrated> {
        migrate::up(&self.pools).await
    }

    /// Takes the last migration back, with all data that it made room for.
    ///
    /// # Errors
    /// As [`SqliteStore::migrate`].
    pub async fn revert(&self) -> Result<Migrated> {
        self.workspaces.forget();
        migrate::down(&self.pools).await
    }

    /// Says that the store can be reached and its schema is one that this program works on.
    ///
    /// # Errors
    /// `Unavailable` otherwise, with code `schema_too_old` or `schema_too_new` where it is that.
    pub async fn ready(&self) -> Result<()> {
        migrate::ready(&self.pools).await
    }

    /// Tells the workers of this process that jobs wait.
    fn tell_of_jobs(&self, rings: &[Ring]) {
        rings.iter().for_each(|ring| self.bell.ring(ring));
    }

    fn listen(&self) -> Listener {
        self.bell.listen()
    }

    /// Tells nobody: there is no way to another process, whose watchers look by themselves.
    #[expect(clippy::unused_self, reason = "the rooms ask the store of either database")]
    fn tell_of_commit(&self, _workspace: Id<Workspace>) {}

    /// Hears nothing.
    #[expect(clippy::unused_self, reason = "the rooms ask the store of either database")]
    fn listen_to_others(&self) -> Listener<Id<Workspace>> {
        Bell::new().listen()
    }

    /// The readers of lists and searches as they stand.
    pub fn readers(&self) -> Readers {
        self.pools.readers()
    }

    /// How many writes wait for the one that is under way.
    pub fn writers_waiting(&self) -> u64 {
        self.pools.writers_waiting()
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

fn invalid(message: &str) -> Error {
    Error::invalid("database_url", "path", message)
}

/// Diesel's methods under the names that diesel-async has, as finished futures.
pub(crate) trait RunQueryDsl: Sized {
    /// Runs a statement and gives the number of rows that it touched.
    fn execute(self, conn: &mut Conn) -> Ready<QueryResult<usize>>
    where
        Self: diesel::RunQueryDsl<Conn> + ExecuteDsl<Conn>,
    {
        finished(diesel::RunQueryDsl::execute(self, conn))
    }

    /// All rows.
    fn load<'query, U>(self, conn: &mut Conn) -> Ready<QueryResult<Vec<U>>>
    where
        Self: LoadQuery<'query, Conn, U>,
    {
        finished(self.internal_load(conn).and_then(Iterator::collect))
    }

    /// The one row.
    fn get_result<'query, U>(self, conn: &mut Conn) -> Ready<QueryResult<U>>
    where
        Self: LoadQuery<'query, Conn, U>,
    {
        finished(diesel::RunQueryDsl::get_result(self, conn))
    }

    /// The first row.
    fn first<'query, U>(self, conn: &mut Conn) -> Ready<QueryResult<U>>
    where
        Self: diesel::RunQueryDsl<Conn> + LimitDsl,
        diesel::dsl::Limit<Self>: LoadQuery<'query, Conn, U>,
    {
        finished(diesel::RunQueryDsl::first(self, conn))
    }
}

impl<T> RunQueryDsl for T where T: diesel::RunQueryDsl<Conn> {}

/// A result as a future.
pub(crate) fn finished<T>(result: QueryResult<T>) -> Ready<QueryResult<T>> {
    ready(result)
}

#[cfg(test)]
mod tests {
    use super::sql::indexes;
    use super::{Options, SqliteStore};

    // Migrations tell the planner how many rows share a value.
    #[tokio::test(flavor = "multi_thread")]
    async fn indexes_serve_what_filters_and_lists_may_ask_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(folder.path().join("crm.db"), Options::default()).unwrap();
        store.migrate().await.unwrap();
        let session = indexes::first_workspace(&store).await;
        indexes::indexes_serve_what_filters_and_lists_may_ask_for(&store, &session).await;
    }
}
