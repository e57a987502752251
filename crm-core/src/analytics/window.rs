//! The time that a question is about.

use chrono::{Days, NaiveDate};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::time::{Timestamp, Zone};

/// Days from one to another, both included, cut in a zone; open where an end is absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Window {
    /// The first day.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub from: Option<NaiveDate>,
    /// The last day.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub to: Option<NaiveDate>,
    /// Where its days are cut.
    pub time_zone: Zone,
}

impl Window {
    /// The days between two, both included.
    ///
    /// # Errors
    /// `Invalid` where the last comes before the first.
    pub fn new(from: Option<NaiveDate>, to: Option<NaiveDate>, time_zone: Zone) -> Result<Self> {
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            return Err(Error::invalid("to", "out_of_order", "lies before `from`"));
        }
        Ok(Self { from, to, time_zone })
    }

    /// As many days before this one.
    ///
    /// # Errors
    /// `Invalid` for a window with an open end, which has nothing before it.
    pub fn before(&self) -> Result<Self> {
        let (Some(from), Some(to)) = (self.from, self.to) else {
            return Err(Error::invalid("compare", "required", "needs `from` and `to`"));
        };
        let length = u64::try_from((to - from).num_days() + 1).unwrap_or(1);
        let earlier = |day: NaiveDate| day.checked_sub_days(Days::new(length));
        let out_of_range = || Error::invalid("from", "out_of_range", "leaves no room for the days before");
        let first = earlier(from).ok_or_else(out_of_range)?;
        Self::new(Some(first), Some(earlier(to).ok_or_else(out_of_range)?), self.time_zone)
    }

    /// Its first instant.
    pub fn start(&self) -> Option<Timestamp> {
        self.from.map(|day| self.time_zone.start_of_day(day))
    }

    /// The first instant after it.
    pub fn end(&self) -> Option<Timestamp> {
        self.to.and_then(|day| day.succ_opt()).map(|day| self.time_zone.start_of_day(day))
    }

    /// Its instants.
    pub(crate) fn span(&self) -> Span {
        Span { start: self.start(), end: self.end() }
    }

    /// Whether an instant lies in it.
    pub fn holds(&self, at: Timestamp) -> bool {
        self.span().holds(at)
    }

    /// Whether a day lies in it.
    pub fn holds_day(&self, day: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= day) && self.to.is_none_or(|to| day <= to)
    }
}

/// The instants of a window, for whoever asks of many whether they lie in it: to cut days takes longer
/// than to compare.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// The first one.
    pub(crate) start: Option<Timestamp>,
    /// The first one after it.
    pub(crate) end: Option<Timestamp>,
}

impl Span {
    /// Whether an instant lies in it.
    pub(crate) fn holds(self, at: Timestamp) -> bool {
        self.start.is_none_or(|start| start <= at) && self.ends_after(at)
    }

    /// Whether it ends after an instant.
    pub(crate) fn ends_after(self, at: Timestamp) -> bool {
        self.end.is_none_or(|end| at < end)
    }

    /// Whether it begins after an instant.
    pub(crate) fn follows(self, at: Timestamp) -> bool {
        self.start.is_some_and(|start| at < start)
    }
}
