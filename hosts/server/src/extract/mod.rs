//! What handlers take from a request.
//!
//! Who asks is settled before anything else is read: [`Signed`] and [`Creating`] check the token
//! first, so a stranger learns nothing from what is wrong with the rest.

mod body;
mod headers;
mod path;
mod query;
mod signed;

pub(crate) use body::Json;
pub(crate) use headers::Expected;
pub(crate) use path::RecordId;
pub(crate) use query::{ListParams, NoQuery, Query, UntaggedParams};
pub(crate) use signed::{Caller, Creating, Signed, bearer};
