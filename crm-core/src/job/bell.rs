//! How those who wait hear at once: workers of jobs that have become due, watchers of what others commit.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::Stream;
use futures::channel::mpsc::{Receiver, Sender, channel};
use parking_lot::Mutex;

use super::queue::Queue;

/// Rings that wait for a listener; of more it hears that it missed some.
const WAITING: usize = 64;

/// What a listener hears.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ring<T = Queue> {
    /// Something happened to this one, as a job of a queue may have become due.
    Of(T),
    /// Something may have happened to any: the listener missed what was said, or nobody could say.
    Any,
}

/// Tells listeners that something happened. Clones are one bell.
pub struct Bell<T = Queue>(Arc<Mutex<Vec<Heard<T>>>>);

struct Heard<T> {
    rings: Sender<Ring<T>>,
    missed: Arc<Mutex<bool>>,
}

/// Hears a bell. It never ends while the bell is there.
pub struct Listener<T = Queue> {
    rings: Receiver<Ring<T>>,
    missed: Arc<Mutex<bool>>,
}

impl<T> Clone for Bell<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Bell<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone> Bell<T> {
    /// A bell that nobody hears yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Rings.
    pub fn ring(&self, ring: &Ring<T>) {
        self.0.lock().retain_mut(|heard| match heard.rings.try_send(ring.clone()) {
            Ok(()) => true,
            Err(error) if error.is_full() => {
                *heard.missed.lock() = true;
                true
            }
            Err(_) => false,
        });
    }

    /// Hears it from now on.
    pub fn listen(&self) -> Listener<T> {
        let (rings, heard) = channel(WAITING);
        let missed = Arc::default();
        self.0.lock().push(Heard { rings, missed: Arc::clone(&missed) });
        Listener { rings: heard, missed }
    }
}

impl<T> Stream for Listener<T> {
    type Item = Ring<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Ring<T>>> {
        if std::mem::take(&mut *self.missed.lock()) {
            return Poll::Ready(Some(Ring::Any));
        }
        Pin::new(&mut self.rings).poll_next(context)
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, StreamExt as _};

    use super::*;

    #[test]
    fn whoever_cannot_follow_hears_that_it_missed_something() {
        let bell = Bell::new();
        let mut listener = bell.listen();
        assert!(listener.next().now_or_never().is_none());
        bell.ring(&Ring::Of(Queue::EMAIL));
        assert_eq!(listener.next().now_or_never(), Some(Some(Ring::Of(Queue::EMAIL))));
        (0..1_000).for_each(|_| bell.ring(&Ring::Of(Queue::AI)));
        assert_eq!(listener.next().now_or_never(), Some(Some(Ring::Any)));
        assert_eq!(listener.next().now_or_never(), Some(Some(Ring::Of(Queue::AI))));
    }

    #[test]
    fn whoever_went_away_is_forgotten() {
        let bell = Bell::new();
        drop(bell.listen());
        bell.ring(&Ring::Of(Queue::AI));
        assert!(bell.0.lock().is_empty());
    }
}
