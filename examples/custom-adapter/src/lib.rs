//! Adapters of one's own for SlackCRM.
//!
//! A role port of the engine is a small trait; whoever implements it and passes its suite can take
//! the place of the adapter that comes with the product:
//!
//! ```
//! use std::sync::Arc;
//!
//! use crm_core::testkit::{MemoryStore, PlainSigner};
//! use crm_core::{Crm, SystemClock};
//! use custom_adapter::{CorrectedClock, ScryptHasher};
//!
//! let clock = CorrectedClock::new(Arc::new(SystemClock));
//! let crm = Crm::builder(MemoryStore::new())
//!     .clock(Arc::new(clock))
//!     .auth(Arc::new(ScryptHasher::new()), Arc::new(PlainSigner))
//!     .build();
//! # drop(crm);
//! ```
//!
//! `tests/suites.rs` has the line a port that runs its suite.

mod clock;
mod password;

pub use clock::CorrectedClock;
pub use password::ScryptHasher;
