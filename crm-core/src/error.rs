//! The one error of the engine: every floor speaks it, hosts map its kind once.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Result of every use case and port.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, in the few ways a caller can react to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The input breaks a rule; `Error::fields` names each place.
    Invalid,
    /// Nobody, or somebody whose proof of identity does not hold.
    Unauthenticated,
    /// Known and visible, but outside what the caller may do.
    Denied,
    /// Absent, or invisible to the caller.
    NotFound,
    /// Somebody else was faster, or a unique value is taken.
    Conflict,
    /// Too many attempts; see `Error::retry_after`.
    RateLimited,
    /// The adapter cannot do this.
    Unsupported,
    /// A dependency is down or a deadline has passed; trying again may help.
    Unavailable,
    /// A defect; the message is fixed and the source goes to the log.
    Internal,
}

/// One rule broken at one place of the input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// Path of the field, as in `items.3.email`.
    pub field: String,
    /// Stable snake_case code, as in `required` or `too_long`.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub code: Cow<'static, str>,
    /// What is wrong, lower case, no full stop.
    pub message: String,
}

impl FieldError {
    /// One broken rule.
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code: Cow::Borrowed(code), message: message.into() }
    }
}

/// A record as the caller sees it at the version that it has by now.
#[derive(Clone)]
pub struct Current {
    /// Its version.
    pub version: i64,
    /// What a read of it would show, without the fields that the caller does not see.
    pub record: Value,
}

/// What the record says is left out: errors go to logs.
impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").field("version", &self.version).finish_non_exhaustive()
    }
}

/// Error of a use case or port: a kind, a message for people, the fields at fault, the cause.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    code: Option<&'static str>,
    fields: Vec<FieldError>,
    retry_after: Option<Duration>,
    current: Option<Arc<Current>>,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this kind with a message for the caller.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            kind,
            message: message.into(),
            code: None,
            fields: Vec::new(),
            retry_after: None,
            current: None,
            source: None,
        }
    }

    /// Input that breaks one rule at one field.
    pub fn invalid(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::invalid_fields(vec![FieldError::new(field, code, message)])
    }

    /// Input that breaks several rules.
    pub fn invalid_fields(fields: Vec<FieldError>) -> Self {
        let message = match fields.as_slice() {
            [one] => format!("{}: {}", one.field, one.message),
            many => format!("{} fields are invalid", many.len()),
        };
        Self { fields, ..Self::new(ErrorKind::Invalid, message) }
    }

    /// What a caller is told whose field points to nothing: `Invalid` at the field, rather than
    /// `NotFound`.
    #[must_use]
    pub(crate) fn not_found_at(self, field: &str) -> Self {
        match self.kind {
            ErrorKind::NotFound => Self::invalid(field, "not_found", self.message),
            _ => self,
        }
    }

    /// Absent or invisible record.
    pub fn not_found(what: &str, id: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, format!("{what} {id} not found"))
    }

    /// Stale version or taken unique value.
    pub fn conflict(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// The caller lacks a permission.
    pub fn denied(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// The caller is nobody.
    pub fn unauthenticated(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unauthenticated, message)
    }

    /// A dependency is down or too slow.
    pub fn unavailable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// A defect: callers see a fixed text, the source is for the log.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { source: Some(Arc::from(source.into())), ..Self::new(ErrorKind::Internal, "internal error") }
    }

    /// Replaces the kind's code by a more exact, equally stable one.
    #[must_use]
    pub fn with_code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// Says when another attempt may succeed.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Shows the record that the caller would have changed, as they see it by now.
    #[must_use]
    pub fn with_current(mut self, current: Current) -> Self {
        self.current = Some(Arc::new(current));
        self
    }

    /// Keeps the cause for the log.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }

    /// Prefixes every field path, as in `items.3`.
    #[must_use]
    pub fn under(mut self, prefix: &str) -> Self {
        for field in &mut self.fields {
            field.field = format!("{prefix}.{}", field.field);
        }
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Message for the caller; fixed for `Internal`.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Fields at fault; empty unless `Invalid`.
    pub fn fields(&self) -> &[FieldError] {
        &self.fields
    }

    /// When to try again, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The record of a stale version as it is by now, where the caller sees it.
    pub fn current(&self) -> Option<&Current> {
        self.current.as_deref()
    }

    /// Stable snake_case code for machines.
    pub fn code(&self) -> &'static str {
        self.code.unwrap_or(match self.kind {
            ErrorKind::Invalid => "invalid",
            ErrorKind::Unauthenticated => "unauthenticated",
            ErrorKind::Denied => "denied",
            ErrorKind::NotFound => "not_found",
            ErrorKind::Conflict => "conflict",
            ErrorKind::RateLimited => "rate_limited",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Unavailable => "unavailable",
            ErrorKind::Internal => "internal",
        })
    }

    /// Whether nothing was written for certain. An outage or a defect leaves that open: a commit may
    /// stand whose answer was lost.
    pub fn is_refusal(&self) -> bool {
        use ErrorKind::{Conflict, Denied, Invalid, NotFound, RateLimited};
        matches!(self.kind, Invalid | Denied | NotFound | Conflict | RateLimited)
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self.kind, ErrorKind::Conflict | ErrorKind::RateLimited | ErrorKind::Unavailable)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.kind).field("code", &self.code()).field("message", &self.message);
        if !self.fields.is_empty() {
            debug.field("fields", &self.fields);
        }
        if let Some(source) = &self.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}
