//! What an import would do, without doing it.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use serde::Serialize;

use super::chunk::{Chunk, Line, Rows};
use super::date::DateFormat;
use super::decide::{Decided, Desk};
use super::format::Format;
use super::header::Confidence;
use super::mapping::NewField;
use super::model::{Counts, DuplicatePolicy, FailedRow, Import, RowKey};
use super::prepare::Prepared;
use super::row::Importable;
use super::writer::restore;
use crate::access::Entity;
use crate::error::Result;
use crate::time::Timestamp;

/// Most errors that a preview shows.
const MAX_ERRORS: usize = 100;
/// Values that a preview shows of each column, and their length.
const SAMPLES: usize = 3;
const SAMPLE_CHARS: usize = 80;

/// What an import would do.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Preview {
    /// What the rows are.
    pub entity: Entity,
    /// The file's columns and the fields that they fill.
    pub columns: Vec<PreviewColumn>,
    /// Columns that match nothing, with the custom fields that `create_fields` would make of them.
    pub new_fields: Vec<NewField>,
    /// Encoding and delimiter.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub format: Format,
    /// The order of day, month and year.
    pub date_format: DateFormat,
    /// Rows of the file that were looked at, blank ones included.
    pub rows: u64,
    /// After how many rows no further one was looked at; absent where all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_off_after: Option<u64>,
    /// What would become of them.
    pub counts: Counts,
    /// The first 100 rows that would be refused.
    pub errors: Vec<PreviewError>,
    /// What the importer should know.
    pub warnings: Vec<String>,
    /// The same of the companies that came beside deals.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(no_recursion))]
    pub companies: Option<Box<Preview>>,
}

/// A column and the field that it fills.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PreviewColumn {
    /// The column, counted from 0.
    pub column: usize,
    /// Its name in the file.
    pub header: String,
    /// The field; absent where it fills none.
    pub field: Option<String>,
    /// Why.
    pub confidence: Confidence,
    /// Some of its values, each once, cut to 80 characters.
    pub samples: Vec<String>,
}

/// A row that would be refused.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PreviewError {
    /// The line of the file where the row starts, from 1.
    pub line: u64,
    /// The field or column at fault.
    pub field: String,
    /// Stable code of the reason.
    pub code: String,
    /// The reason.
    pub message: String,
}

impl From<FailedRow> for PreviewError {
    fn from(row: FailedRow) -> Self {
        Self { line: row.line, field: row.field, code: row.code, message: row.message }
    }
}

/// Keys of the rows that earlier chunks of a preview would have written: 24 bytes a key, so that a
/// million rows are known again in some tens of megabytes.
#[derive(Debug, Default)]
pub(super) struct Seen(HashMap<u64, Trace>);

/// What is kept of a row.
#[derive(Clone, Copy, Debug)]
struct Trace {
    /// The hash of what it says.
    says: u64,
    /// The kinds of keys that its record has, a bit each.
    kinds: u8,
}

impl Seen {
    /// Whether an earlier row is about the same record and, if so, whether it says the same. Keys are
    /// strongest first, and a weaker one counts as it does among records that exist.
    pub(super) fn before(&mut self, keys: &[RowKey], policy: DuplicatePolicy, digest: [u8; 16]) -> Option<bool> {
        if policy == DuplicatePolicy::Create {
            return None;
        }
        let (key, before) = keys.iter().enumerate().find_map(|(rank, key)| {
            let before = *self.0.get(&hash(key))?;
            (before.kinds & kinds(keys.get(..rank)?) == 0).then_some((key, before))
        })?;
        if policy == DuplicatePolicy::Skip {
            return Some(true);
        }
        // The record takes on what the row says.
        let kinds = before.kinds | kinds(keys);
        self.0.insert(hash(key), Trace { kinds, ..before });
        for key in keys {
            self.0.entry(hash(key)).or_insert(Trace { kinds, ..before });
        }
        Some(before.says == hash(&digest))
    }

    /// Remembers a row by the keys of its record.
    pub(super) fn add(&mut self, keys: &[RowKey], digest: [u8; 16]) {
        let trace = Trace { says: hash(&digest), kinds: kinds(keys) };
        for key in keys {
            self.0.entry(hash(key)).or_insert(trace);
        }
    }
}

fn kinds(keys: &[RowKey]) -> u8 {
    let bit = |key: &RowKey| match key {
        RowKey::ExternalId(_) => 1,
        RowKey::Email(_) => 2,
        RowKey::Domain(_) => 4,
        RowKey::Name(_) => 8,
        RowKey::Fingerprint(_) => 16,
    };
    keys.iter().map(bit).fold(0, |kinds, bit| kinds | bit)
}

fn hash(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

impl Preview {
    /// A preview of which no row is read yet.
    pub(super) fn new(prepared: &Prepared) -> Self {
        let columns = prepared.mapping.guesses.iter().map(|guess| PreviewColumn {
            column: guess.column,
            header: guess.header.clone(),
            field: guess.field.clone(),
            confidence: guess.confidence,
            samples: Vec::new(),
        });
        Self {
            entity: prepared.import.entity,
            columns: columns.collect(),
            new_fields: prepared.mapping.new_fields.clone(),
            format: prepared.import.format,
            date_format: prepared.import.date_format,
            rows: 0,
            cut_off_after: None,
            counts: Counts::default(),
            errors: Vec::new(),
            warnings: prepared.import.warnings.clone(),
            companies: None,
        }
    }

    /// Decides about all rows, or the chunks of the first `most`, and writes none.
    pub(super) async fn fill<T: Importable>(
        &mut self,
        desk: &Desk<'_>,
        import: &Import,
        mut rows: Rows<'_>,
        now: Timestamp,
        most: u64,
    ) -> Result<()> {
        let mut seen = Seen::default();
        loop {
            let chunk = rows.chunk().await?;
            if self.rows >= most && !chunk.lines.is_empty() {
                self.cut_off_after = Some(self.rows);
                return Ok(());
            }
            let decided: Decided<'_, T> = desk.decide(import, &chunk, now, Some(&mut seen)).await?;
            self.sample(&chunk);
            self.rows = chunk.end.index.saturating_sub(1);
            self.add(decided);
            if chunk.is_last {
                return Ok(());
            }
        }
    }

    fn sample(&mut self, chunk: &Chunk) {
        for column in &mut self.columns {
            let records = chunk.lines.iter().filter_map(|line| match line {
                Line::Whole(record) => record.cell(column.column),
                Line::Broken(_) => None,
            });
            for cell in records {
                if column.samples.len() >= SAMPLES {
                    break;
                }
                let sample: String = restore(cell).trim().chars().take(SAMPLE_CHARS).collect();
                if !sample.is_empty() && !column.samples.contains(&sample) {
                    column.samples.push(sample);
                }
            }
        }
    }

    fn add<T: Importable>(&mut self, decided: Decided<'_, T>) {
        self.counts.add(decided.counts);
        for warning in decided.warnings() {
            if !self.warnings.iter().any(|known| known == warning) {
                self.warnings.push(warning.to_owned());
            }
        }
        let room = MAX_ERRORS.saturating_sub(self.errors.len());
        self.errors.extend(decided.failed.into_iter().take(room).map(PreviewError::from));
    }
}
