//! The records that the rows of a chunk are about: those that exist and those that the chunk makes,
//! and by what each is known again.

use std::collections::{BTreeSet, HashMap};
use std::mem::discriminant;

use uuid::Uuid;

use super::model::RowKey;
use super::row::{Importable, Row};
use crate::access::Grant;
use crate::crm::Ports;
use crate::error::Result;
use crate::journal::Event;
use crate::store::Stored;

/// A record that some row of the chunk is about.
pub(super) struct Work<T> {
    pub(super) record: Stored<T>,
    pub(super) events: Vec<Event>,
}

/// The records of a chunk, each once.
pub(super) struct Known<T> {
    pub(super) works: Vec<Work<T>>,
    by_key: HashMap<RowKey, usize>,
    by_id: HashMap<Uuid, usize>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { works: Vec::new(), by_key: HashMap::new(), by_id: HashMap::new() }
    }
}

impl<T: Importable> Known<T> {
    /// The records that exist and by which some of the rows may be known.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub(super) async fn load<'r>(
        ports: &Ports,
        grant: &Grant,
        rows: impl Iterator<Item = &'r Row<T>> + Clone,
    ) -> Result<Self>
    where
        T: 'r,
    {
        let mut known = Self::default();
        let ids: BTreeSet<Uuid> = rows.clone().filter_map(|row| row.id).collect();
        let keys: BTreeSet<RowKey> = rows.flat_map(|row| row.keys.iter().cloned()).collect();
        if !ids.is_empty() {
            for record in T::by_id(ports, grant, ids.into_iter().collect()).await? {
                known.place(record);
            }
        }
        if !keys.is_empty() {
            let keys: Vec<RowKey> = keys.into_iter().collect();
            let found = T::known(ports, grant, &keys).await?;
            for (key, record) in keys.into_iter().zip(found) {
                let Some(record) = record else { continue };
                let at = known.place(record);
                known.by_key.insert(key, at);
            }
        }
        Ok(known)
    }

    /// The place of a record, which is new or was loaded by another of its keys already.
    fn place(&mut self, record: Stored<T>) -> usize {
        let at = *self.by_id.entry(record.uuid()).or_insert(self.works.len());
        if at == self.works.len() {
            self.works.push(Work { record, events: Vec::new() });
        }
        at
    }

    /// The record that a row is about: by its own id, else by the strongest key that leads to one. A
    /// weaker key leads only to a record that has no other value for a stronger one: two rows with
    /// different ids in another system are two records, whatever else they share.
    pub(super) fn find(&self, row: &Row<T>) -> Option<usize> {
        if let Some(at) = row.id.and_then(|id| self.by_id.get(&id)) {
            return Some(*at);
        }
        row.keys.iter().enumerate().find_map(|(rank, key)| {
            let at = *self.by_key.get(key)?;
            let own = self.works.get(at)?.record.keys();
            let stronger = row.keys.get(..rank).unwrap_or_default();
            let is_other =
                |own: &RowKey| stronger.iter().any(|key| discriminant(key) == discriminant(own) && key != own);
            (self.holds(at, key) && !own.iter().any(is_other)).then_some(at)
        })
    }

    /// Whether a record is known by a key still: an earlier row of the chunk may have given it another.
    fn holds(&self, at: usize, key: &RowKey) -> bool {
        let own = |work: &Work<T>| work.record.keys().contains(key);
        matches!(key, RowKey::Fingerprint(_)) || self.works.get(at).is_some_and(own)
    }

    /// Whether a key leads to anything.
    pub(super) fn has(&self, key: &RowKey) -> bool {
        self.by_key.contains_key(key)
    }

    /// Adds a record that a row makes.
    pub(super) fn add(&mut self, record: T, events: Vec<Event>, row: &Row<T>) {
        let at = self.works.len();
        self.by_id.insert(record.uuid(), at);
        self.works.push(Work { record: Stored::new(record), events });
        self.learn(at, &row.keys);
    }

    /// Takes up by what a record is known now: its own keys and those of the row. An older record
    /// keeps a key that it still has.
    pub(super) fn learn(&mut self, at: usize, keys: &[RowKey]) {
        let Some(work) = self.works.get(at) else { return };
        for key in work.record.keys().into_iter().chain(keys.iter().cloned()) {
            let is_kept = self.by_key.get(&key).is_some_and(|before| self.holds(*before, &key));
            if !is_kept {
                self.by_key.insert(key, at);
            }
        }
    }
}
