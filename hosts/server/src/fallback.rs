//! What the document knows of every path, for requests that a route does not take as they are:
//! 405 where the path has other methods, 404 where it has none.

use std::collections::BTreeSet;

use actix_web::HttpRequest;
use actix_web::dev::ResourceDef;
use actix_web::web::Data;
use utoipa::openapi::path::{Operation, ParameterIn, PathItem};
use utoipa::openapi::{OpenApi, RefOr};

use crate::answer::Done;
use crate::app::State;
use crate::refusal::{Answer, Refusal};

/// Every path of the document. It is read from there, so that no second list can fall behind.
pub(crate) struct Known {
    paths: Vec<Place>,
    /// The operations that take a query string, by method and path.
    queried: BTreeSet<(&'static str, String)>,
}

struct Place {
    pattern: ResourceDef,
    /// As in `Allow`.
    methods: String,
}

impl Known {
    /// Reads them.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let mut all: Vec<_> = document.paths.paths.iter().collect();
        // A path in full is nearer than one with a parameter in its place.
        all.sort_by_key(|(path, _)| path.matches('{').count());
        let queried = all.iter().flat_map(|(path, item)| {
            let those = operations(item).into_iter().filter(|(_, operation)| operation.is_some_and(takes_query));
            those.map(|(method, _)| (method, (*path).clone()))
        });
        let queried = queried.collect();
        let place = |(path, item): (&String, &PathItem)| Place {
            pattern: ResourceDef::new(path.as_str()),
            methods: methods(item),
        };
        Self { paths: all.into_iter().map(place).collect(), queried }
    }

    /// The methods of the path that comes nearest.
    fn allowed(&self, path: &str) -> Option<&str> {
        self.paths.iter().find(|known| known.pattern.is_match(path)).map(|known| known.methods.as_str())
    }

    /// The methods of this path where it is one of its own, written in full.
    pub(crate) fn allowed_literally(&self, path: &str) -> Option<&str> {
        self.paths.iter().find(|known| known.pattern.pattern() == Some(path)).map(|known| known.methods.as_str())
    }

    /// Whether the operation that answers takes a query string.
    pub(crate) fn takes_query(&self, request: &HttpRequest) -> bool {
        let pattern = request.match_pattern();
        let method = request.method().as_str();
        self.queried.iter().any(|(its, path)| *its == method && Some(path) == pattern.as_ref())
    }
}

fn operations(item: &PathItem) -> [(&'static str, Option<&Operation>); 5] {
    [
        ("GET", item.get.as_ref()),
        ("POST", item.post.as_ref()),
        ("PUT", item.put.as_ref()),
        ("PATCH", item.patch.as_ref()),
        ("DELETE", item.delete.as_ref()),
    ]
}

fn takes_query(operation: &Operation) -> bool {
    let parameters = operation.parameters.iter().flatten();
    parameters.into_iter().any(|parameter| matches!(parameter, RefOr::T(one) if one.parameter_in == ParameterIn::Query))
}

fn methods(item: &PathItem) -> String {
    let taken = operations(item).into_iter().filter(|(_, operation)| operation.is_some());
    // HEAD answers wherever GET does.
    taken.map(|(name, _)| if name == "GET" { "GET, HEAD" } else { name }).collect::<Vec<_>>().join(", ")
}

/// Refuses.
pub(crate) async fn fallback(request: HttpRequest, state: Data<State>) -> Answer<Done> {
    Err(match state.known.allowed(request.path()) {
        Some(methods) => Refusal::method(methods),
        None => Refusal::no_such_route(),
    })
}
