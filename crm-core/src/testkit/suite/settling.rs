//! What a worker says counts while it holds its job, a pause is its queue's, and a queue tells how long it takes.

use super::workers::{Does, PROBES, admin, enqueued, job, learnt, never, read, take, world_away};
use crate::job::{Endless, JobState, JobsRequest, Queue, QueueState, Retry, Settled};
use crate::session::Session;
use crate::testkit::World;

pub async fn what_a_worker_says_of_a_job_that_it_lost_is_not_heard(world: World) {
    let ([crm, _], _) = learnt(&world);
    for does in [Does::Succeed, Does::Stumble, Does::Break, Does::AskForPatience] {
        let id = enqueued(&admin(&crm, &world).await, job(does, "x")).await;
        let first = take(&crm, 1).await.remove(0);
        let late = crm.workers().run(&first, &never(), &Endless).await;
        world.clock.advance_seconds(130);
        let second = take(&crm, 1).await.remove(0);
        assert_eq!(crm.ports.work.settle_jobs(late.as_slice()).await.unwrap(), [false], "{does:?}");
        let session = admin(&crm, &world).await;
        let held = read(&session, id).await;
        assert_eq!((held.state, held.version), (JobState::Running, second.job().version), "{does:?}");
        session.jobs().cancel(id).await.unwrap();
    }
}

pub async fn a_version_that_a_worker_names_must_be_there(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let id = enqueued(&session, job(Does::Succeed, "x")).await;
    let taken = take(&crm, 1).await.remove(0);
    let mut done = taken.job();
    done.settle(Ok(()), Retry::DEFAULT, crm.now());
    let workspace = world.home.workspace;
    for (before, is_heard, state) in
        [(taken.job().version - 1, false, JobState::Running), (taken.job().version, true, JobState::Done)]
    {
        let settled = Settled { workspace, claim: taken.claim(), before: Some(before), job: done.clone() };
        assert_eq!(crm.ports.work.settle_jobs(&[settled]).await.unwrap(), [is_heard]);
        assert_eq!(read(&session, id).await.state, state);
    }
}

pub async fn a_result_is_as_long_as_a_payload_may_be_and_no_longer(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    // In quotes.
    let longest = 256 * 1024 - 2;
    let reports = async |length: usize| enqueued(&session, job(Does::ReportMuch, &length.to_string())).await;
    let (long, too_long) = (reports(longest).await, reports(longest + 1).await);
    assert_eq!(super::workers::work(&crm).await, 2);
    let done = read(&session, long).await;
    assert_eq!((done.state, done.result.unwrap().as_str().unwrap().len()), (JobState::Done, longest));
    let failed = read(&session, too_long).await;
    let error = failed.error.unwrap();
    assert_eq!((failed.state, failed.result, error.code.as_str()), (JobState::Failed, None, "invalid"));
    assert!(error.detail.starts_with("result: "), "{}", error.detail);
}

pub async fn a_list_of_jobs_in_a_state_holds_no_others(world: World) {
    let ([crm, _], _) = learnt(&world);
    let session = admin(&crm, &world).await;
    let failed = enqueued(&session, job(Does::Break, "fails")).await;
    let done = enqueued(&session, job(Does::Succeed, "succeeds")).await;
    assert_eq!(super::workers::work(&crm).await, 2);
    let queued = enqueued(&session, job(Does::Succeed, "waits")).await;
    for (state, id) in [(JobState::Failed, failed), (JobState::Done, done), (JobState::Queued, queued)] {
        let request = JobsRequest { state: Some(state), ..JobsRequest::default() };
        let listed = session.jobs().list(&request).await.unwrap().data;
        assert_eq!(listed.iter().map(|job| job.id).collect::<Vec<_>>(), [id], "{state:?}");
    }
}

pub async fn a_pause_is_its_queues_and_its_workspaces_own(world: World) {
    let ([crm, _], _) = learnt(&world);
    let (home, away) = (admin(&crm, &world).await, world_away(&crm, &world).await);
    let paused = async |session: &Session| -> Vec<Queue> {
        let states = session.queues().list().await.unwrap();
        states.into_iter().filter(|state| state.paused_at.is_some()).map(|state| state.name).collect()
    };
    for queue in [PROBES, Queue::EMAIL] {
        home.queues().pause(&queue).await.unwrap();
    }
    assert!(paused(&away).await.is_empty());
    away.queues().pause(&PROBES).await.unwrap();
    home.queues().resume(&PROBES).await.unwrap();
    assert_eq!((paused(&home).await, paused(&away).await), (vec![Queue::EMAIL], vec![PROBES]));
}

pub async fn latencies_are_those_of_the_thousand_jobs_that_were_done_last(world: World) {
    let ([crm, _], _) = learnt(&world);
    let state = async || -> QueueState { admin(&crm, &world).await.queues().read(&PROBES).await.unwrap() };
    for (jobs, wait, run) in [(100, 50, 90), (1_000, 5, 20)] {
        let session = admin(&crm, &world).await;
        session.jobs().enqueue_all((0..jobs).map(|_| job(Does::Succeed, "x"))).await.unwrap();
        world.clock.advance_seconds(wait);
        let taken = take(&crm, 1_100).await;
        world.clock.advance_seconds(run);
        let mut settled = Vec::new();
        for one in &taken {
            settled.extend(crm.workers().run(one, &never(), &Endless).await);
        }
        assert_eq!(settled.len(), jobs);
        crm.workers().settle(&settled).await.unwrap();
        let latency = state().await.latency;
        assert_eq!(latency.jobs, jobs as u64);
        let seconds = |ms: u64| i64::try_from(ms / 1_000).unwrap();
        assert_eq!((seconds(latency.wait_ms_p50), seconds(latency.wait_ms_p95)), (wait, wait));
        assert!((run..run + 5).contains(&seconds(latency.run_ms_p95)), "{latency:?}");
    }
}

pub async fn jobs_that_failed_count_whenever_they_did(world: World) {
    let ([crm, _], _) = learnt(&world);
    for failed in 1..=2 {
        enqueued(&admin(&crm, &world).await, job(Does::Break, "x")).await;
        assert_eq!(super::workers::work(&crm).await, 1);
        let state = admin(&crm, &world).await.queues().read(&PROBES).await.unwrap();
        assert_eq!((state.counts.failed, state.latency.jobs), (failed, 0));
        world.clock.advance_seconds(2 * 24 * 60 * 60);
    }
}
