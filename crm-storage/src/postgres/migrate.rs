//! The schema's versions on PostgreSQL.

use crm_core::{ErrorKind, Result};
use diesel::OptionalExtension as _;
use diesel::sql_types::{Bool, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl as _, SimpleAsyncConnection as _};

use super::pool::Pools;
use crate::fault::Outcome;
use crate::migration::{self, Migrated, Migration, SchemaInfo};

pub(super) const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        min_binary: 1,
        up: include_str!("../../migrations/postgres/0001_init/up.sql"),
        down: include_str!("../../migrations/postgres/0001_init/down.sql"),
    },
    Migration {
        version: 2,
        min_binary: 1,
        up: include_str!("../../migrations/postgres/0002_members/up.sql"),
        down: include_str!("../../migrations/postgres/0002_members/down.sql"),
    },
    Migration {
        version: 3,
        min_binary: 2,
        up: include_str!("../../migrations/postgres/0003_deals/up.sql"),
        down: include_str!("../../migrations/postgres/0003_deals/down.sql"),
    },
    Migration {
        version: 4,
        min_binary: 2,
        up: include_str!("../../migrations/postgres/0004_pipelines/up.sql"),
        down: include_str!("../../migrations/postgres/0004_pipelines/down.sql"),
    },
    Migration {
        version: 5,
        min_binary: 2,
        up: include_str!("../../migrations/postgres/0005_board/up.sql"),
        down: include_str!("../../migrations/postgres/0005_board/down.sql"),
    },
    Migration {
        version: 6,
        min_binary: 2,
        up: include_str!("../../migrations/postgres/0006_estimates/up.sql"),
        down: include_str!("../../migrations/postgres/0006_estimates/down.sql"),
    },
    Migration {
        version: 7,
        min_binary: 2,
        up: include_str!("../../migrations/postgres/0007_tasks/up.sql"),
        down: include_str!("../../migrations/postgres/0007_tasks/down.sql"),
    },
    Migration {
        version: 8,
        min_binary: 2,
        up: include_str!("../../migrations/postgres/0008_exchange_rates/up.sql"),
        down: include_str!("../../migrations/postgres/0008_exchange_rates/down.sql"),
    },
    Migration {
        version: 9,
        min_binary: 3,
        up: include_str!("../../migrations/postgres/0009_forecast/up.sql"),
        down: include_str!("../../migrations/postgres/0009_forecast/down.sql"),
    },
    Migration {
        version: 10,
        min_binary: 3,
        up: include_str!("../../migrations/postgres/0010_queues/up.sql"),
        down: include_str!("../../migrations/postgres/0010_queues/down.sql"),
    },
    Migration {
        version: 11,
        min_binary: 3,
        up: include_str!("../../migrations/postgres/0011_webhooks/up.sql"),
        down: include_str!("../../migrations/postgres/0011_webhooks/down.sql"),
    },
    Migration {
        version: 12,
        min_binary: 3,
        up: include_str!("../../migrations/postgres/0012_mail/up.sql"),
        down: include_str!("../../migrations/postgres/0012_mail/down.sql"),
    },
    Migration {
        version: 13,
        min_binary: 3,
        up: include_str!("../../migrations/postgres/0013_claims/up.sql"),
        down: include_str!("../../migrations/postgres/0013_claims/down.sql"),
    },
    Migration {
        version: 14,
        min_binary: 4,
        up: include_str!("../../migrations/postgres/0014_series/up.sql"),
        down: include_str!("../../migrations/postgres/0014_series/down.sql"),
    },
    Migration {
        version: 15,
        min_binary: 4,
        up: include_str!("../../migrations/postgres/0015_delivery_states/up.sql"),
        down: include_str!("../../migrations/postgres/0015_delivery_states/down.sql"),
    },
    Migration {
        version: 16,
        min_binary: 4,
        up: include_str!("../../migrations/postgres/0016_mail_log/up.sql"),
        down: include_str!("../../migrations/postgres/0016_mail_log/down.sql"),
    },
    Migration {
        version: 17,
        min_binary: 5,
        up: include_str!("../../migrations/postgres/0017_reports/up.sql"),
        down: include_str!("../../migrations/postgres/0017_reports/down.sql"),
    },
    Migration {
        version: 18,
        min_binary: 5,
        up: include_str!("../../migrations/postgres/0018_filters/up.sql"),
        down: include_str!("../../migrations/postgres/0018_filters/down.sql"),
    },
    Migration {
        version: 19,
        min_binary: 5,
        up: include_str!("../../migrations/postgres/0019_newest/up.sql"),
        down: include_str!("../../migrations/postgres/0019_newest/down.sql"),
    },
];

/// How often the table of versions is made anew where somebody else was making it too.
const TRIES: u32 = 5;

#[derive(diesel::QueryableByName)]
struct InfoRow {
    #[diesel(sql_type = Integer)]
    version: i32,
    #[diesel(sql_type = Integer)]
    min_binary: i32,
}

#[derive(diesel::QueryableByName)]
struct ExistsRow {
    #[diesel(sql_type = Bool)]
    found: bool,
}

/// Brings the schema up to date in one transaction. Of two programs that start at once the second
/// waits for the lock on the table of versions, which is the schema's own, however long the first one
/// takes, and finds it done.
pub(super) async fn up(pools: &Pools) -> Result<Migrated> {
    // Most starts find nothing to do, and need no right to change the schema.
    let found = pools.read(async move |connection: &mut AsyncPgConnection| info(connection).await).await?;
    if found.check_binary()?.is_current(MIGRATIONS) {
        return Ok(Migrated { from: found.version, to: found.version });
    }
    make_info(pools).await?;
    pools
        .unhurried(async move |connection: &mut AsyncPgConnection| {
            unhurried(connection).await?;
            lock(connection).await?;
            let from = info(connection).await?.check_binary()?.version;
            for step in migration::pending(MIGRATIONS, from) {
                connection.batch_execute(step.up).await?;
                connection.batch_execute(&migration::note(step.version, step.min_binary)).await?;
            }
            Ok(Migrated { from, to: from.max(migration::newest(MIGRATIONS)) })
        })
        .await
}

/// Takes the last migration back, with everything that it made.
pub(super) async fn down(pools: &Pools) -> Result<Migrated> {
    pools
        .unhurried(async move |connection: &mut AsyncPgConnection| {
            unhurried(connection).await?;
            lock(connection).await?;
            let from = info(connection).await?.check_binary()?.version;
            let Some(last) = MIGRATIONS.iter().find(|step| step.version == from) else {
                return Ok(Migrated { from, to: from });
            };
            let before = migration::before(MIGRATIONS, from);
            connection.batch_execute(last.down).await?;
            let note = migration::note(before.version, before.min_binary);
            connection.batch_execute(&note).await?;
            Ok(Migrated { from, to: before.version })
        })
        .await
}

/// Fails unless the schema is one that this program works on.
pub(super) async fn ready(pools: &Pools) -> Result<()> {
    let found = pools.read(async move |connection: &mut AsyncPgConnection| info(connection).await).await?;
    found.check_ready(MIGRATIONS)
}

/// Makes the table of versions. Two makers at once collide in the catalogue even with IF NOT EXISTS;
/// the second then finds the table of the first.
async fn make_info(pools: &Pools) -> Result<()> {
    let mut tries = TRIES;
    loop {
        let made = pools
            .unhurried(async move |connection: &mut AsyncPgConnection| {
                // Whoever migrates already holds the table against the row.
                unhurried(connection).await?;
                connection.batch_execute(migration::CREATE_INFO).await?;
                connection.batch_execute(migration::FILL_INFO).await?;
                Ok(())
            })
            .await;
        tries -= 1;
        match made {
            Err(error) if error.kind() == ErrorKind::Conflict && tries > 0 => {}
            made => return made,
        }
    }
}

/// Takes the limits of a connection off the transaction: a migration of many rows takes its time, and so
/// does whoever waits for it.
async fn unhurried(connection: &mut AsyncPgConnection) -> Outcome<()> {
    connection.batch_execute("SET LOCAL lock_timeout = 0; SET LOCAL statement_timeout = 0").await?;
    Ok(())
}

async fn lock(connection: &mut AsyncPgConnection) -> Outcome<()> {
    connection.batch_execute("LOCK TABLE schema_info IN EXCLUSIVE MODE").await?;
    Ok(())
}

async fn info(connection: &mut AsyncPgConnection) -> Outcome<SchemaInfo> {
    let exists: ExistsRow =
        diesel::sql_query("SELECT to_regclass('schema_info') IS NOT NULL AS found").get_result(connection).await?;
    if !exists.found {
        return Ok(SchemaInfo::default());
    }
    let row: Option<InfoRow> =
        diesel::sql_query("SELECT version, min_binary FROM schema_info").get_result(connection).await.optional()?;
    Ok(row.map_or_else(SchemaInfo::default, |row| SchemaInfo { version: row.version, min_binary: row.min_binary }))
}
