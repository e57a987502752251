//! The pass over a whole file before its rows are read: its digest, its encoding, and the order of day,
//! month and year in its dates.

use std::collections::BTreeSet;

use sha2::{Digest, Sha256};

use super::date::{self, DateFormat};
use super::format::{Encoding, Format, Utf8Tally};
use super::model::FileMark;
use super::reader::{Limits, Reader, Record};
use super::source::Source;
use super::writer::restore;
use crate::custom_field::MAX_CHOICES;
use crate::error::{Error, Result};

/// Bytes asked of a source at once.
pub(super) const READ_BYTES: usize = 256 * 1024;

/// The mark of a file.
pub(super) async fn mark(source: &mut dyn Source) -> Result<FileMark> {
    walk(source, |_| {}).await
}

/// What a whole file tells.
pub(super) struct Surveyed {
    pub(super) file: FileMark,
    /// What its date columns say.
    pub(super) dates: DateTally,
    /// The values of the column that was asked for, each once.
    pub(super) values: BTreeSet<String>,
    /// What its bytes say of its encoding, if it is neither marked nor UTF-16.
    pub(super) encoding: Encoding,
}

/// Reads all of a file: the dates of some columns and the values of another, of which one more is kept
/// than a field has choices.
pub(super) async fn survey(
    source: &mut dyn Source,
    format: Format,
    columns: &[usize],
    valued: Option<usize>,
) -> Result<Surveyed> {
    let (mut dates, mut utf8, mut values) = (DateTally::default(), Utf8Tally::default(), BTreeSet::new());
    let mut reader = Reader::new(format, Limits::default());
    let mut record = Record::default();
    let file = walk(source, |bytes| {
        utf8.feed(bytes);
        if columns.is_empty() && valued.is_none() {
            return;
        }
        reader.feed(bytes);
        while let Some(read) = reader.read(&mut record) {
            if read.is_ok() && record.index > 0 {
                columns.iter().filter_map(|column| record.cell(*column)).for_each(|cell| dates.feed(cell));
                let value = valued.and_then(|column| record.cell(column)).map(|cell| restore(cell).trim());
                if let Some(value) = value.filter(|value| !value.is_empty() && !values.contains(*value))
                    && values.len() <= MAX_CHOICES
                {
                    values.insert(value.to_owned());
                }
            }
        }
    })
    .await?;
    utf8.finish();
    Ok(Surveyed { file, dates, values, encoding: utf8.encoding() })
}

/// Shows every byte, and nothing at the end.
pub(super) async fn walk(source: &mut dyn Source, mut look: impl FnMut(&[u8]) + Send) -> Result<FileMark> {
    let mut hash = Sha256::new();
    let mut offset = 0;
    loop {
        let bytes = source.read_at(offset, READ_BYTES).await?;
        look(&bytes);
        if bytes.is_empty() {
            return Ok(FileMark { bytes: offset, sha256: hexadecimal(&hash.finalize()) });
        }
        hash.update(&bytes);
        offset += bytes.len() as u64;
    }
}

/// A digest as people write it.
pub(super) fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Counts which formats the cells of date columns fit. Cells that no format fits are left to the rows
/// that hold them: one typing error does not make a file's dates unreadable.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DateTally {
    ambiguous: bool,
    month_first: bool,
    day_first: bool,
}

impl DateTally {
    fn feed(&mut self, cell: &str) {
        let cell = restore(cell).trim();
        let fits = |format| date::parse(cell, format).is_ok();
        if cell.is_empty() || fits(DateFormat::YearMonthDay) {
            return;
        }
        match (fits(DateFormat::MonthDayYear), fits(DateFormat::DayMonthYear)) {
            (true, true) => self.ambiguous = true,
            (true, false) => self.month_first = true,
            (false, true) => self.day_first = true,
            (false, false) => {}
        }
    }

    /// The order that every readable cell has. Where both fit, a semicolon tells: spreadsheets use it
    /// in countries that write the comma in numbers and the day first. Of other files nobody can know.
    ///
    /// # Errors
    /// `Invalid` at `date_format` where both orders fit, or where some cells have one and some the
    /// other.
    pub(super) fn format(self, delimiter: u8) -> Result<DateFormat> {
        let refuse = |code, why: &str| {
            let choices = "say year_month_day, month_day_year or day_month_year";
            Err(Error::invalid("date_format", code, format!("{why}: {choices}")))
        };
        match self {
            Self { month_first: true, day_first: true, .. } => {
                refuse("mixed_dates", "some dates of the file have the month first and some the day")
            }
            Self { month_first: true, .. } => Ok(DateFormat::MonthDayYear),
            Self { day_first: true, .. } => Ok(DateFormat::DayMonthYear),
            Self { ambiguous: true, .. } if delimiter == b';' => Ok(DateFormat::DayMonthYear),
            Self { ambiguous: true, .. } => {
                refuse("ambiguous_dates", "every date of the file can be read with the month or the day first")
            }
            _ => Ok(DateFormat::YearMonthDay),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format_of(cells: &[&str], delimiter: u8) -> Result<DateFormat> {
        let mut tally = DateTally::default();
        cells.iter().for_each(|cell| tally.feed(cell));
        tally.format(delimiter)
    }

    #[test]
    fn one_clear_date_decides_for_the_whole_file() {
        assert_eq!(format_of(&["1/2/2017", "", "10/31/2016", "soon"], b',').unwrap(), DateFormat::MonthDayYear);
        assert_eq!(format_of(&["1/2/2017", "31/10/2016", "2017-01-01"], b',').unwrap(), DateFormat::DayMonthYear);
        assert_eq!(format_of(&[], b',').unwrap(), DateFormat::YearMonthDay);
    }

    #[test]
    fn dates_that_nobody_can_read_for_sure_are_asked_about() {
        let code = |cells: &[&str]| format_of(cells, b',').unwrap_err().fields()[0].code.clone();
        assert_eq!(code(&["1/2/2017"]), "ambiguous_dates");
        assert_eq!(code(&["1/31/2017", "31/1/2017"]), "mixed_dates");
        assert_eq!(format_of(&["1/2/2017"], b';').unwrap(), DateFormat::DayMonthYear);
    }
}
