//! The fuzzer over the whole OpenAPI document, against the built binary on each store.
//!
//! schemathesis makes up requests from the document that the server gives out and compares each
//! answer with it. What it cannot know (who signs in, which ids there are) is told by the hooks in
//! `hosts/server/tests/fuzz`, which also count. A finding fails the step, and so does an operation
//! that never succeeded: whatever is refused at the door shows nothing of what lies behind it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};

use crate::fuzzed::{Counts, Fuzzed, LEFT_OUT, Outcome};
use crate::process;
use crate::product;
use crate::python::Python;
use crate::served::Served;
use crate::steps::Elapsed;
use crate::test_database::TestDatabase;
use crate::workspace::{cargo, root};

/// Where the hooks and the list of packages are.
const FOLDER: &str = "hosts/server/tests/fuzz";
/// Made-up requests of each operation, beside those that try every border of its schema.
const EXAMPLES: &str = "10";
/// What is tried is the same in every run.
const SEED: &str = "20261126";
/// The server's own settings: everybody may register, and addresses are what a proxy says, so that the
/// throttles hold without standing in the way. Mail goes into the server's own folder.
const SETTINGS: [(&str, &str); 5] = [
    ("SLACKCRM_SIGNUP", "open"),
    ("SLACKCRM_TRUSTED_PROXIES", "127.0.0.1"),
    ("SLACKCRM_SECRET_KEY", "kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi"),
    ("SLACKCRM_MAIL", "mailbox://mail"),
    ("SLACKCRM_MAIL_FROM", "Fuzz <crm@fuzz.example>"),
];

/// What `cargo xtask fuzz` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Fuzzes on this store alone.
    store: Option<Store>,
}

/// Where the server keeps its records.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Store {
    /// A fresh SQLite file.
    Sqlite,
    /// A fresh PostgreSQL database.
    Postgres,
}

/// The step of `cargo xtask test` by itself.
pub(crate) fn fuzz(options: &Options) -> Result<()> {
    let fuzzer = Fuzzer::find_or_install("", Prints::AsItGoes)?;
    let binary = product::built_by(cargo(["build", "--package", "crm-cli", "--bin", "slackcrm"]), "slackcrm")?;
    let mut fuzzed = Fuzzed::default();
    if options.store != Some(Store::Postgres) {
        fuzzed.add(fuzzer.on_sqlite(&binary)?.printed());
    }
    if options.store != Some(Store::Sqlite) {
        let database = TestDatabase::find_or_start(", or fuzz on SQLite alone with `cargo xtask fuzz sqlite`")?;
        fuzzed.add(fuzzer.on_postgres(&binary, &database.url())?.printed());
    }
    println!("\n{fuzzed}");
    fuzzed.judge()?;
    // Half a table would take the place of a whole one.
    if options.store.is_none() { fuzzed.keep() } else { Ok(()) }
}

/// When what the fuzzer says is printed.
#[derive(Clone, Copy)]
pub(crate) enum Prints {
    /// At once, for a person who waits.
    AsItGoes,
    /// With the outcome, so that it does not come between what other steps say.
    Afterwards,
}

/// The fuzzer, ready to run.
pub(crate) struct Fuzzer {
    python: Python,
    prints: Prints,
}

impl Fuzzer {
    /// Makes sure of the fuzzer; `otherwise` says how to go on without it.
    pub(crate) fn find_or_install(otherwise: &str, prints: Prints) -> Result<Self> {
        let python = Python::with(&folder().join("requirements.txt"), otherwise)?;
        Ok(Self { python, prints })
    }

    /// What is run, as a person reads it.
    pub(crate) fn shown() -> String {
        format!("schemathesis run --max-examples {EXAMPLES} --seed {SEED}")
    }

    /// Runs against the binary on a fresh SQLite file.
    pub(crate) fn on_sqlite(&self, binary: &Path) -> Result<Outcome> {
        self.run("SQLite", binary, None)
    }

    /// Runs against the binary on a database of its own beside the one at `address`.
    pub(crate) fn on_postgres(&self, binary: &Path, address: &str) -> Result<Outcome> {
        let name = format!("slackcrm_fuzz_{}", std::process::id());
        let database = Database { python: &self.python, address, name: &name };
        database.tell("create")?;
        let (server, _) = address.rsplit_once('/').with_context(|| format!("{address} names no database"))?;
        self.run("PostgreSQL", binary, Some(&format!("{server}/{name}")))
    }

    fn run(&self, store: &'static str, binary: &Path, database: Option<&str>) -> Result<Outcome> {
        let served = Served::start(binary, database, &SETTINGS)?;
        let (url, report) = (served.url(), served.folder().join("report.json"));
        let mut fuzz = self.python.command("schemathesis");
        fuzz.arg("--config-file").arg(folder().join("schemathesis.toml"));
        // From a file: what it reads from a server it does not try.
        fuzz.arg("run").arg(document(binary, served.folder())?).args(["--url", &url]);
        fuzz.args(["--max-examples", EXAMPLES, "--seed", SEED, "--no-color"]);
        fuzz.args(["--exclude-checks", &LEFT_OUT.map(|(check, _)| check).join(",")]);
        fuzz.env("SCHEMATHESIS_HOOKS", "hooks").env("PYTHONPATH", folder());
        fuzz.env("FUZZ_URL", &url).env("FUZZ_REPORT", &report).env("NO_PROXY", "127.0.0.1");
        fuzz.current_dir(served.folder());
        let started = Instant::now();
        let (has_passed, said) = self.ask(&mut fuzz)?;
        let counts = Counts::read(&report).with_context(|| format!("the fuzzer counted nothing on {store}\n{said}"))?;
        let said = format!("{said}\nthe fuzzer took {} on {store}", Elapsed::since(started));
        let outcome = Outcome { store, has_passed, counts, said };
        served.stop().inspect_err(|_| outcome.print())?;
        Ok(outcome)
    }

    /// Whether the fuzzer is content, and what it said where that is not printed yet.
    fn ask(&self, fuzz: &mut Command) -> Result<(bool, String)> {
        match self.prints {
            Prints::AsItGoes => Ok((process::run(fuzz)?.success(), String::new())),
            Prints::Afterwards => {
                let output = process::output(fuzz)?;
                let said = [output.stdout, output.stderr].concat();
                Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
            }
        }
    }
}

/// A database that goes with the value.
struct Database<'a> {
    python: &'a Python,
    address: &'a str,
    name: &'a str,
}

impl Database<'_> {
    fn tell(&self, verb: &str) -> Result<()> {
        let mut tell = self.python.command("python");
        tell.arg(folder().join("database.py")).args([verb, self.address, self.name]);
        // Also after a signal, when the chores start nothing more.
        let said = tell.output().with_context(|| format!("start {}", process::show(&tell)))?;
        let complaint = String::from_utf8_lossy(&said.stderr);
        ensure!(said.status.success(), "{verb} the database {}: {complaint}", self.name);
        Ok(())
    }
}

impl Drop for Database<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.tell("drop") {
            eprintln!("xtask: cannot drop the database {}: {error:#}", self.name);
        }
    }
}

/// The document of the binary, as a file in this folder.
fn document(binary: &Path, folder: &Path) -> Result<PathBuf> {
    let text = process::quietly(Command::new(binary).arg("openapi"))?;
    let file = folder.join("openapi.json");
    fs::write(&file, text).with_context(|| format!("write {}", file.display()))?;
    Ok(file)
}

fn folder() -> PathBuf {
    root().join(FOLDER)
}
