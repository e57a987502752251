//! The binary as people use it: real files in, real processes, both databases.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets the unexpected ends there"
)]

mod demo;
mod guide;
mod many;
mod people;
mod pipeline;
mod records;
mod resume;
mod serve;
mod support;
mod transfer;
