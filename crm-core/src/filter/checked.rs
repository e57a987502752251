//! A filter that was checked: every name resolved, every value typed.

use super::MAX_TEXT;
use super::catalogue::{Field, Relation};
use super::value::Literal;
use crate::error::{Error, Result};
use crate::text;

/// A question about records that both interpreters can answer without asking back.
#[derive(Clone, Debug, PartialEq)]
pub enum CheckedFilter {
    /// Every part holds; true when empty.
    All(Vec<CheckedFilter>),
    /// At least one part holds; false when empty.
    Any(Vec<CheckedFilter>),
    /// The part does not hold.
    Not(Box<CheckedFilter>),
    /// A field passes a check.
    Is(Test),
    /// A related record, not deleted, matches; its visibility for the caller is part of `filter`.
    Related {
        /// The way to the related records.
        relation: Relation,
        /// What one of them must match.
        filter: Box<CheckedFilter>,
    },
    /// The record's search tokens hold these terms.
    Matches(Terms),
}

/// A field and the check that it must pass.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The field.
    pub field: Field,
    /// The check.
    pub check: Check,
}

/// What must hold of a field's value; every check but `IsNull` is false of null.
///
/// Texts, tags included, are in the form of [`crate::text::key`]. An empty set of tags is null to
/// `IsNull` and an ordinary set to `HasAny`, `HasAll` and `HasNone`.
#[derive(Clone, Debug, PartialEq)]
pub enum Check {
    /// Equal.
    Eq(Literal),
    /// Present and not equal; for money, of the same currency and not equal.
    Ne(Literal),
    /// Less.
    Lt(Literal),
    /// Less or equal.
    Le(Literal),
    /// Greater.
    Gt(Literal),
    /// Greater or equal.
    Ge(Literal),
    /// Equal to one of these; false when empty.
    In(Vec<Literal>),
    /// The text holds this one.
    Contains(String),
    /// The text begins with this one.
    StartsWith(String),
    /// No value, or no tags.
    IsNull,
    /// A value, or a tag.
    NotNull,
    /// Between these, both included.
    Between(Literal, Literal),
    /// At least one of these tags; false when empty.
    HasAny(Vec<String>),
    /// All of these tags; true when empty.
    HasAll(Vec<String>),
    /// None of these tags; true when empty.
    HasNone(Vec<String>),
}

impl CheckedFilter {
    /// The filter that every record passes.
    pub const fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// The filter that no record passes.
    pub const fn nothing() -> Self {
        Self::Any(Vec::new())
    }

    /// The test of one field.
    pub const fn is(field: Field, check: Check) -> Self {
        Self::Is(Test { field, check })
    }

    /// Both filters hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All(mut parts), Self::All(more)) => {
                parts.extend(more);
                Self::All(parts)
            }
            (Self::All(mut parts), other) if !parts.is_empty() => {
                parts.push(other);
                Self::All(parts)
            }
            (Self::All(_), one) => one,
            (one, Self::All(parts)) if parts.is_empty() => one,
            (one, Self::All(mut parts)) => {
                parts.insert(0, one);
                Self::All(parts)
            }
            (one, other) => Self::All(vec![one, other]),
        }
    }

    /// The negation of this filter.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }
}

/// Words to search for: each is a prefix that must begin one of the record's search tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    prefixes: Vec<String>,
    open_only: bool,
}

impl Terms {
    /// Terms of one search.
    pub const MAX: usize = 8;

    /// Cuts a query into terms; `None` when it holds no letter and no digit, which asks for nothing.
    ///
    /// # Errors
    /// `Invalid` at `q` for more than 1,000 characters, for NUL and for more than [`Terms::MAX`]
    /// different terms.
    pub fn parse(query: &str) -> Result<Option<Self>> {
        if query.chars().nth(MAX_TEXT).is_some() {
            return Err(Error::invalid("q", "too_long", format!("is longer than {MAX_TEXT} characters")));
        }
        if query.contains('\0') {
            return Err(Error::invalid("q", "control_character", "holds a NUL character"));
        }
        let mut prefixes: Vec<String> = Vec::new();
        for token in text::tokens(query) {
            if !prefixes.contains(&token) {
                prefixes.push(token);
            }
        }
        match prefixes.len() {
            0 => Ok(None),
            1..=Self::MAX => Ok(Some(Self { prefixes, open_only: false })),
            _ => Err(Error::invalid("q", "too_many_terms", format!("has more than {} terms", Self::MAX))),
        }
    }

    /// Searches only the text that no mask can hide, for callers from whom a field is hidden.
    #[must_use]
    pub fn in_open_text(mut self) -> Self {
        self.open_only = true;
        self
    }

    /// The prefixes, all of which must match; in the form of [`crate::text::tokens`].
    pub fn prefixes(&self) -> &[String] {
        &self.prefixes
    }

    /// Whether only the text that no mask can hide is searched.
    pub const fn open_only(&self) -> bool {
        self.open_only
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn and_keeps_one_level() {
        let has = |key| CheckedFilter::is(Field::text(key), Check::NotNull);
        let three = CheckedFilter::everything().and(has("a")).and(has("b").and(has("c")));
        assert_eq!(three, CheckedFilter::All(vec![has("a"), has("b"), has("c")]));
        assert_eq!(has("a").and(CheckedFilter::everything()), has("a"));
        assert_eq!(CheckedFilter::everything().and(has("a")), has("a"));
        assert_eq!(CheckedFilter::everything().and(CheckedFilter::everything()), CheckedFilter::everything());
    }

    #[test]
    fn a_query_is_cut_into_few_different_terms() {
        let terms = Terms::parse("Ünï, ann ANN o'b").unwrap().unwrap();
        assert_eq!(terms.prefixes(), ["uni", "ann", "o", "b"]);
        assert!(terms.clone().in_open_text().open_only() && !terms.open_only());
        assert_eq!(Terms::parse(" %_ ").unwrap(), None);
        assert_eq!(Terms::parse("a\0b").unwrap_err().fields()[0].code, "control_character");
        assert_eq!(Terms::parse("a b c d e f g h i").unwrap_err().fields()[0].code, "too_many_terms");
        assert_eq!(Terms::parse(&"a".repeat(1_001)).unwrap_err().fields()[0].code, "too_long");
    }
}
