//! A small disk of a law's own that can be full: a tmpfs that no other process sees.
//!
//! The law is run once more, in a process with mounts of its own. That takes root, or a system that lets anybody have
//! them (user namespaces). Where neither is there, as in most containers, the law says so and is left out: what a file
//! that may not grow is to the store is seen everywhere.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use rustix::process::{getegid, geteuid};

use super::note;

/// Where the disk is, in the process that has it.
const FOLDER: &str = "SLACKCRM_TEST_FAULTS_SMALL_DISK";
/// Where a law that is left out says so to whoever runs all of them.
const LEFT_OUT: &str = "SLACKCRM_TEST_LEFT_OUT";

/// Mounts the disk, and runs what follows there.
const MOUNT: &str = r#"mount -t tmpfs -o "size=$1m" slackcrm "$2" && shift 2 && exec "$@""#;

/// What a law is about, for whoever reads that it was left out.
pub(crate) struct Law {
    /// As the test program names it.
    pub(crate) name: &'static str,
    pub(crate) store: &'static str,
    pub(crate) fault: &'static str,
}

/// The disk.
pub(crate) struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// The disk that this process has, if it has one.
    pub(crate) fn own() -> Option<Self> {
        std::env::var_os(FOLDER).map(|folder| Self { folder: folder.into() })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes up all of the disk but so many bytes.
    pub(crate) fn leave(&self, bytes: u64) {
        let mut fill = File::options().append(true).create(true).open(self.fill()).unwrap();
        let full = loop {
            if let Err(error) = fill.write_all(&[0; 4096]) {
                break error;
            }
        };
        assert_eq!(full.kind(), ErrorKind::StorageFull, "{full}");
        let length = fill.metadata().unwrap().len();
        fill.set_len(length.saturating_sub(bytes)).unwrap();
    }

    pub(crate) fn make_space(&self) {
        std::fs::remove_file(self.fill()).unwrap();
    }

    fn fill(&self) -> PathBuf {
        self.folder.join("fill")
    }
}

/// Runs a law again in a process that has a disk of so many megabytes, or says why it cannot.
pub(crate) async fn on_a_small_disk(law: Law, megabytes: u32) {
    let folder = tempfile::tempdir().unwrap();
    let tried = with_a_disk(folder.path(), megabytes, Path::new("true")).output();
    if let Some(refusal) = refusal(tried) {
        return leave_out(&law, &refusal);
    }
    let mut command = with_a_disk(folder.path(), megabytes, &std::env::current_exe().unwrap());
    command.args([law.name, "--exact", "--nocapture"]).env(FOLDER, folder.path());
    // Its harness counts for whoever reads the closing lines of this one.
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let said = [stdout, stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(status.success(), "{status}\n{}", said.concat());
}

/// Runs a program where the disk is mounted, as the user that this process is.
fn with_a_disk(folder: &Path, megabytes: u32, program: &Path) -> Command {
    let mut command = Command::new("unshare");
    let is_root = geteuid().is_root();
    if !is_root {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "--", "sh", "-c", MOUNT, "sh", &megabytes.to_string()]).arg(folder);
    if !is_root {
        // Whoever mounted is root there; a PostgreSQL server is started by nobody of that name.
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        command.args(["unshare", "--user", &format!("--map-user={user}"), &format!("--map-group={group}"), "--"]);
    }
    command.arg(program);
    command
}

/// Why a disk cannot be had, where that is so.
fn refusal(tried: std::io::Result<Output>) -> Option<String> {
    match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ")),
        Err(error) => Some(format!("unshare: {error}")),
    }
}

fn leave_out(law: &Law, refusal: &str) {
    let what = format!("{} on {}: a tmpfs cannot be mounted here ({refusal})", law.fault, law.store);
    // Past the test harness, which keeps what a passing test prints to itself.
    let _said = writeln!(std::io::stderr(), "left out: {what}");
    if let Ok(file) = std::env::var(LEFT_OUT) {
        let mut file = File::options().append(true).create(true).open(file).unwrap();
        writeln!(file, "{what}").unwrap();
    }
    note(law.store, law.fault, "never", "-", &format!("left out: a tmpfs cannot be mounted here ({refusal})"));
}
