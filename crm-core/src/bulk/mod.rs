//! Bulk work: one request, many records, one commit.
//!
//! A request either names its records or describes them by a filter, whose ids are taken before
//! anything is decided. Each item is decided by the same rules as a change of one record. Under
//! [`BulkMode::Atomic`] one fault refuses the whole; under [`BulkMode::Partial`] the items without
//! fault are written, in one commit all the same. Its journal entries carry one batch, by which it
//! can be undone.

mod model;
mod service;
pub(crate) mod undo;
mod undone;

pub use model::{BulkChange, BulkEdit, BulkFault, BulkMode, BulkReport, BulkResult, BulkStatus, MAX_ITEMS, Selection};
pub use undo::{LeftAlone, LeftReason, UndoReport};
