//! One record: its cells in one string, and what can be wrong with a row.

use std::fmt;

use serde::Serialize;

use super::Limits;
use super::scan::{find, find_all};
use crate::transfer::format::Format;

/// Longest row of which a copy is kept when it is refused, in bytes of UTF-8.
const MAX_KEPT: usize = 65_536;

/// One record of a file, unquoted and in UTF-8.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// 1-based physical line on which the record starts, as an editor shows it.
    pub line: u64,
    /// Number of the record, blank lines left out: the header is 0, the first row of data 1.
    pub index: u64,
    /// Bytes of the file, in its own encoding, up to the end of this record.
    pub end: u64,
    /// 1-based physical line on which the file goes on after this record.
    pub next_line: u64,
    /// All cells, one byte between two.
    text: String,
    /// Where each cell ends in `text`.
    ends: Vec<usize>,
}

impl Record {
    /// Text of the cell in a column, counted from 0; none past the last.
    pub fn cell(&self, column: usize) -> Option<&str> {
        let end = *self.ends.get(column)?;
        let start = match column.checked_sub(1) {
            Some(before) => self.ends.get(before)? + 1,
            None => 0,
        };
        self.text.get(start..end)
    }

    /// Number of cells; at least one, since blank lines are no records.
    #[expect(clippy::len_without_is_empty, reason = "a record has at least one cell")]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// The cells in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map_while(|column| self.cell(column))
    }

    /// Whether every cell holds nothing but white space, as in the `;;;` that spreadsheets leave.
    pub fn is_blank(&self) -> bool {
        self.iter().all(|cell| cell.trim().is_empty())
    }

    /// Fills in the cells of a raw row; on an error there are none.
    pub(super) fn fill(&mut self, row: &[u8], quoted: bool, format: Format, limits: &Limits) -> Result<(), RowError> {
        let mut text = std::mem::take(&mut self.text).into_bytes();
        text.clear();
        self.ends.clear();
        // One column too many is enough to refuse the row.
        let most = limits.columns.saturating_add(1);
        if quoted {
            unquote(row, format.delimiter, most, &mut text, &mut self.ends);
        } else {
            text.extend_from_slice(row);
            find_all(row, format.delimiter, most, &mut self.ends);
            if self.ends.len() < most {
                self.ends.push(row.len());
            }
        }
        let fault = self.measure(limits).or_else(|| self.find_nul(&text));
        let (fault, text) = match (fault, String::from_utf8(text)) {
            (None, Ok(text)) => {
                self.text = text;
                return Ok(());
            }
            (Some(fault), Ok(text)) => (fault, text.into_bytes()),
            (Some(fault), Err(error)) => (fault, error.into_bytes()),
            (None, Err(error)) => (self.wrong_byte(error.utf8_error().valid_up_to(), format), error.into_bytes()),
        };
        let cells = lossy(&text, &self.ends);
        self.ends.clear();
        Err(RowError { cells, ..fault })
    }

    fn measure(&self, limits: &Limits) -> Option<RowError> {
        if self.ends.len() > limits.columns {
            let message = format!("the row has more than {} cells", limits.columns);
            return Some(self.error("too_many_columns", message, None));
        }
        // Short rows have no long cell.
        if self.ends.last().is_none_or(|end| *end <= limits.cell_bytes) {
            return None;
        }
        let mut start = 0;
        let column = self.ends.iter().position(|end| {
            let len = end.saturating_sub(start);
            start = end + 1;
            len > limits.cell_bytes
        })?;
        let message = format!("the cell is longer than {} bytes", limits.cell_bytes);
        Some(self.error("cell_too_long", message, Some(column)))
    }

    fn find_nul(&self, text: &[u8]) -> Option<RowError> {
        if !text.contains(&0) {
            return None;
        }
        let at = text.iter().position(|byte| *byte == 0)?;
        Some(self.error("nul", "the cell holds a NUL character".into(), Some(self.column_at(at))))
    }

    fn wrong_byte(&self, at: usize, format: Format) -> RowError {
        let message = format!("the cell holds bytes that are not {}", format.encoding);
        self.error("encoding", message, Some(self.column_at(at)))
    }

    fn column_at(&self, at: usize) -> usize {
        self.ends.partition_point(|end| *end < at)
    }

    fn error(&self, code: &'static str, message: String, column: Option<usize>) -> RowError {
        RowError { line: self.line, index: self.index, code, message, column, cells: Vec::new() }
    }
}

/// Cells as far as they are text; none of a row so long that nobody would mend it.
fn lossy(text: &[u8], ends: &[usize]) -> Vec<String> {
    if text.len() > MAX_KEPT {
        return Vec::new();
    }
    let starts = std::iter::once(0).chain(ends.iter().map(|end| end + 1));
    let cells = starts.zip(ends).map(|(start, end)| text.get(start..*end).unwrap_or_default());
    cells.map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()
}

/// The cells of raw lines whose last quote does not close.
pub(super) fn unclosed(lines: &[u8], delimiter: u8, columns: usize) -> Vec<String> {
    let (mut text, mut ends) = (Vec::new(), Vec::new());
    let end = lines.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    let lines = lines.get(..end.min(MAX_KEPT + 1)).unwrap_or_default();
    unquote(lines, delimiter, columns.saturating_add(1), &mut text, &mut ends);
    lossy(&text, &ends)
}

/// Copies the cells of a row with their quotes undone, a delimiter between two; stops after `most`.
fn unquote(row: &[u8], delimiter: u8, most: usize, text: &mut Vec<u8>, ends: &mut Vec<usize>) {
    let mut rest = row;
    loop {
        if let Some((b'"', inside)) = rest.split_first() {
            rest = quoted_part(inside, text);
        }
        let plain = find(rest, [delimiter]);
        let (cell, after) = rest.split_at_checked(plain.unwrap_or(rest.len())).unwrap_or_default();
        text.extend_from_slice(cell);
        ends.push(text.len());
        if plain.is_none() || ends.len() == most {
            return;
        }
        text.push(delimiter);
        rest = after.get(1..).unwrap_or_default();
    }
}

/// Copies what stands between quotes; what is left follows the closing quote.
fn quoted_part<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> &'a [u8] {
    while let Some((inside, after)) = find(rest, [b'"']).and_then(|quote| rest.split_at_checked(quote)) {
        text.extend_from_slice(inside);
        match after {
            [_, b'"', more @ ..] => {
                text.push(b'"');
                rest = more;
            }
            [_, more @ ..] => return more,
            [] => break,
        }
    }
    text.extend_from_slice(rest);
    &[]
}

/// Cells that begin in these raw bytes.
pub(super) fn width(row: &[u8], delimiter: u8, columns: usize) -> usize {
    let (mut text, mut ends) = (Vec::new(), Vec::new());
    unquote(row, delimiter, columns.saturating_add(1), &mut text, &mut ends);
    ends.len()
}

/// Why a row cannot be read; its neighbours can.
///
/// Codes: `unclosed_quote`, `record_too_long`, `too_many_columns`, `cell_too_long`, `nul`,
/// `encoding` and, from [`ragged`], `ragged`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RowError {
    /// 1-based physical line: where the record starts or, of an unclosed quote, where it opens.
    pub line: u64,
    /// Number of the record; the header is 0.
    pub index: u64,
    /// Stable snake_case code.
    #[cfg_attr(feature = "schema", schema(value_type = String))]
    pub code: &'static str,
    /// What is wrong, lower case, no full stop.
    pub message: String,
    /// Column at fault, counted from 0, where it is one.
    pub column: Option<usize>,
    /// What could be read of its cells, for a person to mend; none of a row longer than 64 KiB.
    #[serde(skip)]
    pub cells: Vec<String>,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for RowError {}

/// What is wrong with a record that has not as many cells as the header: a missing or stray delimiter
/// may have moved its cells, so none of them can be trusted.
///
/// A record of blank cells alone passes, since it holds nothing to import.
pub fn ragged(header_len: usize, record: &Record) -> Option<RowError> {
    if record.len() == header_len || record.is_blank() {
        return None;
    }
    let message = format!("the row has {} cells and the header {header_len}", record.len());
    let cells = record.iter().map(str::to_owned).collect();
    Some(RowError { cells, ..record.error("ragged", message, None) })
}
