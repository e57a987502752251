//! The reference that the lists of other stores are compared with.

use std::sync::Arc;

use super::facts::Linked;
use super::list;
use super::rows::{Rows, Tabled};
use crate::page::{ListQuery, Rows as Page};

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

    /// The page that a list must give.
    pub(in crate::testkit) fn page<T: Linked>(&self, query: &ListQuery) -> Page<T> {
        list::page(&self.0, query)
    }

    /// The number that counting a list must give.
    pub(in crate::testkit) fn count<T: Linked>(&self, query: &ListQuery, cap: u64) -> u64 {
        list::count::<T>(&self.0, query, cap)
    }
}
