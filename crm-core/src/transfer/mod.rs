//! Files in and out: CSV imports that resume, and exports that never end early.
//!
//! The CSV layer (`format`, `reader`, `header`, `date`, `writer`) is pure: bytes are pushed in and
//! taken out. An import reads its file in chunks; each chunk is one commit that holds the records,
//! their history, the refused rows and the place in the file, so that a process killed at any
//! moment goes on exactly there.

pub mod date;
mod decode;
pub mod format;
pub mod header;
mod model;
mod port;
pub mod reader;
mod service;
pub mod writer;

pub use model::{
    Counts, DuplicatePolicy, FailedRow, FileMark, Fingerprint, Import, ImportOptions, ImportState, RowKey,
};
pub use port::ImportStore;
pub use service::Transfers;
