//! Every answer that is no success: RFC 9457 problem documents with stable codes.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use actix_ws::CloseCode;
use crm_core::{Current, Error, ErrorKind, FieldError};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::answer::tag;
use crate::share::Share;

/// Result of a handler.
pub(crate) type Answer<T> = Result<T, Refusal>;

/// When a client should try again that hears of no better time, in seconds.
const RETRY_SECONDS: u64 = 1;
/// Where a problem's code begins in its `type`.
const TYPE_PREFIX: &str = "urn:slackcrm:problem:";

/// Why a request was refused; in a box, because every handler's result has room for one.
#[derive(Clone, Debug)]
pub(crate) struct Refusal(Box<Why>);

#[derive(Clone, Debug)]
struct Why {
    status: StatusCode,
    code: Cow<'static, str>,
    detail: String,
    errors: Vec<FieldError>,
    retry_after: Option<Duration>,
    allow: Option<String>,
    share: Option<Share>,
    header: Option<(HeaderName, HeaderValue)>,
    cause: Option<Error>,
}

/// What went wrong (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(crate) struct Problem<'a> {
    /// `urn:slackcrm:problem:` and the code.
    #[serde(rename = "type")]
    #[schema(rename = "type")]
    kind: String,
    /// The status in words.
    title: &'a str,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    detail: &'a str,
    /// Stable code; docs/API.md lists them.
    code: &'a str,
    /// The request's id, as in the log.
    request_id: &'a str,
    /// What is wrong with the input, place by place.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    #[schema(required = false)]
    errors: &'a [FieldError],
    /// Of a change that was based on another version (`stale_version`): the record as a read of it answers the
    /// caller by now. `ETag` has its version. Absent where the caller does not see it, and in bulk work.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(required = false, value_type = Object)]
    current: Option<&'a Value>,
}

impl<'a> Problem<'a> {
    /// Its stable code.
    pub(crate) fn code(&self) -> &'a str {
        self.code
    }

    /// What happened.
    pub(crate) fn detail(&self) -> &'a str {
        self.detail
    }

    /// What is wrong with the input.
    pub(crate) fn errors(&self) -> &'a [FieldError] {
        self.errors
    }
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let (code, detail) = (code.into(), detail.into());
        Self(Box::new(Why {
            status,
            code,
            detail,
            errors: Vec::new(),
            retry_after: None,
            allow: None,
            share: None,
            header: None,
            cause: None,
        }))
    }

    /// A body that is not what its content type says.
    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed_json", detail)
    }

    /// A body that broke off.
    pub(crate) fn broken_body() -> Self {
        Self::new(StatusCode::BAD_REQUEST, "incomplete_body", "the body ended before its announced end")
    }

    /// A body that did not come in time.
    pub(crate) fn slow_body() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "body_timeout", "the body did not arrive in time")
    }

    /// A body of more bytes than are taken.
    pub(crate) fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", format!("the body has more than {limit} bytes"))
    }

    /// A path and query of more bytes than are read.
    pub(crate) fn long_uri(limit: usize) -> Self {
        Self::new(StatusCode::URI_TOO_LONG, "uri_too_long", format!("path and query have more than {limit} bytes"))
    }

    /// A body in a form that is not read.
    pub(crate) fn unsupported_media(detail: &str) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail)
    }

    /// A path that leads nowhere.
    pub(crate) fn no_such_route() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
    }

    /// A path that leads somewhere by other methods.
    pub(crate) fn method(allow: &str) -> Self {
        let detail = format!("this path takes {allow}");
        let mut refusal = Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
        refusal.0.allow = Some(allow.to_owned());
        refusal
    }

    /// A request for a WebSocket that is no handshake.
    pub(crate) fn no_upgrade() -> Self {
        Self::new(StatusCode::UPGRADE_REQUIRED, "upgrade_required", "this path takes a WebSocket's handshake")
    }

    /// A cookie that a browser added for a page of somebody else, or would keep for it.
    pub(crate) fn foreign_origin() -> Self {
        let detail = "the cookie is sent, or asked for, by a page that is neither of this server nor of a site that is let in: \
                      public_url and cors_origins say which are";
        Self::new(StatusCode::FORBIDDEN, "foreign_origin", detail)
    }

    /// With what a WebSocket is closed for it.
    pub(crate) fn close_code(&self) -> CloseCode {
        match self.0.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => CloseCode::Policy,
            status if status.is_client_error() => CloseCode::Unsupported,
            StatusCode::SERVICE_UNAVAILABLE => CloseCode::Again,
            _ => CloseCode::Error,
        }
    }

    /// A defect: the cause goes to the log.
    pub(crate) fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Error::internal(cause).into()
    }

    /// Tells the client what it may still try.
    pub(crate) fn within(mut self, share: Option<Share>) -> Self {
        self.0.share = share;
        self
    }

    /// Tells the client this too.
    pub(crate) fn with(mut self, header: (HeaderName, HeaderValue)) -> Self {
        self.0.header = Some(header);
        self
    }

    /// Why, for the log; only defects and outages have a cause worth a line.
    pub(crate) fn cause(&self) -> Option<&Error> {
        self.0.cause.as_ref().filter(|_| self.0.status.is_server_error())
    }

    /// The record of a stale version as it is by now.
    fn current(&self) -> Option<&Current> {
        self.0.cause.as_ref().and_then(Error::current)
    }

    /// The answer with its problem document.
    pub(crate) fn response(&self, request_id: &str) -> HttpResponse {
        let why = &self.0;
        let mut response = HttpResponseBuilder::new(why.status);
        response.content_type("application/problem+json");
        if why.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, r#"Bearer realm="slackcrm""#));
        }
        if let Some(wait) = why.retry_after {
            response.insert_header((header::RETRY_AFTER, wait.as_secs().max(RETRY_SECONDS)));
        }
        if let Some(allow) = &why.allow {
            response.insert_header((header::ALLOW, allow.as_str()));
        }
        if let Some(current) = self.current() {
            response.insert_header((header::ETAG, tag(current.version)));
        }
        if let Some(header) = &why.header {
            response.insert_header(header.clone());
        }
        let mut response = response.body(serde_json::to_vec(&self.problem(request_id)).unwrap_or_default());
        if let Some(share) = why.share {
            share.tell(response.headers_mut());
        }
        response
    }

    /// What its document says.
    pub(crate) fn problem<'a>(&'a self, request_id: &'a str) -> Problem<'a> {
        let why = &self.0;
        Problem {
            kind: format!("{TYPE_PREFIX}{}", why.code),
            title: why.status.canonical_reason().unwrap_or("Error"),
            status: why.status.as_u16(),
            detail: &why.detail,
            code: &why.code,
            request_id,
            errors: &why.errors,
            current: self.current().map(|current| &current.record),
        }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
            ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::Denied => StatusCode::FORBIDDEN,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Unsupported => StatusCode::NOT_IMPLEMENTED,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let waits = matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable);
        Self(Box::new(Why {
            status,
            code: error.code().into(),
            detail: error.message().to_owned(),
            errors: error.fields().to_vec(),
            retry_after: waits.then(|| error.retry_after().unwrap_or(Duration::from_secs(RETRY_SECONDS))),
            allow: None,
            share: None,
            header: None,
            cause: Some(error),
        }))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.detail)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.0.status
    }

    fn error_response(&self) -> HttpResponse {
        // The envelope renders it again with the request's id.
        self.response("")
    }
}
