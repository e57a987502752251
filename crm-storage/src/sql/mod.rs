//! The rooms: every query of the store, once for both databases.
//!
//! `super` is the database: `Conn`, `Db`, `RunQueryDsl`, `Store` and `dialect` are its. `room`
//! holds what contacts, companies, deals, notes and members have in common, `fragment`,
//! `predicate` and `list` make filters and pages, `commit` is the one way to write.

mod account;
mod analytics;
mod auth;
pub(crate) mod columns;
mod commit;
mod company;
mod contact;
mod custom_field;
mod deal;
mod figures;
pub(crate) mod fragment;
mod history;
mod import;
mod job;
mod journal;
mod json;
mod list;
mod note;
mod pipeline;
pub(crate) mod predicate;
mod purge;
mod reference;
mod room;
mod search;
mod tag;
mod team;
mod text;
mod user;
pub(crate) mod words;
mod workspace;
mod writes;

pub(crate) use self::workspace::Workspaces;
use super::{Conn, Db, RunQueryDsl, Store, dialect};
