//! How many wait for something.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

/// A number of waiting callers; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiting(Arc<AtomicU64>);

/// One of them, until it is dropped.
struct Turn<'a>(&'a Waiting);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Waiting {
    /// Counts a caller as waiting for what is not there at once, until it is there or the caller goes.
    pub(crate) async fn during<T>(&self, waited_for: impl Future<Output = T>) -> T {
        let mut waited_for = pin!(waited_for);
        let at_once = poll_fn(|context| Poll::Ready(waited_for.as_mut().poll(context))).await;
        if let Poll::Ready(there) = at_once {
            return there;
        }
        self.0.fetch_add(1, Ordering::Relaxed);
        let _turn = Turn(self);
        waited_for.await
    }

    /// How many wait now.
    pub(crate) fn count(&self) -> u64 {
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
        assert_eq!(waiting.count(), 0);
    }

    #[tokio::test]
    async fn what_is_there_at_once_is_not_waited_for() {
        let waiting = Waiting::default();
        assert_eq!(waiting.during(async { waiting.count() }).await, 0);
        let late = async {
            tokio::task::yield_now().await;
            waiting.count()
        };
        assert_eq!((waiting.during(late).await, waiting.count()), (1, 0));
    }
}
