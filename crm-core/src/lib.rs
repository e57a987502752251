//! SlackCRM's engine: contacts, companies, deals and pipelines, permissions and history, behind
//! ports. It knows no database, no web server and no runtime.
//!
//! ```text
//! Crm ── acting(actor) ──> Session ── contacts(), deals(), … ──> services
//!                             │                                     │ read      (ports, with a Grant)
//!                             └── require(entity, action) ─> Grant  │ decide    (pure methods of models)
//!                                                                   │ commit    (Changes -> Sealed -> Commit)
//! ```
//!
//! Every room (contact, company, deal …) has the same files: `model` (data, invariants, pure
//! decisions), `event` (facts), `fields` (what lists may ask), `port` (reads), `service` (use
//! cases). Start at [`Crm`] and [`Session`].
//!
//! # Example
//!
//! The store here lives in memory and comes with the feature `testkit`; a program that keeps its
//! data takes one of `crm-storage`.
//!
#![cfg_attr(feature = "testkit", doc = "```")]
#![cfg_attr(not(feature = "testkit"), doc = "```text")]
//! use crm_core::contact::ContactEdit;
//! use crm_core::testkit::MemoryStore;
//! use crm_core::{Actor, Crm, ErrorKind, Expect, Filter, ListRequest};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let crm = Crm::builder(MemoryStore::new()).build();
//! let workspace = crm.create_workspace("Acme Sales").await?;
//! // Who acts decides what is seen and allowed; here it is the program itself.
//! let session = crm.acting(Actor::system(workspace.id, "example")).await?;
//!
//! let ada = ContactEdit { first_name: "Ada".into(), last_name: "Lovelace".into(), ..Default::default() };
//! let ada = session.contacts().create(ada).await?;
//!
//! // A change says which version it is based on, and meets a conflict where that is over.
//! let countess = ContactEdit { title: "Countess".into(), ..Default::default() };
//! session.contacts().update(ada.id, countess.clone(), Expect::Version(ada.version)).await?;
//! let late = session.contacts().update(ada.id, countess, Expect::Version(ada.version)).await;
//! assert_eq!(late.unwrap_err().kind(), ErrorKind::Conflict);
//!
//! // Lists take filters, in words or as JSON.
//! let filter: Filter = "title = Countess and created_at >= ago P7D".parse()?;
//! let page = session.contacts().list(&ListRequest { filter: Some(filter), ..Default::default() }).await?;
//! assert_eq!(page.data.len(), 1);
//!
//! // Every change is in the record's history.
//! let history = session.contacts().timeline(ada.id, None, None).await?;
//! assert_eq!(history.data.len(), 2);
//! # Ok::<_, crm_core::Error>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

pub mod access;
pub mod account;
pub mod activity;
pub mod analytics;
pub mod auth;
pub mod bulk;
pub mod company;
pub mod contact;
mod crm;
pub mod custom_field;
pub mod deal;
mod edit;
pub mod error;
pub mod exchange_rate;
mod faults;
pub mod filter;
mod id;
pub mod integration;
pub mod job;
pub mod journal;
pub mod mail;
mod moment;
mod money;
pub mod page;
pub mod pipeline;
pub mod relay;
pub mod search;
mod session;
pub mod store;
pub mod tag;
pub mod task;
pub mod team;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod text;
mod time;
pub mod transfer;
pub mod user;
pub mod webhook;
pub mod workspace;

pub use access::{Actor, Entity};
/// A calendar day without a time zone, as in 2026-01-31.
pub use chrono::NaiveDate;
pub use crm::{Crm, CrmBuilder, Store};
pub use edit::Edit;
pub use error::{Current, Error, ErrorKind, FieldError, Result};
pub use filter::Filter;
pub use id::Id;
pub use moment::Moment;
pub use money::{Currency, Money, Totals};
pub use page::{ListRequest, Page};
pub use session::{Expect, Session};
pub use time::{Clock, Period, SystemClock, Timestamp, Zone, deserialize_optional_day, strict_day};
