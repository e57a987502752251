//! The rooms: every query of the store, once for both databases.
//!
//! `super` is the database: `Conn`, `Db`, `RunQueryDsl`, `Store` and `dialect` are its. `room`
//! holds what contacts, companies, deals, notes and members have in common, `fragment`,
//! `predicate` and `list` make filters and pages, `commit` is the one way to write.

pub(crate) mod columns;
mod contact;
mod custom_field;
pub(crate) mod fragment;
mod import;
mod json;
mod list;
mod predicate;
mod room;
mod tag;
mod text;
pub(crate) mod words;
mod workspace;

pub(crate) use self::workspace::Workspaces;
use super::{Conn, Db, RunQueryDsl, Store, dialect};
