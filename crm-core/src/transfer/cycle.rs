//! How long the deals of a file took that were won: what its open deals are expected to take.

use std::collections::BTreeMap;

use super::date::{self, DateFormat, Moment};
use super::format::Format;
use super::model::ImportOptions;
use super::reader::{Limits, Reader, Record};
use super::source::Source;
use super::survey::walk;
use super::writer::restore;
use crate::error::Result;
use crate::pipeline::StageKind;

/// The columns that say how a deal went.
pub(super) struct CycleColumns<'a> {
    opened: usize,
    closed: usize,
    /// Where the file says how it ended, each with the other spellings of what it says.
    ends: Vec<(usize, Option<&'a BTreeMap<String, String>>)>,
}

impl<'a> CycleColumns<'a> {
    /// Those of a file; none where it does not say all of it.
    pub(super) fn of(columns: &[Option<String>], options: &'a ImportOptions) -> Option<Self> {
        let at = |key: &str| columns.iter().position(|column| column.as_deref() == Some(key));
        let ends = ["stage", "status"].into_iter().filter_map(|key| Some((at(key)?, options.values.get(key))));
        let ends: Vec<_> = ends.collect();
        (!ends.is_empty()).then_some(Self { opened: at("opened_at")?, closed: at("closed_at")?, ends })
    }

    /// The days from opening to winning of a deal that was won.
    fn days(&self, record: &Record, format: DateFormat) -> Option<u64> {
        let cell = |at: usize| Some(restore(record.cell(at)?).trim());
        let is_won = |(at, aliases): &(usize, Option<&BTreeMap<String, String>>)| {
            let said = cell(*at).unwrap_or_default();
            let meant = aliases.and_then(|aliases| aliases.get(said)).map_or(said, String::as_str);
            StageKind::suggested_by(meant) == StageKind::Won
        };
        if !self.ends.iter().any(is_won) {
            return None;
        }
        let day = |at: usize| date::parse_moment(cell(at)?, format).ok().map(Moment::day);
        u64::try_from((day(self.closed)? - day(self.opened)?).num_days()).ok()
    }
}

/// The median of the days from opening to winning; none where no deal of the file was won. Memory stays
/// flat whatever the length of the file: it counts deals by their days.
///
/// # Errors
/// `Unavailable` when the file cannot be read.
pub(super) async fn won_days(
    source: &mut dyn Source,
    format: Format,
    date_format: DateFormat,
    columns: &CycleColumns<'_>,
) -> Result<Option<u64>> {
    let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
    let mut reader = Reader::new(format, Limits::default());
    let mut record = Record::default();
    walk(source, |bytes| {
        reader.feed(bytes);
        while let Some(read) = reader.read(&mut record) {
            if read.is_ok() && record.index > 0 {
                columns.days(&record, date_format).into_iter().for_each(|days| *counts.entry(days).or_default() += 1);
            }
        }
    })
    .await?;
    Ok(median(&counts))
}

/// The median of values that are there so often; half a day counts as one.
fn median(counts: &BTreeMap<u64, u64>) -> Option<u64> {
    let all: u64 = counts.values().sum();
    let at = |place: u64| {
        let mut passed = 0;
        counts.iter().find_map(|(value, count)| {
            passed += count;
            (passed > place).then_some(*value)
        })
    };
    let (low, high) = (at(all.checked_sub(1)? / 2)?, at(all / 2)?);
    Some((low + high).div_ceil(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_found_whatever_the_number() {
        let of = |values: &[u64]| {
            let mut counts = BTreeMap::new();
            values.iter().for_each(|value| *counts.entry(*value).or_default() += 1);
            median(&counts)
        };
        assert_eq!((of(&[]), of(&[7]), of(&[1, 9, 3])), (None, Some(7), Some(3)));
        assert_eq!((of(&[1, 2]), of(&[2, 2, 2, 9]), of(&[1, 1, 9, 9])), (Some(2), Some(2), Some(5)));
    }
}
