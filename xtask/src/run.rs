//! `cargo xtask run`: from a fresh clone to a board in the browser with one command.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use crate::process;
use crate::tools;
use crate::workspace::{cargo, root};

/// Marks a data folder that this command made, the only kind that `--fresh` removes.
const MARK: &str = ".slackcrm-demo";

/// What `cargo xtask run` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Address to serve on, such as 127.0.0.1:8080.
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<String>,
    /// Folder of the demo's data; `data/demo` in the workspace unless given.
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Starts again from an empty data folder.
    #[arg(long)]
    fresh: bool,
    /// Builds with optimisation, which takes longer.
    #[arg(long)]
    release: bool,
    /// Leaves a part out.
    #[arg(long, value_enum, value_name = "PART")]
    without: Vec<Part>,
    /// Further arguments for `slackcrm demo`.
    #[arg(last = true, value_name = "ARGUMENT")]
    further: Vec<String>,
}

/// What can be left out.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Looking for a C compiler and installing it.
    Setup,
}

/// Builds `slackcrm` and becomes `slackcrm demo`: its signals and its exit code are the product's own.
pub(crate) fn run(options: &Options) -> Result<()> {
    if !options.without.contains(&Part::Setup) {
        tools::require_c_compiler()?;
    }
    let mut build = cargo(["build", "--package", "crm-cli", "--bin", "slackcrm"]);
    if options.release {
        build.arg("--release");
    }
    if !process::run(&mut build)?.success() {
        bail!("{} failed", process::show(&build));
    }
    let data = options.data.clone().unwrap_or_else(|| root().join("data").join("demo"));
    prepare_data(&data, options.fresh)?;
    let mut product = Command::new(built_binary(options.release));
    product.arg("demo").arg("--data").arg(&data);
    if let Some(address) = &options.listen {
        product.args(["--listen", address]);
    }
    product.args(&options.further);
    process::go_on()?;
    println!("xtask: {}", process::show(&product));
    Err(product.exec()).with_context(|| format!("start {}", process::show(&product)))
}

fn built_binary(release: bool) -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), |folder| root().join(folder));
    target.join(if release { "release" } else { "debug" }).join("slackcrm")
}

/// Makes the data folder, empty where that is asked; a folder that is not the demo's is never emptied.
fn prepare_data(data: &Path, fresh: bool) -> Result<()> {
    let is_empty = fs::read_dir(data).map_or(true, |mut entries| entries.next().is_none());
    let is_demo = data.join(MARK).is_file();
    if fresh && !is_empty {
        if !is_demo {
            bail!("{} was not made by `cargo xtask run`, so --fresh leaves it alone", data.display());
        }
        fs::remove_dir_all(data).with_context(|| format!("remove {}", data.display()))?;
    }
    if fresh || is_empty {
        fs::create_dir_all(data).with_context(|| format!("create {}", data.display()))?;
        let note = "Made by `cargo xtask run`; `--fresh` may remove this folder.\n";
        fs::write(data.join(MARK), note).with_context(|| format!("mark {}", data.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(file: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(file), "kept").unwrap();
        folder
    }

    #[test]
    fn a_new_folder_is_marked() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data").join("demo");
        prepare_data(&data, false).unwrap();
        assert!(data.join(MARK).is_file());
    }

    #[test]
    fn fresh_empties_a_folder_of_the_demo() {
        let folder = folder_with(MARK);
        fs::write(folder.path().join("crm.sqlite"), "old").unwrap();
        prepare_data(folder.path(), true).unwrap();
        assert!(!folder.path().join("crm.sqlite").exists());
        assert!(folder.path().join(MARK).is_file());
    }

    #[test]
    fn fresh_never_empties_a_foreign_folder() {
        let folder = folder_with("thesis.tex");
        assert!(prepare_data(folder.path(), true).is_err());
        assert!(folder.path().join("thesis.tex").is_file());
    }

    #[test]
    fn a_second_run_keeps_the_data() {
        let folder = folder_with(MARK);
        fs::write(folder.path().join("crm.sqlite"), "old").unwrap();
        prepare_data(folder.path(), false).unwrap();
        assert!(folder.path().join("crm.sqlite").is_file());
    }
}
