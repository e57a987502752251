//! The columns of an exported file. Their headers are the keys of the fields, so that an import of the
//! file needs no mapping.

use std::borrow::Cow;
use std::collections::HashMap;

use uuid::Uuid;

use super::Names;
use crate::access::{Action, Entity, Grant, Listed};
use crate::custom_field::{CustomField, TypedValue};
use crate::error::{Error, Result};
use crate::filter::FieldValue;
use crate::id::Id;
use crate::money::Money;
use crate::session::{Kept, Session};

const CONTACT: &[&str] = &[
    "id",
    "external_id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "title",
    "company",
    "owner",
    "lifecycle",
    "source",
    "tags",
    "created_at",
    "updated_at",
];
const COMPANY: &[&str] =
    &["id", "external_id", "name", "domain", "industry", "employees", "owner", "tags", "created_at", "updated_at"];
const DEAL: &[&str] = &[
    "id",
    "external_id",
    "title",
    "value",
    "value_estimated",
    "currency",
    "pipeline",
    "stage",
    "status",
    "company",
    "contact",
    "owner",
    "source",
    "tags",
    "opened_at",
    "closed_at",
    "expected_close_date",
    "probability",
    "forecast_category",
    "lost_reason",
    "stage_entered_at",
    "created_at",
    "updated_at",
];

const TASK: &[&str] = &[
    "id",
    "external_id",
    "title",
    "description",
    "kind",
    "priority",
    "status",
    "due_at",
    "due_date",
    "duration_minutes",
    "reminder",
    "recurrence",
    "completed_at",
    "company",
    "contact",
    "deal_id",
    "assignee",
    "tags",
    "created_at",
    "updated_at",
];

/// One column.
pub(super) enum Column {
    /// A built-in field, or a name that stands for one.
    BuiltIn(&'static str),
    /// A custom field.
    Custom(String, CustomField),
}

/// The columns that the caller sees.
pub(super) fn of(session: &Session, grant: &Grant, entity: Entity) -> Vec<Column> {
    let keys = match entity {
        Entity::Contact => CONTACT,
        Entity::Company => COMPANY,
        Entity::Task => TASK,
        _ => DEAL,
    };
    let hides = |entity: Entity, key: &str| grant.mask(entity).hides(key);
    let reads = |entity: Entity| session.require(entity, Action::Read).is_ok();
    let is_seen = |key: &str| match key {
        "currency" | "value_estimated" => !hides(entity, "value"),
        "company" => reads(Entity::Company) && !hides(entity, key),
        "contact" => reads(Entity::Contact) && !hides(Entity::Contact, "email"),
        "owner" | "assignee" => reads(Entity::User),
        key => !hides(entity, key),
    };
    let built_in = keys.iter().copied().filter(|key| is_seen(key)).map(Column::BuiltIn);
    let custom = grant.custom_fields(entity).map(|field| Column::Custom(field.filter_key(), field.clone()));
    built_in.chain(custom).collect()
}

/// The kinds of record of which a file of these columns tells.
pub(super) fn told(entity: Entity, headers: &[String]) -> Vec<Entity> {
    let beside = headers.iter().filter_map(|header| match header.as_str() {
        "company" => Some(Entity::Company),
        "contact" => Some(Entity::Contact),
        _ => None,
    });
    std::iter::once(entity).chain(beside).collect()
}

/// Those of a file that was begun, by their headers. Columns that came since have no part in it.
///
/// # Errors
/// `Denied` where one is hidden or gone by now: the file would not be whole.
pub(super) fn kept(columns: Vec<Column>, headers: &[String]) -> Result<Vec<Column>> {
    let mut seen: HashMap<String, Column> =
        columns.into_iter().map(|column| (column.header().to_owned(), column)).collect();
    let gone = |header: &String| format!("the column {header} is hidden or gone since the export began");
    headers.iter().map(|header| seen.remove(header).ok_or_else(|| Error::denied(gone(header)))).collect()
}

impl Column {
    pub(super) fn header(&self) -> &str {
        match self {
            Column::BuiltIn(key) => key,
            Column::Custom(key, _) => key,
        }
    }

    /// The column's cell of a record.
    pub(super) fn cell<'a, T: Listed + Kept>(&self, record: &'a T, names: &'a Names) -> Cow<'a, str> {
        match self {
            Column::BuiltIn(key) => built_in(key, record, names),
            Column::Custom(_, field) => {
                let value = record.custom().get(&field.key).and_then(|value| field.typed(value));
                value.map(custom).unwrap_or_default().into()
            }
        }
    }
}

fn built_in<'a, T: Listed + Kept>(key: &str, record: &'a T, names: &'a Names) -> Cow<'a, str> {
    let name = |field: &str, name: fn(&Names, Uuid) -> Option<&String>| match record.fact(field) {
        FieldValue::Id(id) => name(names, id).map(|name| Cow::from(name.as_str())).unwrap_or_default(),
        _ => Cow::default(),
    };
    match key {
        "id" => record.uuid().to_string().into(),
        "tags" => joined(record.tags()).into(),
        "company" => name("company_id", |names, id| names.companies.get(&Id::from(id))),
        "contact" => name("contact_id", |names, id| names.contacts.get(&Id::from(id))),
        "owner" => name("owner_id", |names, id| names.owners.get(&Id::from(id))),
        "assignee" => name("assignee_id", |names, id| names.owners.get(&Id::from(id))),
        "pipeline" => name("pipeline_id", |names, id| names.pipelines.get(&Id::from(id))),
        "stage" => name("stage_id", |names, id| names.stages.get(&Id::from(id))),
        "currency" => match record.fact("value") {
            FieldValue::Money { currency, .. } => currency,
            _ => Cow::default(),
        },
        key => written(record.fact(key)),
    }
}

/// A value as an import reads it.
fn written(value: FieldValue<'_>) -> Cow<'_, str> {
    match value {
        FieldValue::Null => Cow::default(),
        FieldValue::Text(text) => text,
        FieldValue::Integer(number) => number.to_string().into(),
        FieldValue::Real(number) => number.to_string().into(),
        FieldValue::Time(at) => at.to_string().into(),
        FieldValue::Date(day) => day.to_string().into(),
        FieldValue::Bool(truth) => truth.to_string().into(),
        FieldValue::Id(id) => id.to_string().into(),
        FieldValue::Money { amount_minor, currency } => {
            currency.parse().map(|currency| plain(Money::minor(amount_minor, currency))).unwrap_or_default().into()
        }
        FieldValue::Many(items) => joined(&items).into(),
    }
}

fn custom(value: TypedValue) -> String {
    match value {
        TypedValue::Text(text) => text,
        TypedValue::Many(items) => joined(&items),
        TypedValue::Real(number) => number.to_string(),
        TypedValue::Money(money) => format!("{} {}", plain(money), money.currency),
        TypedValue::Date(day) => day.to_string(),
        TypedValue::Bool(truth) => truth.to_string(),
        TypedValue::Id(id) => id.to_string(),
    }
}

/// Several values as an import takes them apart: a lone one with a comma would pass for several.
fn joined<T: AsRef<str>>(items: &[T]) -> String {
    match items {
        [one] if one.as_ref().contains(',') => format!("{};", one.as_ref()),
        items => items.iter().map(AsRef::as_ref).collect::<Vec<_>>().join("; "),
    }
}

/// An amount in digits alone, as in `-1234.50`.
fn plain(money: Money) -> String {
    money.to_string().chars().filter(|letter| letter.is_ascii_digit() || matches!(letter, '.' | '-')).collect()
}
