//! The beginning of an import: its format, its header and the fields of its columns.

use super::date::DateFormat;
use super::format::{self, Format, FormatOptions};
use super::mapping::{self, Mapping};
use super::model::{Counts, FileMark, Import, ImportOptions, ImportState};
use super::plan::date_columns;
use super::reader::{Checkpoint, Limits, Reader, RowError};
use super::source::Source;
use super::survey::{READ_BYTES, hexadecimal, mark, survey};
use super::writer::restore;
use crate::access::{Action, Entity, Grant};
use crate::custom_field::{CustomField, MAX_FIELDS};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::Upload;
use crate::session::Session;
use crate::time::Timestamp;

/// An import that is not written yet.
pub(super) struct Prepared {
    pub(super) import: Import,
    pub(super) mapping: Mapping,
    /// All definitions of the kind of record, those to be made included.
    pub(super) definitions: Vec<CustomField>,
    /// Definitions to be made.
    pub(super) made: Vec<CustomField>,
}

/// Reads a file's header and, once, all of it; decides what the whole import depends on.
///
/// # Errors
/// `Denied` where it would define custom fields and the caller may not; `Invalid` at `file` for a file
/// without a header, and for options that do not fit the file.
pub(super) async fn prepare(
    session: &Session,
    grant: &Grant,
    entity: Entity,
    source: &mut dyn Source,
    options: ImportOptions,
) -> Result<Prepared> {
    let now = session.now();
    let known = session.ports().custom_fields.custom_fields(grant.workspace_id()).await?;
    let mut definitions: Vec<CustomField> = known.into_iter().filter(|field| field.entity == entity).collect();
    let targets = mapping::targets(entity, grant.mask(entity), &definitions)?;
    let mut top = Top::read(source, &options).await?;
    let mapping = Mapping::new(entity, &top.headers, &options, &targets, &definitions)?;
    let made = if options.create_fields { define(session, entity, &mapping, &definitions, now)? } else { Vec::new() };
    definitions.extend(made.iter().cloned());
    let columns: Vec<Option<String>> = mapping.guesses.iter().map(|guess| guess.field.clone()).collect();
    let dates = date_columns(&columns, &definitions);
    let (file, date_format) = top.survey(source, &dates, options.date_format).await?;
    let import = Import {
        id: Id::new_at(now),
        entity,
        state: ImportState::Running,
        options,
        format: top.format,
        file,
        columns,
        headers: top.headers,
        date_format,
        offset: top.end.offset,
        line: top.end.line,
        rows: 0,
        counts: Counts::default(),
        warnings: mapping.warnings.clone(),
        created_by: session.actor().user_id(),
        job_id: None,
        created_at: now,
        updated_at: now,
        version: 0,
    };
    Ok(Prepared { import, mapping, definitions, made })
}

/// The custom fields of columns that match nothing.
fn define(
    session: &Session,
    entity: Entity,
    mapping: &Mapping,
    known: &[CustomField],
    now: Timestamp,
) -> Result<Vec<CustomField>> {
    if mapping.new_fields.is_empty() {
        return Ok(Vec::new());
    }
    session.require(Entity::CustomField, Action::Create)?;
    if known.len() + mapping.new_fields.len() > MAX_FIELDS {
        let message = format!("a kind of record has at most {MAX_FIELDS} custom fields");
        return Err(Error::invalid("create_fields", "too_many", message));
    }
    let define = |field: &mapping::NewField| {
        CustomField::new(Id::new_at(now), field.definition(entity), now)
            .map_err(|error| error.under(&format!("mapping.{}", field.header)))
    };
    mapping.new_fields.iter().map(define).collect()
}

/// Makes sure that a file is the one that an import began with.
///
/// # Errors
/// `Invalid` at `file`.
pub(super) async fn check_file(source: &mut dyn Source, expected: &FileMark) -> Result<()> {
    let is_same = source.bytes() == expected.bytes && mark(source).await? == *expected;
    if is_same {
        Ok(())
    } else {
        Err(Error::invalid("file", "another_file", "is not the file that the import began with"))
    }
}

/// Makes sure that the file which was read is the one that was sent.
///
/// # Errors
/// `Invalid` at `file`.
pub(super) fn check_upload(sent: &Upload, read: &FileMark) -> Result<()> {
    if sent.bytes == read.bytes && hexadecimal(&sent.digest) == read.sha256 {
        Ok(())
    } else {
        Err(Error::invalid("file", "another_file", "is not what was sent; send it again"))
    }
}

/// What the first bytes of a file tell.
struct Top {
    format: Format,
    headers: Vec<String>,
    /// The place after the header.
    end: Checkpoint,
    /// Whether they leave the encoding open.
    is_open: bool,
}

impl Top {
    async fn read(source: &mut dyn Source, options: &ImportOptions) -> Result<Self> {
        let mut sample = source.read_at(0, READ_BYTES).await?;
        while sample.len() < READ_BYTES {
            match source.read_at(sample.len() as u64, READ_BYTES - sample.len()).await? {
                more if more.is_empty() => break,
                more => sample.extend(more),
            }
        }
        let overrides = FormatOptions { encoding: options.encoding, delimiter: options.delimiter };
        let format = Format::guess(&sample, &overrides)?;
        let is_open = overrides.encoding.is_none() && format::is_open(&sample, format);
        let mut reader = Reader::new(format, Limits::default());
        let mut fed = sample.len() as u64;
        let mut more = sample;
        let record = loop {
            if more.is_empty() {
                reader.finish();
            } else {
                reader.push(&more);
            }
            match reader.next() {
                Some(Ok(record)) if record.is_blank() => return Err(no_header("its first row is blank")),
                Some(Ok(record)) => break record,
                Some(Err(error)) => return Err(bad_header(&error)),
                None if more.is_empty() => return Err(no_header("it is empty")),
                None => more = source.read_at(fed, READ_BYTES).await?,
            }
            fed += more.len() as u64;
        };
        let headers = record.iter().map(|header| restore(header).trim().to_owned()).collect();
        Ok(Self { format, headers, end: reader.checkpoint(), is_open })
    }

    /// Reads all of the file for its mark, its encoding where that is open, and the order of its dates.
    ///
    /// # Errors
    /// `Invalid` at `date_format` where that is not given and cannot be told.
    async fn survey(
        &mut self,
        source: &mut dyn Source,
        columns: &[usize],
        given: Option<DateFormat>,
    ) -> Result<(FileMark, DateFormat)> {
        let columns = if given.is_some() { &[][..] } else { columns };
        let mut found = survey(source, self.format, columns).await?;
        if self.is_open && found.encoding != self.format.encoding {
            self.format.encoding = found.encoding;
            // Rows that were read in another encoding than theirs did not count.
            found = survey(source, self.format, columns).await?;
        }
        let format = given.map_or_else(|| found.dates.format(self.format.delimiter), Ok)?;
        Ok((found.file, format))
    }
}

fn no_header(why: &str) -> Error {
    Error::invalid("file", "no_header", format!("has no header: {why}"))
}

fn bad_header(error: &RowError) -> Error {
    Error::invalid("file", error.code, format!("has a header that cannot be read: {}", error.message))
}
