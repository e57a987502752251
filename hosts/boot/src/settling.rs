//! Writing what came of jobs: what ends while the write before is under way is written together, and in parts where
//! that fails.

use std::collections::VecDeque;
use std::ops::Range;
use std::time::Duration;

use crm_core::Result;
use crm_core::job::{Settled, Workers};
use tokio::sync::mpsc::UnboundedReceiver;

/// Most jobs of one write.
const MOST: usize = 512;
/// How often a write is tried that fails, with twice the rest each time: for half a minute, in which a server
/// of the database is up again that crashed.
const TRIES: u32 = 12;
/// The first rest.
const REST: Duration = Duration::from_millis(100);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(5);
/// Failures that may pass after which a try is over: the store is away, and whatever is left would wait for it.
const MOST_FAILURES: usize = 2;

/// Writes until nobody is left who could send.
pub(crate) async fn settle_all(workers: Workers, mut ended: UnboundedReceiver<Settled>) {
    let mut batch = Vec::with_capacity(MOST);
    while ended.recv_many(&mut batch, MOST).await > 0 {
        // Nearly in the order in which heartbeats write, so that they seldom wait for each other. No statement over
        // many rows promises one: where PostgreSQL finds the two in each other's way, one fails and is tried again.
        batch.sort_unstable_by_key(|settled| settled.job.id);
        let write = |part: Range<usize>| workers.settle(batch.get(part).unwrap_or_default());
        settle(batch.len(), write, tokio::time::sleep).await;
        batch.clear();
    }
}

/// Writes a batch of so many. A part that fails is written in halves the next time: what cannot be written takes no
/// neighbours along. What is left in the end is done again when its lease ends.
async fn settle<W, R>(jobs: usize, write: impl Fn(Range<usize>) -> W, rest: impl Fn(Duration) -> R)
where
    W: Future<Output = Result<()>>,
    R: Future<Output = ()>,
{
    let mut left = VecDeque::new();
    left.push_back(0..jobs);
    for again in 0..TRIES {
        let (mut halves, mut failures) = (Vec::new(), 0);
        while failures < MOST_FAILURES
            && let Some(part) = left.pop_front()
        {
            let Err(error) = write(part.clone()).await else { continue };
            tracing::warn!(?error, jobs = part.len(), "what came of jobs could not be written; trying again");
            failures += usize::from(error.is_retryable());
            let middle = part.start + part.len() / 2;
            halves.extend([part.start..middle, middle..part.end].into_iter().filter(|half| !half.is_empty()));
        }
        // What was not tried comes first the next time.
        left.extend(halves);
        if left.is_empty() {
            return;
        }
        rest(LONGEST_REST.min(REST * 2_u32.pow(again))).await;
    }
    let jobs: usize = left.iter().map(ExactSizeIterator::len).sum();
    tracing::error!(jobs, "what came of jobs was not written: they are done again");
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use crm_core::Error;
    use parking_lot::Mutex;

    use super::*;

    /// What is written of a full batch and by how many writes, where the store refuses what `refuses` says of a part
    /// and of how often it was waited for.
    async fn written(refuses: impl Fn(&Range<usize>, u32) -> Option<Error>) -> (Vec<usize>, usize) {
        let (written, writes, rests) = (Mutex::new(Vec::<usize>::new()), Mutex::new(0_usize), Mutex::new(0_u32));
        let write = |part: Range<usize>| {
            *writes.lock() += 1;
            ready(match refuses(&part, *rests.lock()) {
                Some(error) => Err(error),
                None => {
                    written.lock().extend(part);
                    Ok(())
                }
            })
        };
        let rest = |_| {
            *rests.lock() += 1;
            ready(())
        };
        settle(MOST, write, rest).await;
        let mut written = written.into_inner();
        written.sort_unstable();
        (written, writes.into_inner())
    }

    #[tokio::test]
    async fn what_cannot_be_written_takes_no_neighbours_along() {
        for refused in [vec![0], vec![MOST - 1], vec![255, 256], vec![3, 100, 101, 400]] {
            let error = || Error::internal("a row that no store takes");
            let (written, _) = written(|part, _| refused.iter().any(|one| part.contains(one)).then(error)).await;
            let wanted: Vec<usize> = (0..MOST).filter(|one| !refused.contains(one)).collect();
            assert_eq!(written, wanted, "{refused:?}");
        }
        // So where the store does not know that it never will.
        for refused in [0, 300, MOST - 1] {
            let error = || Error::unavailable("too long for the time there is");
            let (written, _) = written(|part, _| part.contains(&refused).then(error)).await;
            assert_eq!(written, (0..MOST).filter(|one| *one != refused).collect::<Vec<_>>(), "{refused}");
        }
    }

    #[tokio::test]
    async fn a_store_that_is_away_is_asked_seldom_and_told_all_when_it_is_back() {
        let away = |_: &Range<usize>, rests: u32| (rests + 1 < TRIES).then(|| Error::unavailable("away"));
        let (written, writes) = written(away).await;
        assert_eq!(written, (0..MOST).collect::<Vec<_>>());
        assert!(writes < 64, "{writes}");
    }

    #[tokio::test]
    async fn a_store_that_stays_away_is_given_up() {
        let (written, writes) = written(|_, _| Some(Error::unavailable("away"))).await;
        assert!(written.is_empty() && writes < 64, "{writes}");
    }
}
