//! `slackcrm`: every verb of the engine at the command line, and the server.
//!
//! `args` says what can be typed, `open` makes an engine and a session of it, `commands` hold one
//! verb each (parse, one service call, print), `print` and `failure` are what people see.

#![expect(clippy::print_stdout, reason = "printing is what a command line tool does")]

mod args;
mod cell;
mod commands;
mod failure;
mod file_source;
mod open;
mod print;

use std::process::ExitCode;

use clap::Parser as _;
use mimalloc::MiMalloc;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let args = args::Args::parse();
    match run(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
            ExitCode::FAILURE
        }
    }
}

fn run(args: args::Args) -> Result<(), failure::Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(commands::run(args));
    // A server that was told to end must not wait for a thread that waits for a lock.
    runtime.shutdown_background();
    outcome
}
