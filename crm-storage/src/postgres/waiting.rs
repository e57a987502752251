//! How many wait for something.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A number of waiting callers; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting(Arc<AtomicU64>);

/// One of them, until it is dropped.
struct Turn<'a>(&'a Waiting);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Waiting {
    /// Counts a caller as waiting until what it waits for is there, or it goes.
    pub(super) async fn during<T>(&self, waited_for: impl Future<Output = T>) -> T {
        self.0.fetch_add(1, Ordering::Relaxed);
        let _turn = Turn(self);
        waited_for.await
    }

    /// How many wait now.
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_goes_away_waits_no_longer() {
        let waiting = Waiting::default();
        let mut first = Box::pin(waiting.during(std::future::pending::<()>()));
        let mut second = Box::pin(waiting.during(std::future::pending::<()>()));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none());
        assert_eq!(waiting.count(), 2);
        drop(first);
        assert_eq!(waiting.count(), 1);
        drop(second);
        assert_eq!(waiting.during(async { waiting.count() }).await, 1);
        assert_eq!(waiting.count(), 0);
    }
}
