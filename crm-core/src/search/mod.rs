//! Search across contacts, companies, deals and tasks: one line of words, the best hits of all kinds.
//!
//! A hit is exact where the words are the whole name, the e-mail address or the domain; it begins a
//! name; or its words are elsewhere in what is searched. Newer records come first among equals.
//!
//! A word that half a workspace holds must not cost the whole workspace: of each kind a store gives at
//! most [`CANDIDATES`] matches by the words, all of them records that the caller sees. Where it gives
//! so many there may be more, and the first ones by name and the one by address or domain are looked
//! up beside them, each by its index. What was found is ranked, what was not is not: more words help.
//!
//! Ranks and hits are made of what the caller sees, so that a hidden field is neither shown nor the
//! reason for anything. Deliberately absent: language, spelling, custom fields and pages.

mod model;
mod port;
mod service;

pub use model::{Hit, HitKind, Match, SearchRequest};
pub use port::SearchStore;
pub use service::{CANDIDATES, Searches};
