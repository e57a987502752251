use std::sync::mpsc;

use crm_core::testkit::PATIENCE;
use diesel::RunQueryDsl as _;
use diesel::connection::{SimpleConnection as _, TransactionManager as _};
use diesel::sql_types::BigInt;

use super::super::pool::Pools;
use super::*;
use crate::options::Options;

#[derive(diesel::QueryableByName)]
struct Sum {
    #[diesel(sql_type = BigInt)]
    sum: i64,
}

async fn pools(folder: &tempfile::TempDir) -> Pools {
    pools_with(folder, Options::default().patience(PATIENCE)).await
}

async fn pools_with(folder: &tempfile::TempDir, options: Options) -> Pools {
    let path = folder.path().join("writer.db").to_string_lossy().into_owned();
    let pools = Pools::open(path, options).unwrap();
    let make = async |connection: &mut SqliteConnection| Ok(connection.batch_execute("CREATE TABLE t (n INTEGER)")?);
    pools.write(make).await.unwrap();
    pools
}

async fn sum(pools: &Pools) -> i64 {
    let sum = "SELECT COALESCE(SUM(n), 0) AS sum FROM t";
    pools.key(async |connection| Ok(diesel::sql_query(sum).get_result::<Sum>(connection)?.sum)).await.unwrap()
}

/// Adds a number, and gives how deep in transactions that was.
fn add(connection: &mut SqliteConnection, number: i64) -> Outcome<u32> {
    connection.batch_execute(&format!("INSERT INTO t VALUES ({number})"))?;
    let status =
        <SqliteConnection as diesel::Connection>::TransactionManager::transaction_manager_status_mut(connection);
    Ok(status.transaction_depth()?.map_or(0, std::num::NonZero::get))
}

/// A write that adds 1 when it is let go, and what lets it go.
fn held(pools: &Pools) -> (tokio::task::JoinHandle<Result<u32>>, mpsc::Sender<()>, oneshot::Receiver<()>) {
    let (go, gone) = mpsc::channel::<()>();
    let (begin, begun) = oneshot::channel();
    let pools = pools.clone();
    let first = tokio::spawn(async move {
        pools
            .write(async move |connection: &mut SqliteConnection| {
                let _ = begin.send(());
                let _ = gone.recv();
                add(connection, 1)
            })
            .await
    });
    (first, go, begun)
}

async fn until_waiting(pools: &Pools, count: u64) {
    while pools.writers_waiting() != count {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_share_a_transaction_and_fail_alone() {
    let folder = tempfile::tempdir().unwrap();
    let pools = pools(&folder).await;
    let (first, go, begun) = held(&pools);
    begun.await.unwrap();
    let writes: Vec<_> = (0..9)
        .map(|index| {
            let pools = pools.clone();
            tokio::spawn(async move {
                let write = async move |connection: &mut SqliteConnection| {
                    let depth = add(connection, 10)?;
                    if index % 3 == 0 { Err(Error::conflict("its own").into()) } else { Ok(depth) }
                };
                pools.write(write).await
            })
        })
        .collect();
    until_waiting(&pools, 9).await;
    go.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap(), 1);
    let mut depths = Vec::new();
    for (index, write) in writes.into_iter().enumerate() {
        match write.await.unwrap() {
            Ok(depth) => depths.push((index, depth)),
            Err(error) => assert!(index % 3 == 0 && error.to_string() == "its own", "{index}: {error}"),
        }
    }
    assert!(depths.iter().map(|(index, _)| index).eq(&[1, 2, 4, 5, 7, 8]), "{depths:?}");
    // On a busy machine the time for taking up others may end before all of them are.
    assert!(depths.iter().any(|(_, depth)| *depth == 2), "{depths:?}");
    assert_eq!(sum(&pools).await, 61);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_given_up_before_its_turn_is_not_done() {
    let folder = tempfile::tempdir().unwrap();
    let pools = pools(&folder).await;
    let (first, go, begun) = held(&pools);
    begun.await.unwrap();
    let second = tokio::spawn({
        let pools = pools.clone();
        async move { pools.write(async |connection: &mut SqliteConnection| add(connection, 10)).await }
    });
    until_waiting(&pools, 1).await;
    second.abort();
    until_waiting(&pools, 0).await;
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    pools.write(async |connection: &mut SqliteConnection| add(connection, 100)).await.unwrap();
    assert_eq!(sum(&pools).await, 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_waits_in_vain_is_told_that_others_were_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let pools = pools_with(&folder, Options::default().patience(Duration::from_secs(1))).await;
    let (first, go, begun) = held(&pools);
    begun.await.unwrap();
    let late = pools.write(async |connection: &mut SqliteConnection| add(connection, 10)).await.unwrap_err();
    assert!(late.kind() == crm_core::ErrorKind::Unavailable && late.is_retryable(), "{late:?}");
    assert_eq!(late.to_string(), settle(Fault::Waited).to_string());
    assert_ne!(late.to_string(), settle(Fault::Late).to_string());
    go.send(()).unwrap();
    first.await.unwrap().unwrap();
    assert_eq!(sum(&pools).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_has_begun_is_carried_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let pools = pools(&folder).await;
    let (first, go, begun) = held(&pools);
    begun.await.unwrap();
    first.abort();
    go.send(()).unwrap();
    pools.write(async |connection: &mut SqliteConnection| add(connection, 10)).await.unwrap();
    assert_eq!(sum(&pools).await, 11);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_takes_its_transaction_along_and_the_next_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let pools = pools(&folder).await;
    let (first, go, begun) = held(&pools);
    begun.await.unwrap();
    let second = tokio::spawn({
        let pools = pools.clone();
        async move { pools.write(async |_: &mut SqliteConnection| -> Outcome<()> { panic!("as a defect would") }).await }
    });
    until_waiting(&pools, 1).await;
    go.send(()).unwrap();
    assert_eq!(first.await.unwrap().unwrap_err().kind(), crm_core::ErrorKind::Unavailable);
    assert_eq!(second.await.unwrap().unwrap_err().kind(), crm_core::ErrorKind::Internal);
    pools.write(async |connection: &mut SqliteConnection| add(connection, 100)).await.unwrap();
    assert_eq!(sum(&pools).await, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_are_merged_once_no_more_come() {
    let folder = tempfile::tempdir().unwrap();
    let pools = pools(&folder).await;
    let make = async |connection: &mut SqliteConnection| {
        let table = "CREATE VIRTUAL TABLE w USING fts5 (words, content='', contentless_delete=1, detail=none)";
        Ok(connection.batch_execute(table)?)
    };
    pools.write(make).await.unwrap();
    let count = async |what: &'static str| {
        let count =
            async |connection: &mut SqliteConnection| Ok(diesel::sql_query(what).get_result::<Sum>(connection)?.sum);
        pools.key(count).await.unwrap()
    };
    let segments = "SELECT COUNT(DISTINCT segid) AS sum FROM w_idx";
    let mut rows = 0;
    // On a machine that stands still, those that came before may be merged by now.
    while rows < 3 || count(segments).await < 2 {
        rows += 1;
        let change = async move |_: &mut SqliteConnection| {
            super::super::indexing::change("w", rows, Some(format!("all w{rows}")));
            Ok(())
        };
        pools.write(change).await.unwrap();
    }
    while count(segments).await > 1 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(count("SELECT COUNT(*) AS sum FROM w WHERE w MATCH 'all'").await, rows);
}
