//! The loop of a process that does jobs: take as many as there is room for, do them at once, settle together
//! what ended together.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use crm_core::job::{HEARTBEAT_SECONDS, Job, Listener, Queue, Ring, Settled, Stop, Taken, Timer, Workers};
use crm_core::{ErrorKind, Id};
use futures::StreamExt as _;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinHandle};

use crate::lane::Lane;
use crate::settling;
use crate::worker::Asked;
use crate::workers::WorkerOptions;

/// How long to rest where nothing says that there is something to do: what another process enqueues on
/// SQLite is found so late.
const REST: Duration = Duration::from_secs(1);
/// How long to wait for more jobs to end before a few places are filled again.
const GATHERING: Duration = Duration::from_millis(3);
/// How long to wait after another process has told that it wrote something, while others tell so too.
const HEARING: Duration = Duration::from_millis(20);
/// How long what ended is waited for to be written when the process ends.
const LAST_WRITES: Duration = Duration::from_secs(5);

/// A job under way.
struct Held {
    taken: Taken,
    task: JoinHandle<()>,
}

/// Jobs under way, each by its last take.
type UnderWay = Arc<Mutex<HashMap<Id<Job>, Held>>>;

/// The place of a job; when it is dropped, whatever the reason, another has it.
struct Place {
    lane: usize,
    id: Id<Job>,
    claim: i64,
    under_way: UnderWay,
    ended: UnboundedSender<usize>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.under_way.lock();
        // One that was taken again is another's by now.
        if under_way.get(&self.id).is_some_and(|held| held.taken.claim() == self.claim) {
            under_way.remove(&self.id);
        }
        // Nobody waits for it any more where the process ends.
        let _ = self.ended.send(self.lane);
    }
}

/// Time that passes: what workers of [`Crm::workers`](crm_core::Crm::workers) need to give signs of life and to end
/// what takes too long, on tokio's runtime.
pub struct Passing;

#[async_trait]
impl Timer for Passing {
    async fn pass(&self, seconds: u32) {
        tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    }
}

/// The workers of a process.
pub(crate) struct Floor {
    workers: Workers,
    lanes: Vec<Lane>,
    queues: Vec<Queue>,
    under_way: UnderWay,
    ended: (UnboundedSender<usize>, UnboundedReceiver<usize>),
    settled: UnboundedSender<Settled>,
    settling: JoinHandle<()>,
    asked: Asked,
    grace: Duration,
    heartbeat: Duration,
    enqueued: Arc<Notify>,
    /// When to look for jobs that nobody tells of.
    look_at: Instant,
    taken_at: Instant,
}

impl Floor {
    pub(crate) fn new(workers: Workers, options: &WorkerOptions, asked: Asked) -> Self {
        let now = Instant::now();
        let (settled, receiver) = unbounded_channel();
        let seconds = u64::try_from(options.lease_seconds).unwrap_or(1);
        Self {
            lanes: options.queues.iter().map(|queue| Lane::new(queue, now)).collect(),
            queues: options.queues.iter().map(|queue| queue.queue.clone()).collect(),
            under_way: Arc::default(),
            ended: unbounded_channel(),
            settled,
            settling: tokio::spawn(settling::settle_all(workers.clone(), receiver)),
            workers,
            asked,
            grace: options.grace,
            enqueued: options.enqueued.clone(),
            heartbeat: (Duration::from_secs(seconds) / 4).min(Duration::from_secs(HEARTBEAT_SECONDS.unsigned_abs())),
            look_at: now,
            taken_at: now,
        }
    }

    /// Does jobs until it is asked to stop.
    pub(crate) async fn work(mut self) {
        let beats = tokio::spawn(beat(self.workers.clone(), self.under_way.clone(), self.heartbeat));
        let mut rings = self.workers.listen();
        let mut asked = self.asked.clone();
        let enqueued = self.enqueued.clone();
        // Whatever else there was to hear at the same moment, nothing is taken any more.
        while !self.asked.is_asked() {
            let wait = self.take().await;
            tokio::select! {
                () = asked.wait() => break,
                Some(lane) = self.ended.1.recv() => self.free(lane),
                Some(ring) = rings.next() => self.hear(ring, &mut rings),
                () = enqueued.notified() => self.look_at = self.look_at.min(Instant::now() + HEARING),
                () = tokio::time::sleep(wait) => {}
            }
        }
        self.end().await;
        beats.abort();
    }

    /// Notes the jobs that ended.
    fn free(&mut self, lane: usize) {
        let mut next = Some(lane);
        while let Some(lane) = next {
            self.lanes.get_mut(lane).into_iter().for_each(Lane::end);
            next = self.ended.1.try_recv().ok();
        }
    }

    /// Wakes the lanes that rings are about.
    fn hear(&mut self, ring: Ring, rings: &mut Listener) {
        use futures::FutureExt as _;
        let mut next = Some(ring);
        while let Some(ring) = next {
            for lane in &mut self.lanes {
                lane.is_awake |= match &ring {
                    Ring::Of(queue) => lane.queue == *queue,
                    Ring::Any => true,
                };
            }
            next = rings.next().now_or_never().flatten();
        }
    }

    /// Takes what there is room for, and says how long to wait for something else to happen.
    async fn take(&mut self) -> Duration {
        let now = Instant::now();
        let mut wanted = Vec::new();
        let mut is_much = false;
        for (at, lane) in self.lanes.iter_mut().enumerate().filter(|(_, lane)| lane.is_awake) {
            let free = lane.free(now);
            if free > 0 {
                is_much |= lane.is_much(free);
                wanted.push((at, lane.queue.clone(), free));
            }
        }
        if wanted.is_empty() {
            return self.rest().await.min(self.next_turn(now));
        }
        let gathered = now.saturating_duration_since(self.taken_at);
        if !is_much && gathered < GATHERING {
            return GATHERING - gathered;
        }
        let queues: Vec<(Queue, u16)> = wanted.iter().map(|(_, queue, free)| (queue.clone(), *free)).collect();
        let limit = queues.iter().fold(0_u16, |sum, (_, free)| sum.saturating_add(*free));
        let taken = match self.workers.take(&queues, limit).await {
            Ok(taken) => taken,
            Err(error) => {
                tracing::warn!(?error, "no job could be taken; trying again");
                return REST;
            }
        };
        self.taken_at = Instant::now();
        let mut jobs_of: HashMap<Queue, Vec<Taken>> = HashMap::new();
        for taken in taken {
            jobs_of.entry(taken.job().queue).or_default().push(taken);
        }
        for (at, queue, free) in wanted {
            let jobs = jobs_of.remove(&queue).unwrap_or_default();
            let begun = u16::try_from(jobs.len()).unwrap_or(u16::MAX);
            if let Some(lane) = self.lanes.get_mut(at) {
                lane.begin(begun);
                lane.is_awake = begun >= free;
            }
            jobs.into_iter().for_each(|taken| self.start(at, taken));
        }
        self.rest().await.min(self.next_turn(Instant::now()))
    }

    /// How long until a rate lets another job begin; for ever where none keeps one.
    fn next_turn(&mut self, now: Instant) -> Duration {
        self.lanes.iter_mut().filter_map(|lane| lane.next_turn(now)).min().unwrap_or(Duration::MAX)
    }

    /// How long nothing is to be done where nobody tells of anything; wakes all where that is over.
    async fn rest(&mut self) -> Duration {
        let now = Instant::now();
        if now < self.look_at {
            return self.look_at - now;
        }
        self.look_at = now + REST;
        match self.workers.next_due(&self.queues).await {
            Ok(None) => REST,
            Ok(Some(due)) => {
                let micros = u64::try_from(due.micros().saturating_sub(self.workers.now().micros())).unwrap_or(0);
                if micros == 0 {
                    self.lanes.iter_mut().for_each(|lane| lane.is_awake = true);
                    return Duration::from_millis(1);
                }
                let wait = Duration::from_micros(micros).min(REST);
                self.look_at = now + wait;
                wait
            }
            Err(error) => {
                tracing::warn!(?error, "workers cannot look for jobs; trying again");
                REST
            }
        }
    }

    /// Does a job beside the others. One that is still in hand from an earlier take, because the process slept
    /// through its lease or the clock jumped, ends there before it begins anew.
    fn start(&self, lane: usize, taken: Taken) {
        let (id, claim) = (taken.id(), taken.claim());
        let place = Place { lane, id, claim, under_way: self.under_way.clone(), ended: self.ended.0.clone() };
        let (workers, settled) = (self.workers.clone(), self.settled.clone());
        let stop: Arc<dyn Stop> = Arc::new(self.asked.clone());
        // A job that ends at once waits here until it is noted as begun.
        let mut under_way = self.under_way.lock();
        let earlier = under_way.remove(&id).map(|held| held.task);
        earlier.iter().for_each(JoinHandle::abort);
        let job = taken.clone();
        let task = tokio::spawn(async move {
            let _place = place;
            if let Some(earlier) = earlier {
                // However it ends, it has ended.
                let _ = earlier.await;
            }
            if let Some(one) = workers.run(&job, &stop, &Passing).await {
                // The one who settles outlives this.
                let _ = settled.send(one);
            }
        });
        under_way.insert(id, Held { taken, task });
    }

    /// Gives what runs its time to end, and gives the rest back.
    async fn end(mut self) {
        let until = tokio::time::sleep(self.grace);
        tokio::pin!(until);
        while self.lanes.iter().any(|lane| lane.busy() > 0) {
            tokio::select! {
                Some(lane) = self.ended.1.recv() => self.free(lane),
                () = &mut until => break,
            }
        }
        let left: Vec<Held> = self.under_way.lock().drain().map(|(_, held)| held).collect();
        for Held { taken, task } in left {
            task.abort();
            if let Some(one) = self.workers.given_back(&taken) {
                let _ = self.settled.send(one);
            }
        }
        drop(self.settled);
        if tokio::time::timeout(LAST_WRITES, self.settling).await.is_err() {
            tracing::warn!("not all that ended was written; it is done again");
        }
    }
}

/// Tells now and then that jobs under way are alive, and ends those that are somebody else's by now.
async fn beat(workers: Workers, under_way: UnderWay, rest: Duration) {
    loop {
        tokio::time::sleep(rest).await;
        let mut held: Vec<(Taken, AbortHandle)> =
            under_way.lock().values().map(|held| (held.taken.clone(), held.task.abort_handle())).collect();
        held.sort_unstable_by_key(|(taken, _)| taken.id());
        if held.is_empty() {
            continue;
        }
        let taken: Vec<Taken> = held.iter().map(|(taken, _)| taken.clone()).collect();
        let mut kept = workers.hold(&taken).await;
        if kept.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict) {
            // What was settled meanwhile was in the way.
            kept = workers.hold(&taken).await;
        }
        match kept {
            Ok(kept) => {
                for (_, (taken, task)) in kept.iter().zip(&held).filter(|(kept, _)| !**kept) {
                    // One that has ended meanwhile is not under way any more.
                    if under_way.lock().get(&taken.id()).is_some_and(|held| held.taken.claim() == taken.claim()) {
                        task.abort();
                    }
                }
            }
            Err(error) => tracing::warn!(?error, "leases could not be prolonged; trying again"),
        }
    }
}
