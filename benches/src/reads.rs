//! Reads of one contact inside this process: by Diesel alone, and through the engine. How long a report takes there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crm_core::contact::Contact;
use crm_core::{Id, Session};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, ExpressionMethods as _, QueryDsl as _, SqliteConnection};
use diesel_async::{AsyncConnection as _, AsyncPgConnection, SimpleAsyncConnection as _};

use crate::load::{Outcome, outcome};
use crate::product::{Failed, Product, Store, spread};

/// Times that a report is asked for; the median counts.
const ASKED: usize = 9;

mod sqlite {
    diesel::table! {
        contacts (workspace_id, id) {
            workspace_id -> BigInt,
            id -> Binary,
            first_name -> Nullable<Text>,
            first_name_key -> Nullable<Text>,
            last_name -> Nullable<Text>,
            last_name_key -> Nullable<Text>,
            email_key -> Nullable<Text>,
            phone -> Nullable<Text>,
            title -> Nullable<Text>,
            title_key -> Nullable<Text>,
            lifecycle -> Text,
            source_key -> Nullable<Text>,
            version -> BigInt,
        }
    }
}

mod postgres {
    diesel::table! {
        contacts (workspace_id, id) {
            workspace_id -> BigInt,
            id -> Uuid,
            first_name -> Nullable<Text>,
            first_name_key -> Nullable<Text>,
            last_name -> Nullable<Text>,
            last_name_key -> Nullable<Text>,
            email_key -> Nullable<Text>,
            phone -> Nullable<Text>,
            title -> Nullable<Text>,
            title_key -> Nullable<Text>,
            lifecycle -> Text,
            source_key -> Nullable<Text>,
            version -> BigInt,
        }
    }
}

type Texts = (
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    String,
    Option<String>,
    i64,
);

/// Diesel alone: on SQLite a thread a core, each with a connection; on PostgreSQL so many
/// connections.
pub(crate) async fn raw(
    product: &Product,
    ids: &Arc<[String]>,
    connections: usize,
    time: Duration,
) -> Result<Outcome, Failed> {
    let mut latencies = Vec::new();
    match product.store {
        Store::Sqlite => {
            let threads: Vec<_> = (0..connections.min(2))
                .map(|start| {
                    let (url, ids) = (product.url.clone(), ids.clone());
                    std::thread::spawn(move || raw_sqlite(&url, &ids, start, time).map_err(|error| error.to_string()))
                })
                .collect();
            for thread in threads {
                latencies.extend(thread.join().map_err(|_| "a reader panicked")??);
            }
        }
        Store::Postgres => {
            let mut tasks = Vec::new();
            for start in 0..connections {
                let (url, ids) = (product.url.clone(), ids.clone());
                tasks.push(tokio::spawn(async move {
                    raw_postgres(&url, &ids, start, time).await.map_err(|error| error.to_string())
                }));
            }
            for task in tasks {
                latencies.extend(task.await??);
            }
        }
    }
    Ok(outcome(latencies, time))
}

fn raw_sqlite(url: &str, ids: &[String], start: usize, time: Duration) -> Result<Vec<Duration>, Failed> {
    use diesel::RunQueryDsl as _;
    use sqlite::contacts::dsl::*;

    let mut connection = SqliteConnection::establish(url.trim_start_matches("sqlite://"))?;
    // As much memory as a reader of the store has, or the two would differ in misses, not in work.
    connection.batch_execute("PRAGMA query_only = ON; PRAGMA cache_size = -16000;")?;
    let keys = keys(ids)?;
    let columns = (
        first_name,
        first_name_key,
        last_name,
        last_name_key,
        email_key,
        phone,
        title,
        title_key,
        lifecycle,
        source_key,
        version,
    );
    let mut latencies = Vec::with_capacity(500_000);
    let end = Instant::now() + time;
    for key in keys.iter().cycle().skip(start * 997) {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        let one = contacts.filter(workspace_id.eq(1)).filter(id.eq(key.as_bytes().as_slice()));
        // `first` would bind a limit, for which SQLite prepares the statement anew each time.
        let _row: Texts = one.select(columns).get_result(&mut connection)?;
        latencies.push(sent.elapsed());
    }
    Ok(latencies)
}

async fn raw_postgres(url: &str, ids: &[String], start: usize, time: Duration) -> Result<Vec<Duration>, Failed> {
    use diesel_async::RunQueryDsl as _;
    use postgres::contacts::dsl::*;

    let mut connection = AsyncPgConnection::establish(url).await?;
    let keys = keys(ids)?;
    let columns = (
        first_name,
        first_name_key,
        last_name,
        last_name_key,
        email_key,
        phone,
        title,
        title_key,
        lifecycle,
        source_key,
        version,
    );
    let mut latencies = Vec::with_capacity(100_000);
    let end = Instant::now() + time;
    for key in keys.iter().cycle().skip(start * 997) {
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        let one = contacts.filter(workspace_id.eq(1)).filter(id.eq(*key));
        let _row: Texts = one.select(columns).first(&mut connection).await?;
        latencies.push(sent.elapsed());
    }
    Ok(latencies)
}

fn keys(ids: &[String]) -> Result<Vec<uuid::Uuid>, Failed> {
    Ok(ids.iter().map(|text| uuid::Uuid::try_parse(text)).collect::<Result<_, _>>()?)
}

/// Through the engine, permissions and views included.
pub(crate) async fn core(
    product: &Product,
    ids: &Arc<[String]>,
    connections: usize,
    time: Duration,
) -> Result<Outcome, Failed> {
    let session = product.session().await?;
    let mut tasks = Vec::new();
    for start in 0..connections {
        let (session, ids) = (session.clone(), ids.clone());
        tasks.push(tokio::spawn(async move { through_core(&session, &ids, start as u64 * 997, time).await }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    Ok(outcome(latencies, time))
}

async fn through_core(
    session: &Session,
    ids: &[String],
    start: u64,
    time: Duration,
) -> crm_core::Result<Vec<Duration>> {
    let mut latencies = Vec::with_capacity(100_000);
    let end = Instant::now() + time;
    for n in start.. {
        let id: Id<Contact> = spread(ids, n).parse()?;
        let sent = Instant::now();
        if sent >= end {
            break;
        }
        session.contacts().read(id).await?;
        latencies.push(sent.elapsed());
        if n % 16 == 0 {
            // An inline read never waits, so the others would not get their turn.
            tokio::task::yield_now().await;
        }
    }
    Ok(latencies)
}

/// How long a question to the engine takes: the median of some.
pub(crate) async fn median(mut ask: impl AsyncFnMut() -> crm_core::Result<()>) -> Result<Duration, Failed> {
    let mut times = Vec::new();
    for _ in 0..ASKED {
        let begun = Instant::now();
        ask().await?;
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    Ok(times.get(ASKED / 2).copied().unwrap_or_default())
}

/// Runs statements on a file, which the product may have open too.
pub(crate) fn sqlite_run(url: &str, statements: &str) -> Result<(), Failed> {
    let mut connection = SqliteConnection::establish(url.trim_start_matches("sqlite://"))?;
    Ok(connection.batch_execute(&format!("PRAGMA busy_timeout = 5000; {statements}"))?)
}

/// Runs statements on a server.
pub(crate) async fn postgres_run(url: &str, statement: &str) -> Result<(), Failed> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    Ok(connection.batch_execute(statement).await?)
}

/// Bytes of a whole database.
pub(crate) async fn postgres_bytes(url: &str) -> Result<u64, Failed> {
    use diesel_async::RunQueryDsl as _;

    let mut connection = AsyncPgConnection::establish(url).await?;
    let size = diesel::select(diesel::dsl::sql::<diesel::sql_types::BigInt>("pg_database_size(current_database())"));
    let bytes: i64 = size.get_result(&mut connection).await?;
    Ok(u64::try_from(bytes)?)
}
