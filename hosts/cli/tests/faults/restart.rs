//! A PostgreSQL server that is restarted as after a crash, while jobs run and others write.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crm_boot::{QueueOptions, WorkerOptions, run_workers};
use crm_core::contact::ContactEdit;
use crm_core::job::{Handler, JobContext, JobError, Policy, Retry};
use crm_core::{Edit, ErrorKind, Session};

use super::cluster::{Cluster, Small};
use super::{EFFECTS, effects, engine, is_long, note, session};

/// Makes a contact of a number of its own, and tries again soon.
struct Stubborn;

impl Handler for Stubborn {
    type Payload = u32;
    const KIND: &'static str = "stubborn";

    fn policy() -> Policy {
        let retry = Retry { max_attempts: 1_000, first_wait_seconds: 1, longest_wait_seconds: 1, jitter_percent: 0 };
        Policy::on(EFFECTS).retry(retry)
    }

    async fn run(&self, job: &JobContext, number: u32) -> Result<(), JobError> {
        let edit = ContactEdit { last_name: Edit::Set(format!("Effect {number:05}")), ..ContactEdit::default() };
        job.once("effect").await?.contacts().create(edit).await?;
        Ok(())
    }
}

/// Creates contacts until it is told to end, and gives those that were acknowledged and how often it was refused.
async fn write(session: Session, is_over: Arc<AtomicBool>) -> (Vec<String>, usize) {
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    for at in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let name = format!("Acknowledged {at:06}");
        let edit = ContactEdit { last_name: Edit::Set(name.clone()), ..ContactEdit::default() };
        match session.contacts().create(edit).await {
            Ok(_) => acknowledged.push(name),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                refused += 1;
            }
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    (acknowledged, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_at_once_loses_nothing() {
    if crm_core::testkit::postgres_url().is_none() {
        return;
    }
    let (jobs, restarts): (u32, u32) = if is_long() { (20_000, 10) } else { (1_000, 2) };
    let mut cluster = Cluster::start(Small::Nothing).await;
    let booted = engine(&cluster.url()).await;
    booted.crm().create_workspace("Faults").await.unwrap();
    let session = session(&booted).await;
    session.jobs().enqueue_all((0..jobs).map(|number| Stubborn::job(&number).unwrap())).await.unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = tokio::spawn(write(session.clone(), is_over.clone()));
    let options = WorkerOptions::none().handler(Stubborn).lease_seconds(2);
    let workers = run_workers(booted.crm(), options.queue(QueueOptions::new(EFFECTS).concurrency(8)));
    let until = Instant::now() + Duration::from_secs(600);
    let (mut restarted, mut done) = (0, 0);
    while done < jobs {
        assert!(Instant::now() < until, "{done} of {jobs} jobs are done after {restarted} restarts");
        if restarted < restarts && done >= restarted * jobs / (restarts + 2) {
            cluster.restart().await;
            restarted += 1;
        }
        // While the server is away nobody can say.
        if let Ok(queue) = session.queues().read(&EFFECTS).await {
            done = u32::try_from(queue.counts.done).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    is_over.store(true, Ordering::SeqCst);
    let (acknowledged, refused) = writer.await.unwrap();
    workers.stop().await;
    let found = effects(&session).await;
    let different: BTreeSet<&String> = found.iter().collect();
    assert!(acknowledged.iter().all(|name| different.contains(name)));
    let made = found.iter().filter(|name| name.starts_with("Effect")).count();
    assert_eq!((made, found.len(), restarted), (jobs as usize, different.len(), restarts));
    assert!(session.workspace().verify_journal().await.unwrap().holds());
    let outcome = format!(
        "{made} effects of {jobs} jobs; {} acknowledged writes are there, {refused} were refused",
        acknowledged.len()
    );
    let holds = "each job has one effect, what was acknowledged is there";
    let rounds = format!("{restarts} restarts, {jobs} jobs");
    note("PostgreSQL", "the server is restarted with `-m immediate`", &rounds, holds, &outcome);
    booted.close().await;
}
