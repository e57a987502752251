//! Which web sites of others may use the API from a browser: none unless they are named.
//!
//! Tokens travel in a header that no browser adds by itself, so credentials are never allowed, and a
//! site that is not named is told nothing at all.

use actix_web::HttpResponse;
use actix_web::dev::ServiceRequest;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use crm_boot::Origins;

/// Methods that the API has.
const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
/// Headers that the API reads and that browsers ask for.
const ASKED: &str = "Authorization, Content-Type, Idempotency-Key, If-Match, X-Request-Id, traceparent, tracestate";
/// Headers that scripts may read beside the few that they always may.
const EXPOSED: &str =
    "ETag, Location, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-Id";
/// How long a browser may remember the answer to a preflight, in seconds.
const REMEMBERED: &str = "600";

/// The origins that are let in.
#[derive(Default)]
pub(crate) struct Cors(Vec<HeaderValue>);

impl Cors {
    /// As configured.
    pub(crate) fn new(origins: &Origins) -> Self {
        Self(origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect())
    }

    /// The origin of a request, where it is let in.
    pub(crate) fn origin(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        headers.get(header::ORIGIN).filter(|origin| self.0.contains(origin)).cloned()
    }

    /// The answer to a browser that asks what it may send.
    pub(crate) fn preflight(request: &ServiceRequest) -> Option<HttpResponse> {
        let asks = request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if request.method() != Method::OPTIONS || !asks {
            return None;
        }
        let mut response = HttpResponse::NoContent();
        response.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS));
        response.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, ASKED));
        response.insert_header((header::ACCESS_CONTROL_MAX_AGE, REMEMBERED));
        Some(response.finish())
    }

    /// Tells a browser that its site may read the answer, and caches that it depends on the site.
    pub(crate) fn dress(&self, headers: &mut HeaderMap, origin: Option<HeaderValue>) {
        if self.0.is_empty() {
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        if let Some(origin) = origin {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}
