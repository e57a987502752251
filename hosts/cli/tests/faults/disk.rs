//! A disk that is full for a while: a process whose files may not grow meets what a full disk is to it.
//!
//! The process is this test program once more. The limit of its files (`RLIMIT_FSIZE`) needs no privilege and is
//! lifted again, as space comes back; the signal that comes with it is ignored by the shell that starts it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use crm_boot::{QueueOptions, WorkerOptions, run_workers};
use crm_core::contact::ContactEdit;
use crm_core::job::{Handler, JobContext, JobError, JobState, JobsRequest, Policy, Retry};
use crm_core::{Edit, ErrorKind, Session};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;

use super::{EFFECTS, effects, engine, is_long, note, session};

/// The database of the process whose disk is full.
const DATABASE: &str = "SLACKCRM_TEST_FAULTS_DISK";
const LAW: &str = "disk::a_full_disk_loses_nothing_and_work_goes_on_when_there_is_space";
/// What is left of the disk when it begins to be full.
const LEFT: u64 = 64 * 1024;
/// Jobs of a round.
const JOBS: usize = 50;

/// Makes a contact of a number of its own once it may.
struct Patient(Arc<Semaphore>);

impl Handler for Patient {
    type Payload = String;
    const KIND: &'static str = "patient";

    fn policy() -> Policy {
        let retry = Retry { max_attempts: 1_000, first_wait_seconds: 1, longest_wait_seconds: 1, jitter_percent: 0 };
        Policy::on(EFFECTS).retry(retry)
    }

    async fn run(&self, job: &JobContext, name: String) -> Result<(), JobError> {
        let open = self.0.acquire().await.unwrap();
        drop(open);
        let edit = ContactEdit { last_name: Edit::Set(name), ..ContactEdit::default() };
        job.once("effect").await?.contacts().create(edit).await?;
        Ok(())
    }
}

/// Lets the files of this process grow no further than what the log has and a little more.
fn fill_the_disk(url: &str) {
    let log = PathBuf::from(format!("{}-wal", url.strip_prefix("sqlite://").unwrap()));
    let most = std::fs::metadata(log).unwrap().len() + LEFT;
    setrlimit(Resource::Fsize, Rlimit { current: Some(most), ..getrlimit(Resource::Fsize) }).unwrap();
}

fn make_space() {
    let all = getrlimit(Resource::Fsize).maximum;
    setrlimit(Resource::Fsize, Rlimit { current: all, maximum: all }).unwrap();
}

/// Creates contacts until that is refused, and gives those that were acknowledged.
async fn create_until_refused(session: &Session, round: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for at in 0..10_000 {
        let name = format!("Acknowledged {round} {at:05}");
        let edit = ContactEdit { last_name: Edit::Set(name.clone()), ..ContactEdit::default() };
        match session.contacts().create(edit).await {
            Ok(_) => acknowledged.push(name),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                return acknowledged;
            }
        }
    }
    panic!("the disk is never full");
}

async fn live_through(url: &str) {
    let booted = engine(url).await;
    booted.crm().create_workspace("Faults").await.unwrap();
    let session = session(&booted).await;
    let rounds = if is_long() { 10 } else { 1 };
    let mut wanted = BTreeSet::new();
    for round in 0..rounds {
        let names: Vec<String> = (0..JOBS).map(|at| format!("Effect {round} {at:05}")).collect();
        session.jobs().enqueue_all(names.iter().map(|name| Patient::job(name).unwrap())).await.unwrap();
        wanted.extend(names);
        let gate = Arc::new(Semaphore::new(0));
        let options = WorkerOptions::none().handler(Patient(gate.clone()));
        let workers = run_workers(booted.crm(), options.queue(QueueOptions::new(EFFECTS).concurrency(4)));
        while session.queues().read(&EFFECTS).await.unwrap().counts.running < 4 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        fill_the_disk(url);
        wanted.extend(create_until_refused(&session, round).await);
        // Those that were taken before meet it too; what is there is read all the same.
        gate.add_permits(1);
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(session.queues().read(&EFFECTS).await.unwrap().counts.running > 0);
        assert!(effects(&session).await.len() >= wanted.len() - JOBS);
        make_space();
        let wait = async {
            while session.queues().read(&EFFECTS).await.unwrap().counts.done < (JOBS * (round + 1)) as u64 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(120), wait).await.unwrap();
        workers.stop().await;
    }
    let found = effects(&session).await;
    assert_eq!(found.len(), wanted.len());
    assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), wanted);
    // Whoever met it keeps why.
    let mut request = JobsRequest { limit: Some(200), ..JobsRequest::default() };
    let mut stumbled = 0;
    loop {
        let page = session.jobs().list(&request).await.unwrap();
        assert!(page.data.iter().all(|job| job.state == JobState::Done));
        let met = |codes: &[crm_core::job::AttemptFault]| codes.iter().any(|fault| fault.code == "unavailable");
        stumbled += page.data.iter().filter(|job| met(&job.errors)).count();
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    assert!(stumbled >= rounds);
    assert!(session.workspace().verify_journal().await.unwrap().holds());
    let outcome =
        format!("{stumbled} jobs kept `unavailable` and were done later; all {} contacts are there", wanted.len());
    let holds = "jobs wait and are done, what was acknowledged is there";
    note("SQLite", "a full disk", &format!("{rounds} times"), holds, &outcome);
    booted.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_and_work_goes_on_when_there_is_space() {
    if let Ok(url) = std::env::var(DATABASE) {
        return live_through(&url).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("full.db").display());
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(std::env::current_exe().unwrap());
    command.args([LAW, "--exact", "--nocapture"]).env(DATABASE, url);
    let status = tokio::task::spawn_blocking(move || command.status()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}
