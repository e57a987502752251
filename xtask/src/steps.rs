//! Steps of a long chore: a header, the command, the time it took; the first failure ends it.

use std::fmt;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process;
use crate::tally::Tally;

/// The steps so far, with the tests that they counted.
pub(crate) struct Steps {
    started: Instant,
    total: usize,
    done: usize,
    tally: Tally,
}

impl Steps {
    /// Begins a chore of that many steps.
    pub(crate) fn new(total: usize) -> Self {
        Self { started: Instant::now(), total, done: 0, tally: Tally::default() }
    }

    /// Runs a command as the next step.
    pub(crate) fn run(&mut self, name: &str, mut command: Command) -> Result<()> {
        let shown = process::show(&command);
        self.step(name, &shown, || Ok((process::run(&mut command)?.success(), Tally::default())))
    }

    /// Runs a test runner as the next step and adds what it counts.
    pub(crate) fn run_tests(&mut self, name: &str, mut command: Command) -> Result<()> {
        let shown = process::show(&command);
        self.step(name, &shown, || {
            let (status, tally) = process::run_counted(&mut command)?;
            Ok((status.success(), tally))
        })
    }

    /// Does work as the next step that is more than one command; `shown` says what.
    pub(crate) fn work(&mut self, name: &str, shown: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        self.step(name, shown, || work().map(|()| (true, Tally::default())))
    }

    /// The tests that were counted.
    pub(crate) const fn tally(&self) -> Tally {
        self.tally
    }

    /// Time since the chore began.
    pub(crate) fn elapsed(&self) -> Elapsed {
        Elapsed(self.started.elapsed())
    }

    fn step(&mut self, name: &str, shown: &str, work: impl FnOnce() -> Result<(bool, Tally)>) -> Result<()> {
        process::go_on()?;
        self.done += 1;
        println!("\n==> [{}/{}] {name}: {shown} (at {})", self.done, self.total, self.elapsed());
        let started = Instant::now();
        let (passed, tally) = work().with_context(|| format!("step {name}"))?;
        self.tally += tally;
        let took = Elapsed(started.elapsed());
        if !passed {
            bail!("the step \"{name}\" failed after {took}; by itself it is: {shown}");
        }
        println!("<== {name}: {took}");
        Ok(())
    }
}

/// A time span as a person reads it.
#[derive(Clone, Copy)]
pub(crate) struct Elapsed(Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0..60 => write!(out, "{:.1} s", self.0.as_secs_f64()),
            seconds => write!(out, "{} min {} s", seconds / 60, seconds % 60),
        }
    }
}
