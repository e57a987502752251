//! A disk that is full for a while, with jobs that run and others that write meanwhile.
//!
//! Two ways make one. A tmpfs (`small.rs`) is as full as a disk can be, and takes rights that not every machine gives.
//! The limit of a process's files (`RLIMIT_FSIZE`) takes none; the signal that comes with it is ignored by the shell
//! that starts that process, which is this test program once more.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crm_boot::{QueueOptions, WorkerOptions, run_workers};
use crm_core::contact::ContactEdit;
use crm_core::job::{Handler, JobContext, JobError, JobState, JobsRequest, Policy, Retry};
use crm_core::testkit::PATIENCE;
use crm_core::{Edit, ErrorKind, Session};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::Semaphore;

use super::cluster::{Cluster, Small};
use super::door::Door;
use super::small::{Law, SmallDisk, on_a_small_disk};
use super::{EFFECTS, effects, engine, is_long, note, session};

/// The database of the process whose files may not grow.
const DATABASE: &str = "SLACKCRM_TEST_FAULTS_DISK";
const FILES: &str = "disk::files_that_may_not_grow_lose_nothing_on_sqlite";
/// What is left of the disk when it begins to be full.
const LEFT: u64 = 64 * 1024;
/// Jobs of a round.
const JOBS: usize = 50;
/// Refusals in a row after which what is left of pages that are there already is used up too.
const REFUSALS: usize = 20;

/// Makes a contact of a name of its own once it may, and counts how often that failed.
struct Patient {
    gate: Arc<Semaphore>,
    refused: Arc<AtomicUsize>,
}

impl Handler for Patient {
    type Payload = String;
    const KIND: &'static str = "patient";

    fn policy() -> Policy {
        let retry = Retry { max_attempts: 1_000, first_wait_seconds: 1, longest_wait_seconds: 1, jitter_percent: 0 };
        Policy::on(EFFECTS).retry(retry)
    }

    async fn run(&self, job: &JobContext, name: String) -> Result<(), JobError> {
        let open = self.gate.acquire().await.unwrap();
        drop(open);
        let made = make(job, name).await;
        if made.is_err() {
            self.refused.fetch_add(1, Ordering::SeqCst);
        }
        made
    }
}

async fn make(job: &JobContext, name: String) -> Result<(), JobError> {
    let edit = ContactEdit { last_name: Edit::Set(name), ..ContactEdit::default() };
    job.once("effect").await?.contacts().create(edit).await?;
    Ok(())
}

/// What is full.
enum Disk {
    /// Files of this process grow no further than this one has.
    Files(PathBuf),
    Small(SmallDisk),
}

impl Disk {
    /// Leaves so many bytes.
    fn leave(&self, bytes: u64) {
        match self {
            Self::Files(longest) => {
                let most = std::fs::metadata(longest).unwrap().len() + bytes;
                let limit = Rlimit { current: Some(most), ..getrlimit(Resource::Fsize) };
                setrlimit(Resource::Fsize, limit).unwrap();
            }
            Self::Small(disk) => disk.leave(bytes),
        }
    }

    fn make_space(&self) {
        match self {
            Self::Files(_) => {
                let all = getrlimit(Resource::Fsize).maximum;
                setrlimit(Resource::Fsize, Rlimit { current: all, maximum: all }).unwrap();
            }
            Self::Small(disk) => disk.make_space(),
        }
    }
}

/// A database whose disk is full for a while.
struct Scene {
    store: &'static str,
    fault: &'static str,
    url: String,
    disk: Disk,
    /// The server that the database is on, which may give up.
    cluster: Option<Cluster>,
    /// Whether what is there is read all the same.
    is_read: bool,
    /// Whether a server of ours is asked too, over HTTP.
    has_door: bool,
}

/// Creates contacts until that is refused for good, and gives those that were acknowledged.
async fn create_until_refused(session: &Session, round: usize) -> Vec<String> {
    let (mut acknowledged, mut refused) = (Vec::new(), 0);
    for at in 0..20_000 {
        let name = format!("Acknowledged {round} {at:05}");
        let edit = ContactEdit { last_name: Edit::Set(name.clone()), ..ContactEdit::default() };
        match session.contacts().create(edit).await {
            Ok(_) => {
                acknowledged.push(name);
                refused = 0;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
                refused += 1;
            }
        }
        if refused == REFUSALS {
            return acknowledged;
        }
    }
    panic!("the disk is never full");
}

/// How many jobs kept that the store could not be written to; all of them are done.
async fn stumbled(session: &Session) -> usize {
    let mut request = JobsRequest { limit: Some(200), ..JobsRequest::default() };
    let mut stumbled = 0;
    loop {
        let page = session.jobs().list(&request).await.unwrap();
        assert!(page.data.iter().all(|job| job.state == JobState::Done));
        let met = |codes: &[crm_core::job::AttemptFault]| codes.iter().any(|fault| fault.code == "unavailable");
        stumbled += page.data.iter().filter(|job| met(&job.errors)).count();
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            return stumbled;
        }
    }
}

async fn all_are_done(session: &Session, jobs: usize) {
    let done = async {
        // A connection may have been lost meanwhile.
        while session.queues().read(&EFFECTS).await.map_or(0, |queue| queue.counts.done) < jobs as u64 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.unwrap();
}

impl Scene {
    async fn live_through(mut self) {
        let booted = engine(&self.url).await;
        let door = match self.has_door {
            true => Some(Door::open(&self.url)),
            false => {
                booted.crm().create_workspace("Faults").await.unwrap();
                None
            }
        };
        let session = session(&booted).await;
        let rounds = if is_long() { 10 } else { 1 };
        let mut wanted = BTreeSet::new();
        for round in 0..rounds {
            let names: Vec<String> = (0..JOBS).map(|at| format!("Effect {round} {at:05}")).collect();
            session.jobs().enqueue_all(names.iter().map(|name| Patient::job(name).unwrap())).await.unwrap();
            let (gate, refused) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
            let options = WorkerOptions::none().handler(Patient { gate: gate.clone(), refused: refused.clone() });
            let workers = run_workers(booted.crm(), options.queue(QueueOptions::new(EFFECTS).concurrency(4)));
            while session.queues().read(&EFFECTS).await.unwrap().counts.running < 4 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            wanted.extend(self.is_full_for_a_while(&session, door.as_ref(), round, &gate, &refused).await);
            wanted.extend(names);
            all_are_done(&session, JOBS * (round + 1)).await;
            workers.stop().await;
        }
        self.ends_well(&session, rounds, &wanted).await;
        if let Some(door) = door {
            door.close();
        }
        booted.close().await;
    }

    /// Fills the disk, has jobs meet that, and makes space again; gives the contacts that were acknowledged.
    async fn is_full_for_a_while(
        &mut self,
        session: &Session,
        door: Option<&Door>,
        round: usize,
        gate: &Semaphore,
        refused: &AtomicUsize,
    ) -> BTreeSet<String> {
        self.disk.leave(LEFT);
        let mut acknowledged: BTreeSet<String> = create_until_refused(session, round).await.into_iter().collect();
        self.disk.leave(0);
        if let Some(door) = door {
            acknowledged.extend(door.write_until_refused(round));
            door.is_read();
        }
        // Those that were taken before meet it too.
        gate.add_permits(1);
        let met = async {
            while refused.load(Ordering::SeqCst) == 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, met).await.unwrap();
        self.look(session, &acknowledged).await;
        self.disk.make_space();
        if let Some(cluster) = &mut self.cluster {
            cluster.answers().await;
        }
        if let Some(door) = door {
            let name = format!("Acknowledged {round} again");
            door.write(&name).unwrap();
            acknowledged.insert(name);
        }
        acknowledged
    }

    /// What is read while the disk is full.
    async fn look(&self, session: &Session, acknowledged: &BTreeSet<String>) {
        if self.is_read {
            let found: BTreeSet<String> = effects(session).await.into_iter().collect();
            assert!(found.is_superset(acknowledged));
        } else if let Err(error) = session.queues().read(&EFFECTS).await {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:?}");
        }
    }

    /// Everything that is wanted is there once, and whoever met the full disk keeps why.
    async fn ends_well(&self, session: &Session, rounds: usize, wanted: &BTreeSet<String>) {
        let all = effects(session).await;
        let found: BTreeSet<String> = all.iter().cloned().collect();
        assert_eq!((all.len(), found.is_superset(wanted)), (found.len(), true));
        let more: Vec<&String> = found.difference(wanted).collect();
        // Of what a server did not answer nobody knows whether it is written; a file says so.
        assert!(self.cluster.is_some() || more.is_empty(), "{more:?}");
        assert!(more.iter().all(|name| name.starts_with("Acknowledged")), "{more:?}");
        let stumbled = stumbled(session).await;
        assert!(stumbled >= rounds);
        assert!(session.workspace().verify_journal().await.unwrap().holds());
        let outcome =
            format!("{stumbled} jobs kept `unavailable` and were done later; all {} contacts are there", wanted.len());
        let holds = "jobs wait and are done, what was acknowledged is there";
        note(self.store, self.fault, &format!("{rounds} times"), holds, &outcome);
    }
}

const ON_SQLITE: Law =
    Law { name: "disk::a_full_disk_loses_nothing_on_sqlite", store: "SQLite", fault: "a full disk (tmpfs)" };
const OF_TABLES: Law = Law {
    name: "disk::a_full_disk_of_tables_loses_nothing_on_postgres",
    store: "PostgreSQL",
    fault: "a full disk of its tables (tmpfs)",
};
const OF_THE_LOG: Law = Law {
    name: "disk::a_full_disk_of_the_log_loses_nothing_on_postgres",
    store: "PostgreSQL",
    fault: "a full disk of its log (tmpfs)",
};

/// What happens on a server of one's own, some of which is on the small disk.
async fn on_postgres(law: Law, disk: SmallDisk, cluster: Cluster) {
    // Without its log a server ends; without room for tables it refuses what needs some.
    let is_read = law.name == OF_TABLES.name;
    let (url, cluster, disk) = (cluster.url(), Some(cluster), Disk::Small(disk));
    let scene = Scene { store: law.store, fault: law.fault, url, disk, cluster, is_read, has_door: false };
    scene.live_through().await;
}

fn sqlite(folder: &std::path::Path) -> (String, PathBuf) {
    let file = folder.join("full.db").display().to_string();
    (format!("sqlite://{file}"), format!("{file}-wal").into())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_may_not_grow_lose_nothing_on_sqlite() {
    if let Some(folder) = std::env::var_os(DATABASE) {
        let (url, log) = sqlite(folder.as_ref());
        let (store, fault, disk) = ("SQLite", "files that may not grow", Disk::Files(log));
        let scene = Scene { store, fault, url, disk, cluster: None, is_read: true, has_door: false };
        return scene.live_through().await;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]).arg(std::env::current_exe().unwrap());
    command.args([FILES, "--exact", "--nocapture"]).env(DATABASE, folder.path());
    let status = tokio::task::spawn_blocking(move || command.status()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing_on_sqlite() {
    let Some(disk) = SmallDisk::own() else {
        // Its log grows in every round, and is not written back before it has 128 MB.
        return on_a_small_disk(ON_SQLITE, if is_long() { 384 } else { 96 }).await;
    };
    let (url, _) = sqlite(disk.folder());
    let (store, fault, disk) = (ON_SQLITE.store, ON_SQLITE.fault, Disk::Small(disk));
    let scene = Scene { store, fault, url, disk, cluster: None, is_read: true, has_door: true };
    scene.live_through().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_tables_loses_nothing_on_postgres() {
    if crm_core::testkit::postgres_url().is_none() {
        return;
    }
    let Some(disk) = SmallDisk::own() else { return on_a_small_disk(OF_TABLES, 128).await };
    let cluster = Cluster::start(Small::Tables(disk.folder())).await;
    on_postgres(OF_TABLES, disk, cluster).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_of_the_log_loses_nothing_on_postgres() {
    if crm_core::testkit::postgres_url().is_none() {
        return;
    }
    let Some(disk) = SmallDisk::own() else { return on_a_small_disk(OF_THE_LOG, 96).await };
    let cluster = Cluster::start(Small::Log(disk.folder())).await;
    on_postgres(OF_THE_LOG, disk, cluster).await;
}
