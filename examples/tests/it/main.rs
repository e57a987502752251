//! The examples do what they are for, and the guide to embedding shows them.

#![expect(clippy::unwrap_used, reason = "a test that meets the unexpected ends there")]

mod guide;
mod mocks;
mod run;
