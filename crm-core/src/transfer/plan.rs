//! How an import reads its rows: fixed when it starts, so that it goes on alike after any stop.

use std::collections::BTreeMap;

use super::date::DateFormat;
use super::header::squash;
use super::mapping::notes;
use super::model::{DuplicatePolicy, Import};
use super::products::Prices;
use crate::access::Entity;
use crate::custom_field::{CustomField, CustomKind};
use crate::filter::CUSTOM_PREFIX;
use crate::money::Currency;
use crate::time::Zone;
use crate::workspace::Workspace;

/// A column that fills a field.
#[derive(Clone, Debug)]
pub(super) struct Column {
    /// The field.
    pub(super) key: String,
    /// The column, counted from 0.
    pub(super) at: usize,
    /// Other spellings of its values.
    aliases: BTreeMap<String, String>,
}

impl Column {
    /// The value that a cell stands for.
    fn alias<'a>(&'a self, cell: &'a str) -> &'a str {
        if self.aliases.is_empty() { cell } else { self.aliases.get(cell).map_or(cell, String::as_str) }
    }
}

/// Everything that reading a row depends on.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub(super) entity: Entity,
    /// The columns that fill something, in the order of their fields, so that the order of a file's
    /// columns does not count.
    pub(super) columns: Vec<Column>,
    /// The letters of every header with its column, in alphabetical order; those of a file of refused
    /// rows left out.
    pub(super) headers: Vec<(String, usize)>,
    pub(super) policy: DuplicatePolicy,
    pub(super) create_missing: bool,
    pub(super) date_format: DateFormat,
    pub(super) zone: Zone,
    pub(super) currency: Currency,
    /// What products cost by the list that came with the file.
    pub(super) prices: Prices,
    /// How many days after its opening an open deal is expected to close.
    pub(super) won_days: Option<u64>,
    /// The custom fields of this kind of record.
    pub(super) definitions: Vec<CustomField>,
}

impl Plan {
    /// The plan of an import.
    pub(super) fn new(import: &Import, workspace: &Workspace, definitions: &[CustomField]) -> Self {
        let options = &import.options;
        let aliases = |key: &str| {
            // A product's spellings hold for the custom field that keeps it.
            let plain = key.strip_prefix(CUSTOM_PREFIX).filter(|plain| *plain == "product");
            options.values.get(key).or_else(|| options.values.get(plain?)).cloned().unwrap_or_default()
        };
        let mapped = import.columns.iter().enumerate().filter_map(|(at, key)| Some((at, key.clone()?)));
        let mut columns: Vec<Column> = mapped.map(|(at, key)| Column { aliases: aliases(&key), key, at }).collect();
        columns.sort_by(|a, b| a.key.cmp(&b.key));
        let headers = import.headers.iter().map(|header| squash(header)).enumerate().skip(notes(&import.headers));
        let mut headers: Vec<(String, usize)> = headers.map(|(at, header)| (header, at)).collect();
        headers.sort_unstable();
        Self {
            entity: import.entity,
            columns,
            headers,
            policy: options.on_duplicate,
            create_missing: options.create_missing,
            date_format: import.date_format,
            zone: workspace.time_zone,
            currency: workspace.currency,
            prices: Prices::of(&options.products),
            won_days: import.won_days,
            definitions: definitions.iter().filter(|field| field.entity == import.entity).cloned().collect(),
        }
    }

    /// The value that a column's cell stands for.
    pub(super) fn meaning<'a>(&'a self, column: &'a Column, cell: &'a str) -> &'a str {
        let meant = column.alias(cell);
        if is_product(&column.key) { self.prices.name(meant) } else { meant }
    }

    /// The field that names whose a row is.
    pub(super) fn owner_field(&self) -> &'static str {
        if self.entity == Entity::Task { "assignee" } else { "owner" }
    }

    /// The column of a field.
    pub(super) fn column(&self, key: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.key == key)
    }
}

/// Whether a field names what a deal is about.
pub(super) fn is_product(key: &str) -> bool {
    matches!(key, "product" | "custom.product")
}

/// The columns that hold dates, by the fields that they fill.
pub(super) fn date_columns(columns: &[Option<String>], definitions: &[CustomField]) -> Vec<usize> {
    let is_date = |key: &str| match key.strip_prefix(CUSTOM_PREFIX) {
        None => matches!(
            key,
            "created_at" | "opened_at" | "closed_at" | "expected_close_date" | "due_at" | "due_date" | "completed_at"
        ),
        Some(custom) => definitions.iter().any(|field| field.key == custom && field.kind == CustomKind::Date),
    };
    let dates = columns.iter().enumerate().filter(|(_, key)| key.as_deref().is_some_and(is_date));
    dates.map(|(at, _)| at).collect()
}
