//! Undoing an undertaking from the journal, field by field.
//!
//! A field goes back to what it was where it still holds what the undertaking gave it; a record that
//! it made is deleted where nobody has changed it since and nothing refers to it that the undertaking did not write,
//! and one that it deleted comes back. Everything else is left alone and reported.
//! Whoever undoes it undoes what they see and may change: the rest is left alone too, and counted.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::undone::{Undoable, Undone};
use crate::access::{Action, Entity, Grant};
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::job::{self, Halt, Progress, Step, Watch};
use crate::journal::{Batch, Change, Entry, Event};
use crate::pipeline::Pipeline;
use crate::session::{Decisions, Session, pointed};
use crate::store::{Changes, Stored};
use crate::task::Task;
use crate::text;

/// Entries that are read at once.
const PAGE: u32 = 2_000;
/// Most records that a report names.
const MAX_NAMED: usize = 1_000;

/// Why something was left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum LeftReason {
    /// Somebody changed it since.
    Changed,
    /// It was made, and a note, a task, a deal or a contact refers to it that somebody made or changed since.
    InUse,
    /// Whoever undid it may not change the record, or not all of it.
    NotPermitted,
    /// What it was before breaks a rule of today.
    Invalid,
}

/// A record of which something was left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LeftAlone {
    /// Its kind.
    pub entity: Entity,
    /// Its id.
    pub id: Uuid,
    /// Why.
    pub reason: LeftReason,
    /// The fields that somebody changed since.
    pub fields: Vec<String>,
}

/// What an undoing did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UndoReport {
    /// Records that were made and are deleted now.
    pub deleted: u64,
    /// Records of which fields went back to what they were, or that were deleted and are back.
    pub restored: u64,
    /// Records of which something was left alone.
    pub left_alone: u64,
    /// The first 1,000 of these, as far as whoever undid it sees them.
    pub records: Vec<LeftAlone>,
}

impl UndoReport {
    fn leave(&mut self, left: LeftAlone) {
        self.left_alone += 1;
        if self.records.len() < MAX_NAMED {
            self.records.push(left);
        }
    }
}

/// Undoes a batch, some records a commit, after the record that it reached before. The place and the
/// report are written with each commit, so that whoever goes on after a stop neither skips a record nor
/// counts one twice.
pub(crate) async fn undo(
    batch: Id<Batch>,
    reached: Option<Uuid>,
    mut report: UndoReport,
    mut progress: Progress,
    watch: &mut dyn Watch,
) -> std::result::Result<UndoReport, Halt> {
    let mut pages = Pages { batch, after: reached.map(|record| (record, i64::MAX)), waiting: Vec::new() };
    loop {
        let session = watch.session().await?;
        let Some(page) = pages.next(&session).await? else { return Ok(report) };
        let groups: Vec<&[Entry]> = page.chunk_by(|one, next| one.record_id == next.record_id).collect();
        progress.done += groups.len() as u64;
        let last = page.last().map(|entry| entry.record_id);
        let mut decisions = Decisions::new();
        loop {
            let mut next = report.clone();
            let changes = decide(&session, batch, &groups, &mut next).await;
            let written = match changes {
                Ok(changes) => {
                    let task = job::Task::Revert { batch_id: batch, reached: last };
                    let result = serde_json::to_value(&next).map_err(Error::internal)?;
                    watch.write(&session, changes, Step { task, result, progress }).await
                }
                Err(error) => Err(error.into()),
            };
            match decisions.settle_step(written) {
                Some(Ok(())) => {
                    report = next;
                    break;
                }
                Some(Err(halt)) => return Err(halt),
                None => {}
            }
        }
    }
}

/// The entries of a batch, some records at a time: those of one record are never parted.
struct Pages {
    batch: Id<Batch>,
    after: Option<(Uuid, i64)>,
    /// Entries of a record that may have more.
    waiting: Vec<Entry>,
}

impl Pages {
    /// The next entries; `None` after the last.
    async fn next(&mut self, session: &Session) -> Result<Option<Vec<Entry>>> {
        let grant = session.internally(Entity::Import, Action::Read);
        loop {
            let more = session.ports().journal.batch(&grant, self.batch, self.after, PAGE).await?;
            let is_last = more.len() < PAGE as usize;
            self.after = more.last().map(|entry| (entry.record_id, entry.version)).or(self.after);
            self.waiting.extend(more);
            let last = self.waiting.last().map(|entry| entry.record_id);
            let whole = match is_last {
                true => self.waiting.len(),
                false => self.waiting.partition_point(|entry| Some(entry.record_id) < last),
            };
            if whole > 0 {
                let rest = self.waiting.split_off(whole);
                return Ok(Some(std::mem::replace(&mut self.waiting, rest)));
            }
            if is_last {
                return Ok(None);
            }
        }
    }
}

/// Decides the undoing of some records' entries.
async fn decide(session: &Session, batch: Id<Batch>, groups: &[&[Entry]], report: &mut UndoReport) -> Result<Changes> {
    let mut changes = session.changes();
    // Read as the product, to tell what the caller does not see from what is deleted already.
    let product = session.as_product("undo").await?;
    let mut desk = Desk { session, product: &product, batch, changes: &mut changes, report };
    desk.decide::<Company>(groups).await?;
    desk.decide::<Contact>(groups).await?;
    desk.decide::<Deal>(groups).await?;
    desk.decide::<Task>(groups).await?;
    Ok(changes)
}

/// Where the undoing of some records is decided.
struct Desk<'a> {
    session: &'a Session,
    product: &'a Session,
    batch: Id<Batch>,
    changes: &'a mut Changes,
    report: &'a mut UndoReport,
}

/// A record as it was, to be written.
struct Former<T> {
    record: Stored<T>,
    events: Vec<Event>,
    left: Option<LeftAlone>,
    /// The versions that took a deal where it is not any more.
    left_behind: Vec<i64>,
}

impl Desk<'_> {
    async fn decide<T: Undoable>(&mut self, groups: &[&[Entry]]) -> Result<()> {
        let own = |group: &&&[Entry]| group.first().is_some_and(|entry| entry.entity == T::ENTITY);
        let own: Vec<&[Entry]> = groups.iter().filter(own).copied().collect();
        if own.is_empty() {
            return Ok(());
        }
        let everything = self.product.require(T::ENTITY, Action::Read)?;
        let ports = self.session.ports();
        let ids: Vec<Id<T>> = own.iter().flat_map(|group| group.first()).map(|entry| entry.record_id.into()).collect();
        let known = T::load_many(ports, &everything, &ids).await?;
        let mut known: BTreeMap<Uuid, Stored<T>> = known.into_iter().map(|record| (record.uuid(), record)).collect();
        let around = T::around(ports, &everything).await?;
        let firsts = own.iter().flat_map(|group| group.first());
        let made = firsts.filter(|entry| entry.change == Change::Created && known.contains_key(&entry.record_id));
        let made: Vec<Uuid> = made.map(|entry| entry.record_id).collect();
        let in_use = ports.journal.referred_from_outside(&everything, self.batch, T::ENTITY, &made).await?;
        let mut formers = Vec::new();
        for group in own {
            let Some(last) = group.last() else { continue };
            match known.remove(&last.record_id) {
                Some(record) => formers.extend(self.former(record, group, &around, &in_use)?),
                None if last.change == Change::Deleted => self.bring_back::<T>(&everything, last).await?,
                // What somebody deleted since needs no undoing.
                None => {}
            }
        }
        self.put(formers).await
    }

    /// Brings back a record that the batch deleted, where nothing happened to it since.
    async fn bring_back<T: Undoable>(&mut self, everything: &Grant, entry: &Entry) -> Result<()> {
        let ports = self.session.ports();
        let mut record = match T::load_deleted(ports, everything, entry.record_id.into()).await {
            Ok(record) => record,
            // It was purged.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let caller = self.session.internally(T::ENTITY, Action::Read);
        if !caller.sees_owner(T::ENTITY, record.owner()) {
            self.report.left_alone += 1;
        } else if record.version() != entry.version {
            self.report.leave(left(&record, LeftReason::Changed, BTreeSet::new()));
        } else if let Err(error) =
            self.session.require(T::ENTITY, Action::Delete).and_then(|grant| grant.check_reach(&*record))
        {
            self.report.leave(refused(&record, error)?);
        } else {
            let place = match record.place(ports, everything).await {
                Ok(place) => place,
                Err(error) => {
                    self.report.leave(refused(&record, error)?);
                    return Ok(());
                }
            };
            place.into_iter().for_each(|place| self.changes.rely(place));
            record.set_deleted(None);
            self.changes.put(&mut record);
            self.report.restored += 1;
        }
        Ok(())
    }

    /// The record as it was before its entries; `None` where nothing of it is to be restored.
    fn former<T: Undoable>(
        &mut self,
        mut record: Stored<T>,
        entries: &[Entry],
        around: &[Stored<Pipeline>],
        in_use: &BTreeSet<Uuid>,
    ) -> Result<Option<Former<T>>> {
        let caller = self.session.internally(T::ENTITY, Action::Read);
        if !caller.sees_owner(T::ENTITY, record.owner()) {
            self.report.left_alone += 1;
            return Ok(None);
        }
        let undone = Undone::of(&caller, &*record, entries);
        if undone.is_made {
            match self.session.require(T::ENTITY, Action::Delete).and_then(|grant| grant.check_reach(&*record)) {
                Ok(()) if in_use.contains(&record.uuid()) => {
                    self.report.leave(left(&record, LeftReason::InUse, BTreeSet::new()));
                }
                Ok(()) => {
                    record.set_deleted(Some(self.changes.now()));
                    self.changes.put(&mut record);
                    self.report.deleted += 1;
                }
                Err(error) => self.report.leave(refused(&record, error)?),
            }
            return Ok(None);
        }
        let left = match (undone.kept.is_empty(), undone.is_withheld) {
            (false, _) => Some(left(&record, LeftReason::Changed, undone.kept)),
            (true, true) => Some(left(&record, LeftReason::NotPermitted, BTreeSet::new())),
            (true, false) => None,
        };
        if undone.image != record.image() {
            match self.was(&record, &undone.image, around) {
                Ok((record, events)) => {
                    return Ok(Some(Former { record, events, left, left_behind: undone.left_behind }));
                }
                Err(error) => self.report.leave(refused(&record, error)?),
            }
        } else if let Some(left) = left {
            self.report.leave(left);
        }
        Ok(None)
    }

    /// The record with the content of an image, where the caller may change it and its room's rules
    /// allow it.
    fn was<T: Undoable>(
        &mut self,
        record: &Stored<T>,
        image: &Map<String, Value>,
        around: &[Stored<Pipeline>],
    ) -> Result<(Stored<T>, Vec<Event>)> {
        self.session.require(T::ENTITY, Action::Update)?.check_reach(&**record)?;
        let mut whole = image.clone();
        whole.insert("id".to_owned(), record.uuid().to_string().into());
        let read = serde_json::from_value::<T>(whole.into());
        let mut former = read.map_err(|_| Error::invalid("", "unreadable", "was what no record can be any more"))?;
        former.stamp(record.version(), self.changes.now());
        // An edit of nothing refuses what no edit may leave behind.
        former.apply(T::Edit::default())?;
        let events = former.check_return(record, around, self.changes)?;
        let mut candidate = record.clone();
        *candidate = former;
        Ok((candidate, events))
    }

    /// Puts records among the changes, with the references of all looked up at once.
    async fn put<T: Undoable>(&mut self, formers: Vec<Former<T>>) -> Result<()> {
        if formers.is_empty() {
            return Ok(());
        }
        let caller: Grant = self.session.internally(T::ENTITY, Action::Read);
        let pointers = formers.iter().flat_map(|former| pointed(&caller, &former.record)).collect();
        let referred = self.session.referred(&caller, pointers).await?;
        let mut checked = Vec::new();
        for mut former in formers {
            match self.session.check(&caller, self.changes, &mut former.record, &referred) {
                Ok(tags) => checked.push((former, tags)),
                Err(error) => self.report.leave(refused(&former.record, error)?),
            }
        }
        let named: BTreeSet<String> = checked.iter().flat_map(|(_, tags)| tags.iter().cloned()).collect();
        let missing = self.session.missing_tags(&caller, named).await?;
        let may_make = self.session.require(Entity::Tag, Action::Create);
        let is_missing = |tags: &[String]| tags.iter().any(|tag| missing.contains_key(&text::key(tag)));
        if may_make.is_ok() {
            self.session.put_tags(self.changes, missing.values());
        }
        for (Former { mut record, events, left, left_behind }, tags) in checked {
            if let Err(error) = &may_make
                && is_missing(&tags)
            {
                self.report.leave(refused(&record, error.clone())?);
                continue;
            }
            if self.changes.put(&mut record) {
                self.report.restored += 1;
                events.into_iter().for_each(|event| self.changes.emit(event));
                self.changes.take_back(left_behind);
            }
            if let Some(left) = left {
                self.report.leave(left);
            }
        }
        Ok(())
    }
}

fn left<T: Undoable>(record: &Stored<T>, reason: LeftReason, fields: BTreeSet<String>) -> LeftAlone {
    LeftAlone { entity: T::ENTITY, id: record.uuid(), reason, fields: fields.into_iter().collect() }
}

/// A record that is left alone for what its restoring was refused with. What may pass, as an outage, is
/// no reason to leave anything alone.
fn refused<T: Undoable>(record: &Stored<T>, error: Error) -> Result<LeftAlone> {
    let reason = match error.kind() {
        ErrorKind::Denied | ErrorKind::NotFound => LeftReason::NotPermitted,
        ErrorKind::Invalid => LeftReason::Invalid,
        _ => return Err(error),
    };
    Ok(left(record, reason, BTreeSet::new()))
}
