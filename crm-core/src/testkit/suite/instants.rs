//! What is due, over or forgotten at an instant is so from that instant on, and not before.

use futures::StreamExt as _;

use super::workers::{Does, PROBES, admin, enqueued, job, learnt, take, work, world_away};
use crate::access::{Action, Entity, Role};
use crate::id::Id;
use crate::job::{COUNTED_SECONDS, LEASE_SECONDS, Ring, Upload};
use crate::mail::{MailRecord, MailState};
use crate::testkit::World;

pub async fn a_job_is_due_and_its_lease_ends_at_the_instant(world: World) {
    let ([crm, _], _) = learnt(&world);
    world.clock.tick_micros(0);
    enqueued(&admin(&crm, &world).await, job(Does::Succeed, "x").after_seconds(60)).await;
    let stands = async || {
        let state = admin(&crm, &world).await.queues().read(&PROBES).await.unwrap();
        (state.counts.queued, state.counts.scheduled, state.waiting_since)
    };
    world.clock.advance_seconds(59);
    assert!(take(&crm, 1).await.is_empty());
    assert_eq!(stands().await, (0, 1, None));
    world.clock.advance_seconds(1);
    assert_eq!(stands().await, (1, 0, Some(crm.now())));
    assert_eq!(take(&crm, 1).await.len(), 1);
    world.clock.advance_seconds(LEASE_SECONDS - 1);
    assert!(take(&crm, 1).await.is_empty());
    world.clock.advance_seconds(1);
    assert_eq!(take(&crm, 1).await.len(), 1);
}

pub async fn jobs_that_ended_count_for_a_day_and_are_forgotten_at_the_instant(world: World) {
    let ([crm, _], _) = learnt(&world);
    world.clock.tick_micros(0);
    let session = admin(&crm, &world).await;
    for does in [Does::Succeed, Does::Succeed, Does::Succeed, Does::Break, Does::Break, Does::Break] {
        enqueued(&session, job(does, "x")).await;
    }
    enqueued(&session, job(Does::Succeed, "waits").after_seconds(1_000_000)).await;
    assert_eq!(work(&crm).await, 6);
    let ended = crm.now();
    let done = async || {
        let state = admin(&crm, &world).await.queues().read(&PROBES).await.unwrap();
        (state.counts.done, state.latency.jobs)
    };
    world.clock.advance_seconds(COUNTED_SECONDS - 1);
    assert_eq!(done().await, (3, 3));
    world.clock.advance_seconds(1);
    assert_eq!(done().await, (0, 0));
    let before = ended.plus_seconds(-1);
    let prune =
        async |done, others, limit| crm.ports.work.prune_jobs(world.home.workspace, done, others, limit).await.unwrap();
    assert_eq!(prune(before, before, 10).await, 0);
    assert_eq!(prune(ended, before, 2).await, 2);
    assert_eq!(prune(before, ended, 2).await, 2);
    assert_eq!(prune(ended, ended, 10).await, 2);
    assert_eq!(prune(crm.now(), crm.now(), 10).await, 0);
}

pub async fn a_unique_key_holds_until_its_instant(world: World) {
    let ([crm, _], _) = learnt(&world);
    world.clock.tick_micros(0);
    let (session, made) = (admin(&crm, &world).await, crm.now());
    let keyed = || job(Does::Succeed, "x").unique_for("key", 60);
    let id = enqueued(&session, keyed()).await;
    let grant = session.internally(Entity::Job, Action::Read);
    let (key, _) = crm.ports.jobs.job(&grant, id).await.unwrap().unique_key().unwrap();
    let holder = async |seconds| crm.ports.jobs.unique_job(&grant, key, made.plus_seconds(seconds)).await.unwrap();
    assert_eq!((holder(59).await, holder(60).await), (Some(id), None));
    let theirs = world_away(&crm, &world).await.internally(Entity::Job, Action::Read);
    assert_eq!(crm.ports.jobs.unique_job(&theirs, key, made).await.unwrap(), None);
    world.clock.advance_seconds(59);
    let is_new = async || admin(&crm, &world).await.jobs().enqueue(keyed()).await.unwrap().is_new;
    assert!(!is_new().await);
    world.clock.advance_seconds(1);
    assert!(is_new().await);
    let prune = async |seconds| {
        crm.ports.work.prune_job_keys(world.home.workspace, made.plus_seconds(seconds), 10).await.unwrap()
    };
    assert_eq!((prune(119).await, prune(120).await), (0, 1));
}

pub async fn a_job_that_ended_frees_no_key_that_another_holds(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let keyed = || job(Does::Succeed, "x").unique("key");
    let first = enqueued(&session, keyed()).await;
    session.jobs().cancel(first).await.unwrap();
    let second = enqueued(&session, keyed()).await;
    assert_ne!(first, second);
    let grant = session.internally(Entity::Job, Action::Read);
    let mut ended = crm.ports.jobs.job(&grant, first).await.unwrap().into_inner();
    let before = ended.version;
    ended.version += 1;
    assert!(crm.ports.jobs.swap_job(world.home.workspace, before, &ended).await.unwrap());
    assert_eq!(enqueued(&session, keyed()).await, second);
}

pub async fn files_and_mails_are_forgotten_up_to_an_instant(world: World) {
    let session = world.session(Role::Admin).await;
    let (now, ports) = (world.crm.now(), &world.crm.ports);
    let files = session.internally(Entity::Import, Action::Create);
    let file = Id::<Upload>::new_at(now);
    ports.uploads.keep_piece(&files, file, 0, b"x".to_vec(), now).await.unwrap();
    let mails = session.internally(Entity::MailTemplate, Action::Read);
    let mail = MailRecord {
        id: Id::new_at(now),
        state: MailState::Queued,
        recipients: String::new(),
        suppressed: String::new(),
        template: None,
        error: None,
        at: now,
        created_by: None,
    };
    ports.mails.keep_mail(&mails, &mail).await.unwrap();
    for (until, is_kept) in [(now.plus_seconds(-1), true), (now, false)] {
        ports.uploads.forget_uploads(until).await.unwrap();
        ports.mails.forget_mails(until).await.unwrap();
        assert_eq!(ports.uploads.piece(&files, file, 0).await.unwrap().is_some(), is_kept);
        assert_eq!(ports.mails.mail(&mails, mail.id).await.unwrap().is_some(), is_kept);
    }
}

pub async fn whoever_waits_hears_of_a_job_that_became_due(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let mut heard = crm.workers().listen();
    enqueued(&session, job(Does::Succeed, "x")).await;
    // A store that begins to listen says that it may have missed something.
    while matches!(heard.next().await.unwrap(), Ring::Of(queue) if queue != PROBES) {}
}
