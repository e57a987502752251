//! Jobs in the hands of their workers: what a worker may write, what it tells, what it enqueues.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use parking_lot::Mutex;

use super::workers::{Does, Over, PROBES, Probe, admin, enqueued, job, learnt, never, read, take, work, world_away};
use crate::access::{Action, Actor, Entity, Role};
use crate::id::Id;
use crate::job::{
    COUNTED_SECONDS, Endless, Enqueued, Handler, Job, JobContext, JobError, JobState, JobsRequest, Never, Policy,
    Priority, Progress, Queue, QueueCounts, QueueState, Retry, Stop, Taken,
};
use crate::testkit::World;

pub async fn a_worker_holds_its_job_by_its_claim_whatever_its_version(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let id = enqueued(&session, job(Does::Hang, "hangs")).await;
    let taken = take(&crm, 1).await.remove(0);
    // As a write that the store has made and its writer has not heard of yet.
    let ahead = Taken::new(world.home.workspace, taken.job());
    let lease_seconds = 120;
    let context = JobContext { crm: crm.clone(), taken: ahead, stop: never(), lease_seconds };
    context.progress(1, Some(2)).await.unwrap();
    let written = read(&session, id).await;
    assert!(written.version > taken.job().version);
    assert_eq!(written.progress, Progress { done: 1, total: Some(2) });
    // A heartbeat between the two finds the attempt healthy,
    let workers = crm.workers();
    assert_eq!(workers.hold(std::slice::from_ref(&taken)).await.unwrap(), [true]);
    // and an attempt that ends between the two has ended.
    let settled = workers.run(&taken, &never(), &Over).await;
    workers.settle(settled.as_slice()).await.unwrap();
    let waiting = read(&session, id).await;
    assert_eq!((waiting.state, waiting.error.unwrap().code.as_str()), (JobState::Queued, "timed_out"));
    assert!(waiting.version > written.version);
    // What was on its way meanwhile counts no more.
    assert!(context.progress(2, Some(2)).await.is_err());
    assert_eq!(workers.hold(&[taken]).await.unwrap(), [false]);
}

pub async fn of_two_takes_of_a_job_the_later_alone_is_heard(world: World) {
    let ([crm, _], _) = learnt(&world);
    let id = enqueued(&admin(&crm, &world).await, job(Does::Succeed, "x")).await;
    let workers = crm.workers();
    let first = take(&crm, 1).await.remove(0);
    let late = workers.run(&first, &never(), &Endless).await;
    world.clock.advance_seconds(130);
    // The same worker, which slept through its lease.
    let second = take(&crm, 1).await.remove(0);
    assert_eq!((second.id(), second.job().attempts), (id, 2));
    assert!(second.claim() > first.claim());
    workers.settle(late.as_slice()).await.unwrap();
    assert_eq!(workers.hold(&[first, second.clone()]).await.unwrap(), [false, true]);
    let session = admin(&crm, &world).await;
    assert_eq!(read(&session, id).await.state, JobState::Running);
    let settled = workers.run(&second, &never(), &Endless).await;
    workers.settle(settled.as_slice()).await.unwrap();
    assert_eq!(read(&session, id).await.state, JobState::Done);
}

pub async fn of_jobs_that_are_settled_together_those_that_were_lost_stay_as_they_are(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let jobs = ["a", "b", "c"].map(|name| job(Does::Succeed, name));
    let ids: Vec<Id<Job>> = session.jobs().enqueue_all(jobs).await.unwrap().into_iter().map(|one| one.id).collect();
    let mut settled = Vec::new();
    for taken in take(&crm, 3).await {
        settled.extend(crm.workers().run(&taken, &never(), &Endless).await);
    }
    session.jobs().cancel(ids[1]).await.unwrap();
    let cancelled = read(&session, ids[1]).await;
    crm.workers().settle(&settled).await.unwrap();
    let states = [read(&session, ids[0]).await, read(&session, ids[2]).await].map(|job| job.state);
    assert_eq!((settled.len(), states), (3, [JobState::Done; 2]));
    let kept = read(&session, ids[1]).await;
    assert_eq!((kept.state, kept.version), (JobState::Cancelled, cancelled.version));
    let done = read(&session, ids[2]).await;
    assert_eq!((done.finished_at, done.due_at), (Some(done.updated_at), None));
}

/// The same kind by its name, with another payload.
struct Spelt;

impl Handler for Spelt {
    type Payload = String;
    const KIND: &'static str = Probe::KIND;

    fn policy() -> Policy {
        Probe::policy()
    }

    async fn run(&self, _: &JobContext, _: String) -> Result<(), JobError> {
        Ok(())
    }
}

pub async fn faults_of_a_concealed_job_quote_nothing(world: World) {
    let ([crm, _], _) = learnt(&world);
    let rep = crm.acting(Actor::user(world.home.workspace, world.home.member(Role::SalesRep))).await.unwrap();
    let unread = || Spelt::job(&"open sesame".to_owned()).unwrap();
    let concealed = enqueued(&rep, unread().concealed()).await;
    let panics = enqueued(&rep, job(Does::Panic, "open sesame").concealed()).await;
    let open = enqueued(&rep, unread()).await;
    assert_eq!(work(&crm).await, 3);
    let session = admin(&crm, &world).await;
    for (id, code) in [(concealed, "payload"), (panics, "panicked")] {
        let told = read(&session, id).await;
        assert_eq!((told.error.as_ref().unwrap().code.as_str(), told.errors[0].code.as_str()), (code, code));
        assert!(!format!("{told:?}").contains("sesame"), "{told:?}");
    }
    // Whoever sees the payload sees what is wrong with it, and nobody else.
    let quotes = |job: Job| format!("{:?} {:?}", job.error, job.errors).contains("sesame");
    assert_eq!((quotes(read(&session, open).await), quotes(read(&rep, open).await)), (true, false));
}

/// A kind of job that enqueues two others, and fails once after that.
struct Parent(Arc<Mutex<Vec<Vec<Enqueued>>>>);

impl Handler for Parent {
    type Payload = ();
    const KIND: &'static str = "parent";

    fn policy() -> Policy {
        Policy::on(PROBES).retry(Retry { max_attempts: 3, first_wait_seconds: 10, jitter_percent: 0, ..Retry::DEFAULT })
    }

    async fn run(&self, job: &JobContext, (): ()) -> Result<(), JobError> {
        let children = [self::job(Does::Succeed, "first"), self::job(Does::Succeed, "second")];
        let enqueued = job.once("children").await?.jobs().enqueue_all(children).await?;
        self.0.lock().push(enqueued);
        match job.attempt() {
            1 => Err(JobError::retry("late", "it dies after its children are there")),
            _ => Ok(()),
        }
    }
}

pub async fn jobs_that_are_enqueued_once_are_enqueued_once(world: World) {
    let told: Arc<Mutex<Vec<Vec<Enqueued>>>> = Arc::default();
    let log = super::workers::Log::default();
    let [crm, _] = world.engines(|builder| builder.handler(Parent(told.clone())).handler(Probe(log.clone())));
    let session = admin(&crm, &world).await;
    let parents = [(); 2].map(|()| Parent::job(&()).unwrap());
    session.jobs().enqueue_all(parents).await.unwrap();
    while work(&crm).await > 0 {
        world.clock.advance_seconds(20);
    }
    let session = admin(&crm, &world).await;
    let kind = |kind: &str| JobsRequest { kind: Some(kind.to_owned()), ..JobsRequest::default() };
    let parents = session.jobs().list(&kind(Parent::KIND)).await.unwrap().data;
    // What the first attempt stumbled over is no fault of a job that is done.
    assert!(parents.iter().all(|job| (job.state, job.attempts, &job.error) == (JobState::Done, 2, &None)));
    // Each of the two has two children, and its second attempt was told the same ones.
    let children: BTreeSet<Id<Job>> =
        session.jobs().list(&kind(Probe::KIND)).await.unwrap().data.iter().map(|job| job.id).collect();
    assert_eq!((children.len(), log.lock().len()), (4, 4));
    let told = told.lock().clone();
    assert_eq!(told.len(), 4);
    let ids: Vec<Vec<Id<Job>>> = told.iter().map(|few| few.iter().map(|one| one.id).collect()).collect();
    assert_eq!(ids.concat().into_iter().collect::<BTreeSet<_>>(), children);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 2);
    assert_eq!(told.iter().filter(|few| few.iter().all(|one| one.is_new)).count(), 2);
}

pub async fn a_wish_names_a_job_that_is_there(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let grant = session.internally(Entity::Job, Action::Create);
    let jobs = session.jobs();
    let one = || job(Does::Succeed, "one").unique("key");
    let first = enqueued(&session, one()).await;
    // What the commit left out, because the first held the key.
    let late = one().into_job(session.actor().user_id(), session.now()).unwrap();
    assert_eq!(jobs.told(&grant, late.clone()).await.unwrap(), Enqueued { id: first, is_new: false });
    // The first ends before it can be named: the key is free, and the wish stands.
    jobs.cancel(first).await.unwrap();
    assert_eq!(jobs.told(&grant, late.clone()).await.unwrap(), Enqueued { id: late.id, is_new: true });
    assert_eq!(read(&session, late.id).await.state, JobState::Queued);
    // One that was done before it could be named, whose key is another's by now, was new.
    assert_eq!(work(&crm).await, 1);
    let next = enqueued(&session, one()).await;
    assert_ne!(next, late.id);
    assert_eq!(jobs.told(&grant, late.clone()).await.unwrap(), Enqueued { id: late.id, is_new: true });
}

pub async fn unique_keys_that_hold_no_more_are_forgotten_some_at_a_time(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let keyed = |at: usize| job(Does::Succeed, "x").unique_for(format!("short {at}"), 50);
    let long = || [job(Does::Succeed, "x").unique_for("long", 10_000), job(Does::Succeed, "x").unique("held")];
    session.jobs().enqueue_all((0..5).map(keyed).chain(long())).await.unwrap();
    let home = world.home.workspace;
    let keys = &crm.ports.work;
    assert_eq!(keys.prune_job_keys(home, crm.now(), 10).await.unwrap(), 0);
    world.clock.advance_seconds(60);
    for pruned in [2, 2, 1, 0] {
        assert_eq!(keys.prune_job_keys(home, crm.now(), 2).await.unwrap(), pruned);
    }
    let session = admin(&crm, &world).await;
    let again = session.jobs().enqueue_all([keyed(0)].into_iter().chain(long())).await.unwrap();
    assert_eq!(again.iter().map(|one| one.is_new).collect::<Vec<_>>(), [true, false, false]);
    // Pruning does so by itself, and soon: not only when the jobs go.
    world.clock.advance_seconds(60);
    crm.workers().prune(1_000, 1_000, &Never).await.unwrap();
    assert_eq!(keys.prune_job_keys(home, crm.now(), 10).await.unwrap(), 0);
}

/// Asks to stop after so many looks.
struct After(AtomicU32);

impl Stop for After {
    fn is_asked(&self) -> bool {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_err()
    }
}

pub async fn pruning_gives_way_to_a_stop(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    session.jobs().enqueue_all((0..450).map(|at| job(Does::Succeed, &at.to_string()))).await.unwrap();
    let mut settled = Vec::new();
    for taken in take(&crm, 450).await {
        settled.extend(crm.workers().run(&taken, &never(), &Endless).await);
    }
    crm.workers().settle(&settled).await.unwrap();
    world.clock.advance_seconds(120);
    let workers = crm.workers();
    assert_eq!(workers.prune(60, 3_600, &After(AtomicU32::new(0))).await.unwrap(), 0);
    let some = workers.prune(60, 3_600, &After(AtomicU32::new(2))).await.unwrap();
    assert!((1..450).contains(&some), "{some}");
    assert_eq!(workers.prune(60, 3_600, &Never).await.unwrap(), 450 - some);
}

pub async fn what_a_worker_takes_is_what_the_store_holds(world: World) {
    let ([crm, _], _) = learnt(&world);
    let id = enqueued(&admin(&crm, &world).await, job(Does::Succeed, "x").priority(Priority::High)).await;
    let held = async || {
        let session = admin(&crm, &world).await;
        crm.ports.jobs.job(&session.internally(Entity::Job, Action::Read), id).await.unwrap().into_inner()
    };
    let fresh = take(&crm, 1).await.remove(0).job();
    assert_eq!((fresh.claim, fresh.attempts), (fresh.version, 1));
    assert_eq!(held().await, fresh);
    // One whose worker gave no sign of life is taken as it is, too.
    world.clock.advance_seconds(130);
    let lost = take(&crm, 1).await.remove(0).job();
    assert_eq!((lost.claim, lost.attempts, lost.errors.len()), (lost.version, 2, 1));
    assert_eq!(held().await, lost);
}

pub async fn what_a_worker_says_is_what_the_store_keeps(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let grant = session.internally(Entity::Job, Action::Read);
    let kinds = [Does::Succeed, Does::Report, Does::Stumble, Does::Break, Does::AskForPatience];
    session.jobs().enqueue_all(kinds.map(|does| job(does, "x"))).await.unwrap();
    let workers = crm.workers();
    let mut all = Vec::new();
    for taken in take(&crm, 10).await {
        all.extend(workers.run(&taken, &never(), &Endless).await);
    }
    assert_eq!(crm.ports.work.settle_jobs(&all).await.unwrap(), [true; 5]);
    for settled in &all {
        let kept = crm.ports.jobs.job(&grant, settled.job.id).await.unwrap().into_inner();
        assert!(kept.version >= settled.job.version);
        assert_eq!(kept, Job { version: kept.version, ..settled.job.clone() });
    }
    // Said twice it is heard once.
    assert_eq!(crm.ports.work.settle_jobs(&all).await.unwrap(), [false; 5]);
}

pub async fn no_worker_is_given_more_than_it_asks_for(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let other = Queue::new("others");
    for queue in [PROBES, other.clone()] {
        for priority in [Priority::Urgent, Priority::Low] {
            let jobs = (0..3).map(|_| job(Does::Succeed, "x").priority(priority).on(queue.clone()));
            session.jobs().enqueue_all(jobs).await.unwrap();
        }
    }
    // Also of those that nobody holds any more.
    for _ in 0..2 {
        let taken = crm.workers().take(&[(PROBES, 4), (other.clone(), 2)], 5).await.unwrap();
        let of = |queue: &Queue| taken.iter().filter(|one| one.job().queue == *queue).count();
        assert_eq!((taken.len(), of(&PROBES) <= 4, of(&other) <= 2), (5, true, true));
        let taken = crm.workers().take(&[(PROBES, 3), (other.clone(), 1)], 50).await.unwrap();
        let of = |queue: &Queue| taken.iter().filter(|one| one.job().queue == *queue).count();
        assert!(of(&PROBES) <= 3 && of(&other) == 1, "{taken:?}");
        world.clock.advance_seconds(130);
    }
}

pub async fn jobs_that_wait_equally_long_go_in_the_order_of_their_making(world: World) {
    let ([crm, _], log) = learnt(&world);
    let session = admin(&crm, &world).await;
    let at = crm.now();
    let mut names: Vec<String> = Vec::new();
    for number in 0..12 {
        names.push(format!("{number} 1"));
        enqueued(&session, job(Does::Succeed, &number.to_string()).at(at)).await;
    }
    assert_eq!(work(&crm).await, 12);
    assert_eq!(*log.lock(), names);
}

pub async fn a_paused_queue_keeps_what_a_dead_worker_left(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let id = enqueued(&session, job(Does::Succeed, "x")).await;
    assert_eq!(take(&crm, 1).await.len(), 1);
    session.queues().pause(&PROBES).await.unwrap();
    // Another queue's pause, and another workspace's, hold nobody up.
    world_away(&crm, &world).await.queues().pause(&Queue::EMAIL).await.unwrap();
    world.clock.advance_seconds(130);
    assert!(take(&crm, 10).await.is_empty());
    admin(&crm, &world).await.queues().resume(&PROBES).await.unwrap();
    world_away(&crm, &world).await.queues().pause(&PROBES).await.unwrap();
    admin(&crm, &world).await.queues().pause(&Queue::EMAIL).await.unwrap();
    assert_eq!(take(&crm, 10).await.iter().map(Taken::id).collect::<Vec<_>>(), [id]);
}

pub async fn what_is_ahead_is_what_is_due_first_in_these_queues(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let other = Queue::new("others");
    let soon = job(Does::Succeed, "soon").priority(Priority::Low).after_seconds(50);
    let soon = enqueued(&session, soon).await;
    enqueued(&session, job(Does::Succeed, "later").priority(Priority::Urgent).after_seconds(90)).await;
    enqueued(&session, job(Does::Succeed, "elsewhere").on(other.clone()).after_seconds(10)).await;
    let ahead = async |queues: &[Queue]| crm.workers().next_due(queues).await.unwrap();
    assert_eq!(ahead(&[PROBES]).await, read(&session, soon).await.due_at);
    assert!(ahead(&[PROBES, other.clone()]).await < ahead(&[PROBES]).await);
    assert_eq!(ahead(&[]).await, None);
    // The end of a lease is as good, in its queue.
    let now = enqueued(&session, job(Does::Succeed, "now").on(other.clone())).await;
    let taken = crm.workers().lease_seconds(5).take(&[(other.clone(), 1)], 1).await.unwrap();
    assert_eq!(taken.iter().map(Taken::id).collect::<Vec<_>>(), [now]);
    assert_eq!(ahead(std::slice::from_ref(&other)).await, read(&session, now).await.due_at);
    assert_eq!(ahead(&[PROBES]).await, read(&session, soon).await.due_at);
    // Of several leases the first that ends, and of several jobs the first that is due.
    let more = enqueued(&session, job(Does::Succeed, "more").on(other.clone())).await;
    crm.workers().lease_seconds(9).take(&[(other.clone(), 1)], 1).await.unwrap();
    assert!(read(&session, more).await.due_at > read(&session, now).await.due_at);
    assert_eq!(ahead(&[other]).await, read(&session, now).await.due_at);
    enqueued(&session, job(Does::Succeed, "last").priority(Priority::Low).after_seconds(500)).await;
    assert_eq!(ahead(&[PROBES]).await, read(&session, soon).await.due_at);
}

pub async fn a_queue_counts_what_ended_in_the_last_day(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let stopped = enqueued(&session, job(Does::Succeed, "stopped")).await;
    session.jobs().cancel(stopped).await.unwrap();
    for does in [Does::Succeed, Does::Break] {
        enqueued(&session, job(does, "x")).await;
    }
    assert_eq!(work(&crm).await, 2);
    enqueued(&session, job(Does::Succeed, "scheduled").after_seconds(1_000_000)).await;
    let state = async || admin(&crm, &world).await.queues().read(&PROBES).await.unwrap();
    let told = |state: &QueueState| {
        let QueueCounts { queued, scheduled, running, failed, done, cancelled } = state.counts;
        ([queued, scheduled, running, failed, done, cancelled], state.latency.jobs, state.waiting_since)
    };
    assert_eq!(told(&state().await), ([0, 1, 0, 1, 1, 1], 1, None));
    world.clock.advance_seconds(COUNTED_SECONDS - 10);
    assert_eq!(told(&state().await), ([0, 1, 0, 1, 1, 1], 1, None));
    world.clock.advance_seconds(10);
    assert_eq!(told(&state().await), ([0, 1, 0, 1, 0, 0], 0, None));
    // What waits longest is what became due first, and not what was made first.
    let session = admin(&crm, &world).await;
    let now = crm.now();
    let [late, early] = [-10, -20].map(|ago| job(Does::Succeed, "waits").at(now.plus_seconds(ago)));
    enqueued(&session, late).await;
    let early = enqueued(&session, early).await;
    let due = read(&session, early).await.due_at;
    assert_eq!(told(&state().await), ([2, 1, 0, 1, 0, 0], 0, due));
}

pub async fn of_jobs_that_nobody_holds_any_more_the_one_lost_first_goes_first(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let held = async |seconds| {
        let id = enqueued(&session, job(Does::Succeed, "x")).await;
        assert_eq!(crm.workers().lease_seconds(seconds).take(&[(PROBES, 1)], 1).await.unwrap().len(), 1);
        id
    };
    let (late, early) = (held(100).await, held(10).await);
    world.clock.advance_seconds(130);
    for id in [early, late] {
        assert_eq!(take(&crm, 1).await.remove(0).id(), id);
    }
}

pub async fn a_job_that_nobody_holds_any_more_takes_one_place(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let lost = enqueued(&session, job(Does::Succeed, "lost")).await;
    assert_eq!(crm.workers().lease_seconds(5).take(&[(PROBES, 1)], 1).await.unwrap().len(), 1);
    let waits = enqueued(&session, job(Does::Succeed, "waits").after_seconds(100)).await;
    world.clock.advance_seconds(130);
    let taken: BTreeSet<Id<Job>> = take(&crm, 2).await.iter().map(Taken::id).collect();
    assert_eq!(taken, BTreeSet::from([lost, waits]));
}

pub async fn a_worker_that_holds_one_job_holds_no_other(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    session.jobs().enqueue_all([job(Does::Succeed, "held"), job(Does::Succeed, "left")]).await.unwrap();
    let taken = take(&crm, 2).await;
    let [held, left] = [&taken[0], &taken[1]];
    assert_eq!(held.claim(), left.claim());
    world.clock.advance_seconds(60);
    assert_eq!(crm.workers().hold(std::slice::from_ref(held)).await.unwrap(), [true]);
    world.clock.advance_seconds(61);
    assert_eq!(take(&crm, 2).await.iter().map(Taken::id).collect::<Vec<_>>(), [left.id()]);
}
