//! From a configuration to a wired engine.
//!
//! ```text
//! flags > environment > file ──> Config ── boot ──> Booted { crm, readiness, workers }
//! ```
//!
//! This is the one crate that knows every adapter; hosts know [`Config`], [`boot`] and [`Booted`].
//! Adapters are cargo features: `sqlite` (the default), `postgres`, `auth`, `webhook`, `email`,
//! `redis`.
//!
//! # Example
//!
//! A database in one file, ready for use:
//!
#![cfg_attr(feature = "sqlite", doc = "```")]
#![cfg_attr(not(feature = "sqlite"), doc = "```text")]
//! use crm_boot::{Config, boot};
//! use crm_core::Actor;
//! use crm_core::company::CompanyEdit;
//!
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("sales.db");
//! # let url = format!("sqlite://{}", file.display());
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! # let config = Config::for_database(&url)?;
//! # if false {
//! let config = Config::for_database("sqlite://sales.db")?;
//! # drop(config);
//! # }
//! let booted = boot(config).await?;
//! let workspace = booted.crm().create_workspace("Acme Sales").await?;
//! let session = booted.crm().acting(Actor::system(workspace.id, "example")).await?;
//! let company = CompanyEdit { name: "Babbage Engines".into(), ..Default::default() };
//! let company = session.companies().create(company).await?;
//! assert_eq!(session.companies().read(company.id).await?.name, "Babbage Engines");
//! booted.close().await;
//! # Ok::<_, crm_core::Error>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod authority;
mod booted;
mod config;
mod database;
mod demo;
mod endpoint;
mod figures;
mod floor;
mod lane;
mod live;
mod mail;
mod networks;
mod origins;
mod proxies;
mod redis_url;
mod relaying;
mod schedule;
mod secret;
#[cfg(feature = "auth")]
mod secret_file;
mod settling;
mod sources;
mod store;
mod upkeep;
mod worker;
mod workers;

pub use booted::{Backend, Booted, boot, boot_for_command, boot_for_jobs};
pub use config::{Config, LogFormat, Options, WebhookHttp};
#[cfg(feature = "email")]
pub use crm_integrations::mailbox::MailboxMailer;
pub use database::Database;
pub use demo::Demo;
pub use endpoint::Endpoint;
pub use figures::Figure;
pub use floor::Passing;
pub use lane::{QueueOptions, Queues};
pub use live::{Live, Proof, Told, Topics, Watch};
pub use mail::{MailTarget, MailTls, PublicUrl};
pub use networks::Networks;
pub use origins::Origins;
pub use proxies::Proxies;
pub use redis_url::RedisUrl;
pub use schedule::Schedule;
pub use workers::{RunningWorkers, WorkerOptions, run_workers};
