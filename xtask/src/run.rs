//! `cargo xtask run`: from a fresh clone to a board in the terminal, and a server behind it, with one command.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process;
use crate::product;
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
    /// Further arguments for `slackcrm demo`.
    #[arg(last = true, value_name = "ARGUMENT")]
    further: Vec<String>,
}

/// Builds `slackcrm` and becomes `slackcrm demo`: its signals and its exit code are the product's own.
pub(crate) fn run(options: &Options) -> Result<()> {
    let binary = build(options)?;
    let data = options.data.clone().unwrap_or_else(|| root().join("data").join("demo"));
    if options.fresh {
        remove_demo(&data)?;
    }
    mark_where_empty(&data)?;
    let mut product = Command::new(binary);
    product.arg("demo").arg("--data").arg(&data);
    if let Some(address) = &options.listen {
        product.args(["--listen", address]);
    }
    product.args(&options.further);
    process::go_on()?;
    println!("xtask: {}", process::show(&product));
    Err(product.exec()).with_context(|| format!("start {}", process::show(&product)))
}

/// Builds the product and gives its binary, wherever cargo was told to put it.
fn build(options: &Options) -> Result<PathBuf> {
    let mut build = cargo(["build", "--package", "crm-cli", "--bin", "slackcrm"]);
    if options.release {
        build.arg("--release");
    }
    product::built_by(build, "slackcrm")
}

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none())
}

/// Removes the demo's folder; one that is not the demo's is left alone.
fn remove_demo(data: &Path) -> Result<()> {
    if is_empty(data) {
        return Ok(());
    }
    if !data.join(MARK).is_file() {
        bail!("{} is no folder of the demo, so --fresh leaves it alone", data.display());
    }
    fs::remove_dir_all(data).with_context(|| format!("remove {}", data.display()))
}

/// Makes the data folder and marks it as the demo's; `slackcrm demo` refuses one with other content.
fn mark_where_empty(data: &Path) -> Result<()> {
    if !is_empty(data) {
        return Ok(());
    }
    fs::create_dir_all(data).with_context(|| format!("create {}", data.display()))?;
    let note = "Made by `cargo xtask run`; `--fresh` may remove this folder.\n";
    fs::write(data.join(MARK), note).with_context(|| format!("mark {}", data.display()))
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
        mark_where_empty(&data).unwrap();
        assert!(data.join(MARK).is_file());
    }

    #[test]
    fn fresh_empties_a_folder_of_the_demo() {
        let folder = folder_with(MARK);
        fs::write(folder.path().join("crm.sqlite"), "old").unwrap();
        remove_demo(folder.path()).unwrap();
        mark_where_empty(folder.path()).unwrap();
        assert!(!folder.path().join("crm.sqlite").exists());
        assert!(folder.path().join(MARK).is_file());
    }

    #[test]
    fn fresh_never_empties_a_foreign_folder() {
        let folder = folder_with("thesis.tex");
        // A run without --fresh does not make it the demo's own either.
        mark_where_empty(folder.path()).unwrap();
        let refusal = remove_demo(folder.path()).unwrap_err().to_string();
        assert!(refusal.contains(&folder.path().display().to_string()), "{refusal}");
        assert!(folder.path().join("thesis.tex").is_file() && !folder.path().join(MARK).exists());
    }

    #[test]
    fn a_second_run_keeps_the_data() {
        let folder = folder_with(MARK);
        fs::write(folder.path().join("crm.sqlite"), "old").unwrap();
        mark_where_empty(folder.path()).unwrap();
        assert!(folder.path().join("crm.sqlite").is_file());
    }
}
