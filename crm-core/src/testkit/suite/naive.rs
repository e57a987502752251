//! What a list must be, from the definition of a filter and all records. Nothing here is a store's:
//! relations are followed by the names of fields alone.

use super::population::Mirrored;
use crate::access::{Entity, Listed, SearchPart};
use crate::activity::Note;
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::filter::{Facts, Field, FieldValue, Relation};
use crate::page::{ListQuery, Position};
use crate::task::Task;
use crate::testkit::memory::Mirror;
use crate::user::User;

/// The whole list, in its order, wherever the page of the query begins and ends.
pub(super) fn list<'a, T: Mirrored>(mirror: &'a Mirror, query: &ListQuery) -> Vec<&'a T> {
    let key = |row: &T| row.sort_key(&query.sort().field);
    let found = mirror.all::<T>().filter(|row| row.deleted_at().is_none());
    let found = found.filter(|record| query.filter().eval(&Naive { mirror, record: *record }));
    let (mut with, mut without): (Vec<&T>, Vec<&T>) = found.partition(|row| key(row).is_some());
    with.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap().then(a.uuid().cmp(&b.uuid())));
    without.sort_by_key(|row| row.uuid());
    if query.sort().descending {
        with.reverse();
        without.reverse();
    }
    with.extend(without);
    with
}

/// The place of a record in a list.
pub(super) fn position<T: Listed>(record: &T, query: &ListQuery) -> Position {
    Position { key: record.sort_key(&query.sort().field), id: record.uuid() }
}

/// A record among all others.
struct Naive<'a, T> {
    mirror: &'a Mirror,
    record: &'a T,
}

impl<T: Listed> Facts for Naive<'_, T> {
    fn value(&self, field: &Field) -> FieldValue<'_> {
        self.record.field_value(field)
    }

    fn related(&self, relation: &Relation, matches: &dyn Fn(&dyn Facts) -> bool) -> bool {
        match relation.entity {
            Entity::Contact => self.leads_to::<Contact>(relation, matches),
            Entity::Company => self.leads_to::<Company>(relation, matches),
            Entity::Deal => self.leads_to::<Deal>(relation, matches),
            Entity::Task => self.leads_to::<Task>(relation, matches),
            Entity::Note => self.leads_to::<Note>(relation, matches),
            Entity::User => self.leads_to::<User>(relation, matches),
            other => panic!("no relation leads to a {other}"),
        }
    }

    fn search_text(&self) -> String {
        format!("{} {}", self.open_text(), self.record.search_text(SearchPart::Hideable))
    }

    fn open_text(&self) -> String {
        self.record.search_text(SearchPart::Open)
    }
}

impl<T: Listed> Naive<'_, T> {
    /// `company` leads by one's own `company_id`, `contacts` by the `company_id` of others.
    fn leads_to<R: Mirrored>(&self, relation: &Relation, matches: &dyn Fn(&dyn Facts) -> bool) -> bool {
        let own = T::catalogue().field(&format!("{}_id", relation.key));
        let back = R::catalogue().field(&format!("{}_id", T::ENTITY));
        let leads = |other: &R| match (own, back) {
            (Some(own), _) => self.record.field_value(own) == FieldValue::Id(other.uuid()),
            (None, Some(back)) => other.field_value(back) == FieldValue::Id(self.record.uuid()),
            (None, None) => panic!("no field makes {} a relation of a {}", relation.key, T::ENTITY),
        };
        let others = self.mirror.all::<R>().filter(|other| other.deleted_at().is_none() && leads(other));
        others.into_iter().any(|record| matches(&Naive { mirror: self.mirror, record }))
    }
}
