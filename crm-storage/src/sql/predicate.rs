//! A checked filter as SQL.
//!
//! It is held to the answer of `CheckedFilter::eval` by a law. Every leaf is true or false, never
//! null, so that NOT is right: `column IS NOT NULL AND column > ?`.

use std::collections::BTreeMap;

use crm_core::Entity;
use crm_core::filter::{Check, CheckedFilter, Field, Literal, Source, Test};

use super::columns::{self, Column, Link};
use super::dialect;
use super::fragment::Fragment;
use super::{custom_field, tag, words};
use crate::types::{DbId, DbTime};

/// The names of tables inside relations, by depth.
const ALIASES: [&str; 8] = ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"];

/// The table row that a condition is about.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The kind of record.
    pub(crate) entity: Entity,
    /// Its table's name or alias.
    pub(crate) alias: &'static str,
    /// The workspace's key.
    pub(crate) workspace: i64,
    depth: usize,
    /// What stands before each column.
    mark: &'static str,
}

impl Place {
    /// The table itself.
    pub(crate) fn table(entity: Entity, table: &'static str, workspace: i64) -> Self {
        Self { entity, alias: table, workspace, depth: 0, mark: "" }
    }

    /// The same, for conditions that no index is to be chosen by.
    pub(crate) fn unindexed(self) -> Self {
        Self { mark: dialect::UNINDEXED, ..self }
    }

    /// `alias.column`.
    pub(crate) fn column(&self, name: &'static str) -> Fragment {
        Fragment::new(self.mark).sql(self.alias).sql(".").sql(name)
    }
}

/// The condition of a filter.
pub(crate) fn predicate(place: Place, filter: &CheckedFilter) -> Fragment {
    match filter {
        CheckedFilter::All(parts) => joined(place, parts, " AND ").unwrap_or_else(Fragment::everything),
        CheckedFilter::Any(parts) => joined(place, parts, " OR ").unwrap_or_else(Fragment::nothing),
        CheckedFilter::Not(part) => Fragment::new("NOT (").then(predicate(place, part)).sql(")"),
        CheckedFilter::Is(test) => is(place, test),
        CheckedFilter::Related { relation, filter } => related(place, relation.key, relation.entity, filter),
        CheckedFilter::Matches(terms) => dialect::matches(place, &words::Search::new(terms)),
    }
}

fn joined(place: Place, parts: &[CheckedFilter], word: &'static str) -> Option<Fragment> {
    let part = |part| Fragment::new("(").then(predicate(place, part)).sql(")");
    Fragment::joined(parts.iter().map(part).collect(), word)
}

/// Whether a related record that is not deleted passes.
fn related(place: Place, key: &str, entity: Entity, filter: &CheckedFilter) -> Fragment {
    let (Some(link), Some(table)) = (columns::link(place.entity, key), columns::table(entity)) else {
        return Fragment::nothing();
    };
    let Some(alias) = ALIASES.get(place.depth).copied() else { return Fragment::nothing() };
    let there = Place { entity, alias, workspace: place.workspace, depth: place.depth + 1, mark: "" };
    let exists = Fragment::new("EXISTS (SELECT 1 FROM ").sql(table).sql(" AS ").sql(alias).sql(" WHERE ");
    let exists = exists.then(there.column("workspace_id")).sql(" = ").then(place.column("workspace_id")).sql(" AND ");
    let exists = match link {
        Link::Here(column) => exists.then(there.column("id")).sql(" = ").then(place.column(column)),
        Link::There(column) => exists.then(there.column(column)).sql(" = ").then(place.column("id")),
    };
    let exists = exists.sql(" AND ").then(there.column("deleted_at")).sql(" IS NULL");
    exists.and(predicate(there, filter)).sql(")")
}

fn is(place: Place, Test { field, check }: &Test) -> Fragment {
    match field.source {
        Source::Custom(id) => custom_field::passes(place, DbId(id), &field.kind, check),
        Source::Column => column_passes(place, field, check),
    }
}

fn column_passes(place: Place, field: &Field, check: &Check) -> Fragment {
    match columns::column(place.entity, &field.key) {
        // A field that this store does not know: no record has a value of it.
        None => Fragment::nothing(),
        Some(Column::Tags(name)) => tag::passes(place, name, check),
        Some(Column::Money(minor, currency)) => {
            let value = Value::Money { minor: place.column(minor), currency: place.column(currency) };
            value_passes(&value, check)
        }
        Some(Column::Text(name)) => value_passes(&Value::Text(place.column(name)), check),
        Some(Column::Integer(name) | Column::Time(name) | Column::Id(name)) => {
            value_passes(&Value::Plain(place.column(name)), check)
        }
    }
}

/// The expression of a value that may be null.
pub(crate) enum Value {
    /// A number, an instant, an id.
    Plain(Fragment),
    /// Text in its comparison form.
    Text(Fragment),
    /// An amount.
    Money {
        /// Minor units.
        minor: Fragment,
        /// Currency.
        currency: Fragment,
    },
}

impl Value {
    fn expression(&self) -> Fragment {
        match self {
            Self::Plain(expression) | Self::Text(expression) | Self::Money { minor: expression, .. } => {
                expression.clone()
            }
        }
    }
}

/// Whether a value passes a check.
pub(crate) fn value_passes(value: &Value, check: &Check) -> Fragment {
    let known = value.expression().sql(" IS NOT NULL");
    let compare = |literal: &Literal, operator: &'static str| compared(value, literal, operator);
    let passes = match check {
        Check::IsNull => return value.expression().sql(" IS NULL"),
        Check::NotNull => return known,
        Check::Eq(literal) => compare(literal, " = "),
        Check::Ne(literal) => compare(literal, " <> "),
        Check::Lt(literal) => compare(literal, " < "),
        Check::Le(literal) => compare(literal, " <= "),
        Check::Gt(literal) => compare(literal, " > "),
        Check::Ge(literal) => compare(literal, " >= "),
        Check::Between(low, high) => compare(low, " >= ").sql(" AND ").then(compare(high, " <= ")),
        Check::In(literals) => one_of(value, literals),
        Check::Contains(part) => match value {
            Value::Text(text) => contains(text, part),
            _ => return Fragment::nothing(),
        },
        Check::StartsWith(start) => match value {
            Value::Text(text) => starts_with(text, start),
            _ => return Fragment::nothing(),
        },
        Check::HasAny(_) | Check::HasAll(_) | Check::HasNone(_) => return Fragment::nothing(),
    };
    known.sql(" AND ").then(passes)
}

/// `value operator literal`, for an amount within its currency.
fn compared(value: &Value, literal: &Literal, operator: &'static str) -> Fragment {
    if let Value::Money { minor, currency } = value {
        let Literal::Money { amount_minor, currency: code } = literal else { return Fragment::nothing() };
        let same = currency.clone().sql(" = ").bind(code.as_str()).sql(" AND ");
        return same.then(minor.clone()).sql(operator).bind(*amount_minor);
    }
    match (value, literal) {
        (Value::Text(text), Literal::Text(key)) => text.clone().sql(operator).bind(key.as_str()),
        (Value::Plain(column), literal) => match plain(column.clone().sql(operator), literal) {
            Some(compared) => compared,
            None => Fragment::nothing(),
        },
        _ => Fragment::nothing(),
    }
}

/// Binds a literal that is one value.
fn plain(fragment: Fragment, literal: &Literal) -> Option<Fragment> {
    Some(match literal {
        Literal::Integer(_) | Literal::Date(_) => fragment.bind(as_integer(literal)?),
        // As text, by which a planner finds the index of the true ones.
        Literal::Bool(truth) => fragment.sql(if *truth { "1" } else { "0" }),
        Literal::Real(number) => fragment.bind(*number),
        Literal::Time(at) => fragment.bind(DbTime(*at)),
        Literal::Id(id) => fragment.bind(DbId(*id)),
        Literal::Text(_) | Literal::Money { .. } => return None,
    })
}

/// Whether a value is one of these; literals of another kind than the value's equal nothing.
fn one_of(value: &Value, literals: &[Literal]) -> Fragment {
    match value {
        Value::Text(text) => listed(text, literals, as_text, Fragment::in_texts),
        Value::Money { minor, currency } => one_of_amounts(minor, currency, literals),
        Value::Plain(column) => match literals.first() {
            Some(Literal::Id(_)) => listed(column, literals, as_id, Fragment::in_ids),
            Some(Literal::Real(_)) => listed(column, literals, as_real, Fragment::in_binds),
            Some(Literal::Time(_)) => listed(column, literals, as_time, Fragment::in_binds),
            _ => listed(column, literals, as_integer, Fragment::in_integers),
        },
    }
}

/// `expression IN (…)` with the literals of one kind.
fn listed<T>(
    expression: &Fragment,
    literals: &[Literal],
    of_kind: fn(&Literal) -> Option<T>,
    list: fn(Fragment, &[T]) -> Fragment,
) -> Fragment {
    let values: Vec<T> = literals.iter().filter_map(of_kind).collect();
    // `IN ()` of nothing is null, and its negation with it.
    if values.is_empty() { Fragment::nothing() } else { list(expression.clone(), &values) }
}

/// Whether an amount is one of these: a list for each currency.
fn one_of_amounts(minor: &Fragment, currency: &Fragment, literals: &[Literal]) -> Fragment {
    let mut amounts: BTreeMap<&str, Vec<i64>> = BTreeMap::new();
    for literal in literals {
        if let Literal::Money { amount_minor, currency } = literal {
            amounts.entry(currency).or_default().push(*amount_minor);
        }
    }
    let of_currency = |(code, amounts): (&str, Vec<i64>)| {
        let same = Fragment::new("(").then(currency.clone()).sql(" = ").bind(code).sql(" AND ");
        same.then(minor.clone()).in_integers(&amounts).sql(")")
    };
    match Fragment::joined(amounts.into_iter().map(of_currency).collect(), " OR ") {
        Some(any) => Fragment::new("(").then(any).sql(")"),
        None => Fragment::nothing(),
    }
}

fn as_text(literal: &Literal) -> Option<String> {
    match literal {
        Literal::Text(text) => Some(text.clone()),
        _ => None,
    }
}

fn as_id(literal: &Literal) -> Option<DbId> {
    match literal {
        Literal::Id(id) => Some(DbId(*id)),
        _ => None,
    }
}

fn as_real(literal: &Literal) -> Option<f64> {
    match literal {
        Literal::Real(number) => Some(*number),
        _ => None,
    }
}

fn as_time(literal: &Literal) -> Option<DbTime> {
    match literal {
        Literal::Time(at) => Some(DbTime(*at)),
        _ => None,
    }
}

fn as_integer(literal: &Literal) -> Option<i64> {
    match literal {
        Literal::Integer(number) => Some(*number),
        Literal::Date(day) => Some(custom_field::day_number(*day)),
        Literal::Bool(truth) => Some(i64::from(*truth)),
        _ => None,
    }
}

/// Whether a text holds another. No pattern: `%` and `_` are letters like any other.
pub(crate) fn contains(text: &Fragment, part: &str) -> Fragment {
    Fragment::new(dialect::PLACE_OF).sql("(").then(text.clone()).sql(", ").bind(part).sql(") > 0")
}

/// Whether a text begins with another: a range, which an index serves.
pub(crate) fn starts_with(text: &Fragment, start: &str) -> Fragment {
    let from = text.clone().sql(" >= ").bind(start);
    match successor(start) {
        Some(end) => from.sql(" AND ").then(text.clone()).sql(" < ").bind(end),
        None => from,
    }
}

/// The first text after all that begin with this one, by bytes; none where no character is left.
fn successor(start: &str) -> Option<String> {
    let mut end = start.to_owned();
    while let Some(last) = end.pop() {
        // The scalar after U+D7FF is U+E000.
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_successor_follows_every_text_with_the_prefix_and_no_other() {
        assert_eq!(successor("ab"), Some("ac".into()));
        assert_eq!(successor("a\u{d7ff}"), Some("a\u{e000}".into()));
        assert_eq!(successor("a\u{10ffff}"), Some("b".into()));
        assert_eq!(successor("\u{10ffff}"), None);
        assert_eq!(successor(""), None);
    }
}
