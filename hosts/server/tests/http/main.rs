//! The laws of the API, asked over real connections.
//!
//! Every law runs on the store in memory and on each adapter that this build has.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a helper that fails fails its test")]

mod analytics;
mod auth;
mod bad_input;
mod browsers;
mod bulk;
mod codes;
mod conventions;
mod cookies;
mod deadlines;
mod docs;
mod document;
mod email;
mod examples;
mod exchange_rates;
mod figures;
mod heralds;
mod limits;
mod lists;
mod live;
mod members;
mod pipelines;
mod process;
mod real_file;
mod records;
mod search;
mod shapes;
mod start;
mod support;
mod tokens;
mod traces;
mod transfers;
mod walk;
mod webhooks;
mod wire;
