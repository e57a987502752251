//! What a client may still try: `RateLimit-*` on the answers of routes that count.

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder};
use crm_core::Timestamp;
use crm_core::auth::Attempt;

/// Attempts that the tightest window allows.
const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
/// Attempts that are left in it.
const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
/// Seconds until it ends.
const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// The tightest counter that an attempt met.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    limit: u32,
    remaining: u32,
    reset: u64,
}

impl Share {
    /// What is left after an attempt.
    pub(crate) fn after(attempt: Attempt, now: Timestamp) -> Self {
        Self { limit: attempt.limit, remaining: attempt.remaining(), reset: attempt.seconds_left(now) }
    }

    /// Tells the client.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        headers.insert(LIMIT, HeaderValue::from(self.limit));
        headers.insert(REMAINING, HeaderValue::from(self.remaining));
        headers.insert(RESET, HeaderValue::from(self.reset));
    }
}

/// An answer that tells what is left.
pub(crate) struct Within<T>(pub(crate) T, pub(crate) Option<Share>);

impl<T: Responder> Responder for Within<T> {
    type Body = T::Body;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse<T::Body> {
        let mut response = self.0.respond_to(request);
        if let Some(share) = self.1 {
            share.tell(response.headers_mut());
        }
        response
    }
}
