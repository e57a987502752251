//! From a configuration to a wired engine.
//!
//! ```text
//! flags > environment > file ──> Config ── boot ──> Booted { crm, readiness, workers }
//! ```
//!
//! This is the one crate that knows every adapter; hosts know [`Config`], [`boot`] and [`Booted`].
//! Adapters are cargo features: `sqlite` (the default), `postgres`, `auth`.

mod authority;
mod booted;
mod config;
mod database;
mod endpoint;
mod figures;
mod origins;
mod proxies;
mod secret;
#[cfg(feature = "auth")]
mod secret_file;
mod sources;
mod store;
mod worker;

pub use booted::{Backend, Booted, boot, boot_for_command};
pub use config::{Config, LogFormat, Options};
pub use database::Database;
pub use endpoint::Endpoint;
pub use figures::Figure;
pub use origins::Origins;
pub use proxies::Proxies;
