//! `cargo xtask bench`: the measurements of `benches/`, beside a durable PostgreSQL.

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::cluster::{Cluster, Purpose};
use crate::peers::Peers;
use crate::postgres::Postgres;
use crate::workspace::cargo;
use crate::{process, product};

/// What `cargo xtask bench` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// A quick run that shows that every measurement works; its numbers mean nothing.
    #[arg(long)]
    smoke: bool,
    /// Measures BullMQ on a Redis of its own and Graphile Worker on the same PostgreSQL beside our jobs.
    #[arg(long)]
    peers: bool,
    /// Further arguments for `crm-bench`.
    #[arg(last = true, value_name = "ARGUMENT")]
    further: Vec<String>,
}

/// Builds in release, starts the server and measures.
pub(crate) fn bench(options: &Options) -> Result<()> {
    // Built before the server starts, so that the disk and the memory are quiet when it measures. The
    // product is measured as its own binary, which lies beside the measuring program.
    let build = cargo(["build", "--release", "--package", "crm-bench", "--package", "crm-cli"]);
    let mut measure = Command::new(product::built_by(build, "crm-bench")?);
    let peers = if options.peers { Some(Peers::prepare()?) } else { None };
    let cluster = match options.peers || needs_postgres(&options.further) {
        true => Some(start_postgres()?),
        false => None,
    };
    if options.smoke {
        measure.arg("--smoke");
    }
    measure.args(&options.further);
    if let Some(cluster) = &cluster {
        measure.env("SLACKCRM_BENCH_POSTGRES", cluster.url());
    }
    if let Some(peers) = &peers {
        peers.pass_to(&mut measure);
    }
    let status = process::run(&mut measure)?;
    if !status.success() {
        bail!("{} failed ({status})", process::show(&measure));
    }
    Ok(())
}

fn start_postgres() -> Result<Cluster> {
    let postgres = Postgres::find_or_install(", or measure SQLite alone with `cargo xtask bench -- sqlite`")?;
    Cluster::start(&postgres, Purpose::Bench)
}

/// Whether `crm-bench` measures PostgreSQL when it gets these arguments.
fn needs_postgres(arguments: &[String]) -> bool {
    let names = |store: &str| arguments.iter().any(|argument| argument == store);
    names("postgres") || !names("sqlite")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_alone_needs_no_server() {
        let needs = |words: &[&str]| needs_postgres(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert!(!needs(&["sqlite"]));
        assert!(needs(&[]) && needs(&["postgres"]) && needs(&["sqlite", "postgres"]));
    }
}
