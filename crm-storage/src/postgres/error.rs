//! PostgreSQL's errors, as the engine names them.

use crm_core::Error;
use diesel::result::DatabaseErrorInformation;

use crate::fault::Fault;

/// The engine's error.
pub(crate) fn settle(fault: Fault) -> Error {
    fault.into_error(unknown)
}

/// What Diesel has no kind for. It keeps no SQLSTATE, so these are words of English messages, which each
/// connection asks for (`reach.rs`). A server that speaks another language to a role that must not choose it
/// has them read as defects.
fn unknown(information: &dyn DatabaseErrorInformation) -> Option<Error> {
    let message = information.message();
    let is = |text: &str| message.contains(text);
    // Of two programs that make the same table at once, the second may meet the type of its rows first.
    if is("already exists") {
        return Some(Error::conflict("somebody else was faster"));
    }
    // 55P03, also of statements that are cancelled by it.
    if is("lock timeout") || is("could not obtain lock") {
        return Some(settle(Fault::Waited));
    }
    // 57014, of reads and writes alike.
    if is("statement timeout") || is("canceling statement") {
        return Some(Error::unavailable("the database server took too long"));
    }
    // Core refuses NUL; whatever slips through is the caller's text, not our defect.
    if is("0x00") || is("\\u0000") || is("invalid byte sequence") {
        return Some(Error::invalid("text", "control_character", "holds a NUL character"));
    }
    if is("deadlock detected") || is("could not serialize") {
        return Some(Error::conflict("somebody else was faster"));
    }
    // Of files that many rows share, as those of transactions, the detail alone says why one could not be written.
    if lacks_room(message) || information.details().is_some_and(lacks_room) {
        return Some(Error::unavailable("the database server has no room left, on its disk or in its memory"));
    }
    if is("terminating connection") || is("shutting down") || is("starting up") || is("too many clients") {
        return Some(Error::unavailable("the database cannot be reached"));
    }
    None
}

/// Whether a server says that its disk or its memory is used up, or that its disk does not work: classes 53 and 58030
/// of SQLSTATE. A disk is named by the server's words or, where its system speaks English too, by the system's.
fn lacks_room(message: &str) -> bool {
    [
        "No space left on device",
        "Disk quota exceeded",
        "could not extend file",
        "could not write",
        "could not read block",
        "could not fsync file",
        "could not resize shared memory segment",
        "out of memory",
        "out of shared memory",
        "temporary file size exceeds",
    ]
    .into_iter()
    .any(|text| message.contains(text))
}

#[cfg(test)]
mod tests {
    use crm_core::ErrorKind;
    use diesel::result::{DatabaseErrorKind, Error as DieselError};

    use super::*;

    /// What a server says.
    struct Said {
        message: &'static str,
        detail: Option<&'static str>,
    }

    impl DatabaseErrorInformation for Said {
        fn message(&self) -> &str {
            self.message
        }

        fn details(&self) -> Option<&str> {
            self.detail
        }

        fn hint(&self) -> Option<&str> {
            None
        }

        fn table_name(&self) -> Option<&str> {
            None
        }

        fn column_name(&self) -> Option<&str> {
            None
        }

        fn constraint_name(&self) -> Option<&str> {
            None
        }

        fn statement_position(&self) -> Option<i32> {
            None
        }
    }

    fn said(message: &'static str, detail: Option<&'static str>) -> Error {
        let information = Box::new(Said { message, detail });
        settle(Fault::Database(DieselError::DatabaseError(DatabaseErrorKind::Unknown, information)))
    }

    fn told(message: &'static str) -> Error {
        said(message, None)
    }

    #[test]
    fn a_wait_for_others_is_told_apart_from_a_statement_that_took_too_long() {
        let texts = |messages: [&'static str; 2]| {
            messages.map(|message| {
                let error = told(message);
                assert!(error.kind() == ErrorKind::Unavailable && error.is_retryable(), "{message}");
                error.message().to_owned()
            })
        };
        // 55P03
        let waited = "canceling statement due to lock timeout";
        let waited = texts([waited, "could not obtain lock on row in relation \"contacts\""]);
        // 57014
        let late = ["canceling statement due to statement timeout", "canceling statement due to user request"];
        let late = texts(late);
        assert_eq!((&waited[0], &late[0]), (&waited[1], &late[1]));
        assert_ne!(waited[0], late[0]);
        // Neither may have been a list.
        assert!(waited.iter().chain(&late).all(|text| !text.contains("list")), "{waited:?} {late:?}");
    }

    #[test]
    fn a_server_without_room_can_be_asked_again() {
        for message in [
            "could not extend file \"base/16384/16733\": No space left on device",
            "could not extend file \"base/16384/16733\": wrote only 4096 of 8192 bytes at block 12",
            "could not write to file \"base/pgsql_tmp/pgsql_tmp4711.0\": No space left on device",
            "could not write block 12 of temporary file: No space left on device",
            "could not create file \"pg_wal/xlogtemp.4711\": Disk quota exceeded",
            "could not write to file \"pg_wal/xlogtemp.4711\": No space left on device",
            "could not resize shared memory segment \"/PostgreSQL.4711\" to 8388608 bytes: No space left on device",
            "could not read block 12 in file \"base/16384/16733\": Input/output error",
            "could not fsync file \"base/16384/16733\": Input/output error",
            "out of memory",
            "out of shared memory",
            "temporary file size exceeds temp_file_limit (1024kB)",
        ] {
            let error = told(message);
            assert!(error.kind() == ErrorKind::Unavailable && error.is_retryable(), "{message}");
            assert!(error.message().contains("no room"), "{message}");
        }
        assert_eq!(told("column \"colour\" does not exist").kind(), ErrorKind::Internal);
    }

    #[test]
    fn a_server_that_names_the_full_disk_in_its_detail_can_be_asked_again() {
        let message = "could not access status of transaction 4711";
        let full = "Could not write to file \"pg_xact/0000\" at offset 8192: No space left on device.";
        let error = said(message, Some(full));
        assert!(error.kind() == ErrorKind::Unavailable && error.message().contains("no room"), "{error:?}");
        // A file that is gone is no lack of room.
        let gone = "Could not open file \"pg_xact/0000\": No such file or directory.";
        assert_eq!(said(message, Some(gone)).kind(), ErrorKind::Internal);
    }

    #[test]
    fn a_server_that_has_no_place_for_another_or_ends_can_be_asked_again() {
        for message in [
            "sorry, too many clients already",
            "terminating connection because of crash of another server process",
            "terminating connection due to administrator command",
            "the database system is shutting down",
            "the database system is starting up",
        ] {
            let error = told(message);
            assert!(error.kind() == ErrorKind::Unavailable && error.is_retryable(), "{message}");
        }
    }
}
