//! The journal in memory: one list, of which the first part is sealed.

use std::collections::BTreeSet;

use async_trait::async_trait;
use uuid::Uuid;

use super::held::Taker;
use super::rows::Rows;
use super::{MemoryStore, Space, list};
use crate::access::{Entity, Grant};
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::Result;
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::journal::chain::{self, Counted, GENESIS, Hash, SALT_BYTES, Texts, Verification, Verifier};
use crate::journal::{Batch, Entry, JournalStore, SealedEntry};
use crate::page::{Position, Rows as Page};
use crate::task::Task;
use crate::workspace::Workspace;

/// An entry with what its digest is made of, or what is left of it.
#[derive(Clone, Debug)]
struct Line {
    entry: Entry,
    salt: Option<Vec<u8>>,
    digest: Option<Hash>,
}

/// Entries in the order in which they were written; the first ones have a link each.
#[derive(Default)]
pub(super) struct Journal {
    lines: Vec<Line>,
    links: Vec<Hash>,
}

impl Journal {
    /// Adds entries, each with a salt of its own.
    pub(super) fn append(&mut self, entries: Vec<Entry>) {
        let line = |entry| Line { entry, salt: Some(rand::random::<[u8; SALT_BYTES]>().to_vec()), digest: None };
        self.lines.extend(entries.into_iter().map(line));
    }

    /// Erases the content of the entries of a record and of what hung on it; the salted digest stays,
    /// the salt goes.
    pub(super) fn erase(&mut self, entity: Entity, id: Uuid) {
        let gone = (entity, id);
        let is_gone = |entry: &Entry| (entry.entity, entry.record_id) == gone || entry.subject == Some(gone);
        for line in self.lines.iter_mut().filter(|line| is_gone(&line.entry)) {
            if let Some(salt) = line.salt.take() {
                line.digest = Some(chain::content(&salt, &Texts::of(&line.entry)));
                line.entry.before.clear();
                line.entry.after.clear();
                line.entry.events.clear();
            }
        }
    }

    /// Gives its entries and their links to whoever takes what the store holds.
    pub(super) fn hold(&self, taker: &mut Taker<'_>) {
        let Self { lines, links } = self;
        taker.take("journal", lines);
        taker.take("journal_seals", links.iter().enumerate());
    }

    /// The number of the last entry, once it is sealed.
    pub(super) fn written_to(&self) -> i64 {
        number(self.lines.len())
    }

    fn seal(&mut self, workspace: Id<Workspace>, limit: u32) -> u32 {
        let mut sealed = 0;
        while sealed < limit
            && let Some(line) = self.lines.get(self.links.len())
        {
            let content = match (&line.digest, &line.salt) {
                (Some(digest), _) => *digest,
                (None, salt) => chain::content(salt.as_deref().unwrap_or_default(), &Texts::of(&line.entry)),
            };
            let digest = chain::digest(&line.entry, &content);
            let previous = self.links.last().unwrap_or(&GENESIS);
            let link = chain::link(previous, workspace, number(self.links.len()) + 1, &digest);
            self.links.push(link);
            sealed += 1;
        }
        sealed
    }

    /// Sealed entries from a place on.
    fn sealed(&self, from: usize) -> impl Iterator<Item = SealedEntry> {
        self.links.iter().zip(&self.lines).enumerate().skip(from).map(|(at, (hash, line))| SealedEntry {
            seq: number(at) + 1,
            hash: *hash,
            salt: line.salt.clone(),
            digest: line.digest,
            texts: Texts::of(&line.entry),
            entry: line.entry.clone(),
        })
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl MemoryStore {
    /// Looks at a workspace.
    async fn space<T>(&self, workspace: Id<Workspace>, look: impl FnOnce(&Space) -> T) -> T {
        self.read(|state| match state.spaces.get(&workspace.uuid()) {
            Some(space) => look(space),
            None => look(&Space::default()),
        })
        .await
    }

    /// Looks at a workspace's journal.
    async fn journal<T>(&self, workspace: Id<Workspace>, look: impl FnOnce(&Journal) -> T) -> T {
        self.space(workspace, |space| look(&space.journal)).await
    }
}

/// The records that are not deleted and refer to one of a kind, each with its version and that one.
fn references(rows: &Rows, entity: Entity) -> Vec<((Uuid, i64), Uuid)> {
    let to = |contact: Option<Id<Contact>>, company: Option<Id<Company>>, deal: Option<Id<Deal>>| match entity {
        Entity::Contact => contact.map(|id| id.uuid()),
        Entity::Company => company.map(|id| id.uuid()),
        Entity::Deal => deal.map(|id| id.uuid()),
        _ => None,
    };
    let mut found = Vec::new();
    for note in rows.notes.values().filter(|note| note.deleted_at.is_none()) {
        found.push(((note.id.uuid(), note.version), to(note.contact_id, note.company_id, note.deal_id)));
    }
    for task in rows.tasks.values().filter(|task| task.deleted_at.is_none()) {
        found.push(((task.id.uuid(), task.version), to(task.contact_id, task.company_id, task.deal_id)));
    }
    for deal in rows.deals.values().filter(|deal| deal.deleted_at.is_none()) {
        found.push(((deal.id.uuid(), deal.version), to(deal.contact_id, deal.company_id, None)));
    }
    for contact in rows.contacts.values().filter(|contact| contact.deleted_at.is_none()) {
        found.push(((contact.id.uuid(), contact.version), to(None, contact.company_id, None)));
    }
    found.into_iter().filter_map(|(referring, referred)| Some((referring, referred?))).collect()
}

#[async_trait]
impl JournalStore for MemoryStore {
    async fn seal_batch(&self, workspace: Id<Workspace>, limit: u32) -> Result<u32> {
        let seal = |space: &mut Space| space.journal.seal(workspace, limit);
        Ok(self.write(|state| state.spaces.get_mut(&workspace.uuid()).map_or(0, seal)).await)
    }

    async fn unsealed(&self) -> Result<Vec<Id<Workspace>>> {
        self.read(|state| {
            let waiting =
                state.spaces.iter().filter(|(_, space)| space.journal.links.len() < space.journal.lines.len());
            Ok(waiting.map(|(id, _)| Id::from(*id)).collect())
        })
        .await
    }

    async fn feed(&self, workspace: Id<Workspace>, after: i64, limit: u32) -> Result<Vec<SealedEntry>> {
        let from = usize::try_from(after).unwrap_or(0);
        Ok(self.journal(workspace, |journal| journal.sealed(from).take(limit as usize).collect()).await)
    }

    async fn sealed_to(&self, workspace: Id<Workspace>) -> Result<i64> {
        Ok(self.journal(workspace, |journal| number(journal.links.len())).await)
    }

    async fn verify(&self, workspace: Id<Workspace>) -> Result<Verification> {
        self.journal(workspace, |journal| {
            let mut verifier = Verifier::new(workspace);
            // Stops at the first break.
            let _holds = journal.sealed(0).all(|entry| verifier.check(&entry));
            let (head, entries) = (number(journal.links.len()), number(journal.lines.len()));
            Ok(verifier.finish(Counted { head, waiting: entries - head, entries }))
        })
        .await
    }

    async fn timeline(
        &self,
        grant: &Grant,
        entity: Entity,
        record_id: Uuid,
        after: Option<Uuid>,
        limit: u16,
    ) -> Result<Page<Entry>> {
        let here = (entity, record_id);
        let is_here = |entry: &&Entry| (entry.entity, entry.record_id) == here || entry.subject == Some(here);
        let is_next = |entry: &&Entry| after.is_none_or(|after| entry.id.uuid() < after);
        self.space(grant.workspace_id(), |space| {
            // Whoever sees a record sees the notes on it, but not each of its tasks.
            let is_seen_task = |entry: &Entry| {
                let task = space.rows.get::<Task>(entry.record_id);
                task.is_some_and(|task| list::sees(&space.rows, grant, task))
            };
            let is_shown = |entry: &&Entry| match grant.visible(entry.entity) {
                filter if filter == CheckedFilter::everything() => true,
                filter if filter == CheckedFilter::nothing() => false,
                _ => entry.entity != Entity::Task || is_seen_task(entry),
            };
            let entries = space.journal.lines.iter().map(|line| &line.entry);
            let mut found: Vec<&Entry> = entries.filter(is_here).filter(is_shown).filter(is_next).collect();
            found.sort_by_key(|entry| std::cmp::Reverse(entry.id));
            let limit = usize::from(limit);
            let last = (found.len() > limit).then(|| found.get(limit - 1)).flatten();
            let next = last.map(|entry| Position { key: None, id: entry.id.uuid() });
            Ok(Page { next, rows: found.into_iter().take(limit).cloned().collect() })
        })
        .await
    }

    async fn batch(
        &self,
        grant: &Grant,
        batch: Id<Batch>,
        after: Option<(Uuid, i64)>,
        limit: u32,
    ) -> Result<Vec<Entry>> {
        self.journal(grant.workspace_id(), |journal| {
            let entries = journal.lines.iter().map(|line| &line.entry);
            let written = entries.filter(|entry| entry.batch == Some(batch) && entry.version > 0);
            let own = written.filter(|entry| Some((entry.record_id, entry.version)) > after);
            let mut own: Vec<Entry> = own.cloned().collect();
            own.sort_by_key(|entry| (entry.record_id, entry.version));
            own.truncate(limit as usize);
            Ok(own)
        })
        .await
    }

    async fn referred_from_outside(
        &self,
        grant: &Grant,
        batch: Id<Batch>,
        entity: Entity,
        ids: &[Uuid],
    ) -> Result<BTreeSet<Uuid>> {
        self.space(grant.workspace_id(), |space| {
            let entries = space.journal.lines.iter().map(|line| &line.entry);
            let own = entries.filter(|entry| entry.batch == Some(batch));
            let own: BTreeSet<(Uuid, i64)> = own.map(|entry| (entry.record_id, entry.version)).collect();
            let mut found = references(&space.rows, entity);
            found.retain(|(referring, referred)| !own.contains(referring) && ids.contains(referred));
            Ok(found.into_iter().map(|(_, referred)| referred).collect())
        })
        .await
    }

    async fn history(&self, grant: &Grant, entity: Entity, record_id: Uuid, up_to: i64) -> Result<Vec<Entry>> {
        self.journal(grant.workspace_id(), |journal| {
            let entries = journal.lines.iter().map(|line| &line.entry);
            let own = entries.filter(|entry| (entry.entity, entry.record_id) == (entity, record_id));
            // Version 0 marks facts that wrote nothing.
            let mut found: Vec<Entry> = own.filter(|entry| (1..=up_to).contains(&entry.version)).cloned().collect();
            found.sort_by_key(|entry| entry.version);
            Ok(found)
        })
        .await
    }
}

#[cfg(test)]
mod tests;
