//! Jobs of one's own: enqueued with their change, taken once, in their order, tried again, never lost.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};

use super::support::{conflicts, fails, names, refused};
use crate::access::{Actor, Role};
use crate::crm::Crm;
use crate::error::ErrorKind::{Conflict, Denied, Invalid};
use crate::id::Id;
use crate::job::{
    HEARTBEAT_SECONDS, Handler, Job, JobContext, JobError, JobState, JobsRequest, LEASE_SECONDS, Never, NewJob, Policy,
    Priority, Queue, Retry, RetryJobs, Stop, Taken, Task, Timer,
};
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};

/// The queue of the laws.
pub(super) const PROBES: Queue = Queue::new("probes");

/// What a job of the laws does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Does {
    Succeed,
    Stumble,
    Break,
    Panic,
    Hang,
    AskForPatience,
    CreateContact,
    Report,
    /// A text of so many letters.
    ReportMuch,
}

/// A kind of job that notes what it is asked.
pub(super) struct Probe(pub(super) Log);

pub(super) type Log = Arc<Mutex<Vec<String>>>;

impl Handler for Probe {
    type Payload = (Does, String);
    const KIND: &'static str = "probe";

    fn policy() -> Policy {
        let retry = Retry { max_attempts: 3, first_wait_seconds: 10, longest_wait_seconds: 60, jitter_percent: 0 };
        Policy::on(PROBES).timeout_seconds(30).retry(retry)
    }

    async fn run(&self, job: &JobContext, (does, name): Self::Payload) -> Result<(), JobError> {
        self.0.lock().push(format!("{name} {}", job.attempt()));
        match does {
            Does::Succeed => Ok(()),
            Does::Stumble => Err(JobError::retry("busy", "the other side is busy")),
            Does::Break => Err(JobError::fatal("gone", "the other side is gone")),
            Does::Panic => panic!("a defect of {name}"),
            Does::Hang => std::future::pending().await,
            Does::AskForPatience => Err(JobError::rate_limited(job.now().plus_seconds(40), "too fast")),
            Does::CreateContact => {
                job.once("create").await?.contacts().create(samples::contact(&name)).await?;
                Ok(())
            }
            Does::Report => {
                job.progress(1, Some(2)).await?;
                job.set_result(&name)?;
                Ok(())
            }
            Does::ReportMuch => Ok(job.set_result(&"x".repeat(name.parse().unwrap()))?),
        }
    }
}

/// Two engines that know the kind, and what its jobs were asked.
pub(super) fn learnt(world: &World) -> ([Crm; 2], Log) {
    let log = Log::default();
    (world.engines(|builder| builder.handler(Probe(log.clone()))), log)
}

pub(super) async fn admin(crm: &Crm, world: &World) -> Session {
    crm.acting(Actor::user(world.home.workspace, world.home.member(Role::Admin))).await.unwrap()
}

pub(super) fn job(does: Does, name: &str) -> NewJob {
    Probe::job(&(does, name.to_owned())).unwrap()
}

pub(super) async fn enqueued(session: &Session, job: NewJob) -> Id<Job> {
    session.jobs().enqueue(job).await.unwrap().id
}

pub(super) async fn take(crm: &Crm, most: u16) -> Vec<Taken> {
    crm.workers().take(&[(PROBES, most)], most).await.unwrap()
}

/// Does what is due, and says how many there were.
pub(super) async fn work(crm: &Crm) -> usize {
    let mut done = 0;
    while crm.work(Arc::new(Never)).await.unwrap() {
        done += 1;
    }
    done
}

pub(super) async fn read(session: &Session, id: Id<Job>) -> Job {
    session.jobs().read(id).await.unwrap().into_inner()
}

async fn count(session: &Session) -> usize {
    session.jobs().list(&JobsRequest { limit: Some(200), ..JobsRequest::default() }).await.unwrap().data.len()
}

/// A timer for whom all time has passed.
pub(super) struct Over;

#[async_trait]
impl Timer for Over {
    async fn pass(&self, _seconds: u32) {}
}

pub(super) fn never() -> Arc<dyn Stop> {
    Arc::new(Never)
}

pub async fn of_many_workers_each_job_goes_to_one(world: World) {
    let ([crm, second], log) = learnt(&world);
    let session = admin(&crm, &world).await;
    let jobs = (0..60).map(|at| job(Does::Succeed, &format!("job {at:02}")));
    let all: BTreeSet<Id<Job>> =
        session.jobs().enqueue_all(jobs).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(all.len(), 60);
    let worker = |crm: Crm| -> BoxFuture<'static, Vec<Id<Job>>> {
        Box::pin(async move {
            let mut taken = Vec::new();
            loop {
                let some = take(&crm, 7).await;
                if some.is_empty() {
                    return taken.iter().map(Taken::id).collect();
                }
                for one in &some {
                    let settled = crm.workers().run(one, &never(), &crate::job::Endless).await;
                    crm.workers().settle(settled.as_slice()).await.unwrap();
                }
                taken.extend(some);
            }
        })
    };
    let workers = [crm.clone(), second.clone(), crm.clone(), second].map(worker);
    let taken: Vec<Id<Job>> = world.at_once(workers).await.concat();
    assert_eq!((taken.len(), taken.into_iter().collect::<BTreeSet<_>>()), (60, all));
    assert_eq!(log.lock().len(), 60);
    let page = session.jobs().list(&JobsRequest { limit: Some(200), ..JobsRequest::default() }).await.unwrap();
    assert!(page.data.iter().all(|job| (job.state, job.attempts, &job.error) == (JobState::Done, 1, &None)));
}

pub async fn a_job_is_there_exactly_when_its_change_is(world: World) {
    let ([crm, _], log) = learnt(&world);
    let session = admin(&crm, &world).await;
    let contact = session.contacts().create(samples::contact("Ada")).await.unwrap();
    let with = session.clone().enqueueing(job(Does::Succeed, "refused"));
    let renamed = || samples::contact("Grace");
    conflicts(with.contacts().update(contact.id, renamed(), Expect::Version(9)).await, "stale_version");
    fails(with.contacts().create(samples::contact(&"x".repeat(5_000))).await, Invalid);
    assert_eq!((count(&session).await, work(&crm).await), (0, 0));
    // The refused session still has it, for the change that succeeds, and for one alone.
    with.contacts().update(contact.id, renamed(), Expect::Any).await.unwrap();
    with.contacts().create(samples::contact("Curie")).await.unwrap();
    assert_eq!((count(&session).await, work(&crm).await), (1, 1));
    assert_eq!(*log.lock(), ["refused 1"]);
    let unnamed = job(Does::Succeed, "x").on(Queue::new("No Queue"));
    fails(session.clone().enqueueing(unnamed).contacts().create(samples::contact("Hopper")).await, Invalid);
    assert_eq!(names(&session, &samples::list()).await, ["Curie", "Grace"]);
}

pub async fn many_jobs_are_enqueued_at_once_or_none(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let bad = [job(Does::Succeed, "x"), job(Does::Succeed, &"x".repeat(300_000))];
    fails(session.jobs().enqueue_all(bad).await, Invalid);
    assert_eq!(count(&session).await, 0);
    let all = (0..4_500).map(|at| job(Does::Succeed, &at.to_string()));
    assert_eq!(session.jobs().enqueue_all(all).await.unwrap().len(), 4_500);
    let mut taken = 0;
    loop {
        let some = take(&crm, 2_000).await;
        if some.is_empty() {
            break;
        }
        let settled: Vec<_> = some.iter().filter_map(|one| crm.workers().given_back(one)).collect();
        taken += settled.len();
        crm.ports.work.settle_jobs(&settled).await.unwrap();
        if taken >= 4_500 {
            break;
        }
        // Those that were given back are due again, behind the others.
    }
    assert!(taken >= 4_500);
}

pub async fn one_unique_key_is_one_job(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let one = || job(Does::Succeed, "one").unique("report of May");
    let first = session.jobs().enqueue(one()).await.unwrap();
    let again = session.jobs().enqueue(one()).await.unwrap();
    assert_eq!((first.is_new, again.is_new, again.id), (true, false, first.id));
    // A change whose job is there already is written all the same.
    session.clone().enqueueing(one()).contacts().create(samples::contact("Ada")).await.unwrap();
    assert_eq!((count(&session).await, names(&session, &samples::list()).await.len()), (1, 1));
    assert!(session.jobs().enqueue(job(Does::Succeed, "other").unique("report of June")).await.unwrap().is_new);
    assert!(world_away(&crm, &world).await.jobs().enqueue(one()).await.unwrap().is_new);
    assert_eq!(work(&crm).await, 3);
    // Once it has ended another may come.
    let next = session.jobs().enqueue(one()).await.unwrap();
    assert!(next.is_new && next.id != first.id);
    session.jobs().cancel(next.id).await.unwrap();
    let last = session.jobs().enqueue(one()).await.unwrap();
    assert!(last.is_new);
    conflicts(session.jobs().retry(next.id).await, "job_unique");
    // For a time, whatever becomes of the first.
    let daily = || job(Does::Succeed, "daily").unique_for("daily", 3_600);
    assert!(session.jobs().enqueue(daily()).await.unwrap().is_new);
    work(&crm).await;
    world.clock.advance_seconds(3_500);
    let session = admin(&crm, &world).await;
    assert!(!session.jobs().enqueue(daily()).await.unwrap().is_new);
    world.clock.advance_seconds(200);
    let session = admin(&crm, &world).await;
    assert!(session.jobs().enqueue(daily()).await.unwrap().is_new);
}

pub(super) async fn world_away(crm: &Crm, world: &World) -> Session {
    crm.acting(Actor::user(world.away.workspace, world.away.member(Role::Admin))).await.unwrap()
}

pub async fn urgent_jobs_go_first_and_then_those_that_wait_longest(world: World) {
    let ([crm, _], log) = learnt(&world);
    let session = admin(&crm, &world).await;
    let now = world.crm.now();
    for (name, priority, ago) in [
        ("normal late", Priority::Normal, 10),
        ("low", Priority::Low, 100),
        ("normal early", Priority::Normal, 20),
        ("urgent", Priority::Urgent, 1),
        ("high", Priority::High, 5),
    ] {
        enqueued(&session, job(Does::Succeed, name).priority(priority).at(now.plus_seconds(-ago))).await;
    }
    assert_eq!(work(&crm).await, 5);
    assert_eq!(*log.lock(), ["urgent 1", "high 1", "normal early 1", "normal late 1", "low 1"]);
}

pub async fn a_job_waits_for_its_time(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let id = enqueued(&session, job(Does::Succeed, "later").after_seconds(60)).await;
    assert_eq!(work(&crm).await, 0);
    let due = crm.workers().next_due(&[PROBES]).await.unwrap().unwrap();
    assert_eq!(Some(due), read(&session, id).await.due_at);
    assert_eq!(crm.workers().next_due(&[Queue::EMAIL]).await.unwrap(), None);
    world.clock.advance_seconds(61);
    assert_eq!(work(&crm).await, 1);
    assert_eq!(crm.workers().next_due(&[PROBES]).await.unwrap(), None);
}

pub async fn a_paused_queue_gives_nothing_until_it_goes_on(world: World) {
    let ([crm, second], log) = learnt(&world);
    let session = admin(&crm, &world).await;
    enqueued(&session, job(Does::Succeed, "home")).await;
    enqueued(&world_away(&crm, &world).await, job(Does::Succeed, "away")).await;
    let paused = session.queues().pause(&PROBES).await.unwrap();
    assert_eq!(session.queues().pause(&PROBES).await.unwrap().paused_at, paused.paused_at);
    // Every process leaves it alone, and of this workspace only.
    assert_eq!((work(&second).await, work(&crm).await), (1, 0));
    assert_eq!(*log.lock(), ["away 1"]);
    enqueued(&session, job(Does::Succeed, "later")).await;
    assert_eq!(work(&crm).await, 0);
    assert_eq!(session.queues().resume(&PROBES).await.unwrap().paused_at, None);
    assert_eq!(work(&crm).await, 2);
    // Pausing is a setting of the workspace.
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        let member = world.session(role).await;
        fails(member.queues().pause(&PROBES).await, Denied);
        fails(member.queues().resume(&PROBES).await, Denied);
        fails(member.queues().list().await, Denied);
    }
}

pub async fn a_job_that_stumbles_waits_longer_each_time_and_fails_with_its_history(world: World) {
    let ([crm, _], _) = learnt(&world);
    let id = enqueued(&admin(&crm, &world).await, job(Does::Stumble, "x")).await;
    for (attempt, wait) in [(1, 10), (2, 20)] {
        assert_eq!(work(&crm).await, 1);
        let waiting = read(&admin(&crm, &world).await, id).await;
        assert_eq!((waiting.state, waiting.attempts), (JobState::Queued, attempt));
        let fault = waiting.errors.last().unwrap();
        assert_eq!((fault.attempt, fault.code.as_str()), (attempt, "busy"));
        assert_eq!(waiting.due_at.unwrap().micros() - waiting.updated_at.micros(), wait * 1_000_000);
        world.clock.advance_seconds(wait - 2);
        assert_eq!(work(&crm).await, 0);
        world.clock.advance_seconds(3);
    }
    assert_eq!(work(&crm).await, 1);
    let session = admin(&crm, &world).await;
    let failed = read(&session, id).await;
    assert_eq!((failed.state, failed.attempts, failed.errors.len()), (JobState::Failed, 3, 3));
    assert_eq!(failed.error.unwrap().code, "busy");
    assert_eq!(failed.errors.iter().map(|fault| fault.attempt).collect::<Vec<_>>(), [1, 2, 3]);
    // Taken up again it has all its attempts, and its history stays.
    let again = session.jobs().retry(id).await.unwrap();
    assert_eq!((again.state, again.attempts, again.errors.len(), &again.error), (JobState::Queued, 0, 3, &None));
}

pub async fn a_fault_that_nothing_mends_is_not_tried_again(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let ids = [enqueued(&session, job(Does::Break, "a")).await, enqueued(&session, job(Does::Break, "b")).await];
    let good = enqueued(&session, job(Does::Succeed, "c")).await;
    assert_eq!(work(&crm).await, 3);
    for id in ids {
        let failed = read(&session, id).await;
        assert_eq!((failed.state, failed.attempts, failed.error.unwrap().code.as_str()), (JobState::Failed, 1, "gone"));
    }
    // All that failed are taken up at once.
    let wrong = RetryJobs { queue: Some(Queue::EMAIL), kind: None };
    assert_eq!(session.jobs().retry_failed(&wrong).await.unwrap().retried, 0);
    let of_kind = RetryJobs { queue: Some(PROBES), kind: Some("probe".to_owned()) };
    let retried = session.jobs().retry_failed(&of_kind).await.unwrap();
    assert_eq!((retried.retried, retried.has_more), (2, false));
    assert_eq!(read(&session, good).await.state, JobState::Done);
    assert_eq!(work(&crm).await, 2);
}

pub async fn patience_that_somebody_asks_for_costs_no_attempt_and_no_history(world: World) {
    let ([crm, _], _) = learnt(&world);
    let id = enqueued(&admin(&crm, &world).await, job(Does::AskForPatience, "x")).await;
    // An attempt of before says something.
    take(&crm, 1).await;
    world.clock.advance_seconds(LEASE_SECONDS + 1);
    for _ in 1..=5 {
        assert_eq!(work(&crm).await, 1);
        let waiting = read(&admin(&crm, &world).await, id).await;
        let codes: Vec<&str> = waiting.errors.iter().map(|fault| fault.code.as_str()).collect();
        assert_eq!((waiting.state, waiting.attempts), (JobState::Queued, 1));
        assert_eq!(codes, ["lease_expired", "rate_limited"]);
        world.clock.advance_seconds(30);
        assert_eq!(work(&crm).await, 0);
        world.clock.advance_seconds(11);
    }
}

/// The same kind by its name, with another payload: jobs of before an update.
struct Former;

impl Handler for Former {
    type Payload = u8;
    const KIND: &'static str = Probe::KIND;

    fn policy() -> Policy {
        Probe::policy()
    }

    async fn run(&self, _: &JobContext, _: u8) -> Result<(), JobError> {
        Ok(())
    }
}

/// A kind that no process knows.
struct Unknown;

impl Handler for Unknown {
    type Payload = ();
    const KIND: &'static str = "unknown_kind";

    fn policy() -> Policy {
        Policy::on(PROBES)
    }

    async fn run(&self, _: &JobContext, (): ()) -> Result<(), JobError> {
        Ok(())
    }
}

pub async fn each_way_to_go_wrong_ends_with_its_reason_and_neighbours_go_on(world: World) {
    let ([crm, _], log) = learnt(&world);
    let session = admin(&crm, &world).await;
    let panics = enqueued(&session, job(Does::Panic, "panics")).await;
    let former = enqueued(&session, Former::job(&7).unwrap()).await;
    let unknown = enqueued(&session, Unknown::job(&()).unwrap()).await;
    let hangs = enqueued(&session, job(Does::Hang, "hangs")).await;
    let good = enqueued(&session, job(Does::Succeed, "good")).await;
    for taken in take(&crm, 10).await {
        let workers = crm.workers();
        let settled = match taken.id() == hangs {
            true => workers.run(&taken, &never(), &Over).await,
            false => workers.run(&taken, &never(), &crate::job::Endless).await,
        };
        workers.settle(settled.as_slice()).await.unwrap();
    }
    for (id, state, code) in [
        (panics, JobState::Queued, "panicked"),
        (former, JobState::Failed, "payload"),
        (unknown, JobState::Queued, "no_handler"),
        (hangs, JobState::Queued, "timed_out"),
    ] {
        let job = read(&session, id).await;
        assert_eq!((job.state, job.error.unwrap().code.as_str()), (state, code));
        assert_eq!((job.errors.len(), job.errors[0].code.as_str()), (1, code));
    }
    assert!(read(&session, panics).await.error.unwrap().detail.contains("a defect of panics"));
    assert_eq!(read(&session, good).await.state, JobState::Done);
    assert!(log.lock().contains(&"good 1".to_owned()));
}

pub async fn a_lease_that_ends_gives_the_job_to_another_worker(world: World) {
    let ([crm, second], _) = learnt(&world);
    let id = enqueued(&admin(&crm, &world).await, job(Does::CreateContact, "Ada")).await;
    let dead = take(&crm, 1).await.remove(0);
    let workers = crm.workers();
    let settled = workers.run(&dead, &never(), &crate::job::Endless).await;
    assert_eq!(workers.hold(std::slice::from_ref(&dead)).await.unwrap(), [true]);
    world.clock.advance_seconds(119);
    assert!(take(&second, 1).await.is_empty());
    world.clock.advance_seconds(3);
    let alive = take(&second, 1).await.remove(0);
    assert_eq!((alive.id(), alive.job().attempts), (id, 2));
    assert_eq!(alive.job().errors[0].code, "lease_expired");
    // Whoever was thought dead finds out, and what it says counts no more.
    assert_eq!(workers.hold(&[dead]).await.unwrap(), [false]);
    workers.settle(settled.as_slice()).await.unwrap();
    assert_eq!(read(&admin(&crm, &world).await, id).await.state, JobState::Running);
    let settled = second.workers().run(&alive, &never(), &crate::job::Endless).await;
    second.workers().settle(settled.as_slice()).await.unwrap();
    let session = admin(&crm, &world).await;
    assert_eq!(read(&session, id).await.state, JobState::Done);
    // Both did it, under one key.
    assert_eq!(names(&session, &samples::list()).await, ["Ada"]);
}

pub async fn a_worker_hears_that_its_job_was_cancelled(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let id = enqueued(&session, job(Does::Report, "told")).await;
    let taken = take(&crm, 1).await.remove(0);
    session.jobs().cancel(id).await.unwrap();
    assert!(crm.workers().run(&taken, &never(), &crate::job::Endless).await.is_none());
    assert_eq!(crm.workers().hold(&[taken]).await.unwrap(), [false]);
    assert_eq!(read(&session, id).await.state, JobState::Cancelled);
    session.jobs().retry(id).await.unwrap();
    world.clock.advance_seconds(HEARTBEAT_SECONDS + 1);
    assert_eq!(work(&crm).await, 1);
    let done = read(&admin(&crm, &world).await, id).await;
    assert_eq!((done.progress.done, done.progress.total), (1, Some(2)));
    assert_eq!((done.state, done.result), (JobState::Done, Some("told".into())));
}

pub async fn a_payload_is_seen_by_whoever_sees_all_jobs_unless_it_is_concealed(world: World) {
    let ([crm, _], _) = learnt(&world);
    let rep = crm.acting(Actor::user(world.home.workspace, world.home.member(Role::SalesRep))).await.unwrap();
    let open = enqueued(&rep, job(Does::Succeed, "open")).await;
    let secret = enqueued(&rep, job(Does::Succeed, "secret").concealed()).await;
    let session = admin(&crm, &world).await;
    let shown = async |session: &Session, id: Id<Job>| match read(session, id).await.task {
        Task::Run { payload, .. } => !payload.is_null(),
        task => panic!("{task:?}"),
    };
    assert_eq!((shown(&session, open).await, shown(&session, secret).await), (true, false));
    assert_eq!((shown(&rep, open).await, shown(&rep, secret).await), (false, false));
    let list = session.jobs().list(&JobsRequest::default()).await.unwrap();
    assert!(!format!("{:?}", list.data).contains("secret"));
    let kind = |kind: &str| JobsRequest { kind: Some(kind.to_owned()), ..JobsRequest::default() };
    assert_eq!(session.jobs().list(&kind("probe")).await.unwrap().data.len(), 2);
    assert!(session.jobs().list(&kind("import")).await.unwrap().data.is_empty());
    assert_eq!(work(&crm).await, 2);
}

pub async fn a_queue_tells_what_it_holds_and_how_long_it_takes(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    assert!(session.queues().list().await.unwrap().len() >= Queue::STANDARD.len());
    let waiting = enqueued(&session, job(Does::Succeed, "a")).await;
    enqueued(&session, job(Does::Break, "b")).await;
    world.clock.advance_seconds(5);
    assert_eq!(work(&crm).await, 2);
    let session = admin(&crm, &world).await;
    let stopped = enqueued(&session, job(Does::Succeed, "c")).await;
    session.jobs().cancel(stopped).await.unwrap();
    enqueued(&session, job(Does::Succeed, "d").priority(Priority::Urgent)).await;
    assert_eq!(take(&crm, 1).await.len(), 1);
    enqueued(&session, job(Does::Succeed, "e")).await;
    enqueued(&session, job(Does::Succeed, "f").after_seconds(99)).await;
    let state = session.queues().read(&PROBES).await.unwrap();
    let counts = state.counts;
    assert_eq!((counts.queued, counts.scheduled, counts.running), (1, 1, 1));
    assert_eq!((counts.done, counts.failed, counts.cancelled), (1, 1, 1));
    assert!(state.waiting_since.is_some());
    assert_eq!(state.latency.jobs, 1);
    assert!((5_000..6_000).contains(&state.latency.wait_ms_p95), "{state:?}");
    assert!(read(&session, waiting).await.started_at.is_some());
    // Another workspace knows nothing of it.
    assert!(world_away(&crm, &world).await.queues().list().await.unwrap().iter().all(|queue| queue.name != PROBES));
}

pub async fn jobs_that_ended_long_ago_are_forgotten(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let done = enqueued(&session, job(Does::Succeed, "done").unique_for("key", 50)).await;
    let failed = enqueued(&session, job(Does::Break, "failed")).await;
    let waits = enqueued(&session, job(Does::Succeed, "waits").after_seconds(10_000)).await;
    assert_eq!(work(&crm).await, 2);
    assert_eq!(crm.workers().prune(60, 3_600, &Never).await.unwrap(), 0);
    world.clock.advance_seconds(120);
    assert_eq!(crm.workers().prune(60, 3_600, &Never).await.unwrap(), 1);
    let session = admin(&crm, &world).await;
    fails(session.jobs().read(done).await, crate::ErrorKind::NotFound);
    assert_eq!(read(&session, failed).await.state, JobState::Failed);
    world.clock.advance_seconds(3_600);
    assert_eq!(crm.workers().prune(60, 3_600, &Never).await.unwrap(), 1);
    assert_eq!(read(&admin(&crm, &world).await, waits).await.state, JobState::Queued);
}

pub async fn an_id_of_ones_own_is_a_jobs_and_nobody_elses(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let id = Id::new_at(world.crm.now());
    assert_eq!(enqueued(&session, job(Does::Succeed, "x").with_id(id)).await, id);
    let again = refused(session.jobs().enqueue(job(Does::Succeed, "y").with_id(id)).await);
    assert_eq!(again.kind(), Conflict);
    assert_eq!(work(&crm).await, 1);
}
