//! What handlers take from a request.
//!
//! Who asks is settled before anything else is read: [`Signed`] and [`Once`] check the token
//! first, so a stranger learns nothing from what is wrong with the rest.

mod body;
mod headers;
mod item;
mod path;
mod query;
mod signed;

pub(crate) use body::{Json, decode};
pub(crate) use headers::{Expected, idempotency_key};
pub(crate) use item::{Bounded, EditItem, Item};
pub(crate) use path::{DeliveryId, Named, RecordId};
pub(crate) use query::{ExportParams, ListParams, NoQuery, Queries, Query, UntaggedParams, UpcomingParams};
pub(crate) use signed::{Caller, Keyed, Once, OnceAt, Signed, Watcher, bearer, by_cookie, state};
