//! Steps of a long chore: a header, the command, the time it took; the first failure ends it.
//!
//! Work that waits for something else than a processor goes on beside other steps, and is told of once it has ended.

use std::fmt;
use std::panic::resume_unwind;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::process::{self, Interrupted};
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
        Elapsed::since(self.started)
    }

    fn step(&mut self, name: &str, shown: &str, work: impl FnOnce() -> Result<(bool, Tally)>) -> Result<()> {
        process::go_on()?;
        self.done += 1;
        println!("\n==> [{}/{}] {name}: {shown} (at {})", self.done, self.total, self.elapsed());
        let started = Instant::now();
        let (passed, tally) = work().with_context(|| format!("step {name}"))?;
        self.tally += tally;
        let took = Elapsed::since(started);
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

impl Elapsed {
    /// Time since then.
    pub(crate) fn since(started: Instant) -> Self {
        Self(started.elapsed())
    }
}

impl fmt::Display for Elapsed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0..60 => write!(out, "{:.1} s", self.0.as_secs_f64()),
            seconds => write!(out, "{} min {} s", seconds / 60, seconds % 60),
        }
    }
}

/// Does two things at once, the second one on a thread of its own.
pub(crate) fn at_once<A, B: Send>(here: impl FnOnce() -> A, beside: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let beside = scope.spawn(beside);
        let here = here();
        match beside.join() {
            Ok(beside) => (here, beside),
            Err(panicked) => resume_unwind(panicked),
        }
    })
}

/// What came of two things that were done at once. Where both failed, the second error is printed and the first
/// one given.
pub(crate) fn both<A, B>(first: Result<A>, second: Result<B>) -> Result<(A, B)> {
    match (first, second) {
        (Ok(first), Ok(second)) => Ok((first, second)),
        (Err(error), Err(other)) => {
            if !other.is::<Interrupted>() {
                eprintln!("xtask: {other:#}");
            }
            Err(error)
        }
        (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn what_is_done_at_once_gives_both_results() {
        let (from, to) = std::sync::mpsc::channel();
        // Neither could end without the other.
        let (heard, said) = at_once(|| to.recv().unwrap(), move || from.send("beside").is_ok());
        assert_eq!((heard, said), ("beside", true));
    }

    #[test]
    fn one_failure_of_two_is_a_failure() {
        let failed = |what: &'static str| Err::<(), _>(anyhow!(what));
        let told = |outcome: Result<((), ())>| outcome.unwrap_err().to_string();
        assert!(both(Ok(()), Ok(())).is_ok());
        assert_eq!(told(both(failed("first"), Ok(()))), "first");
        assert_eq!(told(both(Ok(()), failed("second"))), "second");
        assert_eq!(told(both(failed("first"), failed("second"))), "first");
    }
}
