//! The record that a path names.

use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use crm_core::webhook::Delivery;
use crm_core::{Error, ErrorKind, Id};

use super::signed::state;
use crate::refusal::Refusal;

/// The `{id}` of the path. What is no id names no record.
pub(crate) struct RecordId<E>(pub(crate) Id<E>);

impl<E: 'static> FromRequest for RecordId<E> {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("id").and_then(|text| text.parse().ok());
        ready(id.map(Self).ok_or_else(|| absent(request)))
    }
}

/// The `{delivery_id}` of the path. What is no id names no record.
pub(crate) struct DeliveryId(pub(crate) Id<Delivery>);

impl FromRequest for DeliveryId {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let id = request.match_info().get("delivery_id").and_then(|text| text.parse().ok());
        ready(id.map(Self).ok_or_else(|| absent(request)))
    }
}

/// Why there is no id: the path is another's by other methods, or it leads nowhere.
fn absent(request: &HttpRequest) -> Refusal {
    let methods = state(request).map(|state| state.places.allowed_literally(request.path()));
    match methods {
        Ok(Some(methods)) => Refusal::method(methods),
        Ok(None) => Error::new(ErrorKind::NotFound, "the path names no id").into(),
        Err(refusal) => refusal,
    }
}

/// The `{name}` of the path, as a `T`.
pub(crate) struct Named<T>(pub(crate) T);

impl<T: FromStr<Err = Error>> FromRequest for Named<T> {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.match_info().get("name").unwrap_or_default().parse().map(Self).map_err(Refusal::from))
    }
}
