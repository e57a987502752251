//! A small file beside an import, such as a list of prices: read whole, and refused whole where a line
//! of it cannot be read.

use std::borrow::Cow;

use super::format::{Encoding, Format, FormatOptions, Utf8Tally};
use super::header::squash;
use super::reader::{Limits, Reader, Record, RowError, ragged};
use super::writer::restore;
use crate::error::{Error, FieldError, Result};

/// Most bytes of such a file: 1 MiB.
pub const TABLE_BYTES: usize = 1024 * 1024;
/// Most faults that are told of one.
const MAX_FAULTS: usize = 100;

/// The rows of a small file.
pub(super) struct Table {
    /// What the file is to the import, for messages.
    name: &'static str,
    headers: Vec<String>,
    rows: Vec<Record>,
}

/// A row of a small file.
#[derive(Clone, Copy)]
pub(super) struct TableRow<'a>(&'a Record);

impl<'a> TableRow<'a> {
    /// The cell of a column; none where the column is absent or the cell empty.
    pub(super) fn cell(self, column: Option<usize>) -> Option<&'a str> {
        let cell = restore(self.0.cell(column?)?).trim();
        (!cell.is_empty()).then_some(cell)
    }
}

impl Table {
    /// Reads a file.
    ///
    /// # Errors
    /// `Invalid` at `name` where it is too large, has no header or a line that cannot be read.
    pub(super) fn read(name: &'static str, file: &[u8]) -> Result<Self> {
        if file.len() > TABLE_BYTES {
            return Err(Error::invalid(name, "too_large", format!("has more than {TABLE_BYTES} bytes")));
        }
        let mut format = Format::guess(file, &FormatOptions::default()).map_err(|error| error.under(name))?;
        if format.bom_bytes == 0 && matches!(format.encoding, Encoding::Utf8 | Encoding::Windows1252) {
            let mut tally = Utf8Tally::default();
            tally.feed(file);
            tally.finish();
            format.encoding = tally.encoding();
        }
        let mut reader = Reader::new(format, Limits::default());
        reader.push(file);
        reader.finish();
        let header = reader.next().and_then(Result::ok).filter(|header| !header.is_blank());
        let header = header.ok_or_else(|| Error::invalid(name, "no_header", "has no header that can be read"))?;
        let headers: Vec<String> = header.iter().map(|cell| squash(restore(cell))).collect();
        let (mut rows, mut faults) = (Vec::new(), Vec::new());
        for read in reader {
            let whole = read.and_then(|record| ragged(headers.len(), &record).map_or(Ok(record), Err));
            match whole {
                Ok(record) if record.is_blank() => {}
                Ok(record) => rows.push(record),
                Err(RowError { line, code, message, .. }) => faults.push(at_line(name, line, code, &message)),
            }
        }
        refuse(faults)?;
        Ok(Self { name, headers, rows })
    }

    /// The first column that has one of these names, whatever their case and punctuation.
    pub(super) fn column(&self, names: &[&str]) -> Option<usize> {
        names.iter().find_map(|name| self.headers.iter().position(|header| *header == squash(name)))
    }

    /// As [`Table::column`], where the file needs one.
    ///
    /// # Errors
    /// `Invalid` at the file's name.
    pub(super) fn needed(&self, names: &[&str]) -> Result<Option<usize>> {
        match self.column(names) {
            Some(column) => Ok(Some(column)),
            None => {
                let message = format!("needs a column that is called {}", names.join(" or "));
                Err(Error::invalid(self.name, "required", message))
            }
        }
    }

    /// Every row, read.
    ///
    /// # Errors
    /// `Invalid` at the file's name, with the line of each row at fault.
    pub(super) fn each<T>(&self, read: impl Fn(TableRow<'_>) -> Result<T>) -> Result<Vec<T>> {
        let (mut all, mut faults) = (Vec::with_capacity(self.rows.len()), Vec::new());
        for row in &self.rows {
            match read(TableRow(row)) {
                Ok(one) => all.push(one),
                Err(error) => faults.extend(error.fields().iter().map(|fault| {
                    let message = format!("{}: {}", fault.field, fault.message);
                    at_line(self.name, row.line, fault.code.clone(), &message)
                })),
            }
        }
        refuse(faults)?;
        Ok(all)
    }
}

fn at_line(name: &str, line: u64, code: impl Into<Cow<'static, str>>, message: &str) -> FieldError {
    FieldError { field: name.to_owned(), code: code.into(), message: format!("line {line}: {message}") }
}

fn refuse(mut faults: Vec<FieldError>) -> Result<()> {
    faults.truncate(MAX_FAULTS);
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid_fields(faults)) }
}
