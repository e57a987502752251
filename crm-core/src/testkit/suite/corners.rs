//! Every operator on every field, with the values that have told interpreters apart, and lists as
//! long as they may be.

use std::collections::BTreeSet;

use chrono::{Days, NaiveDate};
use uuid::Uuid;

use crate::filter::generate::Vocabulary;
use crate::filter::{Catalogue, Comparison, Field, FieldKind, Filter, MAX_LIST, Op, Operand, Scalar};
use crate::time::Timestamp;

/// What a filter of a law may have about it that went wrong somewhere once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trait {
    NullUnderNot,
    CaseBeyondAscii,
    Percent,
    Underscore,
    EmptySet,
    LongList,
    Related,
}

impl Trait {
    pub(super) const ALL: [Self; 7] = [
        Self::NullUnderNot,
        Self::CaseBeyondAscii,
        Self::Percent,
        Self::Underscore,
        Self::EmptySet,
        Self::LongList,
        Self::Related,
    ];
}

/// A filter with one leaf, as it is and negated.
pub(super) struct Corner {
    pub(super) filter: Filter,
    pub(super) traits: BTreeSet<Trait>,
}

/// Every operator on every field, and every relation.
pub(super) fn corners(root: &Catalogue, others: &[Catalogue], vocabulary: &Vocabulary) -> Vec<Corner> {
    let mut corners: Vec<Corner> = leaves(root, vocabulary).collect();
    for relation in &root.relations {
        let Some(related) = others.iter().find(|catalogue| catalogue.entity == relation.entity) else { continue };
        corners.extend(leaves(related, vocabulary).step_by(23).map(|Corner { filter, mut traits }| {
            traits.insert(Trait::Related);
            let filter = Filter::Related { relation: relation.key.to_owned(), filter: Box::new(filter) };
            Corner { filter, traits }
        }));
    }
    let negated = corners.iter().map(|corner| {
        let mut traits = corner.traits.clone();
        let may_be_null = |is: &Comparison| root.field(&is.field).is_some_and(|field| field.nullable);
        if matches!(&corner.filter, Filter::Is(is) if is.op != Op::IsNull && may_be_null(is)) {
            traits.insert(Trait::NullUnderNot);
        }
        Corner { filter: corner.filter.clone().negated(), traits }
    });
    let negated: Vec<Corner> = negated.collect();
    corners.extend(negated);
    corners
}

fn leaves(catalogue: &Catalogue, vocabulary: &Vocabulary) -> impl Iterator<Item = Corner> {
    let fields = catalogue.fields.iter().filter(|field| field.filterable);
    fields.flat_map(move |field| {
        let of_op = move |op: &Op| {
            let corner = |value: Operand| Corner {
                traits: traits(*op, &value),
                filter: Filter::Is(Comparison { field: field.key.to_string(), op: *op, value }),
            };
            operands(field, *op, vocabulary).into_iter().map(corner).collect::<Vec<_>>()
        };
        field.kind.ops().iter().flat_map(of_op)
    })
}

fn traits(op: Op, value: &Operand) -> BTreeSet<Trait> {
    let has_case = |char: char| !char.is_ascii() && !char.to_lowercase().eq(char.to_uppercase());
    let found = match value {
        Operand::Many(values) if values.is_empty() => Some(Trait::EmptySet),
        Operand::Many(values) if values.len() > 16 => Some(Trait::LongList),
        Operand::One(Scalar::Text(text)) if text.contains(has_case) => Some(Trait::CaseBeyondAscii),
        Operand::One(Scalar::Text(text)) if op == Op::Contains && text == "%" => Some(Trait::Percent),
        Operand::One(Scalar::Text(text)) if op == Op::Contains && text == "_" => Some(Trait::Underscore),
        _ => None,
    };
    found.into_iter().collect()
}

fn operands(field: &Field, op: Op, vocabulary: &Vocabulary) -> Vec<Operand> {
    let (known, more) = (known(&field.kind, vocabulary), made_up(&field.kind));
    let middle = known[known.len() / 2].clone();
    match op {
        Op::IsNull => vec![Operand::from(true), Operand::from(false)],
        Op::Between => vec![Operand::Many(vec![known[0].clone(), middle])],
        Op::In | Op::HasAny | Op::HasAll | Op::HasNone => {
            let few = vec![middle.clone(); 20];
            let many = known.into_iter().chain(more.cycle()).take(MAX_LIST).collect();
            vec![Operand::Many(Vec::new()), Operand::Many(few), Operand::Many(many)]
        }
        Op::Contains => ["ÜNÏ", "%", "_"].map(Operand::from).into(),
        Op::Eq | Op::StartsWith if field.kind == FieldKind::Text => vec![Operand::from("οδος")],
        // An id of every kind of record: one kind alone can be found.
        Op::Eq | Op::Ne if matches!(field.kind, FieldKind::Reference(_)) => {
            known.into_iter().map(Operand::One).collect()
        }
        _ => vec![Operand::One(middle)],
    }
}

/// Values that records hold.
fn known(kind: &FieldKind, vocabulary: &Vocabulary) -> Vec<Scalar> {
    let texts = |texts: &[String]| texts.iter().cloned().map(Scalar::Text).collect();
    match kind {
        FieldKind::Text => texts(&vocabulary.texts),
        FieldKind::Choice(choices) => choices.iter().map(|choice| Scalar::Text(choice.to_owned())).collect(),
        // Tags of the workspace, and choices of custom fields.
        FieldKind::Tags => texts(&[&vocabulary.tags[..], &["Nord".to_owned(), "SÜD".to_owned()]].concat()),
        FieldKind::Integer => vocabulary.integers.iter().copied().map(Scalar::Integer).collect(),
        FieldKind::Real => vocabulary.reals.iter().copied().map(Scalar::Real).collect(),
        FieldKind::Bool => vec![Scalar::Bool(false), Scalar::Bool(true)],
        FieldKind::Money => {
            let amounts = vocabulary.money.iter().cloned();
            amounts.map(|(amount_minor, currency)| Scalar::Money { amount_minor, currency }).collect()
        }
        FieldKind::Time => vocabulary.times.iter().map(|time| Scalar::Text(time.to_string())).collect(),
        FieldKind::Date => vocabulary.dates.iter().map(|date| Scalar::Text(date.to_string())).collect(),
        FieldKind::Reference(_) => vocabulary.ids.iter().map(|id| Scalar::Text(id.to_string())).collect(),
    }
}

/// Values that no record holds, but for those of kinds that have few.
fn made_up(kind: &FieldKind) -> impl Iterator<Item = Scalar> + Clone {
    let kind = kind.clone();
    (0..MAX_LIST).map(move |at| {
        let number = i64::try_from(at).unwrap() + 1_000;
        match &kind {
            FieldKind::Text | FieldKind::Tags => Scalar::Text(format!("value {at}")),
            FieldKind::Choice(choices) => Scalar::Text(choices.iter().nth(at % choices.iter().count()).unwrap().into()),
            FieldKind::Integer => Scalar::Integer(number),
            FieldKind::Real => Scalar::Real(number as f64 + 0.5),
            FieldKind::Bool => Scalar::Bool(at % 2 == 0),
            FieldKind::Money => Scalar::Money { amount_minor: number, currency: currency(at) },
            // Instants and whole days by turns.
            FieldKind::Time if at % 2 == 0 => Scalar::Text(Timestamp::from_micros(number).to_string()),
            FieldKind::Time | FieldKind::Date => Scalar::Text(day(at).to_string()),
            FieldKind::Reference(_) => Scalar::Text(Uuid::from_u128(at as u128).to_string()),
        }
    })
}

/// As many codes as the wire takes for currencies.
fn currency(at: usize) -> String {
    [at / 676 % 26, at / 26 % 26, at % 26]
        .map(|letter| char::from(b'A' + u8::try_from(letter).unwrap()))
        .iter()
        .collect()
}

fn day(at: usize) -> NaiveDate {
    NaiveDate::from_ymd_opt(1950, 1, 1).unwrap() + Days::new(at as u64)
}
