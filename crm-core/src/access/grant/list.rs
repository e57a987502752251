//! Lists: what a caller asks for, checked against what they may see.

use super::{Grant, catalogue};
use crate::access::{Action, Entity, Listed};
use crate::error::{Error, FieldError, Result};
use crate::filter::{CheckContext, CheckedFilter, Filter, Op, Scalar, Source, Terms};
use crate::id::Id;
use crate::page::{self, ListQuery, ListRequest, Seal, Sort};
use crate::time::Timestamp;

impl Grant {
    /// Checks a list as the caller asks for it: its filter is read against the fields that the
    /// caller sees and joined with what the caller may see; an export reaches no further than the
    /// permission to export.
    ///
    /// # Errors
    /// `Invalid` for an unknown or hidden field, a bad sort, limit or cursor.
    pub fn check_list<T: Listed>(&self, request: &ListRequest, now: Timestamp) -> Result<ListQuery> {
        self.check_part::<T>(request, now, None)
    }

    /// As [`Grant::check_list`], of a part of the list that the request does not tell of, where there is one: its
    /// cursors open that part alone.
    pub(crate) fn check_part<T: Listed>(
        &self,
        request: &ListRequest,
        now: Timestamp,
        part: Option<&str>,
    ) -> Result<ListQuery> {
        let entity = T::ENTITY;
        let mut filter = if self.entity == entity && self.action == Action::Export {
            self.access.reach(entity, self.scope).unwrap_or_else(CheckedFilter::nothing)
        } else {
            self.visible(entity)
        };
        if let Some(asked) = &request.filter {
            let context = self.context(now);
            // A cursor belongs to the filter that it was given out with, which may be a board's.
            let checked = match &request.cursor {
                Some(_) => asked.check_going_on(entity, &context),
                None => asked.check(entity, &context),
            };
            filter = filter.and(checked?);
        }
        if !request.tags.is_empty() {
            filter = filter.and(self.check_tags(entity, &request.tags, now)?);
        }
        if let Some(terms) = request.q.as_deref().map(Terms::parse).transpose()?.flatten() {
            filter = filter.and(CheckedFilter::Matches(self.searched(entity, terms)));
        }
        let sort = self.check_sort(entity, request.sort.as_deref())?;
        let seal = self.seal(&named(entity, part, request, &sort));
        let after = page::position(&seal, request.cursor.as_deref(), &sort.field.kind)?;
        let limit = page::check_limit(request.limit)?;
        Ok(ListQuery { entity, filter, sort, limit, after, counted: request.count, seal })
    }

    /// The list, with the cursors of what another request asks for in the same order.
    pub(crate) fn sealed_as(&self, query: ListQuery, request: &ListRequest) -> ListQuery {
        let seal = self.seal(&named(query.entity, None, request, &query.sort));
        ListQuery { seal, ..query }
    }

    /// What makes and reads the cursors of a list of this workspace; `list` tells it from all others.
    pub(crate) fn seal(&self, list: &impl serde::Serialize) -> Seal {
        self.access.cursors.seal(self.workspace_id(), list)
    }

    /// Checks a filter as the caller asks it; without one, everything. What the caller may see is not
    /// part of it.
    ///
    /// # Errors
    /// `Invalid` for an unknown or hidden field.
    pub(crate) fn check_filter(
        &self,
        entity: Entity,
        filter: Option<&Filter>,
        now: Timestamp,
    ) -> Result<CheckedFilter> {
        filter.map_or_else(|| Ok(CheckedFilter::everything()), |filter| filter.check(entity, &self.context(now)))
    }

    /// Tags are checked apart from the filter, whose places and depth are the caller's own.
    fn check_tags(&self, entity: Entity, tags: &[String], now: Timestamp) -> Result<CheckedFilter> {
        let tags: Vec<Scalar> = tags.iter().cloned().map(Scalar::Text).collect();
        Filter::is("tags", Op::HasAny, tags).check(entity, &self.context(now)).map_err(|error| {
            let fault = |fault: &FieldError| FieldError { field: "tags".to_owned(), ..fault.clone() };
            Error::invalid_fields(error.fields().iter().map(fault).collect())
        })
    }

    /// The terms of a search in the text that this caller may search.
    pub(crate) fn searched(&self, entity: Entity, terms: Terms) -> Terms {
        if self.hides_searchable(entity) { terms.in_open_text() } else { terms }
    }

    /// Whether a built-in field that searches read is hidden from the caller.
    fn hides_searchable(&self, entity: Entity) -> bool {
        let mask = self.mask(entity);
        let fields = catalogue(entity).map(|catalogue| catalogue.fields.as_slice()).unwrap_or_default();
        fields.iter().any(|field| field.hideable && field.source == Source::Column && mask.hides(&field.key))
    }

    fn context(&self, now: Timestamp) -> CheckContext<'_> {
        CheckContext {
            schema: self.access.as_ref(),
            now,
            zone: self.zone(),
            me: self.user_id().map(Id::uuid),
            my_team: &self.access.teammates,
        }
    }

    fn check_sort(&self, entity: Entity, asked: Option<&str>) -> Result<Sort> {
        let asked = asked.unwrap_or("-created_at");
        let (key, descending) = asked.strip_prefix('-').map_or((asked, false), |key| (key, true));
        match self.field(entity, key) {
            Some(field) if field.sortable => Ok(Sort { field, descending }),
            // A hidden field answers as an unknown one does.
            _ => Err(Error::invalid("sort", "unknown_field", format!("cannot sort a {entity} by {key:?}"))),
        }
    }
}

/// What tells a list from all others. Cursors that were given out hold as long as this writes the same JSON: a whole
/// list is the part without a name.
fn named<'a>(
    entity: Entity,
    part: Option<&'a str>,
    request: &'a ListRequest,
    sort: &'a Sort,
) -> impl serde::Serialize + 'a {
    // The filter as it was asked for: relative times may move on between two pages.
    let asked = (&request.filter, request.q.as_deref().unwrap_or_default().trim(), &request.tags);
    (entity.name(), part.unwrap_or_default(), asked, sort.descending, &*sort.field.key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::Field;

    #[test]
    fn cursors_that_were_given_out_name_their_list_as_ever() {
        let request =
            ListRequest { q: Some(" ada ".to_owned()), tags: vec!["vip".to_owned()], ..ListRequest::default() };
        let sort = Sort { field: Field::reference("owner_id", Entity::User), descending: true };
        let name = |part: Option<&str>| serde_json::to_string(&named(Entity::Task, part, &request, &sort)).unwrap();
        assert_eq!(name(None), r#"["task","",[null,"ada",["vip"]],true,"owner_id"]"#);
        assert_eq!(name(Some("mine")), r#"["task","mine",[null,"ada",["vip"]],true,"owner_id"]"#);
    }
}
