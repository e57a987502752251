//! Where the repository is, and how cargo is called in it.

use std::env;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::Command;

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable when it runs xtask; a binary called by hand falls back on where it was built.
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let mut root = PathBuf::from(xtask);
    root.pop();
    root
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder))
}

/// Cargo in the root of the workspace, without the variables that describe xtask: build scripts
/// that watch them would run again.
pub(crate) fn cargo<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(words);
    for (name, _) in env::vars_os() {
        let name_text = name.to_string_lossy();
        let describes_xtask = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
        if describes_xtask.iter().any(|prefix| name_text.starts_with(prefix)) {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Cargo for a run whose output xtask reads: it keeps its colours when a person is looking.
pub(crate) fn cargo_in_colour<'a>(words: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = cargo(words);
    if std::io::stderr().is_terminal() && env::var_os("CARGO_TERM_COLOR").is_none() {
        cargo.env("CARGO_TERM_COLOR", "always");
    }
    cargo
}

/// Whether a pipeline runs xtask, with nobody to ask.
pub(crate) fn in_pipeline() -> bool {
    env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}
