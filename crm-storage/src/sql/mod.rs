//! The rooms: every query of the store, once for both databases.
//!
//! `super` is the database: `Conn`, `Db`, `RunQueryDsl`, `Store` and `dialect` are its. `room`
//! holds what contacts, companies, deals, notes and members have in common, `fragment`,
//! `predicate` and `list` make filters and pages, `commit` is the one way to write.

mod account;
mod analytics;
mod auth;
mod board;
pub(crate) mod columns;
mod commit;
mod company;
mod contact;
mod custom_field;
mod deal;
mod endings;
mod exchange_rate;
mod figures;
pub(crate) mod fragment;
mod history;
mod idempotency;
mod import;
#[cfg(test)]
pub(crate) mod indexes;
mod job;
mod journal;
mod json;
mod list;
mod mail;
mod months;
mod note;
mod outside;
mod pipeline;
pub(crate) mod predicate;
mod purge;
mod queue;
mod reference;
mod relay;
mod room;
mod search;
mod tag;
mod task;
mod team;
mod text;
mod timeline;
mod upload;
mod user;
mod webhook;
pub(crate) mod words;
pub(crate) mod work;
mod workspace;
mod writes;

pub(crate) use self::workspace::Workspaces;
use super::{Conn, Db, RunQueryDsl, Store, dialect};
