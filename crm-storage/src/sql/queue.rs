//! How queues stand.

use std::collections::{BTreeMap, BTreeSet};

use crm_core::Timestamp;
use crm_core::job::{COUNTED_SECONDS, Latency, MEASURED, Queue, QueuePause, QueueState};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::fragment::{Fragment, Statement};
use super::{Conn, RunQueryDsl, dialect};
use crate::fault::Outcome;
use crate::schema::paused_queues;
use crate::types::{DbTime, Ts};

/// Most jobs whose times are read: those that ended last, of all queues.
const READ: i64 = 10_000;

/// The states of queues, made one by one.
#[derive(Default)]
struct States(BTreeMap<Queue, QueueState>);

impl States {
    fn of(&mut self, name: &str) -> Option<&mut QueueState> {
        // Nobody writes another name.
        let queue: Queue = name.parse().ok()?;
        Some(self.0.entry(queue.clone()).or_insert_with(|| QueueState::empty(queue)))
    }
}

/// Pauses a queue or lets it go on, tells workers so, and gives the number of rows: none where it is so already.
pub(super) async fn turn(conn: &mut Conn, workspace: i64, pause: &QueuePause) -> Outcome<usize> {
    let name = pause.queue.name();
    let rows = match pause.paused_at {
        Some(at) => {
            let row = (
                paused_queues::workspace_id.eq(workspace),
                paused_queues::queue.eq(name),
                paused_queues::paused_at.eq(DbTime(at)),
            );
            diesel::insert_into(paused_queues::table).values(row).on_conflict_do_nothing().execute(conn).await?
        }
        None => {
            let own = paused_queues::table.filter(paused_queues::workspace_id.eq(workspace));
            diesel::delete(own.filter(paused_queues::queue.eq(name))).execute(conn).await?
        }
    };
    dialect::tell_of_jobs(conn, &BTreeSet::from([&pause.queue])).await?;
    Ok(rows)
}

/// Since when a queue is paused.
pub(super) async fn paused_since(conn: &mut Conn, workspace: i64, queue: &Queue) -> Outcome<Option<Timestamp>> {
    let own = paused_queues::table.filter(paused_queues::workspace_id.eq(workspace));
    let own = own.filter(paused_queues::queue.eq(queue.name())).select(paused_queues::paused_at);
    let at: Option<DbTime> = own.get_result(conn).await.optional()?;
    Ok(at.map(Timestamp::from))
}

/// How each queue of a workspace stands that holds jobs or is paused.
pub(super) async fn states(conn: &mut Conn, workspace: i64, now: Timestamp) -> Outcome<Vec<QueueState>> {
    let mut states = States::default();
    waiting(conn, workspace, now, &mut states).await?;
    others(conn, workspace, now, &mut states).await?;
    measure(conn, workspace, now, &mut states).await?;
    let own = paused_queues::table.filter(paused_queues::workspace_id.eq(workspace));
    let paused = own.select((paused_queues::queue, paused_queues::paused_at));
    let paused: Vec<(String, DbTime)> = paused.load(conn).await?;
    for (name, at) in paused {
        states.of(&name).into_iter().for_each(|state| state.paused_at = Some(at.into()));
    }
    Ok(states.0.into_values().collect())
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

async fn waiting(conn: &mut Conn, workspace: i64, now: Timestamp, states: &mut States) -> Outcome<()> {
    let waiting = Fragment::new("SELECT queue, count(*), count(CASE WHEN due_at <= ")
        .bind(DbTime(now))
        .sql(" THEN 1 END), min(due_at) FROM jobs WHERE state = 'queued' AND workspace_id = ")
        .bind(workspace)
        .sql(" GROUP BY queue");
    let rows: Vec<(String, i64, i64, Option<DbTime>)> =
        Statement::<(Text, BigInt, BigInt, Nullable<Ts>)>::new(waiting.fixed()).load(conn).await?;
    for (name, all, due, first) in rows {
        let Some(state) = states.of(&name) else { continue };
        state.counts.queued = count(due);
        state.counts.scheduled = count(all - due);
        state.waiting_since = first.filter(|_| due > 0).map(Timestamp::from);
    }
    Ok(())
}

async fn others(conn: &mut Conn, workspace: i64, now: Timestamp, states: &mut States) -> Outcome<()> {
    let others = Fragment::new("SELECT queue, state, count(*) FROM jobs WHERE state = 'running' AND workspace_id = ")
        .bind(workspace)
        .sql(" GROUP BY queue, state UNION ALL ")
        .sql("SELECT queue, state, count(*) FROM jobs WHERE state = 'failed' AND workspace_id = ")
        .bind(workspace)
        .sql(" GROUP BY queue, state UNION ALL ")
        .sql("SELECT queue, state, count(*) FROM jobs WHERE state IN ('done', 'cancelled') AND workspace_id = ")
        .bind(workspace)
        .sql(" AND finished_at > ")
        .bind(DbTime(now.plus_seconds(-COUNTED_SECONDS)))
        .sql(" GROUP BY queue, state");
    let rows: Vec<(String, String, i64)> = Statement::<(Text, Text, BigInt)>::new(others.fixed()).load(conn).await?;
    for (name, how, jobs) in rows {
        let Some(state) = states.of(&name) else { continue };
        let counts = &mut state.counts;
        match how.as_str() {
            "running" => counts.running = count(jobs),
            "failed" => counts.failed = count(jobs),
            "done" => counts.done = count(jobs),
            _ => counts.cancelled = count(jobs),
        }
    }
    Ok(())
}

async fn measure(conn: &mut Conn, workspace: i64, now: Timestamp, states: &mut States) -> Outcome<()> {
    let ended = Fragment::new("SELECT queue, run_at, started_at, finished_at FROM jobs WHERE workspace_id = ")
        .bind(workspace)
        .sql(" AND finished_at > ")
        .bind(DbTime(now.plus_seconds(-COUNTED_SECONDS)))
        .sql(" AND state = 'done' AND run_at IS NOT NULL AND started_at IS NOT NULL ORDER BY finished_at DESC LIMIT ")
        .bind(READ);
    let rows: Vec<(String, DbTime, DbTime, DbTime)> =
        Statement::<(Text, Ts, Ts, Ts)>::new(ended.fixed()).load(conn).await?;
    let mut measured: BTreeMap<String, Vec<(i64, i64)>> = BTreeMap::new();
    for (name, due, started, ended) in rows {
        let own = measured.entry(name).or_default();
        if own.len() < MEASURED {
            own.push((started.0.micros() - due.0.micros(), ended.0.micros() - started.0.micros()));
        }
    }
    for (name, measured) in measured {
        states.of(&name).into_iter().for_each(|state| state.latency = Latency::of(&measured));
    }
    Ok(())
}
