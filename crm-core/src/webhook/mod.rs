//! Outgoing webhooks: events of a workspace, sent to addresses that its admins chose.
//!
//! An endpoint says which events it wants. The relay hands events to [`Hooks`], which notes a [`Delivery`] for
//! each endpoint that wants one and enqueues the job that sends it ([`Deliver`]). A message is signed after
//! the specification Standard Webhooks, version 1, with each secret that is live. What is sent is read from
//! the journal when it is sent, so what was erased meanwhile is told to nobody.
//!
//! ```text
//! relay ──> Hooks ──> Delivery + job ──> Deliver ── WebhookSender ──> endpoint
//!                         └── attempts, answers <──────┘
//! ```
//!
//! An endpoint is sent what an admin sees, whoever made it. Its secrets are in a table of their own, which no
//! image, entry or export holds. Deliberately absent: a copy of the bodies that were sent; of the last one is told what
//! is still the same, by its digest.

mod catalogue;
mod deliver;
mod delivery;
mod event;
mod hooks;
mod message;
mod model;
mod names;
mod notice;
mod pattern;
mod places;
mod port;
mod request;
mod schedule;
mod secret;
mod sent;
mod service;
mod turn;
mod upkeep;

pub use catalogue::{EventKind, events, events_document};
pub use deliver::Deliver;
pub use delivery::{Delivery, DeliveryAttempt, DeliveryState, TEST_EVENT};
pub use event::WebhookEvent;
pub use hooks::Hooks;
pub use message::Message;
pub use model::{DeliveryOrder, DisabledReason, WebhookEndpoint, WebhookStatus};
pub use pattern::EventPattern;
pub use port::{DeliveryQuery, Health, Span, WebhookStore};
pub use request::{
    DeliveriesRequest, EndpointWithSecret, NewWebhookEndpoint, ReplayDeliveries, ReplayedDeliveries, RotateSecret,
    WebhookEndpointChange,
};
pub use secret::{MadeSecret, signature};
pub use sent::{DeliveryWithRequest, SentRequest};
pub use service::Webhooks;
pub use turn::DeliveryTurn;
pub(crate) use turn::turned;
