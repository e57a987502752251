//! Connections to one file: inline key readers, list readers on blocking threads, one writer.
//!
//! A key read takes some 15 µs, less than a hop to another thread, so it runs on the caller's. It
//! has connections of its own, or it would wait behind lists whose callers have gone.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crm_core::{Error, Result};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use futures::FutureExt as _;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use super::deadline::{self, Caller, Watch};
use super::error::settle;
use super::shapes::Shapes;
use super::vocabulary;
use super::writer::Writer;
use crate::fault::{Fault, Outcome};
use crate::options::{Durability, Options};
use crate::waiting::Waiting;

/// Threads that have read by key so far.
static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// The number of this thread: threads next to each other have key readers of their own, whose pages
    /// stay in the cache of their core.
    static NUMBER: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

/// How a connection is opened.
struct File {
    url: String,
    options: Options,
}

/// A connection that opens itself, and again after a panic.
pub(super) struct Slot {
    file: Arc<File>,
    role: Role,
    connection: Option<SqliteConnection>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Reader,
    Writer,
}

/// The readers of a store's lists and searches at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Readers {
    /// How many there are.
    pub all: u64,
    /// Of these, those that nobody uses.
    pub idle: u64,
    /// Callers that wait for one.
    pub waiting: u64,
}

/// The connections of a store; clones share them.
#[derive(Clone)]
pub(crate) struct Pools {
    file: Arc<File>,
    keys: Arc<[Mutex<Slot>]>,
    lists: Arc<Mutex<Vec<Slot>>>,
    list_permits: Arc<Semaphore>,
    waiting: Waiting,
    writer: Writer,
    shapes: Arc<Shapes>,
}

impl File {
    fn open(&self, role: Role) -> Outcome<SqliteConnection> {
        deadline::arm();
        let mut connection = SqliteConnection::establish(&self.url)?;
        let wait = self.options.patience.as_millis();
        let synchronous = match self.options.durability {
            Durability::Normal => "NORMAL",
            Durability::Full => "FULL",
        };
        // The wait comes first: the change to WAL itself may meet another process.
        connection.batch_execute(&format!(
            "PRAGMA busy_timeout = {wait}; PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; \
             PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
        ))?;
        connection.batch_execute(vocabulary::TABLES)?;
        connection.batch_execute(match role {
            Role::Reader => "PRAGMA query_only = ON; PRAGMA cache_size = -16000;",
            // A write touches a page of each index. The more of them meet in the log before it is
            // copied back, the fewer copies: 32,000 pages are 128 MB. What is deleted is overwritten, or
            // a purge would leave its record in free pages.
            Role::Writer => {
                "PRAGMA cache_size = -64000; PRAGMA wal_autocheckpoint = 32000; \
                 PRAGMA journal_size_limit = 134217728; PRAGMA secure_delete = ON;"
            }
        })?;
        Ok(connection)
    }
}

impl Slot {
    fn new(file: &Arc<File>, role: Role) -> Self {
        Self { file: file.clone(), role, connection: None }
    }

    /// Runs work on the connection. A panic leaves it closed: its transaction ends with it.
    pub(super) fn run<T>(&mut self, work: impl FnOnce(&mut SqliteConnection) -> Outcome<T>) -> Outcome<T> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.file.open(self.role)?,
        };
        let result = work(&mut connection);
        self.connection = Some(connection);
        result
    }
}

impl Pools {
    /// Opens the writer, which makes the file, and keeps the others for their first use.
    pub(super) fn open(url: String, options: Options) -> Result<Self> {
        let readers = options.readers.max(1);
        let patience = options.patience;
        let file = Arc::new(File { url, options });
        let mut writer = Slot::new(&file, Role::Writer);
        writer.run(|_| Ok(())).map_err(settle)?;
        let slots = || (0..readers).map(|_| Slot::new(&file, Role::Reader));
        Ok(Self {
            keys: slots().map(Mutex::new).collect(),
            lists: Arc::new(Mutex::new(slots().collect())),
            list_permits: Arc::new(Semaphore::new(readers)),
            waiting: Waiting::default(),
            writer: Writer::new(writer, patience),
            shapes: Arc::default(),
            file,
        })
    }

    /// Reads a few rows by key, on the caller's thread.
    pub(crate) async fn key<T, F>(&self, read: F) -> Result<T>
    where
        F: AsyncFnOnce(&mut SqliteConnection) -> Outcome<T>,
    {
        self.with_key_reader(|slot| slot.run(|connection| now(read(connection)))).map_err(settle)
    }

    /// Whether connections keep a list's statement of this shape, which comes now.
    pub(crate) fn keeps(&self, shape: u64) -> bool {
        self.shapes.comes(shape)
    }

    /// Finds a key reader that is free, or waits for the one of this thread.
    fn with_key_reader<T>(&self, work: impl FnOnce(&mut Slot) -> Outcome<T>) -> Outcome<T> {
        let count = self.keys.len();
        let first = NUMBER.with(|number| *number).checked_rem(count).unwrap_or(0);
        let free = self.keys.iter().cycle().skip(first).take(count).find_map(Mutex::try_lock);
        match free.or_else(|| self.keys.get(first).map(Mutex::lock)) {
            Some(mut slot) => work(&mut slot),
            None => Err(Fault::Defect("the pool has no key readers")),
        }
    }

    /// Reads a list, within the deadline.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    {
        let until = Instant::now() + self.file.options.deadline;
        self.on_list_reader(Some(until), move |connection| now(read(connection))).await
    }

    /// As [`Pools::read`], through one snapshot.
    pub(crate) async fn read_still<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    {
        let until = Instant::now() + self.file.options.deadline;
        let still = move |connection: &mut SqliteConnection| connection.transaction(|connection| now(read(connection)));
        self.on_list_reader(Some(until), still).await
    }

    /// Reads a long way through one snapshot, without a deadline.
    pub(crate) async fn snapshot<T, F>(&self, read: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    {
        self.on_list_reader(None, move |connection| connection.transaction(|connection| now(read(connection)))).await
    }

    async fn on_list_reader<T: Send + 'static>(
        &self,
        until: Option<Instant>,
        work: impl FnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    ) -> Result<T> {
        let permit = self.list_permits.clone().acquire_owned();
        let patience = self.file.options.patience;
        let permit = self.waiting.during(async {
            match Handle::try_current() {
                Ok(_) => tokio::time::timeout(patience, permit).await.map_err(|_| settle(Fault::Late)),
                Err(_) => Ok(permit.await),
            }
        });
        let permit = permit.await?.map_err(|_| Error::unavailable("the store is closed"))?;
        let (caller, watch) = Caller::new();
        let lists = self.lists.clone();
        let file = self.file.clone();
        let result = blocking(move || {
            // Goes back when the thread is done, whether or not anybody waits for it.
            let _permit = permit;
            let mut slot = lists.lock().pop().unwrap_or_else(|| Slot::new(&file, Role::Reader));
            let result = within(until, &watch, || slot.run(work));
            lists.lock().push(slot);
            result
        })
        .await;
        drop(caller);
        result
    }

    /// The readers of lists.
    pub(super) fn readers(&self) -> Readers {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let all = self.file.options.readers.max(1);
        let idle = self.list_permits.available_permits();
        Readers { all: number(all), idle: number(idle), waiting: self.waiting.count() }
    }

    /// How many writes wait for their turn.
    pub(super) fn writers_waiting(&self) -> u64 {
        self.writer.waiting()
    }

    /// Writes in one transaction, by this process's only writer. A caller who goes before it begins
    /// takes it along; one that has begun is carried to its end.
    pub(crate) async fn write<T, F>(&self, write: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    {
        self.writer.write(write).await
    }
}

fn within<T>(until: Option<Instant>, watch: &Watch, work: impl FnOnce() -> Outcome<T>) -> Result<T> {
    deadline::within(until, watch, work).map_err(settle)
}

/// Runs work where it may block: on a thread of tokio's, or here where there is no tokio.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match Handle::try_current() {
        Err(_) => work(),
        Ok(handle) => match handle.spawn_blocking(work).await {
            Ok(result) => result,
            Err(lost) if lost.is_panic() => Err(Error::internal(lost)),
            Err(_) => Err(Error::unavailable("the program is stopping")),
        },
    }
}

/// The result of a future that is finished as soon as it is asked: on SQLite, every query is.
pub(super) fn now<T>(future: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    future.now_or_never().unwrap_or(Err(Fault::Defect("a query waited for something else than the database")))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn readers_in_use_and_callers_that_wait_for_one_are_counted() {
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().join("readers.db").to_str().unwrap().to_owned();
        let pools = Pools::open(url, Options::default().readers(1)).unwrap();
        let rest = Readers { all: 1, idle: 1, waiting: 0 };
        assert_eq!(pools.readers(), rest);
        let (go, gone) = mpsc::channel::<()>();
        let (begin, begun) = oneshot::channel();
        let first = tokio::spawn({
            let pools = pools.clone();
            let held = async move |_: &mut SqliteConnection| {
                let _ = begin.send(());
                let _ = gone.recv();
                Ok::<_, Fault>(())
            };
            async move { pools.read(held).await }
        });
        begun.await.unwrap();
        assert_eq!(pools.readers(), Readers { all: 1, idle: 0, waiting: 0 });
        let read = || {
            let pools = pools.clone();
            tokio::spawn(async move { pools.read(async |_: &mut SqliteConnection| Ok::<_, Fault>(())).await })
        };
        let (second, third) = (read(), read());
        while pools.readers().waiting < 2 {
            tokio::task::yield_now().await;
        }
        // Whoever goes away waits no longer.
        third.abort();
        assert!(third.await.unwrap_err().is_cancelled());
        assert_eq!(pools.readers(), Readers { all: 1, idle: 0, waiting: 1 });
        go.send(()).unwrap();
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
        assert_eq!(pools.readers(), rest);
    }
}
