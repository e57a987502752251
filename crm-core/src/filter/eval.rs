//! The answer of a checked filter for one record in memory.
//!
//! This is the definition of what a filter means; the stores' SQL is held to it by a law.

use std::borrow::Cow;
use std::cmp::Ordering;

use chrono::NaiveDate;
use uuid::Uuid;

use super::catalogue::{Field, Relation};
use super::checked::{Check, CheckedFilter, Terms, Test};
use super::value::Literal;
use crate::text;
use crate::time::Timestamp;

/// The value of one field of one record, raw: evaluation brings texts into their comparison form.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldValue<'a> {
    /// No value.
    Null,
    /// A text or a choice.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// An instant.
    Time(Timestamp),
    /// A calendar day.
    Date(NaiveDate),
    /// True or false.
    Bool(bool),
    /// The id of a record.
    Id(Uuid),
    /// Tags; `Null` reads as none.
    Many(Vec<Cow<'a, str>>),
    /// An amount.
    Money {
        /// Amount in the currency's minor units.
        amount_minor: i64,
        /// ISO 4217 code.
        currency: Cow<'a, str>,
    },
}

/// A record as filters see it.
pub trait Facts {
    /// The value of a field; `Null` for a field that the record does not know.
    fn value(&self, field: &Field) -> FieldValue<'_>;

    /// Whether any related record that is not deleted matches.
    fn related(&self, relation: &Relation, matches: &dyn Fn(&dyn Facts) -> bool) -> bool;

    /// The text that searches read.
    fn search_text(&self) -> String;

    /// As much of it as no mask can hide.
    fn open_text(&self) -> String;
}

impl CheckedFilter {
    /// Whether the record passes.
    pub fn eval(&self, record: &dyn Facts) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|part| part.eval(record)),
            Self::Any(parts) => parts.iter().any(|part| part.eval(record)),
            Self::Not(part) => !part.eval(record),
            Self::Is(test) => test.eval(record),
            Self::Related { relation, filter } => record.related(relation, &|related| filter.eval(related)),
            Self::Matches(terms) => terms.eval(record),
        }
    }
}

impl Terms {
    /// Whether each of them begins a word of the record.
    fn eval(&self, record: &dyn Facts) -> bool {
        let tokens = text::tokens(&if self.open_only() { record.open_text() } else { record.search_text() });
        self.prefixes().iter().all(|prefix| tokens.iter().any(|token| token.starts_with(prefix)))
    }
}

impl Test {
    fn eval(&self, record: &dyn Facts) -> bool {
        let value = record.value(&self.field);
        match &self.check {
            Check::HasAny(_) | Check::HasAll(_) | Check::HasNone(_) => self.check.holds_of_tags(&value.tags()),
            Check::IsNull => value.is_null(),
            Check::NotNull => !value.is_null(),
            check => value.literal().is_some_and(|literal| check.holds_of(&literal)),
        }
    }
}

impl Check {
    fn holds_of(&self, value: &Literal) -> bool {
        let against = |other: &Literal| value.compare(other);
        match self {
            Self::Eq(other) => against(other) == Some(Ordering::Equal),
            Self::Ne(other) => against(other).is_some_and(Ordering::is_ne),
            Self::Lt(other) => against(other).is_some_and(Ordering::is_lt),
            Self::Le(other) => against(other).is_some_and(Ordering::is_le),
            Self::Gt(other) => against(other).is_some_and(Ordering::is_gt),
            Self::Ge(other) => against(other).is_some_and(Ordering::is_ge),
            Self::In(others) => others.iter().any(|other| against(other) == Some(Ordering::Equal)),
            Self::Between(low, high) => {
                against(low).is_some_and(Ordering::is_ge) && against(high).is_some_and(Ordering::is_le)
            }
            Self::Contains(part) => matches!(value, Literal::Text(text) if text.contains(part.as_str())),
            Self::StartsWith(start) => matches!(value, Literal::Text(text) if text.starts_with(start.as_str())),
            Self::NotNull => true,
            Self::IsNull | Self::HasAny(_) | Self::HasAll(_) | Self::HasNone(_) => false,
        }
    }

    fn holds_of_tags(&self, tags: &[String]) -> bool {
        match self {
            Self::HasAny(wanted) => wanted.iter().any(|tag| tags.contains(tag)),
            Self::HasAll(wanted) => wanted.iter().all(|tag| tags.contains(tag)),
            Self::HasNone(wanted) => !wanted.iter().any(|tag| tags.contains(tag)),
            _ => false,
        }
    }
}

impl FieldValue<'_> {
    /// Whether there is no value, or no tag.
    pub fn is_null(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Many(tags) => tags.is_empty(),
            _ => false,
        }
    }

    /// The value in its comparison form; `None` for null, for tags and for a number that is not finite.
    pub fn literal(&self) -> Option<Literal> {
        Some(match self {
            Self::Null | Self::Many(_) => return None,
            Self::Text(raw) => Literal::text(raw),
            Self::Integer(number) => Literal::Integer(*number),
            Self::Real(number) => Literal::real(*number)?,
            Self::Time(time) => Literal::Time(*time),
            Self::Date(date) => Literal::Date(*date),
            Self::Bool(truth) => Literal::Bool(*truth),
            Self::Id(id) => Literal::Id(*id),
            Self::Money { amount_minor, currency } => {
                Literal::Money { amount_minor: *amount_minor, currency: currency.clone().into_owned() }
            }
        })
    }

    fn tags(&self) -> Vec<String> {
        match self {
            Self::Many(tags) => tags.iter().map(|tag| text::key(tag)).collect(),
            _ => Vec::new(),
        }
    }
}
