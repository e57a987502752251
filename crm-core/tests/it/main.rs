//! The engine from outside: the laws on the store in memory, and what goes over the wire.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod events;
#[cfg(feature = "testkit")]
mod memory;
mod requests;
#[cfg(feature = "testkit")]
mod roles;
#[cfg(feature = "testkit")]
mod wire;
