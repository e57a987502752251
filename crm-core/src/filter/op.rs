//! Operators of a comparison.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// How a field is compared; its snake_case name is the same on the wire and in the text form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Op {
    /// Equal.
    Eq,
    /// Present and not equal.
    Ne,
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Equal to one of a list.
    In,
    /// The text holds another text.
    Contains,
    /// The text begins with another text.
    StartsWith,
    /// Has no value; with `false`, has one.
    IsNull,
    /// Has at least one of these tags.
    HasAny,
    /// Has all of these tags.
    HasAll,
    /// Has none of these tags.
    HasNone,
    /// Between two values, both included.
    Between,
}

impl Op {
    /// Every operator.
    pub const ALL: [Op; 14] = [
        Op::Eq,
        Op::Ne,
        Op::Lt,
        Op::Le,
        Op::Gt,
        Op::Ge,
        Op::In,
        Op::Contains,
        Op::StartsWith,
        Op::IsNull,
        Op::HasAny,
        Op::HasAll,
        Op::HasNone,
        Op::Between,
    ];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            Op::Eq => "eq",
            Op::Ne => "ne",
            Op::Lt => "lt",
            Op::Le => "le",
            Op::Gt => "gt",
            Op::Ge => "ge",
            Op::In => "in",
            Op::Contains => "contains",
            Op::StartsWith => "starts_with",
            Op::IsNull => "is_null",
            Op::HasAny => "has_any",
            Op::HasAll => "has_all",
            Op::HasNone => "has_none",
            Op::Between => "between",
        }
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Op {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|op| op.name() == name)
            .ok_or_else(|| Error::invalid("op", "unknown_op", format!("{name:?} is not an operator")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_reads_as_itself_and_nothing_else_reads() {
        for op in Op::ALL {
            assert_eq!(op.to_string().parse::<Op>().unwrap(), op);
        }
        assert_eq!("like".parse::<Op>().unwrap_err().fields()[0].code, "unknown_op");
    }
}
