//! Workers: taking jobs that are due, doing them, saying what came of them. Hosts drive this with a runtime;
//! nothing here waits by itself.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::{Either, select};

use super::bell::Listener;
use super::context::{JobContext, Taken};
use super::fault::{JobError, Verdict};
use super::handler::Handlers;
use super::model::{HEARTBEAT_SECONDS, Job, LEASE_SECONDS};
use super::policy::Retry;
use super::port::{Held, Settled, Wanted};
use super::queue::Queue;
use super::runner::{Stop, Worker};
use super::state::JobState;
use super::task::Task;
use crate::access::{Action, Actor, Entity};
use crate::crm::Crm;
use crate::error::Result;
use crate::id::Id;
use crate::time::Timestamp;
use crate::workspace::Workspace;

/// Jobs that are forgotten in one transaction: few, because a stop waits for it.
const PRUNED_AT_ONCE: u16 = 200;

/// Port: waiting, which a runtime can.
#[async_trait]
pub trait Timer: Send + Sync {
    /// Returns when so many seconds have passed.
    async fn pass(&self, seconds: u32);
}

/// A timer for whom time does not pass: attempts take as long as they take.
pub struct Endless;

#[async_trait]
impl Timer for Endless {
    async fn pass(&self, _seconds: u32) {
        std::future::pending::<()>().await;
    }
}

/// What workers do with the store, and the kinds of job that they know. Cheap to clone.
#[derive(Clone)]
pub struct Workers {
    crm: Crm,
    handlers: Handlers,
    lease_seconds: i64,
}

impl Crm {
    /// What workers do.
    pub fn workers(&self) -> Workers {
        Workers { crm: self.clone(), handlers: self.ports.handlers.clone(), lease_seconds: LEASE_SECONDS }
    }
}

impl Workers {
    /// With further kinds of job than those of the engine.
    #[must_use]
    pub fn with(mut self, handlers: &Handlers) -> Self {
        self.handlers = self.handlers.and(handlers);
        self
    }

    /// With another lease: so long after a worker died its jobs are taken again.
    #[must_use]
    pub fn lease_seconds(mut self, seconds: i64) -> Self {
        self.lease_seconds = seconds.max(1);
        self
    }

    /// The queues of the kinds that they know, and the standard ones.
    pub fn queues(&self) -> Vec<Queue> {
        let mut queues = Queue::STANDARD.to_vec();
        let own = self.handlers.queues().into_iter().filter(|queue| !Queue::STANDARD.contains(queue));
        queues.extend(own);
        queues
    }

    /// Takes jobs that are due: at most so many of each queue, and so many in all.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn take(&self, queues: &[(Queue, u16)], limit: u16) -> Result<Vec<Taken>> {
        self.take_of(queues, limit, None).await
    }

    async fn take_of(
        &self,
        queues: &[(Queue, u16)],
        limit: u16,
        only: Option<(Id<Workspace>, Id<Job>)>,
    ) -> Result<Vec<Taken>> {
        let (now, lease_seconds) = (self.crm.now(), self.lease_seconds);
        let wanted = Wanted { queues: queues.to_vec(), limit, now, lease_seconds, only };
        let taken = self.crm.ports.work.take_jobs(&wanted).await?;
        Ok(taken.into_iter().map(|(workspace, job)| Taken::new(workspace, job)).collect())
    }

    /// Does a job that was taken, and gives what is to be settled: nothing where it was lost meanwhile, or had
    /// no attempt left. A panic, a payload that does not parse and an attempt that takes too long end the
    /// attempt and nothing else.
    pub async fn run(&self, taken: &Taken, stop: &Arc<dyn Stop>, timer: &dyn Timer) -> Option<Settled> {
        let job = taken.job();
        if job.state != JobState::Running {
            return None;
        }
        let (outcome, retry) = match &job.task {
            Task::Run { handler, payload, .. } => match self.handlers.of(handler) {
                Some(known) => {
                    let context = JobContext {
                        crm: self.crm.clone(),
                        taken: taken.clone(),
                        stop: stop.clone(),
                        lease_seconds: self.lease_seconds,
                    };
                    let policy = known.policy();
                    let attempt = AssertUnwindSafe(known.run(&context, payload.clone())).catch_unwind();
                    let outcome = match select(attempt, timer.pass(policy.timeout_seconds)).await {
                        Either::Left((Ok(outcome), _)) => outcome,
                        Either::Left((Err(panic), _)) => Err(panicked(panic.as_ref())),
                        Either::Right(_) => {
                            let detail = format!("the attempt took longer than {} s", policy.timeout_seconds);
                            Err(JobError::retry("timed_out", detail))
                        }
                    };
                    (outcome, policy.retry)
                }
                None => {
                    let detail = format!("this process has no handler for {handler}");
                    (Err(JobError::not_known(detail)), Retry::DEFAULT)
                }
            },
            // A later version has enqueued it, and there are processes of that version beside this one.
            Task::Unknown if !job.is_unreadable() => (Err(JobError::unknown_kind()), Retry::DEFAULT),
            _ => (Worker::new(&self.crm, taken, stop.as_ref(), self.lease_seconds).run().await, Retry::DEFAULT),
        };
        self.settled(taken, outcome, retry)
    }

    /// What becomes of a job after an attempt.
    fn settled(&self, taken: &Taken, outcome: std::result::Result<(), JobError>, retry: Retry) -> Option<Settled> {
        if outcome.as_ref().is_err_and(|error| error.verdict() == Verdict::Lost) {
            return None;
        }
        let mut job = taken.job();
        let outcome = match job.task {
            Task::Run { is_concealed: true, .. } => outcome.map_err(JobError::concealed),
            _ => outcome,
        };
        // What a handler does is begun anew, so all that its worker knows holds. A task of the product's goes
        // on where its row says, which may be further than the worker knows.
        let before = if matches!(job.task, Task::Run { .. }) { None } else { Some(job.version) };
        job.settle(outcome, retry, self.crm.now());
        Some(Settled { workspace: taken.workspace, claim: job.claim, before, job })
    }

    /// What gives a job back that the process has no time left for; the attempt does not count.
    pub fn given_back(&self, taken: &Taken) -> Option<Settled> {
        self.settled(taken, Err(JobError::given_back()), Retry::DEFAULT)
    }

    /// Writes what came of jobs. Of one that was cancelled or taken over at the last moment nothing is written.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn settle(&self, settled: &[Settled]) -> Result<()> {
        match settled {
            [] => Ok(()),
            settled => self.crm.ports.work.settle_jobs(settled).await.map(drop),
        }
    }

    /// Prolongs the leases of jobs that are being done, and says of each whether it is still the worker's.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn hold(&self, taken: &[Taken]) -> Result<Vec<bool>> {
        let held = |taken: &Taken| {
            let job = taken.job.lock();
            Held { workspace: taken.workspace, id: job.id, claim: job.claim }
        };
        let held: Vec<Held> = taken.iter().map(held).collect();
        self.crm.ports.work.hold_jobs(&held, self.crm.now().plus_seconds(self.lease_seconds)).await
    }

    /// When there may be something to do in these queues.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn next_due(&self, queues: &[Queue]) -> Result<Option<Timestamp>> {
        self.crm.ports.work.next_due(queues).await
    }

    /// Hears of queues in which jobs became due.
    pub fn listen(&self) -> Listener {
        self.crm.ports.work.listen_for_jobs()
    }

    /// Forgets jobs of all workspaces that were done so many seconds ago, or ended otherwise, and unique keys
    /// that hold no more; some at a time, until it is asked to stop. Gives the number of jobs.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn prune(&self, done_seconds: i64, others_seconds: i64, stop: &dyn Stop) -> Result<usize> {
        let (now, most) = (self.crm.now(), usize::from(PRUNED_AT_ONCE));
        let (done, others) = (now.plus_seconds(-done_seconds), now.plus_seconds(-others_seconds));
        let work = &self.crm.ports.work;
        let mut all = 0;
        for workspace in self.crm.workspaces().await? {
            let (mut jobs, mut keys) = (most, most);
            while (jobs >= most || keys >= most) && !stop.is_asked() {
                jobs = work.prune_jobs(workspace.id, done, others, PRUNED_AT_ONCE).await?;
                keys = work.prune_job_keys(workspace.id, now, PRUNED_AT_ONCE).await?;
                all += jobs;
            }
        }
        Ok(all)
    }

    /// The present instant by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.crm.now()
    }

    /// Takes one job, does it, with a heartbeat as far as the timer tells of time, and settles it; says whether
    /// there was one.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached; a job's own failure is kept with the job.
    pub async fn work(&self, stop: &Arc<dyn Stop>, timer: &dyn Timer) -> Result<bool> {
        let queues: Vec<(Queue, u16)> = self.queues().into_iter().map(|queue| (queue, 1)).collect();
        match self.take(&queues, 1).await?.first() {
            Some(taken) => self.attend(taken, stop, timer).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// As [`Workers::work`], of one job alone; says whether it was due and nobody else was faster. Not while its
    /// queue is paused.
    ///
    /// # Errors
    /// As [`Workers::work`]; `NotFound` for a job that is not there.
    pub async fn work_on(
        &self,
        workspace: Id<Workspace>,
        id: Id<Job>,
        stop: &Arc<dyn Stop>,
        timer: &dyn Timer,
    ) -> Result<bool> {
        let product = self.crm.acting(Actor::system(workspace, "job")).await?;
        let job = self.crm.ports.jobs.job(&product.require(Entity::Job, Action::Read)?, id).await?.into_inner();
        match self.take_of(&[(job.queue, 1)], 1, Some((workspace, id))).await?.first() {
            Some(taken) => self.attend(taken, stop, timer).await.map(|()| true),
            None => Ok(false),
        }
    }

    /// Does a job that was taken, and settles it.
    async fn attend(&self, taken: &Taken, stop: &Arc<dyn Stop>, timer: &dyn Timer) -> Result<()> {
        let settled = self.run_held(taken, stop, timer).await;
        self.settle(settled.as_slice()).await
    }

    /// As [`Workers::run`], until the job has ended or is somebody else's. The heartbeat is over then, and with it
    /// whatever it waited for at the store.
    async fn run_held(&self, taken: &Taken, stop: &Arc<dyn Stop>, timer: &dyn Timer) -> Option<Settled> {
        let attempt = pin!(self.run(taken, stop, timer));
        let lost = pin!(self.hold_on(taken, timer));
        match select(attempt, lost).await {
            Either::Left((settled, _)) => settled,
            Either::Right(((), _)) => None,
        }
    }

    /// Prolongs the lease of a job now and then, until it is somebody else's.
    async fn hold_on(&self, taken: &Taken, timer: &dyn Timer) {
        let rest = u32::try_from(HEARTBEAT_SECONDS.min(self.lease_seconds / 4)).unwrap_or(1).max(1);
        loop {
            timer.pass(rest).await;
            // A store that cannot be reached is asked again.
            if self.hold(std::slice::from_ref(taken)).await.is_ok_and(|kept| kept.first() == Some(&false)) {
                return;
            }
        }
    }
}

/// What a panic says.
pub(crate) fn panicked(panic: &(dyn std::any::Any + Send)) -> JobError {
    let said = panic.downcast_ref::<&str>().copied().or(panic.downcast_ref::<String>().map(String::as_str));
    JobError::retry("panicked", format!("the job panicked: {}", said.unwrap_or("it does not say why")))
}
