//! A file, chunk by chunk.
//!
//! Where a chunk ends depends on the file alone: whoever goes on after a stop cuts the same chunks.

use super::model::{FailedRow, Import};
use super::reader::{Checkpoint, Limits, Reader, Record, RowError, ragged};
use super::source::Source;
use super::survey::READ_BYTES;
use crate::error::{Error, Result};

/// Most rows of a chunk.
const CHUNK_ROWS: u64 = 1_000;
/// Most rows of a chunk of a large file. A commit writes each page of an index once, however many of its
/// rows fall on it, so the larger the index, the more a larger chunk saves; but it also holds the writer
/// longer.
const LARGE_CHUNK_ROWS: u64 = 5_000;
/// Bytes from which on a file is large.
const LARGE_BYTES: u64 = 4 * 1024 * 1024;
/// Bytes of the file after which a chunk ends, so that memory stays flat whatever a row's length.
const CHUNK_BYTES: u64 = 4 * 1024 * 1024;

/// Some rows of a file, and where the next begin.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Rows that hold something.
    pub(super) lines: Vec<Line>,
    /// The place after them.
    pub(super) end: Checkpoint,
    /// Whether the file ends there.
    pub(super) is_last: bool,
}

/// One row: its cells, or why there are none.
#[derive(Debug)]
pub(super) enum Line {
    /// As many cells as the header has.
    Whole(Record),
    /// Anything else.
    Broken(RowError),
}

impl Line {
    /// Takes a row that was read; none for one of blank cells.
    fn new(read: Result<Record, RowError>, width: usize) -> Option<Self> {
        let record = match read {
            Ok(record) => record,
            Err(error) => return Some(Line::Broken(error)),
        };
        match ragged(width, &record) {
            Some(error) => Some(Line::Broken(error)),
            None => (!record.is_blank()).then_some(Line::Whole(record)),
        }
    }
}

/// Reads a file's rows from a checkpoint on.
pub(super) struct Rows<'s> {
    source: &'s mut dyn Source,
    reader: Reader,
    width: usize,
    fed: u64,
    expected: u64,
    is_fed: bool,
    /// Most rows of a chunk.
    most: u64,
}

impl<'s> Rows<'s> {
    /// The rows that an import has not done yet.
    pub(super) fn of(import: &Import, source: &'s mut dyn Source) -> Self {
        Self {
            source,
            // The header is record number 0.
            reader: Reader::resume(import.format, Limits::default(), import.offset, import.line, import.rows + 1),
            width: import.headers.len(),
            fed: import.offset,
            expected: import.file.bytes,
            is_fed: false,
            most: if import.file.bytes < LARGE_BYTES { CHUNK_ROWS } else { LARGE_CHUNK_ROWS },
        }
    }

    /// The same file from another checkpoint on.
    pub(super) fn again(self, import: &Import) -> Self {
        Self::of(import, self.source)
    }

    /// The next chunk.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read or has become shorter.
    pub(super) async fn chunk(&mut self) -> Result<Chunk> {
        let start = self.reader.checkpoint();
        let mut lines = Vec::new();
        loop {
            let here = self.reader.checkpoint();
            let is_full = here.index - start.index >= self.most || here.offset - start.offset >= CHUNK_BYTES;
            if is_full {
                return Ok(Chunk { lines, end: here, is_last: false });
            }
            match self.reader.next() {
                Some(read) => lines.extend(Line::new(read, self.width)),
                None if self.is_fed => return Ok(Chunk { lines, end: self.reader.checkpoint(), is_last: true }),
                None => self.feed().await?,
            }
        }
    }

    async fn feed(&mut self) -> Result<()> {
        // What is added to a file while it is imported belongs to another import.
        let left = usize::try_from(self.expected.saturating_sub(self.fed)).unwrap_or(usize::MAX);
        let bytes = match left {
            0 => Vec::new(),
            left => self.source.read_at(self.fed, left.min(READ_BYTES)).await?,
        };
        self.fed += bytes.len() as u64;
        if !bytes.is_empty() {
            self.reader.push(&bytes);
            return Ok(());
        }
        if self.fed < self.expected {
            return Err(Error::unavailable(format!("the file ended after {} of {} bytes", self.fed, self.expected)));
        }
        self.reader.finish();
        self.is_fed = true;
        Ok(())
    }
}

/// What is kept of a row that cannot be read.
pub(super) fn failed(import: &Import, error: &RowError) -> FailedRow {
    let header = error.column.and_then(|column| import.headers.get(column));
    FailedRow {
        import_id: import.id,
        line: error.line,
        cells: error.cells.clone(),
        field: header.cloned().unwrap_or_default(),
        code: error.code.to_owned(),
        message: error.message.clone(),
    }
}
