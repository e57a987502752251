//! The one history: audit log, events, timeline, undo and replays are views of it.
//!
//! A commit writes its entries without a number, so writers never queue for the head of a chain.
//! [`JournalStore::seal_batch`] then gives entries their dense `seq` and their link in the hash
//! chain, under a row lock. Readers of the feed seal first and go by `seq`: an entry of a
//! transaction that commits late gets a later number, so no reader can miss it.
//!
//! The chain links salted digests, not contents: erasing a person's data leaves the digest, and
//! [`chain::Verifier`] still holds.

pub mod chain;
mod entry;
mod envelope;
mod event;
mod feed;
mod port;
mod timeline;

pub use entry::{Batch, Change, Draft, Entry};
pub(crate) use envelope::withdrawal;
pub use envelope::{Envelope, EnvelopeData, topic, topics};
pub use event::Event;
pub use feed::{Feed, Occurrence};
pub use port::{JournalStore, SealedEntry};
pub(crate) use timeline::MEMBERS_ACCOUNT;
pub use timeline::TimelineItem;
