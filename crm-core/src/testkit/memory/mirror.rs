//! The records that the lists of every store are compared with.

use std::sync::Arc;

use super::rows::{Rows, Tabled};

/// The records of one workspace, outside any store.
#[derive(Default)]
pub(in crate::testkit) struct Mirror(Rows);

impl Mirror {
    /// Keeps a record as it is now.
    pub(in crate::testkit) fn keep<T: Tabled>(&mut self, record: &T) {
        T::table_mut(&mut self.0).insert(record.uuid(), Arc::new(record.clone()));
    }

    /// Every record of a kind.
    pub(in crate::testkit) fn all<T: Tabled>(&self) -> impl Iterator<Item = &T> {
        T::table(&self.0).values().map(AsRef::as_ref)
    }
}
