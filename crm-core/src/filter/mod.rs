//! The one way to ask for records.
//!
//! A [`Filter`] is what people, saved views, automations and the wire write down: names and plain
//! values, checked against nothing. [`Filter::check`] reads it once, at the edge, against the
//! fields that the caller may see, and gives a [`CheckedFilter`]: names resolved, values typed,
//! `me` and relative times replaced. Two interpreters take it from there, SQL in the stores and
//! [`CheckedFilter::eval`] over one record, and a law of the testkit holds them to the same answer.
//!
//! The logic has two values. A comparison with a null field is false, `ne` too, and `not` negates
//! that; nothing is ever unknown. Text compares by [`crate::text::key`] and orders by that key's
//! bytes. Tags are a set that may be empty and is never null.
//!
//! | file | holds |
//! |---|---|
//! | `op`, `value`, `moment` | operators, operands and literals, relative times |
//! | `wire`, `parse`, `scan`, `print` | JSON, and the text form with its grammar |
//! | `catalogue` | what can be asked of an entity |
//! | `check`, `checked` | the way from `Filter` to `CheckedFilter` |
//! | `eval` | its answer for one record |
//! | `generate` | filters and values for the laws of the stores |
//!
//! Deliberately absent: relations of relations (one hop keeps every filter one `EXISTS` deep),
//! comparisons of two fields, and arithmetic.

mod catalogue;
mod check;
mod checked;
mod eval;
#[cfg(any(test, feature = "testkit"))]
pub mod generate;
#[cfg(test)]
mod laws;
mod moment;
mod op;
mod parse;
mod print;
#[cfg(test)]
mod refusals;
mod scan;
#[cfg(feature = "schema")]
mod schema;
mod value;
mod wire;

pub use catalogue::{CUSTOM_PREFIX, Catalogue, Choices, Field, FieldKind, Relation, Source};
pub use check::{CheckContext, Lookup, Schema};
pub use checked::{Check, CheckedFilter, Terms, Test};
pub use eval::{Facts, FieldValue};
pub use moment::Span;
pub use op::Op;
pub use value::{Literal, Operand, Scalar};

use crate::error::{Error, Result};

/// Levels of `all`, `any`, `not`, relation and comparison that a filter may nest.
pub const MAX_DEPTH: usize = 8;
/// Nodes of a whole filter.
pub const MAX_NODES: usize = 256;
/// Levels and nodes of a filter that is read as JSON: a list goes on with the filter that a board gave out, which
/// has the board's own conditions around one within the limits.
const READ_DEPTH: usize = MAX_DEPTH + 2;
const READ_NODES: usize = MAX_NODES + 20;
/// Values of one `in`, `has_any`, `has_all` or `has_none`.
pub const MAX_LIST: usize = 1_000;
/// Characters of one text value.
pub const MAX_TEXT: usize = 1_000;

/// A question about records as it was written, not yet checked against any entity.
///
/// # Examples
///
/// ```
/// use crm_core::Filter;
///
/// // In words, for people and the command line.
/// let filter: Filter = "lifecycle = customer and not title ~ \"intern\"".parse()?;
/// assert_eq!(filter.to_string().parse::<Filter>()?, filter);
///
/// // As JSON, as it is on the wire.
/// let json = r#"{"field": "score", "op": "gt", "value": 80}"#;
/// assert_eq!(Filter::from_json(json)?, "score > 80".parse::<Filter>()?);
///
/// // What cannot be read is told with its place.
/// let error = "score >".parse::<Filter>().unwrap_err();
/// assert_eq!((error.fields()[0].field.as_str(), &*error.fields()[0].code), ("filter", "syntax"));
/// # Ok::<_, crm_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Filter {
    /// Every part holds; true when empty.
    All(Vec<Filter>),
    /// At least one part holds; false when empty.
    Any(Vec<Filter>),
    /// The part does not hold.
    Not(Box<Filter>),
    /// A field compares as said.
    Is(Comparison),
    /// A related record that the caller may see matches.
    Related {
        /// Key of the relation, as in `company`.
        relation: String,
        /// What the related record must match.
        filter: Box<Filter>,
    },
}

/// One comparison of a field with an operand.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Key of the field; custom fields begin with [`CUSTOM_PREFIX`].
    pub field: String,
    /// The operator.
    pub op: Op,
    /// What the field is compared with.
    pub value: Operand,
}

impl Filter {
    /// The comparison `field op value`.
    pub fn is(field: impl Into<String>, op: Op, value: impl Into<Operand>) -> Self {
        Self::Is(Comparison { field: field.into(), op, value: value.into() })
    }

    /// The filter that every record passes.
    pub const fn everything() -> Self {
        Self::All(Vec::new())
    }

    /// The negation of this filter.
    #[must_use]
    pub fn negated(self) -> Self {
        Self::Not(Box::new(self))
    }

    /// Refuses a filter that nests too deep or has too many nodes.
    ///
    /// It stops at the border, so a hostile filter costs no more than a legal one.
    pub(crate) fn within_limits(&self) -> Result<()> {
        self.measure(&mut Room { depth: MAX_DEPTH, nodes: MAX_NODES })
    }

    /// As [`Filter::within_limits`], of one that may be a board's.
    fn within_read_limits(&self) -> Result<()> {
        self.measure(&mut Room { depth: READ_DEPTH, nodes: READ_NODES })
    }

    fn measure(&self, room: &mut Room) -> Result<()> {
        room.depth = room.depth.checked_sub(1).ok_or_else(too_deep)?;
        room.nodes = room.nodes.checked_sub(1).ok_or_else(too_many_nodes)?;
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().try_for_each(|part| part.measure(room))?,
            Self::Not(part) | Self::Related { filter: part, .. } => part.measure(room)?,
            Self::Is(_) => {}
        }
        room.depth += 1;
        Ok(())
    }
}

/// How many levels and nodes a filter may still have.
struct Room {
    depth: usize,
    nodes: usize,
}

fn too_deep() -> Error {
    Error::invalid("filter", "too_deep", format!("nests deeper than {MAX_DEPTH} levels"))
}

fn too_many_nodes() -> Error {
    Error::invalid("filter", "too_long", format!("has more than {MAX_NODES} parts"))
}
