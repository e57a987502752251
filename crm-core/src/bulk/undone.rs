//! What a record was before an undertaking: pure, from its entries.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::access::{Entity, Grant};
use crate::company::Company;
use crate::contact::Contact;
use crate::crm::Ports;
use crate::deal::Deal;
use crate::error::{Error, Result};
use crate::filter::CUSTOM_PREFIX;
use crate::journal::{Change, Entry, Event};
use crate::pipeline::Pipeline;
use crate::session::{Kept, Reading};
use crate::store::{Changes, Stored};
use crate::task::Task;

/// The fields that say where on its way a deal is.
const PLACE: [&str; 2] = ["stage_id", "stage_entered_at"];

/// The field of custom values, which are compared one by one.
const CUSTOM: &str = "custom";

/// A record of which an undertaking can be undone.
pub(super) trait Undoable: Kept<Edit: Default> {
    /// Groups of fields that go back together or not at all.
    const TOGETHER: &'static [&'static [&'static str]] = &[];

    /// Fields that do not go back: what they name may be there yet.
    const STAYING: &'static [&'static str] = &[];

    /// What its going back is checked against.
    fn around<'a>(_ports: &'a Ports, _grant: &'a Grant) -> Reading<'a, Vec<Stored<Pipeline>>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }

    /// Checks the record as it was, to become what it is again, by the rules of its room; gives the facts
    /// of its going back.
    ///
    /// # Errors
    /// `Invalid` where it can be so no longer.
    fn check_return(&self, _now: &Self, _around: &[Stored<Pipeline>], _changes: &mut Changes) -> Result<Vec<Event>> {
        Ok(Vec::new())
    }
}

impl Undoable for Contact {}

impl Undoable for Company {}

impl Undoable for Deal {
    const TOGETHER: &'static [&'static [&'static str]] = &[
        &[
            "pipeline_id",
            "stage_id",
            "status",
            "stage_entered_at",
            "closed_at",
            "lost_reason",
            "probability",
            "forecast_category",
        ],
        &["value", "value_estimated"],
    ];

    fn around<'a>(ports: &'a Ports, grant: &'a Grant) -> Reading<'a, Vec<Stored<Pipeline>>> {
        ports.pipelines.pipelines(grant)
    }

    fn check_return(&self, now: &Self, around: &[Stored<Pipeline>], changes: &mut Changes) -> Result<Vec<Event>> {
        if self.has_place_of(now) {
            return Ok(Vec::new());
        }
        let pipeline = around.iter().find(|pipeline| pipeline.id == self.pipeline_id);
        let pipeline = pipeline.ok_or_else(|| Error::invalid("pipeline_id", "not_found", "is no pipeline any more"))?;
        let moved = self.returned(now, pipeline.stage(self.stage_id)?, changes.now())?;
        changes.rely_on(pipeline);
        Ok(moved.map(Event::from).into_iter().collect())
    }
}

impl Undoable for Task {
    const TOGETHER: &'static [&'static [&'static str]] =
        &[&["status", "completed_at", "due_at", "due_date", "reminder", "recurrence", "recurrence_start"]];
    /// Whoever does the task again finds its next, which somebody may have changed since, and makes no second.
    const STAYING: &'static [&'static str] = &["next_id"];

    fn check_return(&self, now: &Self, _around: &[Stored<Pipeline>], _changes: &mut Changes) -> Result<Vec<Event>> {
        Ok(Task::facts(Some(now), self))
    }
}

/// A record without what a batch did to it, as far as the caller may see and undo that.
pub(super) struct Undone {
    /// What it was before.
    pub(super) image: Map<String, Value>,
    /// Whether the batch made it, and nothing else happened to it.
    pub(super) is_made: bool,
    /// Fields that somebody changed since.
    pub(super) kept: BTreeSet<String>,
    /// Whether the batch did something that the caller does not see.
    pub(super) is_withheld: bool,
    /// The versions that took a deal where it is not any more.
    pub(super) left_behind: Vec<i64>,
}

impl Undone {
    /// Walks a record's entries backwards, the latest first.
    pub(super) fn of<T: Undoable>(grant: &Grant, record: &T, entries: &[Entry]) -> Self {
        let now = record.image();
        let mut undone = Self {
            image: now.clone(),
            is_made: false,
            kept: BTreeSet::new(),
            is_withheld: false,
            left_behind: Vec::new(),
        };
        for entry in entries.iter().rev() {
            match entry.change {
                Change::Created if differing(&undone.image, &entry.after).is_empty() => undone.is_made = true,
                Change::Created => {
                    undone.keep_what_differs(&entry.after);
                    // Whatever the batch did to a record of its own, it stays whole.
                    undone.image.clone_from(&now);
                    undone.left_behind.clear();
                }
                Change::Updated => undone.take_back::<T>(entry),
                Change::Deleted | Change::Restored | Change::Purged | Change::Noted => {}
            }
        }
        undone.withhold(grant, T::ENTITY, &now);
        undone
    }

    fn take_back<T: Undoable>(&mut self, entry: &Entry) {
        let named = entry.before.keys().chain(entry.after.keys());
        let mut single: BTreeSet<&String> = named.filter(|field| !T::STAYING.contains(&field.as_str())).collect();
        for group in T::TOGETHER {
            let joint: Vec<&String> = single.iter().copied().filter(|field| group.contains(&field.as_str())).collect();
            single.retain(|field| !joint.contains(field));
            self.take_back_jointly(group, &joint, entry);
        }
        for field in single {
            let (before, after) = (entry.before.get(field), entry.after.get(field));
            if field == CUSTOM {
                self.take_back_custom(before, after);
            } else if !put_back(&mut self.image, field, before, after) {
                self.kept.insert(field.clone());
            }
        }
    }

    fn take_back_jointly(&mut self, group: &[&str], joint: &[&String], entry: &Entry) {
        let mut image = self.image.clone();
        let are_back = joint.iter().all(|field| {
            let (before, after) = (entry.before.get(*field), entry.after.get(*field));
            put_back(&mut image, field, before, after)
        });
        match are_back && !group.iter().any(|field| self.kept.contains(*field)) {
            true => {
                self.image = image;
                if joint.iter().any(|field| PLACE.contains(&field.as_str())) {
                    self.left_behind.push(entry.version);
                }
            }
            false => self.kept.extend(joint.iter().copied().cloned()),
        }
    }

    fn take_back_custom(&mut self, before: Option<&Value>, after: Option<&Value>) {
        let (before, after) = (object(before), object(after));
        let mut values = object(self.image.get(CUSTOM));
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys {
            if before.get(key) != after.get(key) && !put_back(&mut values, key, before.get(key), after.get(key)) {
                self.kept.insert(format!("{CUSTOM_PREFIX}{key}"));
            }
        }
        self.set_custom(values);
    }

    fn set_custom(&mut self, values: Map<String, Value>) {
        match values.is_empty() {
            true => drop(self.image.remove(CUSTOM)),
            false => drop(self.image.insert(CUSTOM.to_owned(), values.into())),
        }
    }

    fn keep_what_differs(&mut self, made: &Map<String, Value>) {
        for field in differing(made, &self.image) {
            if field != CUSTOM {
                self.kept.insert(field);
                continue;
            }
            let keys = differing(&object(made.get(CUSTOM)), &object(self.image.get(CUSTOM)));
            self.kept.extend(keys.into_iter().map(|key| format!("{CUSTOM_PREFIX}{key}")));
        }
    }

    /// Leaves alone what the caller does not see, and does not name it.
    fn withhold(&mut self, grant: &Grant, entity: Entity, now: &Map<String, Value>) {
        let mask = grant.mask(entity);
        for field in differing(now, &self.image).into_iter().filter(|field| mask.hides(field)) {
            copy(&mut self.image, &field, now.get(&field));
            self.is_withheld = true;
        }
        let (held, mut values) = (object(now.get(CUSTOM)), object(self.image.get(CUSTOM)));
        for key in differing(&held, &values).into_iter().filter(|key| !grant.sees_custom(entity, key)) {
            copy(&mut values, &key, held.get(&key));
            // What a retired field left behind is nobody's to see.
            self.is_withheld |= mask.hides(&format!("{CUSTOM_PREFIX}{key}"));
        }
        self.set_custom(values);
        let is_seen = |field: &String| match field.strip_prefix(CUSTOM_PREFIX) {
            Some(key) => grant.sees_custom(entity, key),
            None => !mask.hides(field),
        };
        self.is_withheld |= self.kept.iter().any(|field| mask.hides(field));
        self.kept.retain(is_seen);
    }
}

fn object(value: Option<&Value>) -> Map<String, Value> {
    value.and_then(Value::as_object).cloned().unwrap_or_default()
}

/// The keys under which two images differ. What is false is as good as absent: an older image does not
/// name what nobody could say yet.
fn differing(one: &Map<String, Value>, other: &Map<String, Value>) -> Vec<String> {
    let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    let said = |value: Option<&Value>| value.filter(|value| **value != Value::Bool(false)).cloned();
    keys.into_iter().filter(|key| said(one.get(*key)) != said(other.get(*key))).cloned().collect()
}

fn copy(image: &mut Map<String, Value>, field: &str, value: Option<&Value>) {
    match value {
        Some(value) => drop(image.insert(field.to_owned(), value.clone())),
        None => drop(image.remove(field)),
    }
}

/// Gives a field its former value where it holds the new one or has the former one already; says
/// whether it has it now.
fn put_back(image: &mut Map<String, Value>, field: &str, before: Option<&Value>, after: Option<&Value>) -> bool {
    let now = image.get(field);
    if now == before {
        return true;
    }
    if now != after {
        return false;
    }
    copy(image, field, before);
    true
}
