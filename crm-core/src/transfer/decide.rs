//! Decides one chunk: reads what its rows may refer to in a few calls, then goes row by row without
//! waiting for anything, and ends with the changes of one commit.

use std::collections::HashMap;

use super::cells::Cells;
use super::chunk::{Chunk, Line, failed};
use super::model::{Counts, DuplicatePolicy, FailedRow, Fingerprint, Import, ImportState, RowKey};
use super::plan::Plan;
use super::preview::Seen;
use super::reader::Record;
use super::references::References;
use super::rights::Rights;
use super::row::{Importable, Made, Row, digest};
use crate::crm::Ports;
use crate::custom_field::check_values;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::journal::Event;
use crate::store::{Changes, Stored};
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
    works: Vec<Work<T>>,
    pub(super) counts: Counts,
    pub(super) failed: Vec<FailedRow>,
    fingerprints: Vec<Fingerprint>,
}

/// A record that some row of the chunk is about.
struct Work<T> {
    record: Stored<T>,
    events: Vec<Event>,
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
                Line::Broken(error, cells) => failures.push(failed(import, error, cells)),
                Line::Whole(record) => match Row::read(Cells { plan: self.plan, record }) {
                    Ok(row) => rows.push((row, record)),
                    Err(error) => failures.push(refused(import, record, &error)),
                },
            }
        }
        let (works, index) = self.known(&rows).await?;
        let is_linked = |row: &Row<T>| self.plan.policy != DuplicatePolicy::Skip || !index.contains_key(&row.key);
        let links = rows.iter().map(|(row, _)| row).filter(|row| is_linked(row)).map(|row| &row.links);
        let references = References::load(self.ports, self.plan, self.rights, now, links).await?;
        let decided = Decided {
            import,
            references,
            works,
            counts: Counts::default(),
            failed: failures,
            fingerprints: Vec::new(),
        };
        let mut sheet = Sheet { desk: self, decided, index, seen };
        for (row, record) in &rows {
            sheet.enter(row, record);
        }
        let mut decided = sheet.decided;
        decided.failed.sort_by_key(|row| row.line);
        decided.counts.failed = decided.failed.len() as u64;
        Ok(decided)
    }

    /// The records that the rows are known by, each once.
    async fn known<T: Importable>(&self, rows: &[(Row<T>, &Record)]) -> Result<(Vec<Work<T>>, HashMap<RowKey, usize>)> {
        let (mut works, mut index) = (Vec::new(), HashMap::new());
        if self.plan.policy == DuplicatePolicy::Create || rows.is_empty() {
            return Ok((works, index));
        }
        let mut keys: Vec<RowKey> = rows.iter().map(|(row, _)| row.key.clone()).collect();
        keys.sort_unstable();
        keys.dedup();
        let known = T::known(self.ports, &self.rights.create, &keys).await?;
        let mut places = HashMap::new();
        for (key, record) in keys.into_iter().zip(known) {
            let Some(record) = record else { continue };
            let at = *places.entry(record.uuid()).or_insert(works.len());
            if at == works.len() {
                works.push(Work { record, events: Vec::new() });
            }
            index.insert(key, at);
        }
        Ok((works, index))
    }
}

/// The rows of a chunk, entered one after the other.
struct Sheet<'a, 'd, T: Importable> {
    desk: &'d Desk<'a>,
    decided: Decided<'a, T>,
    index: HashMap<RowKey, usize>,
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
                let digest = self.seen.is_some().then(|| digest(cells));
                let before = digest.and_then(|digest| self.seen.as_ref()?.before(&row.key, policy, digest));
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
        if self.desk.plan.policy == DuplicatePolicy::Create {
            return None;
        }
        let at = *self.index.get(&row.key)?;
        let work = self.decided.works.get(at)?;
        // An earlier row of the chunk may have given the record another key.
        let holds = matches!(row.key, RowKey::Fingerprint(_)) || work.record.keys().contains(&row.key);
        holds.then_some(at)
    }

    fn change(&mut self, at: usize, row: &Row<T>) -> Result<Outcome> {
        let Some(work) = self.decided.works.get_mut(at) else { return Ok(Outcome::Unchanged) };
        let references = &mut self.decided.references;
        let mut next = T::clone(&work.record);
        let linked = references.link(&row.links)?;
        let mut edit = row.edit.clone();
        T::link(&mut edit, &linked);
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
        *work.record = next;
        work.events.extend(events);
        for key in work.record.keys() {
            self.index.entry(key).or_insert(at);
        }
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
            record.set_owner(self.desk.rights.caller);
        }
        self.desk.rights.create.check_reach(&record)?;
        if let RowKey::Fingerprint(digest) = row.key
            && (self.desk.plan.policy != DuplicatePolicy::Create || !self.index.contains_key(&row.key))
        {
            self.decided.fingerprints.push(Fingerprint { entity: T::ENTITY, digest, record_id: record.uuid() });
        }
        let at = self.decided.works.len();
        // A record that had the row's key before has it no longer, else the row would be known.
        self.index.insert(row.key.clone(), at);
        for key in record.keys() {
            if let (Some(seen), Some(digest)) = (&mut self.seen, digest) {
                seen.add(&key, digest);
            }
            self.index.entry(key).or_insert(at);
        }
        if let (Some(seen), Some(digest)) = (&mut self.seen, digest) {
            seen.add(&row.key, digest);
        }
        self.decided.works.push(Work { record: Stored::new(record), events });
        Ok(())
    }
}

impl<T: Importable> Decided<'_, T> {
    /// Warnings of the chunk.
    pub(super) fn warnings(&self) -> impl Iterator<Item = &'static str> {
        self.references.warnings()
    }

    /// The changes of the chunk and the import's next state.
    pub(super) fn into_changes(mut self, chunk: &Chunk, import: &mut Stored<Import>) -> Changes {
        let mut changes = Changes::at(self.references.now());
        changes.in_batch(import.batch());
        self.references.put(&mut changes);
        for work in &mut self.works {
            self.references.put_tags(&work.record, &mut changes);
            if changes.put(&mut work.record) {
                work.events.drain(..).for_each(|event| changes.emit(event));
            }
        }
        advance(import, chunk, self.counts, self.references.warnings());
        changes.failed_rows(self.failed);
        changes.fingerprints(self.fingerprints);
        changes.put_unjournalled(import);
        changes
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
        None if error.kind() == ErrorKind::Denied => ("owner".to_owned(), error.code().to_owned()),
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
