//! The figures as Prometheus reads them: its text format, version 0.0.4.
//!
//! Labels have few values: patterns of routes, methods, first figures of a status. Nothing that a
//! client sends becomes one.

use std::fmt::Write as _;
use std::sync::Arc;

use crm_boot::Figure;

use crate::places::Places;
use crate::tally::{Answers, BOUNDS, CLASSES, Tally, Verb};

/// What the text is sent as.
pub(crate) const MEDIA: &str = "text/plain; version=0.0.4; charset=utf-8";
/// The route of what has no place in the document.
const UNKNOWN: &str = "unknown";
const MICROS: f64 = 1_000_000.0;

/// A text that grows by one metric after the other.
#[derive(Default)]
pub(crate) struct Exposition(String);

impl Exposition {
    /// What all workers counted.
    pub(crate) fn requests(&mut self, places: &Places, tallies: &[Arc<Tally>]) {
        let routes = || {
            let known = places.iter().map(|place| (place.pattern.as_str(), Some(place.number)));
            known.chain([(UNKNOWN, None)])
        };
        let at = |place| tallies.iter().filter_map(move |tally| tally.at(place));
        self.describe("slackcrm_http_requests_total", "counter", "Requests answered");
        for (route, place) in routes() {
            self.counts(route, &at(place).collect::<Vec<_>>());
        }
        self.describe(
            "slackcrm_http_request_duration_seconds",
            "histogram",
            "Time from a request's head to its answer",
        );
        for (route, place) in routes() {
            self.durations(route, &at(place).collect::<Vec<_>>());
        }
        let under_way: i64 = tallies.iter().map(|tally| tally.under_way()).sum();
        self.single("slackcrm_http_requests_in_flight", "gauge", "Requests under way", under_way);
        let panics: u64 = tallies.iter().map(|tally| tally.panics()).sum();
        self.single("slackcrm_http_panics_total", "counter", "Handlers that panicked", panics);
    }

    /// What the store says of itself.
    pub(crate) fn store(&mut self, figures: &[Figure]) {
        for figure in figures {
            self.single(figure.name, "gauge", figure.help, figure.value);
        }
    }

    /// The program and since when it runs, in seconds since 1970.
    pub(crate) fn program(&mut self, started: f64) {
        self.describe("slackcrm_build_info", "gauge", "The version that runs; always 1");
        self.sample("slackcrm_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1);
        self.single("process_start_time_seconds", "gauge", "When the server started", started);
    }

    /// A metric of one value.
    pub(crate) fn single(&mut self, name: &str, kind: &str, help: &str, value: impl std::fmt::Display) {
        self.describe(name, kind, help);
        self.sample(name, &[], value);
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        self.0
    }

    fn counts(&mut self, route: &str, answers: &[&Answers]) {
        for verb in Verb::ALL {
            for (class, status) in CLASSES.into_iter().enumerate() {
                let count: u64 = answers.iter().map(|answers| answers.count(verb, class)).sum();
                if count > 0 {
                    let labels = [("route", route), ("method", verb.name()), ("status", status)];
                    self.sample("slackcrm_http_requests_total", &labels, count);
                }
            }
        }
    }

    fn durations(&mut self, route: &str, answers: &[&Answers]) {
        const NAME: &str = "slackcrm_http_request_duration_seconds";
        let within = |span: usize| answers.iter().map(|answers| answers.within(span)).sum::<u64>();
        if (0..=BOUNDS.len()).all(|span| within(span) == 0) {
            return;
        }
        let mut so_far = 0;
        for (span, bound) in BOUNDS.into_iter().enumerate() {
            so_far += within(span);
            let bound = (bound as f64 / MICROS).to_string();
            self.sample(&format!("{NAME}_bucket"), &[("route", route), ("le", &bound)], so_far);
        }
        so_far += within(BOUNDS.len());
        self.sample(&format!("{NAME}_bucket"), &[("route", route), ("le", "+Inf")], so_far);
        let micros: u64 = answers.iter().map(|answers| answers.micros()).sum();
        self.sample(&format!("{NAME}_sum"), &[("route", route)], micros as f64 / MICROS);
        self.sample(&format!("{NAME}_count"), &[("route", route)], so_far);
    }

    fn describe(&mut self, name: &str, kind: &str, help: &str) {
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (at, (label, value)) in labels.iter().enumerate() {
            self.write(format_args!("{}{label}=\"{}\"", if at == 0 { '{' } else { ',' }, escaped(value)));
        }
        self.write(format_args!("{} {value}\n", if labels.is_empty() { "" } else { "}" }));
    }

    fn write(&mut self, arguments: std::fmt::Arguments<'_>) {
        // A text takes whatever is written to it.
        let _ = self.0.write_fmt(arguments);
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}
