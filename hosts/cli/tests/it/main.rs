//! The binary as people use it: real files in, real processes, both databases.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets the unexpected ends there"
)]

mod attacks;
mod deals;
mod deleted;
mod demo;
mod figures;
mod guide;
mod killed;
mod log;
mod mail;
mod many;
mod migrate;
mod outcome;
mod people;
mod pipeline;
mod rates;
mod records;
mod resume;
mod serve;
mod serving;
mod support;
mod tasks;
mod transfer;
mod watch;
mod webhooks;
mod working;
