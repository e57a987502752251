//! A PostgreSQL server of a law's own, which may be restarted without regard for others.

use std::fs::{File, canonicalize, read_dir};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crm_core::testkit::PATIENCE;
use rustix::process::{Pid, Signal, geteuid, kill_process};

/// A running server; it goes with its folder when it is dropped.
pub(crate) struct Cluster {
    server: Child,
    programs: PathBuf,
    owner: Option<(u32, u32)>,
    port: u16,
    data: PathBuf,
    // The server goes before its folder.
    folder: tempfile::TempDir,
}

/// What of a server is on a small disk.
#[derive(Clone, Copy)]
pub(crate) enum Small<'a> {
    Nothing,
    /// All but its log.
    Tables(&'a Path),
    /// Its log of what is written ahead, in the smallest files that it can have.
    Log(&'a Path),
}

impl Cluster {
    /// Makes and starts one. The server's programs must be installed.
    pub(crate) async fn start(small: Small<'_>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (data, log) = match small {
            Small::Nothing => (folder.path().join("data"), None),
            Small::Tables(disk) => (disk.join("data"), Some(folder.path().join("log"))),
            Small::Log(disk) => (folder.path().join("data"), Some(disk.join("log"))),
        };
        let programs = programs();
        // The server refuses root.
        let owner = geteuid().is_root().then(|| (id("-u"), id("-g")));
        if let Some((user, group)) = owner {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let mut initdb = command(&programs, owner, "initdb", folder.path());
        initdb.args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C", "--no-sync"]);
        if let Some(log) = log {
            initdb.arg("--waldir").arg(log);
        }
        if matches!(small, Small::Log(_)) {
            initdb.arg("--wal-segsize=1");
        }
        let made = initdb.arg("--pgdata").arg(&data).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let server = serve(&programs, owner, folder.path(), &data, port);
        let mut cluster = Self { server, programs, owner, port, data, folder };
        cluster.answers().await;
        cluster
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends the server as `pg_ctl stop -m immediate` does, which is as a crash, and starts it again.
    pub(crate) async fn restart(&mut self) {
        self.end();
        self.server = self.serve();
        self.answers().await;
    }

    /// Waits until it answers. One that has given up is started again, as by whoever looks after it.
    pub(crate) async fn answers(&mut self) {
        let until = Instant::now() + PATIENCE;
        while let Err(error) = tokio_postgres::connect(&self.url(), tokio_postgres::NoTls).await {
            assert!(Instant::now() < until, "{error}");
            if self.server.try_wait().unwrap().is_some() {
                self.server = self.serve();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn serve(&self) -> Child {
        serve(&self.programs, self.owner, self.folder.path(), &self.data, self.port)
    }

    fn end(&mut self) {
        let pid = Pid::from_child(&self.server);
        let _gone = kill_process(pid, Signal::QUIT);
        let _status = self.server.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end();
    }
}

fn serve(programs: &Path, owner: Option<(u32, u32)>, folder: &Path, data: &Path, port: u16) -> Child {
    let log = File::options().create(true).append(true).open(folder.join("server.log")).unwrap();
    let mut server = command(programs, owner, "postgres", folder);
    server.arg("-D").arg(data).arg("-k").arg(folder).args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    // Nothing that a power cut could take matters here: the machine goes on.
    server.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
    // A server ends where its checkpoint meets a full disk, which a law makes happen by the log alone.
    server.args(["-c", "checkpoint_timeout=1d"]);
    server.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap()
}

fn command(programs: &Path, owner: Option<(u32, u32)>, program: &str, folder: &Path) -> Command {
    let mut command = Command::new(programs.join(program));
    command.current_dir(folder).env("HOME", folder).env("LC_ALL", "C");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PG")) {
        command.env_remove(name);
    }
    if let Some((user, group)) = owner {
        command.uid(user).gid(group);
    }
    command
}

/// The number of the server's user or group.
fn id(kind: &str) -> u32 {
    let said = Command::new("id").args([kind, "postgres"]).output().unwrap();
    String::from_utf8_lossy(&said.stdout).trim().parse().unwrap()
}

/// The folder of the server's programs: on the PATH, or where Debian keeps the newest.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path)
        .filter_map(|folder| Some(canonicalize(folder.join("initdb")).ok()?.parent()?.to_owned()));
    let mut debian: Vec<PathBuf> =
        read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|one| one.path().join("bin")).collect();
    debian.sort();
    let found = on_path
        .chain(debian.into_iter().rev())
        .find(|folder| folder.join("initdb").is_file() && folder.join("postgres").is_file());
    found.unwrap_or_else(|| panic!("this needs the programs of a PostgreSQL server: install them, or leave it out"))
}
