//! Reads CSV a push at a time: bytes go in, records come out, and memory stays flat.
//!
//! The dialect is RFC 4180 as spreadsheets stretch it: lines end with CRLF, LF or CR; a quote opens
//! a cell only as its first character and is a plain character elsewhere; text after a closing
//! quote belongs to the cell; blank lines are skipped, and so is a first line such as `sep=;`.
//!
//! A broken record costs itself and nothing more. A quote counts as unclosed if the end of the file or
//! [`Limits::record_bytes`] comes first, or if it closes on a later line with text right after it: that
//! is where another cell's quote opens. Reading then goes on with the line after the one where the
//! quote opened: the buffer holds those bytes still, as it holds any record in the making. No byte is
//! read more than twice for it.

mod record;
mod scan;

use serde::{Deserialize, Serialize};

pub use record::{Record, RowError, ragged};
use scan::{Scan, Step};

use super::decode::{Decoder, source_len};
use super::format::{Format, named_by};

/// What one record may take; all lengths are bytes of UTF-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest cell; a longer one costs its row.
    pub cell_bytes: usize,
    /// Longest record with its quotes and line ends; also how far a quote may reach before it counts
    /// as unclosed.
    pub record_bytes: usize,
    /// Most cells of a record.
    pub columns: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { cell_bytes: 65_536, record_bytes: 4 * 1024 * 1024, columns: 1_000 }
    }
}

/// A place between two records, where [`Reader::resume`] can begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Bytes of the file before this place, in the file's own encoding.
    pub offset: u64,
    /// 1-based physical line that starts here.
    pub line: u64,
    /// Number of the record that comes next; the header is number 0.
    pub index: u64,
}

/// Streaming reader of one CSV file.
///
/// Push some bytes, take records until `None`, push more; after `finish`, `None` is the end. It
/// holds the bytes pushed since the last `None` and, of what came before, one record in the making:
/// at worst twice [`Limits::record_bytes`].
#[derive(Clone, Debug)]
pub struct Reader {
    format: Format,
    limits: Limits,
    decoder: Decoder,
    /// Decoded bytes; those before `start` are read and wait for the next push to drop them.
    buffer: Vec<u8>,
    start: usize,
    scan: Scan,
    /// Where the search goes on: perhaps amid a record that is being skipped.
    next: Checkpoint,
    taken: Checkpoint,
    /// Bytes of the byte order mark that are still to come.
    mark: usize,
    /// Whether the next line is the file's first, which may be a `sep=` line.
    top: bool,
    finished: bool,
    /// Error of a record without an end in sight; told once its last line is skipped.
    skipping: Option<RowError>,
}

impl Reader {
    /// A reader at the start of a file.
    pub fn new(format: Format, limits: Limits) -> Self {
        Self::resume(format, limits, 0, 1, 0)
    }

    /// A reader that is given the file from `offset` on, as a [`Checkpoint`] or a record's `end`,
    /// `next_line` and `index + 1` say.
    pub fn resume(format: Format, limits: Limits, offset: u64, line: u64, index: u64) -> Self {
        let bom = format.bom_bytes as u64;
        let next = Checkpoint { offset: offset.max(bom), line, index };
        Self {
            format,
            limits,
            decoder: Decoder::new(format.encoding),
            buffer: Vec::new(),
            start: 0,
            scan: Scan::default(),
            next,
            taken: next,
            mark: usize::try_from(bom.saturating_sub(offset)).unwrap_or_default(),
            top: offset <= bom && line == 1,
            finished: false,
            skipping: None,
        }
    }

    /// Takes the next bytes of the file, however they are cut; ignored after `finish`.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.finished {
            return;
        }
        // Waiting until half is read keeps the cost of moving the rest within that of reading.
        if self.start * 2 >= self.buffer.len() {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        let marked = self.mark.min(bytes.len());
        self.mark -= marked;
        self.decoder.decode(bytes.get(marked..).unwrap_or_default(), &mut self.buffer);
    }

    /// Says that the file has no more bytes.
    pub fn finish(&mut self) {
        if !self.finished {
            self.finished = true;
            self.decoder.finish(&mut self.buffer);
        }
    }

    /// Takes the next bytes of the file, or its end where there are none.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        match bytes {
            [] => self.finish(),
            more => self.push(more),
        }
    }

    /// The place after the last record or error that was taken, at first the start.
    pub fn checkpoint(&self) -> Checkpoint {
        self.taken
    }

    /// Reads the next record into `record`, whose memory is used again; `None` means that more bytes
    /// are needed or, after `finish`, the end. After an error `record` is blank.
    pub fn read(&mut self, record: &mut Record) -> Option<Result<(), RowError>> {
        let row = self.advance(record)?;
        self.taken = self.next;
        Some(row)
    }

    fn advance(&mut self, record: &mut Record) -> Option<Result<(), RowError>> {
        loop {
            if self.skipping.is_some() {
                return self.skip_line().map(Err);
            }
            let raw = self.buffer.get(self.start..).unwrap_or_default();
            let step = self.scan.step(raw, self.format.delimiter, self.limits.record_bytes, self.finished);
            match step {
                Step::More => return None,
                Step::Line { body, end } if self.is_data(body) => return Some(self.take(record, body, end)),
                Step::Line { body, end } => self.consume(end, u64::from(end > body)),
                Step::Unclosed => {
                    if let Some(error) = self.reject_quote() {
                        return Some(Err(error));
                    }
                }
                Step::TooLong => self.reject_length(),
            }
        }
    }

    /// Whether the line about to be taken is a record: neither blank nor a `sep=` line.
    fn is_data(&mut self, body: usize) -> bool {
        let top = std::mem::take(&mut self.top);
        if self.scan.has_quotes() {
            return true;
        }
        let line = self.ahead(body);
        let blank = |byte: &u8| *byte == b' ' || (*byte == b'\t' && self.format.delimiter != b'\t');
        let named = top && named_by(line).is_some();
        !(named || line.iter().all(blank))
    }

    fn take(&mut self, record: &mut Record, body: usize, end: usize) -> Result<(), RowError> {
        record.line = self.next.line;
        record.index = self.next.index;
        let quoted = self.scan.has_quotes();
        let raw = self.buffer.get(self.start..).unwrap_or_default();
        let lines = if quoted { scan::lines(raw.get(..end).unwrap_or_default()) } else { u64::from(end > body) };
        let row = raw.get(..body).unwrap_or_default();
        let filled = record.fill(row, quoted, self.format, &self.limits);
        self.consume(end, lines);
        self.next.index += 1;
        record.end = self.next.offset;
        record.next_line = self.next.line;
        filled
    }

    /// Gives up a record whose quote never closes, and goes back to the line after the quote; none
    /// if that line is still to be skipped.
    fn reject_quote(&mut self) -> Option<RowError> {
        self.top = false;
        let opened = self.scan.opened();
        let before = self.ahead(opened);
        let error = RowError {
            line: self.next.line + scan::lines(before),
            index: self.next.index,
            code: "unclosed_quote",
            message: "a quote opens here and does not close".into(),
            column: Some(record::width(before, self.format.delimiter, self.limits.columns).saturating_sub(1)),
            cells: Vec::new(),
        };
        let rest = self.buffer.get(self.start + opened..).unwrap_or_default();
        match scan::whole_line(rest, self.finished) {
            Some(end) => {
                let end = opened + end;
                // Of a longer one it depends on how pushes cut it whether its end is known here.
                let cells = match end <= self.limits.record_bytes {
                    true => record::unclosed(self.ahead(end), self.format.delimiter, self.limits.columns),
                    false => Vec::new(),
                };
                self.consume(end, scan::lines(self.ahead(end)));
                self.next.index += 1;
                Some(RowError { cells, ..error })
            }
            None => {
                let end = opened + rest.len() - usize::from(rest.ends_with(b"\r"));
                self.consume(end, scan::lines(self.ahead(end)));
                self.skipping = Some(error);
                None
            }
        }
    }

    fn reject_length(&mut self) {
        self.top = false;
        self.skipping = Some(RowError {
            line: self.next.line,
            index: self.next.index,
            code: "record_too_long",
            message: format!("the row is longer than {} bytes", self.limits.record_bytes),
            column: None,
            cells: Vec::new(),
        });
        let read = self.limits.record_bytes;
        self.consume(read, scan::lines(self.ahead(read)));
    }

    /// Drops the rest of a line that belongs to a rejected record; its error once that is done.
    fn skip_line(&mut self) -> Option<RowError> {
        let raw = self.buffer.get(self.start..).unwrap_or_default();
        match scan::whole_line(raw, self.finished) {
            Some(end) => self.consume(end, scan::lines(self.ahead(end))),
            None => {
                // A CR at the end may be half of a CRLF.
                let read = raw.len() - usize::from(raw.ends_with(b"\r"));
                self.consume(read, 0);
                return None;
            }
        }
        self.next.index += 1;
        self.skipping.take()
    }

    fn ahead(&self, len: usize) -> &[u8] {
        self.buffer.get(self.start..self.start + len).unwrap_or_default()
    }

    fn consume(&mut self, len: usize, lines: u64) {
        self.next.offset += source_len(self.format.encoding, self.ahead(len));
        self.next.line += lines;
        self.start += len;
        self.scan = Scan::default();
    }
}

/// Takes records; not fused: after `None` more may come from the next push.
impl Iterator for Reader {
    type Item = Result<Record, RowError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut record = Record::default();
        let read = self.read(&mut record)?;
        Some(read.map(|()| record))
    }
}

#[cfg(test)]
mod tests;
