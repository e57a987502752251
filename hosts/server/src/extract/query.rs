//! Query strings as typed parameters.

use std::borrow::Cow;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use crm_core::filter::{Filter, Span};
use crm_core::{Error, FieldError, ListRequest, Result};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use super::body::{field_fault, shortened};
use super::signed::state;
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

/// The query string as two: parameters that several operations take, and those of this one alone.
pub(crate) struct Queries<A, B>(pub(crate) A, pub(crate) B);

impl<A: DeserializeOwned + IntoParams, B: DeserializeOwned> FromRequest for Queries<A, B> {
    type Error = Refusal;
    type Future = Ready<std::result::Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(parse_both(request.query_string()).map_err(Refusal::from))
    }
}

fn parse_both<A: DeserializeOwned + IntoParams, B: DeserializeOwned>(query: &str) -> Result<Queries<A, B>> {
    let shared = A::into_params(|| Some(ParameterIn::Query));
    let is_shared = |pair: &&str| {
        let name = form_urlencoded::parse(pair.as_bytes()).next().map(|(name, _)| name);
        name.is_some_and(|name| shared.iter().any(|parameter| parameter.name == name))
    };
    let (shared, own): (Vec<&str>, Vec<&str>) = query.split('&').partition(is_shared);
    Ok(Queries(parse(&shared.join("&"))?, parse(&own.join("&"))?))
}

/// For operations that take no query string: none came.
pub(crate) struct NoQuery;

impl FromRequest for NoQuery {
    type Error = Refusal;
    type Future = Ready<std::result::Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(refuse_unread(request).map(|()| Self))
    }
}

/// Refuses a query string that the operation would not read: whoever sent it would think that it
/// was heeded.
pub(super) fn refuse_unread(request: &HttpRequest) -> std::result::Result<(), Refusal> {
    let (query, places) = (request.query_string(), &state(request)?.places);
    if query.is_empty() || places.takes_query(request) {
        return Ok(());
    }
    // The path is another's by other methods, and it is the method that is wrong.
    let method = request.method().as_str();
    if let Some(methods) = places.allowed_literally(request.path())
        && !methods.split(", ").any(|allowed| allowed == method)
    {
        return Err(Refusal::method(methods));
    }
    let unknown = |(name, _): (Cow<'_, str>, Cow<'_, str>)| {
        FieldError::new(shortened(&name), "unknown_field", "is not a parameter of this operation")
    };
    match form_urlencoded::parse(query.as_bytes()).map(unknown).collect::<Vec<_>>() {
        none if none.is_empty() => Ok(()),
        unknown => Err(Error::invalid_fields(unknown).into()),
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
        let Self { limit, cursor, sort, q, count, tags, .. } = self;
        let tags = tags.iter().flat_map(|tags| tags.split(',')).map(|tag| tag.trim().to_owned()).collect();
        Ok(ListRequest { filter, sort, limit, cursor, q, count: count.unwrap_or(false), tags })
    }
}

/// A list of records that carry no tags.
#[derive(Debug)]
pub(crate) struct UntaggedParams(ListParams);

impl UntaggedParams {
    /// The request that the engine checks.
    pub(crate) fn into_request(self) -> Result<ListRequest> {
        self.0.into_request()
    }
}

impl<'de> Deserialize<'de> for UntaggedParams {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let params = ListParams::deserialize(deserializer)?;
        match params.tags {
            Some(_) => Err(D::Error::unknown_field("tags", &["limit", "cursor", "sort", "q", "filter", "count"])),
            None => Ok(Self(params)),
        }
    }
}

impl IntoParams for UntaggedParams {
    fn into_params(parameter_in: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut all = ListParams::into_params(parameter_in);
        all.retain(|parameter| parameter.name != "tags");
        all
    }
}

/// What is due within a time from now on, as a query asks for it.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct UpcomingParams {
    /// How long from now on, as an ISO 8601 duration; `P7D` where absent.
    #[param(value_type = Option<String>, pattern = r"^P[1-9][0-9]{0,3}[DWM]$")]
    within: Option<Span>,
    /// Rows a page; 50 where absent.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<u16>,
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// A field, with a leading `-` for descending; `due_at` where absent.
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

impl UpcomingParams {
    /// The window and the request that the engine checks.
    pub(crate) fn into_request(self) -> Result<(Span, ListRequest)> {
        let Self { within, limit, cursor, sort, q, filter, count, tags } = self;
        let request = ListParams { limit, cursor, sort, q, filter, count, tags }.into_request()?;
        Ok((within.unwrap_or(Span::days(7)), request))
    }
}

/// A whole list as a query asks for it, to be exported.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ExportParams {
    /// A field, with a leading `-` for descending; `-created_at` where absent.
    sort: Option<String>,
    /// Words that the record must contain; each may be the start of a longer word.
    q: Option<String>,
    /// A `Filter` as JSON.
    filter: Option<String>,
    /// Tags of which the record carries at least one, separated by commas.
    tags: Option<String>,
}

impl ExportParams {
    /// The request that the engine checks.
    pub(crate) fn into_request(self) -> Result<ListRequest> {
        let Self { sort, q, filter, tags } = self;
        ListParams { sort, q, filter, tags, ..ListParams::default() }.into_request()
    }
}
