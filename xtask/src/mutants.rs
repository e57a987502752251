//! `cargo xtask mutants`: whether the laws can fail. What is mutated stands in `.cargo/mutants.toml`.

use anyhow::{Result, bail};
use clap::Args;

use crate::process;
use crate::test_database::TestDatabase;
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
    tools::require_cargo_tool("cargo-mutants", "; `cargo xtask test` runs the same laws without it")?;
    tools::require_cargo_tool("cargo-nextest", "; .cargo/mutants.toml names the test tool")?;
    let database = TestDatabase::find_or_start("")?;
    let mut mutate = cargo(["mutants"]);
    mutate.args(&options.further);
    database.pass_to(&mut mutate);
    let status = process::run(&mut mutate)?;
    match status.code() {
        Some(0) => Ok(()),
        Some(2) => bail!("some mutants survived: mutants.out/missed.txt lists them"),
        Some(3) => bail!("some mutants timed out: mutants.out/timeout.txt lists them"),
        _ => bail!("cargo mutants failed ({status})"),
    }
}
