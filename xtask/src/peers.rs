//! Job queues of others that `cargo xtask bench --peers` measures beside ours: their packages, kept beside what cargo
//! builds, and a Redis of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::process;
use crate::redis::Server;
use crate::tools;
use crate::workspace::{root, target};

/// What is said where something cannot be had.
const OTHERWISE: &str = ", or measure ours alone without `--peers`";
/// The oldest Node.js that the packages run on.
const NODE: u32 = 18;

/// The others, ready to be measured.
pub(crate) struct Peers {
    folder: PathBuf,
    // The server goes before what it wrote.
    redis: Server,
    _written: TempDir,
}

impl Peers {
    /// Installs their packages where they are not yet, and starts the Redis.
    pub(crate) fn prepare() -> Result<Self> {
        require_node()?;
        let (folder, written) = (installed()?, tempfile::tempdir().context("make a folder for Redis")?);
        let redis = redis(written.path())?;
        Ok(Self { folder, redis, _written: written })
    }

    /// Tells `crm-bench` where they are.
    pub(crate) fn pass_to(&self, command: &mut Command) {
        command.env("SLACKCRM_BENCH_PEERS", &self.folder);
        command.env("SLACKCRM_BENCH_REDIS", self.redis.url());
    }
}

/// A Redis that writes to disk every second, as its makers advise.
fn redis(folder: &Path) -> Result<Server> {
    let folder = folder.display().to_string();
    let arguments = ["--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"];
    Server::start(
        "redis-server, which BullMQ needs,",
        OTHERWISE,
        &[&arguments[..], &["--dir", folder.as_str()]].concat(),
    )
}

/// Makes sure of Node.js and its installer of packages.
fn require_node() -> Result<()> {
    for (program, package) in [("node", "nodejs"), ("npm", "npm")] {
        if tools::find(program).is_none() {
            tools::install_package(package, &format!("{program}, which runs BullMQ and Graphile Worker,"), OTHERWISE)?;
        }
    }
    let said = process::quietly(Command::new("node").arg("--version"))?;
    match major(&said) {
        Some(version) if version >= NODE => Ok(()),
        _ => bail!("node is of version {}, and the peers need {NODE} or newer{OTHERWISE}", said.trim()),
    }
}

/// The first number of a version, as of `v20.1.0`.
fn major(version: &str) -> Option<u32> {
    version.trim().trim_start_matches('v').split('.').next()?.parse().ok()
}

/// A folder with their programs and packages, made or renewed where the lock has changed.
fn installed() -> Result<PathBuf> {
    let sources = root().join("benches").join("peers");
    let folder = target().join("peers");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let files = fs::read_dir(&sources).with_context(|| format!("read {}", sources.display()))?;
    for file in files {
        let file = file?;
        if file.file_type()?.is_file() {
            let copied = fs::copy(file.path(), folder.join(file.file_name()));
            copied.with_context(|| format!("copy {}", file.path().display()))?;
        }
    }
    let lock = folder.join("package-lock.json");
    let wanted = fs::read_to_string(&lock).with_context(|| format!("read {}", lock.display()))?;
    // Written last: a folder without it is half made.
    let made = folder.join("installed-lock.json");
    if fs::read_to_string(&made).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    println!("xtask: installing the packages of {}", sources.display());
    let mut install = Command::new("npm");
    install.args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"]).current_dir(&folder);
    if !process::run(&mut install)?.success() {
        bail!("{} failed in {}{OTHERWISE}", process::show(&install), folder.display());
    }
    fs::write(&made, wanted).with_context(|| format!("write {}", made.display()))?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_begins_with_its_largest_number() {
        assert_eq!((major("v20.20.2\n"), major("18.1"), major("none")), (Some(20), Some(18), None));
    }

    #[test]
    fn the_lock_names_no_registry() {
        // Whoever installs chooses where from.
        let lock = fs::read_to_string(root().join("benches/peers/package-lock.json")).unwrap();
        assert!(lock.contains("graphile-worker") && !lock.contains("\"resolved\""));
    }
}
