//! Jobs that wait for somebody: for a process that knows them, for a queue that goes on, for being taken up again.

use std::sync::Arc;

use futures::future::BoxFuture;

use super::support::conflicts;
use super::workers::{Does, PROBES, admin, enqueued, job, learnt, read, take, work};
use crate::access::{Action, Actor, Entity, Role, Rule, Scope};
use crate::id::Id;
use crate::job::{HEARTBEAT_SECONDS, Job, JobQuery, JobState, LEASE_SECONDS, Never, QueueCounts, RetryJobs, Task};
use crate::store::IdempotencyKey;
use crate::testkit::World;
use crate::time::Timestamp;

pub async fn a_job_of_a_kind_that_this_version_does_not_know_waits_for_one_that_does(world: World) {
    let session = world.session(Role::Admin).await;
    let grant = session.internally(Entity::Job, Action::Create);
    let later = Job::new(Id::new_at(session.now()), Task::Unknown, session.actor().user_id(), session.now());
    let id = session.enqueue(&grant, session.changes(), later).await.unwrap().id;
    for _ in 0..3 {
        assert_eq!(work(&world.crm).await, 1);
        let waiting = read(&world.session(Role::Admin).await, id).await;
        assert_eq!((waiting.state, waiting.attempts, waiting.errors.len()), (JobState::Queued, 0, 1));
        assert_eq!(
            (waiting.errors[0].code.as_str(), waiting.error.unwrap().code.as_str()),
            ("no_handler", "no_handler")
        );
        world.clock.advance_seconds(9);
        assert_eq!(work(&world.crm).await, 0);
        world.clock.advance_seconds(2);
    }
    world.session(Role::Admin).await.jobs().cancel(id).await.unwrap();
    assert_eq!(work(&world.crm).await, 0);
}

pub async fn a_paused_queue_is_paused_for_whoever_names_a_job(world: World) {
    let ([crm, _], log) = learnt(&world);
    let session = admin(&crm, &world).await;
    let [first, second] =
        [enqueued(&session, job(Does::Succeed, "first")).await, enqueued(&session, job(Does::Succeed, "second")).await];
    let done = async |id: Id<Job>| crm.work_on(world.home.workspace, id, Arc::new(Never)).await.unwrap();
    session.queues().pause(&PROBES).await.unwrap();
    assert!(!done(second).await);
    assert_eq!((read(&session, second).await.state, log.lock().len()), (JobState::Queued, 0));
    session.queues().resume(&PROBES).await.unwrap();
    // It is done and no other, whoever has waited longer.
    assert!(done(second).await);
    assert_eq!(
        (read(&session, first).await.state, read(&session, second).await.state),
        (JobState::Queued, JobState::Done)
    );
    assert!(!done(second).await);
    // Nor one before its time, nor one that somebody holds, until their lease ends.
    let later = enqueued(&session, job(Does::Succeed, "later").after_seconds(1_000)).await;
    assert!(!done(later).await);
    assert_eq!(take(&crm, 1).await.len(), 1);
    assert!(!done(first).await);
    world.clock.advance_seconds(LEASE_SECONDS + 1);
    assert!(done(first).await);
    assert_eq!(*log.lock(), ["second 1", "first 2"]);
}

pub async fn a_job_that_was_cancelled_while_it_ran_waits_until_its_worker_has_heard_of_it(world: World) {
    let ([crm, second], log) = learnt(&world);
    let session = admin(&crm, &world).await;
    let id = enqueued(&session, job(Does::Succeed, "runs")).await;
    let first = take(&crm, 1).await.remove(0);
    let cancelled = session.jobs().cancel(id).await.unwrap().finished_at.unwrap();
    let queued = session.jobs().retry(id).await.unwrap();
    let heard = cancelled.plus_seconds(HEARTBEAT_SECONDS + 1);
    assert_eq!((queued.state, queued.due_at, queued.run_at), (JobState::Queued, Some(heard), Some(heard)));
    assert!(take(&second, 1).await.is_empty());
    assert_eq!(crm.workers().hold(&[first]).await.unwrap(), [false]);
    world.clock.advance_seconds(HEARTBEAT_SECONDS + 1);
    assert_eq!(work(&second).await, 1);
    assert_eq!(*log.lock(), ["runs 1"]);
    // Nobody has one that waits for another attempt,
    let session = admin(&crm, &world).await;
    let waits = enqueued(&session, job(Does::Stumble, "waits")).await;
    assert_eq!(work(&crm).await, 1);
    session.jobs().cancel(waits).await.unwrap();
    assert!(session.jobs().retry(waits).await.unwrap().due_at.unwrap() <= crm.now());
    assert_eq!(work(&crm).await, 1);
    // nor one that was cancelled long ago.
    let long_ago = enqueued(&session, job(Does::Succeed, "long ago")).await;
    assert_eq!(take(&crm, 1).await.len(), 1);
    session.jobs().cancel(long_ago).await.unwrap();
    world.clock.advance_seconds(60);
    let session = admin(&crm, &world).await;
    assert!(session.jobs().retry(long_ago).await.unwrap().due_at.unwrap() <= crm.now());
}

pub async fn failed_jobs_are_taken_up_as_far_as_the_permission_reaches(world: World) {
    let ([crm, _], _) = learnt(&world);
    world.set_rule(Role::Manager, Entity::Job, Rule { read: Scope::All, update: Scope::Own, ..Rule::NONE }).await;
    let member =
        async |role: Role| crm.acting(Actor::user(world.home.workspace, world.home.member(role))).await.unwrap();
    let (manager, rep) = (member(Role::Manager).await, member(Role::SalesRep).await);
    let own = enqueued(&manager, job(Does::Break, "own")).await;
    let other = enqueued(&rep, job(Does::Break, "other")).await;
    assert_eq!(work(&crm).await, 2);
    // Later ones that the caller sees and may not change are in nobody's way.
    let found = async |action: Action, limit: u16| {
        let grant = manager.require(Entity::Job, action).unwrap();
        let query = JobQuery { queue: None, state: Some(JobState::Failed), kind: None, before: None, limit };
        let jobs = crm.ports.jobs.jobs(&grant, &query).await.unwrap();
        jobs.into_iter().map(|job| job.id).collect::<Vec<_>>()
    };
    assert_eq!((found(Action::Read, 9).await, found(Action::Update, 1).await), (vec![other, own], vec![own]));
    let retried = manager.jobs().retry_failed(&RetryJobs::default()).await.unwrap();
    assert_eq!((retried.retried, retried.has_more), (1, false));
    assert_eq!((read(&rep, other).await.state, read(&manager, own).await.state), (JobState::Failed, JobState::Queued));
}

pub async fn a_job_is_not_taken_up_while_another_holds_its_key_for_a_time(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let one = || job(Does::Break, "x").unique_for("daily", 100);
    let first = enqueued(&session, one()).await;
    assert_eq!(work(&crm).await, 1);
    // Its own key is in nobody's way.
    session.jobs().retry(first).await.unwrap();
    assert_eq!(work(&crm).await, 1);
    world.clock.advance_seconds(101);
    let session = admin(&crm, &world).await;
    assert!(session.jobs().enqueue(one()).await.unwrap().is_new);
    conflicts(session.jobs().retry(first).await, "job_unique");
    // The other holds it also when it has ended,
    assert_eq!(work(&crm).await, 1);
    conflicts(session.jobs().retry(first).await, "job_unique");
    // so that it stays where all that failed are taken up,
    assert_eq!(session.jobs().retry_failed(&RetryJobs::default()).await.unwrap().retried, 1);
    // and no longer than for its time.
    world.clock.advance_seconds(101);
    let session = admin(&crm, &world).await;
    assert_eq!(session.jobs().retry(first).await.unwrap().state, JobState::Queued);
}

pub async fn failed_jobs_are_taken_up_once_under_a_key(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let ids = [enqueued(&session, job(Does::Break, "a")).await, enqueued(&session, job(Does::Break, "b")).await];
    assert_eq!(work(&crm).await, 2);
    let wanted = RetryJobs { queue: Some(PROBES), kind: None };
    let once = || session.clone().once(IdempotencyKey::new("POST /queues/probes/retry", "one", b"")).jobs();
    let first = once().retry_failed(&wanted).await.unwrap();
    assert_eq!((first.retried, first.has_more), (2, false));
    assert_eq!(work(&crm).await, 2);
    // They failed again since: the repeat is told what the first request was, and leaves them alone.
    assert_eq!(once().retry_failed(&wanted).await.unwrap(), first);
    for id in ids {
        assert_eq!(read(&session, id).await.state, JobState::Failed);
    }
    assert_eq!(work(&crm).await, 0);
}

pub async fn a_queue_is_paused_and_goes_on_once_under_a_key(world: World) {
    let session = world.session(Role::Admin).await;
    let once = |key: &str| session.clone().once(IdempotencyKey::new("POST /queues/probes", key, b"")).queues();
    let paused = once("pause").pause(&PROBES).await.unwrap();
    let going = once("resume").resume(&PROBES).await.unwrap();
    assert_eq!((paused.paused_at.is_some(), going.paused_at), (true, None));
    // A repeat is told what the first request was, and the queue stays as it was left since.
    assert_eq!(once("pause").pause(&PROBES).await.unwrap(), paused);
    assert_eq!(session.queues().read(&PROBES).await.unwrap().paused_at, None);
    session.queues().pause(&PROBES).await.unwrap();
    assert_eq!(once("resume").resume(&PROBES).await.unwrap(), going);
    let stands = session.queues().read(&PROBES).await.unwrap();
    // What was told is kept elsewhere: the queue holds no job that was not put into it.
    assert_eq!((stands.paused_at.is_some(), stands.counts), (true, QueueCounts::default()));
}

pub async fn whoever_pauses_a_queue_at_once_hears_of_one_pause(world: World) {
    let session = world.session(Role::Admin).await;
    let pauses = [(); 4].map(|()| -> BoxFuture<'static, Option<Timestamp>> {
        let queues = session.queues();
        Box::pin(async move { queues.pause(&PROBES).await.unwrap().paused_at })
    });
    let told = world.at_once(pauses).await;
    let paused_at = session.queues().read(&PROBES).await.unwrap().paused_at;
    assert!(paused_at.is_some() && told.iter().all(|at| *at == paused_at), "{told:?}");
}
