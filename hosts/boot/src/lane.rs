//! Queues as one process serves them: how many jobs at once, and how many in a time.

use std::str::FromStr;
use std::time::{Duration, Instant};

use crm_core::job::Queue;

/// Jobs at once of a queue that nobody has said more about.
const CONCURRENCY: u16 = 4;

/// What is added to the wait for a rate, because time is measured in fractions.
const LEAST_WAIT: Duration = Duration::from_micros(100);

/// How a process serves a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    pub(crate) queue: Queue,
    pub(crate) concurrency: u16,
    pub(crate) rate: Option<(u32, Duration)>,
}

impl QueueOptions {
    /// As usual: of mail and the like some at once, of imports and the like few.
    pub fn new(queue: Queue) -> Self {
        let concurrency = match queue.name() {
            "import" | "bulk" | "export" => 2,
            "email" | "notification" => 10,
            "webhook" => 20,
            _ => CONCURRENCY,
        };
        Self { queue, concurrency, rate: None }
    }

    /// So many jobs at once, at least one.
    #[must_use]
    pub fn concurrency(mut self, jobs: u16) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// So many jobs are begun in a time, by this process: others count by themselves. After a rest so many are begun
    /// at once and the next ones evenly, so that one span of that time may see twice as many.
    #[must_use]
    pub fn rate(mut self, jobs: u32, time: Duration) -> Self {
        self.rate = Some((jobs.max(1), time.max(Duration::from_millis(1))));
        self
    }
}

/// The queues that a process serves, as in `email=10,ai=4@60/minute,webhook`: the first number is how many jobs it
/// does at once, the second how many it begins in a second, a minute or an hour, as [`QueueOptions::rate`] has it.
/// Either may be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queues(Vec<QueueOptions>);

impl Default for Queues {
    fn default() -> Self {
        Self(Queue::STANDARD.map(QueueOptions::new).into())
    }
}

impl Queues {
    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &QueueOptions> {
        self.0.iter()
    }
}

impl FromStr for Queues {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let one = |part: &str| {
            let (served, rate) = part.split_once('@').map_or((part, None), |(served, rate)| (served, Some(rate)));
            let (name, number) = served.split_once('=').map_or((served, None), |(name, number)| (name, Some(number)));
            let queue: Queue = name.trim().parse().map_err(|_| format!("{name:?} is not the name of a queue"))?;
            let options = match rate.map(rate_of) {
                None => QueueOptions::new(queue),
                Some(Some((jobs, time))) => QueueOptions::new(queue).rate(jobs, time),
                Some(None) => return Err(format!("{part:?} names no rate as in 100/second, 60/minute or 500/hour")),
            };
            match number.map(|number| number.trim().parse::<u16>()) {
                None => Ok(options),
                Some(Ok(number)) if number > 0 => Ok(options.concurrency(number)),
                Some(_) => Err(format!("{part:?} names no number of jobs from 1 to {}", u16::MAX)),
            }
        };
        let parts = text.split(',').filter(|part| !part.trim().is_empty());
        Ok(Self(parts.map(one).collect::<Result<_, String>>()?))
    }
}

/// The rate that is written as in `60/minute`.
fn rate_of(text: &str) -> Option<(u32, Duration)> {
    let (jobs, time) = text.split_once('/')?;
    let seconds = match time.trim() {
        "second" => 1,
        "minute" => 60,
        "hour" => 60 * 60,
        _ => return None,
    };
    let jobs = jobs.trim().parse::<u32>().ok().filter(|jobs| *jobs > 0)?;
    Some((jobs, Duration::from_secs(seconds)))
}

/// A queue under way.
pub(crate) struct Lane {
    pub(crate) queue: Queue,
    concurrency: u16,
    busy: u16,
    rate: Option<Bucket>,
    /// Whether there may be jobs that are due.
    pub(crate) is_awake: bool,
}

/// What is left of a rate: as much as it allows at once at first, and again in its time.
struct Bucket {
    most: f64,
    refill: Duration,
    left: f64,
    at: Instant,
}

impl Lane {
    pub(crate) fn new(options: &QueueOptions, now: Instant) -> Self {
        let bucket = |(jobs, refill): (u32, Duration)| {
            let most = f64::from(jobs);
            Bucket { most, refill, left: most, at: now }
        };
        let QueueOptions { queue, concurrency, rate } = options.clone();
        Self { queue, concurrency, busy: 0, rate: rate.map(bucket), is_awake: true }
    }

    /// How many jobs it may begin now.
    pub(crate) fn free(&mut self, now: Instant) -> u16 {
        let free = self.concurrency.saturating_sub(self.busy);
        match &mut self.rate {
            Some(bucket) => free.min(bucket.whole(now)),
            None => free,
        }
    }

    /// How long until its rate lets another begin, where it would and that alone keeps it.
    pub(crate) fn next_turn(&mut self, now: Instant) -> Option<Duration> {
        let is_wanted = self.is_awake && self.busy < self.concurrency;
        let bucket = self.rate.as_mut().filter(|_| is_wanted)?;
        match bucket.whole(now) {
            0 => Some(bucket.next()),
            _ => None,
        }
    }

    /// Whether so many are worth a look of their own, rather than to wait for a few more.
    pub(crate) fn is_much(&self, free: u16) -> bool {
        u32::from(free) * 4 >= u32::from(self.concurrency)
    }

    /// Notes jobs that it began.
    pub(crate) fn begin(&mut self, jobs: u16) {
        self.busy = self.busy.saturating_add(jobs);
        self.rate.iter_mut().for_each(|bucket| bucket.left -= f64::from(jobs));
    }

    /// Notes a job that ended.
    pub(crate) fn end(&mut self) {
        self.busy = self.busy.saturating_sub(1);
    }

    pub(crate) fn busy(&self) -> u16 {
        self.busy
    }
}

impl Bucket {
    fn whole(&mut self, now: Instant) -> u16 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + passed / self.refill.as_secs_f64() * self.most).min(self.most);
        self.at = now;
        // Saturates; what is below nothing is nothing.
        self.left as u16
    }

    /// How long until there is one more, not less.
    fn next(&self) -> Duration {
        let missing = (1.0 - self.left).max(0.0);
        Duration::from_secs_f64(missing / self.most * self.refill.as_secs_f64()) + LEAST_WAIT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_named_with_their_numbers() {
        let queues: Queues = "email=7, webhook".parse().unwrap();
        let named: Vec<_> = queues.iter().map(|one| (one.queue.name(), one.concurrency)).collect();
        assert_eq!(named, [("email", 7), ("webhook", 20)]);
        assert_eq!("".parse::<Queues>().unwrap().iter().count(), 0);
        for wrong in ["E-mail", "email=0", "email=x", "email=70000"] {
            assert!(wrong.parse::<Queues>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn queues_are_named_with_their_rates() {
        let queues: Queues = "ai=4@60/minute, webhook@100/second,sync = 2 @ 500 / hour,email".parse().unwrap();
        let named: Vec<_> = queues.iter().map(|one| (one.queue.name(), one.concurrency, one.rate)).collect();
        let rate = |jobs: u32, seconds: u64| Some((jobs, Duration::from_secs(seconds)));
        let wanted = [("ai", 4, rate(60, 60)), ("webhook", 20, rate(100, 1)), ("sync", 2, rate(500, 3_600))];
        assert_eq!(named[..3], wanted);
        assert_eq!(named[3], ("email", 10, None));
        for wrong in ["ai@", "ai@60", "ai@0/minute", "ai@60/day", "ai@x/minute", "ai=4@60/minute@1/hour", "ai@6=4/hour"]
        {
            assert!(wrong.parse::<Queues>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rate_gives_so_many_at_once_and_again_in_its_time() {
        let now = Instant::now();
        let options = QueueOptions::new(Queue::AI).concurrency(100).rate(10, Duration::from_secs(10));
        let mut lane = Lane::new(&options, now);
        assert_eq!(lane.free(now), 10);
        lane.begin(10);
        (0..10).for_each(|_| lane.end());
        assert_eq!(lane.free(now), 0);
        assert_eq!(lane.free(now + Duration::from_millis(2_500)), 2);
        assert_eq!(lane.free(now + Duration::from_secs(60)), 10);
    }

    #[test]
    fn a_rate_says_when_the_next_may_begin() {
        for (jobs, span) in [(1, 20), (10, 100), (1, 10_000), (1_000, 1_000)] {
            let now = Instant::now();
            let options = QueueOptions::new(Queue::AI).concurrency(2_000).rate(jobs, Duration::from_millis(span));
            let mut lane = Lane::new(&options, now);
            assert_eq!(lane.next_turn(now), None);
            lane.begin(u16::try_from(jobs).unwrap());
            let wait = lane.next_turn(now).unwrap();
            assert!(wait >= Duration::from_millis(span) / jobs, "{wait:?}");
            assert!(wait <= Duration::from_millis(span) / jobs + LEAST_WAIT * 2, "{wait:?}");
            assert!(lane.free(now + wait) >= 1);
            // Whoever has nothing to do waits for no turn.
            lane.is_awake = false;
            assert_eq!(lane.next_turn(now), None);
        }
    }

    #[test]
    fn no_more_are_begun_than_at_once() {
        let now = Instant::now();
        let mut lane = Lane::new(&QueueOptions::new(Queue::AI).concurrency(2), now);
        lane.begin(2);
        assert_eq!(lane.free(now), 0);
        lane.end();
        assert_eq!((lane.free(now), lane.busy()), (1, 1));
    }
}
