//! A PostgreSQL cluster that lives as long as a value.
//!
//! Its folder holds everything: data, socket, log and a lock. Dropping the value stops the server
//! and removes the folder, on success, on failure and after a signal alike. Should xtask be killed
//! outright, Linux tells the server to stop, and the next run finds a folder whose lock nobody
//! holds and removes it.

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::postgres::Postgres;
use crate::process;

const PREFIX: &str = "slackcrm-postgres-";
const LOCK: &str = "owner.lock";
const READY_WITHIN: Duration = Duration::from_secs(180);
const STOPPED_WITHIN: Duration = Duration::from_secs(15);
/// A younger folder may belong to a run that is about to lock it.
const STALE_AFTER: Duration = Duration::from_secs(60);

/// What the cluster is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Correct and quick, at the price of durability that no test needs.
    Test,
    /// As a production server would be set up on a small machine, durable.
    Bench,
}

impl Purpose {
    const fn database(self) -> &'static str {
        match self {
            Self::Test => "crm_test",
            Self::Bench => "crm_bench",
        }
    }

    const fn settings(self) -> &'static [&'static str] {
        match self {
            // A zone that is no one's default shows code that leans on the session's zone.
            Self::Test => &[
                // Each test at once has a store or several with sixteen each, and a machine has any number of
                // processors. The table of locks grows with it: a schema that is dropped takes one for each table.
                "max_connections=1000",
                "fsync=off",
                "full_page_writes=off",
                "synchronous_commit=on",
                "shared_buffers=128MB",
                "max_wal_size=2GB",
                // Compiling a statement takes longer than it runs on the few rows of a test.
                "jit=off",
                "timezone=Asia/Kolkata",
            ],
            Self::Bench => &[
                "max_connections=200",
                "fsync=on",
                "full_page_writes=on",
                "synchronous_commit=on",
                "shared_buffers=1GB",
                "effective_cache_size=4GB",
                "work_mem=16MB",
                "maintenance_work_mem=256MB",
                "max_wal_size=4GB",
                "checkpoint_timeout=15min",
                "random_page_cost=1.1",
                "timezone=UTC",
            ],
        }
    }
}

/// A running server; dropping it stops the server and removes its folder.
pub(crate) struct Cluster {
    // Fields are dropped in this order: the server goes before its folder.
    server: Server,
    _lock: File,
    _folder: TempDir,
    purpose: Purpose,
}

impl Cluster {
    /// Makes and starts a cluster with an empty database.
    pub(crate) fn start(postgres: &Postgres, purpose: Purpose) -> Result<Self> {
        let base = base_folder(postgres)?;
        remove_stale(postgres, &base);
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&base);
        let folder = folder.with_context(|| format!("make a folder in {}", base.display()))?;
        let lock = File::create(folder.path().join(LOCK)).context("create the cluster's lock")?;
        lock.try_lock().context("lock the cluster's folder")?;
        if let Some(owner) = postgres.owner() {
            chown(folder.path(), Some(owner.user), Some(owner.group)).context("hand over the cluster's folder")?;
        }
        initialise(postgres, folder.path())?;
        let server = Server::start(postgres, folder.path(), purpose)?;
        let mut create = postgres.command("createdb", folder.path());
        create.args(["--host", "127.0.0.1", "--port", &server.port.to_string()]);
        create.args(["--username", "postgres", purpose.database()]);
        process::quietly(&mut create)?;
        println!("xtask: PostgreSQL listens on 127.0.0.1:{} in {}", server.port, folder.path().display());
        Ok(Self { server, _lock: lock, _folder: folder, purpose })
    }

    /// The address of the empty database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.server.port, self.purpose.database())
    }
}

/// The server's process; dropping it shuts the server down at once.
struct Server {
    process: Child,
    port: u16,
}

impl Server {
    fn start(postgres: &Postgres, folder: &Path, purpose: Purpose) -> Result<Self> {
        // Another program may take the free port first.
        for _ in 0..2 {
            let attempt = Self::start_once(postgres, folder, purpose);
            if attempt.is_ok() || process::go_on().is_err() {
                return attempt;
            }
        }
        Self::start_once(postgres, folder, purpose)
    }

    fn start_once(postgres: &Postgres, folder: &Path, purpose: Purpose) -> Result<Self> {
        process::go_on()?;
        let port = free_port()?;
        let log_path = folder.join("server.log");
        let log = File::create(&log_path).context("create the server's log")?;
        let mut command = postgres.server(folder);
        command.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
        command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
        for setting in purpose.settings() {
            command.args(["-c", setting]);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let process = command.spawn().with_context(|| format!("start {}", process::show(&command)))?;
        let mut server = Self { process, port };
        server.wait_until_ready(postgres, folder).with_context(|| last_lines(&log_path))?;
        Ok(server)
    }

    fn wait_until_ready(&mut self, postgres: &Postgres, folder: &Path) -> Result<()> {
        let started = Instant::now();
        while started.elapsed() < READY_WITHIN {
            if let Some(status) = self.process.try_wait()? {
                bail!("PostgreSQL ended while starting ({status})");
            }
            let mut ask = postgres.command("pg_isready", folder);
            ask.args(["--quiet", "--host", "127.0.0.1", "--port", &self.port.to_string()]);
            if process::run(&mut ask)?.success() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(50));
        }
        bail!("PostgreSQL was not ready within {READY_WITHIN:?}")
    }

    /// Waits until the server has gone; false when it is still there.
    fn has_gone(&mut self) -> bool {
        let asked = Instant::now();
        while asked.elapsed() < STOPPED_WITHIN {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return true;
            }
            thread::sleep(Duration::from_millis(20));
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // SIGQUIT is what `pg_ctl stop -m immediate` sends: the data is thrown away anyway.
        if !matches!(self.process.try_wait(), Ok(None)) {
            return;
        }
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _gone = kill_process(pid, Signal::QUIT);
        }
        if !self.has_gone() {
            eprintln!("xtask: PostgreSQL did not stop within {STOPPED_WITHIN:?}, killing it");
            let _gone = self.process.kill();
            let _ended = self.process.wait();
        }
    }
}

/// A folder for temporary files into which the server's user can go; TMPDIR chooses the disk.
fn base_folder(postgres: &Postgres) -> Result<PathBuf> {
    let candidates = [env::temp_dir(), PathBuf::from("/tmp"), PathBuf::from("/var/tmp")];
    for folder in candidates {
        let mut look = Command::new("test");
        look.arg("-x").arg(&folder);
        if process::run(&mut postgres.prepare(look, Path::new("/")))?.success() {
            return Ok(folder);
        }
    }
    bail!("no folder for temporary files that the user of PostgreSQL can enter; set TMPDIR")
}

fn initialise(postgres: &Postgres, folder: &Path) -> Result<()> {
    // A linguistic collation, as most installations have, shows a forgotten COLLATE "C"; it needs a
    // server of version 15 with ICU.
    let linguistic = process::quietly(initdb(postgres, folder).args(["--locale-provider=icu", "--icu-locale=en-US"]));
    process::go_on()?;
    if linguistic.is_ok() {
        return Ok(());
    }
    println!("xtask: this PostgreSQL has no ICU: the cluster sorts by bytes");
    process::quietly(&mut initdb(postgres, folder)).map(drop)
}

fn initdb(postgres: &Postgres, folder: &Path) -> Command {
    let mut initdb = postgres.command("initdb", folder);
    initdb.arg("--pgdata").arg(folder.join("data"));
    initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--no-sync"]);
    initdb.arg(if cfg!(target_os = "linux") { "--locale=C.UTF-8" } else { "--locale=C" });
    initdb
}

pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("look for a free port")?;
    Ok(listener.local_addr()?.port())
}

fn last_lines(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(15).collect();
    format!("the server's log ends:\n{}", lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
}

/// Removes what runs that were killed outright have left.
fn remove_stale(postgres: &Postgres, base: &Path) {
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let folder = entry.path();
        if is_stale(postgres, &folder).unwrap_or(false) {
            println!("xtask: removing {}, which a killed run left", folder.display());
            stop_stale_server(&folder);
            if let Err(error) = fs::remove_dir_all(&folder) {
                eprintln!("xtask: cannot remove {}: {error}", folder.display());
            }
        }
    }
}

/// Whether a folder is ours, old enough to be locked, and locked by nobody.
fn is_stale(postgres: &Postgres, folder: &Path) -> Result<bool> {
    let found = fs::symlink_metadata(folder)?;
    let users = [Some(geteuid().as_raw()), postgres.owner().map(|owner| owner.user)];
    let is_ours = found.is_dir() && users.contains(&Some(found.uid()));
    let is_old = found.modified()?.elapsed().is_ok_and(|age| age > STALE_AFTER);
    Ok(is_ours && is_old && File::open(folder.join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok()))
}

fn stop_stale_server(folder: &Path) {
    let noted = fs::read_to_string(folder.join("data").join("postmaster.pid")).unwrap_or_default();
    let Some(pid) = noted.lines().next().and_then(|line| line.trim().parse().ok()).and_then(Pid::from_raw) else {
        return;
    };
    let number = pid.as_raw_nonzero().to_string();
    // The number may belong to another program by now.
    let arguments = process::quietly(Command::new("ps").args(["-o", "args=", "-p", &number])).unwrap_or_default();
    if arguments.contains(&*folder.to_string_lossy()) {
        let _gone = kill_process(pid, Signal::QUIT);
        thread::sleep(Duration::from_millis(500));
    }
}
