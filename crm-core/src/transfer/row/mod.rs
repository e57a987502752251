//! Rows become records: what is the same for every kind, and the trait that holds what is not.

mod company;
mod contact;
mod deal;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use super::cells::Cells;
use super::links::{Linked, Links};
use super::model::RowKey;
use super::references::References;
use crate::access::Grant;
use crate::crm::Ports;
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
    /// The change that a row asks for, as a caller of the room's service would write it.
    type Edit: Clone + Send + Sync;
    /// What a row says beyond that.
    type Extra: Send + Sync;

    /// Reads the cells; what is wrong with them goes to `faults`.
    fn read(cells: Cells<'_>, links: &mut Links, faults: &mut Faults) -> (Self::Edit, Self::Extra);

    /// The strongest key that the cells hold.
    fn row_key(edit: &Self::Edit) -> Option<RowKey>;

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

    /// The oldest record of each key.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    async fn known(ports: &Ports, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Self>>>>;
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
    /// By what it is known again: the strongest key that it has.
    pub(super) key: RowKey,
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
        let key = T::row_key(&edit).unwrap_or_else(|| RowKey::Fingerprint(digest(cells)));
        Ok(Self { edit, extra, links, created_at, key })
    }
}

/// The digest of a row's mapped cells that are not empty; their order in the file does not count.
pub(super) fn digest(cells: Cells<'_>) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(cells.plan.entity.name());
    for (key, cell) in cells.written() {
        for part in [key, cell] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
    let mut digest = [0; 16];
    digest.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    digest
}
