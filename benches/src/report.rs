//! What was measured, as a table for docs/BENCHMARKS.md.

use std::fmt::Write as _;
use std::time::Duration;

use crate::load::Outcome;

/// One line of the table.
struct Line {
    what: String,
    store: String,
    connections: String,
    result: String,
    latency: String,
}

/// The lines so far.
#[derive(Default)]
pub(crate) struct Report {
    lines: Vec<Line>,
}

impl Report {
    /// Adds a rate with its latencies, and how many requests were refused where any were.
    pub(crate) fn rate(&mut self, what: &str, store: &str, connections: usize, outcome: Outcome) {
        let refused = match outcome.refused {
            0 => String::new(),
            some => format!(", {} refused", grouped(some as f64)),
        };
        let rate = format!("{}/s{refused}", grouped(outcome.per_second));
        self.line(what, store, &connections.to_string(), rate, latencies(outcome));
    }

    /// Adds latencies alone.
    pub(crate) fn latency(&mut self, what: &str, store: &str, outcome: Outcome) {
        self.line(what, store, "", String::new(), latencies(outcome));
    }

    /// Adds a plain figure.
    pub(crate) fn figure(&mut self, what: &str, store: &str, result: String) {
        self.line(what, store, "", result, String::new());
    }

    fn line(&mut self, what: &str, store: &str, connections: &str, result: String, latency: String) {
        eprintln!("{what} · {store} {connections} · {result} {latency}");
        self.lines.push(Line {
            what: what.to_owned(),
            store: store.to_owned(),
            connections: connections.to_owned(),
            result,
            latency,
        });
    }

    /// The table in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let mut text =
            String::from("| what | store | connections | result | p50 / p95 / p99 |\n|---|---|---:|---:|---:|\n");
        for Line { what, store, connections, result, latency } in &self.lines {
            let _ = writeln!(text, "| {what} | {store} | {connections} | {result} | {latency} |");
        }
        text
    }
}

/// Marks around the table in the document; what stands around them is people's.
const MARKS: [&str; 2] =
    ["<!-- measured by cargo xtask bench: begin -->\n", "<!-- measured by cargo xtask bench: end -->\n"];

/// The document with this table between its marks, where it has them.
pub(crate) fn kept_in(document: &str, table: &str) -> Option<String> {
    let [begin, end] = MARKS;
    let (before, rest) = document.split_once(begin)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{begin}\n{table}\n{end}{after}"))
}

/// The latencies of an outcome in one cell.
fn latencies(outcome: Outcome) -> String {
    [outcome.p50, outcome.p95, outcome.p99].map(millis).join(" / ")
}

/// Milliseconds with two digits after the point.
fn millis(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1_000.0)
}

/// A rounded number with commas between thousands.
pub(crate) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_takes_the_place_of_the_one_before_and_of_nothing_else() {
        let [begin, end] = MARKS;
        let document = format!("Prose.\n\n{begin}\n| old |\n\n{end}\nMore prose.\n");
        let kept = kept_in(&document, "| new |\n");
        assert_eq!(kept, Some(format!("Prose.\n\n{begin}\n| new |\n\n{end}\nMore prose.\n")));
        assert_eq!(kept_in("no marks", "| new |\n"), None);
    }

    #[test]
    fn a_rate_tells_its_percentiles_under_their_names() {
        let [p50, p95, p99] = [1, 20, 300].map(Duration::from_millis);
        let mut report = Report::default();
        let outcome = Outcome { per_second: 2_000.0, p50, p95, p99, refused: 0 };
        report.rate("board", "SQLite", 32, outcome);
        let table = report.markdown();
        assert!(table.starts_with("| what | store | connections | result | p50 / p95 / p99 |"), "{table}");
        assert!(table.ends_with("| board | SQLite | 32 | 2,000/s | 1.00 ms / 20.00 ms / 300.00 ms |\n"), "{table}");
        report.rate("board", "SQLite", 32, Outcome { refused: 3, ..outcome });
        assert!(report.markdown().contains("| 2,000/s, 3 refused |"), "{}", report.markdown());
    }

    #[test]
    fn the_document_has_its_marks() {
        assert!(kept_in(include_str!("../../docs/BENCHMARKS.md"), "").is_some());
    }
}
