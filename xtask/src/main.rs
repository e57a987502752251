//! SlackCRM's chores, one command each:
//! `cargo xtask run | test | ci | fuzz | verify | faults | bench | coverage | mutants`.
//!
//! A plain synchronous program for Linux and macOS. It builds and starts what others need (the
//! binary, a temporary PostgreSQL) and leaves nothing behind: no server, no folder.
//! Deliberately absent: anything that the product itself does, such as migrating and seeding.

#![expect(clippy::print_stdout, reason = "a command line tool prints")]

mod bench;
mod cluster;
mod coverage;
mod faults;
mod fuzz;
mod fuzzed;
mod kept;
mod mutants;
mod peers;
mod postgres;
mod process;
mod product;
mod python;
mod redis;
mod run;
mod served;
mod steps;
mod tally;
mod test;
mod test_database;
mod tools;
mod verifier;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::process::Interrupted;

/// Chores of the SlackCRM repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

/// What can be asked of xtask.
#[derive(Subcommand)]
enum Chore {
    /// Builds `slackcrm` and starts it with a demo workspace.
    Run(run::Options),
    /// Checks format, lints, house rules, tests on every store, documentation and dependencies.
    Test(test::Options),
    /// The same as `test`, by the name that pipelines look for.
    Ci(test::Options),
    /// Fuzzes the HTTP API on both stores, as `test` does among other things, and keeps the counts in docs/TESTING.md.
    Fuzz(fuzz::Options),
    /// Verifies webhooks by somebody else's library, as `test` does among other things.
    Verify,
    /// Kills workers again and again and does worse, looks whether each effect is there once, and keeps the table in
    /// docs/TESTING.md.
    Faults(faults::Options),
    /// Runs the benchmarks against SQLite and a tuned PostgreSQL.
    Bench(bench::Options),
    /// Measures line coverage of the core and of the storage, and fails when it is too low.
    Coverage(coverage::Options),
    /// Changes the code in small ways and tells which changes no test notices.
    Mutants(mutants::Options),
}

fn main() -> ExitCode {
    let outcome = start(Cli::parse().chore);
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            error.downcast_ref::<Interrupted>().map_or(ExitCode::FAILURE, Interrupted::exit_code)
        }
    }
}

fn start(chore: Chore) -> Result<()> {
    process::watch_signals()?;
    match chore {
        Chore::Run(options) => run::run(&options),
        Chore::Test(options) | Chore::Ci(options) => test::test(&options),
        Chore::Fuzz(options) => fuzz::fuzz(&options),
        Chore::Verify => verifier::verify(),
        Chore::Faults(options) => faults::faults(&options),
        Chore::Bench(options) => bench::bench(&options),
        Chore::Coverage(options) => coverage::coverage(&options),
        Chore::Mutants(options) => mutants::mutants(&options),
    }
}
