//! Connections to one server.
//!
//! A connection is lent with a guard. Whoever drops it in the middle of a statement loses it: the
//! statement is cancelled and the connection closed, or the next caller would find it busy. It goes
//! back only when it is known to be idle and outside a transaction.

use std::sync::Arc;
use std::time::Duration;

use crm_core::{Error, Result};
use diesel::ConnectionError;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection as _};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};
use tokio::task::JoinHandle;
use tokio_postgres::NoTls;

use super::error::settle;
use super::reach::{ENGLISH, connect};
use crate::fault::{Fault, Outcome};
use crate::options::Options;
use crate::waiting::Waiting;

/// How a transaction begins that sees one state of all tables.
const STILL: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// How long the server lets a statement run whose caller has vanished with the whole program.
const LAST_RESORT: Duration = Duration::from_secs(600);

/// The connections of a store; clones share them.
#[derive(Clone)]
pub(crate) struct Pools(Arc<Pool>);

struct Pool {
    url: String,
    options: Options,
    /// Where sockets are read. A host has runtimes that end before others, such as one a worker; a
    /// connection that the first of them opened serves the others too.
    runtime: Handle,
    permits: Arc<Semaphore>,
    /// Permits of lists, fewer than connections, so that some of these are always left for the rest.
    lists: Semaphore,
    idle: Mutex<Vec<Link>>,
    waiting: Waiting,
}

/// The connections of a store at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Connections, those that are being made included.
    pub open: u64,
    /// Of these, those that nobody uses.
    pub idle: u64,
    /// Callers that wait for one.
    pub waiting: u64,
}

/// A connection, and the task that reads its socket: it ends when the server hangs up.
struct Link {
    connection: AsyncPgConnection,
    reader: JoinHandle<()>,
}

/// A function whose future has a name, so that `Send` can be asked of it.
pub(crate) trait DbFn<T, R>: AsyncFnOnce(T) -> R + FnOnce(T) -> Self::Fut {
    /// The future.
    type Fut: Future<Output = R>;
}

impl<T, R, F, Fut> DbFn<T, R> for F
where
    F: AsyncFnOnce(T) -> R + FnOnce(T) -> Fut,
    Fut: Future<Output = R>,
{
    type Fut = Fut;
}

/// A connection on loan.
struct Lease {
    pool: Arc<Pool>,
    link: Option<Link>,
    is_clean: bool,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(link) = self.link.take() else { return };
        if self.is_clean {
            self.pool.idle.lock().push(link);
            return;
        }
        let Link { connection, mut reader } = link;
        let (cancel, patience) = (connection.cancel_token(), self.pool.options.patience);
        drop(connection);
        self.pool.runtime.spawn(async move {
            // Where packets vanish nobody answers, and neither task may wait for ever.
            let _ = tokio::time::timeout(patience, cancel.cancel_query(NoTls)).await;
            if tokio::time::timeout(patience, &mut reader).await.is_err() {
                reader.abort();
            }
        });
    }
}

impl Lease {
    async fn run<T, F>(&mut self, work: F) -> Outcome<T>
    where
        for<'r> F: AsyncFnOnce(&'r mut AsyncPgConnection) -> Outcome<T>
            + DbFn<&'r mut AsyncPgConnection, Outcome<T>, Fut: Send>
            + Send,
    {
        let Some(link) = self.link.as_mut() else {
            return Err(Fault::Defect("a lease without a connection"));
        };
        self.is_clean = false;
        let result = work(&mut link.connection).await;
        self.is_clean = result.as_ref().err().is_none_or(leaves_clean);
        result
    }

    async fn script(&mut self, sql: &str) -> Outcome<()> {
        let Some(link) = self.link.as_mut() else {
            return Err(Fault::Defect("a lease without a connection"));
        };
        self.is_clean = false;
        link.connection.batch_execute(sql).await?;
        Ok(())
    }
}

/// Whether a connection can be used again after this.
fn leaves_clean(fault: &Fault) -> bool {
    match fault {
        Fault::Core(_) | Fault::Row(_) | Fault::Defect(_) => true,
        Fault::Database(DieselError::DatabaseError(kind, _)) => {
            !matches!(kind, DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand)
        }
        Fault::Database(DieselError::NotFound | DieselError::DeserializationError(_)) => true,
        Fault::Database(_) | Fault::Connect(_) | Fault::Late | Fault::Waited | Fault::Unanswered => false,
    }
}

/// A limit in milliseconds as a server takes it: no more than it can hold, and not none, which would be no limit.
fn millis(limit: Duration) -> i32 {
    i32::try_from(limit.as_millis()).unwrap_or(i32::MAX).max(1)
}

/// Why there is no connection.
fn busy() -> Fault {
    Fault::Core(Error::unavailable("all connections to the database are in use"))
}

impl Pool {
    async fn open(self: &Arc<Self>) -> Outcome<Link> {
        let pool = self.clone();
        let open = async move { tokio::time::timeout(pool.options.patience, pool.connect()).await };
        let opened = self.runtime.spawn(open).await;
        let opened = opened.map_err(|_| Fault::Core(Error::unavailable("the store's runtime has ended")))?;
        opened.unwrap_or_else(|_| Err(Fault::Core(Error::unavailable("the database does not answer"))))
    }

    /// Connects, on the runtime that reads the socket.
    async fn connect(&self) -> Outcome<Link> {
        let (client, socket) = connect(&self.url)
            .await
            .map_err(|error| Fault::Connect(ConnectionError::BadConnection(error.to_string())))?;
        // What ends it shows in the statements that wait for it.
        let reader = tokio::spawn(async move { drop(socket.await) });
        let mut connection = AsyncPgConnection::try_from(client).await?;
        let Options { deadline, patience, write_deadline, .. } = &self.options;
        let limit = LAST_RESORT.max(deadline.saturating_mul(2)).max(write_deadline.saturating_mul(2));
        // A caller that vanished in the middle of a write must not hold its locks for longer than the write may take.
        let limits = format!(
            "SET statement_timeout = {}; SET lock_timeout = {}; SET idle_in_transaction_session_timeout = {}",
            millis(limit),
            millis(*patience),
            millis(*write_deadline)
        );
        connection.batch_execute(&limits).await?;
        // Refused to roles without the right: then a few faults read as defects, and all else works.
        let _ = connection.batch_execute(ENGLISH).await;
        Ok(Link { connection, reader })
    }
}

impl Pools {
    pub(super) fn new(url: String, options: Options, runtime: Handle) -> Self {
        let connections = options.connections.max(1);
        let (permits, lists) = (Arc::new(Semaphore::new(connections)), Semaphore::new(connections - connections / 4));
        let (idle, waiting) = (Mutex::default(), Waiting::default());
        Self(Arc::new(Pool { url, options, runtime, permits, lists, idle, waiting }))
    }

    pub(super) fn connections(&self) -> Connections {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let left = self.0.permits.available_permits();
        let used = self.0.options.connections.max(1).saturating_sub(left);
        // Whoever has a permit may still be about to take its connection from the idle ones.
        let idle = self.0.idle.lock().len().min(left);
        Connections { open: number(used + idle), idle: number(idle), waiting: self.0.waiting.count() }
    }

    async fn lease(&self) -> Outcome<Lease> {
        let pool = self.0.clone();
        let permit = tokio::time::timeout(pool.options.patience, pool.permits.clone().acquire_owned());
        let permit = pool.waiting.during(permit).await;
        let permit = permit.map_err(|_| busy())?.map_err(|_| Fault::Core(Error::unavailable("the store is closed")))?;
        let idle = loop {
            // Those that the server has closed meanwhile are dropped here.
            let next = pool.idle.lock().pop();
            match next {
                Some(link) if !link.reader.is_finished() => break Some(link),
                Some(_) => {}
                None => break None,
            }
        };
        let link = match idle {
            Some(link) => link,
            None => pool.open().await?,
        };
        Ok(Lease { pool, link: Some(link), is_clean: true, _permit: permit })
    }

    /// Reads a few rows by key.
    pub(crate) async fn key<T, F>(&self, read: F) -> Result<T>
    where
        for<'r> F: AsyncFnOnce(&'r mut AsyncPgConnection) -> Outcome<T>
            + DbFn<&'r mut AsyncPgConnection, Outcome<T>, Fut: Send>
            + Send,
    {
        let mut lease = self.lease().await.map_err(settle)?;
        let done = tokio::time::timeout(self.0.options.deadline, lease.run(read)).await;
        done.unwrap_or_else(|_| Err(self.doubt(Fault::Late))).map_err(settle)
    }

    /// Nobody answered what takes a moment: the connections that nobody uses may be as dead, and are made anew.
    fn doubt(&self, fault: Fault) -> Fault {
        self.0.idle.lock().clear();
        fault
    }

    /// Reads a list, within the deadline.
    pub(crate) async fn read<T, F>(&self, read: F) -> Result<T>
    where
        for<'r> F: AsyncFnOnce(&'r mut AsyncPgConnection) -> Outcome<T>
            + DbFn<&'r mut AsyncPgConnection, Outcome<T>, Fut: Send>
            + Send,
    {
        let _turn = self.turn().await?;
        let mut lease = self.lease().await.map_err(settle)?;
        // Past the deadline the work is dropped, and with the lease the statement.
        let done = tokio::time::timeout(self.0.options.deadline, lease.run(read)).await;
        done.unwrap_or(Err(Fault::Late)).map_err(settle)
    }

    /// As [`Pools::read`], through one snapshot.
    pub(crate) async fn read_still<T, F>(&self, read: F) -> Result<T>
    where
        for<'r> F: AsyncFnOnce(&'r mut AsyncPgConnection) -> Outcome<T>
            + DbFn<&'r mut AsyncPgConnection, Outcome<T>, Fut: Send>
            + Send,
    {
        let _turn = self.turn().await?;
        let done = tokio::time::timeout(self.0.options.deadline, self.transaction(STILL, read)).await;
        done.unwrap_or_else(|_| Err(settle(Fault::Late)))
    }

    /// The turn of a list: some connections are kept for others.
    async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        let turn = tokio::time::timeout(self.0.options.patience, self.0.lists.acquire());
        let turn = self.0.waiting.during(turn).await;
        turn.map_err(|_| settle(busy()))?.map_err(|_| settle(busy()))
    }

    /// Reads a long way through one snapshot, without a deadline.
    pub(crate) async fn snapshot<T, F>(&self, read: F) -> Result<T>
    where
        for<'r> F: AsyncFnOnce(&'r mut AsyncPgConnection) -> Outcome<T>
            + DbFn<&'r mut AsyncPgConnection, Outcome<T>, Fut: Send>
            + Send,
    {
        self.transaction(STILL, read).await
    }

    /// Whether connections keep a list's statement of this shape: none, since the server would plan it
    /// for no values in particular.
    #[expect(clippy::unused_self, reason = "the rooms ask the pool of either database")]
    pub(crate) fn keeps(&self, _shape: u64) -> bool {
        false
    }

    /// Writes in one transaction, within the deadline of writes; a caller who goes takes it along. Where it fails for
    /// the deadline, or because the connection was lost, nobody knows whether it is written: whoever has a key asks
    /// again under it.
    pub(crate) async fn write<T, F>(&self, write: F) -> Result<T>
    where
        for<'r> F: AsyncFnOnce(&'r mut AsyncPgConnection) -> Outcome<T>
            + DbFn<&'r mut AsyncPgConnection, Outcome<T>, Fut: Send>
            + Send,
    {
        let done = tokio::time::timeout(self.0.options.write_deadline, self.unhurried(write)).await;
        done.unwrap_or_else(|_| Err(settle(self.doubt(Fault::Unanswered))))
    }

    /// As [`Pools::write`], however long it takes.
    pub(super) async fn unhurried<T, F>(&self, write: F) -> Result<T>
    where
        for<'r> F: AsyncFnOnce(&'r mut AsyncPgConnection) -> Outcome<T>
            + DbFn<&'r mut AsyncPgConnection, Outcome<T>, Fut: Send>
            + Send,
    {
        self.transaction("BEGIN", write).await
    }

    async fn transaction<T, F>(&self, begin: &str, work: F) -> Result<T>
    where
        for<'r> F: AsyncFnOnce(&'r mut AsyncPgConnection) -> Outcome<T>
            + DbFn<&'r mut AsyncPgConnection, Outcome<T>, Fut: Send>
            + Send,
    {
        let mut lease = self.lease().await.map_err(settle)?;
        lease.script(begin).await.map_err(settle)?;
        match lease.run(work).await {
            Ok(value) => {
                // A connection whose COMMIT failed never goes back.
                lease.script("COMMIT").await.map_err(settle)?;
                lease.is_clean = true;
                Ok(value)
            }
            Err(fault) => {
                let was_clean = lease.is_clean;
                lease.is_clean = was_clean && lease.script("ROLLBACK").await.is_ok();
                Err(settle(fault))
            }
        }
    }
}
