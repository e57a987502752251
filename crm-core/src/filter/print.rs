//! Writes the text form; `parse` has its grammar.
//!
//! Law: `parse(print(filter)) == filter`, kinds of values and nesting included. The tables here
//! are the ones that the parser reads by.

use std::fmt::{self, Display, Formatter, Write as _};

use super::catalogue::CUSTOM_PREFIX;
use super::op::Op;
use super::parse;
use super::value::{Operand, Scalar};
use super::{Comparison, Filter};
use crate::time::Period;

/// Operators that are written as symbols, longer ones first.
pub(super) const SYMBOLS: [(&str, Op); 7] =
    [("!=", Op::Ne), ("<=", Op::Le), (">=", Op::Ge), ("=", Op::Eq), ("<", Op::Lt), (">", Op::Gt), ("~", Op::Contains)];

/// Periods by their names.
pub(super) const PERIODS: [(&str, Period); 5] = [
    ("day", Period::Day),
    ("week", Period::Week),
    ("month", Period::Month),
    ("quarter", Period::Quarter),
    ("year", Period::Year),
];

/// Escapes of one letter.
pub(super) const ESCAPES: [(&str, char); 5] = [("\"", '"'), ("\\", '\\'), ("n", '\n'), ("r", '\r'), ("t", '\t')];

/// Words that a field or relation must be quoted to be named.
const RESERVED_NAMES: [&str; 6] = ["and", "or", "not", "all", "any", "related"];

/// Words that are no value, so that a forgotten one is noticed.
pub(super) const RESERVED_VALUES: [&str; 5] = ["and", "or", "not", "null", "is"];

/// Words that are values of another kind than text.
const SPOKEN_VALUES: [&str; 8] = ["true", "false", "me", "my_team", "ago", "ahead", "start_of", "money"];

/// Whether a bare name may hold the character.
pub(super) fn is_name_character(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether a bare value may hold the character.
pub(super) fn is_word_character(character: char) -> bool {
    is_name_character(character) || matches!(character, '-' | '+' | '.' | ':' | '@' | '/' | '%')
}

/// Whether a name without dots needs no quotation marks.
pub(super) fn is_bare_name(name: &str) -> bool {
    name.starts_with(|character: char| character.is_alphabetic() || character == '_')
        && name.chars().all(is_name_character)
        && !is_one_of(name, &RESERVED_NAMES)
}

fn is_bare_word(word: &str) -> bool {
    !word.is_empty()
        && word.chars().all(is_word_character)
        && parse::number(word).is_none()
        && !is_one_of(word, &RESERVED_VALUES)
        && !is_one_of(word, &SPOKEN_VALUES)
}

/// Whether a word is one of these, in whatever case.
pub(super) fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|other| word.eq_ignore_ascii_case(other))
}

impl Display for Filter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::All(parts) if parts.len() > 1 => join(f, parts, " and ", is_chain),
            // `and` binds tighter, so only another `or` needs parentheses.
            Self::Any(parts) if parts.len() > 1 => {
                join(f, parts, " or ", |part| is_chain(part) && matches!(part, Self::Any(_)))
            }
            Self::All(parts) => call(f, "all", parts),
            Self::Any(parts) => call(f, "any", parts),
            Self::Not(part) => {
                f.write_str("not ")?;
                if is_chain(part) { write!(f, "({part})") } else { part.fmt(f) }
            }
            Self::Is(comparison) => {
                name(f, &comparison.field)?;
                test(f, comparison)
            }
            Self::Related { relation, filter } => related(f, relation, filter),
        }
    }
}

/// Whether a filter prints as parts with a keyword between them.
fn is_chain(filter: &Filter) -> bool {
    matches!(filter, Filter::All(parts) | Filter::Any(parts) if parts.len() > 1)
}

fn join(f: &mut Formatter<'_>, parts: &[Filter], between: &str, group: impl Fn(&Filter) -> bool) -> fmt::Result {
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        if group(part) { write!(f, "({part})") } else { part.fmt(f) }?;
    }
    Ok(())
}

fn call(f: &mut Formatter<'_>, keyword: &str, parts: &[Filter]) -> fmt::Result {
    write!(f, "{keyword}(")?;
    join(f, parts, ", ", |_| false)?;
    f.write_str(")")
}

fn related(f: &mut Formatter<'_>, relation: &str, filter: &Filter) -> fmt::Result {
    match filter {
        Filter::Is(comparison)
            if is_bare_name(relation) && is_bare_field(&comparison.field) && !is_custom(relation) =>
        {
            write!(f, "{relation}.{}", comparison.field)?;
            test(f, comparison)
        }
        _ => {
            f.write_str("related(")?;
            name(f, relation)?;
            write!(f, ": {filter})")
        }
    }
}

/// Whether a relation's name would make a field behind it read as a custom field.
fn is_custom(relation: &str) -> bool {
    CUSTOM_PREFIX.strip_suffix('.') == Some(relation)
}

fn is_bare_field(field: &str) -> bool {
    is_bare_name(field.strip_prefix(CUSTOM_PREFIX).unwrap_or(field))
}

fn name(f: &mut Formatter<'_>, name: &str) -> fmt::Result {
    if is_bare_field(name) { f.write_str(name) } else { quoted(f, name) }
}

fn test(f: &mut Formatter<'_>, Comparison { op, value, .. }: &Comparison) -> fmt::Result {
    match (op, value) {
        (Op::IsNull, Operand::One(Scalar::Bool(true))) => return f.write_str(" is null"),
        (Op::IsNull, Operand::One(Scalar::Bool(false))) => return f.write_str(" is not null"),
        (Op::Between, Operand::Many(values)) => {
            if let [low, high] = values.as_slice() {
                f.write_str(" between ")?;
                scalar(f, low)?;
                f.write_str(" and ")?;
                return scalar(f, high);
            }
        }
        _ => {}
    }
    let symbol = SYMBOLS.into_iter().find(|(_, other)| other == op).map_or(op.name(), |(symbol, _)| symbol);
    write!(f, " {symbol} ")?;
    match value {
        Operand::One(value) => scalar(f, value),
        Operand::Many(values) => {
            f.write_str("[")?;
            for (index, value) in values.iter().enumerate() {
                f.write_str(if index > 0 { ", " } else { "" })?;
                scalar(f, value)?;
            }
            f.write_str("]")
        }
    }
}

fn scalar(f: &mut Formatter<'_>, value: &Scalar) -> fmt::Result {
    match value {
        Scalar::Text(text) if is_bare_word(text) => f.write_str(text),
        Scalar::Text(text) => quoted(f, text),
        Scalar::Integer(number) => write!(f, "{number}"),
        // Debug keeps the `.0` or the exponent that tells it from a whole number.
        Scalar::Real(number) => write!(f, "{number:?}"),
        Scalar::Bool(truth) => write!(f, "{truth}"),
        Scalar::Money { amount_minor, currency } => {
            write!(f, "money({amount_minor} ")?;
            if is_bare_word(currency) {
                f.write_str(currency)?
            } else {
                quoted(f, currency)?
            }
            f.write_str(")")
        }
        Scalar::Me => f.write_str("me"),
        Scalar::MyTeam => f.write_str("my_team"),
        Scalar::Ago(span) => write!(f, "ago {span}"),
        Scalar::Ahead(span) => write!(f, "ahead {span}"),
        Scalar::StartOf { period, offset } => {
            let name = PERIODS.into_iter().find(|(_, other)| other == period).map_or("", |(name, _)| name);
            write!(f, "start_of {name}")?;
            if *offset == 0 { Ok(()) } else { write!(f, " {offset:+}") }
        }
    }
}

fn quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_str("\"")?;
    for character in text.chars() {
        match ESCAPES.into_iter().find(|(_, other)| *other == character) {
            Some((letter, _)) => write!(f, "\\{letter}")?,
            None if character.is_control() => write!(f, "\\u{{{:x}}}", u32::from(character))?,
            None => f.write_char(character)?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_printed_as_people_write_it() {
        for text in [
            "_x = 1",
            "\"1a\" = 1",
            "phone is null",
            "phone is not null",
            "score between 1 and 2",
            "name = \"a\\u{7}\\n\"",
            "any() or a = 1 or b = 2 and c = 3",
            "(a = 1 or b = 2) or c = 3",
        ] {
            assert_eq!(text.parse::<Filter>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_relation_named_custom_is_not_printed_as_a_custom_field() {
        let filter = Filter::Related { relation: "custom".into(), filter: Box::new(Filter::is("a", Op::Eq, 1)) };
        assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
    }
}
