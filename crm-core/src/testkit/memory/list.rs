//! Lists: who sees what, in which order, page by page.

use std::cmp::Ordering;
use std::sync::Arc;

use uuid::Uuid;

use super::facts::{InPlace, Linked};
use super::rows::{self, Rows};
use crate::access::Grant;
use crate::error::Result;
use crate::page::{ListQuery, Position, Rows as Page, SortKey};
use crate::store::Stored;

/// Whether the caller sees a record, deleted or not.
pub(super) fn sees<T: Linked>(rows: &Rows, grant: &Grant, record: &T) -> bool {
    grant.visible(T::ENTITY).eval(&InPlace { rows, record })
}

/// A record that is not deleted and that the caller sees.
pub(super) fn visible<T: Linked>(rows: &Rows, grant: &Grant, id: Uuid) -> Result<Stored<T>> {
    let row = rows.get::<T>(id).filter(|row| row.deleted_at().is_none() && sees(rows, grant, *row));
    rows::found(row, id)
}

/// Those of these records that are not deleted and that the caller sees.
pub(super) fn visible_of<T: Linked>(rows: &Rows, grant: &Grant, ids: impl IntoIterator<Item = Uuid>) -> Vec<Stored<T>> {
    let mut ids: Vec<Uuid> = ids.into_iter().collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().filter_map(|id| visible(rows, grant, id).ok()).collect()
}

/// A record that is deleted and that the caller would see.
pub(super) fn deleted<T: Linked>(rows: &Rows, grant: &Grant, id: Uuid) -> Result<Stored<T>> {
    let row = rows.get::<T>(id).filter(|row| row.deleted_at().is_some() && sees(rows, grant, *row));
    rows::found(row, id)
}

/// A page of a list.
pub(super) fn page<T: Linked>(rows: &Rows, query: &ListQuery) -> Page<T> {
    let place = |row: &T| Position { key: row.sort_key(&query.sort().field), id: row.uuid() };
    let mut found: Vec<(Position, &Arc<T>)> = T::table(rows)
        .values()
        .filter(|row| matches(rows, query, row.as_ref()))
        .map(|row| (place(row), row))
        .filter(|(place, _)| query.after().is_none_or(|after| order(after, place, query).is_lt()))
        .collect();
    found.sort_by(|(a, _), (b, _)| order(a, b, query));
    let limit = usize::from(query.limit());
    let next = (found.len() > limit).then(|| found.get(limit - 1).map(|(place, _)| place.clone())).flatten();
    Page { rows: found.into_iter().take(limit).map(|(_, row)| T::clone(row)).collect(), next }
}

/// How many records a list has, counted up to `cap`.
pub(super) fn count<T: Linked>(rows: &Rows, query: &ListQuery, cap: u64) -> u64 {
    let found = T::table(rows).values().filter(|row| matches(rows, query, row.as_ref())).count();
    u64::try_from(found).unwrap_or(cap).min(cap)
}

fn matches<T: Linked>(rows: &Rows, query: &ListQuery, record: &T) -> bool {
    record.deleted_at().is_none() && query.filter().eval(&InPlace { rows, record })
}

/// Rows with a value come first, whichever the direction; ids go in the direction of the sort.
fn order(a: &Position, b: &Position, query: &ListQuery) -> Ordering {
    let segments = a.key.is_none().cmp(&b.key.is_none());
    let within = by_key(a.key.as_ref(), b.key.as_ref()).then(a.id.cmp(&b.id));
    segments.then(if query.sort().descending { within.reverse() } else { within })
}

fn by_key(a: Option<&SortKey>, b: Option<&SortKey>) -> Ordering {
    a.partial_cmp(&b).unwrap_or(Ordering::Equal)
}
