//! What is counted of requests: one tally a worker thread, added up when somebody asks.
//!
//! No request takes a lock, allocates or writes to memory that another thread writes to: its place is
//! a number, and its counters are its thread's own.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use actix_web::http::{Method, StatusCode};

use crate::places::Places;

/// Upper ends of the spans of time that answers are counted in, in microseconds.
pub(crate) const BOUNDS: [u64; 13] = [
    1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000,
];
/// The first figures of a status.
pub(crate) const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// A method, as it is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Other,
}

impl Verb {
    pub(crate) const ALL: [Self; 8] =
        [Self::Get, Self::Head, Self::Post, Self::Put, Self::Patch, Self::Delete, Self::Options, Self::Other];

    /// Whatever a client invents is one verb.
    pub(crate) fn of(method: &Method) -> Self {
        Self::ALL.into_iter().find(|verb| verb.name() == method.as_str()).unwrap_or(Self::Other)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
            Self::Other => "_OTHER",
        }
    }
}

/// The counters of one worker thread.
#[derive(Default)]
pub(crate) struct Tally {
    under_way: AtomicI64,
    panics: AtomicU64,
    /// By the number of their place; what has no place comes last.
    places: Vec<Answers>,
}

/// The answers at one place.
#[derive(Default)]
pub(crate) struct Answers {
    counts: [[AtomicU64; CLASSES.len()]; Verb::ALL.len()],
    /// By span of time; the last one has no end.
    spans: [AtomicU64; BOUNDS.len() + 1],
    micros: AtomicU64,
}

/// A request that is under way, whatever becomes of it.
pub(crate) struct UnderWay(Arc<Tally>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Relaxed);
    }
}

impl Tally {
    /// Counters for all places and for what has none.
    pub(crate) fn new(places: &Places) -> Arc<Self> {
        let answers = (0..=places.iter().len()).map(|_| Answers::default()).collect();
        Arc::new(Self { places: answers, ..Self::default() })
    }

    /// A request begins.
    pub(crate) fn begin(self: &Arc<Self>) -> UnderWay {
        self.under_way.fetch_add(1, Relaxed);
        UnderWay(self.clone())
    }

    /// A handler panicked.
    pub(crate) fn panicked(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    /// A request was answered.
    pub(crate) fn answered(&self, place: Option<usize>, verb: Verb, status: StatusCode, took: Duration) {
        let Some(answers) = place.map_or(self.places.last(), |number| self.places.get(number)) else { return };
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(count) = answers.counts.get(verb as usize).and_then(|counts| counts.get(class)) {
            count.fetch_add(1, Relaxed);
        }
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let span = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(count) = answers.spans.get(span) {
            count.fetch_add(1, Relaxed);
        }
        answers.micros.fetch_add(micros, Relaxed);
    }

    /// Requests under way.
    pub(crate) fn under_way(&self) -> i64 {
        self.under_way.load(Relaxed)
    }

    /// Handlers that panicked.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Relaxed)
    }

    /// What was answered at one place, or beside all of them.
    pub(crate) fn at(&self, place: Option<usize>) -> Option<&Answers> {
        place.map_or(self.places.last(), |number| self.places.get(number))
    }
}

impl Answers {
    /// Answers with this method and first figure of the status.
    pub(crate) fn count(&self, verb: Verb, class: usize) -> u64 {
        let count = self.counts.get(verb as usize).and_then(|counts| counts.get(class));
        count.map_or(0, |count| count.load(Relaxed))
    }

    /// Answers that took as long as the span of this number.
    pub(crate) fn within(&self, span: usize) -> u64 {
        self.spans.get(span).map_or(0, |count| count.load(Relaxed))
    }

    /// How long all answers took together, in microseconds.
    pub(crate) fn micros(&self) -> u64 {
        self.micros.load(Relaxed)
    }
}
