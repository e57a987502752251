//! Definitions of custom fields, and the typed mirror of their values.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::NaiveDate;
use crm_core::access::Grant;
use crm_core::custom_field::{CustomField, CustomFieldStore, CustomKind, CustomValues};
use crm_core::filter::{Check, Choices, Field, FieldKind, FieldValue, Literal};
use crm_core::store::{Put, Stored};
use crm_core::workspace::Workspace;
use crm_core::{Entity, Error, Id, Result, text as core_text};
use diesel::prelude::*;

use super::columns::code;
use super::fragment::{Fragment, Statement};
use super::predicate::{Place, Value, starts_with, value_passes};
use super::room::Room;
use super::{Conn, RunQueryDsl, Store, dialect};
use crate::fault::Outcome;
use crate::schema::{custom_fields, custom_values};
use crate::types::{DbId, DbTime};

/// Characters of a text that are indexed: an index of PostgreSQL takes no longer entry.
const HEAD_CHARS: usize = 200;
/// Records that are read at once when a key is given a new meaning.
const REBUILD_CHUNK: i64 = 1_000;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = custom_fields,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct CustomFieldRow {
    workspace_id: i64,
    id: DbId,
    entity: i16,
    key: String,
    data: String,
    version: i64,
    deleted_at: Option<DbTime>,
}

impl CustomFieldRow {
    fn new(workspace_id: i64, field: &CustomField) -> Outcome<Self> {
        Ok(Self {
            workspace_id,
            id: field.id.into(),
            entity: code(field.entity),
            key: field.key.clone(),
            data: serde_json::to_string(field)?,
            version: field.version,
            deleted_at: field.deleted_at.map(DbTime::from),
        })
    }

    fn into_field(self) -> Outcome<CustomField> {
        Ok(serde_json::from_str(&self.data)?)
    }
}

/// Writes a new definition. A key that a retired definition had may have values already.
pub(super) async fn insert(conn: &mut Conn, workspace: i64, field: &CustomField) -> Outcome<()> {
    let row = CustomFieldRow::new(workspace, field)?;
    let same_key = custom_fields::table
        .filter(custom_fields::workspace_id.eq(workspace))
        .filter(custom_fields::entity.eq(row.entity))
        .filter(custom_fields::key.eq(&row.key));
    let is_reused = same_key.select(custom_fields::id).first::<DbId>(conn).await.optional()?.is_some();
    diesel::insert_into(custom_fields::table).values(row).execute(conn).await?;
    if is_reused {
        match field.entity {
            Entity::Contact => rebuild::<crm_core::contact::Contact>(conn, workspace, field).await?,
            Entity::Company => rebuild::<crm_core::company::Company>(conn, workspace, field).await?,
            Entity::Deal => rebuild::<crm_core::deal::Deal>(conn, workspace, field).await?,
            Entity::Task => rebuild::<crm_core::task::Task>(conn, workspace, field).await?,
            _ => {}
        }
    }
    Ok(())
}

/// Writes a definition over a version, and gives the number of rows.
pub(super) async fn update(conn: &mut Conn, workspace: i64, field: &CustomField, before: i64) -> Outcome<usize> {
    let row = CustomFieldRow::new(workspace, field)?;
    let found = custom_fields::table
        .filter(custom_fields::workspace_id.eq(workspace))
        .filter(custom_fields::id.eq(row.id))
        .filter(custom_fields::version.eq(before));
    Ok(diesel::update(found).set(row).execute(conn).await?)
}

/// Mirrors the values that records hold under a key from before its definition.
async fn rebuild<T: Room>(conn: &mut Conn, workspace: i64, field: &CustomField) -> Outcome<()> {
    let place = super::room::place::<T>(workspace);
    let mut after = DbId(uuid::Uuid::nil());
    loop {
        let which = place.column("workspace_id").sql(" = ").bind(workspace).sql(" AND ").then(place.column("custom"));
        let which = which.sql(" IS NOT NULL AND ").then(place.column("id")).sql(" > ").bind(after);
        let records = T::select(conn, which, place.column("id"), REBUILD_CHUNK).await?;
        let Some(last) = records.last() else { return Ok(()) };
        after = DbId(last.uuid());
        let fields = std::slice::from_ref(field);
        insert_values(conn, records.iter().flat_map(|record| rows(workspace, fields, record)).collect()).await?;
    }
}

#[derive(Insertable)]
#[diesel(table_name = custom_values, treat_none_as_default_value = false)]
struct CustomValueRow {
    workspace_id: i64,
    record_id: DbId,
    field_id: DbId,
    position: i32,
    text_head: Option<String>,
    text_full: Option<String>,
    number: Option<f64>,
    whole: Option<i64>,
    currency: Option<String>,
    reference: Option<DbId>,
}

impl CustomValueRow {
    fn put(&mut self, value: &FieldValue<'_>) {
        match value {
            FieldValue::Text(text) => {
                let (head, full) = head_and_full(core_text::key(text));
                (self.text_head, self.text_full) = (Some(head), full);
            }
            FieldValue::Real(number) => self.number = Some(*number),
            FieldValue::Integer(number) => self.whole = Some(*number),
            FieldValue::Bool(truth) => self.whole = Some(i64::from(*truth)),
            FieldValue::Date(day) => self.whole = Some(day_number(*day)),
            FieldValue::Time(at) => self.whole = Some(at.micros()),
            FieldValue::Id(id) => self.reference = Some(DbId(*id)),
            FieldValue::Money { amount_minor, currency } => {
                (self.whole, self.currency) = (Some(*amount_minor), Some(currency.clone().into_owned()));
            }
            FieldValue::Null | FieldValue::Many(_) => {}
        }
    }
}

/// A day's number, from 1970-01-01.
pub(super) fn day_number(day: NaiveDate) -> i64 {
    day.signed_duration_since(NaiveDate::default()).num_days()
}

/// A text's first characters and, where it is longer, all of it.
fn head_and_full(key: String) -> (String, Option<String>) {
    match key.char_indices().nth(HEAD_CHARS) {
        None => (key, None),
        Some((end, _)) => (key.get(..end).unwrap_or_default().to_owned(), Some(key)),
    }
}

/// What filters see of a definition; the choices do not matter to values.
fn as_field(field: &CustomField) -> Field {
    let kind = match field.kind {
        CustomKind::Text | CustomKind::Url => FieldKind::Text,
        CustomKind::Number => FieldKind::Real,
        CustomKind::Money => FieldKind::Money,
        CustomKind::Date => FieldKind::Date,
        CustomKind::Choice => FieldKind::Choice(Choices::Fixed(&[])),
        CustomKind::MultiChoice => FieldKind::Tags,
        CustomKind::Boolean => FieldKind::Bool,
        CustomKind::User | CustomKind::Reference => FieldKind::Reference(Entity::User),
    };
    Field::custom(field.id.uuid(), &field.key, kind)
}

/// The mirror of a record's values: one row a value, one a choice.
fn rows<T: Room>(workspace: i64, fields: &[CustomField], record: &T) -> Vec<CustomValueRow> {
    let mut rows = Vec::new();
    for field in fields {
        let value = record.field_value(&as_field(field));
        let values = match value {
            FieldValue::Null => Vec::new(),
            FieldValue::Many(many) => many.into_iter().map(FieldValue::Text).collect(),
            one => vec![one],
        };
        for (position, value) in values.iter().enumerate() {
            let mut row = CustomValueRow {
                workspace_id: workspace,
                record_id: DbId(record.uuid()),
                field_id: field.id.into(),
                position: i32::try_from(position).unwrap_or(i32::MAX),
                text_head: None,
                text_full: None,
                number: None,
                whole: None,
                currency: None,
                reference: None,
            };
            row.put(value);
            rows.push(row);
        }
    }
    rows
}

async fn insert_values(conn: &mut Conn, rows: Vec<CustomValueRow>) -> Outcome<()> {
    let new = rows.into_iter().map(|row| diesel::insert_into(custom_values::table).values(row));
    dialect::insert(conn, new.collect()).await?;
    Ok(())
}

/// Brings the mirror in line with records that were written.
pub(super) async fn mirror<T: Room>(conn: &mut Conn, workspace: i64, puts: &[Put<T>]) -> Outcome<()> {
    let values = |record: &T| record.custom_values().cloned().unwrap_or_default();
    let before = |put: &Put<T>| put.before.as_ref().map(values).unwrap_or_default();
    let changed: Vec<&Put<T>> = puts.iter().filter(|put| before(put) != values(&put.after)).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let had = changed.iter().filter(|put| before(put) != CustomValues::new());
    let had: Vec<DbId> = had.map(|put| DbId(put.after.uuid())).collect();
    forget(conn, workspace, &had).await?;
    // Retired definitions too: they may come back.
    let all = custom_fields::table.filter(custom_fields::workspace_id.eq(workspace));
    let own = all.filter(custom_fields::entity.eq(code(T::ENTITY)));
    let fields: Vec<CustomFieldRow> = own.select(CustomFieldRow::as_select()).load(conn).await?;
    let fields = fields.into_iter().map(CustomFieldRow::into_field).collect::<Outcome<Vec<_>>>()?;
    insert_values(conn, changed.iter().flat_map(|put| rows(workspace, &fields, &put.after)).collect()).await
}

/// Forgets the values of records.
pub(super) async fn forget(conn: &mut Conn, workspace: i64, ids: &[DbId]) -> Outcome<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let delete = Fragment::new("DELETE FROM custom_values WHERE workspace_id = ").bind(workspace);
    Statement::<()>::new(delete.sql(" AND record_id").in_ids(ids)).execute(conn).await?;
    Ok(())
}

/// The condition that a record's custom value passes a check.
pub(super) fn passes(place: Place, field: DbId, kind: &FieldKind, check: &Check) -> Fragment {
    let exists =
        |condition: Fragment| Fragment::new("EXISTS (SELECT 1").then(values(place, field)).and(condition).sql(")");
    match (check, kind) {
        (Check::IsNull, _) => Fragment::new("NOT ").then(exists(Fragment::everything())),
        (Check::NotNull, _) => exists(Fragment::everything()),
        (Check::HasAny(tags), _) => exists(text_in(tags)),
        (Check::HasNone(tags), _) => Fragment::new("NOT ").then(exists(text_in(tags))),
        (Check::HasAll(tags), _) => match tags.as_slice() {
            [] => Fragment::everything(),
            // The first is found by the index; the count says that the others are there too.
            [first, ..] => {
                exists(text_passes(&Check::Eq(Literal::Text(first.clone())))).and(all_of(place, field, tags))
            }
        },
        (check, FieldKind::Text | FieldKind::Choice(_)) => exists(text_passes(check)),
        (check, FieldKind::Real) => exists(value_passes(&Value::Plain(Fragment::new("v.number")), check)),
        (check, FieldKind::Reference(_)) => exists(value_passes(&Value::Plain(Fragment::new("v.reference")), check)),
        (check, FieldKind::Money) => {
            let value = Value::Money { minor: Fragment::new("v.whole"), currency: Fragment::new("v.currency") };
            exists(value_passes(&value, check))
        }
        (check, FieldKind::Integer | FieldKind::Date | FieldKind::Bool) => {
            exists(value_passes(&Value::Plain(Fragment::new("v.whole")), check))
        }
        // No custom field holds an instant, and sets are compared above.
        (_, FieldKind::Time | FieldKind::Tags) => Fragment::nothing(),
    }
}

/// Where a record's values of a field are.
fn values(place: Place, field: DbId) -> Fragment {
    let own = Fragment::new(" FROM custom_values AS v WHERE v.workspace_id = ").then(place.column("workspace_id"));
    own.sql(" AND v.record_id = ").then(place.column("id")).sql(" AND v.field_id = ").bind(field)
}

/// Whether a record's choices of a field hold all of these, however often it holds each.
fn all_of(place: Place, field: DbId, texts: &[String]) -> Fragment {
    let wanted: BTreeSet<&String> = texts.iter().collect();
    let count = i64::try_from(wanted.len()).unwrap_or(i64::MAX);
    let wanted: Vec<String> = wanted.into_iter().cloned().collect();
    let found = Fragment::new("(SELECT COUNT(DISTINCT ").then(whole_text()).sql(")").then(values(place, field));
    found.sql(" AND ").then(whole_text()).in_texts(&wanted).sql(") = ").bind(count)
}

fn whole_text() -> Fragment {
    Fragment::new("COALESCE(v.text_full, v.text_head)")
}

fn text_in(texts: &[String]) -> Fragment {
    match texts {
        [] => Fragment::nothing(),
        texts => whole_text().in_texts(texts),
    }
}

/// Whether the whole text passes, narrowed by what that says about the part that is indexed.
fn text_passes(check: &Check) -> Fragment {
    let head = || Fragment::new("v.text_head");
    let of = |literal: &Literal| match literal {
        Literal::Text(key) => head_and_full(key.clone()).0,
        _ => String::new(),
    };
    let narrowed = match check {
        Check::Eq(literal) => Some(head().sql(" = ").bind(of(literal))),
        Check::Lt(literal) | Check::Le(literal) => Some(head().sql(" <= ").bind(of(literal))),
        Check::Gt(literal) | Check::Ge(literal) => Some(head().sql(" >= ").bind(of(literal))),
        Check::Between(low, high) => Some(head().sql(" BETWEEN ").bind(of(low)).sql(" AND ").bind(of(high))),
        Check::StartsWith(start) => Some(starts_with(&head(), &head_and_full(start.clone()).0)),
        _ => None,
    };
    let passes = value_passes(&Value::Text(whole_text()), check);
    match narrowed {
        Some(narrowed) => head().sql(" IS NOT NULL AND ").then(narrowed).and(passes),
        None => passes,
    }
}

#[async_trait]
impl CustomFieldStore for Store {
    async fn custom_fields(&self, workspace: Id<Workspace>) -> Result<Vec<CustomField>> {
        let workspace = self.workspace_key(workspace).await?;
        let mut fields = self
            .pools
            .key(async move |conn: &mut Conn| {
                let all = custom_fields::table.filter(custom_fields::workspace_id.eq(workspace));
                let live = all.filter(custom_fields::deleted_at.is_null());
                let rows: Vec<CustomFieldRow> = live.select(CustomFieldRow::as_select()).load(conn).await?;
                rows.into_iter().map(CustomFieldRow::into_field).collect::<Outcome<Vec<_>>>()
            })
            .await?;
        fields.sort_by(|a, b| (a.entity, &a.key).cmp(&(b.entity, &b.key)));
        Ok(fields)
    }

    async fn custom_field(&self, grant: &Grant, id: Id<CustomField>) -> Result<Stored<CustomField>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        let found = self
            .pools
            .key(async move |conn: &mut Conn| {
                let found = custom_fields::table
                    .filter(custom_fields::workspace_id.eq(workspace))
                    .filter(custom_fields::id.eq(DbId::from(id)))
                    .filter(custom_fields::deleted_at.is_null());
                let row = found.select(CustomFieldRow::as_select()).get_result(conn).await.optional()?;
                row.map(CustomFieldRow::into_field).transpose()
            })
            .await?;
        found.map(Stored::loaded).ok_or_else(|| Error::not_found("custom_field", id))
    }
}
