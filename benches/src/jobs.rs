//! What jobs cost: to enqueue many in batches, to do many that do nothing, and how soon an idle worker begins one.

use std::time::{Duration, Instant};

use crm_boot::{QueueOptions, WorkerOptions, run_workers};
use crm_core::Session;
use crm_core::job::{Handler, JobContext, JobError, Policy, Queue};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, timeout};

use crate::load;
use crate::product::{Failed, Product, Store, system};
use crate::report::{Report, grouped};

/// Jobs of one commit.
pub(crate) const BATCH: usize = 1_000;
/// Jobs that a process does at once.
pub(crate) const CONCURRENCY: u16 = 256;
/// Where they wait.
const QUEUE: Queue = Queue::new("nothing");
/// Longer than all of them take.
const PATIENCE: Duration = Duration::from_secs(600);
/// From the start of one job to the next one, so that its worker is idle.
const REST: Duration = Duration::from_millis(50);

/// How many jobs are measured.
#[derive(Clone, Copy)]
pub(crate) struct Extent {
    /// Jobs that are enqueued and done together.
    pub(crate) many: usize,
    /// Jobs that idle workers begin one by one.
    pub(crate) single: usize,
}

impl Extent {
    /// That of the table.
    pub(crate) const FULL: Self = Self { many: 100_000, single: 200 };
    /// One that shows that it works.
    pub(crate) const SMOKE: Self = Self { many: 2_000, single: 10 };
}

/// Says when it began, and does nothing.
struct Nothing {
    begun: UnboundedSender<Instant>,
}

impl Handler for Nothing {
    type Payload = ();
    const KIND: &'static str = "nothing";

    fn policy() -> Policy {
        Policy::on(QUEUE)
    }

    async fn run(&self, _: &JobContext, (): ()) -> Result<(), JobError> {
        // Nobody counts those of the end any more.
        let _ = self.begun.send(Instant::now());
        Ok(())
    }
}

/// What a rate of batches is called, of us and of others.
pub(crate) fn enqueued_in_batches() -> String {
    format!("jobs enqueued, {} a batch", grouped(BATCH as f64))
}

/// What a rate of jobs is called, of us and of others.
pub(crate) fn done_at_once() -> String {
    format!("jobs that do nothing, done, {CONCURRENCY} at once")
}

/// Enqueues and does jobs through an engine and its workers in this process.
pub(crate) async fn measure(product: &Product, extent: Extent, report: &mut Report) -> Result<(), Failed> {
    let name = product.store.name();
    let crm = product.engine().await?;
    let session = system(&crm).await?;
    let mut say = |what: &str, time: Duration| {
        report.figure(what, name, format!("{}/s", grouped(extent.many as f64 / time.as_secs_f64())));
    };
    let at = Instant::now();
    enqueue(&session, extent.many).await?;
    say(&enqueued_in_batches(), at.elapsed());

    let (begun, mut starts) = unbounded_channel();
    let options = WorkerOptions::none().handler(Nothing { begun });
    let at = Instant::now();
    let workers = run_workers(&crm, options.queue(QueueOptions::new(QUEUE).concurrency(CONCURRENCY)));
    for _ in 0..extent.many {
        next(&mut starts).await?;
    }
    settled(&session, extent.many).await?;
    say(&done_at_once(), at.elapsed());

    // PostgreSQL tells an idle worker of what another process enqueued, which has connections of its own.
    let other = match product.store {
        Store::Postgres => system(&product.engine().await?).await?,
        Store::Sqlite => session,
    };
    let mut waits = Vec::with_capacity(extent.single);
    for _ in 0..extent.single {
        sleep(REST).await;
        let at = Instant::now();
        other.jobs().enqueue(Nothing::job(&())?).await?;
        waits.push(next(&mut starts).await?.saturating_duration_since(at));
    }
    workers.stop().await;
    let outcome = load::outcome(waits, Duration::from_secs(1));
    report.latency("job for an idle worker, from the call that enqueues it to its start", name, outcome);
    Ok(())
}

/// Enqueues so many jobs, a batch a commit.
async fn enqueue(session: &Session, jobs: usize) -> Result<(), Failed> {
    let mut left = jobs;
    while left > 0 {
        let batch = left.min(BATCH);
        let batch: Vec<_> = (0..batch).map(|_| Nothing::job(&())).collect::<Result<_, _>>()?;
        left -= batch.len();
        session.jobs().enqueue_all(batch).await?;
    }
    Ok(())
}

/// The start of the next job.
async fn next(starts: &mut UnboundedReceiver<Instant>) -> Result<Instant, Failed> {
    Ok(timeout(PATIENCE, starts.recv()).await?.ok_or("the workers are gone")?)
}

/// Waits until so many jobs are written as done.
async fn settled(session: &Session, jobs: usize) -> Result<(), Failed> {
    let wait = async {
        while session.queues().read(&QUEUE).await?.counts.done < jobs as u64 {
            sleep(Duration::from_millis(5)).await;
        }
        Ok::<_, Failed>(())
    };
    timeout(PATIENCE, wait).await?
}
