//! The relay: hands every event of a workspace to each handler, once, in order.
//!
//! Events are in the journal, which is sealed into a feed with dense numbers. A handler has a cursor in each
//! workspace: the number of the last event that it was handed. Whoever relays reads what comes after the
//! cursor, asks the handler which jobs the events want, and writes these jobs and the move of the cursor in
//! one commit, as a compare-and-set. Of many who relay at once one moves the cursor; a relay that dies has
//! written both or neither.
//!
//! ```text
//! feed ── after(cursor) ──> EventHandler::hand ──> jobs ─┐
//!                                          cursor moves ─┴─> one commit
//! ```
//!
//! A handler begins in all workspaces that there are in one commit. So one in which it has not begun was made later,
//! and is handed over from its first event on, whether or not anybody relayed at that time.
//!
//! What a handler does has its effect in a job, which has retries, time-outs and a dead letter; a handler
//! itself only decides. Deliberately absent: an order among the jobs that were handed over.

mod handler;
mod port;
mod service;

pub use handler::{EventHandler, Handover, Reach};
pub use port::{CursorMove, RelayStore};
pub use service::{Passed, Relay};
