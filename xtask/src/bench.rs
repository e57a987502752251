//! `cargo xtask bench`: the measurements of `benches/`, beside a durable PostgreSQL.

use anyhow::{Result, bail};
use clap::Args;

use crate::cluster::{Cluster, Purpose};
use crate::postgres::Postgres;
use crate::process;
use crate::tools;
use crate::workspace::cargo;

/// What `cargo xtask bench` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// A quick run that shows that every measurement works; its numbers mean nothing.
    #[arg(long)]
    smoke: bool,
    /// Further arguments for `crm-bench`.
    #[arg(last = true, value_name = "ARGUMENT")]
    further: Vec<String>,
}

/// Builds in release, starts the server and measures.
pub(crate) fn bench(options: &Options) -> Result<()> {
    tools::require_c_compiler()?;
    let selection = ["--release", "--package", "crm-bench"];
    // Built before the server starts, so that the disk and the memory are quiet when it measures.
    // The product is measured as its own binary.
    let mut build = cargo(["build"].into_iter().chain(selection).chain(["--package", "crm-cli"]));
    if !process::run(&mut build)?.success() {
        bail!("{} failed", process::show(&build));
    }
    let postgres = Postgres::find_or_install("")?;
    let cluster = Cluster::start(&postgres, Purpose::Bench)?;
    let mut measure = cargo(["run", "--quiet"].into_iter().chain(selection).chain(["--"]));
    if options.smoke {
        measure.arg("--smoke");
    }
    measure.args(&options.further).env("SLACKCRM_BENCH_POSTGRES", cluster.url());
    let status = process::run(&mut measure)?;
    if !status.success() {
        bail!("{} failed ({status})", process::show(&measure));
    }
    Ok(())
}
