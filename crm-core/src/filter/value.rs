//! What fields are compared with: operands as written, literals as checked.

use std::cmp::Ordering;

use chrono::NaiveDate;
use uuid::Uuid;

use super::moment::Span;
use crate::text;
use crate::time::{Period, Timestamp};

/// The right side of a comparison as it was written.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand {
    /// One value.
    One(Scalar),
    /// A list: of `in` and `has_*`, and the two borders of `between`.
    Many(Vec<Scalar>),
}

/// One value of an operand; what it means depends on the field's kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Scalar {
    /// Text, a choice, a tag, a time, a date or an id.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A finite number that was written with a fraction or an exponent.
    Real(f64),
    /// True or false.
    Bool(bool),
    /// An amount in one currency.
    Money {
        /// Amount in the currency's minor units.
        amount_minor: i64,
        /// ISO 4217 code.
        currency: String,
    },
    /// The user who asks.
    Me,
    /// The users of the teams of the user who asks.
    MyTeam,
    /// So long before now.
    Ago(Span),
    /// So long after now.
    Ahead(Span),
    /// The first instant of the present period, or of one before or after it.
    StartOf {
        /// The period that is cut in the workspace's zone.
        period: Period,
        /// Periods away from the present one; -1 is the last one.
        offset: i32,
    },
}

impl From<Scalar> for Operand {
    fn from(scalar: Scalar) -> Self {
        Self::One(scalar)
    }
}

impl From<Vec<Scalar>> for Operand {
    fn from(scalars: Vec<Scalar>) -> Self {
        Self::Many(scalars)
    }
}

impl From<&str> for Operand {
    fn from(text: &str) -> Self {
        Self::One(Scalar::Text(text.to_owned()))
    }
}

impl From<i64> for Operand {
    fn from(number: i64) -> Self {
        Self::One(Scalar::Integer(number))
    }
}

impl From<bool> for Operand {
    fn from(truth: bool) -> Self {
        Self::One(Scalar::Bool(truth))
    }
}

/// A checked value, in the form in which both interpreters compare it.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// Text, already in the form of [`crate::text::key`].
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A finite number, never minus zero; made by [`Literal::real`].
    Real(f64),
    /// An instant.
    Time(Timestamp),
    /// A calendar day.
    Date(NaiveDate),
    /// True or false.
    Bool(bool),
    /// The id of a record.
    Id(Uuid),
    /// An amount, comparable within its currency alone.
    Money {
        /// Amount in the currency's minor units.
        amount_minor: i64,
        /// ISO 4217 code.
        currency: String,
    },
}

impl Literal {
    /// The literal that a raw text compares as.
    pub fn text(raw: &str) -> Self {
        Self::Text(text::key(raw))
    }

    /// The number as a literal, `None` unless it is finite.
    pub fn real(number: f64) -> Option<Self> {
        // Adding zero turns -0.0 into 0.0: stores print and hash the two differently.
        number.is_finite().then_some(Self::Real(number + 0.0))
    }

    /// Order of two literals; `None` for two kinds or two currencies, which compare as nothing.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Some(a.as_bytes().cmp(b.as_bytes())),
            (Self::Integer(a), Self::Integer(b)) => Some(a.cmp(b)),
            (Self::Real(a), Self::Real(b)) => a.partial_cmp(b),
            (Self::Time(a), Self::Time(b)) => Some(a.cmp(b)),
            (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Id(a), Self::Id(b)) => Some(a.cmp(b)),
            (Self::Money { amount_minor: a, currency }, Self::Money { amount_minor: b, currency: other }) => {
                (currency == other).then(|| a.cmp(b))
            }
            _ => None,
        }
    }
}
