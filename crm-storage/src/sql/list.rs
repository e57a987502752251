//! Keyset pages: one sort field, then id; rows with a value first, then those without.
//!
//! Each segment is one range of one index. A page asks for one row more than it shows, which tells
//! whether others follow.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crm_core::filter::{Check, CheckedFilter, Test};
use crm_core::page::{ListQuery, Position, SortKey};
use crm_core::{Error, Result};
use diesel::sql_types::BigInt;

use super::columns;
use super::fragment::{Bind, Fragment, Statement};
use super::predicate::{Place, predicate};
use super::room::{Room, live, place};
use super::{Conn, RunQueryDsl, Store, dialect};
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

/// How a list is to be walked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// As the database plans it.
    Planned,
    /// Along the index of its order, looking at each row.
    InOrder,
}

/// Beyond how many of a table's rows a list is rather walked in its order than sorted.
///
/// With `m` of `n` rows in a list, sorting looks at `m` rows and walking at some `50 n / m` for a
/// page: they cost alike where `m` is the root of `50 n`, 2,236 for 100,000 rows.
fn many(rows: i64) -> i64 {
    rows.saturating_mul(50).max(0).isqrt()
}

/// The ways through a list that a condition narrows down.
pub(crate) struct Plans {
    pub(super) planned: Plan,
    in_order: Option<InOrder>,
}

/// The way to go where a list has more than [`many`] rows.
struct InOrder {
    /// What tells how many rows the table has.
    table: Fragment,
    /// What tells whether the list has more rows than a number, which is bound to its end.
    has_more: Fragment,
    plan: Plan,
}

impl Plans {
    /// The ways through a list.
    pub(crate) fn of<T: Room>(workspace: i64, query: &ListQuery) -> Result<Self> {
        let planned = Plan::of::<T>(workspace, query, Way::Planned)?;
        let (Some(table), false) = (dialect::most_rows(T::TABLE), is_found_in_order::<T>(query)) else {
            return Ok(Self { planned, in_order: None });
        };
        let place = place::<T>(workspace);
        // To pass rows over costs a third less than to count them.
        let has_more = Fragment::new("SELECT EXISTS (SELECT 1 FROM ").sql(T::TABLE).sql(" WHERE ");
        // Deleted rows count too: an index alone answers then.
        let has_more = has_more.then(place.column("workspace_id")).sql(" = ").bind(workspace);
        let has_more = has_more.and(predicate(place, query.filter())).sql(" LIMIT 1 OFFSET ");
        let plan = Plan::of::<T>(workspace, query, Way::InOrder)?;
        Ok(Self { planned, in_order: Some(InOrder { table, has_more, plan }) })
    }

    /// Makes connections keep the statements that come often.
    #[must_use]
    pub(crate) fn kept<T: Room>(self, store: &Store) -> Self {
        let in_order = self.in_order.map(|InOrder { table, has_more, plan }| InOrder {
            table,
            has_more: often(store, has_more),
            plan: plan.kept::<T>(store),
        });
        Self { planned: self.planned.kept::<T>(store), in_order }
    }

    /// The way to go.
    pub(crate) async fn choose(self, conn: &mut Conn) -> Outcome<Plan> {
        let Some(InOrder { table, has_more, plan }) = self.in_order else { return Ok(self.planned) };
        let many = many(number(conn, table).await?);
        Ok(if number(conn, has_more.bind(many).sql(")")).await? == 0 { self.planned } else { plan })
    }
}

/// Whether the index that finds a list gives its order too: that of all records, and that of the records with one
/// value in the order of their making.
fn is_found_in_order<T: Room>(query: &ListQuery) -> bool {
    match conditions(query.filter()).as_slice() {
        [] => true,
        [CheckedFilter::Is(Test { field, check: Check::Eq(_) })] => {
            query.sort().field.key == "created_at" && columns::is_ordered_by_making(T::ENTITY, &field.key)
        }
        _ => false,
    }
}

/// The conditions of a filter that must all hold.
fn conditions(filter: &CheckedFilter) -> Vec<&CheckedFilter> {
    match filter {
        CheckedFilter::All(parts) => parts.iter().flat_map(conditions).collect(),
        condition => vec![condition],
    }
}

/// A statement that connections keep where it comes often.
pub(crate) fn often(store: &Store, statement: Fragment) -> Fragment {
    let mut digest = DefaultHasher::new();
    statement.shape(&mut digest);
    if store.pools.keeps(digest.finish()) { statement.fixed() } else { statement }
}

impl Segment {
    /// The same, kept by connections where it comes often.
    #[must_use]
    pub(crate) fn kept<T: Room>(self, store: &Store) -> Self {
        let Self { which, order } = self;
        let mut digest = DefaultHasher::new();
        T::TABLE.hash(&mut digest);
        which.shape(&mut digest);
        order.shape(&mut digest);
        match store.pools.keeps(digest.finish()) {
            true => Self { which: which.fixed(), order: order.fixed() },
            false => Self { which, order },
        }
    }
}

impl Plan {
    fn kept<T: Room>(self, store: &Store) -> Self {
        Self { segments: self.segments.into_iter().map(|segment| segment.kept::<T>(store)).collect() }
    }

    fn of<T: Room>(workspace: i64, query: &ListQuery, way: Way) -> Result<Self> {
        let place = place::<T>(workspace);
        let looked_at = if way == Way::InOrder { place.unindexed() } else { place };
        let which = live::<T>(workspace).and(predicate(looked_at, query.filter()));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_walked_where_that_looks_at_fewer_rows_than_sorting_it() {
        for rows in [1_000, 100_000, 10_000_000] {
            let many = many(rows);
            let walked = |list: i64| 50 * rows / list;
            assert!(walked(many + 1) <= many + 1 && walked(many - 1) >= many - 1, "{rows}: {many}");
        }
        assert_eq!((many(0), many(-1)), (0, 0));
    }
}
