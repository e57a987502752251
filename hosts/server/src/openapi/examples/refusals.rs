//! Refusals, one a status, rendered as the server renders them.

use crm_core::{Current, Error, ErrorKind, FieldError};
use serde_json::Value;

use super::{CONTACT, answers};
use crate::openapi::with;
use crate::refusal::Refusal;

/// The id of the request that was refused.
const REQUEST: &str = "6f1e0c52a7d94b3c8e5f2a1b0c9d8e7f";
/// Most bytes of a body where nobody sets it.
const BODY_LIMIT: usize = 1024 * 1024;

/// A change that was based on another version than the contact is at by now.
fn stale() -> Error {
    let version = 3;
    let contact = answers::answer("Contact").unwrap_or_default();
    Error::conflict(format!("contact {CONTACT} is at version {version} now"))
        .with_code("stale_version")
        .with_current(Current { version, record: with(contact, "version", version.into()) })
}

/// The example of a refusal with this status.
pub(in crate::openapi) fn refusal(status: &str) -> Option<Value> {
    let refusal = match status {
        "400" => Refusal::malformed("EOF while parsing an object at line 1 column 1"),
        "401" => Error::unauthenticated("needs an access token").into(),
        "403" => Error::denied("needs the permission contact:update").into(),
        "404" => Error::not_found("contact", CONTACT).into(),
        "408" => Refusal::slow_body(),
        "409" => stale().into(),
        "413" => Refusal::too_large(BODY_LIMIT),
        "414" => Refusal::long_uri(16 * 1024),
        "415" => Refusal::unsupported_media("the body must be application/json in UTF-8"),
        "422" => Error::invalid_fields(vec![
            FieldError::new("email", "email", "is not an e-mail address"),
            FieldError::new("colour", "unknown_field", "is not a field that can be set here"),
        ])
        .into(),
        "426" => Refusal::no_upgrade(),
        "429" => Error::new(ErrorKind::RateLimited, "too many attempts").into(),
        "500" => Refusal::internal("a defect"),
        "501" => Error::new(ErrorKind::Unsupported, "this deployment sends no mail: nobody said by what means")
            .with_code("mail_not_configured")
            .into(),
        "503" => Error::unavailable("the store cannot be reached").into(),
        _ => return None,
    };
    serde_json::to_value(refusal.problem(REQUEST)).ok()
}
