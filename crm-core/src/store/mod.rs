//! The one way to write: read → decide (pure) → commit once.
//!
//! A read gives a [`Stored`]: the loaded image beside the value that the service edits. The service
//! collects what it decided in [`Changes`]; the session seals them ([`Sealed`]: workspace, actor,
//! time and ids stamped, permissions on fields checked, journal entries made) and hands them to
//! the adapter's [`Commit`], which writes all of it or nothing.

mod changes;
mod idempotency;
mod record;
mod sealed;
mod write;

pub use changes::{Changes, Guard, GuardRow, Reliance};
pub use idempotency::{IdempotencyKey, KEPT_SECONDS, Replay};
pub use record::{Record, Stored};
pub(crate) use record::{image, versioned};
pub use sealed::{Commit, CommitListener, Sealed};
pub use write::{Put, Write};
