//! What the document knows of every path: its pattern, its methods and which of them take a query
//! string. It is read from there, so that no second list can fall behind.
//!
//! Every request asks for its place, for the log and the figures. The router cannot be asked: it would
//! match the path once more with all its regular expressions, and write the pattern anew.

use std::str::Split;

use actix_web::HttpRequest;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::{Operation, PathItem};

use crate::openapi::takes_query;

/// Every path of the document, as a tree of segments.
#[derive(Default)]
pub(crate) struct Places {
    all: Vec<Place>,
    root: Node,
}

/// One path of the document.
pub(crate) struct Place {
    /// Where it stands among all.
    pub(crate) number: usize,
    /// As in the document: `/api/v1/contacts/{id}`.
    pub(crate) pattern: String,
    /// As in `Allow`.
    pub(crate) methods: String,
    /// The methods that take a query string.
    queried: Vec<&'static str>,
}

/// What may follow a beginning of a path.
#[derive(Default)]
struct Node {
    fixed: Vec<(String, Node)>,
    parameter: Option<Box<Node>>,
    place: Option<usize>,
}

impl Places {
    /// Reads them.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let mut places = Self::default();
        for (pattern, item) in &document.paths.paths {
            let number = places.all.len();
            places.root.grow(segments(pattern), number);
            let queried = operations(item).into_iter();
            let queried = queried.filter(|(_, operation)| operation.is_some_and(takes_query));
            places.all.push(Place {
                number,
                pattern: pattern.clone(),
                methods: methods(item),
                queried: queried.map(|(method, _)| method).collect(),
            });
        }
        places
    }

    /// The place of a path. A path in full is nearer than one with a parameter in its place.
    pub(crate) fn find(&self, path: &str) -> Option<&Place> {
        self.all.get(self.root.find(segments(path))?)
    }

    /// The place of this number.
    pub(crate) fn at(&self, number: usize) -> Option<&Place> {
        self.all.get(number)
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn iter(&self) -> std::slice::Iter<'_, Place> {
        self.all.iter()
    }

    /// The methods of this path where it is one of its own, written in full.
    pub(crate) fn allowed_literally(&self, path: &str) -> Option<&str> {
        self.find(path).filter(|place| place.pattern == path).map(|place| place.methods.as_str())
    }

    /// Whether the operation that answers takes a query string.
    pub(crate) fn takes_query(&self, request: &HttpRequest) -> bool {
        self.find(request.path()).is_some_and(|place| place.queried.contains(&request.method().as_str()))
    }
}

impl Node {
    fn grow(&mut self, mut segments: Split<'_, char>, place: usize) {
        let Some(segment) = segments.next() else {
            self.place = Some(place);
            return;
        };
        if segment.starts_with('{') {
            return self.parameter.get_or_insert_default().grow(segments, place);
        }
        if let Some((_, node)) = self.fixed.iter_mut().find(|(name, _)| name == segment) {
            return node.grow(segments, place);
        }
        let mut node = Self::default();
        node.grow(segments, place);
        self.fixed.push((segment.to_owned(), node));
    }

    fn find(&self, mut segments: Split<'_, char>) -> Option<usize> {
        let Some(segment) = segments.next() else { return self.place };
        let fixed = self.fixed.iter().find(|(name, _)| name == segment);
        let found = fixed.and_then(|(_, node)| node.find(segments.clone()));
        found.or_else(|| self.parameter.as_ref().filter(|_| !segment.is_empty())?.find(segments))
    }
}

fn segments(path: &str) -> Split<'_, char> {
    path.strip_prefix('/').unwrap_or(path).split('/')
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

fn methods(item: &PathItem) -> String {
    let taken = operations(item).into_iter().filter(|(_, operation)| operation.is_some());
    // HEAD answers wherever GET does.
    taken.map(|(name, _)| if name == "GET" { "GET, HEAD" } else { name }).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_of_the_document_is_its_own_place() {
        let places = Places::of(&crate::openapi::document());
        for place in places.iter() {
            assert_eq!(places.find(&place.pattern).unwrap().number, place.number, "{}", place.pattern);
            let path = place.pattern.replace("{id}", "00000000-0000-7000-8000-000000000000");
            assert_eq!(places.find(&path).unwrap().number, place.number, "{path}");
        }
    }

    #[test]
    fn what_is_written_in_full_comes_first_and_the_rest_has_no_place() {
        let places = Places::of(&crate::openapi::document());
        let pattern = |path: &str| places.find(path).map(|place| place.pattern.as_str());
        assert_eq!(pattern("/api/v1/deals/pipeline"), Some("/api/v1/deals/pipeline"));
        assert_eq!(pattern("/api/v1/deals/pipelines"), Some("/api/v1/deals/{id}"));
        assert_eq!(pattern("/api/v1/deals/pipeline/timeline"), Some("/api/v1/deals/{id}/timeline"));
        for nowhere in ["", "/", "/api/v1/contacts/", "/api/v1/contacts//timeline", "/api/v2/contacts", "/healthz/x"] {
            assert_eq!(pattern(nowhere), None, "{nowhere}");
        }
    }
}
