//! The schema's versions on SQLite.

use std::time::{Duration, Instant};

use crm_core::Result;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Integer;
use diesel::{OptionalExtension as _, QueryableByName, RunQueryDsl as _, SqliteConnection};
use tokio::runtime::Handle;

use super::error::is_locked;
use super::pool::Pools;
use crate::fault::Outcome;
use crate::migration::{self, Migrated, Migration, SchemaInfo};

pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        min_binary: 1,
        up: include_str!("../../migrations/sqlite/0001_init/up.sql"),
        down: include_str!("../../migrations/sqlite/0001_init/down.sql"),
    },
    Migration {
        version: 2,
        min_binary: 1,
        up: include_str!("../../migrations/sqlite/0002_members/up.sql"),
        down: include_str!("../../migrations/sqlite/0002_members/down.sql"),
    },
    Migration {
        version: 3,
        min_binary: 2,
        up: include_str!("../../migrations/sqlite/0003_deals/up.sql"),
        down: include_str!("../../migrations/sqlite/0003_deals/down.sql"),
    },
    Migration {
        version: 4,
        min_binary: 2,
        up: include_str!("../../migrations/sqlite/0004_pipelines/up.sql"),
        down: include_str!("../../migrations/sqlite/0004_pipelines/down.sql"),
    },
    Migration {
        version: 5,
        min_binary: 2,
        up: include_str!("../../migrations/sqlite/0005_board/up.sql"),
        down: include_str!("../../migrations/sqlite/0005_board/down.sql"),
    },
    Migration {
        version: 6,
        min_binary: 2,
        up: include_str!("../../migrations/sqlite/0006_estimates/up.sql"),
        down: include_str!("../../migrations/sqlite/0006_estimates/down.sql"),
    },
    Migration {
        version: 7,
        min_binary: 2,
        up: include_str!("../../migrations/sqlite/0007_tasks/up.sql"),
        down: include_str!("../../migrations/sqlite/0007_tasks/down.sql"),
    },
    Migration {
        version: 8,
        min_binary: 2,
        up: include_str!("../../migrations/sqlite/0008_exchange_rates/up.sql"),
        down: include_str!("../../migrations/sqlite/0008_exchange_rates/down.sql"),
    },
    Migration {
        version: 9,
        min_binary: 3,
        up: include_str!("../../migrations/sqlite/0009_forecast/up.sql"),
        down: include_str!("../../migrations/sqlite/0009_forecast/down.sql"),
    },
    Migration {
        version: 10,
        min_binary: 3,
        up: include_str!("../../migrations/sqlite/0010_queues/up.sql"),
        down: include_str!("../../migrations/sqlite/0010_queues/down.sql"),
    },
    Migration {
        version: 11,
        min_binary: 3,
        up: include_str!("../../migrations/sqlite/0011_webhooks/up.sql"),
        down: include_str!("../../migrations/sqlite/0011_webhooks/down.sql"),
    },
    Migration {
        version: 12,
        min_binary: 3,
        up: include_str!("../../migrations/sqlite/0012_mail/up.sql"),
        down: include_str!("../../migrations/sqlite/0012_mail/down.sql"),
    },
    Migration {
        version: 13,
        min_binary: 3,
        up: include_str!("../../migrations/sqlite/0013_claims/up.sql"),
        down: include_str!("../../migrations/sqlite/0013_claims/down.sql"),
    },
    Migration {
        version: 14,
        min_binary: 4,
        up: include_str!("../../migrations/sqlite/0014_series/up.sql"),
        down: include_str!("../../migrations/sqlite/0014_series/down.sql"),
    },
    Migration {
        version: 15,
        min_binary: 4,
        up: include_str!("../../migrations/sqlite/0015_delivery_states/up.sql"),
        down: include_str!("../../migrations/sqlite/0015_delivery_states/down.sql"),
    },
    Migration {
        version: 16,
        min_binary: 4,
        up: include_str!("../../migrations/sqlite/0016_mail_log/up.sql"),
        down: include_str!("../../migrations/sqlite/0016_mail_log/down.sql"),
    },
    Migration {
        version: 17,
        min_binary: 5,
        up: include_str!("../../migrations/sqlite/0017_reports/up.sql"),
        down: include_str!("../../migrations/sqlite/0017_reports/down.sql"),
    },
    Migration {
        version: 18,
        min_binary: 5,
        up: include_str!("../../migrations/sqlite/0018_filters/up.sql"),
        down: include_str!("../../migrations/sqlite/0018_filters/down.sql"),
    },
    Migration {
        version: 19,
        min_binary: 5,
        up: include_str!("../../migrations/sqlite/0019_newest/up.sql"),
        down: include_str!("../../migrations/sqlite/0019_newest/down.sql"),
    },
];

/// How long a migration waits for another program, which may be migrating the same file.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long it rests between two attempts, beside the store's patience, which each of them has.
const REST: Duration = Duration::from_millis(50);

#[derive(QueryableByName)]
struct InfoRow {
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Integer)]
    min_binary: i32,
}

/// Brings the schema up to date in one transaction. Of two programs that start at once the second
/// waits for up to ten minutes, and finds it done.
pub(super) async fn up(pools: &Pools) -> Result<Migrated> {
    // Most starts find nothing to do, and need not wait for another program's writes.
    let found = pools.read(async move |connection: &mut SqliteConnection| info(connection)).await?.check_binary()?;
    if found.is_current(MIGRATIONS) {
        return Ok(Migrated { from: found.version, to: found.version });
    }
    patiently(pools, climb).await
}

fn climb(connection: &mut SqliteConnection) -> Outcome<Migrated> {
    connection.batch_execute(&format!("{}; {}", migration::CREATE_INFO, migration::FILL_INFO))?;
    let from = info(connection)?.check_binary()?.version;
    for step in migration::pending(MIGRATIONS, from) {
        connection.batch_execute(step.up)?;
        connection.batch_execute(&migration::note(step.version, step.min_binary))?;
    }
    Ok(Migrated { from, to: from.max(migration::newest(MIGRATIONS)) })
}

/// Takes the last migration back, with everything that it made.
pub(super) async fn down(pools: &Pools) -> Result<Migrated> {
    patiently(pools, descend).await
}

fn descend(connection: &mut SqliteConnection) -> Outcome<Migrated> {
    let from = info(connection)?.check_binary()?.version;
    let Some(last) = MIGRATIONS.iter().find(|step| step.version == from) else {
        return Ok(Migrated { from, to: from });
    };
    let before = migration::before(MIGRATIONS, from);
    connection.batch_execute(last.down)?;
    connection.batch_execute(&migration::note(before.version, before.min_binary))?;
    Ok(Migrated { from, to: before.version })
}

/// Writes as soon as no other program does. Each attempt waits as any write does, so that a program which
/// is told to end meanwhile does not wait for the whole of it.
async fn patiently(pools: &Pools, write: fn(&mut SqliteConnection) -> Outcome<Migrated>) -> Result<Migrated> {
    let until = Instant::now() + PATIENCE;
    loop {
        let done = pools.write(async move |connection: &mut SqliteConnection| write(connection)).await;
        match done {
            Err(error) if is_locked(&error) && Instant::now() < until => {}
            done => return done,
        }
        // Without a runtime the attempts alone pass the time.
        if Handle::try_current().is_ok() {
            tokio::time::sleep(REST).await;
        }
    }
}

/// Fails unless the schema is one that this program works on.
pub(super) async fn ready(pools: &Pools) -> Result<()> {
    let found = pools.read(async move |connection: &mut SqliteConnection| info(connection)).await?;
    found.check_ready(MIGRATIONS)
}

fn info(connection: &mut SqliteConnection) -> Outcome<SchemaInfo> {
    let exists =
        diesel::sql_query("SELECT 1 AS version, 1 AS min_binary FROM sqlite_schema WHERE name = 'schema_info'")
            .get_result::<InfoRow>(connection)
            .optional()?;
    if exists.is_none() {
        return Ok(SchemaInfo::default());
    }
    let row: InfoRow = diesel::sql_query("SELECT version, min_binary FROM schema_info").get_result(connection)?;
    Ok(SchemaInfo { version: row.version, min_binary: row.min_binary })
}
