//! The cells of one row, by the fields that they fill.

use std::str::FromStr;

use serde_json::Value;

use super::date;
use super::links::Links;
use super::numbers;
use super::plan::Plan;
use super::reader::Record;
use super::writer::restore;
use crate::access::Entity;
use crate::custom_field::{CustomField, CustomKind, CustomValues};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::filter::CUSTOM_PREFIX;
use crate::id::Id;
use crate::money::Money;
use crate::time::Timestamp;

/// One row as a plan sees it. Cells are trimmed, and what an export did to formulas is undone.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    pub(super) plan: &'a Plan,
    pub(super) record: &'a Record,
}

impl<'a> Cells<'a> {
    /// The fields' cells that are not empty, as they are written.
    pub(super) fn mapped(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.plan.columns.iter().filter_map(move |column| {
            let cell = restore(self.record.cell(column.at)?).trim();
            (!cell.is_empty()).then_some((column.key.as_str(), cell))
        })
    }

    /// All cells that are not empty, as they are written, under the letters of their headers.
    pub(super) fn written(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.plan.headers.iter().filter_map(move |(header, at)| {
            let cell = restore(self.record.cell(*at)?).trim();
            (!cell.is_empty()).then_some((header.as_str(), cell))
        })
    }

    /// The value of a field; none for an empty cell.
    pub(super) fn text(self, key: &str) -> Option<&'a str> {
        let column = self.plan.column(key)?;
        let cell = self.plan.meaning(column, restore(self.record.cell(column.at)?).trim());
        (!cell.is_empty()).then_some(cell)
    }

    /// What the product of the row costs by the list.
    pub(super) fn price(self) -> Option<Money> {
        self.text("product").or_else(|| self.text("custom.product")).and_then(|name| self.plan.prices.price(name))
    }

    /// A line of text.
    pub(super) fn line(self, key: &str) -> Edit<String> {
        self.text(key).map_or(Edit::Keep, Edit::from)
    }

    /// The record's id in another system. A bare `id` stands for it where there is no other, whether or
    /// not it is one of ours: that shows only when the record is looked for.
    pub(super) fn external_id(self) -> Edit<String> {
        self.text("external_id").or_else(|| self.text("id")).map_or(Edit::Keep, Edit::from)
    }

    /// A value that is checked as it is read; a bad one is a fault of its field.
    pub(super) fn value<T>(self, key: &str, faults: &mut Faults, read: impl FnOnce(&str) -> Result<T>) -> Option<T> {
        match self.text(key).map(read)? {
            Ok(value) => Some(value),
            Err(error) => {
                faults.refuse(key, &error);
                None
            }
        }
    }

    /// As [`Cells::value`], for types that read themselves.
    pub(super) fn parsed<T: FromStr<Err = Error>>(self, key: &str, faults: &mut Faults) -> Edit<T> {
        self.value(key, faults, str::parse).map_or(Edit::Keep, Edit::Set)
    }

    /// An instant; a plain date is the start of that day in the workspace's zone.
    pub(super) fn instant(self, key: &str, faults: &mut Faults) -> Option<Timestamp> {
        self.value(key, faults, |cell| {
            date::parse_moment(cell, self.plan.date_format).and_then(|moment| date::instant(moment, self.plan.zone))
        })
    }

    /// Custom values. Those that point to members and records are left to `links`.
    pub(super) fn custom(self, links: &mut Links, faults: &mut Faults) -> Edit<CustomValues> {
        let mut values = CustomValues::new();
        for column in &self.plan.columns {
            let Some(key) = column.key.strip_prefix(CUSTOM_PREFIX) else { continue };
            let Some(field) = self.plan.definitions.iter().find(|field| field.key == key) else { continue };
            let value = self.value(&column.key, faults, |cell| self.custom_value(field, cell, links));
            if let Some(value) = value.filter(|value| !value.is_null()) {
                values.insert(key.to_owned(), value);
            }
        }
        if values.is_empty() { Edit::Keep } else { Edit::Set(values) }
    }

    /// A cell in the JSON form of its field; null where it points to something.
    fn custom_value(self, field: &CustomField, cell: &str, links: &mut Links) -> Result<Value> {
        Ok(match field.kind {
            CustomKind::Text | CustomKind::Url | CustomKind::Choice => cell.into(),
            CustomKind::MultiChoice => list(cell).into(),
            CustomKind::Number => match cell.parse::<i64>() {
                Ok(whole) => whole.into(),
                Err(_) => numbers::number(cell)?.into(),
            },
            CustomKind::Money => {
                let amount = numbers::amount(cell, None, self.plan.currency)?;
                serde_json::json!({ "amount_minor": amount.amount_minor, "currency": amount.currency })
            }
            CustomKind::Date => date::parse(cell, self.plan.date_format)?.to_string().into(),
            CustomKind::Boolean => truth(cell)?.into(),
            CustomKind::User => {
                links.members.push((field.key.clone(), cell.to_owned()));
                Value::Null
            }
            CustomKind::Reference => {
                let id: Id<()> = cell.parse()?;
                links.records.push((field.key.clone(), field.target.unwrap_or(Entity::Contact), id.uuid()));
                Value::Null
            }
        })
    }
}

/// The parts of a cell such as `red; green` or `red, green`.
pub(super) fn list(cell: &str) -> Vec<String> {
    let separator = if cell.contains(';') { ';' } else { ',' };
    cell.split(separator).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

pub(super) fn truth(cell: &str) -> Result<bool> {
    match cell.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" | "on" | "x" => Ok(true),
        "false" | "no" | "n" | "0" | "off" => Ok(false),
        _ => Err(Error::invalid("", "value_type", "is neither yes nor no")),
    }
}
