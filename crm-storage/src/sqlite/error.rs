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
