//! `cargo xtask mutants`: whether the laws can fail. What is mutated stands in `.cargo/mutants.toml`.

use anyhow::{Result, bail};
use clap::Args;

use crate::cluster::{Cluster, Purpose};
use crate::postgres::Postgres;
use crate::process;
use crate::tools;
use crate::workspace::cargo;

/// What `cargo xtask mutants` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Further arguments for cargo-mutants, such as `--file` or `--shard`.
    #[arg(last = true, value_name = "ARGUMENT")]
    further: Vec<String>,
}

/// Runs cargo-mutants with PostgreSQL up; survivors fail it and are listed in `mutants.out`.
pub(crate) fn mutants(options: &Options) -> Result<()> {
    tools::require_cargo_tool("cargo-mutants", "")?;
    tools::require_cargo_tool("cargo-nextest", "")?;
    let postgres = Postgres::find_or_install("")?;
    let cluster = Cluster::start(&postgres, Purpose::Test)?;
    let mut mutate = cargo(["mutants"]);
    mutate.args(&options.further).env("SLACKCRM_TEST_POSTGRES", cluster.url());
    let status = process::run(&mut mutate)?;
    match status.code() {
        Some(0) => Ok(()),
        Some(2) => bail!("some mutants survived: mutants.out/missed.txt lists them"),
        Some(3) => bail!("some mutants timed out: mutants.out/timeout.txt lists them"),
        _ => bail!("cargo mutants failed ({status})"),
    }
}
