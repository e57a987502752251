//! The engine over HTTP: parse, one service call, render.
//!
//! ```text
//! request ──> envelope (request id, panics, problems, log, browser, cors, tally, trace)
//!               └──> routes/<room>  ──  extract (token, path, query, body)  ──> crm-core
//!                                   ──  answer  (JSON, ETag, Location)      <──
//! ```
//!
//! `routes` has one file a room and one handler an endpoint; `refusal` turns every error into one
//! kind of problem document; `openapi` completes the document that the handlers describe. Absent on
//! purpose: TLS (a proxy's job) and decompression of request bodies, so that no small request
//! becomes a large one.

mod answer;
mod app;
mod bare;
mod browser;
mod client;
mod cookie;
mod cors;
mod envelope;
mod exposition;
mod extract;
mod fallback;
mod held;
mod here;
mod live;
mod logging;
mod openapi;
mod origin;
mod page;
mod places;
mod refusal;
mod routes;
mod server;
mod share;
mod tally;
mod token;
mod trace;

pub use openapi::{openapi, postman};
pub use server::{Server, serve, work};
