//! Rows become records: what is the same for every kind, and the trait that holds what is not.

mod company;
mod contact;
mod deal;
mod task;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::cells::Cells;
use super::links::{Linked, Links};
use super::model::RowKey;
use super::references::References;
use crate::access::Grant;
use crate::crm::Ports;
use crate::edit::Edit;
use crate::error::Result;
use crate::faults::Faults;
use crate::id::Id;
use crate::journal::Event;
use crate::session::Kept;
use crate::store::Stored;
use crate::time::Timestamp;

/// A kind of record that a file can hold.
#[async_trait]
pub(super) trait Importable: Kept {
    /// What a row says beyond that.
    type Extra: Send + Sync;

    /// Reads the cells; what is wrong with them goes to `faults`.
    fn read(cells: Cells<'_>, links: &mut Links, faults: &mut Faults) -> (Self::Edit, Self::Extra);

    /// The keys that the cells hold, strongest first.
    fn row_keys(edit: &Self::Edit) -> Vec<RowKey>;

    /// The id in another system that an edit sets.
    fn external_id(edit: &mut Self::Edit) -> &mut Edit<String>;

    /// Every key by which the record can be known.
    fn keys(&self) -> Vec<RowKey>;

    /// Puts what was found for a row's names into its edit.
    fn link(edit: &mut Self::Edit, linked: &Linked);

    /// A new record.
    ///
    /// # Errors
    /// `Invalid` with every field at fault.
    fn make(id: Id<Self>, edit: Self::Edit, row: &Row<Self>, references: &mut References<'_>) -> Result<Made<Self>>;

    /// Changes a known record; cells that are empty change nothing.
    ///
    /// # Errors
    /// `Invalid` with every field at fault; the record is then half changed and must be dropped.
    fn change(&mut self, edit: Self::Edit, row: &Row<Self>, references: &mut References<'_>) -> Result<Vec<Event>>;

    /// Puts right what rows before it in the chunk said of the record, whose events are not written yet, where
    /// a row that changed it tells another time of them; `new` are the events of the row itself. Most kinds have
    /// no such events.
    fn correct(&self, _before: &Self, _events: &mut [Event], _new: &[Event]) {}

    /// The oldest record of each key.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn known(ports: &Ports, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Self>>>>;

    /// Those records of these ids that exist and that the caller sees.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn by_id(ports: &Ports, grant: &Grant, ids: Vec<Uuid>) -> Result<Vec<Stored<Self>>>;
}

/// A new record and what happened to it.
pub(super) struct Made<T> {
    pub(super) record: T,
    pub(super) events: Vec<Event>,
}

/// One row, read and checked as far as that needs nothing but the row.
pub(super) struct Row<T: Importable> {
    pub(super) edit: T::Edit,
    pub(super) extra: T::Extra,
    pub(super) links: Links,
    pub(super) created_at: Option<Timestamp>,
    /// The id of a record, which may be one of ours.
    pub(super) id: Option<Uuid>,
    /// By what it is known again, strongest first; its fingerprint where it has nothing else.
    pub(super) keys: Vec<RowKey>,
}

impl<T: Importable> Row<T> {
    /// Reads a row.
    ///
    /// # Errors
    /// `Invalid` with every field at fault.
    pub(super) fn read(cells: Cells<'_>) -> Result<Self> {
        let mut faults = Faults::default();
        let mut links = Links::read(cells, &mut faults);
        let (edit, extra) = T::read(cells, &mut links, &mut faults);
        let created_at = cells.instant("created_at", &mut faults);
        faults.into_result()?;
        let id = cells.text("id").and_then(|cell| cell.parse::<Id<()>>().ok()).map(Id::uuid);
        let mut keys = T::row_keys(&edit);
        if keys.is_empty() {
            keys.push(RowKey::Fingerprint(fingerprint(cells)));
        }
        Ok(Self { edit, extra, links, created_at, id, keys })
    }
}

/// The digest of a row's cells that are not empty, those that fill nothing included: which fields there
/// are may change from one import of a file to the next. The order of the columns does not count.
fn fingerprint(cells: Cells<'_>) -> [u8; 16] {
    digest(cells.plan.entity.name(), cells.written())
}

/// The digest of what a row says: its cells that fill something.
pub(super) fn content(cells: Cells<'_>) -> [u8; 16] {
    digest(cells.plan.entity.name(), cells.mapped())
}

fn digest<'a>(name: &str, cells: impl Iterator<Item = (&'a str, &'a str)>) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(name);
    for (key, cell) in cells {
        for part in [key, cell] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let mut digest = [0; 16];
    digest.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    digest
}
