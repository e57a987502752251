//! Tags: labels on contacts, companies, deals and tasks.
//!
//! A record carries its tags' names; the store mirrors them in a table by which records are found
//! and counted. The tag itself is made by its first use.

mod filter;
mod model;
mod port;
mod service;

pub use filter::TagFilter;
#[cfg(feature = "schema")]
pub use model::TagName;
pub(crate) use model::{MAX_TAGS, clean_tags_at};
pub use model::{Tag, TagCount, clean_tags};
pub use port::TagStore;
pub use service::Tags;
