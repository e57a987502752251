//! The adapters keep the laws of their roles, which the engine brings along.

#![expect(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Arc;

use crm_core::testkit::FakeClock;
use crm_core::{Clock as _, SystemClock, Timestamp};
use custom_adapter::{CorrectedClock, ScryptHasher};

crm_core::testkit::password_hasher_suite!(ScryptHasher::new);
crm_core::testkit::clock_suite!(|| CorrectedClock::new(Arc::new(SystemClock)));

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn a_clock_set_forward_shows_it_at_once() {
    let clock = CorrectedClock::new(Arc::new(FakeClock::at(at("2026-03-02T12:00:00Z"))));
    clock.set(at("2026-03-02T12:30:00Z"));
    assert!(clock.now() >= at("2026-03-02T12:30:00Z"));
}

#[test]
fn a_clock_set_back_waits_until_the_time_has_caught_up() {
    let inner = Arc::new(FakeClock::at(at("2026-03-02T12:00:00Z")));
    let clock = CorrectedClock::new(inner.clone());
    let before = clock.now();
    clock.set(at("2026-03-02T11:59:00Z"));
    assert_eq!(clock.now(), before);
    inner.advance_seconds(61);
    assert!(clock.now() > before);
}
