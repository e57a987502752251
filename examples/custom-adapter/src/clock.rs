//! A clock that is corrected while it runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crm_core::{Clock, Timestamp};

/// Shows another clock's time and a correction, as a time server says it. It never runs backwards:
/// set back, it shows the last instant until the corrected time has caught up.
pub struct CorrectedClock {
    inner: Arc<dyn Clock>,
    /// Microseconds that the other clock is behind.
    correction: AtomicI64,
    /// The last instant that was shown, in microseconds.
    shown: AtomicI64,
}

impl CorrectedClock {
    /// A clock without a correction.
    pub fn new(inner: Arc<dyn Clock>) -> Self {
        Self { inner, correction: AtomicI64::new(0), shown: AtomicI64::new(i64::MIN) }
    }

    /// Corrects it so that it shows `right` now, if that lies ahead, and comes to it otherwise.
    pub fn set(&self, right: Timestamp) {
        self.correction.store(right.micros().saturating_sub(self.inner.now().micros()), Ordering::SeqCst);
    }
}

impl Clock for CorrectedClock {
    fn now(&self) -> Timestamp {
        let corrected = self.inner.now().micros().saturating_add(self.correction.load(Ordering::SeqCst));
        let before = self.shown.fetch_max(corrected, Ordering::SeqCst);
        Timestamp::from_micros(before.max(corrected))
    }
}
