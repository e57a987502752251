//! How a CSV file is written: its encoding and its delimiter, told by the caller or guessed from
//! the first bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::decode::Decoder;
use super::reader::{Limits, Reader};
use crate::error::{Error, Result};

/// Character encoding of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Encoding {
    /// UTF-8, with or without a byte order mark.
    #[default]
    Utf8,
    /// UTF-16, low byte first: what Windows programs call Unicode.
    Utf16Le,
    /// UTF-16, high byte first.
    Utf16Be,
    /// Windows-1252, which holds every printable character of Latin-1.
    Windows1252,
}

impl Encoding {
    /// The encoding's usual name, as in `utf-16le`.
    pub const fn name(self) -> &'static str {
        match self {
            Encoding::Utf8 => "utf-8",
            Encoding::Utf16Le => "utf-16le",
            Encoding::Utf16Be => "utf-16be",
            Encoding::Windows1252 => "windows-1252",
        }
    }

    const fn is_utf16(self) -> bool {
        matches!(self, Encoding::Utf16Le | Encoding::Utf16Be)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Encoding {
    type Err = Error;

    /// Reads a name or alias in any case; `utf-16` is little endian unless the file's mark differs.
    fn from_str(name: &str) -> Result<Self> {
        let squashed: String = name.chars().filter(|letter| letter.is_ascii_alphanumeric()).collect();
        match squashed.to_ascii_lowercase().as_str() {
            "utf8" | "utf8bom" | "utf8sig" | "ascii" | "usascii" => Ok(Encoding::Utf8),
            "utf16" | "utf16le" | "unicode" => Ok(Encoding::Utf16Le),
            "utf16be" => Ok(Encoding::Utf16Be),
            "windows1252" | "cp1252" | "ansi" | "latin1" | "iso88591" => Ok(Encoding::Windows1252),
            _ => Err(Error::invalid(
                "encoding",
                "encoding",
                "is none of utf-8, utf-16, utf-16le, utf-16be, windows-1252",
            )),
        }
    }
}

/// What the caller knows of a file; the rest is guessed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FormatOptions {
    /// The encoding, where it is known.
    pub encoding: Option<Encoding>,
    /// The delimiter, where it is known: a tab or ASCII punctuation other than `"`.
    pub delimiter: Option<char>,
}

/// How a file is written; kept with an import, so that it resumes as it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Format {
    /// The encoding.
    pub encoding: Encoding,
    /// The byte between two cells, after decoding.
    pub delimiter: u8,
    /// Length of the byte order mark at the start of the file.
    pub bom_bytes: usize,
}

impl Default for Format {
    fn default() -> Self {
        Self { encoding: Encoding::Utf8, delimiter: b',', bom_bytes: 0 }
    }
}

/// Candidates in order of preference where a sample fits several alike.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];
/// How much of a long sample is looked at.
const SAMPLE_BYTES: usize = 256 * 1024;

impl Format {
    /// Tells the format from the first bytes of a file; some ten kilobytes are enough.
    ///
    /// A byte order mark decides the encoding; without one UTF-16 shows by its NUL bytes, and what
    /// has no more characters of UTF-8 than other bytes is taken for Windows-1252. The delimiter is the one Excel's `sep=` line names,
    /// else the one by which most records have as many cells as the header has.
    ///
    /// # Errors
    /// `Invalid` at `encoding` where the mark contradicts the caller or is UTF-32's, at `delimiter`
    /// where the caller's delimiter cannot be one.
    pub fn guess(sample: &[u8], overrides: &FormatOptions) -> Result<Format> {
        let sample = sample.get(..SAMPLE_BYTES).unwrap_or(sample);
        let (encoding, bom_bytes) = encoding(sample, overrides.encoding)?;
        let text = Format { encoding, bom_bytes, ..Format::default() };
        let delimiter = match overrides.delimiter {
            Some(given) => delimiter(given)?,
            None => named_delimiter(sample, text).unwrap_or_else(|| likely_delimiter(sample, text)),
        };
        Ok(Format { delimiter, ..text })
    }
}

/// The byte of a delimiter that a caller names.
///
/// # Errors
/// `Invalid` at `delimiter` unless it is a tab or ASCII punctuation other than `"`.
pub fn delimiter(given: char) -> Result<u8> {
    u8::try_from(given).ok().filter(|byte| *byte == b'\t' || (byte.is_ascii_punctuation() && *byte != b'"')).ok_or_else(
        || Error::invalid("delimiter", "delimiter", "is neither a tab nor a punctuation mark such as a comma"),
    )
}

fn encoding(sample: &[u8], given: Option<Encoding>) -> Result<(Encoding, usize)> {
    let contradiction = |mark: &str| {
        Error::invalid("encoding", "encoding", format!("the file begins with the byte order mark of {mark}"))
    };
    let marked = match sample {
        [0xFF, 0xFE, 0, 0, ..] | [0, 0, 0xFE, 0xFF, ..] => return Err(contradiction("utf-32")),
        [0xEF, 0xBB, 0xBF, ..] => Some((Encoding::Utf8, 3)),
        [0xFF, 0xFE, ..] => Some((Encoding::Utf16Le, 2)),
        [0xFE, 0xFF, ..] => Some((Encoding::Utf16Be, 2)),
        _ => None,
    };
    match (marked, given) {
        (None, Some(given)) => Ok((given, 0)),
        (None, None) => Ok((unmarked_encoding(sample), 0)),
        // Programs say "utf-16" and mean either byte order; the mark knows.
        (Some((mark, _)), Some(given)) if mark != given && !(mark.is_utf16() && given.is_utf16()) => {
            Err(contradiction(mark.name()))
        }
        (Some(marked), _) => Ok(marked),
    }
}

fn unmarked_encoding(sample: &[u8]) -> Encoding {
    if let Some(encoding) = utf16_by_nuls(sample) {
        return encoding;
    }
    let mut tally = Utf8Tally::default();
    tally.feed(sample);
    tally.encoding()
}

/// Whether nothing in a file's first bytes tells its encoding: no mark, and no character beyond ASCII.
pub(super) fn is_open(sample: &[u8], format: Format) -> bool {
    let mut tally = Utf8Tally::default();
    tally.feed(sample);
    format.encoding == Encoding::Utf8 && format.bom_bytes == 0 && tally.whole == 0 && tally.broken == 0
}

/// What the bytes of a file say for UTF-8 and against it. One broken character does not make a file of
/// UTF-8 another one, and text in Windows-1252 hardly ever looks like UTF-8.
#[derive(Clone, Debug, Default)]
pub(super) struct Utf8Tally {
    /// Characters beyond ASCII.
    whole: usize,
    /// Bytes that begin or belong to none.
    broken: usize,
    /// The beginning of a character that goes on in the next bytes.
    cut: Vec<u8>,
}

impl Utf8Tally {
    /// Counts the next bytes, however they are cut.
    pub(super) fn feed(&mut self, bytes: &[u8]) {
        if self.cut.is_empty() {
            return self.count(bytes);
        }
        let mut joined = std::mem::take(&mut self.cut);
        joined.extend_from_slice(bytes);
        self.count(&joined);
    }

    fn count(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_ascii() {
            let Err(error) = std::str::from_utf8(rest) else {
                self.whole += starts(rest);
                return;
            };
            let (text, after) = rest.split_at_checked(error.valid_up_to()).unwrap_or_default();
            self.whole += starts(text);
            let Some(len) = error.error_len() else {
                self.cut = after.to_vec();
                return;
            };
            self.broken += 1;
            rest = after.get(len..).unwrap_or_default();
        }
    }

    /// Says that the file has no more bytes.
    pub(super) fn finish(&mut self) {
        self.broken += usize::from(!std::mem::take(&mut self.cut).is_empty());
    }

    /// The likelier encoding.
    pub(super) fn encoding(&self) -> Encoding {
        if self.broken > 0 && self.broken >= self.whole { Encoding::Windows1252 } else { Encoding::Utf8 }
    }
}

/// How many characters beyond ASCII begin in this text.
fn starts(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte >= 0xC0).count()
}

/// UTF-16 writes each delimiter, digit and line end with a NUL byte, always on the same side; few of
/// its other units look like two letters. A stray NUL in other text has such pairs around it.
fn utf16_by_nuls(sample: &[u8]) -> Option<Encoding> {
    let (units, _) = sample.as_chunks::<2>();
    let (mut low, mut high, mut ascii) = (0usize, 0usize, 0usize);
    for unit in units {
        match unit {
            [0, 0] => return None,
            [0, _] => high += 1,
            [_, 0] => low += 1,
            [first, second] => ascii += usize::from(is_text(*first) && is_text(*second)),
        }
    }
    let clear = |nuls: usize, others: usize| nuls * 3 > ascii && nuls * 20 > units.len() && nuls > others * 20;
    match () {
        () if clear(low, high) => Some(Encoding::Utf16Le),
        () if clear(high, low) => Some(Encoding::Utf16Be),
        () => None,
    }
}

/// Printable ASCII or white space.
fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// The delimiter of a first line such as `sep=;`, which Excel reads and writes.
fn named_delimiter(sample: &[u8], format: Format) -> Option<u8> {
    let start = sample.get(format.bom_bytes..).unwrap_or_default();
    let mut line = Vec::new();
    Decoder::new(format.encoding).decode(start.get(..16).unwrap_or(start), &mut line);
    let end = line.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    named_by(line.get(..end)?)
}

/// The delimiter that a line names if it is a `sep=` line.
pub(super) fn named_by(line: &[u8]) -> Option<u8> {
    match line {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', byte] => delimiter(char::from(*byte)).ok(),
        _ => None,
    }
}

fn likely_delimiter(sample: &[u8], format: Format) -> u8 {
    let mut best = (0, b',');
    for delimiter in DELIMITERS {
        let fit = fit(&widths(sample, Format { delimiter, ..format }));
        if fit > best.0 {
            best = (fit, delimiter);
        }
    }
    best.1
}

/// Cells of each complete record of the sample, or of the only record though it may be cut.
fn widths(sample: &[u8], format: Format) -> Vec<usize> {
    let mut reader = Reader::new(format, Limits::default());
    let mut widths = Vec::new();
    reader.push(sample);
    widths.extend(reader.by_ref().flatten().map(|record| record.len()));
    if widths.is_empty() {
        reader.finish();
        widths.extend(reader.flatten().map(|record| record.len()));
    }
    widths
}

/// How well a delimiter explains a sample: the share of records as wide as the header, worth more
/// the wider the header is, since a wide agreement is no accident.
fn fit(widths: &[usize]) -> usize {
    let Some(header) = widths.first().copied().filter(|width| *width > 1) else {
        return 0;
    };
    let alike = widths.iter().filter(|width| **width == header).count();
    // A logarithm would do as well: past a dozen columns more of them prove nothing more.
    alike * 1_000 / widths.len() * header.min(12)
}

#[cfg(test)]
mod tests;
