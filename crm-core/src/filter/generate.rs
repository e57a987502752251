//! Generated filters and values, for the laws that compare interpreters and stores.
//!
//! Filters are well typed for a catalogue and draw their values from a small [`Vocabulary`], so
//! that they often match something; the same vocabulary fills the records.

use std::borrow::Cow;

use chrono::NaiveDate;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use uuid::Uuid;

use super::catalogue::{Catalogue, Field, FieldKind};
use super::eval::FieldValue;
use super::moment::Span;
use super::op::Op;
use super::value::{Operand, Scalar};
use super::{Comparison, Filter};
use crate::access::Entity;
use crate::time::{Period, Timestamp};

/// The values that generated filters and records are made of.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// Texts of every kind, and fragments of them.
    pub texts: Vec<String>,
    /// Tags.
    pub tags: Vec<String>,
    /// Whole numbers.
    pub integers: Vec<i64>,
    /// Finite numbers.
    pub reals: Vec<f64>,
    /// Instants.
    pub times: Vec<Timestamp>,
    /// Calendar days.
    pub dates: Vec<NaiveDate>,
    /// Ids that references point at.
    pub ids: Vec<Uuid>,
    /// Amounts: minor units and currency.
    pub money: Vec<(i64, String)>,
}

/// Texts that case folding, composition, LIKE or quoting have each got wrong somewhere.
const AWKWARD_TEXTS: [&str; 36] = [
    "",
    " ",
    "a",
    "A",
    "an",
    "Ann",
    "anna",
    "%",
    "_",
    "100%",
    "a_b",
    "a%b",
    "\\",
    "\\%",
    "'",
    "\"",
    "Ünï",
    "ÜNÏ",
    "u\u{308}ni\u{308}",
    "ß",
    "ss",
    "SS",
    "İstanbul",
    "istanbul",
    "ΟΔΟΣ",
    "οδος",
    "é",
    "e\u{301}",
    "e",
    "日本",
    "🐟",
    "🐟 fish",
    "\u{7f}",
    "z",
    "ﬁ",
    "Z\u{10ffff}",
];

impl Vocabulary {
    /// The values that have told interpreters apart: patterns of LIKE, letters whose case or form
    /// is not a matter of one byte, borders of days, zero and its neighbours.
    pub fn awkward(ids: Vec<Uuid>) -> Self {
        let tags = ["vip", "VIP", "big fish", "100%", "ünï", "ÜNÏ", "🐟", "_"];
        let day = |year, month, day| NaiveDate::from_ymd_opt(year, month, day).unwrap_or_default();
        let dates = vec![
            day(1, 1, 1),
            day(2024, 2, 29),
            day(2026, 3, 28),
            day(2026, 3, 29),
            day(2026, 3, 30),
            day(9999, 12, 31),
        ];
        let micros =
            [0, 1, -1, 1_774_738_800_000_000, 1_774_742_400_000_000, 1_774_825_199_999_999, 1_774_825_200_000_000];
        Self {
            texts: AWKWARD_TEXTS.map(str::to_owned).into(),
            tags: tags.map(str::to_owned).into(),
            integers: vec![0, 1, -1, 7, 80, 100, i64::from(i32::MAX), -(1 << 53)],
            reals: vec![0.0, -0.0, 0.5, -1.25, 80.0, 1e18, 0.1],
            times: micros.map(Timestamp::from_micros).into(),
            dates,
            ids,
            money: [(0, "EUR"), (1, "EUR"), (1, "USD"), (-5, "USD"), (125_000, "JPY")]
                .map(|(minor, code)| (minor, code.into()))
                .into(),
        }
    }
}

/// Well-typed filters over `root`; related records are asked by the catalogue of their entity in
/// `others`, and relations without one are left out.
pub fn arbitrary_filter(root: &Catalogue, others: &[Catalogue], vocabulary: &Vocabulary) -> BoxedStrategy<Filter> {
    let mut leaves = vec![comparison(root, vocabulary)];
    for relation in &root.relations {
        let Some(related) = others.iter().find(|catalogue| catalogue.entity == relation.entity) else {
            continue;
        };
        let leaf = comparison(related, vocabulary);
        let filters = leaf
            .prop_recursive(2, 6, 3, connected)
            .prop_map(|filter| Filter::Related { relation: relation.key.to_owned(), filter: Box::new(filter) });
        leaves.push(filters.boxed());
    }
    let comparisons_first = leaves.into_iter().enumerate().map(|(index, leaf)| (if index == 0 { 6 } else { 1 }, leaf));
    proptest::strategy::Union::new_weighted(comparisons_first.collect()).prop_recursive(3, 24, 4, connected).boxed()
}

/// Values that a record of the vocabulary may hold in the field; null now and then where it may be.
///
/// A choice is one of its choices, a reference one of the vocabulary's ids.
pub fn arbitrary_value(field: &Field, vocabulary: &Vocabulary) -> BoxedStrategy<FieldValue<'static>> {
    let present = match &field.kind {
        FieldKind::Text => from(&vocabulary.texts).prop_map(|text| FieldValue::Text(Cow::Owned(text))).boxed(),
        FieldKind::Choice(choices) => {
            let choices: Vec<String> = choices.iter().map(str::to_owned).collect();
            from(&choices).prop_map(|text| FieldValue::Text(Cow::Owned(text))).boxed()
        }
        FieldKind::Integer => from(&vocabulary.integers).prop_map(FieldValue::Integer).boxed(),
        FieldKind::Real => from(&vocabulary.reals).prop_map(FieldValue::Real).boxed(),
        FieldKind::Time => from(&vocabulary.times).prop_map(FieldValue::Time).boxed(),
        FieldKind::Date => from(&vocabulary.dates).prop_map(FieldValue::Date).boxed(),
        FieldKind::Bool => any::<bool>().prop_map(FieldValue::Bool).boxed(),
        FieldKind::Reference(_) => from(&vocabulary.ids).prop_map(FieldValue::Id).boxed(),
        FieldKind::Money => from(&vocabulary.money)
            .prop_map(|(amount_minor, currency)| FieldValue::Money { amount_minor, currency: Cow::Owned(currency) })
            .boxed(),
        FieldKind::Tags => vec(from(&vocabulary.tags), 0..4)
            .prop_map(|tags| FieldValue::Many(tags.into_iter().map(Cow::Owned).collect()))
            .boxed(),
    };
    if field.nullable { prop_oneof![1 => Just(FieldValue::Null), 3 => present].boxed() } else { present }
}

fn connected(inner: BoxedStrategy<Filter>) -> BoxedStrategy<Filter> {
    prop_oneof![
        vec(inner.clone(), 0..4).prop_map(Filter::All),
        vec(inner.clone(), 0..4).prop_map(Filter::Any),
        inner.prop_map(Filter::negated),
    ]
    .boxed()
}

fn comparison(catalogue: &Catalogue, vocabulary: &Vocabulary) -> BoxedStrategy<Filter> {
    let fields = catalogue.fields.iter().filter(|field| field.filterable);
    let comparisons: Vec<BoxedStrategy<Filter>> = fields
        .flat_map(|field| field.kind.ops().iter().map(move |op| (field, *op)))
        .map(|(field, op)| {
            let field_key = field.key.to_string();
            operand(&field.kind, op, vocabulary)
                .prop_map(move |value| Filter::Is(Comparison { field: field_key.clone(), op, value }))
                .boxed()
        })
        .collect();
    if comparisons.is_empty() {
        return Just(Filter::everything()).boxed();
    }
    proptest::strategy::Union::new(comparisons).boxed()
}

fn operand(kind: &FieldKind, op: Op, vocabulary: &Vocabulary) -> BoxedStrategy<Operand> {
    let one = scalar(kind, vocabulary);
    match op {
        Op::IsNull => any::<bool>().prop_map(Operand::from).boxed(),
        Op::In | Op::HasAny | Op::HasAll | Op::HasNone => {
            // A store may send a long list in another way than a short one.
            prop_oneof![8 => vec(one.clone(), 0..4), 1 => vec(one, 17..40)].prop_map(Operand::Many).boxed()
        }
        Op::Between => vec(one, 2).prop_map(Operand::Many).boxed(),
        _ => one.prop_map(Operand::One).boxed(),
    }
}

fn scalar(kind: &FieldKind, vocabulary: &Vocabulary) -> BoxedStrategy<Scalar> {
    match kind {
        FieldKind::Text => from(&vocabulary.texts).prop_map(Scalar::Text).boxed(),
        FieldKind::Tags => from(&vocabulary.tags).prop_map(Scalar::Text).boxed(),
        FieldKind::Choice(choices) => {
            let choices: Vec<String> = choices.iter().map(str::to_owned).collect();
            from(&choices).prop_map(Scalar::Text).boxed()
        }
        FieldKind::Integer => from(&vocabulary.integers).prop_map(Scalar::Integer).boxed(),
        FieldKind::Real => prop_oneof![
            from(&vocabulary.reals).prop_map(Scalar::Real),
            from(&vocabulary.integers).prop_map(Scalar::Integer)
        ]
        .boxed(),
        FieldKind::Bool => any::<bool>().prop_map(Scalar::Bool).boxed(),
        FieldKind::Money => from(&vocabulary.money)
            .prop_map(|(amount_minor, currency)| Scalar::Money { amount_minor, currency })
            .boxed(),
        FieldKind::Time => prop_oneof![text_of(&vocabulary.times), text_of(&vocabulary.dates), relative()].boxed(),
        FieldKind::Date => prop_oneof![text_of(&vocabulary.dates), relative()].boxed(),
        FieldKind::Reference(Entity::User) => {
            prop_oneof![3 => text_of(&vocabulary.ids), 1 => Just(Scalar::Me), 1 => Just(Scalar::MyTeam)].boxed()
        }
        FieldKind::Reference(_) => text_of(&vocabulary.ids),
    }
}

fn relative() -> BoxedStrategy<Scalar> {
    let spans = vec![Span::default(), Span::days(1), Span::days(7), Span::months(1), Span::months(14), Span::hours(36)];
    let periods = vec![Period::Day, Period::Week, Period::Month, Period::Quarter, Period::Year];
    prop_oneof![
        select(spans.clone()).prop_map(Scalar::Ago),
        select(spans).prop_map(Scalar::Ahead),
        (select(periods), -2..3_i32).prop_map(|(period, offset)| Scalar::StartOf { period, offset }),
    ]
    .boxed()
}

fn text_of<T: ToString + Clone + std::fmt::Debug + 'static>(values: &[T]) -> BoxedStrategy<Scalar> {
    let texts: Vec<String> = values.iter().map(T::to_string).collect();
    from(&texts).prop_map(Scalar::Text).boxed()
}

/// One of these values, of which there must be one.
fn from<T: Clone + std::fmt::Debug + 'static>(values: &[T]) -> BoxedStrategy<T> {
    select(values.to_vec()).boxed()
}
