//! From settings to a running engine, and what goes on in it by itself.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper that fails fails its test")]

mod config;
mod live;
mod relaying;
#[cfg(all(feature = "auth", unix))]
mod secret_file;
#[cfg(all(feature = "webhook", feature = "sqlite"))]
mod webhooks;
mod workers;
