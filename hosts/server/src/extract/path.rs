//! The record that a path names.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use crm_core::{Error, Id};

use crate::refusal::Refusal;

/// The `{id}` of the path. What is no id names no record.
pub(crate) struct RecordId<E>(pub(crate) Id<E>);

impl<E: 'static> FromRequest for RecordId<E> {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| text.parse().ok());
        let absent = || Refusal::from(Error::new(crm_core::ErrorKind::NotFound, "the path names no id"));
        ready(id.map(Self).ok_or_else(absent))
    }
}
