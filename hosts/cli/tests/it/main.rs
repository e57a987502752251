//! The binary as people use it: real files in, real processes, both databases.

mod pipeline;
mod resume;
mod support;
mod transfer;
