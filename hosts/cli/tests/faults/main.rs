//! Faults on real databases: workers that are killed at any moment, a disk that is full, a server that is restarted,
//! a clock that jumps, jobs and webhook endpoints that go wrong. Each job's effect is there once, each event comes to
//! whoever is to be told, and what was acknowledged is there.
//!
//! The workers are processes of their own: this test program once more, running the same law, which finds
//! its database in the environment. `SLACKCRM_TEST_FAULTS=long` makes it 10,000 jobs and 20 kills, and the others
//! as long, which `cargo xtask faults` sets; it prints what each law notes in `SLACKCRM_TEST_FAULTS_TABLE`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "tests fail by panicking, and tell how fast they were"
)]

mod clock;
mod cluster;
mod disk;
mod door;
mod handed;
mod hooks;
mod restart;
#[path = "../it/serving.rs"]
#[expect(dead_code, reason = "the laws of the command line ask more of it")]
mod serving;
mod small;
mod wrong;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use crm_boot::{Booted, Config, Proof, QueueOptions, Told, Topics, WorkerOptions, boot, boot_for_command, run_workers};
use crm_core::contact::ContactEdit;
use crm_core::job::{Handler, JobContext, JobError, JobState, Policy, Queue};
use crm_core::testkit::PATIENCE;
use crm_core::{Actor, Edit, ListRequest, Session};
use crm_storage::testkit::Schema;

/// The database of a worker's process.
const DATABASE: &str = "SLACKCRM_TEST_FAULTS_DATABASE";
/// Longer than any law takes.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);
/// Where the effects are.
const EFFECTS: Queue = Queue::new("effects");

/// Makes a contact of a number of its own.
struct Effect;

impl Handler for Effect {
    type Payload = u32;
    const KIND: &'static str = "effect";

    fn policy() -> Policy {
        Policy::on(EFFECTS).retry(crm_core::job::Retry::DEFAULT.attempts(1_000))
    }

    async fn run(&self, job: &JobContext, number: u32) -> Result<(), JobError> {
        let edit = ContactEdit { last_name: Edit::Set(format!("Effect {number:05}")), ..ContactEdit::default() };
        job.once("effect").await?.contacts().create(edit).await?;
        Ok(())
    }
}

/// Does nothing.
struct Nothing;

impl Handler for Nothing {
    type Payload = ();
    const KIND: &'static str = "nothing";

    fn policy() -> Policy {
        Policy::on(Queue::new("nothing"))
    }

    async fn run(&self, _: &JobContext, (): ()) -> Result<(), JobError> {
        Ok(())
    }
}

/// The same in a queue of its own: notices of jobs name their queue alone, and neighbours have jobs of the others.
struct Alone;

impl Handler for Alone {
    type Payload = ();
    const KIND: &'static str = "alone";

    fn policy() -> Policy {
        Policy::on(Queue::new("alone"))
    }

    async fn run(&self, _: &JobContext, (): ()) -> Result<(), JobError> {
        Ok(())
    }
}

/// Notes how a fault ended: how often it was made, and what held then.
fn note(store: &str, fault: &str, rounds: &str, holds: &str, outcome: &str) {
    println!("{store}: {fault} ({rounds}): {outcome}");
    if let Ok(table) = std::env::var("SLACKCRM_TEST_FAULTS_TABLE") {
        let mut table = std::fs::File::options().append(true).create(true).open(table).unwrap();
        let row = [fault, store, rounds, holds, outcome].map(|cell| cell.replace(['\t', '\n'], " ")).join("\t");
        writeln!(table, "{row}").unwrap();
    }
}

/// Whether the laws are run at length.
fn is_long() -> bool {
    std::env::var("SLACKCRM_TEST_FAULTS").as_deref() == Ok("long")
}

/// How many jobs and kills.
fn extent() -> (usize, usize) {
    if is_long() { (10_000, 20) } else { (1_000, 4) }
}

async fn engine(url: &str) -> Booted {
    boot_for_command(Config::for_database(url).unwrap()).await.unwrap()
}

async fn session(booted: &Booted) -> Session {
    let workspace = booted.crm().workspaces().await.unwrap().remove(0).id;
    booted.crm().acting(Actor::system(workspace, "test")).await.unwrap()
}

/// Works until it is killed.
async fn be_a_worker(url: &str) {
    let booted = engine(url).await;
    let options = WorkerOptions::none().handler(Effect).queue(QueueOptions::new(EFFECTS).concurrency(4));
    let _workers = run_workers(booted.crm(), options.lease_seconds(2));
    std::future::pending::<()>().await;
}

fn worker(law: &str, url: &str) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([law, "--exact", "--nocapture"]).env(DATABASE, url);
    command.stdout(Stdio::null()).spawn().unwrap()
}

async fn done(session: &Session) -> usize {
    let counts = session.queues().read(&EFFECTS).await.unwrap().counts;
    usize::try_from(counts.done).unwrap()
}

/// Every contact's family name.
async fn effects(session: &Session) -> Vec<String> {
    let mut request = ListRequest { limit: Some(200), ..ListRequest::default() };
    let mut names = Vec::new();
    loop {
        let page = session.contacts().list(&request).await.unwrap();
        names.extend(page.data.iter().map(|contact| contact.last_name.clone().unwrap()));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            return names;
        }
    }
}

/// Waits for any time below 60 ms, so that a kill comes at no moment in particular.
async fn pause() {
    let nanos = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().subsec_nanos();
    tokio::time::sleep(Duration::from_micros(u64::from(nanos % 60_000))).await;
}

async fn each_effect_is_there_once(law: &str, url: &str, processes: usize) {
    let (jobs, kills) = extent();
    let booted = engine(url).await;
    booted.crm().create_workspace("Faults").await.unwrap();
    let session = session(&booted).await;
    let all = (0..jobs).map(|number| Effect::job(&u32::try_from(number).unwrap()).unwrap());
    assert_eq!(session.jobs().enqueue_all(all).await.unwrap().len(), jobs);
    let mut workers: Vec<Child> = (0..processes).map(|_| worker(law, url)).collect();
    let until = Instant::now() + Duration::from_secs(600);
    let mut killed = 0;
    let mut progress = 0;
    while progress < jobs {
        assert!(Instant::now() < until, "{progress} of {jobs} jobs are done after {killed} kills");
        progress = done(&session).await;
        // One dies whenever so many more are done, at no moment in particular.
        if killed < kills && progress >= killed * jobs / (kills + 2) {
            pause().await;
            let victim = killed % processes;
            workers[victim].kill().unwrap();
            workers[victim].wait().unwrap();
            workers[victim] = worker(law, url);
            killed += 1;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for mut worker in workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    let effects = effects(&session).await;
    let different: BTreeSet<&String> = effects.iter().collect();
    assert_eq!((effects.len(), different.len(), killed), (jobs, jobs, kills));
    let store = if processes == 1 { "SQLite" } else { "PostgreSQL" };
    let outcome = format!("{} effects, {} of them different", effects.len(), different.len());
    let rounds = format!("{killed} kills, {jobs} jobs");
    note(store, "workers are killed", &rounds, "each job has one effect", &outcome);
    booted.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_on_sqlite_do_each_job_once() {
    if let Ok(url) = std::env::var(DATABASE) {
        return be_a_worker(&url).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("faults.db").display());
    each_effect_is_there_once("workers_killed_on_sqlite_do_each_job_once", &url, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_killed_on_postgres_do_each_job_once() {
    if let Ok(url) = std::env::var(DATABASE) {
        return be_a_worker(&url).await;
    }
    let Some(schema) = Schema::new().await else { return };
    each_effect_is_there_once("workers_killed_on_postgres_do_each_job_once", &schema.url(), 2).await;
}

/// Runs many jobs that do nothing, and tells how fast that was.
async fn many_jobs_are_done(store: &str, url: &str) {
    let booted = engine(url).await;
    booted.crm().create_workspace("Faults").await.unwrap();
    let session = session(&booted).await;
    let jobs = extent().0 * 5;
    let at = Instant::now();
    for _ in 0..5 {
        session.jobs().enqueue_all((0..jobs / 5).map(|_| Nothing::job(&()).unwrap())).await.unwrap();
    }
    let enqueued = at.elapsed();
    let at = Instant::now();
    let nothing = QueueOptions::new(Queue::new("nothing")).concurrency(256);
    let workers = run_workers(booted.crm(), WorkerOptions::none().handler(Nothing).queue(nothing));
    loop {
        let counts = session.queues().read(&Queue::new("nothing")).await.unwrap().counts;
        if counts.done == jobs as u64 {
            break;
        }
        assert!(at.elapsed() < PATIENCE, "{counts:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let ran = at.elapsed();
    let rate = |time: Duration| jobs as f64 / time.as_secs_f64();
    println!("{store}: {:.0} jobs/s enqueued, {:.0} jobs/s done", rate(enqueued), rate(ran));
    workers.stop().await;
    booted.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_are_done_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    many_jobs_are_done("SQLite", &format!("sqlite://{}", folder.path().join("many.db").display())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_jobs_are_done_on_postgres() {
    let Some(schema) = Schema::new().await else { return };
    many_jobs_are_done("PostgreSQL", &schema.url()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_hears_of_a_job_that_another_process_enqueued() {
    let Some(schema) = Schema::new().await else { return };
    let url = schema.url();
    let booted = engine(&url).await;
    booted.crm().create_workspace("Faults").await.unwrap();
    // Another handle with connections of its own, as another process has them.
    let other = engine(&url).await;
    let session = session(&other).await;
    let workers = run_workers(booted.crm(), WorkerOptions::none().handler(Alone));
    // Without the notice an idle worker looks once a second: it does no sixty jobs in half a minute, each enqueued
    // after the one before.
    let bound = session.jobs().enqueue(Alone::job(&()).unwrap().after_seconds(30)).await.unwrap().id;
    let mut waits = Vec::new();
    for _ in 0..60 {
        let id = session.jobs().enqueue(Alone::job(&()).unwrap()).await.unwrap().id;
        let job = loop {
            let job = session.jobs().read(id).await.unwrap();
            if job.finished_at.is_some() {
                break job;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        };
        waits.push(job.started_at.unwrap().micros() - job.created_at.micros());
    }
    assert_eq!(session.jobs().read(bound).await.unwrap().state, JobState::Queued, "{waits:?}");
    waits.sort_unstable();
    let outcome = format!("begun after {} ms (median)", waits[30] / 1_000);
    note("PostgreSQL", "another process enqueues a job", "60 times", "an idle worker begins it at once", &outcome);
    workers.stop().await;
    other.close().await;
    booted.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watcher_hears_at_once_of_what_another_instance_committed() {
    let Some(schema) = Schema::new().await else { return };
    let instance = async || {
        let mut config = Config::for_database(&schema.url()).unwrap();
        config.secret_key = Some("kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi".to_owned().into());
        boot(config).await.unwrap()
    };
    let watching = instance().await;
    // What the other does it hears of by the notice or not at all.
    watching.live().look_every(NEVER);
    watching.crm().create_workspace("Faults").await.unwrap();
    let session = session(&watching).await;
    let topics = Topics::named(["contacts"]).unwrap();
    let mut watch = watching.live().watch(Proof::Actor(session.actor().clone()), topics, None).await.unwrap();
    let other = instance().await;
    let writer = self::session(&other).await;
    let mut waits = Vec::new();
    for at in 0..15 {
        let edit = ContactEdit { last_name: Edit::Set(format!("Told {at}")), ..ContactEdit::default() };
        writer.contacts().create(edit).await.unwrap();
        let committed = Instant::now();
        let told = tokio::time::timeout(PATIENCE, watch.next()).await.unwrap().unwrap();
        assert!(matches!(told, Told::Event(_)));
        waits.push(committed.elapsed());
    }
    waits.sort_unstable();
    let outcome = format!("told in {} ms (median)", waits[7].as_millis());
    note("PostgreSQL", "another instance commits", "15 times", "a watcher is told at once", &outcome);
    other.close().await;
    watching.close().await;
}
