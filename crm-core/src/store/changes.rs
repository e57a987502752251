//! What a service decided: writes, the facts behind them and the rows they rely on.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::idempotency::IdempotencyKey;
use super::record::{Record, Stored};
use super::write::{Put, Write};
use crate::access::Entity;
use crate::account::NewAccount;
use crate::id::Id;
use crate::job::{Job, NewJob, Piece};
use crate::journal::{Batch, Draft, Event};
use crate::mail::MailRecord;
use crate::time::Timestamp;
use crate::transfer::{FailedRow, Fingerprint};
use crate::user::User;

/// A row that was only read, and whose version the commit checks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reliance {
    /// Its kind.
    pub entity: Entity,
    /// Its id.
    pub id: Uuid,
    /// The version that was read.
    pub version: i64,
}

impl Reliance {
    /// The record as it was read.
    pub(crate) fn on<T: Record>(record: &T) -> Self {
        Self { entity: T::ENTITY, id: record.uuid(), version: record.version() }
    }
}

/// A set of rows with an invariant that no single row can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Guard {
    /// The active admins: at least one stays.
    Admins,
    /// The custom fields: each kind of record has at most 200.
    CustomFields,
    /// The templates of mails: a workspace has at most 200.
    MailTemplates,
    /// The records that imports make: each row makes one, however many imports run at once.
    Imports,
}

impl Guard {
    /// The name of its row.
    pub const fn name(self) -> &'static str {
        match self {
            Guard::Admins => "admins",
            Guard::CustomFields => "custom_fields",
            Guard::Imports => "imports",
            Guard::MailTemplates => "mail_templates",
        }
    }
}

/// A guard's version as it was read, before the set was read. The commit moves it on, so that of
/// two services which decided about the same set one is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuardRow {
    /// Which set.
    pub guard: Guard,
    /// Its version.
    pub version: i64,
}

/// Versions of a record that a later one takes back.
#[derive(Debug)]
pub(crate) struct TakenBack {
    pub(crate) record_id: Uuid,
    /// The later one.
    pub(crate) version: i64,
    pub(crate) versions: Vec<i64>,
}

/// What a use case decided, to be written by one commit.
#[derive(Debug)]
pub struct Changes {
    pub(crate) at: Timestamp,
    pub(crate) writes: Vec<Write>,
    pub(crate) drafts: Vec<Draft>,
    pub(crate) relied: BTreeSet<Reliance>,
    pub(crate) guards: Vec<GuardRow>,
    pub(crate) batch: Option<Id<Batch>>,
    pub(crate) idempotency: Option<(IdempotencyKey, Reliance)>,
    pub(crate) purged: Vec<(Entity, Uuid)>,
    /// Jobs that the changes want.
    pub(crate) jobs: Vec<NewJob>,
    pub(crate) undone: Vec<TakenBack>,
}

impl Changes {
    /// Nothing yet, decided at this instant.
    pub fn at(now: Timestamp) -> Self {
        Self {
            at: now,
            writes: Vec::new(),
            drafts: Vec::new(),
            relied: BTreeSet::new(),
            guards: Vec::new(),
            batch: None,
            idempotency: None,
            purged: Vec::new(),
            jobs: Vec::new(),
            undone: Vec::new(),
        }
    }

    /// When it was decided.
    pub fn now(&self) -> Timestamp {
        self.at
    }

    /// Writes a record as its next version. Says whether anything changed: a record that is as it
    /// was is not written.
    pub fn put<T: Record>(&mut self, record: &mut Stored<T>) -> bool {
        let Some(put) = record.advance(self.at) else { return false };
        self.drafts.push(Draft::of(&put));
        self.writes.push(T::write(put));
        true
    }

    /// As [`Changes::put`], of a record that the product makes of another one: it may have content that the
    /// caller does not see.
    pub(crate) fn put_as_product<T: Record>(&mut self, record: &mut Stored<T>) {
        if self.put(record)
            && let Some(draft) = self.drafts.last_mut()
        {
            draft.is_products = true;
        }
    }

    /// Writes a record that has no history of its own.
    pub(crate) fn put_unjournalled<T: Record>(&mut self, record: &mut Stored<T>) {
        if let Some(put) = record.advance(self.at) {
            self.writes.push(T::write(put));
        }
    }

    /// Writes a new job.
    pub(crate) fn put_new_job(&mut self, job: Job) {
        let mut after = job;
        after.stamp(1, self.at);
        self.writes.push(Write::Job(Put { before: None, after }));
    }

    /// Adds a fact to the entry of the record written last.
    pub fn emit(&mut self, event: impl Into<Event>) {
        if let Some(draft) = self.drafts.last_mut() {
            draft.events.push(event.into());
        }
    }

    /// Says that the record written last takes back what these versions of it did.
    pub(crate) fn take_back(&mut self, versions: Vec<i64>) {
        if let Some(Draft { record_id, version, .. }) = self.drafts.last().filter(|_| !versions.is_empty()) {
            self.undone.push(TakenBack { record_id: *record_id, version: *version, versions });
        }
    }

    /// Records a fact about a record that is not written.
    pub fn note(&mut self, entity: Entity, id: Uuid, event: impl Into<Event>) {
        self.drafts.push(Draft::noted(entity, id));
        self.emit(event);
    }

    /// As [`Changes::note`], about a record whose history also appears in the timeline of another.
    pub(crate) fn note_on<T: Record>(&mut self, record: &T, event: impl Into<Event>) {
        self.note(T::ENTITY, record.uuid(), event);
        if let Some(draft) = self.drafts.last_mut() {
            draft.subject = record.subject();
        }
    }

    /// Refuses the commit where this record has moved on since it was read.
    pub fn rely_on<T: Record>(&mut self, record: &Stored<T>) {
        self.rely(Reliance::on(&**record));
    }

    /// As [`Changes::rely_on`], where the record itself is gone.
    pub(crate) fn rely(&mut self, reliance: Reliance) {
        self.relied.insert(reliance);
    }

    /// Refuses the commit where anybody else decided about the set since the guard was read.
    pub fn guard(&mut self, row: GuardRow) {
        self.guards.push(row);
    }

    /// Marks every entry as part of one undertaking, as of an import.
    pub fn in_batch(&mut self, batch: Id<Batch>) {
        self.batch = Some(batch);
    }

    /// Creates an account beside the first records of its workspace.
    pub fn create_account(&mut self, account: NewAccount) {
        self.writes.push(Write::Account(account));
    }

    /// Ends every sign-in of a member.
    pub fn end_sign_ins(&mut self, user: Id<User>) {
        self.writes.push(Write::SignInsEnded(user));
    }

    /// Erases a deleted record and the content of its history for ever.
    pub fn purge<T: Record>(&mut self, record: &Stored<T>) {
        self.purged.push((T::ENTITY, record.uuid()));
        self.drafts.push(Draft::purged::<T>(record));
        self.rely_on(record);
    }

    /// Ties the commit to a caller's key: a second commit under it is refused, and `result` is what
    /// a repeat answers with.
    pub fn idempotent<T: Record>(&mut self, key: IdempotencyKey, result: &Stored<T>) {
        self.idempotency = Some((key, Reliance::on(&**result)));
    }

    /// Keeps rows that an import refused.
    pub(crate) fn failed_rows(&mut self, rows: Vec<FailedRow>) {
        if !rows.is_empty() {
            self.writes.push(Write::FailedRows(rows));
        }
    }

    /// Keeps what imported rows are known again by.
    pub(crate) fn fingerprints(&mut self, rows: Vec<Fingerprint>) {
        if !rows.is_empty() {
            self.writes.push(Write::Fingerprints(rows));
        }
    }

    /// Keeps pieces of a file.
    pub(crate) fn keep_pieces(&mut self, pieces: Vec<Piece>) {
        if !pieces.is_empty() {
            self.writes.push(Write::Pieces(pieces));
        }
    }

    /// Keeps that a mail waits.
    pub(crate) fn keep_mail(&mut self, record: MailRecord) {
        self.writes.push(Write::MailQueued(record));
    }

    /// Whether there is nothing to write. What a caller's key was used for is kept also where it changed nothing.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.drafts.is_empty() && self.jobs.is_empty() && self.idempotency.is_none()
    }
}
