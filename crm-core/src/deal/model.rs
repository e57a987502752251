//! A deal and its way through the stages.

use chrono::{Datelike, NaiveDate};
use serde::{Deserialize, Serialize};

use super::category::ForecastCategory;
use super::edit::DealEdit;
use super::event::DealEvent;
use crate::access::FieldMask;
use crate::company::Company;
use crate::contact::Contact;
use crate::custom_field::{CustomValues, redact_custom};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::id::Id;
use crate::money::Money;
use crate::pipeline::{Pipeline, Stage, StageKind};
use crate::store::{Record, versioned};
use crate::tag::clean_tags;
use crate::time::{Timestamp, epoch};
use crate::user::User;

/// Most minor units that a deal is worth. Thousands of such deals still add up within 64 bits, so no
/// slip in one deal keeps a whole board from being shown.
pub(crate) const MAX_VALUE_MINOR: i64 = 1_000_000_000_000_000;

/// Whether a deal is still in the making; follows from its stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum DealStatus {
    /// In the making.
    Open,
    /// Sold.
    Won,
    /// Not sold.
    Lost,
}

impl DealStatus {
    /// Every status's snake_case name.
    pub const NAMES: [&'static str; 3] = ["open", "won", "lost"];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            DealStatus::Open => "open",
            DealStatus::Won => "won",
            DealStatus::Lost => "lost",
        }
    }
}

impl From<StageKind> for DealStatus {
    fn from(kind: StageKind) -> Self {
        match kind {
            StageKind::Open => DealStatus::Open,
            StageKind::Won => DealStatus::Won,
            StageKind::Lost => DealStatus::Lost,
        }
    }
}

/// A sale in the making.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Deal {
    /// Its id.
    pub id: Id<Deal>,
    /// What people call it.
    pub title: String,
    /// What it is worth; absent while nobody knows.
    #[serde(default)]
    pub value: Option<Money>,
    /// Whether the value is an estimate, as from a list of prices, that nobody has put right yet.
    #[serde(default)]
    pub value_estimated: bool,
    /// The pipeline it goes through.
    pub pipeline_id: Id<Pipeline>,
    /// Where it is.
    pub stage_id: Id<Stage>,
    /// Whether it is still in the making.
    pub status: DealStatus,
    /// When it got to its stage.
    pub stage_entered_at: Timestamp,
    /// When work on it began; absent while it has not.
    #[serde(default)]
    pub opened_at: Option<Timestamp>,
    /// When it was won or lost.
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
    /// The day on which it is expected to close.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    pub expected_close_date: Option<NaiveDate>,
    /// How likely it is to be won, in per cent, as somebody said; absent where its stage says it.
    #[serde(default)]
    pub probability: Option<i64>,
    /// How sure somebody says it is; absent where its probability says it.
    #[serde(default)]
    pub forecast_category: Option<ForecastCategory>,
    /// Why it was lost.
    #[serde(default)]
    pub lost_reason: Option<String>,
    /// With whom.
    #[serde(default)]
    pub contact_id: Option<Id<Contact>>,
    /// With which company.
    #[serde(default)]
    pub company_id: Option<Id<Company>>,
    /// Who sells.
    #[serde(default)]
    pub owner_id: Option<Id<User>>,
    /// Where it came from.
    #[serde(default)]
    pub source: Option<String>,
    /// The record's id in the system that it was imported from.
    #[serde(default)]
    pub external_id: Option<String>,
    /// Labels, sorted.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Custom values by key.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub custom: CustomValues,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(default = "epoch")]
    pub updated_at: Timestamp,
    /// How often it was written.
    #[serde(default)]
    pub version: i64,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

/// Where a new deal begins.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DealStart {
    /// The pipeline; the default one where absent.
    pub pipeline_id: Option<Id<Pipeline>>,
    /// One of its stages; the first where absent.
    pub stage_id: Option<Id<Stage>>,
}

impl Deal {
    /// A deal without content, at the start of a stage.
    pub(crate) fn at_stage(id: Id<Deal>, pipeline: Id<Pipeline>, stage: &Stage, now: Timestamp) -> Self {
        let status = DealStatus::from(stage.kind);
        Self {
            id,
            title: String::new(),
            value: None,
            value_estimated: false,
            pipeline_id: pipeline,
            stage_id: stage.id,
            status,
            stage_entered_at: now,
            opened_at: Some(now),
            closed_at: (status != DealStatus::Open).then_some(now),
            expected_close_date: None,
            probability: None,
            forecast_category: None,
            lost_reason: None,
            contact_id: None,
            company_id: None,
            owner_id: None,
            source: None,
            external_id: None,
            tags: Vec::new(),
            custom: CustomValues::new(),
            created_at: now,
            updated_at: now,
            version: 0,
            deleted_at: None,
        }
    }

    /// Applies an edit, custom values merged key by key.
    ///
    /// # Errors
    /// `Invalid` with every field at fault; the deal is then half edited and must be dropped.
    pub fn edit(&mut self, edit: DealEdit) -> Result<()> {
        let mut faults = Faults::default();
        let mut title = (!self.title.is_empty()).then(|| std::mem::take(&mut self.title));
        faults.line("title", edit.title, 300, &mut title);
        match title {
            Some(title) => self.title = title,
            None => faults.add("title", "required", "a deal needs a title"),
        }
        self.estimate(&edit.value, edit.value_estimated);
        edit.value.apply(&mut self.value);
        if self.value_estimated && self.value.is_none() {
            faults.add("value_estimated", "required", "a deal without a value has no estimate");
        }
        if self.value.is_some_and(|value| !(0..=MAX_VALUE_MINOR).contains(&value.amount_minor)) {
            faults.add("value", "out_of_range", "must lie between 0 and 10^15 minor units");
        }
        edit.expected_close_date.apply(&mut self.expected_close_date);
        if self.expected_close_date.is_some_and(|day| !(1..=9999).contains(&day.year())) {
            faults.add("expected_close_date", "out_of_range", "must lie between the years 1 and 9999");
        }
        edit.probability.apply(&mut self.probability);
        if self.probability.is_some_and(|chance| !(0..=100).contains(&chance)) {
            faults.add("probability", "out_of_range", "must lie between 0 and 100");
        }
        edit.forecast_category.apply(&mut self.forecast_category);
        let is_reason_named = edit.lost_reason.value().is_some();
        faults.line("lost_reason", edit.lost_reason, 500, &mut self.lost_reason);
        if is_reason_named && self.lost_reason.is_some() && self.status != DealStatus::Lost {
            faults.add("lost_reason", "not_lost", "belongs to deals that are lost");
        }
        edit.contact_id.apply(&mut self.contact_id);
        edit.company_id.apply(&mut self.company_id);
        edit.owner_id.apply(&mut self.owner_id);
        faults.line("source", edit.source, 200, &mut self.source);
        faults.line("external_id", edit.external_id, 200, &mut self.external_id);
        match edit.tags {
            Edit::Keep => {}
            Edit::Clear => self.tags.clear(),
            Edit::Set(tags) => faults.keep(clean_tags(&tags), &mut self.tags),
        }
        faults.custom(edit.custom, &mut self.custom);
        // A deal that ended did so when it got to its stage, where nobody says otherwise: figures are
        // asked by the time of the end, and one without would be in none of them.
        if self.status != DealStatus::Open {
            self.closed_at.get_or_insert(self.stage_entered_at);
        }
        faults.into_result()
    }

    /// Says whether the value is an estimate: one that somebody sets is none, unless they say so.
    fn estimate(&mut self, value: &Edit<Money>, estimated: Edit<bool>) {
        self.value_estimated = match estimated {
            Edit::Set(is_estimate) => is_estimate,
            Edit::Clear => false,
            Edit::Keep => self.value_estimated && self.value.is_some() && value.is_keep(),
        };
    }

    /// Takes the deal to a stage of its pipeline at `at`, and says so where it is another stage. A
    /// won or lost deal that goes back to an open stage is open again.
    ///
    /// # Errors
    /// `Invalid` when `at` lies before the deal got to its present stage.
    pub fn move_to(&mut self, stage: &Stage, at: Timestamp) -> Result<Option<DealEvent>> {
        if stage.id == self.stage_id {
            return Ok(None);
        }
        if at < self.stage_entered_at {
            let message = format!("the deal got to its stage at {}, after {at}", self.stage_entered_at);
            return Err(Error::invalid("at", "out_of_order", message));
        }
        let from = std::mem::replace(&mut self.stage_id, stage.id);
        self.stage_entered_at = at;
        self.status = stage.kind.into();
        self.closed_at = (self.status != DealStatus::Open).then_some(at);
        // What somebody said of it, they said of where it was.
        (self.probability, self.forecast_category) = (None, None);
        if self.status != DealStatus::Lost {
            self.lost_reason = None;
        }
        Ok(Some(DealEvent::Moved { from: Some(from), to: stage.id, at }))
    }

    /// When the deal gets to a stage to which it is moved `now`. It may have got to its present one by a clock that
    /// goes before ours, or in a file that dates it later: whoever moves it named no time that could be refused. And
    /// it does not end before work on it began, whatever a file says of that.
    pub(crate) fn arrival(&self, stage: &Stage, now: Timestamp) -> Timestamp {
        let began = self.opened_at.filter(|_| stage.kind != StageKind::Open);
        began.into_iter().fold(now.max(self.stage_entered_at), Timestamp::max)
    }

    /// Whether the deal is where another state of it is, since the same time.
    pub(crate) fn has_place_of(&self, other: &Deal) -> bool {
        let place = |deal: &Deal| (deal.pipeline_id, deal.stage_id, deal.status, deal.stage_entered_at, deal.closed_at);
        place(self) == place(other)
    }

    /// The fact that the deal stands again, from `at` on, where it stood before it came to be as in
    /// `left`: as when what took it away is undone. It has the times again that it had there, so that a
    /// sale of last year is not one of today.
    ///
    /// # Errors
    /// `Invalid` where its status or its times do not go with the stage, whose kind may be another by now.
    pub(crate) fn returned(&self, left: &Deal, stage: &Stage, at: Timestamp) -> Result<Option<DealEvent>> {
        if self.status != stage.kind.into() || (self.closed_at.is_some() && self.status == DealStatus::Open) {
            let message = format!("a deal in stage {} is {} now", stage.id, stage.kind.name());
            return Err(Error::invalid("stage_id", "stage", message));
        }
        if self.closed_at.zip(self.opened_at).is_some_and(|(closed, opened)| closed < opened) {
            return Err(Error::invalid("closed_at", "out_of_order", "lies before the deal was opened"));
        }
        let has_moved = self.stage_id != left.stage_id;
        Ok(has_moved.then_some(DealEvent::Moved { from: Some(left.stage_id), to: self.stage_id, at }))
    }
}

impl Record for Deal {
    versioned!(Deal);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        self.owner_id
    }

    fn redact(&mut self, mask: &FieldMask) {
        if mask.hides("value") {
            (self.value, self.value_estimated) = (None, false);
        }
        if mask.hides("source") {
            self.source = None;
        }
        redact_custom(&mut self.custom, mask);
    }

    fn custom_values_mut(&mut self) -> Option<&mut CustomValues> {
        Some(&mut self.custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(kind: StageKind) -> Stage {
        Stage {
            id: Id::new_at(Timestamp::from_micros(1)),
            name: kind.name().into(),
            kind,
            probability: None,
            days_until_stale: None,
        }
    }

    fn deal(stage: &Stage) -> Deal {
        let at = Timestamp::from_micros(10);
        Deal::at_stage(Id::new_at(at), Id::new_at(at), stage, at)
    }

    #[test]
    fn winning_closes_and_going_back_opens_again() {
        let (open, won) = (stage(StageKind::Open), stage(StageKind::Won));
        let mut deal = deal(&open);
        let moved = deal.move_to(&won, Timestamp::from_micros(20)).unwrap();
        let at = Timestamp::from_micros(20);
        assert_eq!(moved, Some(DealEvent::Moved { from: Some(open.id), to: won.id, at }));
        assert_eq!((deal.status, deal.closed_at), (DealStatus::Won, Some(at)));
        deal.move_to(&open, Timestamp::from_micros(30)).unwrap();
        assert_eq!((deal.status, deal.closed_at), (DealStatus::Open, None));
    }

    #[test]
    fn a_move_to_the_same_stage_is_no_move() {
        let open = stage(StageKind::Open);
        let mut deal = deal(&open);
        let before = deal.clone();
        assert_eq!(deal.move_to(&open, Timestamp::from_micros(20)).unwrap(), None);
        assert_eq!(deal, before);
    }

    #[test]
    fn a_value_that_somebody_sets_is_no_estimate_unless_they_say_so() {
        let mut deal = deal(&stage(StageKind::Open));
        let value = || Edit::Set(Money::minor(500, crate::money::Currency::USD));
        let title = || Edit::Set("A".to_owned());
        let edit = |value, value_estimated| DealEdit { title: title(), value, value_estimated, ..DealEdit::default() };
        deal.edit(edit(value(), Edit::Set(true))).unwrap();
        deal.edit(edit(Edit::Keep, Edit::Keep)).unwrap();
        assert!(deal.value_estimated);
        deal.edit(edit(value(), Edit::Keep)).unwrap();
        assert!(!deal.value_estimated);
        deal.edit(edit(Edit::Keep, Edit::Set(true))).unwrap();
        deal.edit(edit(Edit::Clear, Edit::Keep)).unwrap();
        assert!(!deal.value_estimated);
        let refused = deal.edit(edit(Edit::Keep, Edit::Set(true))).unwrap_err();
        assert_eq!(refused.fields()[0].field, "value_estimated");
    }

    #[test]
    fn a_deal_that_ended_says_when_whatever_it_said_before() {
        let mut deal = deal(&stage(StageKind::Won));
        deal.closed_at = None;
        deal.edit(DealEdit { title: Edit::from("A"), ..DealEdit::default() }).unwrap();
        assert_eq!(deal.closed_at, Some(deal.stage_entered_at));
    }

    #[test]
    fn a_deal_arrives_no_earlier_than_it_got_to_its_stage_and_ends_no_earlier_than_it_began() {
        let (open, won) = (stage(StageKind::Open), stage(StageKind::Won));
        let at = Timestamp::from_micros;
        let mut deal = deal(&open);
        assert_eq!((deal.arrival(&won, at(5)), deal.arrival(&won, at(20))), (at(10), at(20)));
        deal.opened_at = Some(at(30));
        assert_eq!((deal.arrival(&won, at(20)), deal.arrival(&open, at(20))), (at(30), at(20)));
        deal.move_to(&won, deal.arrival(&won, at(20))).unwrap();
        assert_eq!((deal.closed_at, deal.stage_entered_at), (deal.opened_at, at(30)));
    }

    #[test]
    fn a_deal_cannot_move_into_the_past() {
        let mut deal = deal(&stage(StageKind::Open));
        assert!(deal.move_to(&stage(StageKind::Won), Timestamp::from_micros(5)).is_err());
    }
}
