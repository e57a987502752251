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

pub mod access;
pub mod account;
pub mod activity;
pub mod auth;
pub mod company;
pub mod contact;
mod crm;
pub mod custom_field;
pub mod deal;
mod edit;
pub mod error;
mod faults;
pub mod filter;
mod id;
pub mod integration;
pub mod journal;
mod money;
pub mod page;
pub mod pipeline;
pub mod search;
mod session;
pub mod store;
pub mod tag;
pub mod team;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod text;
mod time;
pub mod transfer;
pub mod user;
pub mod workspace;

pub use access::{Actor, Entity};
pub use crm::{Crm, CrmBuilder, Store};
pub use edit::Edit;
pub use error::{Error, ErrorKind, FieldError, Result};
pub use filter::Filter;
pub use id::Id;
pub use money::{Currency, Money, Totals};
pub use page::{ListRequest, Page};
pub use session::{Expect, Session};
pub use time::{Clock, Period, SystemClock, Timestamp, Zone};
