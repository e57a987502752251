//! SQLite's errors, as the engine names them.

use crm_core::Error;
use diesel::result::DatabaseErrorInformation;

use crate::fault::Fault;

/// The engine's error.
pub(crate) fn settle(fault: Fault) -> Error {
    fault.into_error(unknown)
}

/// Whether another process holds the whole file: whoever waits gets it.
pub(super) fn is_locked(error: &Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.to_string() == "database is locked")
}

/// What Diesel has no kind for; SQLite's messages are fixed texts.
fn unknown(information: &dyn DatabaseErrorInformation) -> Option<Error> {
    let message = information.message();
    let is = |text: &str| message.contains(text);
    if is("interrupted") {
        return Some(Error::unavailable("the deadline for this list has passed"));
    }
    if is("locked") || is("busy") {
        return Some(Error::unavailable("another process is writing"));
    }
    if is("disk is full") || is("disk I/O error") || is("unable to open") || is("readonly database") {
        return Some(Error::unavailable("the database file cannot be read or written"));
    }
    None
}

#[cfg(test)]
mod tests {
    use crm_core::{ErrorKind, Result};
    use diesel::SqliteConnection;
    use diesel::connection::SimpleConnection as _;

    use super::super::pool::Pools;
    use crate::options::Options;

    async fn run(pools: &Pools, sql: &'static str) -> Result<()> {
        pools.write(async move |connection: &mut SqliteConnection| Ok(connection.batch_execute(sql)?)).await
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_file_without_room_can_be_asked_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("full.db").to_string_lossy().into_owned();
        let pools = Pools::open(path, Options::default()).unwrap();
        run(&pools, "CREATE TABLE t (n BLOB)").await.unwrap();
        let insert = "INSERT INTO t VALUES (zeroblob(100000))";
        // No more pages than there are.
        run(&pools, "PRAGMA max_page_count = 1").await.unwrap();
        let error = run(&pools, insert).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Unavailable && error.is_retryable(), "{error:?}");
        assert_eq!(std::error::Error::source(&error).unwrap().to_string(), "database or disk is full");
        run(&pools, "PRAGMA max_page_count = 1000000").await.unwrap();
        run(&pools, insert).await.unwrap();
    }
}
