//! PostgreSQL's own programs: where they are, and as whom they run.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::tools;

/// The programs of one PostgreSQL installation, run as a user that the server accepts.
pub(crate) struct Postgres {
    folder: PathBuf,
    owner: Option<Owner>,
}

/// The user that runs the server where xtask is root, which the server refuses.
#[derive(Clone, Copy)]
pub(crate) struct Owner {
    pub(crate) user: u32,
    pub(crate) group: u32,
}

impl Postgres {
    /// The installed PostgreSQL, installed now where it is missing and xtask may.
    ///
    /// `otherwise` completes the message where it cannot be had.
    pub(crate) fn find_or_install(otherwise: &str) -> Result<Self> {
        let folder = match programs() {
            Some(folder) => folder,
            None => {
                tools::install_package("postgresql", "a PostgreSQL server", otherwise)?;
                programs().with_context(|| format!("the package postgresql brought no server{otherwise}"))?
            }
        };
        let owner = if tools::is_root() { Some(unprivileged_owner()?) } else { None };
        Ok(Self { folder, owner })
    }

    /// The user that owns the server's files, where it is not the user of xtask.
    pub(crate) const fn owner(&self) -> Option<Owner> {
        self.owner
    }

    /// One of the programs, to be run in `home` with no setting inherited from the caller.
    pub(crate) fn command(&self, program: &str, home: &Path) -> Command {
        self.prepare(Command::new(self.folder.join(program)), home)
    }

    /// The server itself. On Linux it gets a signal to shut down should xtask be killed outright.
    pub(crate) fn server(&self, home: &Path) -> Command {
        self.prepare(tools::ending_with_xtask(&self.folder.join("postgres"), "QUIT"), home)
    }

    /// Any command as the user of the server, with `home` as its working folder.
    pub(crate) fn prepare(&self, mut command: Command, home: &Path) -> Command {
        for (name, _) in env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command.current_dir(home).env("HOME", home).env("LC_ALL", "C");
        if let Some(owner) = self.owner {
            command.uid(owner.user).gid(owner.group);
        }
        command
    }
}

/// The folder of the server's programs: on the PATH, where Debian keeps them, or as `pg_config` says.
fn programs() -> Option<PathBuf> {
    let on_path = tools::find("initdb").and_then(|file| fs::canonicalize(file).ok()?.parent().map(Path::to_owned));
    on_path
        .into_iter()
        .chain(debian_folders())
        .chain(configured_folder())
        .find(|folder| ["initdb", "postgres", "pg_isready", "createdb"].iter().all(|file| folder.join(file).is_file()))
}

/// Debian's folders, the newest version first.
fn debian_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version.0));
    versions.into_iter().map(|(_, folder)| folder).collect()
}

fn configured_folder() -> Option<PathBuf> {
    tools::find("pg_config")?;
    let said = process::quietly(Command::new("pg_config").arg("--bindir")).ok()?;
    Some(PathBuf::from(said.trim()))
}

fn unprivileged_owner() -> Result<Owner> {
    for name in ["postgres", "nobody"] {
        if let (Ok(user), Ok(group)) = (id("-u", name), id("-g", name)) {
            return Ok(Owner { user, group });
        }
    }
    bail!("the server refuses to run as root, and there is neither a user postgres nor nobody")
}

fn id(kind: &str, user: &str) -> Result<u32> {
    let said = process::quietly(Command::new("id").args([OsStr::new(kind), OsStr::new(user)]))?;
    said.trim().parse().with_context(|| format!("id {kind} {user} said {said:?}"))
}
