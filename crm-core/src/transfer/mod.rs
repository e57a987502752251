//! Files in and out: CSV imports and exports, sent while they are read or written, or by jobs that resume.
//!
//! The CSV layer (`format`, `reader`, `header`, `date`, `writer`) is pure: bytes are pushed in and
//! taken out. An import reads its file in chunks; each chunk is one commit that holds the records,
//! their history, the refused rows and the place in the file, so that a process killed at any
//! moment goes on exactly there.
//!
//! ```text
//! start:  prepare (header → mapping, dates, digest) ─────────────────────> Import, written
//! run:    Rows ── chunk ──> Desk: Row::read (pure) ── keys, names ──> a few reads
//!                           Sheet: row by row, nothing awaited ──> Changes ── one commit ──> progress
//! ```

mod begin;
mod cells;
mod chunk;
mod cycle;
pub mod date;
mod decide;
mod decode;
mod export;
mod failed;
mod fields;
pub mod format;
pub mod header;
mod known;
mod links;
mod list;
mod mapping;
mod model;
mod numbers;
mod plan;
mod port;
mod prepare;
mod preview;
mod products;
pub mod reader;
mod references;
mod rights;
mod row;
mod seats;
mod service;
mod source;
mod survey;
mod table;
pub mod writer;

pub(crate) use export::Writing;
pub use export::{ExportFile, ExportList, ExportReport};
pub use list::ImportsRequest;
pub use mapping::NewField;
pub use model::{
    Counts, DuplicatePolicy, FailedRow, FileMark, Fingerprint, Import, ImportOptions, ImportState, RowKey,
};
pub use port::ImportStore;
pub use preview::{Preview, PreviewColumn, PreviewError};
pub use products::Product;
pub use seats::Seat;
pub(crate) use service::ImportWatch;
pub use service::Transfers;
pub use source::{BytesSource, Source};
pub use table::TABLE_BYTES;
