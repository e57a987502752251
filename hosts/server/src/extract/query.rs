//! Query strings as typed parameters.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use crm_core::filter::{Filter, Op, Scalar};
use crm_core::{Error, ListRequest, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use utoipa::IntoParams;

use super::body::field_fault;
use crate::refusal::Refusal;

/// The query string as a `T`; unknown and repeated parameters are refused by name.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest for Query<T> {
    type Error = Refusal;
    type Future = Ready<std::result::Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse(request.query_string()).map(Self).map_err(Refusal::from))
    }
}

fn parse<T: DeserializeOwned>(query: &str) -> Result<T> {
    if !is_text(query) {
        return Err(Error::invalid("query", "text", "is not percent-encoded UTF-8"));
    }
    let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
    serde_path_to_error::deserialize(pairs)
        .map_err(|error| Error::invalid_fields(vec![field_fault(error.path(), error.inner())]))
}

/// Whether every percent sign begins an encoded byte, and the bytes are UTF-8: the deserializer
/// itself would put replacement characters in place of others.
fn is_text(query: &str) -> bool {
    let mut decoded = Vec::with_capacity(query.len());
    let mut rest = query.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        (rest, _) = match (first, after.split_first_chunk::<2>()) {
            (b'%', Some((digits, after))) => match encoded(*digits) {
                Some(byte) => (after, decoded.push(byte)),
                None => return false,
            },
            (b'%', None) => return false,
            (byte, _) => (after, decoded.push(*byte)),
        };
    }
    std::str::from_utf8(&decoded).is_ok()
}

/// The byte of two hexadecimal digits.
fn encoded(digits: [u8; 2]) -> Option<u8> {
    let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
    u8::try_from(high? << 4 | low?).ok()
}

/// A list as a query asks for it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListParams {
    /// Rows a page; 50 where absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// A field, with a leading `-` for descending; `-created_at` where absent.
    sort: Option<String>,
    /// Words that the record must contain; each may be the start of a longer word.
    q: Option<String>,
    /// A `Filter` as JSON.
    filter: Option<String>,
    /// Whether to count all matching records, up to 10,000.
    count: Option<bool>,
    /// Tags of which the record carries at least one, separated by commas.
    tags: Option<String>,
}

impl ListParams {
    /// The request that the engine checks.
    pub(crate) fn into_request(self) -> Result<ListRequest> {
        let filter = self.filter.as_deref().map(Filter::from_json).transpose()?;
        let tags = self.tags.as_deref().map(tagged);
        let filter = match (filter, tags) {
            (Some(filter), Some(tags)) => Some(Filter::All(vec![filter, tags])),
            (filter, tags) => filter.or(tags),
        };
        let Self { limit, cursor, sort, q, count, .. } = self;
        Ok(ListRequest { filter, sort, limit, cursor, q, count: count.unwrap_or(false) })
    }
}

fn tagged(tags: &str) -> Filter {
    let tags = tags.split(',').map(|tag| Scalar::Text(tag.trim().to_owned())).collect::<Vec<_>>();
    Filter::is("tags", Op::HasAny, tags)
}
