//! Keyset pages: one sort field, then id; rows with a value first, then those without.
//!
//! Each segment is one range of one index. A page asks for one row more than it shows, which tells
//! whether others follow.

use crm_core::access::Listed;
use crm_core::page::{ListQuery, Position, SortKey};
use crm_core::{Error, Result};
use diesel::sql_types::BigInt;

use super::columns;
use super::fragment::{Bind, Fragment, Statement};
use super::predicate::{Place, predicate};
use super::room::{Room, live, place};
use super::{Conn, RunQueryDsl, dialect};
use crate::fault::Outcome;
use crate::types::{DbId, DbTime};

/// The rows of one segment, from the cursor on.
pub(crate) struct Segment {
    /// Which rows.
    pub(crate) which: Fragment,
    /// In which order.
    pub(crate) order: Fragment,
}

/// The segments of a page, in their order.
pub(crate) struct Plan {
    pub(crate) segments: Vec<Segment>,
}

impl Plan {
    /// The way through a list.
    pub(crate) fn of<T: Room>(workspace: i64, query: &ListQuery) -> Result<Self> {
        let place = place::<T>(workspace);
        let which = live::<T>(workspace).and(predicate(place, query.filter()));
        check_binds(&which)?;
        let key = &query.sort().field.key;
        let column = columns::column(T::ENTITY, key).and_then(columns::Column::sorted_by);
        let column =
            column.ok_or_else(|| Error::invalid("sort", "unknown_field", format!("cannot sort by {key:?}")))?;
        let sorted = Sorted { place, column, descending: query.sort().descending };
        let mut segments = Vec::new();
        let after = query.after();
        if after.is_none_or(|after| after.key.is_some()) {
            segments.push(sorted.with_value(which.clone(), after));
        }
        if query.sort().field.nullable {
            segments.push(sorted.without_value(which, after.filter(|after| after.key.is_none())));
        }
        Ok(Self { segments })
    }
}

struct Sorted {
    place: Place,
    column: &'static str,
    descending: bool,
}

impl Sorted {
    fn key(&self) -> Fragment {
        self.place.column(self.column)
    }

    fn id(&self) -> Fragment {
        self.place.column("id")
    }

    fn beyond(&self) -> &'static str {
        if self.descending { " < " } else { " > " }
    }

    fn direction(&self) -> &'static str {
        if self.descending { " DESC" } else { "" }
    }

    fn with_value(&self, which: Fragment, after: Option<&Position>) -> Segment {
        let which = which.sql(" AND ").then(self.key()).sql(" IS NOT NULL");
        let which = match after.and_then(|after| Some((after.key.clone()?, after.id))) {
            None => which,
            Some((key, id)) => {
                let pair = which.sql(" AND (").then(self.key()).sql(", ").then(self.id()).sql(")").sql(self.beyond());
                pair.sql("(").bind(bind(key)).sql(", ").bind(DbId(id)).sql(")")
            }
        };
        let order = self.key().sql(self.direction()).sql(", ").then(self.id()).sql(self.direction());
        Segment { which, order }
    }

    fn without_value(&self, which: Fragment, after: Option<&Position>) -> Segment {
        let which = which.sql(" AND ").then(self.key()).sql(" IS NULL");
        let which = match after {
            None => which,
            Some(after) => which.sql(" AND ").then(self.id()).sql(self.beyond()).bind(DbId(after.id)),
        };
        Segment { which, order: self.id().sql(self.direction()) }
    }
}

fn bind(key: SortKey) -> Bind {
    match key {
        SortKey::Text(text) => text.into(),
        SortKey::Integer(number) => number.into(),
        SortKey::Time(at) => DbTime(at).into(),
        SortKey::Id(id) => DbId(id).into(),
    }
}

/// The place of a row in a list.
pub(crate) fn position<T: Listed>(record: &T, query: &ListQuery) -> Position {
    Position { key: record.sort_key(&query.sort().field), id: record.uuid() }
}

/// Refuses a condition with more values than a statement takes.
pub(crate) fn check_binds(which: &Fragment) -> Result<()> {
    // A page adds a few of its own.
    if which.binds() + 16 > dialect::MAX_BINDS {
        return Err(Error::invalid("filter", "too_long", "has too many values"));
    }
    Ok(())
}

/// The number that a statement gives.
pub(crate) async fn number(conn: &mut Conn, statement: Fragment) -> Outcome<i64> {
    Ok(Statement::<BigInt>::new(statement).get_result(conn).await?)
}
