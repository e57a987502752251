//! `cargo xtask faults`: workers that are killed, disks that are full, servers that are restarted, at length.
//! `cargo xtask test` runs the same laws in their short form.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::kept::keep;
use crate::process;
use crate::test_database::TestDatabase;
use crate::workspace::cargo;

/// Where the laws note how each fault ended.
const TABLE: &str = "SLACKCRM_TEST_FAULTS_TABLE";
/// Where the laws note what cannot be tried on this machine.
const LEFT_OUT: &str = "SLACKCRM_TEST_LEFT_OUT";
/// Makes the laws long.
const LONG: (&str, &str) = ("SLACKCRM_TEST_FAULTS", "long");

/// What `cargo xtask faults` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Runs only the laws whose name holds this.
    filter: Option<String>,
}

/// Runs the laws one after the other, shows what each tells, and keeps that where all of them were run and hold.
pub(crate) fn faults(options: &Options) -> Result<()> {
    let database = TestDatabase::find_or_start("")?;
    let mut laws = cargo(["test", "--release", "--package", "crm-cli", "--all-features", "--test", "faults", "--"]);
    laws.args(["--nocapture", "--test-threads", "1"]).args(&options.filter).env(LONG.0, LONG.1);
    database.pass_to(&mut laws);
    let noted = tempfile::NamedTempFile::new().context("make a file for the table")?;
    let left_out = tempfile::NamedTempFile::new().context("make a file for what is left out")?;
    laws.env(TABLE, noted.path()).env(LEFT_OUT, left_out.path());
    let status = process::run(&mut laws)?;
    drop(database);
    let table = table(&fs::read_to_string(noted.path()).context("read the table")?);
    println!("\n{table}");
    if !status.success() {
        bail!("{} failed ({status})", process::show(&laws));
    }
    let left_out = fs::read_to_string(left_out.path()).context("read what is left out")?;
    for what in left_out.lines() {
        println!("LEFT OUT: {what}");
    }
    // Half a table would take the place of a whole one.
    if options.filter.is_none() && left_out.is_empty() { keep("faults", &table) } else { Ok(()) }
}

/// What the laws noted, a fault and store a line, as a table in the order of the faults.
fn table(noted: &str) -> String {
    let mut rows: Vec<Vec<String>> =
        noted.lines().map(|line| line.split('\t').map(|cell| cell.replace('|', "\\|")).collect()).collect();
    rows.sort();
    let mut table = "| fault | store | rounds | what must hold | result |\n|---|---|---|---|---|\n".to_owned();
    for row in rows {
        let _ = writeln!(table, "| {} |", row.join(" | "));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_row_for_each_fault_and_store_in_an_order_of_its_own() {
        let noted =
            "b\tSQLite\t2 times\tit holds\tit held\na\tSQLite\tonce\tit holds\ta|b\na\tPostgreSQL\tonce\tx\ty\n";
        let rows = [
            "| fault | store | rounds | what must hold | result |",
            "|---|---|---|---|---|",
            "| a | PostgreSQL | once | x | y |",
            "| a | SQLite | once | it holds | a\\|b |",
            "| b | SQLite | 2 times | it holds | it held |",
        ];
        assert_eq!(table(noted), rows.join("\n") + "\n");
    }
}
