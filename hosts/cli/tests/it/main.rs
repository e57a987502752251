//! The binary as people use it: real files in, real processes, both databases.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets the unexpected ends there"
)]

mod attacks;
mod demo;
mod guide;
mod log;
mod many;
mod people;
mod pipeline;
mod records;
mod resume;
mod serve;
mod serving;
mod support;
mod transfer;
