//! Records by their tags.

use serde::Deserialize;

use crate::error::{Error, FieldError};
use crate::filter::{Filter, Op, Scalar};
use crate::page::ListRequest;

/// A list of records by the tags that they carry: everything that is said here holds of each.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TagFilter {
    /// At least one of these; anything where empty.
    pub any: Vec<String>,
    /// All of these.
    pub all: Vec<String>,
    /// None of these.
    pub none: Vec<String>,
    /// A sortable field, with a leading `-` for descending; `-created_at` where absent.
    pub sort: Option<String>,
    /// Rows a page, 1 to 200; 50 where absent.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 200))]
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Whether to count all matching records, up to 10,000.
    pub count: bool,
}

impl TagFilter {
    /// The conditions that were given, by their names.
    fn conditions(&self) -> impl Iterator<Item = (&'static str, Op, &Vec<String>)> {
        let all = [("any", Op::HasAny, &self.any), ("all", Op::HasAll, &self.all), ("none", Op::HasNone, &self.none)];
        all.into_iter().filter(|(_, _, tags)| !tags.is_empty())
    }

    /// The same list by a filter.
    pub fn list(&self) -> ListRequest {
        let part = |(_, op, tags): (_, _, &Vec<String>)| {
            Filter::is("tags", op, tags.iter().cloned().map(Scalar::Text).collect::<Vec<_>>())
        };
        ListRequest {
            filter: Some(Filter::All(self.conditions().map(part).collect())),
            sort: self.sort.clone(),
            limit: self.limit,
            cursor: self.cursor.clone(),
            count: self.count,
            ..ListRequest::default()
        }
    }

    /// What was wrong with that list, at the places where it was said here.
    pub fn blame(&self, error: Error) -> Error {
        if error.fields().is_empty() {
            return error;
        }
        let names: Vec<&str> = self.conditions().map(|(name, ..)| name).collect();
        let placed = |fault: &FieldError| {
            let place = fault.field.strip_prefix("filter.all.").and_then(|rest| rest.split_once(".value"));
            let name = place.and_then(|(at, rest)| Some(format!("{}{rest}", names.get(at.parse::<usize>().ok()?)?)));
            FieldError { field: name.unwrap_or_else(|| fault.field.clone()), ..fault.clone() }
        };
        Error::invalid_fields(error.fields().iter().map(placed).collect())
    }
}
