//! Requests that no route takes as they are: 405 where the path has other methods, 404 where it has
//! none.

use actix_web::HttpRequest;
use actix_web::web::Data;

use crate::answer::Done;
use crate::app::State;
use crate::refusal::{Answer, Refusal};

/// Refuses.
pub(crate) async fn fallback(request: HttpRequest, state: Data<State>) -> Answer<Done> {
    Err(match state.places.find(request.path()) {
        Some(place) => Refusal::method(&place.methods),
        None => Refusal::no_such_route(),
    })
}
