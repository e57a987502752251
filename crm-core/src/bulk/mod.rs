//! Bulk work: one request, many records, one commit.
//!
//! A request either names its records or describes them by a filter, whose ids are taken before
//! anything is decided. Each item is decided by the same rules as a change of one record. Under
//! [`BulkMode::Atomic`] one fault refuses the whole; under [`BulkMode::Partial`] the items without
//! fault are written, in one commit all the same. Where a filter describes more than one commit takes,
//! a job does it in several. Its journal entries carry one batch, by which it can be undone.

pub(crate) mod job;
mod model;
mod service;
pub(crate) mod undo;
mod undone;

pub use model::{
    BulkAnswer, BulkChange, BulkEdit, BulkFault, BulkMode, BulkReport, BulkResult, BulkStatus, MAX_DESCRIBED,
    MAX_ITEMS, Selection,
};
pub use undo::{LeftAlone, LeftReason, UndoReport};
