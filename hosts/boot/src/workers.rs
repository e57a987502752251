//! Workers for jobs: which queues they serve, how many at once, what they know.
//!
//! [`run_workers`] starts them beside whatever else a program does; `boot` does so by itself. Any number of
//! processes serve one database: none does what another does.

use std::sync::Arc;
use std::time::Duration;

use crm_core::Crm;
use crm_core::job::{Handler, Handlers, LEASE_SECONDS};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::floor::Floor;
use crate::lane::{QueueOptions, Queues};
use crate::relaying::relay;
use crate::schedule::{Schedule, keep};
use crate::upkeep::{Kept, keep_up};
use crate::worker::Asked;

/// How long running jobs have to end when the process does, unless it is said otherwise.
const GRACE: Duration = Duration::from_secs(10);
/// How long jobs are kept that were done: a week.
const DONE_KEPT: i64 = 7 * 24 * 60 * 60;
/// How long jobs are kept that failed or were cancelled: 90 days.
const OTHERS_KEPT: i64 = 90 * 24 * 60 * 60;

/// What workers do.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    pub(crate) queues: Vec<QueueOptions>,
    pub(crate) handlers: Handlers,
    pub(crate) schedules: Vec<Schedule>,
    pub(crate) lease_seconds: i64,
    pub(crate) grace: Duration,
    pub(crate) done_kept_seconds: i64,
    pub(crate) others_kept_seconds: i64,
    /// Rings when somebody has committed.
    pub(crate) committed: Arc<Notify>,
    /// Rings when another process may have enqueued something and the store cannot tell of it.
    pub(crate) enqueued: Arc<Notify>,
}

impl Default for WorkerOptions {
    /// The standard queues.
    fn default() -> Self {
        Self::of(&Queues::default())
    }
}

impl WorkerOptions {
    /// No queue yet: those are served that are added, or whose handlers are.
    pub fn none() -> Self {
        Self {
            queues: Vec::new(),
            handlers: Handlers::new(),
            schedules: Vec::new(),
            lease_seconds: LEASE_SECONDS,
            grace: GRACE,
            done_kept_seconds: DONE_KEPT,
            others_kept_seconds: OTHERS_KEPT,
            committed: Arc::default(),
            enqueued: Arc::default(),
        }
    }

    /// These queues.
    pub fn of(queues: &Queues) -> Self {
        queues.iter().cloned().fold(Self::none(), Self::queue)
    }

    /// Serves a queue too, or otherwise than before.
    #[must_use]
    pub fn queue(mut self, queue: QueueOptions) -> Self {
        self.queues.retain(|known| known.queue != queue.queue);
        self.queues.push(queue);
        self
    }

    /// Knows a kind of job, and serves its queue.
    #[must_use]
    pub fn handler<H: Handler>(mut self, handler: H) -> Self {
        self.handlers = self.handlers.with(handler);
        let queue = H::policy().queue;
        match self.queues.iter().any(|known| known.queue == queue) {
            true => self,
            false => self.queue(QueueOptions::new(queue)),
        }
    }

    /// Hears by one bell of commits, and by another of jobs of other processes.
    #[must_use]
    pub(crate) fn woken_by(mut self, committed: Arc<Notify>, enqueued: Arc<Notify>) -> Self {
        (self.committed, self.enqueued) = (committed, enqueued);
        self
    }

    /// Enqueues a job whenever its time comes.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedules.push(schedule);
        self
    }

    /// Holds jobs so long without a sign of life: so long after this process died they are taken again.
    #[must_use]
    pub fn lease_seconds(mut self, seconds: i64) -> Self {
        self.lease_seconds = seconds.max(1);
        self
    }

    /// Gives running jobs so long to end when the process does; then they are given back.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Keeps jobs so long that were done, and so long that ended otherwise, in seconds.
    #[must_use]
    pub fn kept_seconds(mut self, done: i64, others: i64) -> Self {
        (self.done_kept_seconds, self.others_kept_seconds) = (done.max(0), others.max(0));
        self
    }
}

/// Workers that run until they are stopped; whoever drops this ends them without waiting for what they do.
#[must_use]
pub struct RunningWorkers {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

/// Starts workers on an engine, on the runtime that this is called on. They also see to upkeep: once a minute after
/// the start and every hour from then on what is old is forgotten, jobs, keys, deliveries, files and mails.
pub fn run_workers(crm: &Crm, options: WorkerOptions) -> RunningWorkers {
    let (stop, asked) = watch::channel(false);
    let asked = Asked::new(asked);
    let workers = crm.workers().with(&options.handlers).lease_seconds(options.lease_seconds);
    let mut tasks = vec![tokio::spawn(Floor::new(workers.clone(), &options, asked.clone()).work())];
    if !crm.relay().is_idle() {
        tasks.push(tokio::spawn(relay(crm.relay(), options.committed, asked.clone())));
    }
    if !options.schedules.is_empty() {
        tasks.push(tokio::spawn(keep(crm.clone(), options.schedules, asked.clone())));
    }
    let kept = Kept { done_seconds: options.done_kept_seconds, others_seconds: options.others_kept_seconds };
    tasks.push(tokio::spawn(keep_up(crm.clone(), workers, kept, asked)));
    RunningWorkers { stop, tasks }
}

impl RunningWorkers {
    /// Takes no further job from now on, and gives those that run their time to end, while the process does what
    /// else it has to do before it ends. [`RunningWorkers::stop`] waits for that.
    pub fn take_no_more(&self) {
        // Workers that are gone already are what was wanted.
        let _ = self.stop.send(true);
    }

    /// Takes no further job, gives those that run their time to end, and gives back what has not by then.
    pub async fn stop(self) {
        self.take_no_more();
        for task in self.tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a worker ended by itself");
            }
        }
    }
}
