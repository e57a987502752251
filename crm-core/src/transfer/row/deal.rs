//! Rows that are deals, with the times at which they went through their stages.

use async_trait::async_trait;
use chrono::{Datelike as _, Days, NaiveDate};
use uuid::Uuid;

use super::{Importable, Made, Row};
use crate::access::Grant;
use crate::crm::Ports;
use crate::deal::{Deal, DealEdit, DealEvent, DealStatus, ForecastCategory, goes_on_at};
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::id::Id;
use crate::journal::Event;
use crate::money::Money;
use crate::pipeline::{Stage, StageKind};
use crate::store::Stored;
use crate::text;
use crate::time::{Timestamp, Zone};
use crate::transfer::cells::{Cells, truth};
use crate::transfer::date::{self, Moment};
use crate::transfer::links::{Linked, Links};
use crate::transfer::model::RowKey;
use crate::transfer::numbers;
use crate::transfer::references::References;

/// What a row says about a deal besides its fields.
pub(in crate::transfer) struct Course {
    pipeline: Option<String>,
    stage: Option<String>,
    status: Option<DealStatus>,
    opened_at: Option<Timestamp>,
    closed: Option<Close>,
    /// The title of a new deal whose row has none.
    title: Option<String>,
    /// What its product costs by the list.
    price: Option<Money>,
    /// When it would close if it took as long as the file's won deals.
    usual_close: Option<NaiveDate>,
}

impl Course {
    /// How the deal ended, where the row says so and the stage does not.
    fn ending(&self, stage: &Stage) -> Option<StageKind> {
        let kind = match self.status? {
            DealStatus::Open => return None,
            DealStatus::Won => StageKind::Won,
            DealStatus::Lost => StageKind::Lost,
        };
        (stage.kind != kind).then_some(kind)
    }
}

/// When a row says that a deal closed.
#[derive(Clone, Copy)]
struct Close {
    at: Timestamp,
    /// Where it says no more than the day: when that is over.
    day_ends: Option<Timestamp>,
}

impl Close {
    fn new(moment: Moment, zone: Zone) -> Result<Self> {
        let day_ends = match moment {
            Moment::Day(day) => day.succ_opt().map(|next| zone.start_of_day(next)),
            Moment::Local(_) | Moment::Fixed(_) => None,
        };
        Ok(Self { at: date::instant(moment, zone)?, day_ends })
    }

    /// The instant, given others that it cannot lie before: of a plain day it is the last of them that
    /// falls on the day, else the day's first instant.
    fn after(self, others: impl IntoIterator<Item = Timestamp>) -> Timestamp {
        let is_on_the_day = |other: &Timestamp| self.day_ends.is_some_and(|end| *other < end);
        others.into_iter().filter(is_on_the_day).fold(self.at, Timestamp::max)
    }
}

#[async_trait]
impl Importable for Deal {
    type Extra = Course;

    fn read(cells: Cells<'_>, links: &mut Links, faults: &mut Faults) -> (DealEdit, Course) {
        let currency = cells.value("currency", faults, |cell| cell.to_ascii_uppercase().parse());
        let value = cells.value("value", faults, |cell| numbers::amount(cell, currency, cells.plan.currency));
        let expected = cells.value("expected_close_date", faults, |cell| {
            date::parse_moment(cell, cells.plan.date_format).map(Moment::day)
        });
        let probability = cells.value("probability", faults, percent);
        let category = cells.value("forecast_category", faults, category);
        let estimated = cells.value("value_estimated", faults, truth);
        let edit = DealEdit {
            title: cells.line("title"),
            // Without a value there is nothing that could be an estimate.
            value_estimated: estimated.filter(|_| value.is_some()).map_or(Edit::Keep, Edit::Set),
            value: value.map_or(Edit::Keep, Edit::Set),
            expected_close_date: expected.map_or(Edit::Keep, Edit::Set),
            probability: probability.map_or(Edit::Keep, Edit::Set),
            forecast_category: category.map_or(Edit::Keep, Edit::Set),
            lost_reason: cells.line("lost_reason"),
            source: cells.line("source"),
            external_id: cells.external_id(),
            custom: cells.custom(links, faults),
            ..DealEdit::default()
        };
        let opened_at = cells.instant("opened_at", faults);
        let usual = cells.plan.won_days.map(Days::new);
        let course = Course {
            pipeline: cells.text("pipeline").map(str::to_owned),
            stage: cells.text("stage").map(str::to_owned),
            status: cells.value("status", faults, status),
            usual_close: opened_at
                .zip(usual)
                .and_then(|(at, days)| cells.plan.zone.day(at).checked_add_days(days))
                .filter(|day| day.year() <= 9999),
            opened_at,
            price: cells.price(),
            closed: cells.value("closed_at", faults, |cell| {
                date::parse_moment(cell, cells.plan.date_format).and_then(|moment| Close::new(moment, cells.plan.zone))
            }),
            title: default_title(cells),
        };
        (edit, course)
    }

    fn row_keys(edit: &DealEdit) -> Vec<RowKey> {
        edit.external_id.value().map(|id| RowKey::ExternalId(text::key(id))).into_iter().collect()
    }

    fn external_id(edit: &mut DealEdit) -> &mut Edit<String> {
        &mut edit.external_id
    }

    fn keys(&self) -> Vec<RowKey> {
        self.external_id.as_deref().map(|id| RowKey::ExternalId(text::key(id))).into_iter().collect()
    }

    fn link(edit: &mut DealEdit, linked: &Linked) {
        edit.owner_id = linked.owner.clone();
        edit.company_id = linked.company.clone();
        edit.contact_id = linked.contact.clone();
        edit.tags = linked.tags.clone();
    }

    fn make(id: Id<Self>, mut edit: DealEdit, row: &Row<Self>, references: &mut References<'_>) -> Result<Made<Self>> {
        let course = &row.extra;
        if edit.title.is_keep() {
            edit.title = course.title.clone().map_or(Edit::Keep, Edit::Set);
        }
        let pipeline = course.pipeline.as_deref().and_then(|name| references.pipeline(name));
        let (pipeline, mut stage) = references.stage(pipeline, course.stage.as_deref())?;
        if let Some(kind) = course.ending(&stage) {
            stage = references.stage_of(pipeline, kind)?;
        }
        let created_at = row.created_at.or(course.opened_at).unwrap_or(references.now());
        let mut record = Deal::at_stage(id, pipeline, &stage, created_at);
        record.edit(edit)?;
        settle(&mut record);
        estimate(&mut record, course);
        record.opened_at = course.opened_at;
        let began = course.opened_at.unwrap_or(created_at);
        let closed_at = course.closed.map(|close| close.after(course.opened_at));
        record.closed_at = match (record.status, closed_at) {
            (DealStatus::Open, said) => {
                if said.is_some() {
                    references.warn("closed_at: the dates of deals that are still open are left out");
                }
                None
            }
            (_, Some(said)) => Some(said),
            (_, None) => {
                references.warn(
                    "closed_at: deals that ended and do not say when count as closed on the day they were expected to, where that is past, else when they were opened or made",
                );
                Some(unsaid_close(&record, began, references))
            }
        };
        record.stage_entered_at = record.closed_at.unwrap_or(began);
        check_order(&record)?;
        let events = way(&record, references.last_open(pipeline)).into_iter().map(Event::from).collect();
        Ok(Made { record, events })
    }

    fn change(&mut self, mut edit: DealEdit, row: &Row<Self>, references: &mut References<'_>) -> Result<Vec<Event>> {
        let course = &row.extra;
        // What the row says of the deal where the row puts it.
        let there = DealEdit {
            probability: std::mem::take(&mut edit.probability),
            forecast_category: std::mem::take(&mut edit.forecast_category),
            lost_reason: std::mem::take(&mut edit.lost_reason),
            ..DealEdit::default()
        };
        self.edit(edit)?;
        let said = self.opened_at;
        self.opened_at = course.opened_at.or(said);
        let is_elsewhere = course.pipeline.as_deref().is_some_and(|name| !references.means(name, self.pipeline_id));
        if is_elsewhere {
            // Neither a stage of that name nor what comes with it is meant for the pipeline that it is in.
            references.warn("pipeline: deals of another pipeline than the row's keep their stage");
        }
        let stage = if is_elsewhere { None } else { next_stage(self, course, references)? };
        begin_anew(self, said, stage.as_ref());
        let times = [self.opened_at, self.closed_at, Some(self.stage_entered_at)];
        let closed = course.closed.filter(|_| !is_elsewhere);
        let closed_at = closed.map(|close| close.after(times.into_iter().flatten()));
        let moved = stage.map(|stage| follow(self, &stage, course, closed_at, references.now())).transpose()?.flatten();
        if !is_elsewhere {
            self.edit(there)?;
        }
        settle(self);
        estimate(self, course);
        if let Some(at) = closed_at.filter(|_| self.status != DealStatus::Open) {
            // A deal that has ended got to its stage when it did.
            (self.closed_at, self.stage_entered_at) = (Some(at), at);
        }
        check_order(self)?;
        Ok(moved.map(Event::from).into_iter().collect())
    }

    /// A corrected close corrects the step that led to it, a corrected opening the one with which the deal began.
    fn correct(&self, before: &Self, events: &mut [Event], new: &[Event]) {
        let steps = |event: &Event| match event {
            Event::Deal(step) => Some(step.clone()),
            _ => None,
        };
        let new: Vec<DealEvent> = new.iter().filter_map(steps).collect();
        let last = events.iter_mut().rev().find_map(|event| match event {
            Event::Deal(DealEvent::Moved { at, .. }) => Some(at),
            _ => None,
        });
        if let Some(at) = last.filter(|_| new.is_empty() && self.stage_entered_at != before.stage_entered_at) {
            *at = self.stage_entered_at;
        }
        let goes_on = |opened| self.status == DealStatus::Open && goes_on_at(&new, opened);
        let Some(opened) = self.opened_at.filter(|opened| !goes_on(*opened)) else { return };
        // Of a single step the stage says when it was taken; another one was not taken after the next.
        let second = events.iter().filter_map(steps).chain(new).nth(1);
        let Some(DealEvent::Moved { at: next, .. }) = second else { return };
        if let Some(Event::Deal(DealEvent::Moved { from: None, at, .. })) = events.first_mut()
            && before.opened_at.map(|said| said.min(next)) == Some(*at)
        {
            *at = opened.min(next);
        }
    }

    async fn known(ports: &Ports, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Self>>>> {
        ports.deals.known_deals(grant, keys).await
    }

    async fn by_id(ports: &Ports, grant: &Grant, ids: Vec<Uuid>) -> Result<Vec<Stored<Self>>> {
        let ids: Vec<Id<Self>> = ids.into_iter().map(Id::from).collect();
        ports.deals.deals_by_id(grant, &ids).await
    }
}

/// Fills in what a row leaves open of a deal in the making: the price of its product, marked as an
/// estimate, and the day on which it would close if it took as long as others. What somebody said stays.
fn estimate(deal: &mut Deal, course: &Course) {
    if deal.status != DealStatus::Open {
        return;
    }
    if let Some(price) = course.price.filter(|_| deal.value.is_none() || deal.value_estimated) {
        (deal.value, deal.value_estimated) = (Some(price), true);
    }
    deal.expected_close_date = deal.expected_close_date.or(course.usual_close);
}

/// When a deal ended that does not say so: the best that is known of it.
fn unsaid_close(deal: &Deal, began: Timestamp, references: &References<'_>) -> Timestamp {
    let expected = deal.expected_close_date.map(|day| references.zone().start_of_day(day));
    expected.filter(|at| (began..=references.now()).contains(at)).unwrap_or(began)
}

/// How a new deal got to its stage: one that ended was in the last open stage since work on it began.
fn way(deal: &Deal, last_open: Option<Id<Stage>>) -> Vec<DealEvent> {
    let before = last_open.zip(deal.opened_at).filter(|_| deal.status != DealStatus::Open);
    let began = before.map(|(to, at)| DealEvent::Moved { from: None, to, at });
    let from = before.map(|(stage, _)| stage);
    let got_here = DealEvent::Moved { from, to: deal.stage_id, at: deal.stage_entered_at };
    began.into_iter().chain([got_here]).collect()
}

/// The stage that a row puts a known deal into, if it says anything about that.
fn next_stage(deal: &Deal, course: &Course, references: &mut References<'_>) -> Result<Option<Stage>> {
    if course.stage.is_none() && course.status.is_none_or(|status| status == DealStatus::Open) {
        return Ok(None);
    }
    let (pipeline, stage) = references.stage(Some(deal.pipeline_id), course.stage.as_deref())?;
    match course.ending(&stage) {
        None => Ok(Some(stage)),
        Some(kind) if deal.status == kind.into() => Ok(None),
        Some(kind) => references.stage_of(pipeline, kind).map(Some),
    }
}

/// How a deal stands, as other programs say it too.
fn status(cell: &str) -> Result<DealStatus> {
    match (StageKind::suggested_by(cell), text::key(cell).as_str()) {
        (StageKind::Open, "open") => Ok(DealStatus::Open),
        (StageKind::Open, _) => Err(Error::invalid("", "status", "is none of open, won, lost")),
        (ended, _) => Ok(ended.into()),
    }
}

/// A probability in per cent. Between 0 and 1 and without a sign it is a share, as HubSpot writes it.
fn percent(cell: &str) -> Result<i64> {
    let share = |number: &f64| *number > 0.0 && *number < 1.0;
    if let Some(share) = numbers::number(cell).ok().filter(share) {
        #[expect(clippy::cast_possible_truncation, reason = "it lies between 0 and 100")]
        return Ok((share * 100.0).round() as i64);
    }
    numbers::integer(cell.trim_end_matches('%').trim_end())
}

/// Forgets what forecasts say of a deal that has ended: other programs write 100 % there.
fn settle(deal: &mut Deal) {
    if deal.status != DealStatus::Open {
        (deal.probability, deal.forecast_category) = (None, None);
    }
}

/// A category, as other programs write it too.
fn category(cell: &str) -> Result<ForecastCategory> {
    let key = text::key(cell).replace([' ', '-'], "_");
    let found = ForecastCategory::ALL.into_iter().find(|category| category.name() == key);
    let names = ForecastCategory::NAMES.join(", ");
    found.ok_or_else(|| Error::invalid("", "unknown_choice", format!("is none of {names}")))
}

/// Corrects when an open deal got to its stage, where it did so when work on it was said to begin. One that goes on
/// to another open stage does so when work on it began, and was here before.
fn begin_anew(deal: &mut Deal, said: Option<Timestamp>, next: Option<&Stage>) {
    if deal.status != DealStatus::Open || said != Some(deal.stage_entered_at) {
        return;
    }
    let goes_on = next.is_some_and(|stage| stage.id != deal.stage_id && stage.kind == StageKind::Open);
    if let Some(at) = deal.opened_at.filter(|at| !goes_on || *at < deal.stage_entered_at) {
        deal.stage_entered_at = at;
    }
}

/// Takes a deal to the stage that a row names: at the row's close where that closes it. To an open stage it
/// goes when the row says that work on it began, where it has been in its present one since before; else now.
fn follow(
    deal: &mut Deal,
    stage: &Stage,
    course: &Course,
    closed_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<Option<DealEvent>> {
    let closes = DealStatus::from(stage.kind) != DealStatus::Open;
    let began = course.opened_at.filter(|at| deal.stage_entered_at < *at && *at <= now);
    let at = if closes { closed_at } else { began }.unwrap_or(now);
    deal.move_to(stage, at).map_err(|_| {
        let message = format!("lies before the deal got to its present stage at {}", deal.stage_entered_at);
        Error::invalid(if closes { "closed_at" } else { "stage" }, "out_of_order", message)
    })
}

/// Refuses a deal that closes before it opens.
fn check_order(deal: &Deal) -> Result<()> {
    match (deal.opened_at, deal.closed_at) {
        (Some(opened), Some(closed)) if closed < opened => {
            Err(Error::invalid("closed_at", "out_of_order", "lies before the deal was opened"))
        }
        _ => Ok(()),
    }
}

/// Company and product, as far as the row has them, else its id in the other system.
fn default_title(cells: Cells<'_>) -> Option<String> {
    let product = cells.text("product").or_else(|| cells.text("custom.product"));
    let parts: Vec<&str> = cells.text("company").into_iter().chain(product).collect();
    let title = if parts.is_empty() { cells.text("external_id")?.to_owned() } else { parts.join(" – ") };
    Some(title.chars().take(300).collect())
}
