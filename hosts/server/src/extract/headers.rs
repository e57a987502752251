//! Headers that change what a request means.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{HeaderName, IF_MATCH};
use actix_web::{FromRequest, HttpRequest};
use crm_core::store::IdempotencyKey;
use crm_core::{Error, Expect, Result};

use crate::refusal::Refusal;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// Longest key that is kept.
const MAX_KEY_BYTES: usize = 255;
/// Most digits of a version in `If-Match`.
const MAX_VERSION_DIGITS: usize = 18;

/// The version that a change is based on, by `If-Match`.
pub(crate) struct Expected(pub(crate) Expect);

impl FromRequest for Expected {
    type Error = Refusal;
    type Future = Ready<std::result::Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(expected(request).map(Self).map_err(Refusal::from))
    }
}

fn expected(request: &HttpRequest) -> Result<Expect> {
    let Some(tag) = single(request, IF_MATCH, "If-Match")? else { return Ok(Expect::Any) };
    if tag == "*" {
        return Ok(Expect::Any);
    }
    version(tag).map(Expect::Version).ok_or_else(|| Error::invalid("If-Match", "etag", "is not a version, as in \"3\""))
}

/// The version in an entity tag: digits alone, as the document's pattern has it.
fn version(tag: &str) -> Option<i64> {
    let digits = tag.strip_prefix('"')?.strip_suffix('"')?;
    let is_plain = (1..=MAX_VERSION_DIGITS).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { digits.parse().ok() } else { None }
}

/// The key under which a creation happens once: the caller's, bound to route and body; the session
/// binds it to who sent it.
pub(crate) fn idempotency_key(request: &HttpRequest, body: &[u8]) -> Result<Option<IdempotencyKey>> {
    let Some(key) = single(request, IDEMPOTENCY_KEY, "Idempotency-Key")? else { return Ok(None) };
    let is_plain = key.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_plain || !(1..=MAX_KEY_BYTES).contains(&key.len()) {
        let message = format!("needs 1 to {MAX_KEY_BYTES} visible ASCII characters");
        return Err(Error::invalid("Idempotency-Key", "idempotency_key", message));
    }
    let route = format!("{} {}", request.method(), request.path());
    Ok(Some(IdempotencyKey::new(&route, key, body)))
}

/// The text of a header that may be sent once.
fn single<'a>(request: &'a HttpRequest, name: HeaderName, shown: &str) -> Result<Option<&'a str>> {
    let mut values = request.headers().get_all(name);
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| Error::invalid(shown, "text", "is not plain text")),
        (Some(_), Some(_)) => Err(Error::invalid(shown, "duplicate", "was sent twice")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_digits_between_quotes() {
        for (tag, is) in
            [("\"3\"", 3), ("\"0\"", 0), ("\"007\"", 7), ("\"999999999999999999\"", 999_999_999_999_999_999)]
        {
            assert_eq!(version(tag), Some(is), "{tag}");
        }
        let longer = "\"1000000000000000000\"";
        for tag in [
            "\"+3\"",
            "\"-3\"",
            "\"\"",
            "\"",
            "",
            "3",
            "\"3",
            "3\"",
            "W/\"3\"",
            "\"3\", \"4\"",
            "\" 3\"",
            "\"3.0\"",
            "\"\u{663}\"",
            longer,
        ] {
            assert_eq!(version(tag), None, "{tag}");
        }
    }
}
