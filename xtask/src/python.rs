//! A Python of our own with the packages that a chore needs, kept beside what cargo builds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::process;
use crate::tools;
use crate::workspace::target;

/// A virtual environment in which every required package is installed.
pub(crate) struct Python {
    folder: PathBuf,
}

impl Python {
    /// The environment with the packages of a requirements file, made or renewed where it has others.
    ///
    /// `otherwise` says how to go on where it cannot be had.
    pub(crate) fn with(requirements: &Path, otherwise: &str) -> Result<Self> {
        let wanted = fs::read_to_string(requirements).with_context(|| format!("read {}", requirements.display()))?;
        let folder = target().join("python");
        // Written last: an environment without it is half made.
        let made = folder.join("requirements.txt");
        let python = Self { folder };
        if fs::read_to_string(&made).is_ok_and(|installed| installed == wanted) && python.works() {
            return Ok(python);
        }
        println!("xtask: installing the packages of {}", requirements.display());
        let system = system_python(otherwise)?;
        process::quietly(Command::new(system).args(["-m", "venv", "--clear"]).arg(&python.folder))
            .with_context(|| format!("no virtual environment could be made{otherwise}"))?;
        let mut install = python.command("pip");
        install.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(requirements);
        if !process::run(&mut install)?.success() {
            bail!("{} failed{otherwise}", process::show(&install));
        }
        fs::write(&made, wanted).with_context(|| format!("write {}", made.display()))?;
        Ok(python)
    }

    /// Makes sure, in a moment, of the Python that environments are made with; `otherwise` says how to go on without.
    pub(crate) fn require(otherwise: &str) -> Result<()> {
        system_python(otherwise).map(drop)
    }

    /// One of its programs.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.folder.join("bin").join(program));
        // Nothing is left beside the sources, and no module of the caller's comes in between.
        command.env("PYTHONDONTWRITEBYTECODE", "1").env_remove("PYTHONPATH").env_remove("PYTHONHOME");
        command
    }

    /// Whether it starts: the system's Python, which it leans on, may be gone.
    fn works(&self) -> bool {
        process::quietly(self.command("python").arg("--version")).is_ok()
    }
}

/// A Python that can make virtual environments, which Debian packages apart.
fn system_python(otherwise: &str) -> Result<PathBuf> {
    if let Some(python) = usable() {
        return Ok(python);
    }
    tools::install_package("python3-venv", "Python 3.10 or newer with venv", otherwise)?;
    usable().with_context(|| format!("the package python3-venv brought no usable Python{otherwise}"))
}

fn usable() -> Option<PathBuf> {
    let check = "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))";
    let found = [tools::find("python3"), Some("/usr/bin/python3".into())].into_iter().flatten();
    let mut candidates = found.filter(|python| python.is_file());
    candidates.find(|python| process::quietly(Command::new(python).args(["-c", check])).is_ok())
}
