//! The beginning of an import: its format, its header and the fields of its columns.

use super::cycle::{CycleColumns, won_days};
use super::date::DateFormat;
use super::fields;
use super::format::{self, Format, FormatOptions};
use super::mapping::{self, Defines, Mapping};
use super::model::{Counts, FileMark, Import, ImportOptions, ImportState};
use super::plan::{date_columns, is_product};
use super::products;
use super::reader::{Checkpoint, Limits, Reader, RowError};
use super::seats::{self, Seating};
use super::source::Source;
use super::survey::{READ_BYTES, Surveyed, hexadecimal, mark, survey};
use super::writer::restore;
use crate::access::{Entity, Grant};
use crate::custom_field::CustomField;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::job::Upload;
use crate::session::Session;
use crate::store::{Guard, GuardRow, Stored};

/// An import that is not written yet.
pub(super) struct Prepared {
    pub(super) import: Import,
    pub(super) mapping: Mapping,
    /// All definitions of the kind of record, those to be made included.
    pub(super) definitions: Vec<CustomField>,
    /// Definitions to be made or to get further choices.
    pub(super) made: Vec<Stored<CustomField>>,
    /// Where new ones are among them: read before it was known which there are, so that nobody else
    /// defines the last one meanwhile.
    pub(super) guard: Option<GuardRow>,
    /// People and teams to be made.
    pub(super) seating: Seating,
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
    check_beside(entity, &options)?;
    if !options.products.is_empty() && grant.mask(Entity::Deal).hides("value") {
        return Err(Error::denied("products say what deals are worth, which the caller does not see"));
    }
    let now = session.now();
    let defines = fields::defines(session, &options);
    let guard = match defines {
        Defines::Nothing => None,
        Defines::Product | Defines::Everything => Some(session.ports().commit.guard(grant, Guard::CustomFields).await?),
    };
    let known = session.ports().custom_fields.custom_fields(grant.workspace_id()).await?;
    let mut definitions: Vec<CustomField> = known.into_iter().filter(|field| field.entity == entity).collect();
    let targets = mapping::targets(entity, grant.mask(entity), &definitions)?;
    let mut top = Top::read(source, &options).await?;
    let mapping = Mapping::new(entity, &top.headers, &options, &targets, &definitions, defines)?;
    let columns: Vec<Option<String>> = mapping.guesses.iter().map(|guess| guess.field.clone()).collect();
    let dates = date_columns(&columns, &definitions);
    let product = columns.iter().position(|column| column.as_deref().is_some_and(is_product));
    let (surveyed, date_format) = top.survey(source, &dates, product, options.date_format).await?;
    let choices = fields::products(&options, &surveyed.values);
    let mut made = fields::define(session, entity, mapping.defined(defines), &definitions, &choices)?;
    let guard = guard.filter(|_| !made.is_empty());
    // Products are those of deals, whatever a field of another kind of record is called.
    if entity == Entity::Deal
        && let Some(wider) = fields::widen(session, grant, &options, &columns, &definitions, &choices).await?
    {
        definitions.retain(|field| field.id != wider.id);
        made.push(wider);
    }
    definitions.extend(made.iter().map(|field| CustomField::clone(field)));
    let won_days = match CycleColumns::of(&columns, &options).filter(|_| !options.products.is_empty()) {
        Some(cycle) => won_days(source, top.format, date_format, &cycle).await?,
        None => None,
    };
    // Last, after the file was read: what it relies on moves with every chunk of other imports.
    let seating = Seating::of(session, grant, &options).await?;
    let import = Import {
        id: Id::new_at(now),
        entity,
        state: ImportState::Running,
        options,
        format: top.format,
        file: surveyed.file,
        columns,
        headers: top.headers,
        date_format,
        won_days,
        offset: top.end.offset,
        line: top.end.line,
        rows: 0,
        counts: Counts::default(),
        warnings: mapping.warnings.iter().chain(&seating.warnings).cloned().collect(),
        created_by: session.actor().user_id(),
        job_id: None,
        created_at: now,
        updated_at: now,
        version: 0,
    };
    Ok(Prepared { import, mapping, definitions, made, guard, seating })
}

impl Prepared {
    /// Finds the people and teams anew where a commit was refused because another import brought some
    /// meanwhile: that says nothing against this one. Each such conflict is a chunk that another got done.
    ///
    /// # Errors
    /// The refusal, where it has another reason.
    pub(super) async fn seat_again(&mut self, session: &Session, grant: &Grant, refusal: Error) -> Result<()> {
        if refusal.kind() != ErrorKind::Conflict || !self.seating.is_stale(session, grant).await? {
            return Err(refusal);
        }
        self.seating = Seating::of(session, grant, &self.import.options).await?;
        Ok(())
    }
}

/// Refuses what came with the file and means nothing there.
fn check_beside(entity: Entity, options: &ImportOptions) -> Result<()> {
    for (name, is_empty) in [("products", options.products.is_empty()), ("teams", options.teams.is_empty())] {
        if entity != Entity::Deal && !is_empty {
            return Err(Error::invalid(name, "misplaced", "belongs to an import of deals"));
        }
    }
    products::check(&options.products)?;
    seats::check(&options.teams)
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
            reader.feed(&more);
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

    /// Reads all of the file for its mark, its encoding where that is open, the order of its dates and
    /// the values of a column.
    ///
    /// # Errors
    /// `Invalid` at `date_format` where that is not given and cannot be told.
    async fn survey(
        &mut self,
        source: &mut dyn Source,
        columns: &[usize],
        valued: Option<usize>,
        given: Option<DateFormat>,
    ) -> Result<(Surveyed, DateFormat)> {
        let columns = if given.is_some() { &[][..] } else { columns };
        let mut found = survey(source, self.format, columns, valued).await?;
        if self.is_open && found.encoding != self.format.encoding {
            self.format.encoding = found.encoding;
            // Rows that were read in another encoding than theirs did not count.
            found = survey(source, self.format, columns, valued).await?;
        }
        let format = given.map_or_else(|| found.dates.format(self.format.delimiter), Ok)?;
        Ok((found, format))
    }
}

fn no_header(why: &str) -> Error {
    Error::invalid("file", "no_header", format!("has no header: {why}"))
}

fn bad_header(error: &RowError) -> Error {
    Error::invalid("file", error.code, format!("has a header that cannot be read: {}", error.message))
}
