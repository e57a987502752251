//! An import: what was asked, how far it got, what it refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::date::DateFormat;
use super::format::{Encoding, Format};
use super::products::Product;
use super::seats::Seat;
use crate::access::{Entity, FieldMask};
use crate::filter::CUSTOM_PREFIX;
use crate::id::Id;
use crate::job::Job;
use crate::journal::Batch;
use crate::store::{Record, versioned};
use crate::time::Timestamp;
use crate::user::User;

/// What to do with a row whose record is known already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum DuplicatePolicy {
    /// Leave the record as it is.
    #[default]
    Skip,
    /// Set the record's fields to the row's cells that are not empty.
    Update,
    /// Make another record.
    Create,
}

/// How a file shall be read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ImportOptions {
    /// Column header to field; guessed where absent, and an empty field leaves a column out.
    pub mapping: BTreeMap<String, String>,
    /// What to do with known records.
    pub on_duplicate: DuplicatePolicy,
    /// Whether to make stages, members, companies and tags that the file names.
    pub create_missing: bool,
    /// Whether to define a custom text field for each column that matches nothing.
    pub create_fields: bool,
    /// Other spellings of values, by field: `{"stage": {"Closed": "Won"}}`.
    pub values: BTreeMap<String, BTreeMap<String, String>>,
    /// The order of day, month and year; guessed where absent.
    pub date_format: Option<DateFormat>,
    /// The file's encoding; guessed where absent.
    pub encoding: Option<Encoding>,
    /// What separates cells; guessed where absent.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>))]
    pub delimiter: Option<char>,
    /// What deals are about and what that costs: the custom field `product` becomes a choice of these,
    /// and open deals without a value get the price, marked as estimated.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub products: Vec<Product>,
    /// Who belongs to whose team; people and teams that are missing are made as `create_missing` says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub teams: Vec<Seat>,
}

impl Default for ImportOptions {
    fn default() -> Self {
        Self {
            mapping: BTreeMap::new(),
            on_duplicate: DuplicatePolicy::default(),
            create_missing: true,
            create_fields: false,
            values: BTreeMap::new(),
            date_format: None,
            encoding: None,
            delimiter: None,
            products: Vec::new(),
            teams: Vec::new(),
        }
    }
}

impl ImportOptions {
    /// How the companies beside an import of deals are read: known ones are changed only where known deals
    /// are, and everything else is as their own file says.
    pub fn of_companies(&self) -> Self {
        let on_duplicate = match self.on_duplicate {
            DuplicatePolicy::Update => DuplicatePolicy::Update,
            DuplicatePolicy::Skip | DuplicatePolicy::Create => DuplicatePolicy::Skip,
        };
        Self { on_duplicate, create_missing: self.create_missing, ..Self::default() }
    }
}

/// Whether an import still has rows to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum ImportState {
    /// It has, whether or not a process works on it.
    Running,
    /// Every row was read.
    Done,
    /// It was undone before its last row; no more are read.
    Stopped,
}

/// Rows by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Counts {
    /// Made a record.
    pub created: u64,
    /// Changed a record.
    pub updated: u64,
    /// Left a known record as it was.
    pub unchanged: u64,
    /// Refused, with a reason.
    pub failed: u64,
}

impl Counts {
    /// Adds the counts of a chunk.
    pub(super) fn add(&mut self, other: Counts) {
        self.created += other.created;
        self.updated += other.updated;
        self.unchanged += other.unchanged;
        self.failed += other.failed;
    }
}

/// By what a file is known to be the same when an import resumes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FileMark {
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

/// An import and how far it got.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Import {
    /// Its id; the journal's entries carry it as their batch.
    pub id: Id<Import>,
    /// What its rows are.
    pub entity: Entity,
    /// Whether it has rows to read.
    pub state: ImportState,
    /// What was asked.
    pub options: ImportOptions,
    /// Encoding and delimiter of the file.
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub format: Format,
    /// The file.
    pub file: FileMark,
    /// The field of each column, in the order of the file.
    pub columns: Vec<Option<String>>,
    /// The header of each column.
    pub headers: Vec<String>,
    /// The order of day, month and year in the file's dates.
    pub date_format: DateFormat,
    /// Where products were given, the median of the days that the file's won deals took: open ones are
    /// expected to close so long after they were opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub won_days: Option<u64>,
    /// Bytes of the file that are done.
    pub offset: u64,
    /// The line where the next row starts.
    pub line: u64,
    /// Rows that are done, blank ones included.
    pub rows: u64,
    /// What became of them.
    pub counts: Counts,
    /// What the importer should know, each once.
    pub warnings: Vec<String>,
    /// Who started it; absent for the product itself.
    #[serde(default)]
    pub created_by: Option<Id<User>>,
    /// The job that reads its rows; absent where whoever began it reads them.
    #[serde(default)]
    pub job_id: Option<Id<Job>>,
    /// When it was started.
    pub created_at: Timestamp,
    /// When it last got further.
    pub updated_at: Timestamp,
    /// How often it was written.
    pub version: i64,
}

impl Import {
    /// The batch of its journal entries.
    pub fn batch(&self) -> Id<Batch> {
        self.id.cast()
    }

    /// Forgets what it says of fields that a mask hides.
    pub(crate) fn hide(&mut self, mask: &FieldMask) {
        let is_seen = |field: &str| !mask.hides(field);
        for column in &mut self.columns {
            *column = column.take().filter(|field| is_seen(field));
        }
        self.options.mapping.retain(|_, field| is_seen(field));
        if !is_seen("value") {
            self.options.products.clear();
        }
        // The spellings of a custom field may stand under its plain name.
        self.options.values.retain(|field, _| is_seen(field) && is_seen(&format!("{CUSTOM_PREFIX}{field}")));
    }
}

impl Record for Import {
    versioned!(Import);

    fn deleted_at(&self) -> Option<Timestamp> {
        None
    }

    fn owner(&self) -> Option<Id<User>> {
        self.created_by
    }
}

/// A row that an import refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FailedRow {
    /// The import.
    pub import_id: Id<Import>,
    /// The line of the file where the row starts, from 1.
    pub line: u64,
    /// The row's cells, as far as they could be read.
    pub cells: Vec<String>,
    /// The field or column at fault.
    pub field: String,
    /// Stable code of the reason.
    pub code: String,
    /// The reason.
    pub message: String,
}

/// By what an imported row without a key of its own is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint {
    /// What the row is.
    pub entity: Entity,
    /// Digest of its mapped cells.
    pub digest: [u8; 16],
    /// The record that it made.
    pub record_id: Uuid,
}

/// By what an imported row is known again, strongest first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// The comparison form ([`crate::text::key`]) of its id in another system.
    ExternalId(String),
    /// A contact's e-mail address.
    Email(String),
    /// A company's domain.
    Domain(String),
    /// The comparison form of a company's name.
    Name(String),
    /// The digest of its mapped cells.
    Fingerprint([u8; 16]),
}
