//! From a filter as written to one that can be answered.

use chrono::NaiveDate;
use uuid::Uuid;

use super::catalogue::{Choices, Field, FieldKind, Relation};
use super::checked::{Check, CheckedFilter};
use super::moment;
use super::op::Op;
use super::value::{Literal, Operand, Scalar};
use super::{Comparison, Filter, MAX_LIST, MAX_TEXT};
use crate::access::Entity;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::text;
use crate::time::{Timestamp, Zone, strict_day};

/// What a caller may ask: catalogues, less what the caller's mask hides.
pub trait Schema {
    /// The field with this key.
    fn field(&self, entity: Entity, key: &str) -> Lookup;

    /// The relation with this key; `None` also where the caller may not see the field behind it.
    fn relation(&self, entity: Entity, key: &str) -> Option<Relation>;

    /// Which records of the entity the caller may read; `None` for none at all.
    fn visible(&self, entity: Entity) -> Option<CheckedFilter>;
}

/// The answer of a [`Schema`] about a field.
#[derive(Clone, Debug, PartialEq)]
pub enum Lookup {
    /// It exists and the caller may see it.
    Found(Field),
    /// It exists and the caller may not see it; the caller is told that it does not exist.
    Hidden,
    /// It does not exist.
    Unknown,
}

/// Everything that a filter's meaning depends on besides the filter.
#[derive(Clone, Copy)]
pub struct CheckContext<'a> {
    /// What the caller may ask.
    pub schema: &'a dyn Schema,
    /// The instant that relative times start from.
    pub now: Timestamp,
    /// The zone that cuts days.
    pub zone: Zone,
    /// The user who asks; `None` for the system, to whom `me` and `my_team` mean nothing.
    pub me: Option<Uuid>,
    /// The users of that user's teams.
    pub my_team: &'a [Uuid],
}

impl Filter {
    /// Resolves every name and value for one caller at one moment.
    ///
    /// # Errors
    /// `Invalid` with the place inside the filter, as in `filter.all.2.value`, and one of the codes
    /// `unknown_field` (also for a hidden one), `unknown_relation`, `denied` (the caller reads no
    /// such records), `op_not_supported`, `value_type`, `unknown_choice`, `no_user`, `too_deep`,
    /// `too_long` and `control_character`.
    pub fn check(&self, entity: Entity, context: &CheckContext<'_>) -> Result<CheckedFilter> {
        self.within_limits()?;
        self.resolved(entity, context)
    }

    /// As [`Filter::check`], of a filter that a list goes on with: what a board adds around one does not count.
    ///
    /// # Errors
    /// As [`Filter::check`].
    pub(crate) fn check_going_on(&self, entity: Entity, context: &CheckContext<'_>) -> Result<CheckedFilter> {
        self.within_read_limits()?;
        self.resolved(entity, context)
    }

    fn resolved(&self, entity: Entity, context: &CheckContext<'_>) -> Result<CheckedFilter> {
        let checker = Checker { context, entity, through_relation: false };
        checker.filter(self).map_err(|error| {
            // Made anew, so that the message names the whole path as well.
            Error::invalid_fields(error.under("filter").fields().to_vec())
        })
    }
}

struct Checker<'a> {
    context: &'a CheckContext<'a>,
    entity: Entity,
    through_relation: bool,
}

/// What a scalar stands for in a comparison.
enum Meaning {
    Exactly(Literal),
    OneOf(Vec<Literal>),
    /// A whole local day: from the first instant until just before the second.
    Day(Literal, Literal),
}

impl Checker<'_> {
    fn filter(&self, filter: &Filter) -> Result<CheckedFilter> {
        match filter {
            Filter::All(parts) => self.each("all", parts).map(CheckedFilter::All),
            Filter::Any(parts) => self.each("any", parts).map(CheckedFilter::Any),
            Filter::Not(part) => self.filter(part).map(CheckedFilter::negated).map_err(|error| error.under("not")),
            Filter::Is(comparison) => self.comparison(comparison),
            Filter::Related { relation, filter } => self.related(relation, filter),
        }
    }

    fn each(&self, key: &str, parts: &[Filter]) -> Result<Vec<CheckedFilter>> {
        let check = |(index, part)| self.filter(part).map_err(|error| error.under(&format!("{key}.{index}")));
        parts.iter().enumerate().map(check).collect()
    }

    fn related(&self, key: &str, filter: &Filter) -> Result<CheckedFilter> {
        if self.through_relation {
            return Err(Error::invalid("related", "too_deep", "is a relation of a relation"));
        }
        let relation = self.context.schema.relation(self.entity, key).ok_or_else(|| {
            let message = format!("{} is not a relation of a {}", shown(key), self.entity);
            Error::invalid("related", "unknown_relation", message)
        })?;
        let visible =
            self.context.schema.visible(relation.entity).ok_or_else(|| {
                Error::invalid("related", "denied", format!("you may not read any {}", relation.entity))
            })?;
        let inner = Checker { context: self.context, entity: relation.entity, through_relation: true };
        let filter = inner.filter(filter).map_err(|error| error.under("filter"))?;
        Ok(CheckedFilter::Related { relation, filter: Box::new(CheckedFilter::All(vec![visible, filter])) })
    }

    fn comparison(&self, Comparison { field: key, op, value }: &Comparison) -> Result<CheckedFilter> {
        let Lookup::Found(field) = self.context.schema.field(self.entity, key) else {
            let message = format!("{} is not a field of a {}", shown(key), self.entity);
            return Err(Error::invalid("field", "unknown_field", message));
        };
        if !field.filterable || !field.kind.ops().contains(op) {
            let message = format!("{} is a {} and does not take {op}", field.key, field.kind.name());
            return Err(Error::invalid("op", "op_not_supported", message));
        }
        match op {
            Op::IsNull => {
                let check = if truth(value)? { Check::IsNull } else { Check::NotNull };
                Ok(CheckedFilter::is(field, check))
            }
            Op::Contains => keyed(one(value)?).map(|text| CheckedFilter::is(field, Check::Contains(text))),
            Op::StartsWith => keyed(one(value)?).map(|text| CheckedFilter::is(field, Check::StartsWith(text))),
            Op::HasAny => tags(value).map(|tags| CheckedFilter::is(field, Check::HasAny(tags))),
            Op::HasAll => tags(value).map(|tags| CheckedFilter::is(field, Check::HasAll(tags))),
            Op::HasNone => tags(value).map(|tags| CheckedFilter::is(field, Check::HasNone(tags))),
            Op::In => self.one_of(field, value),
            Op::Between => self.between(field, value),
            Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => {
                self.meaning(&field, one(value)?).map(|meaning| compare(field, *op, meaning))
            }
        }
    }

    fn one_of(&self, field: Field, value: &Operand) -> Result<CheckedFilter> {
        let mut literals = Vec::new();
        let mut days = Vec::new();
        for (index, scalar) in list(value)?.iter().enumerate() {
            match self.meaning(&field, scalar).map_err(|error| at_index(error, index))? {
                Meaning::Exactly(literal) => literals.push(literal),
                Meaning::OneOf(more) => literals.extend(more),
                day @ Meaning::Day(..) => days.push(compare(field.clone(), Op::Eq, day)),
            }
        }
        let exactly = CheckedFilter::is(field, Check::In(literals));
        Ok(if days.is_empty() { exactly } else { CheckedFilter::Any([vec![exactly], days].concat()) })
    }

    fn between(&self, field: Field, value: &Operand) -> Result<CheckedFilter> {
        let [low, high] = list(value)? else {
            return Err(value_type("is not a list of two values"));
        };
        let low = self.meaning(&field, low).map_err(|error| at_index(error, 0))?;
        let high = self.meaning(&field, high).map_err(|error| at_index(error, 1))?;
        Ok(match (low, high) {
            (Meaning::Exactly(low), Meaning::Exactly(high)) => CheckedFilter::is(field, Check::Between(low, high)),
            (low, high) => compare(field.clone(), Op::Ge, low).and(compare(field, Op::Le, high)),
        })
    }

    fn meaning(&self, field: &Field, scalar: &Scalar) -> Result<Meaning> {
        let literal = match (&field.kind, scalar) {
            (FieldKind::Text, scalar) => Literal::Text(keyed(scalar)?),
            (FieldKind::Choice(choices), scalar) => choice(choices, scalar)?,
            (FieldKind::Integer, Scalar::Integer(number)) => Literal::Integer(*number),
            (FieldKind::Real, Scalar::Integer(number)) => finite(*number as f64)?,
            (FieldKind::Real, Scalar::Real(number)) => finite(*number)?,
            (FieldKind::Bool, Scalar::Bool(truth)) => Literal::Bool(*truth),
            (FieldKind::Money, Scalar::Money { amount_minor, currency }) => money(*amount_minor, currency)?,
            (FieldKind::Time, scalar) => return self.time(scalar),
            (FieldKind::Date, Scalar::Text(text)) => Literal::Date(date(text)?),
            (FieldKind::Date, scalar) => Literal::Date(self.context.zone.day(self.moment(scalar, "a date")?)),
            (FieldKind::Reference(Entity::User), Scalar::Me) => Literal::Id(self.user()?),
            (FieldKind::Reference(Entity::User), Scalar::MyTeam) => {
                self.user()?;
                return Ok(Meaning::OneOf(self.context.my_team.iter().copied().map(Literal::Id).collect()));
            }
            (FieldKind::Reference(_), Scalar::Text(text)) => id(text)?,
            (kind, _) => return Err(value_type(format!("is not what a field of kind {} takes", kind.name()))),
        };
        Ok(Meaning::Exactly(literal))
    }

    /// An instant, or a bare date, which stands for the whole local day.
    fn time(&self, scalar: &Scalar) -> Result<Meaning> {
        let Scalar::Text(text) = scalar else {
            return self.moment(scalar, "a time").map(|time| Meaning::Exactly(Literal::Time(time)));
        };
        if let Ok(time) = text.parse() {
            return Ok(Meaning::Exactly(Literal::Time(time)));
        }
        let day = date(text).map_err(|_| value_type("is neither an RFC 3339 time nor a date as in 2026-01-31"))?;
        let until = day.succ_opt().unwrap_or(day);
        let start = |day| Literal::Time(self.context.zone.start_of_day(day));
        Ok(Meaning::Day(start(day), start(until)))
    }

    fn moment(&self, scalar: &Scalar, wanted: &str) -> Result<Timestamp> {
        let CheckContext { now, zone, .. } = *self.context;
        match scalar {
            Scalar::Ago(span) => Ok(span.before(now, zone)),
            Scalar::Ahead(span) => Ok(span.after(now, zone)),
            Scalar::StartOf { offset, .. } if !moment::is_near(*offset) => Err(value_type("lies too far from now")),
            Scalar::StartOf { period, offset } => Ok(moment::start_of(*period, *offset, now, zone)),
            _ => Err(value_type(format!("is not {wanted}"))),
        }
    }

    fn user(&self) -> Result<Uuid> {
        // Reading `me` as nobody would make `not owner_id = me` match everything.
        self.context.me.ok_or_else(|| Error::invalid("value", "no_user", "names the user who asks, and there is none"))
    }
}

fn compare(field: Field, op: Op, meaning: Meaning) -> CheckedFilter {
    let is = |check| CheckedFilter::is(field.clone(), check);
    match (op, meaning) {
        (Op::Ne, Meaning::Exactly(literal)) => is(Check::Ne(literal)),
        (Op::Lt, Meaning::Exactly(literal) | Meaning::Day(literal, _)) => is(Check::Lt(literal)),
        (Op::Le, Meaning::Exactly(literal)) => is(Check::Le(literal)),
        (Op::Le, Meaning::Day(_, until)) => is(Check::Lt(until)),
        (Op::Gt, Meaning::Exactly(literal)) => is(Check::Gt(literal)),
        (Op::Gt, Meaning::Day(_, until)) => is(Check::Ge(until)),
        (Op::Ge, Meaning::Exactly(literal) | Meaning::Day(literal, _)) => is(Check::Ge(literal)),
        (Op::Ne, Meaning::OneOf(literals)) => is(Check::NotNull).and(is(Check::In(literals)).negated()),
        (Op::Ne, Meaning::Day(from, until)) => CheckedFilter::Any(vec![is(Check::Lt(from)), is(Check::Ge(until))]),
        (_, Meaning::Exactly(literal)) => is(Check::Eq(literal)),
        (_, Meaning::OneOf(literals)) => is(Check::In(literals)),
        (_, Meaning::Day(from, until)) => is(Check::Ge(from)).and(is(Check::Lt(until))),
    }
}

fn one(operand: &Operand) -> Result<&Scalar> {
    match operand {
        Operand::One(scalar) => Ok(scalar),
        Operand::Many(_) => Err(value_type("is a list where one value is needed")),
    }
}

fn list(operand: &Operand) -> Result<&[Scalar]> {
    match operand {
        Operand::One(_) => Err(value_type("is one value where a list is needed")),
        Operand::Many(scalars) if scalars.len() > MAX_LIST => {
            Err(Error::invalid("value", "too_long", format!("has more than {MAX_LIST} values")))
        }
        Operand::Many(scalars) => Ok(scalars),
    }
}

fn truth(operand: &Operand) -> Result<bool> {
    match operand {
        Operand::One(Scalar::Bool(truth)) => Ok(*truth),
        _ => Err(value_type("is neither true nor false")),
    }
}

fn tags(operand: &Operand) -> Result<Vec<String>> {
    let tag = |(index, scalar)| keyed(scalar).map_err(|error| at_index(error, index));
    list(operand)?.iter().enumerate().map(tag).collect()
}

fn keyed(scalar: &Scalar) -> Result<String> {
    let Scalar::Text(raw) = scalar else {
        return Err(value_type("is not a text"));
    };
    if raw.chars().nth(MAX_TEXT).is_some() {
        return Err(Error::invalid("value", "too_long", format!("is longer than {MAX_TEXT} characters")));
    }
    if raw.contains('\0') {
        // PostgreSQL has no text with NUL, so no record can match and no store need be asked.
        return Err(Error::invalid("value", "control_character", "holds a NUL character"));
    }
    Ok(text::key(raw))
}

fn choice(choices: &Choices, scalar: &Scalar) -> Result<Literal> {
    let wanted = keyed(scalar)?;
    if choices.iter().any(|choice| text::key(choice) == wanted) {
        return Ok(Literal::Text(wanted));
    }
    let known: Vec<&str> = choices.iter().take(20).collect();
    Err(Error::invalid("value", "unknown_choice", format!("is none of {}", known.join(", "))))
}

fn finite(number: f64) -> Result<Literal> {
    Literal::real(number).ok_or_else(|| value_type("is not a finite number"))
}

fn money(amount_minor: i64, currency: &str) -> Result<Literal> {
    if currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Ok(Literal::Money { amount_minor, currency: currency.to_owned() });
    }
    Err(value_type("has no ISO 4217 currency, as in USD"))
}

fn date(text: &str) -> Result<NaiveDate> {
    strict_day(text).map_err(|error| value_type(error.fields().first().map_or("is not a date", |fault| &fault.message)))
}

fn id(text: &str) -> Result<Literal> {
    let id: Id<()> = text.parse().map_err(|_| value_type("is not a UUID"))?;
    Ok(Literal::Id(id.uuid()))
}

fn value_type(message: impl Into<String>) -> Error {
    Error::invalid("value", "value_type", message)
}

fn at_index(error: Error, index: usize) -> Error {
    let fields = error.fields().iter().cloned().map(|mut field| {
        field.field = format!("{}.{index}", field.field);
        field
    });
    Error::invalid_fields(fields.collect())
}

/// A name from outside, short enough for a message.
fn shown(key: &str) -> String {
    format!("{:?}", key.chars().take(64).collect::<String>())
}
