//! Programs that the chores need, and how they get onto the machine.
//!
//! System packages are installed where xtask may (root, with apt-get); elsewhere the error names
//! the package. Cargo tools need nobody's leave; building one takes minutes, once.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};
use rustix::process::geteuid;

use crate::process;
use crate::workspace::cargo;

/// The first program of that name on the PATH.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// A command that gets a signal on Linux should xtask be killed outright.
pub(crate) fn ending_with_xtask(program: &Path, signal: &str) -> Command {
    match find("setpriv").filter(|_| cfg!(target_os = "linux")) {
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", signal, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    }
}

/// Whether xtask runs as root.
pub(crate) fn is_root() -> bool {
    geteuid().is_root()
}

/// Installs a Debian package where that is possible, and otherwise names it; `otherwise` says how
/// to go on without it.
pub(crate) fn install_package(package: &str, missing: &str, otherwise: &str) -> Result<()> {
    let advice = format!("{missing} is missing: install the package `{package}`{otherwise}");
    if !is_root() || find("apt-get").is_none() {
        bail!("{advice}");
    }
    println!("xtask: {missing} is missing, installing the package {package}");
    for words in [&["update"] as &[&str], &["install", "--yes", "--no-install-recommends", package]] {
        let mut apt = Command::new("apt-get");
        apt.args(words).env("DEBIAN_FRONTEND", "noninteractive");
        if !process::run(&mut apt)?.success() {
            bail!("{} failed, and {advice}", process::show(&apt));
        }
    }
    Ok(())
}

/// Makes sure of a program that Debian packages under its own name.
pub(crate) fn require_program(name: &str, what_for: &str) -> Result<()> {
    if find(name).is_some() {
        return Ok(());
    }
    install_package(name, &format!("{name}, {what_for},"), "")
}

/// Makes sure of a cargo subcommand; `otherwise` says how to go on where it cannot be installed.
pub(crate) fn require_cargo_tool(name: &str, otherwise: &str) -> Result<()> {
    if has_cargo_tool(name) {
        return Ok(());
    }
    println!("xtask: {name} is missing, installing it, which takes some minutes{otherwise}");
    let mut command = cargo(["install", "--locked", name]);
    if !process::run(&mut command)?.success() {
        bail!("{} failed, and {name} is missing{otherwise}", process::show(&command));
    }
    Ok(())
}

/// Makes sure of a component of the toolchain, by the cargo subcommand that it brings.
pub(crate) fn require_component(name: &str, subcommand: &str) -> Result<()> {
    if has_cargo_tool(subcommand) {
        return Ok(());
    }
    let Some(rustup) = find("rustup") else {
        bail!("{name} is missing: install this component of your Rust toolchain")
    };
    println!("xtask: {name} is missing, installing it");
    let mut add = Command::new(rustup);
    add.args(["component", "add", name]);
    if !process::run(&mut add)?.success() {
        bail!("{} failed, and {name} is missing: install this component of your Rust toolchain", process::show(&add));
    }
    Ok(())
}

/// Whether a cargo subcommand can be called.
pub(crate) fn has_cargo_tool(name: &str) -> bool {
    find(name).is_some() || cargo_home_binary(name).is_some_and(|file| file.is_file())
}

fn cargo_home_binary(name: &str) -> Option<PathBuf> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")))?;
    Some(Path::new(&home).join("bin").join(name))
}
