//! Our own adapters keep the laws of their roles.

#[cfg(feature = "auth")]
mod auth;
#[cfg(feature = "redis")]
mod herald;
#[cfg(all(feature = "smtp", feature = "mailbox"))]
mod mail;
#[cfg(feature = "webhook")]
mod webhook;
