//! The one writer: writes queue for it, and those that wait share a transaction.
//!
//! Most of a small write's time is its commit, which writes a page of every index that it touched.
//! Writes that wait for their turn anyway are therefore done one after the other and committed
//! together. The first of a transaction has nothing before it that its failure could take along; each
//! further one has a savepoint, and fails alone. A write that has begun is carried to its end,
//! whether or not its caller waits: to interrupt it would roll the others back.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use crm_core::{Error, Result};
use diesel::result::Error as DieselError;
use diesel::{Connection as _, QueryResult, SqliteConnection};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::error::settle;
use super::indexing::Changes;
use super::merging::{self, Changed};
use super::pool::{Slot, now};
use crate::fault::{Fault, Outcome};

/// Most writes of one transaction.
const MOST: usize = 64;
/// How long a transaction takes up further writes after its first.
const TAKING: Duration = Duration::from_millis(10);

/// The writer of a file; clones share it.
#[derive(Clone)]
pub(super) struct Writer(Arc<Shared>);

struct Shared {
    slot: Mutex<Slot>,
    queue: Mutex<Queue>,
    changed: Changed,
    patience: Duration,
}

struct Queue {
    waiting: VecDeque<Box<dyn Write>>,
    /// Whether a thread is doing what waits.
    is_led: bool,
}

/// A write that waits for its turn.
trait Write: Send {
    /// Takes the write from its caller, who could give it up until now; `false` where that was done.
    fn begin(&self) -> bool;
    /// Whether its caller still waits for it to begin.
    fn is_waiting(&self) -> bool;
    /// Does it, and keeps what it gives or why it fails.
    fn run(&mut self, connection: &mut SqliteConnection) -> QueryResult<()>;
    /// Tells the caller how it ended, or why the transaction did not hold.
    fn tell(self: Box<Self>, lost: Option<Error>);
}

struct Waiting<T, F> {
    claim: Claim,
    write: Option<F>,
    done: Option<Outcome<T>>,
    caller: oneshot::Sender<Result<T>>,
}

/// Taken once: by the thread that begins the write, or by the caller who gives it up.
#[derive(Clone, Default)]
struct Claim(Arc<AtomicBool>);

impl Claim {
    fn take(&self) -> bool {
        !self.0.swap(true, Ordering::Relaxed)
    }

    fn is_taken(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A caller's end of the claim; when it is dropped, a write that has not begun is given up.
struct Caller(Claim);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.take();
    }
}

impl<T, F> Write for Waiting<T, F>
where
    T: Send,
    F: AsyncFnOnce(&mut SqliteConnection) -> Outcome<T> + Send,
{
    fn begin(&self) -> bool {
        self.claim.take()
    }

    fn is_waiting(&self) -> bool {
        !self.claim.is_taken()
    }

    fn run(&mut self, connection: &mut SqliteConnection) -> QueryResult<()> {
        let done = match self.write.take() {
            Some(write) => now(write(connection)),
            None => Err(Fault::Defect("a write was done twice")),
        };
        let is_kept = done.is_ok();
        self.done = Some(done);
        if is_kept { Ok(()) } else { Err(DieselError::RollbackTransaction) }
    }

    fn tell(self: Box<Self>, lost: Option<Error>) {
        let told = match (self.done, lost) {
            // Where SQLite has rolled back by itself, as on a full disk, Diesel's own attempt fails
            // too; what made it necessary is the fault to tell.
            (Some(Err(fault)), _) => Err(settle(fault)),
            (_, Some(error)) => Err(error),
            (Some(Ok(value)), None) => Ok(value),
            (None, None) => Err(settle(Fault::Defect("a write was not done"))),
        };
        // A caller who has gone needs no answer.
        let _ = self.caller.send(told);
    }
}

impl Writer {
    pub(super) fn new(slot: Slot, patience: Duration) -> Self {
        let queue = Queue { waiting: VecDeque::new(), is_led: false };
        let (slot, queue) = (Mutex::new(slot), Mutex::new(queue));
        Self(Arc::new(Shared { slot, queue, changed: Changed::default(), patience }))
    }

    /// How many writes wait for their turn.
    pub(super) fn waiting(&self) -> u64 {
        let queue = self.0.queue.lock();
        u64::try_from(queue.waiting.iter().filter(|write| write.is_waiting()).count()).unwrap_or(u64::MAX)
    }

    /// Does a write when its turn comes, within the patience.
    pub(super) async fn write<T, F>(&self, write: F) -> Result<T>
    where
        T: Send + 'static,
        F: AsyncFnOnce(&mut SqliteConnection) -> Outcome<T> + Send + 'static,
    {
        let (caller, mut answer) = oneshot::channel();
        let claim = Claim::default();
        let caller_end = Caller(claim.clone());
        self.queue(Box::new(Waiting { claim, write: Some(write), done: None, caller }));
        let stopping = |_| Error::unavailable("the program is stopping");
        if Handle::try_current().is_ok() {
            match tokio::time::timeout(self.0.patience, &mut answer).await {
                Ok(told) => return told.map_err(stopping)?,
                Err(_) if caller_end.0.take() => return Err(settle(Fault::Waited)),
                // It has begun: its end is awaited.
                Err(_) => {}
            }
        }
        answer.await.map_err(stopping)?
    }

    fn queue(&self, write: Box<dyn Write>) {
        let mut queue = self.0.queue.lock();
        queue.waiting.push_back(write);
        if std::mem::replace(&mut queue.is_led, true) {
            return;
        }
        drop(queue);
        let lead = Lead { shared: self.0.clone(), has_left: false };
        match Handle::try_current() {
            Ok(handle) => drop(handle.spawn_blocking(move || lead.work())),
            // Whoever cannot have a thread drops the lead, which tells those that wait.
            Err(_) => drop(std::thread::Builder::new().spawn(move || lead.work())),
        }
    }
}

impl Queue {
    fn next(&mut self) -> Option<Box<dyn Write>> {
        std::iter::from_fn(|| self.waiting.pop_front()).find(|write| write.begin())
    }
}

impl Shared {
    /// The next write whose caller still wants it.
    fn next(&self) -> Option<Box<dyn Write>> {
        self.queue.lock().next()
    }

    /// As [`Shared::next`]; without one, nobody leads any more.
    fn next_or_leave(&self) -> Option<Box<dyn Write>> {
        let mut queue = self.queue.lock();
        let next = queue.next();
        queue.is_led = next.is_some();
        next
    }
}

/// The task of doing what waits, until nothing does.
struct Lead {
    shared: Arc<Shared>,
    has_left: bool,
}

impl Lead {
    fn work(mut self) {
        let mut slot = self.shared.slot.lock();
        while let Some(first) = self.shared.next_or_leave() {
            let mut batch = vec![first];
            let ran = catch_unwind(AssertUnwindSafe(|| {
                slot.run(|connection| Ok(together(connection, &mut batch, || self.shared.next())?))
            }));
            tell(batch, ran.map(|ran| ran.map(|changed| self.shared.changed.add(changed))));
        }
        drop(slot);
        self.has_left = true;
        // Without tokio there is nobody who could wait until it is quiet.
        if let Ok(handle) = Handle::try_current()
            && self.shared.changed.plan()
        {
            handle.spawn(Merger(Arc::downgrade(&self.shared)).work());
        }
    }
}

/// The task of merging the words that changed, once no more come.
struct Merger(Weak<Shared>);

impl Merger {
    async fn work(self) {
        loop {
            let Some(before) = self.0.upgrade().map(|shared| shared.changed.count()) else { return };
            tokio::time::sleep(merging::QUIET).await;
            let Some(writer) = self.0.upgrade().map(Writer) else { return };
            let changed = &writer.0.changed;
            while changed.count() == before {
                let Some(table) = changed.next() else { return };
                let merge = async move |connection: &mut SqliteConnection| Ok(merging::merge(connection, table)?);
                let has_more = writer.write(merge).await.unwrap_or_else(|error| {
                    tracing::warn!(?error, table, "words could not be merged; trying again when more come");
                    false
                });
                if !has_more {
                    changed.merged(table, before);
                }
            }
        }
    }
}

impl Drop for Merger {
    fn drop(&mut self) {
        if let Some(shared) = self.0.upgrade() {
            shared.changed.leave();
        }
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        if !self.has_left {
            let mut queue = self.shared.queue.lock();
            queue.is_led = false;
            queue.waiting.clear();
        }
    }
}

/// Does a write, and those that come up meanwhile, in one transaction; gives the tables whose words changed.
fn together(
    connection: &mut SqliteConnection,
    batch: &mut Vec<Box<dyn Write>>,
    next: impl Fn() -> Option<Box<dyn Write>>,
) -> QueryResult<Vec<&'static str>> {
    connection.immediate_transaction(|connection| {
        let words = Changes::begin();
        run_last(batch, connection)?;
        let until = Instant::now() + TAKING;
        while batch.len() < MOST && Instant::now() < until {
            let Some(write) = next() else { break };
            batch.push(write);
            let before = words.count();
            match connection.transaction(|connection| run_last(batch, connection)) {
                Ok(()) => {}
                Err(DieselError::RollbackTransaction) => words.take_back(before),
                Err(lost) => return Err(lost),
            }
        }
        words.write(connection)
    })
}

fn run_last(batch: &mut [Box<dyn Write>], connection: &mut SqliteConnection) -> QueryResult<()> {
    batch.last_mut().map_or(Ok(()), |write| write.run(connection))
}

/// Tells the callers of a transaction how it ended.
fn tell(mut batch: Vec<Box<dyn Write>>, ran: std::thread::Result<Outcome<()>>) {
    let shared = || Error::unavailable("another write spoilt the transaction that this one shared");
    match ran {
        Ok(Ok(())) => batch.into_iter().for_each(|write| write.tell(None)),
        Ok(Err(fault)) => {
            let (alone, mut fault) = (batch.len() == 1, Some(fault));
            for write in batch {
                let own = fault.take().filter(|_| alone);
                write.tell(Some(own.map_or_else(shared, settle)));
            }
        }
        Err(_panic) => {
            // The connection went with the panic, and the transaction with the connection.
            if let Some(write) = batch.pop() {
                write.tell(Some(Error::internal("a write panicked")));
            }
            batch.into_iter().for_each(|write| write.tell(Some(shared())));
        }
    }
}

#[cfg(test)]
mod tests;
