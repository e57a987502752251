//! The queues of others, measured as ours are: BullMQ on a Redis of its own, Graphile Worker on the same PostgreSQL.
//!
//! `cargo xtask bench --peers` installs their programs (`benches/peers`), starts the Redis, and says where both are.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::jobs::{BATCH, CONCURRENCY, done_at_once, enqueued_in_batches};
use crate::product::{Failed, postgres_database};
use crate::report::{Report, grouped};

/// Where they are.
pub(crate) struct Peers {
    folder: PathBuf,
    redis: String,
}

impl Peers {
    /// Those that the environment names, where it does.
    pub(crate) fn named() -> Option<Self> {
        let folder = std::env::var_os("SLACKCRM_BENCH_PEERS")?.into();
        Some(Self { folder, redis: std::env::var("SLACKCRM_BENCH_REDIS").ok()? })
    }

    /// Has each enqueue and do so many jobs.
    pub(crate) async fn measure(&self, jobs: usize, report: &mut Report) -> Result<(), Failed> {
        self.program("bullmq.mjs", &self.redis, ("BullMQ", "Redis"), jobs, report)?;
        let database = postgres_database("graphile").await?;
        self.program("graphile-worker.mjs", &database, ("Graphile Worker", "PostgreSQL"), jobs, report)
    }

    fn program(
        &self,
        program: &str,
        url: &str,
        (peer, store): (&str, &str),
        jobs: usize,
        report: &mut Report,
    ) -> Result<(), Failed> {
        let mut node = Command::new("node");
        node.arg(self.folder.join(program)).current_dir(&self.folder).env("NODE_ENV", "production");
        node.env("STORE_URL", url).env("JOBS", jobs.to_string());
        node.env("BATCH", BATCH.to_string()).env("CONCURRENCY", CONCURRENCY.to_string());
        let ended = node.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
        if !ended.status.success() {
            return Err(format!("{program} ended with {}", ended.status).into());
        }
        let said: Value = serde_json::from_slice(&ended.stdout)?;
        let rate = |name: &str| said.get(name).and_then(Value::as_f64).ok_or(format!("{program} tells no {name}"));
        let version = said.get("version").and_then(Value::as_str).unwrap_or_default();
        let of_peer = |what: String| format!("{what}, {peer} {version}");
        let (enqueued, done) = (rate("enqueued_per_second")?, rate("done_per_second")?);
        report.figure(&of_peer(enqueued_in_batches()), store, format!("{}/s", grouped(enqueued)));
        report.figure(&of_peer(done_at_once()), store, format!("{}/s", grouped(done)));
        Ok(())
    }
}
