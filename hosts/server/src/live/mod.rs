//! Events while they happen, over a WebSocket and as server-sent events.

mod beats;
mod message;
mod socket;
mod stream;

pub(crate) use message::{Greeting, Notice, Subscription};
pub(crate) use socket::{MAX_MESSAGE_BYTES, converse};
pub(crate) use stream::stream;
