//! What the fuzzer did on each store: told, judged, and as a table for docs/TESTING.md.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::kept::keep;

/// Checks of the fuzzer that are not made, each with its reason. Single findings that the hooks
/// excuse are counted by reason.
pub(crate) const LEFT_OUT: [(&str, &str); 1] = [(
    "object_level_authorization",
    "it wants the passwords of two peers in a file; the walk through the routes tries every operation as another workspace",
)];
/// Why the operations are left out that `schemathesis.toml` names.
const ENDLESS: &str = "it goes on for ever; the laws of hosts/server/tests/http/live.rs speak to it";

/// What the hooks counted.
#[derive(Deserialize)]
pub(crate) struct Counts {
    /// How often each operation of the document answered with each status.
    answers: BTreeMap<String, BTreeMap<String, usize>>,
    /// How many findings each check has.
    found: BTreeMap<String, usize>,
    /// How many findings were excused, by reason.
    excused: BTreeMap<String, usize>,
    /// Operations of the document that were not asked.
    left_out: Vec<String>,
}

impl Counts {
    /// Those that a run has left in a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_str(&text).with_context(|| format!("parse {}", path.display()))
    }

    fn tried(&self) -> usize {
        self.answers.values().filter(|statuses| !statuses.is_empty()).count()
    }

    fn successful(&self) -> usize {
        self.answers.len() - self.never_successful().len()
    }

    fn never_successful(&self) -> Vec<&str> {
        let answers = self.answers.iter();
        let silent = answers.filter(|(_, statuses)| !statuses.keys().any(|status| status.starts_with('2')));
        silent.map(|(operation, _)| operation.as_str()).collect()
    }

    fn requests(&self) -> usize {
        self.answers.values().flat_map(BTreeMap::values).sum()
    }

    fn findings(&self) -> usize {
        self.found.values().sum()
    }

    /// Answers of all operations by status.
    fn statuses(&self) -> BTreeMap<&str, usize> {
        let mut all = BTreeMap::new();
        for (status, count) in self.answers.values().flatten() {
            *all.entry(status.as_str()).or_default() += count;
        }
        all
    }
}

/// What came of the fuzzer on one store.
pub(crate) struct Outcome {
    /// Its name, as people write it.
    pub(crate) store: &'static str,
    /// Whether the fuzzer itself is content.
    pub(crate) has_passed: bool,
    pub(crate) counts: Counts,
    /// What it said beside that.
    pub(crate) said: String,
}

impl Outcome {
    /// Itself, once it has told all of it.
    pub(crate) fn printed(self) -> Self {
        self.print();
        self
    }

    /// Tells all of it.
    pub(crate) fn print(&self) {
        println!("{}", self.said);
        let Counts { answers, found, excused, left_out } = &self.counts;
        let listed: Vec<String> =
            self.counts.statuses().iter().map(|(status, count)| format!("{status} × {count}")).collect();
        println!("\n{} requests: {}", self.counts.requests(), listed.join(", "));
        let (successful, asked, left) = (self.counts.successful(), answers.len(), left_out.len());
        println!("{successful} of {asked} operations succeeded at least once, {left} were left out");
        for operation in left_out {
            println!("left out: {operation}: {ENDLESS}");
        }
        for (check, why) in LEFT_OUT {
            println!("left out: {check}: {why}");
        }
        for (why, count) in excused {
            println!("excused {count} times: {why}");
        }
        for (check, count) in found {
            println!("found {count} times: {check}");
        }
    }

    /// Fails where the fuzzer has findings, or an operation never succeeded.
    pub(crate) fn judge(&self) -> Result<()> {
        ensure!(self.has_passed, "the fuzzer has findings on {}", self.store);
        let silent = self.counts.never_successful();
        ensure!(silent.is_empty(), "on {} no request succeeded of: {}", self.store, silent.join(", "));
        Ok(())
    }
}

/// The outcomes so far, which are printed as a table in Markdown.
#[derive(Default)]
pub(crate) struct Fuzzed(Vec<Outcome>);

impl Fuzzed {
    /// Adds the next one.
    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.0.push(outcome);
    }

    /// Adds the next one, and fails where it does.
    pub(crate) fn judged(&mut self, outcome: Outcome) -> Result<()> {
        let judgement = outcome.judge();
        self.add(outcome);
        judgement
    }

    /// Whether no store was fuzzed.
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Fails with the first outcome that does.
    pub(crate) fn judge(&self) -> Result<()> {
        self.0.iter().try_for_each(Outcome::judge)
    }

    /// Writes the table into the document, in the place of the one before.
    pub(crate) fn keep(&self) -> Result<()> {
        keep("fuzz", &self.to_string())
    }

    fn row(&self, out: &mut fmt::Formatter<'_>, what: &str, count: impl Fn(&Counts) -> usize) -> fmt::Result {
        write!(out, "| {what} |")?;
        for outcome in &self.0 {
            write!(out, " {} |", count(&outcome.counts))?;
        }
        writeln!(out)
    }
}

impl fmt::Display for Fuzzed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stores: Vec<&str> = self.0.iter().map(|outcome| outcome.store).collect();
        writeln!(out, "| the fuzzer | {} |", stores.join(" | "))?;
        writeln!(out, "| --- |{}", " ---: |".repeat(stores.len()))?;
        self.row(out, "operations tried", Counts::tried)?;
        self.row(out, "operations that succeeded at least once", Counts::successful)?;
        self.row(out, "requests", Counts::requests)?;
        self.row(out, "findings", Counts::findings)?;
        let reasons: BTreeSet<&String> = self.0.iter().flat_map(|outcome| outcome.counts.excused.keys()).collect();
        for why in reasons {
            let excused = |counts: &Counts| counts.excused.get(why).copied().unwrap_or_default();
            self.row(out, &format!("excused: {why}"), excused)?;
        }
        self.row(out, &format!("operations left out: {ENDLESS}"), |counts| counts.left_out.len())?;
        for (check, why) in LEFT_OUT {
            self.row(out, &format!("checks left out: `{check}`: {why}"), |_| 1)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(store: &'static str, counts: serde_json::Value) -> Outcome {
        let counts: Counts = serde_json::from_value(counts).unwrap();
        Outcome { store, has_passed: counts.findings() == 0, counts, said: String::new() }
    }

    fn both() -> Fuzzed {
        let sqlite = serde_json::json!({
            "answers": {"GET /a": {"200": 3, "404": 4}, "GET /b": {"404": 1}, "GET /c": {}},
            "found": {}, "excused": {"names": 2}, "left_out": ["GET /ws"],
        });
        let postgres = serde_json::json!({
            "answers": {"GET /a": {"204": 1}, "GET /b": {"201": 1}, "GET /c": {"200": 1}},
            "found": {"ServerError": 5}, "excused": {"dates": 1}, "left_out": ["GET /ws"],
        });
        Fuzzed(vec![outcome("SQLite", sqlite), outcome("PostgreSQL", postgres)])
    }

    #[test]
    fn each_store_has_a_column() {
        let table = both().to_string();
        let lines = [
            "| the fuzzer | SQLite | PostgreSQL |",
            "| --- | ---: | ---: |",
            "| operations tried | 2 | 3 |",
            "| operations that succeeded at least once | 1 | 3 |",
            "| requests | 8 | 3 |",
            "| findings | 0 | 5 |",
            "| excused: dates | 0 | 1 |",
            "| excused: names | 2 | 0 |",
        ];
        assert!(table.starts_with(&(lines.join("\n") + "\n")), "{table}");
        assert_eq!(table.matches("left out").count(), 1 + LEFT_OUT.len());
    }

    #[test]
    fn findings_fail_and_so_does_an_operation_that_never_succeeded() {
        let Fuzzed(outcomes) = both();
        let told: Vec<String> = outcomes.iter().map(|outcome| outcome.judge().unwrap_err().to_string()).collect();
        assert_eq!(
            told,
            ["on SQLite no request succeeded of: GET /b, GET /c", "the fuzzer has findings on PostgreSQL"]
        );
    }
}
