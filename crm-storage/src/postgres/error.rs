//! PostgreSQL's errors, as the engine names them.

use crm_core::Error;
use diesel::result::DatabaseErrorInformation;

use crate::fault::Fault;

/// The engine's error.
pub(crate) fn settle(fault: Fault) -> Error {
    fault.into_error(unknown)
}

/// What Diesel has no kind for. It keeps no SQLSTATE, so these are words of English messages; a
/// server that speaks another language has them read as defects.
fn unknown(information: &dyn DatabaseErrorInformation) -> Option<Error> {
    let message = information.message();
    let is = |text: &str| message.contains(text);
    // Of two programs that make the same table at once, the second may meet the type of its rows first.
    if is("already exists") {
        return Some(Error::conflict("somebody else was faster"));
    }
    if is("statement timeout") || is("canceling statement") {
        return Some(Error::unavailable("the deadline for this list has passed"));
    }
    // Core refuses NUL; whatever slips through is the caller's text, not our defect.
    if is("0x00") || is("\\u0000") || is("invalid byte sequence") {
        return Some(Error::invalid("text", "control_character", "holds a NUL character"));
    }
    if is("deadlock detected") || is("could not serialize") {
        return Some(Error::conflict("somebody else was faster"));
    }
    if is("terminating connection") || is("shutting down") || is("starting up") || is("too many clients") {
        return Some(Error::unavailable("the database cannot be reached"));
    }
    None
}
