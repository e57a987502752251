//! A server of the product that lives as long as a value.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::{process, tools};

const LISTENS_WITHIN: Duration = Duration::from_secs(180);
/// The server gives requests that are under way half a minute, on a machine that does not stand still.
const STOPPED_WITHIN: Duration = Duration::from_secs(120);

/// A running server on a free port; dropping it kills it and removes its folder.
pub(crate) struct Served {
    // Fields are dropped in this order: the server goes before its folder.
    process: Running,
    address: String,
    folder: TempDir,
}

struct Running(Child);

impl Served {
    /// Starts the binary on the database of this address, or on a fresh SQLite file, with settings
    /// from the environment alone.
    pub(crate) fn start(binary: &Path, database: Option<&str>, settings: &[(&str, &str)]) -> Result<Self> {
        process::go_on()?;
        let folder = tempfile::tempdir().context("make a folder for the server")?;
        let log = File::create(log(folder.path())).context("create the server's log")?;
        let mut command = tools::ending_with_xtask(binary, "TERM");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SLACKCRM_")) {
            command.env_remove(name);
        }
        let file = format!("sqlite://{}", folder.path().join("crm.db").display());
        command.env("SLACKCRM_DATABASE_URL", database.unwrap_or(&file)).envs(settings.iter().copied());
        command.args(["serve", "--listen", "127.0.0.1:0"]).current_dir(folder.path());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let process = command.spawn().with_context(|| format!("start {}", process::show(&command)))?;
        let mut served = Self { process: Running(process), address: String::new(), folder };
        served.address = served.wait_until_it_listens()?;
        Ok(served)
    }

    /// Where it listens, as in `http://127.0.0.1:8080`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A folder that goes with the server.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the server as an operator does.
    ///
    /// # Errors
    /// When it ended before, when it does not end in time or not well, and when something in it panicked.
    pub(crate) fn stop(mut self) -> Result<()> {
        let early = self.process.0.try_wait()?;
        ensure!(early.is_none(), "the server ended by itself\n{}", self.last_lines());
        tell(&self.process.0, Signal::TERM);
        let asked = Instant::now();
        let status = loop {
            if let Some(status) = self.process.0.try_wait()? {
                break status;
            }
            ensure!(asked.elapsed() < STOPPED_WITHIN, "the server did not stop\n{}", self.last_lines());
            thread::sleep(Duration::from_millis(20));
        };
        ensure!(status.success(), "the server ended badly ({status})\n{}", self.last_lines());
        let log = fs::read_to_string(log(self.folder.path())).context("read the server's log")?;
        let panic = log.lines().find(|line| line.contains("panicked"));
        ensure!(panic.is_none(), "the server's log has a panic: {}", panic.unwrap_or_default());
        Ok(())
    }

    fn wait_until_it_listens(&mut self) -> Result<String> {
        let started = Instant::now();
        while started.elapsed() < LISTENS_WITHIN {
            process::go_on()?;
            let log = fs::read_to_string(log(self.folder.path())).unwrap_or_default();
            if let Some(address) = log.lines().find_map(address) {
                return Ok(address);
            }
            if let Some(status) = self.process.0.try_wait()? {
                bail!("the server ended while starting ({status})\n{}", self.last_lines());
            }
            thread::sleep(Duration::from_millis(20));
        }
        bail!("the server did not listen within {LISTENS_WITHIN:?}\n{}", self.last_lines())
    }

    fn last_lines(&self) -> String {
        let text = fs::read_to_string(log(self.folder.path())).unwrap_or_default();
        let lines: Vec<&str> = text.lines().rev().take(15).collect();
        format!("its log ends:\n{}", lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.0.try_wait(), Ok(None)) {
            let _gone = self.0.kill();
            let _ended = self.0.wait();
        }
    }
}

fn tell(process: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(process.id()).ok().and_then(Pid::from_raw) {
        let _gone = kill_process(pid, signal);
    }
}

fn log(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

/// The address in the line that says that the server listens.
fn address(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    let listens = line.get("message").is_some_and(|message| message == "listening");
    listens.then(|| line.get("address")?.as_str().map(str::to_owned)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_says_where_the_server_listens() {
        let line = r#"{"level":"INFO","message":"listening","address":"127.0.0.1:40239"}"#;
        assert_eq!(address(line).as_deref(), Some("127.0.0.1:40239"));
        assert_eq!(address(r#"{"message":"starting","address":"127.0.0.1:1"}"#), None);
        assert_eq!(address("no JSON"), None);
    }
}
