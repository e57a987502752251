//! Counts tests from the closing lines of `cargo test` and `cargo nextest`.

use std::fmt;
use std::ops::AddAssign;

/// How many tests passed, failed and were left out.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
}

/// What one runner reports. nextest runs each test by itself and shows what a failing one printed, before its
/// closing line or behind it; the closing line of that test's own harness is in it, and counts for `cargo test` alone.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// By the closing lines of `cargo test`.
    harnesses: Tally,
    /// By that of nextest.
    nextest: Option<Tally>,
}

impl Report {
    /// Adds the counts of a line, when it is a runner's closing line.
    pub(crate) fn read(&mut self, line: &str) {
        let plain = without_colours(line);
        let plain = plain.trim();
        if let Some(counts) = plain.strip_prefix("test result:") {
            self.harnesses.count(counts);
        } else if plain.starts_with("Summary [")
            && let Some((_, counts)) = plain.split_once(" run: ")
        {
            self.nextest.get_or_insert_default().count(counts);
        }
    }

    /// How many tests there were.
    pub(crate) fn tally(&self) -> Tally {
        self.nextest.unwrap_or(self.harnesses)
    }
}

impl Tally {
    /// Adds the counts of a closing line.
    fn count(&mut self, counts: &str) {
        for part in counts.split([',', ';', '(', ')', '.']) {
            let Some((number, what)) = part.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what.trim() {
                "passed" => self.passed += number,
                "failed" | "timed out" | "exec failed" => self.failed += number,
                "skipped" | "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }

    /// Whether no test ran at all.
    pub(crate) const fn is_empty(self) -> bool {
        self.passed + self.failed == 0
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

/// The line without ANSI colour sequences (`ESC [ … m`).
fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, text)| text));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Tally {
        let mut report = Report::default();
        lines.iter().for_each(|line| report.read(line));
        report.tally()
    }

    #[test]
    fn closing_lines_of_both_runners_are_counted() {
        let tally = read(&[
            "test result: ok. 12 passed; 1 failed; 2 ignored; 0 measured; 3 filtered out; finished in 0.31s\n",
            "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s\n",
        ]);
        assert_eq!(tally, Tally { passed: 15, failed: 1, skipped: 2 });
        let tally = read(&[
            "     Summary [   0.012s] 14 tests run: 10 passed (1 slow, 2 leaky), 3 failed, 1 timed out, 7 skipped\n",
        ]);
        assert_eq!(tally, Tally { passed: 10, failed: 4, skipped: 7 });
    }

    #[test]
    fn a_failing_test_that_nextest_shows_counts_once() {
        let shown = "    test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 25 filtered out";
        let summary = "     Summary [   0.012s] 2 tests run: 1 passed, 1 failed, 0 skipped";
        let once = Tally { passed: 1, failed: 1, skipped: 0 };
        assert_eq!(read(&[shown, summary]), once);
        assert_eq!(read(&[shown, summary, shown]), once);
    }

    #[test]
    fn colours_do_not_hide_a_closing_line() {
        let tally = read(&[
            "\u{1b}[32;1m     Summary\u{1b}[0m [ 1.0s] \u{1b}[1m3\u{1b}[0m tests run: \u{1b}[1m3\u{1b}[0m passed, 0 skipped",
        ]);
        assert_eq!(tally, Tally { passed: 3, failed: 0, skipped: 0 });
    }

    #[test]
    fn other_lines_count_nothing() {
        assert!(read(&["3 passed", "the Summary of 4 passed", "running 5 tests", ""]).is_empty());
    }
}
