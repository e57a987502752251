//! Decides one chunk: reads what its rows may refer to in a few calls, then goes row by row without
//! waiting for anything, and ends with the changes of one commit.

use uuid::Uuid;

use super::cells::Cells;
use super::chunk::{Chunk, Line, failed};
use super::known::Known;
use super::model::{Counts, DuplicatePolicy, FailedRow, Fingerprint, Import, ImportState, RowKey};
use super::plan::Plan;
use super::preview::Seen;
use super::reader::Record;
use super::references::References;
use super::rights::Rights;
use super::row::{Importable, Made, Row, content};
use crate::access::Entity;
use crate::crm::Ports;
use crate::custom_field::check_values;
use crate::edit::Edit;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::session::Session;
use crate::store::{Changes, GuardRow, Stored};
use crate::time::Timestamp;

/// Most warnings that an import keeps.
const MAX_WARNINGS: usize = 50;

/// Characters of a reason that are kept.
const MAX_REASON: usize = 500;

/// What deciding depends on, besides the chunk.
pub(super) struct Desk<'a> {
    pub(super) ports: &'a Ports,
    pub(super) plan: &'a Plan,
    pub(super) rights: &'a Rights,
}

/// What became of a chunk.
pub(super) struct Decided<'a, T: Importable> {
    import: &'a Import,
    references: References<'a>,
    known: Known<T>,
    pub(super) counts: Counts,
    pub(super) failed: Vec<FailedRow>,
    fingerprints: Vec<Fingerprint>,
}

enum Outcome {
    Created,
    Updated,
    Unchanged,
}

impl<'a> Desk<'a> {
    /// Decides about every row of a chunk. `seen` replaces the chunks before it where those are not
    /// written, as in a preview.
    pub(super) async fn decide<T: Importable>(
        &self,
        import: &'a Import,
        chunk: &Chunk,
        now: Timestamp,
        seen: Option<&mut Seen>,
    ) -> Result<Decided<'a, T>> {
        let mut failures = Vec::new();
        let mut rows: Vec<(Row<T>, &Record)> = Vec::with_capacity(chunk.lines.len());
        for line in &chunk.lines {
            match line {
                Line::Broken(error) => failures.push(failed(import, error)),
                Line::Whole(record) => match Row::read(Cells { plan: self.plan, record }) {
                    Ok(row) => rows.push((row, record)),
                    Err(error) => failures.push(refused(import, record, &error)),
                },
            }
        }
        // Under `create` no row is known.
        let known = match self.plan.policy {
            DuplicatePolicy::Create => Known::default(),
            _ => Known::load(self.ports, &self.rights.create, rows.iter().map(|(row, _)| row)).await?,
        };
        let is_linked = |row: &Row<T>| self.plan.policy != DuplicatePolicy::Skip || known.find(row).is_none();
        let links = rows.iter().map(|(row, _)| row).filter(|row| is_linked(row)).map(|row| &row.links);
        let references = References::load(self.ports, self.plan, self.rights, now, links).await?;
        let decided = Decided {
            import,
            references,
            known,
            counts: Counts::default(),
            failed: failures,
            fingerprints: Vec::new(),
        };
        let mut sheet = Sheet { desk: self, decided, seen };
        for (row, record) in &rows {
            sheet.enter(row, record);
        }
        let mut decided = sheet.decided;
        decided.failed.sort_by_key(|row| row.line);
        decided.counts.failed = decided.failed.len() as u64;
        Ok(decided)
    }
}

/// The rows of a chunk, entered one after the other.
struct Sheet<'a, 'd, T: Importable> {
    desk: &'d Desk<'a>,
    decided: Decided<'a, T>,
    seen: Option<&'d mut Seen>,
}

impl<T: Importable> Sheet<'_, '_, T> {
    fn enter(&mut self, row: &Row<T>, record: &Record) {
        let mark = self.decided.references.mark();
        match self.decide(row, record) {
            Ok(Outcome::Created) => self.decided.counts.created += 1,
            Ok(Outcome::Updated) => self.decided.counts.updated += 1,
            Ok(Outcome::Unchanged) => self.decided.counts.unchanged += 1,
            Err(error) => {
                self.decided.references.back_to(mark);
                self.decided.failed.push(refused(self.decided.import, record, &error));
            }
        }
    }

    fn decide(&mut self, row: &Row<T>, record: &Record) -> Result<Outcome> {
        let plan = self.desk.plan;
        let cells = Cells { plan, record };
        match (self.find(row), plan.policy) {
            (Some(_), DuplicatePolicy::Skip) => Ok(Outcome::Unchanged),
            (Some(at), _) => self.change(at, row),
            (None, policy) => {
                let digest = self.seen.is_some().then(|| content(cells));
                let before = digest.and_then(|digest| self.seen.as_mut()?.before(&row.keys, policy, digest));
                if let Some(is_same) = before {
                    return Ok(if is_same { Outcome::Unchanged } else { Outcome::Updated });
                }
                self.make(row, digest)?;
                Ok(Outcome::Created)
            }
        }
    }

    /// The record that a row is known by; under `create` no row is known.
    fn find(&self, row: &Row<T>) -> Option<usize> {
        match self.desk.plan.policy {
            DuplicatePolicy::Create => None,
            _ => self.decided.known.find(row),
        }
    }

    fn change(&mut self, at: usize, row: &Row<T>) -> Result<Outcome> {
        let Some(work) = self.decided.known.works.get_mut(at) else { return Ok(Outcome::Unchanged) };
        let references = &mut self.decided.references;
        let mut next = T::clone(&work.record);
        let linked = references.link(&row.links)?;
        let mut edit = row.edit.clone();
        T::link(&mut edit, &linked);
        if row.id == Some(next.uuid()) {
            // What stands for an id in another system otherwise.
            leave_own(T::external_id(&mut edit), next.uuid());
        }
        let events = next.change(edit, row, references)?;
        next.custom_mut().extend(linked.custom.into_iter().map(|(key, id)| (key, id.to_string().into())));
        if next == *work.record {
            return Ok(Outcome::Unchanged);
        }
        check_custom(self.desk.plan, Some(&*work.record), &mut next)?;
        if next == *work.record {
            return Ok(Outcome::Unchanged);
        }
        if let Some(grant) = &self.desk.rights.update {
            grant.check_reach(&*work.record)?;
        }
        if next.owner() != work.record.owner() {
            let assign = self.desk.rights.assign.as_ref();
            let assign = assign.ok_or_else(|| Error::denied(format!("needs the permission {}:assign", T::ENTITY)))?;
            assign.check_reach(&*work.record)?;
        }
        next.correct(&work.record, &mut work.events, &events);
        *work.record = next;
        work.events.extend(events);
        self.decided.known.learn(at, &[]);
        Ok(Outcome::Updated)
    }

    fn make(&mut self, row: &Row<T>, digest: Option<[u8; 16]>) -> Result<()> {
        let references = &mut self.decided.references;
        let linked = references.link(&row.links)?;
        let mut edit = row.edit.clone();
        T::link(&mut edit, &linked);
        let Made { mut record, events } = T::make(Id::new_at(references.now()), edit, row, references)?;
        record.custom_mut().extend(linked.custom.into_iter().map(|(key, id)| (key, id.to_string().into())));
        check_custom(self.desk.plan, None, &mut record)?;
        if row.links.owner.is_none() {
            record.set_owner(self.desk.rights.owner);
        }
        record.set_creator(self.desk.rights.owner);
        self.desk.rights.create.check_reach(&record)?;
        if let [print] = row.keys.as_slice()
            && let RowKey::Fingerprint(digest) = *print
            && (self.desk.plan.policy != DuplicatePolicy::Create || !self.decided.known.has(print))
        {
            self.decided.fingerprints.push(Fingerprint { entity: T::ENTITY, digest, record_id: record.uuid() });
        }
        if let (Some(seen), Some(digest)) = (&mut self.seen, digest) {
            let mut keys = record.keys();
            keys.extend(row.keys.iter().cloned());
            seen.add(&keys, digest);
        }
        self.decided.known.add(record, events, row);
        Ok(())
    }
}

impl<T: Importable> Decided<'_, T> {
    /// Warnings of the chunk.
    pub(super) fn warnings(&self) -> impl Iterator<Item = &'static str> {
        self.references.warnings()
    }

    /// The changes of the chunk and the import's next state. `guard` was read before the chunk was
    /// decided: a chunk that makes what another import may make at this moment is refused if it did.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub(super) async fn into_changes(
        mut self,
        session: &Session,
        chunk: &Chunk,
        import: &mut Stored<Import>,
        guard: GuardRow,
    ) -> Result<Changes> {
        let mut changes = Changes::at(self.references.now());
        changes.in_batch(import.batch());
        if self.counts.created > 0 || self.references.makes_rows() {
            changes.guard(guard);
        }
        self.references.put(&mut changes);
        let records = self.known.works.iter_mut().map(|work| &mut work.record).collect();
        T::bring(session, &mut changes, records).await?;
        for work in &mut self.known.works {
            self.references.put_tags(&work.record, &mut changes);
            if changes.put(&mut work.record) {
                work.events.drain(..).for_each(|event| changes.emit(event));
            }
        }
        advance(import, chunk, self.counts, self.references.warnings());
        changes.failed_rows(self.failed);
        changes.fingerprints(self.fingerprints);
        changes.put_unjournalled(import);
        Ok(changes)
    }
}

/// Takes an import past a chunk.
fn advance(import: &mut Import, chunk: &Chunk, counts: Counts, warnings: impl Iterator<Item = &'static str>) {
    import.counts.add(counts);
    for warning in warnings {
        if import.warnings.len() < MAX_WARNINGS && !import.warnings.iter().any(|known| known == warning) {
            import.warnings.push(warning.to_owned());
        }
    }
    import.offset = if chunk.is_last { import.file.bytes } else { chunk.end.offset };
    import.line = chunk.end.line;
    import.rows = chunk.end.index.saturating_sub(1);
    if chunk.is_last {
        import.state = ImportState::Done;
    }
}

/// Leaves out an id in another system that is the record's own.
fn leave_own(external_id: &mut Edit<String>, own: Uuid) {
    if external_id.value().is_some_and(|id| id.parse::<Uuid>().is_ok_and(|id| id == own)) {
        *external_id = Edit::Keep;
    }
}

/// Checks custom values that a row touched, and those that every record must have.
fn check_custom<T: Importable>(plan: &Plan, before: Option<&T>, record: &mut T) -> Result<()> {
    let is_untouched = before.is_some_and(|before| before.custom() == record.custom());
    if is_untouched || (plan.definitions.is_empty() && record.custom().is_empty()) {
        return Ok(());
    }
    let faults = check_values(&plan.definitions, before.map(T::custom), record.custom_mut());
    if faults.is_empty() { Ok(()) } else { Err(Error::invalid_fields(faults)) }
}

/// What is kept of a row that breaks a rule: the first field at fault, and all of them in words.
fn refused(import: &Import, record: &Record, error: &Error) -> FailedRow {
    let faults = error.fields();
    let (field, code) = match faults.first() {
        Some(first) => (first.field.clone(), first.code.to_string()),
        // What lies outside a permission does so by its owner.
        None if error.kind() == ErrorKind::Denied => {
            let field = if import.entity == Entity::Task { "assignee" } else { "owner" };
            (field.to_owned(), error.code().to_owned())
        }
        None => (String::new(), error.code().to_owned()),
    };
    let message = match faults {
        [] => error.message().to_owned(),
        [one] => one.message.clone(),
        many => many.iter().map(|fault| format!("{}: {}", fault.field, fault.message)).collect::<Vec<_>>().join("; "),
    };
    let cells = record.iter().map(str::to_owned).collect();
    // A message may quote its cell, which may be long.
    let message = message.chars().take(MAX_REASON).collect();
    FailedRow { import_id: import.id, line: record.line, cells, field, code, message }
}
