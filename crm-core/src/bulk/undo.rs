//! Undoing an undertaking from the journal, field by field.
//!
//! A field goes back to what it was where it still holds what the undertaking gave it; a record that
//! it made is deleted where nobody has changed it since. Everything else is left alone and reported.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::access::{Action, Entity, Grant};
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::{Halt, Progress, Watch};
use crate::journal::{Batch, Change, Entry};
use crate::session::{Decisions, Kept, Session, pointed};
use crate::store::{Changes, Stored};

/// Entries that are read at once.
const PAGE: u32 = 2_000;
/// Most records that a report names.
const MAX_NAMED: usize = 1_000;
/// The field of custom values, which are compared one by one.
const CUSTOM: &str = "custom";

/// A record of which something was left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LeftAlone {
    /// Its kind.
    pub entity: Entity,
    /// Its id.
    pub id: Uuid,
    /// The fields that somebody changed since; empty where the whole record was left alone.
    pub fields: Vec<String>,
}

/// What an undoing did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct UndoReport {
    /// Records that were made and are deleted now.
    pub deleted: u64,
    /// Records of which fields went back to what they were.
    pub restored: u64,
    /// Records of which something was left alone.
    pub left_alone: u64,
    /// The first 1,000 of these.
    pub records: Vec<LeftAlone>,
}

impl UndoReport {
    fn leave(&mut self, entity: Entity, id: Uuid, fields: Vec<String>) {
        self.left_alone += 1;
        if self.records.len() < MAX_NAMED {
            self.records.push(LeftAlone { entity, id, fields });
        }
    }

    fn add(&mut self, other: UndoReport) {
        self.deleted += other.deleted;
        self.restored += other.restored;
        self.left_alone += other.left_alone;
        self.records.extend(other.records);
        self.records.truncate(MAX_NAMED);
    }
}

/// Undoes a batch, some records a commit. Called again after a stop it goes on with what is left.
pub(crate) async fn undo(
    session: &Session,
    batch: Id<Batch>,
    watch: &mut dyn Watch,
) -> std::result::Result<UndoReport, Halt> {
    let mut report = UndoReport::default();
    let mut after = None;
    let mut done = 0;
    loop {
        let grant = session.internally(Entity::Import, Action::Read);
        let mut entries = session.ports().journal.batch(&grant, batch, after, PAGE).await?;
        let is_last = entries.len() < PAGE as usize;
        if !is_last && let Some(last) = entries.last().map(|entry| entry.record_id) {
            // The last record may have more entries; where it is the only one, these are taken alone.
            let whole = entries.partition_point(|entry| entry.record_id < last);
            if whole > 0 {
                entries.truncate(whole);
            }
        }
        report.add(settle::<Contact>(session, &entries).await?);
        report.add(settle::<Company>(session, &entries).await?);
        report.add(settle::<Deal>(session, &entries).await?);
        done += entries.len() as u64;
        after = entries.last().map(|entry| entry.record_id);
        watch.reached(Progress { done, total: None }).await?;
        if is_last {
            return Ok(report);
        }
    }
}

/// Undoes the entries of one kind in one commit, again when somebody else was faster.
async fn settle<T: Kept>(session: &Session, entries: &[Entry]) -> Result<UndoReport> {
    let groups: Vec<&[Entry]> = entries
        .chunk_by(|one, next| one.record_id == next.record_id)
        .filter(|group| group.first().is_some_and(|entry| entry.entity == T::ENTITY))
        .collect();
    if groups.is_empty() {
        return Ok(UndoReport::default());
    }
    let mut decisions = Decisions::new();
    loop {
        if let Some(result) = decisions.settle(once::<T>(session, &groups).await) {
            return result;
        }
    }
}

async fn once<T: Kept>(session: &Session, groups: &[&[Entry]]) -> Result<UndoReport> {
    let (update, delete) = (session.require(T::ENTITY, Action::Update)?, session.require(T::ENTITY, Action::Delete));
    let ids: Vec<Id<T>> = groups.iter().flat_map(|group| group.first()).map(|entry| entry.record_id.into()).collect();
    let mut known = T::load_many(session.ports(), &update, &ids).await?;
    known.sort_unstable_by_key(|record| record.uuid());
    let mut report = UndoReport::default();
    let mut changes = session.changes();
    changes.in_batch(Id::new_at(changes.now()));
    for group in groups {
        let id = group.first().map(|entry| entry.record_id).unwrap_or_default();
        // What is deleted already needs no undoing.
        let Ok(at) = known.binary_search_by_key(&id, |record| record.uuid()) else { continue };
        let Some(record) = known.get_mut(at) else { continue };
        let undone = Undone::of(&**record, group);
        if undone.is_deleted {
            match delete.as_ref().map_err(Clone::clone).and_then(|grant| grant.check_reach(&**record)) {
                Ok(()) => {
                    record.set_deleted(Some(changes.now()));
                    changes.put(record);
                    report.deleted += 1;
                }
                Err(_) => report.leave(T::ENTITY, id, Vec::new()),
            }
            continue;
        }
        match restore(session, &update, &mut changes, record, &undone.image).await {
            Ok(is_changed) => report.restored += u64::from(is_changed),
            Err(_) => {
                report.leave(T::ENTITY, id, Vec::new());
                continue;
            }
        }
        if !undone.kept.is_empty() {
            report.leave(T::ENTITY, id, undone.kept.into_iter().collect());
        }
    }
    session.commit(&update, changes).await?;
    Ok(report)
}

/// Gives a record the content of an image, where the caller may.
async fn restore<T: Kept>(
    session: &Session,
    grant: &Grant,
    changes: &mut Changes,
    record: &mut Stored<T>,
    image: &Map<String, Value>,
) -> Result<bool> {
    if record.image() == *image {
        return Ok(false);
    }
    grant.check_reach(&**record)?;
    let mut whole = image.clone();
    whole.insert("id".to_owned(), record.uuid().to_string().into());
    let mut former: T = serde_json::from_value(whole.into()).map_err(Error::internal)?;
    former.stamp(record.version(), changes.now());
    let mut candidate = record.clone();
    *candidate = former;
    let referred = session.referred(grant, pointed(grant, &candidate)).await?;
    session.check(grant, changes, &mut candidate, &referred)?;
    *record = candidate;
    Ok(changes.put(record))
}

/// A record without what a batch did to it.
struct Undone {
    image: Map<String, Value>,
    /// Whether the batch made it, and nothing else happened to it.
    is_deleted: bool,
    /// Fields that somebody changed since.
    kept: BTreeSet<String>,
}

impl Undone {
    /// Walks a record's entries backwards, the latest first.
    fn of<T: Kept>(record: &T, entries: &[Entry]) -> Self {
        let mut undone = Self { image: record.image(), is_deleted: false, kept: BTreeSet::new() };
        for entry in entries.iter().rev() {
            match entry.change {
                Change::Created => match undone.image == entry.after {
                    true => undone.is_deleted = true,
                    false => undone.keep_what_differs(&entry.after),
                },
                Change::Updated => undone.take_back(entry),
                Change::Deleted | Change::Restored | Change::Purged | Change::Noted => {}
            }
        }
        undone
    }

    fn take_back(&mut self, entry: &Entry) {
        let fields: BTreeSet<&String> = entry.before.keys().chain(entry.after.keys()).collect();
        for field in fields {
            let (before, after) = (entry.before.get(field), entry.after.get(field));
            if field == CUSTOM {
                self.take_back_custom(before, after);
            } else if !put_back(&mut self.image, field, before, after) {
                self.kept.insert(field.clone());
            }
        }
    }

    fn take_back_custom(&mut self, before: Option<&Value>, after: Option<&Value>) {
        fn object(value: Option<&Value>) -> Map<String, Value> {
            value.and_then(Value::as_object).cloned().unwrap_or_default()
        }
        let (before, after) = (object(before), object(after));
        let mut values = object(self.image.get(CUSTOM));
        let keys: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
        for key in keys {
            if before.get(key) != after.get(key) && !put_back(&mut values, key, before.get(key), after.get(key)) {
                self.kept.insert(format!("{CUSTOM}.{key}"));
            }
        }
        match values.is_empty() {
            true => drop(self.image.remove(CUSTOM)),
            false => drop(self.image.insert(CUSTOM.to_owned(), values.into())),
        }
    }

    fn keep_what_differs(&mut self, made: &Map<String, Value>) {
        let fields: BTreeSet<&String> = made.keys().chain(self.image.keys()).collect();
        let differing = fields.into_iter().filter(|field| made.get(*field) != self.image.get(*field));
        let differing: Vec<String> = differing.cloned().collect();
        self.kept.extend(differing);
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
    match before {
        Some(before) => drop(image.insert(field.to_owned(), before.clone())),
        None => drop(image.remove(field)),
    }
    true
}
