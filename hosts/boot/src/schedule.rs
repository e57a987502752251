//! Jobs that come by the clock.

use std::time::Duration;

use chrono_tz::Tz;
use crm_core::job::NewJob;
use crm_core::workspace::Workspace;
use crm_core::{Actor, Crm, Error, Id, Result, Timestamp, Zone};
use croner::Cron;
use croner::parser::{CronParser, Seconds};

use crate::worker::Asked;

/// How long to rest at most before the clock is read again: it may jump.
const REST: Duration = Duration::from_secs(10);
/// How long to rest after a job could not be enqueued.
const TROUBLE: Duration = Duration::from_secs(1);
/// How long a tick is known again, in seconds: two days, so that a clock which goes back repeats none.
const KNOWN_SECONDS: i64 = 2 * 24 * 60 * 60;

/// A job that is enqueued whenever its time comes: once a tick, however many processes keep the schedule. A
/// tick at which none of them runs is left out.
///
/// The pattern is cron's with five fields (minute, hour, day, month, weekday) in a time zone. Where clocks
/// go forward, a fixed time in the gap comes right after it; where they go back, a fixed time comes once.
#[derive(Clone, Debug)]
pub struct Schedule {
    name: String,
    cron: Cron,
    zone: Tz,
    job: NewJob,
    workspace: Option<Id<Workspace>>,
}

impl Schedule {
    /// Enqueues the job in every workspace. The name tells the schedule from others of the same kind of job.
    ///
    /// # Errors
    /// `Invalid` for a pattern that is none.
    pub fn new(name: &str, pattern: &str, zone: Zone, job: NewJob) -> Result<Self> {
        let cron = CronParser::builder().seconds(Seconds::Disallowed).build().parse(pattern);
        let cron = cron.map_err(|error| Error::invalid("pattern", "cron", format!("{pattern:?}: {error}")))?;
        let zone = zone.name().parse().map_err(Error::internal)?;
        Ok(Self { name: name.to_owned(), cron, zone, job, workspace: None })
    }

    /// In this workspace alone.
    #[must_use]
    pub fn in_workspace(mut self, workspace: Id<Workspace>) -> Self {
        self.workspace = Some(workspace);
        self
    }

    /// The first tick after an instant; none where the pattern never comes.
    pub fn next(&self, after: Timestamp) -> Option<Timestamp> {
        let after = after.utc().with_timezone(&self.zone);
        let next = self.cron.find_next_occurrence(&after, false).ok()?;
        Some(next.with_timezone(&chrono::Utc).into())
    }

    /// Enqueues a tick's job in each workspace, whatever becomes of the others; the first fault is told.
    async fn enqueue(&self, crm: &Crm, tick: Timestamp) -> Result<()> {
        let workspaces = match self.workspace {
            Some(workspace) => vec![workspace],
            None => crm.workspaces().await?.into_iter().map(|workspace| workspace.id).collect(),
        };
        let mut told = Ok(());
        for workspace in workspaces {
            told = told.and(self.enqueue_in(crm, workspace, tick).await);
        }
        told
    }

    async fn enqueue_in(&self, crm: &Crm, workspace: Id<Workspace>, tick: Timestamp) -> Result<()> {
        let session = crm.acting(Actor::system(workspace, "schedule")).await?;
        let job = self.job.clone().unique_for(format!("{} {tick}", self.name), KNOWN_SECONDS);
        session.jobs().enqueue(job).await.map(drop)
    }

    /// Enqueues what came between two instants; of ticks that were slept through the last one is made good.
    async fn make_good(&self, crm: &Crm, seen: Timestamp, now: Timestamp) -> Result<()> {
        let Some(mut tick) = self.next(seen).filter(|tick| *tick <= now) else { return Ok(()) };
        while let Some(later) = self.next(tick).filter(|later| *later <= now) {
            tick = later;
        }
        self.enqueue(crm, tick).await
    }
}

/// Keeps schedules from now on until it is asked to stop, each for itself.
pub(crate) fn keep(crm: Crm, schedules: Vec<Schedule>, asked: Asked) -> impl Future<Output = ()> + Send {
    let start = crm.now();
    keep_on(crm, schedules.into_iter().map(|schedule| (schedule, start)).collect(), asked)
}

async fn keep_on(crm: Crm, mut kept: Vec<(Schedule, Timestamp)>, mut asked: Asked) {
    loop {
        let now = crm.now();
        let mut wait = REST;
        for (schedule, seen) in &mut kept {
            // A clock that went back goes on from where it is: what it repeats is known again.
            *seen = (*seen).min(now);
            match schedule.make_good(&crm, *seen, now).await {
                Ok(()) => *seen = now,
                Err(error) => {
                    tracing::warn!(?error, schedule = schedule.name, "a job could not be enqueued; trying again");
                    wait = wait.min(TROUBLE);
                }
            }
            if let Some(next) = schedule.next(now) {
                let micros = u64::try_from(next.micros().saturating_sub(now.micros())).unwrap_or(0);
                wait = wait.min(Duration::from_micros(micros));
            }
        }
        if !asked.rest(wait).await {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use crm_core::job::{Handler, JobContext, JobError, Policy, Queue};

    use super::*;

    struct Nothing;

    impl Handler for Nothing {
        type Payload = ();
        const KIND: &'static str = "nothing";

        fn policy() -> Policy {
            Policy::on(Queue::SYNC)
        }

        async fn run(&self, _: &JobContext, (): ()) -> Result<(), JobError> {
            Ok(())
        }
    }

    fn ticks(pattern: &str, from: &str, many: usize) -> Vec<String> {
        let zone: Zone = "Europe/Berlin".parse().unwrap();
        let schedule = Schedule::new("test", pattern, zone, Nothing::job(&()).unwrap()).unwrap();
        let mut at: Timestamp = from.parse().unwrap();
        let mut next = || {
            at = schedule.next(at).unwrap();
            at.to_string()[..16].to_owned()
        };
        (0..many).map(|_| next()).collect()
    }

    #[test]
    fn a_time_in_the_gap_of_spring_comes_right_after_it() {
        // 2026-03-29: 02:00 is followed by 03:00, which is 01:00 in UTC.
        assert_eq!(ticks("30 2 * * *", "2026-03-28T12:00:00Z", 2), ["2026-03-29T01:00", "2026-03-30T00:30"]);
    }

    #[test]
    fn a_fixed_time_comes_once_where_an_hour_is_repeated_and_an_interval_each_time() {
        // 2026-10-25: 02:00 to 03:00 comes twice, from 00:00 and from 01:00 in UTC.
        assert_eq!(ticks("30 2 * * *", "2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30", "2026-10-26T01:30"]);
        let every = ticks("*/30 * * * *", "2026-10-24T23:40:00Z", 5);
        let wanted =
            ["2026-10-25T00:00", "2026-10-25T00:30", "2026-10-25T01:00", "2026-10-25T01:30", "2026-10-25T02:00"];
        assert_eq!(every, wanted);
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for wrong in ["", "* * * *", "61 * * * *", "* * * * * *", "never"] {
            let job = Nothing::job(&()).unwrap();
            assert!(Schedule::new("test", wrong, Zone::UTC, job).is_err(), "{wrong}");
        }
    }
}
