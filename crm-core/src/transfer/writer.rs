//! Writes CSV that a spreadsheet opens without running anything.
//!
//! A cell that begins like a formula gets a leading `'`; [`restore`] takes it away at import. The
//! guard is for readers that split cells as the file was written: a spreadsheet that is told another
//! delimiter can still cut a quoted cell in two.

use std::borrow::Cow;

/// Writes rows into memory, which the caller drains.
#[derive(Clone, Debug)]
pub struct Writer {
    delimiter: u8,
    out: Vec<u8>,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new(b',')
    }
}

impl Writer {
    /// A writer of UTF-8 with CRLF and this delimiter, which [`super::format::delimiter`] accepts.
    pub fn new(delimiter: u8) -> Self {
        Self { delimiter, out: Vec::new() }
    }

    /// Begins the file with a byte order mark, without which Excel takes UTF-8 for the local code
    /// page.
    #[must_use]
    pub fn with_byte_order_mark(mut self) -> Self {
        self.out.splice(..0, *b"\xEF\xBB\xBF");
        self
    }

    /// Appends a row, its cells neutralised and quoted where that is needed.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = &'a str>) {
        let mut cells = cells.into_iter().peekable();
        let mut first = true;
        while let Some(cell) = cells.next() {
            if !first {
                self.out.push(self.delimiter);
            }
            // Alone and bare, a blank cell would be a blank line.
            let lone_blank = first && cells.peek().is_none() && cell.trim().is_empty();
            self.cell(&neutralise(cell), lone_blank);
            first = false;
        }
        self.out.extend_from_slice(b"\r\n");
    }

    fn cell(&mut self, cell: &str, lone_blank: bool) {
        let special = |byte: u8| byte == self.delimiter || matches!(byte, b'"' | b'\r' | b'\n');
        if !(lone_blank || cell.bytes().any(special) || is_misread_at_the_top(cell)) {
            return self.out.extend_from_slice(cell.as_bytes());
        }
        self.out.push(b'"');
        for (i, part) in cell.split('"').enumerate() {
            if i > 0 {
                self.out.extend_from_slice(b"\"\"");
            }
            self.out.extend_from_slice(part.as_bytes());
        }
        self.out.push(b'"');
    }

    /// The bytes written since the last call.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}

/// A byte order mark and a `sep=` line are markup at the start of a file, unless quoted.
fn is_misread_at_the_top(cell: &str) -> bool {
    cell.starts_with('\u{FEFF}') || cell.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("sep="))
}

/// The cell with a leading `'` if a spreadsheet could take it for a formula, else as it is.
///
/// A formula may hide behind white space, control and invisible characters, quotes, separators and
/// percent codes, and its sign may be full-width. Plain numbers and phone numbers stay as they are.
pub fn neutralise(cell: &str) -> Cow<'_, str> {
    if is_dangerous(cell) { Cow::Owned(format!("'{cell}")) } else { Cow::Borrowed(cell) }
}

/// The cell as it was before [`neutralise`]; other cells that begin with `'` stay as they are.
pub fn restore(cell: &str) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_dangerous(rest)).unwrap_or(cell)
}

/// Whatever is dangerous must be so behind a `'` too: that makes [`restore`] the inverse.
fn is_dangerous(cell: &str) -> bool {
    let mut rest = cell;
    while let Some(first) = rest.chars().next() {
        match first {
            // At the start of a cell some spreadsheets drop them and read on.
            _ if first.is_control() => return true,
            '%' => match after_percent_code(rest) {
                Some((code, _)) if is_formula_sign(char::from(code)) => return true,
                Some((_, after)) => rest = after,
                None => return false,
            },
            _ if is_skipped(first) => rest = rest.get(first.len_utf8()..).unwrap_or_default(),
            _ => return is_formula_sign(first) && !is_number(cell) && !is_phone(cell),
        }
    }
    false
}

fn is_formula_sign(letter: char) -> bool {
    // ASCII, full-width, small, and the typographic minus.
    matches!(
        letter,
        '=' | '+'
            | '-'
            | '@'
            | '\u{FF1D}'
            | '\u{FF0B}'
            | '\u{FF0D}'
            | '\u{FF20}'
            | '\u{FE66}'
            | '\u{FE62}'
            | '\u{FE63}'
            | '\u{FE6B}'
            | '\u{2212}'
    )
}

fn is_skipped(letter: char) -> bool {
    let invisible = matches!(
        letter,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}'
    );
    let quote = matches!(letter, '\'' | '"' | '`' | '\u{2018}'..='\u{201F}' | '\u{FF02}' | '\u{FF07}');
    let separator = matches!(letter, ',' | ';' | '|' | ':' | '\u{FF0C}' | '\u{FF1B}' | '\u{FF5C}');
    invisible || quote || separator || letter.is_whitespace()
}

/// The byte of a code such as `%0A`, which a careless program may decode, and what follows it.
fn after_percent_code(text: &str) -> Option<(u8, &str)> {
    let code = text.get(1..3).filter(|code| code.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some((u8::from_str_radix(code, 16).ok()?, text.get(3..)?))
}

/// A sign, digits with one point or comma among or before them, and an exponent.
fn is_number(cell: &str) -> bool {
    let unsigned = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
    let power = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    is_digits(power) && is_digits(fraction) && (whole.is_empty() && mantissa.len() > 1 || is_digits(whole))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `+`, then 7 to 15 digits (E.164), grouped by spaces, points, hyphens or brackets: no letters, so
/// neither a function nor a reference. Hyphens between nothing but numbers would be a subtraction.
fn is_phone(cell: &str) -> bool {
    let Some(number) = cell.strip_prefix('+').filter(|number| number.starts_with(|first: char| first.is_ascii_digit()))
    else {
        return false;
    };
    let digits = number.bytes().filter(u8::is_ascii_digit).count();
    let grouping = |letter: char| matches!(letter, ' ' | '\u{A0}' | '\u{202F}' | '.' | '-' | '(' | ')');
    let is_grouped = number.chars().all(|letter| letter.is_ascii_digit() || grouping(letter));
    (7..=15).contains(&digits) && is_grouped && !is_subtraction(number)
}

/// Whether numbers stand on both sides of every hyphen, as in `1-555-0109`: each with one point at most,
/// perhaps in brackets.
fn is_subtraction(text: &str) -> bool {
    let is_term = |term: &str| {
        let bare = term.trim_matches(|letter: char| letter.is_whitespace() || matches!(letter, '(' | ')'));
        bare.is_empty() || bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
    };
    text.contains('-') && text.split('-').all(is_term)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::format::{Format, delimiter};
    use crate::transfer::reader::{Limits, Reader};
    use proptest::prelude::*;

    const ATTACKS: &str = include_str!("../../tests/fixtures/attack/csv_cells.json");
    /// Cells of the list that are what they seem.
    const HARMLESS: [&str; 2] = ["-1", "+33 6 00 00 00 00"];

    fn attacks() -> Vec<String> {
        serde_json::from_str(ATTACKS).unwrap()
    }

    #[test]
    fn every_attack_begins_with_an_apostrophe_and_comes_back() {
        for cell in attacks() {
            let harmless = HARMLESS.contains(&cell.as_str());
            assert_eq!(neutralise(&cell).starts_with('\''), !harmless || cell.starts_with('\''), "{cell:?}");
            assert_eq!(neutralise(&cell) == cell, harmless, "{cell:?}");
            assert_eq!(restore(&neutralise(&cell)), cell);
        }
    }

    #[test]
    fn signs_are_seen_behind_what_hides_them() {
        for cell in [
            "\u{200b}=1",
            "\u{3000}@a",
            "%0d%0a+A1",
            "\u{2212}A1",
            "\u{fe66}A1",
            "-",
            "--",
            "-5%",
            "\tx",
            "''=1",
            "+1-1",
        ] {
            assert_eq!(neutralise(cell), format!("'{cell}"), "{cell:?}");
        }
    }

    #[test]
    fn numbers_phones_and_words_stay_as_they_are() {
        for cell in [
            "-1",
            "+1.5",
            "-1e3",
            "-1E-3",
            "-0,5",
            "-.5",
            "+33 6 00 00 00 00",
            "+1 (555) 010-9999",
            "+4930123456",
            "+49-30 123456",
            "",
            " ",
            "a=b",
            "50%",
            "%",
            "%zz=",
            "it's",
            "'tis",
            "O'Neil-Smith",
            "\u{feff}name",
            "x@example.com",
        ] {
            assert_eq!(neutralise(cell), cell);
            assert_eq!(restore(cell), cell);
        }
    }

    #[test]
    fn what_only_looks_like_a_phone_or_number_is_neutralised() {
        for cell in [
            "+1+1",
            "+1234567*2",
            "+A1234567",
            "+12345678901234567-1",
            "-1e",
            "-",
            "-1.2.3",
            "-,",
            "+",
            "-e5",
            "+(1234567)",
            "+1-555-010-9999",
            "+1 - (555) - 0109999",
            "%3D1+1",
            "%20%2b1",
            "%40SUM",
        ] {
            assert_eq!(neutralise(cell), format!("'{cell}"), "{cell:?}");
        }
    }

    #[test]
    fn cells_are_quoted_only_when_needed() {
        let mut writer = Writer::new(b';').with_byte_order_mark();
        writer.row(["a,b", "c;d", "say \"hi\"", "two\nlines", ""]);
        writer.row([""]);
        writer.row(["sep=,"]);
        let text = String::from_utf8(writer.take()).unwrap();
        assert_eq!(text, "\u{feff}a,b;\"c;d\";\"say \"\"hi\"\"\";\"two\nlines\";\r\n\"\"\r\n\"sep=,\"\r\n");
        assert!(writer.take().is_empty());
    }

    fn cell() -> impl Strategy<Value = String> {
        let letters: Vec<char> = "'\"=+-@\t\r\n ,;|%0Aa1.e()\u{a0}\u{feff}\u{ff1d}é😀".chars().collect();
        let tricky = prop::collection::vec(prop::sample::select(letters), 0..8);
        prop_oneof![tricky.prop_map(|cell| cell.into_iter().collect()), any::<String>()]
    }

    proptest! {
        #[test]
        fn restoring_undoes_neutralising(cell in cell()) {
            let neutral = neutralise(&cell);
            prop_assert_eq!(restore(&neutral), cell.as_str());
            prop_assert!(neutral.starts_with('\'') || !is_dangerous(&neutral));
        }

        #[test]
        fn what_is_written_is_read(
            rows in prop::collection::vec(prop::collection::vec(cell(), 1..5), 1..6),
            mark in prop::sample::select(&[',', ';', '\t', '|', '\''][..]),
        ) {
            let nul_free = |cell: &String| cell.replace('\0', "");
            let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(nul_free).collect()).collect();
            let byte = delimiter(mark).unwrap();
            let mut writer = Writer::new(byte);
            for row in &rows {
                writer.row(row.iter().map(String::as_str));
            }
            let mut reader = Reader::new(Format { delimiter: byte, ..Format::default() }, Limits::default());
            reader.push(&writer.take());
            reader.finish();
            let read: Vec<Vec<String>> = reader
                .map(|record| record.unwrap().iter().map(|cell| restore(cell).to_owned()).collect())
                .collect();
            prop_assert_eq!(read, rows);
        }
    }
}
