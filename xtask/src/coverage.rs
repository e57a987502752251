//! `cargo xtask coverage`: how many lines of the core and of the storage the tests reach.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::Value;

use crate::process;
use crate::test_database::TestDatabase;
use crate::tools;
use crate::workspace::{cargo, root};

const CRATES: [&str; 2] = ["crm-core", "crm-storage"];
/// Per cent of the lines of each crate.
const LEAST: f64 = 85.0;

/// What `cargo xtask coverage` takes.
#[derive(Args)]
pub(crate) struct Options {
    /// Further arguments for cargo-tarpaulin.
    #[arg(last = true, value_name = "ARGUMENT")]
    further: Vec<String>,
}

/// Runs the tests of both crates under cargo-tarpaulin and fails below 85 %.
pub(crate) fn coverage(options: &Options) -> Result<()> {
    tools::require_cargo_tool("cargo-tarpaulin", "; `cargo xtask test` runs the same laws without it")?;
    let database = TestDatabase::find_or_start("")?;
    let folder = root().join("target").join("coverage");
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    // It reads what the compiler counts by itself, so it needs no further component of the toolchain.
    let mut measure = cargo(["tarpaulin", "--engine", "llvm", "--skip-clean", "--all-features", "--timeout", "900"]);
    for name in CRATES {
        measure.args(["--packages", name]);
    }
    measure.args([
        "--exclude-files",
        "*/testkit/*",
        "*/testkit.rs",
        "*/tests/*",
        "xtask/*",
        "--out",
        "Json",
        "--output-dir",
    ]);
    measure.arg(&folder).arg("--target-dir").arg(folder.join("build"));
    measure.args(&options.further);
    // Most laws wait for a database: more threads than cores.
    measure.args(["--", "--test-threads", "6"]);
    database.pass_to(&mut measure);
    let status = process::run(&mut measure)?;
    drop(database);
    if !status.success() {
        bail!("{} failed ({status})", process::show(&measure));
    }
    let report = folder.join("tarpaulin-report.json");
    let report = fs::read_to_string(&report).with_context(|| format!("read {}", report.display()))?;
    judge(&serde_json::from_str(&report).context("parse the report of cargo-tarpaulin")?)
}

fn judge(report: &Value) -> Result<()> {
    let mut low = Vec::new();
    for name in CRATES {
        let lines = lines_of(report, &root().join(name));
        let percent = lines.percent().with_context(|| format!("the report has no line of {name}"))?;
        println!("{name}: {percent:.1} % of {} lines", lines.all);
        if percent < LEAST {
            low.push(name);
        }
    }
    if !low.is_empty() {
        bail!("coverage below {LEAST} %: {}", low.join(", "));
    }
    Ok(())
}

/// Lines that a crate has, and those that a test reached.
#[derive(Debug, Default, PartialEq)]
struct Lines {
    all: u32,
    reached: u32,
}

impl Lines {
    fn percent(&self) -> Option<f64> {
        (self.all > 0).then(|| f64::from(self.reached) * 100.0 / f64::from(self.all))
    }
}

/// Adds up the files below a folder; a path in the report is a list of its parts.
fn lines_of(report: &Value, folder: &Path) -> Lines {
    let files = report.get("files").and_then(Value::as_array);
    let mut lines = Lines::default();
    for file in files.into_iter().flatten() {
        let parts = file.get("path").and_then(Value::as_array).into_iter().flatten();
        let path: std::path::PathBuf = parts.filter_map(Value::as_str).collect();
        if path.starts_with(folder) {
            lines.all += count(file, "coverable");
            lines.reached += count(file, "covered");
        }
    }
    lines
}

fn count(file: &Value, field: &str) -> u32 {
    file.get(field).and_then(Value::as_u64).and_then(|count| u32::try_from(count).ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(covered: u32) -> Value {
        let file = |name: &str| {
            let folder = root().join(name).join("src");
            let parts: Vec<_> = folder.iter().map(|part| part.to_string_lossy().into_owned()).collect();
            serde_json::json!({ "path": parts, "covered": covered, "coverable": 20 })
        };
        serde_json::json!({ "files": [file("crm-core"), file("crm-storage"), file("hosts")] })
    }

    #[test]
    fn lines_of_another_crate_do_not_count() {
        assert_eq!(lines_of(&report(17), &root().join("crm-core")), Lines { all: 20, reached: 17 });
    }

    #[test]
    fn coverage_below_the_floor_fails() {
        assert!(judge(&report(17)).is_ok());
        assert!(judge(&report(16)).is_err());
    }

    #[test]
    fn a_report_without_a_crate_fails() {
        assert!(judge(&serde_json::json!({ "files": [] })).is_err());
    }
}
