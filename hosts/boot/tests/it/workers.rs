//! Workers of a process, on the store in memory: what needs a runtime. Jobs wait for what the laws let happen, not
//! for time.

use std::sync::Arc;
use std::time::Duration;

use crm_boot::{Passing, QueueOptions, RunningWorkers, Schedule, WorkerOptions, run_workers};
use crm_core::job::{
    Handler, Handlers, Job, JobContext, JobError, JobState, Never, NewJob, Policy, Priority, Queue, Retry, Stop,
    Upload, Workers,
};
use crm_core::testkit::{FakeClock, MemoryStore, PATIENCE, samples};
use crm_core::transfer::Source as _;
use crm_core::workspace::Workspace;
use crm_core::{Actor, Crm, Id, Session, Zone};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The queue of the laws.
const NAPS: Queue = Queue::new("naps");

/// Notes that it began, sleeps until it is let go if it is told to, notes that it ended or was ended.
struct Nap {
    say: UnboundedSender<String>,
    gate: Arc<Semaphore>,
}

/// Says that a nap was ended, unless it ends by itself.
struct Ended<'a>(&'a UnboundedSender<String>, Option<String>);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        if let Some(name) = self.1.take() {
            let _ = self.0.send(format!("{name} is ended"));
        }
    }
}

impl Handler for Nap {
    type Payload = (String, bool);
    const KIND: &'static str = "nap";

    fn policy() -> Policy {
        Policy::on(NAPS).timeout_seconds(60)
    }

    async fn run(&self, job: &JobContext, (name, sleeps): (String, bool)) -> Result<(), JobError> {
        self.say.send(format!("{name} {} begins", job.attempt())).unwrap();
        let mut ended = Ended(&self.say, Some(name.clone()));
        if sleeps {
            self.gate.acquire().await.unwrap().forget();
        }
        ended.1 = None;
        self.say.send(format!("{name} ends")).unwrap();
        Ok(())
    }
}

/// Takes longer than it may.
struct Late;

impl Handler for Late {
    type Payload = ();
    const KIND: &'static str = "late";

    fn policy() -> Policy {
        Policy::on(NAPS).timeout_seconds(1).retry(Retry::NEVER)
    }

    async fn run(&self, _: &JobContext, (): ()) -> Result<(), JobError> {
        std::future::pending().await
    }
}

/// A job that ends at once.
fn short(name: &str) -> NewJob {
    Nap::job(&(name.to_owned(), false)).unwrap()
}

/// A job that sleeps until it is let go.
fn long(name: &str) -> NewJob {
    Nap::job(&(name.to_owned(), true)).unwrap()
}

struct House {
    crm: Crm,
    session: Session,
    workspace: Id<Workspace>,
    clock: Option<Arc<FakeClock>>,
    said: UnboundedReceiver<String>,
    say: UnboundedSender<String>,
    gate: Arc<Semaphore>,
}

impl House {
    async fn new() -> Self {
        Self::on(Crm::builder(MemoryStore::new()).build(), None).await
    }

    /// One whose time stands until a law moves it.
    async fn out_of_time() -> Self {
        let clock = Arc::new(FakeClock::at("2026-03-02T11:59:59Z".parse().unwrap()));
        clock.tick_micros(0);
        Self::on(Crm::builder(MemoryStore::new()).clock(clock.clone()).build(), Some(clock)).await
    }

    async fn on(crm: Crm, clock: Option<Arc<FakeClock>>) -> Self {
        let workspace = crm.create_workspace("Acme").await.unwrap().id;
        let session = crm.acting(Actor::system(workspace, "test")).await.unwrap();
        let (say, said) = unbounded_channel();
        Self { crm, session, workspace, clock, said, say, gate: Arc::new(Semaphore::new(0)) }
    }

    fn options(&self) -> WorkerOptions {
        WorkerOptions::none().handler(Nap { say: self.say.clone(), gate: self.gate.clone() }).handler(Late)
    }

    fn work(&self, options: WorkerOptions) -> RunningWorkers {
        run_workers(&self.crm, options)
    }

    fn clock(&self) -> &FakeClock {
        self.clock.as_deref().unwrap()
    }

    /// Lets so many sleepers go.
    fn let_go(&self, sleepers: usize) {
        self.gate.add_permits(sleepers);
    }

    async fn enqueue(&self, job: NewJob) -> Id<Job> {
        self.session.jobs().enqueue(job).await.unwrap().id
    }

    async fn heard(&mut self) -> String {
        tokio::time::timeout(PATIENCE, self.said.recv()).await.unwrap().unwrap()
    }

    async fn job(&self, id: Id<Job>) -> Job {
        self.session.jobs().read(id).await.unwrap().into_inner()
    }

    /// The job once it is as the law waits for.
    async fn until(&self, id: Id<Job>, is_so: impl Fn(&Job) -> bool) -> Job {
        let wait = async {
            loop {
                let job = self.job(id).await;
                if is_so(&job) {
                    return job;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap()
    }

    async fn ended(&self, id: Id<Job>) -> Job {
        self.until(id, |job| job.finished_at.is_some()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_hears_of_each_job_before_it_would_look_by_itself() {
    let mut house = House::new().await;
    let workers = house.work(house.options());
    // Whoever looks once a second does no hundred jobs in a minute, each enqueued after the one before.
    let bound = house.enqueue(short("bound").after_seconds(60)).await;
    for at in 0..100 {
        let name = at.to_string();
        let id = house.enqueue(short(&name)).await;
        assert_eq!((house.heard().await, house.heard().await), (format!("{name} 1 begins"), format!("{name} ends")));
        assert_eq!(house.ended(id).await.state, JobState::Done);
    }
    assert_eq!(house.job(bound).await.state, JobState::Queued);
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_takes_too_long_is_ended_and_others_are_done() {
    let house = House::new().await;
    let workers = house.work(house.options());
    let late = house.enqueue(Late::job(&()).unwrap()).await;
    let good = house.enqueue(short("good")).await;
    let late = house.ended(late).await;
    assert_eq!((late.state, late.error.unwrap().code.as_str()), (JobState::Failed, "timed_out"));
    assert_eq!(house.ended(good).await.state, JobState::Done);
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_stop_finish_what_they_can_and_give_the_rest_back() {
    let mut house = House::new().await;
    // Long for a machine that has much to do between the beginning of the end and what is let go there.
    let workers = house.work(house.options().grace(Duration::from_secs(5)));
    let first = house.enqueue(long("first")).await;
    assert_eq!(house.heard().await, "first 1 begins");
    let second = house.enqueue(long("second")).await;
    assert_eq!(house.heard().await, "second 1 begins");
    let waits = house.enqueue(short("waits").after_seconds(4)).await;
    let stopping = tokio::spawn(workers.stop());
    // The first to wait is the first to go.
    house.let_go(1);
    assert_eq!(house.heard().await, "first ends");
    assert_eq!(house.heard().await, "second is ended");
    stopping.await.unwrap();
    assert_eq!(house.job(first).await.state, JobState::Done);
    let back = house.job(second).await;
    assert_eq!((back.state, back.attempts), (JobState::Queued, 0));
    assert_eq!(house.job(waits).await.state, JobState::Queued);
    // The next process does it from the beginning.
    house.let_go(1);
    let workers = house.work(house.options());
    assert_eq!(house.ended(second).await.state, JobState::Done);
    assert_eq!(house.ended(waits).await.state, JobState::Done);
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_cancelled_while_it_runs_is_ended_at_the_next_heartbeat() {
    let mut house = House::new().await;
    let workers = house.work(house.options().lease_seconds(1));
    let id = house.enqueue(long("long")).await;
    assert_eq!(house.heard().await, "long 1 begins");
    house.session.jobs().cancel(id).await.unwrap();
    assert_eq!(house.heard().await, "long is ended");
    assert_eq!(house.job(id).await.state, JobState::Cancelled);
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_outlives_its_lease_is_held_by_its_heartbeat() {
    let mut house = House::out_of_time().await;
    let workers = [house.work(house.options().lease_seconds(2)), house.work(house.options().lease_seconds(2))];
    let id = house.enqueue(long("long")).await;
    assert_eq!(house.heard().await, "long 1 begins");
    // Twice the lease passes, a second after each heartbeat.
    for _ in 0..4 {
        house.clock().advance_seconds(1);
        let due = house.crm.now().plus_seconds(2);
        let held = house.until(id, |job| job.due_at == Some(due)).await;
        assert_eq!((held.state, held.attempts), (JobState::Running, 1));
    }
    house.let_go(1);
    assert_eq!(house.heard().await, "long ends");
    assert_eq!(house.ended(id).await.state, JobState::Done);
    for workers in workers {
        workers.stop().await;
    }
}

/// Workers of somebody who does one job and goes, as a command does.
fn passers_by(house: &House) -> Workers {
    let nap = Nap { say: house.say.clone(), gate: house.gate.clone() };
    house.crm.workers().with(&Handlers::new().with(nap).with(Late)).lease_seconds(2)
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_one_job_holds_it_by_a_heartbeat_and_hears_when_it_is_lost() {
    let mut house = House::out_of_time().await;
    let id = house.enqueue(long("long")).await;
    let (workers, workspace, stop): (_, _, Arc<dyn Stop>) = (passers_by(&house), house.workspace, Arc::new(Never));
    let doing = tokio::spawn(async move { workers.work_on(workspace, id, &stop, &Passing).await.unwrap() });
    assert_eq!(house.heard().await, "long 1 begins");
    // Twice the lease passes, a second after each heartbeat.
    for _ in 0..4 {
        house.clock().advance_seconds(1);
        let due = house.crm.now().plus_seconds(2);
        let held = house.until(id, |job| job.due_at == Some(due)).await;
        assert_eq!((held.state, held.attempts), (JobState::Running, 1));
    }
    house.session.jobs().cancel(id).await.unwrap();
    assert_eq!(house.heard().await, "long is ended");
    assert!(doing.await.unwrap());
    assert_eq!(house.job(id).await.state, JobState::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_does_one_job_ends_an_attempt_that_takes_too_long() {
    let house = House::new().await;
    let late = house.enqueue(Late::job(&()).unwrap()).await;
    let stop: Arc<dyn Stop> = Arc::new(Never);
    assert!(passers_by(&house).work(&stop, &Passing).await.unwrap());
    let late = house.job(late).await;
    assert_eq!((late.state, late.error.unwrap().code.as_str()), (JobState::Failed, "timed_out"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_slept_through_a_lease_ends_its_old_attempt_before_the_new_one() {
    let mut house = House::out_of_time().await;
    // The heartbeat comes after ten seconds: the lease ends before it.
    let workers = house.work(house.options());
    let (id, other) = (house.enqueue(long("long")).await, short("other"));
    assert_eq!(house.heard().await, "long 1 begins");
    house.clock().advance_seconds(121);
    assert_eq!(house.heard().await, "long is ended");
    assert_eq!(house.heard().await, "long 2 begins");
    house.let_go(1);
    assert_eq!(house.heard().await, "long ends");
    let done = house.ended(id).await;
    assert_eq!((done.state, done.attempts, done.errors[0].code.as_str()), (JobState::Done, 2, "lease_expired"));
    // Its place is free again, and only one was taken.
    let other = house.enqueue(other).await;
    assert_eq!(house.ended(other).await.state, JobState::Done);
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_jobs_run_at_once_than_their_queue_allows() {
    let mut house = House::new().await;
    let workers = house.work(house.options().queue(QueueOptions::new(NAPS).concurrency(2)));
    for at in 0..6 {
        house.enqueue(long(&at.to_string())).await;
    }
    let (mut running, mut begun) = (0, 0);
    for _ in 0..12 {
        match house.heard().await.ends_with("begins") {
            true => (running, begun) = (running + 1, begun + 1),
            false => running -= 1,
        }
        assert!((0..=2).contains(&running));
        // Those that are at it go when there is another for each.
        if running == 2 {
            house.let_go(if begun == 6 { 2 } else { 1 });
        }
    }
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_of_a_short_span_is_used_up() {
    let mut house = House::new().await;
    let rated = QueueOptions::new(NAPS).concurrency(1).rate(1, Duration::from_millis(20));
    // Whoever looks once a second does no thirty jobs in twenty seconds, after which this one goes first.
    let bound = house.enqueue(short("bound").priority(Priority::Urgent).after_seconds(20)).await;
    for at in 0..30 {
        house.enqueue(short(&at.to_string())).await;
    }
    let workers = house.work(house.options().queue(rated));
    for at in 0..30 {
        assert_eq!((house.heard().await, house.heard().await), (format!("{at} 1 begins"), format!("{at} ends")));
    }
    assert_eq!(house.job(bound).await.state, JobState::Queued);
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_forgotten_soon_after_the_start_and_every_hour() {
    const WEEK: i64 = 7 * 24 * 60 * 60;
    let house = House::out_of_time().await;
    let transfers = house.session.transfers();
    let sent = async || {
        let mut spool = transfers.receive().unwrap();
        spool.write(b"old").await.unwrap();
        spool.finish().await.unwrap()
    };
    let forgotten = async |upload: &Upload| {
        let wait = async {
            while transfers.spooled(upload).unwrap().read_at(0, 3).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.unwrap();
    };
    let first = sent().await;
    house.clock().advance_seconds(WEEK - 30);
    let second = sent().await;
    // A process that does one queue of its own and lives for a minute and a little.
    let workers = house.work(house.options());
    house.clock().advance_seconds(61);
    forgotten(&first).await;
    assert_eq!(transfers.spooled(&second).unwrap().read_at(0, 3).await.unwrap(), b"old");
    let key = samples::key("key", "body");
    house.session.clone().once(key).contacts().create(samples::contact("Ada")).await.unwrap();
    house.clock().advance_seconds(WEEK);
    // Files come after keys.
    forgotten(&second).await;
    assert_eq!(house.crm.forget_old_keys(&Never).await.unwrap(), 0);
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tick_comes_once_however_many_processes_keep_it() {
    let mut house = House::out_of_time().await;
    let schedule = |name: &str, pattern: &str| {
        Schedule::new(name, pattern, Zone::UTC, short(name)).unwrap().in_workspace(house.workspace)
    };
    // What each keeps besides shows that it is past the tick that all keep.
    let options = |own: &str| {
        let all = house.options().schedule(schedule("noon", "0 12 * * *")).schedule(schedule("never", "0 0 1 1 *"));
        all.schedule(schedule(own, "0 12 * * *"))
    };
    let workers = ["one", "two", "three"].map(|own| house.work(options(own)));
    house.clock().advance_seconds(1);
    let mut begun = Vec::new();
    while begun.len() < 4 {
        begun.extend(Some(house.heard().await).filter(|said| said.ends_with("begins")));
    }
    begun.sort_unstable();
    assert_eq!(begun, ["noon 1 begins", "one 1 begins", "three 1 begins", "two 1 begins"]);
    for workers in workers {
        workers.stop().await;
    }
    assert_eq!(house.session.jobs().list(&Default::default()).await.unwrap().data.len(), 4);
}
