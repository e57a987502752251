//! `cargo xtask test`: everything that must hold before a change lands, with nothing left out silently.

use std::collections::BTreeSet;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use tempfile::NamedTempFile;

use crate::fuzz::{Fuzzer, Prints};
use crate::fuzzed::{Fuzzed, Outcome};
use crate::product;
use crate::python::Python;
use crate::redis::{TestRedis, VARIABLE as REDIS};
use crate::steps::{Steps, at_once, both};
use crate::test_database::{TestDatabase, VARIABLE as POSTGRES};
use crate::tools;
use crate::verifier::Verifier;
use crate::workspace::{cargo, cargo_in_colour, in_pipeline, root};

/// Names what the tests may leave out; without it a missing server fails them.
const WITHOUT: &str = "SLACKCRM_TEST_WITHOUT";
/// Names the file in which tests say what the machine does not let them do.
const LEFT_OUT: &str = "SLACKCRM_TEST_LEFT_OUT";

/// The package that stands for a third party's, in a workspace of its own.
const ADAPTER: &str = "examples/custom-adapter/Cargo.toml";
/// Packages and targets whose tests run, apart from our own chores.
const TESTED: [&str; 7] = ["--workspace", "--exclude", "xtask", "--all-features", "--lib", "--bins", "--tests"];
/// How many tests nextest runs at once.
const THREADS: &str = "NEXTEST_TEST_THREADS";
/// What the guides call beside our own binary.
const GUIDES_CALL: [&str; 2] = ["curl", "jq"];

/// What `cargo xtask test` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Leaves a part out, which the closing lines say.
    #[arg(long, value_enum, value_name = "PART")]
    without: Vec<Part>,
    /// Runs only the tests that match, and none of the other steps.
    #[arg(last = true, value_name = "FILTER")]
    filter: Vec<String>,
}

/// What can be left out.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// The laws on PostgreSQL.
    Postgres,
    /// The laws of servers that share a Redis.
    Redis,
    /// The check of dependencies and their licences.
    Deny,
    /// The fuzzer over the HTTP API.
    Fuzz,
    /// The library that verifies webhooks.
    Verifier,
}

impl Part {
    const ALL: [Self; 5] = [Self::Postgres, Self::Redis, Self::Deny, Self::Fuzz, Self::Verifier];

    const fn loss(self) -> &'static str {
        match self {
            Self::Postgres => "--without postgres: no law was checked on PostgreSQL",
            Self::Redis => "--without redis: no law was checked of servers that share a Redis",
            Self::Deny => "--without deny: dependencies, licences and sources were not checked",
            Self::Fuzz => "--without fuzz: the HTTP API was not fuzzed",
            Self::Verifier => "--without verifier: no library but our own verified webhooks",
        }
    }
}

impl Options {
    fn leaves_out(&self, part: Part) -> bool {
        self.without.contains(&part)
    }
}

/// Runs every step, or the matching tests alone.
pub(crate) fn test(options: &Options) -> Result<()> {
    if options.filter.is_empty() {
        tools::require_component("rustfmt", "cargo-fmt")?;
        tools::require_component("clippy", "cargo-clippy")?;
    }
    for program in GUIDES_CALL {
        tools::require_program(program, "which the guides call")?;
    }
    if options.filter.is_empty() && !options.leaves_out(Part::Deny) {
        tools::require_cargo_tool("cargo-deny", "; --without deny goes on without it")?;
    }
    let database = match options.leaves_out(Part::Postgres) {
        true => None,
        false => Some(TestDatabase::find_or_start(", or leave its tests out with --without postgres")?),
    };
    let redis = match options.leaves_out(Part::Redis) {
        true => None,
        false => Some(TestRedis::find_or_start(", or leave its tests out with --without redis")?),
    };
    if options.filter.is_empty() && !(options.leaves_out(Part::Fuzz) && options.leaves_out(Part::Verifier)) {
        Python::require("; --without fuzz --without verifier goes on without it")?;
    }
    let left_out = NamedTempFile::new().context("make a file for what is left out")?;
    let tests = Tests { database, redis, left_out };
    let outcome = if options.filter.is_empty() { tests.everything(options) } else { tests.matching(options) };
    if outcome.is_err() {
        tests.print_losses(options);
    }
    outcome
}

struct Tests {
    /// None where it was left out.
    database: Option<TestDatabase>,
    /// None where it was left out.
    redis: Option<TestRedis>,
    /// What tests could not do on this machine, a line each.
    left_out: NamedTempFile,
}

/// What others have written in Python to test a server with.
struct Foreign {
    /// None where it was left out.
    fuzzer: Option<Fuzzer>,
    /// None where it was left out.
    verifier: Option<Verifier>,
}

impl Foreign {
    fn find_or_install(options: &Options) -> Result<Self> {
        let fuzzer = match options.leaves_out(Part::Fuzz) {
            true => None,
            false => Some(Fuzzer::find_or_install("; --without fuzz goes on without it", Prints::Afterwards)?),
        };
        let verifier = match options.leaves_out(Part::Verifier) {
            true => None,
            false => Some(Verifier::find_or_install("; --without verifier goes on without it")?),
        };
        Ok(Self { fuzzer, verifier })
    }
}

impl Tests {
    /// What the machine did not let tests do.
    fn refused(&self) -> BTreeSet<String> {
        fs::read_to_string(self.left_out.path()).unwrap_or_default().lines().map(str::to_owned).collect()
    }

    fn print_losses(&self, options: &Options) {
        for part in Part::ALL.into_iter().filter(|part| options.leaves_out(*part)) {
            println!("LEFT OUT: {}", part.loss());
        }
        for refused in self.refused() {
            println!("LEFT OUT: {refused}");
        }
    }

    fn everything(&self, options: &Options) -> Result<()> {
        let denied = if options.leaves_out(Part::Deny) { 0 } else { 2 };
        let fuzzings = if options.leaves_out(Part::Fuzz) { 0 } else { 1 + usize::from(self.database.is_some()) };
        let verified = usize::from(!options.leaves_out(Part::Verifier));
        let mut steps = Steps::new(9 + denied + fuzzings + verified);
        let mut fuzzed = Fuzzed::default();
        let outcome = self.all_steps(&mut steps, &mut fuzzed, options);
        if !fuzzed.is_empty() {
            println!("\n{fuzzed}");
        }
        let counts = steps.tally();
        println!("\n{counts}");
        outcome?;
        if counts.is_empty() {
            bail!("no test ran");
        }
        self.print_losses(options);
        let is_whole = options.without.is_empty() && self.refused().is_empty();
        let how = if is_whole { "all steps passed" } else { "passed, but not everything ran," };
        println!("xtask test: {how} in {}", steps.elapsed());
        Ok(())
    }

    fn all_steps(&self, steps: &mut Steps, fuzzed: &mut Fuzzed, options: &Options) -> Result<()> {
        // Packages wait for a network, and lints for a processor.
        let (early, foreign) = at_once(|| self.early_steps(steps, options), || Foreign::find_or_install(options));
        let ((), foreign) = both(early, foreign)?;
        steps.run_tests("tests", self.runner(&TESTED))?;
        let binary = self.binary()?;
        if let Some(verifier) = &foreign.verifier {
            // Somebody else's library over what the binary sends.
            steps.work("webhooks by another library", Verifier::shown(), || verifier.verify(&binary))?;
        }
        // The fuzzer and its server take turns on one processor, and compilers often have work for one alone.
        let fuzz = || foreign.fuzzer.as_ref().map_or_else(Vec::new, |fuzzer| self.fuzz(fuzzer, &binary));
        let (mut outcome, outcomes) = at_once(|| self.late_steps(steps), fuzz);
        for (store, found) in outcomes {
            let judged =
                steps.work(&format!("fuzzing on {store}"), &Fuzzer::shown(), || fuzzed.judged(found?.printed()));
            outcome = both(outcome, judged).map(drop);
        }
        outcome
    }

    /// What needs nothing but cargo, the quick steps first.
    fn early_steps(&self, steps: &mut Steps, options: &Options) -> Result<()> {
        steps.run("format", cargo(["fmt", "--all", "--check"]))?;
        steps.run("format of the adapter", cargo(["fmt", "--manifest-path", ADAPTER, "--check"]))?;
        if !options.leaves_out(Part::Deny) {
            let check = ["check", "bans", "licenses", "sources"];
            steps.run("dependencies", cargo(["deny"].into_iter().chain(check)))?;
            let adapter = ["deny", "--manifest-path", ADAPTER];
            steps.run("dependencies of the adapter", cargo(adapter.into_iter().chain(check)))?;
        }
        // Early, because it is quick: who may import whom, and what no file may hold.
        steps.run_tests("house rules", self.runner(&["--package", "xtask", "--bins", "--tests"]))?;
        let every_target = ["--workspace", "--all-targets", "--all-features"];
        steps.run(
            "lints",
            self.command(cargo(["clippy"].into_iter().chain(every_target).chain(["--", "-D", "warnings"]))),
        )
    }

    /// The documents, and the third party's package.
    fn late_steps(&self, steps: &mut Steps) -> Result<()> {
        let documented = cargo_in_colour(["test", "--workspace", "--doc", "--all-features"]);
        steps.run_tests("examples in documentation", self.command(documented))?;
        let mut documentation = cargo(["doc", "--workspace", "--no-deps", "--all-features"]);
        documentation.env("RUSTDOCFLAGS", "-D warnings");
        steps.run("documentation", self.command(documentation))?;
        steps.run("lints of the adapter", self.adapter("clippy", &["--all-targets", "--", "-D", "warnings"]))?;
        steps.run_tests("tests of the adapter", self.adapter("test", &["--no-fail-fast"]))
    }

    /// The binary that the tests have built.
    fn binary(&self) -> Result<PathBuf> {
        product::built_by(self.command(cargo(["test", "--no-run"].into_iter().chain(TESTED))), "slackcrm")
    }

    /// What the fuzzer finds on each store, by the store's name.
    fn fuzz(&self, fuzzer: &Fuzzer, binary: &Path) -> Vec<(&'static str, Result<Outcome>)> {
        println!("\n==> beside the steps that follow, and told of after them: {}", Fuzzer::shown());
        let mut outcomes = vec![("SQLite", fuzzer.on_sqlite(binary))];
        if let Some(database) = &self.database {
            outcomes.push(("PostgreSQL", fuzzer.on_postgres(binary, &database.url())));
        }
        outcomes
    }

    /// Cargo on the third party's package, which shares what is built.
    fn adapter(&self, verb: &str, words: &[&str]) -> std::process::Command {
        let head = [verb, "--manifest-path", ADAPTER];
        let mut command = self.command(cargo_in_colour(head.into_iter().chain(words.iter().copied())));
        if std::env::var_os("CARGO_TARGET_DIR").is_none() {
            command.env("CARGO_TARGET_DIR", root().join("target"));
        }
        command
    }

    fn matching(&self, options: &Options) -> Result<()> {
        let mut steps = Steps::new(1);
        let mut runner = self.runner(&["--workspace", "--all-features", "--lib", "--bins", "--tests"]);
        if !has_nextest() {
            runner.arg("--");
        }
        runner.args(&options.filter);
        let outcome = steps.run_tests("matching tests", runner);
        println!("\n{}", steps.tally());
        outcome?;
        self.print_losses(options);
        println!("xtask test: passed, but only tests that match {} ran", options.filter.join(" "));
        Ok(())
    }

    /// The runner of unit and integration tests for the selected packages.
    fn runner(&self, selection: &[&str]) -> std::process::Command {
        // Every failure of a run is worth knowing.
        let words = if has_nextest() { ["nextest", "run"].as_slice() } else { &["test"] };
        let mut runner =
            self.command(cargo_in_colour(words.iter().chain(&["--no-fail-fast"]).chain(selection).copied()));
        if std::env::var_os(THREADS).is_none() {
            // One more than there are processors: some tests wait, for a disk, a server or a time that must pass.
            runner.env(THREADS, (available_parallelism().map_or(1, NonZero::get) + 1).to_string());
        }
        runner
    }

    /// The command with the variables that tell the tests which servers there are.
    fn command(&self, mut command: std::process::Command) -> std::process::Command {
        command.env_remove(POSTGRES).env_remove(REDIS).env_remove(WITHOUT).env(LEFT_OUT, self.left_out.path());
        let mut without = Vec::new();
        match &self.database {
            Some(database) => database.pass_to(&mut command),
            None => without.push("postgres"),
        }
        match &self.redis {
            Some(redis) => redis.pass_to(&mut command),
            None => without.push("redis"),
        }
        if !without.is_empty() {
            command.env(WITHOUT, without.join(","));
        }
        if in_pipeline() {
            command.env("CARGO_INCREMENTAL", "0");
        }
        command
    }
}

fn has_nextest() -> bool {
    tools::has_cargo_tool("cargo-nextest")
}
