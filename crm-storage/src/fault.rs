//! What can go wrong inside; each database's `error.rs` turns it into the engine's error.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

use crm_core::Error;

/// An error on its way to the border.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// Decided by a room: a conflict, an absent record.
    #[error(transparent)]
    Core(#[from] Error),
    /// From the database.
    #[error(transparent)]
    Database(#[from] DieselError),
    /// No connection.
    #[error(transparent)]
    Connect(#[from] diesel::ConnectionError),
    /// A row that does not read as what it should be.
    #[error("a row does not read: {0}")]
    Row(#[from] serde_json::Error),
    /// The time for a read is over.
    #[error("the deadline has passed")]
    Late,
    /// Others held for too long what a write needs, which was not begun or is taken back.
    #[error("others were in the way for too long")]
    Waited,
    /// The time for a write is over, which may be written all the same.
    #[error("a write was not answered")]
    #[cfg_attr(all(feature = "sqlite", not(feature = "postgres")), expect(dead_code, reason = "a file answers"))]
    Unanswered,
    /// A defect of this crate.
    #[error("{0}")]
    Defect(&'static str),
}

/// Result inside the store.
pub(crate) type Outcome<T> = std::result::Result<T, Fault>;

impl Fault {
    /// The engine's error; `unknown` reads what Diesel has no kind for.
    pub(crate) fn into_error(self, unknown: fn(&dyn DatabaseErrorInformation) -> Option<Error>) -> Error {
        match self {
            Fault::Core(error) => error,
            Fault::Late => Error::unavailable("the deadline for this list has passed"),
            Fault::Waited => Error::unavailable("other writes took too long, and nothing is written of this one"),
            Fault::Unanswered => {
                Error::unavailable("the database did not answer in time: nobody knows whether the change is written")
            }
            Fault::Connect(source) => Error::unavailable("the database cannot be reached").with_source(source),
            Fault::Database(DieselError::DatabaseError(kind, information)) => {
                database_error(kind, information.as_ref(), unknown)
                    .with_source(DieselError::DatabaseError(kind, information))
            }
            Fault::Database(DieselError::BrokenTransactionManager) => {
                Error::unavailable("the connection to the database was lost")
            }
            Fault::Database(source) => Error::internal(source),
            Fault::Row(source) => Error::internal(source),
            Fault::Defect(what) => Error::internal(what),
        }
    }
}

fn database_error(
    kind: DatabaseErrorKind,
    information: &dyn DatabaseErrorInformation,
    unknown: fn(&dyn DatabaseErrorInformation) -> Option<Error>,
) -> Error {
    match kind {
        DatabaseErrorKind::UniqueViolation => {
            Error::conflict("a record with this value exists already").with_code("duplicate")
        }
        DatabaseErrorKind::ForeignKeyViolation => {
            Error::invalid("reference", "not_found", "points to a record that the workspace does not hold")
        }
        DatabaseErrorKind::SerializationFailure => Error::conflict("somebody else was faster"),
        DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::UnableToSendCommand
        | DatabaseErrorKind::ReadOnlyTransaction => Error::unavailable("the database cannot be reached"),
        _ => unknown(information).unwrap_or_else(|| Error::new(crm_core::ErrorKind::Internal, "internal error")),
    }
}
