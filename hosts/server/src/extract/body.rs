//! JSON bodies: read up to a limit, decoded strictly.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpRequest};
use crm_core::{Error, FieldError};
use futures::future::LocalBoxFuture;
use futures::{FutureExt as _, StreamExt as _};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_path_to_error::{Path, Segment};

use super::query::refuse_unread;
use super::signed::state;
use crate::refusal::Refusal;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// Least bytes that the body of bulk work may have: 16 MiB, for 10,000 records.
const BULK_LIMIT: usize = 16 * 1024 * 1024;
/// Bytes that a body gets before any of it arrives.
const MAX_RESERVED: usize = 4_096;
/// Characters of a place or message that a refusal repeats of its input.
const MAX_REPEATED: usize = 300;

/// The body as a `T`, unknown fields refused by name.
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest for Json<T> {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        async move {
            refuse_unread(&request)?;
            decode(&read(&request, payload).await?).map(Self)
        }
        .boxed_local()
    }
}

/// The bytes of a JSON body.
pub(super) async fn read(request: &HttpRequest, mut payload: Payload) -> Result<BytesMut, Refusal> {
    check_media(request)?;
    let limit = limit(request)?;
    let announced = header(request, CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(Refusal::too_large(limit));
    }
    // What was announced has not come yet, and may never.
    let mut bytes = BytesMut::with_capacity(announced.unwrap_or(MAX_RESERVED).min(MAX_RESERVED));
    let arriving = async {
        while let Some(chunk) = payload.next().await {
            let chunk = chunk.map_err(|error| match error {
                PayloadError::Overflow => Refusal::too_large(limit),
                _ => Refusal::broken_body(),
            })?;
            if bytes.len() + chunk.len() > limit {
                return Err(Refusal::too_large(limit));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    };
    tokio::time::timeout(BODY_TIMEOUT, arriving).await.map_err(|_| Refusal::slow_body())??;
    Ok(bytes)
}

/// Most bytes of a request's body: bulk work may send more.
fn limit(request: &HttpRequest) -> Result<usize, Refusal> {
    let limit = state(request)?.config.body_limit;
    let is_bulk = request.path().split('/').any(|part| part == "bulk");
    Ok(if is_bulk { limit.max(BULK_LIMIT) } else { limit })
}

/// Refuses what is not plain JSON in UTF-8.
fn check_media(request: &HttpRequest) -> Result<(), Refusal> {
    let media = header(request, CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
    let mut parts = media.split(';').map(str::trim);
    let is_json = parts.next() == Some("application/json");
    let is_utf8 = parts.all(|part| match part.split_once('=') {
        Some(("charset", charset)) => charset.trim_matches('"') == "utf-8",
        _ => true,
    });
    if !is_json || !is_utf8 {
        return Err(Refusal::unsupported_media("the body must be application/json in UTF-8"));
    }
    match header(request, CONTENT_ENCODING) {
        None | Some("identity") => Ok(()),
        Some(_) => Err(Refusal::unsupported_media("the body must not be compressed")),
    }
}

fn header(request: &HttpRequest, name: actix_web::http::header::HeaderName) -> Option<&str> {
    request.headers().get(name)?.to_str().ok()
}

/// Reads JSON: 400 where it is none, 422 with the place where it is not what is asked for.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    // serde would read a list as the fields of a record in their order.
    if first == Some(&b'[') {
        check_syntax(bytes)?;
        return Err(Error::invalid("body", "value_type", "must be an object").into());
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value: Result<T, _> = serde_path_to_error::deserialize(&mut json);
    match value {
        Ok(value) => json.end().map(|()| value).map_err(|error| Refusal::malformed(error.to_string())),
        Err(error) => {
            check_syntax(bytes)?;
            Err(Error::invalid_fields(vec![field_fault(error.path(), error.inner())]).into())
        }
    }
}

/// Refuses what is no JSON at all. What is JSON but holds a value that nothing can hold, as half of
/// a surrogate pair or 1e999, passes, and is then a fault of its field.
fn check_syntax(bytes: &[u8]) -> Result<(), Refusal> {
    std::str::from_utf8(bytes).map_err(|_| Refusal::malformed("the body is not UTF-8"))?;
    let read = serde_json::from_slice::<IgnoredAny>(bytes);
    read.map(drop).map_err(|error| Refusal::malformed(error.to_string()))
}

/// The beginning of a text that came from the caller.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(MAX_REPEATED) {
        Some((end, _)) => text.get(..end).map(|start| format!("{start}…")).unwrap_or_default(),
        None => text.to_owned(),
    }
}

/// What serde found wrong, at its place. Its messages begin in a few fixed ways.
pub(super) fn field_fault(path: &Path, error: &impl ToString) -> FieldError {
    let text = error.to_string();
    // The line and column of the body are of no use to whoever made it by a program.
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let named = |start: &str| text.strip_prefix(start).and_then(|rest| rest.split('`').next());
    let mut place = segments(path);
    let (code, name, message) = if let Some(name) = named("unknown field `") {
        ("unknown_field", Some(name), "is not a field that can be set here")
    } else if let Some(name) = named("missing field `") {
        ("required", Some(name), "is required")
    } else if let Some(name) = named("duplicate field `") {
        ("duplicate", Some(name), "is there twice")
    } else if text.starts_with("lone leading surrogate") || text.starts_with("unexpected end of hex escape") {
        ("text", None, "holds half of a surrogate pair")
    } else if text.starts_with("filter nests deeper") {
        ("too_deep", None, text)
    } else if text.starts_with("invalid type") {
        ("value_type", None, text)
    } else {
        ("value", None, text)
    };
    if let Some(name) = name.filter(|name| place.last().map(String::as_str) != Some(*name)) {
        place.push(name.to_owned());
    }
    let field = if place.is_empty() { "body".to_owned() } else { place.join(".") };
    FieldError::new(shortened(&field), code, shortened(message))
}

fn segments(path: &Path) -> Vec<String> {
    let text = |segment: &Segment| match segment {
        Segment::Seq { index } => Some(index.to_string()),
        Segment::Map { key } => Some(key.clone()),
        Segment::Enum { variant } => Some(variant.clone()),
        Segment::Unknown => None,
    };
    path.iter().filter_map(text).collect()
}
