//! Which statements of lists come so often that connections keep them prepared.
//!
//! SQLite reads and plans a list's statement in some 100 µs, as long as it takes to read a short
//! page. A filter can take any shape, and Diesel's cache forgets nothing: so a shape is kept once it
//! has come a few times, and so many and no more are.

use std::collections::HashMap;

use parking_lot::Mutex;

/// How often a shape has come when it is kept.
const OFTEN: u8 = 4;
/// Most shapes that are kept.
const KEPT: usize = 128;
/// Most shapes that are counted at once.
const COUNTED: usize = 4_096;

/// The shapes of statements, by a digest of their text.
#[derive(Debug, Default)]
pub(super) struct Shapes(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    counts: HashMap<u64, u8>,
    kept: usize,
}

impl Shapes {
    /// Counts a shape that comes, and says whether it is kept.
    pub(super) fn comes(&self, shape: u64) -> bool {
        let Counts { counts, kept } = &mut *self.0.lock();
        if counts.len() >= COUNTED {
            counts.retain(|_, count| *count >= OFTEN);
        }
        let has_room = *kept < KEPT;
        let count = counts.entry(shape).or_default();
        if *count < OFTEN && (*count + 1 < OFTEN || has_room) {
            *count += 1;
            *kept += usize::from(*count == OFTEN);
        }
        *count == OFTEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_often_is_kept_and_what_comes_once_is_not() {
        let shapes = Shapes::default();
        let answers: Vec<bool> = (0..6).map(|_| shapes.comes(1)).collect();
        assert_eq!(answers, [false, false, false, true, true, true]);
        assert!((100..100_000).all(|shape| !shapes.comes(shape)));
        assert!(shapes.comes(1));
        assert!(shapes.0.lock().counts.len() <= COUNTED);
    }

    #[test]
    fn so_many_are_kept_and_no_more() {
        let shapes = Shapes::default();
        let kept = (0..1_000).filter(|shape| (0..10).any(|_| shapes.comes(*shape))).count();
        assert_eq!(kept, KEPT);
        assert!(shapes.comes(0) && !shapes.comes(999));
    }
}
