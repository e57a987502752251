//! What was sent, told again.

use std::collections::BTreeMap;

use serde::Serialize;

use super::delivery::{Delivery, DeliveryAttempt};
use super::message::{body_of, digest};
use crate::error::Result;
use crate::session::Session;

/// A delivery, and what its last attempt sent.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeliveryWithRequest {
    /// The delivery.
    #[serde(flatten)]
    pub delivery: Delivery,
    /// What its last attempt sent that sent anything; absent where none did.
    pub request: Option<SentRequest>,
}

/// What an attempt sent. It is made anew of what the journal and the attempt hold, and told where these are the bytes
/// that were sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SentRequest {
    /// Which attempt it was.
    pub attempt: u32,
    /// Where to.
    pub url: String,
    /// The headers by their names in small letters, but for those that every client of HTTP sends.
    pub headers: BTreeMap<String, String>,
    /// The body, byte for byte as it was sent; absent where it is not told any more: what it was about was deleted or
    /// erased, or a field of it was retired. Absent too for those who may read endpoints and not change them.
    pub body: Option<String>,
}

/// The headers of an attempt.
pub(super) fn headers(delivery: &Delivery, attempt: &DeliveryAttempt) -> Vec<(&'static str, String)> {
    let mut headers =
        vec![("webhook-id", delivery.message_id.clone()), ("webhook-timestamp", attempt.seconds().to_string())];
    headers.extend(attempt.signature.clone().map(|signature| ("webhook-signature", signature)));
    headers
}

/// What the last attempt sent that sent anything.
pub(super) async fn request(product: &Session, delivery: &Delivery) -> Result<Option<SentRequest>> {
    let Some(last) = delivery.attempts.iter().rev().find(|attempt| attempt.request_bytes > 0) else {
        return Ok(None);
    };
    let body = match &last.body_sha256 {
        Some(known) => body_of(product, delivery).await?.filter(|body| digest(body) == *known),
        None => None,
    };
    let mut told = BTreeMap::from([("content-type".to_owned(), "application/json".to_owned())]);
    told.extend(headers(delivery, last).into_iter().map(|(name, value)| (name.to_owned(), value)));
    Ok(Some(SentRequest {
        attempt: last.number,
        url: last.url.clone(),
        headers: told,
        body: body.and_then(|body| String::from_utf8(body).ok()),
    }))
}
