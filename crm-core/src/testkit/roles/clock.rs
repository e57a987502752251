//! What clocks keep.

use std::time::{Duration, Instant};

use crate::time::Clock;

const LOOKS: usize = 10_000;
/// How long a clock may show the same instant.
const PATIENCE: Duration = Duration::from_secs(2);

pub fn time_does_not_run_backwards(clock: &dyn Clock) {
    let mut before = clock.now();
    for _ in 0..LOOKS {
        let now = clock.now();
        assert!(now >= before, "{now} after {before}");
        before = now;
    }
}

/// What one thread saw before another looked is no later than what that one sees.
pub fn time_does_not_run_backwards_from_thread_to_thread(clock: &dyn Clock) {
    for _ in 0..20 {
        let before = clock.now();
        let there = std::thread::scope(|scope| scope.spawn(|| clock.now()).join().unwrap());
        let after = clock.now();
        assert!(before <= there && there <= after, "{before}, {there}, {after}");
    }
}

pub fn time_goes_on(clock: &dyn Clock) {
    let (first, began) = (clock.now(), Instant::now());
    while clock.now() == first {
        assert!(began.elapsed() < PATIENCE, "it still shows {first}");
        std::thread::yield_now();
    }
}

/// Events of one millisecond have an order, so an instant that is cut to one says too little.
pub fn instants_have_microseconds(clock: &dyn Clock) {
    let began = Instant::now();
    while clock.now().micros() % 1_000 == 0 {
        assert!(began.elapsed() < PATIENCE, "every instant is a whole millisecond");
    }
}
