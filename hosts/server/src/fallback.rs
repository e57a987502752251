//! Requests that no route takes: 405 where the path is known by other methods, else 404.

use actix_web::HttpRequest;
use actix_web::dev::ResourceDef;
use actix_web::web::Data;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::PathItem;

use crate::answer::Done;
use crate::app::State;
use crate::refusal::{Answer, Refusal};

/// Every path of the document with its methods.
pub(crate) struct Known(Vec<(ResourceDef, String)>);

impl Known {
    /// Reads them from the document, so that no second list can fall behind.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let mut paths: Vec<_> = document.paths.paths.iter().collect();
        // A path in full is nearer than one with a parameter in its place.
        paths.sort_by_key(|(path, _)| path.matches('{').count());
        Self(paths.into_iter().map(|(path, item)| (ResourceDef::new(path.as_str()), methods(item))).collect())
    }

    fn allowed(&self, path: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.is_match(path)).map(|(_, methods)| methods.as_str())
    }
}

fn methods(item: &PathItem) -> String {
    let taken = [
        ("GET", item.get.is_some()),
        ("POST", item.post.is_some()),
        ("PUT", item.put.is_some()),
        ("PATCH", item.patch.is_some()),
        ("DELETE", item.delete.is_some()),
    ];
    taken.into_iter().filter(|(_, is_taken)| *is_taken).map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

/// Refuses.
pub(crate) async fn fallback(request: HttpRequest, state: Data<State>) -> Answer<Done> {
    Err(match state.known.allowed(request.path()) {
        Some(methods) => Refusal::method(methods),
        None => Refusal::no_such_route(),
    })
}
