//! `cargo xtask faults`: workers that are killed, disks that are full, servers that are restarted, at length. `cargo xtask test` runs the same
//! laws in their short form.

use std::fs;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::process;
use crate::test_database::TestDatabase;
use crate::workspace::cargo;

/// Where the laws note how each fault ended.
const TABLE: &str = "SLACKCRM_TEST_FAULTS_TABLE";
/// Makes the laws long.
const LONG: (&str, &str) = ("SLACKCRM_TEST_FAULTS", "long");

/// What `cargo xtask faults` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Runs only the laws whose name holds this.
    filter: Option<String>,
}

/// Runs the laws one after the other and shows what each tells.
pub(crate) fn faults(options: &Options) -> Result<()> {
    let database = TestDatabase::find_or_start("")?;
    let mut laws = cargo(["test", "--release", "--package", "crm-cli", "--all-features", "--test", "faults", "--"]);
    laws.args(["--nocapture", "--test-threads", "1"]).args(&options.filter).env(LONG.0, LONG.1);
    database.pass_to(&mut laws);
    let table = tempfile::NamedTempFile::new().context("make a file for the table")?;
    laws.env(TABLE, table.path());
    let status = process::run(&mut laws)?;
    drop(database);
    show(&fs::read_to_string(table.path()).context("read the table")?);
    match status.success() {
        true => Ok(()),
        false => bail!("{} failed ({status})", process::show(&laws)),
    }
}

/// Prints what the laws noted: store, fault and outcome, in columns.
fn show(noted: &str) {
    let rows: Vec<Vec<&str>> = noted.lines().map(|line| line.split('\t').collect()).collect();
    let width =
        |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
    let (store, fault) = (width(0), width(1));
    for row in &rows {
        if let [first, second, outcome] = row.as_slice() {
            println!("{first:<store$}  {second:<fault$}  {outcome}");
        }
    }
}
