//! How a use case decides: at the version that its caller expects, and again where somebody else was faster.

use crate::access::{Grant, View};
use crate::error::{Current, Error, ErrorKind, Result};
use crate::job::Halt;
use crate::store::Record;

/// How often a service decides anew when somebody else was faster.
const DECISIONS: usize = 3;

/// The version that a change is based on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expect {
    /// Whichever is there.
    #[default]
    Any,
    /// This one; another is a conflict.
    Version(i64),
}

impl Expect {
    /// Refuses a record at another version, and shows it as it is by now where the caller sees it.
    pub(crate) fn check<T: Record>(self, grant: &Grant, record: &T) -> Result<()> {
        self.check_among(record).map_err(|stale| shown(stale, grant, record))
    }

    /// Refuses one of many records at another version: their report has no room for the records.
    pub(crate) fn check_among<T: Record>(self, record: &T) -> Result<()> {
        match self {
            Expect::Version(version) if version != record.version() => Err(stale::<T>(record)),
            _ => Ok(()),
        }
    }
}

/// The decisions that one use case has left: where somebody else was faster, it reads and decides
/// again. A caller who named a version is refused by [`Expect::check`] then, if it was that version
/// that somebody changed, and not a tag or a company beside it.
pub(crate) struct Decisions {
    left: usize,
}

impl Decisions {
    /// All of them.
    pub(crate) fn new() -> Self {
        Self { left: DECISIONS }
    }

    /// The result to answer with; `None` to decide again.
    pub(crate) fn settle<T>(&mut self, decided: Result<T>) -> Option<Result<T>> {
        self.left -= 1;
        match decided {
            Err(error) if error.kind() == ErrorKind::Conflict && self.left > 0 && !is_final(&error) => None,
            settled => Some(settled),
        }
    }

    /// As [`Decisions::settle`], of a step of a job.
    pub(crate) fn settle_step(
        &mut self,
        written: std::result::Result<(), Halt>,
    ) -> Option<std::result::Result<(), Halt>> {
        match written {
            Err(Halt::Fault(error)) => self.settle(Err(error)).map(|settled| settled.map_err(Halt::Fault)),
            settled => Some(settled),
        }
    }
}

/// Whether deciding again decides the same: the conflict is not with somebody who was faster, or it was found
/// before anything was decided.
fn is_final(error: &Error) -> bool {
    error.current().is_some()
        || matches!(
            error.code(),
            "last_admin" | "import_running" | "bulk_running" | "default_pipeline" | "pipeline_in_use"
        )
}

/// The conflict of a stale version.
fn stale<T: Record>(record: &T) -> Error {
    Error::conflict(format!("{} {} is at version {} now", T::ENTITY, record.uuid(), record.version()))
        .with_code("stale_version")
}

/// The conflict with the record as it is by now, where the caller sees it.
pub(crate) fn shown<T: Record>(stale: Error, grant: &Grant, record: &T) -> Error {
    match grant.sees_owner(T::ENTITY, record.owner()) {
        true => showing(stale, &grant.view(record.clone())),
        false => stale,
    }
}

/// The conflict of a stale version with the record that the caller would have changed, as they see it.
pub(crate) fn showing<T: Record>(stale: Error, view: &View<T>) -> Error {
    match serde_json::to_value(view) {
        Ok(record) => stale.with_current(Current { version: view.version(), record }),
        Err(_) => stale,
    }
}
