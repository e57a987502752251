//! The port of searches.

use std::cmp::Reverse;

use async_trait::async_trait;

use super::MemoryStore;
use super::facts::{InPlace, Linked};
use super::list;
use super::rows::Rows;
use crate::access::Grant;
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::Result;
use crate::filter::{CheckedFilter, Terms};
use crate::search::SearchStore;
use crate::task::Task;
use crate::time::Timestamp;

/// The newest matches.
fn newest<T: Linked>(rows: &Rows, grant: &Grant, terms: &Terms, most: u16, made: fn(&T) -> Timestamp) -> Vec<T> {
    let words = CheckedFilter::Matches(terms.clone());
    let seen = rows.live::<T>().filter(|row| list::sees(rows, grant, *row));
    let mut found: Vec<&T> = seen.filter(|row| words.eval(&InPlace { rows, record: *row })).collect();
    found.sort_by_key(|row| Reverse((made(row), row.uuid())));
    found.into_iter().take(most.into()).cloned().collect()
}

#[async_trait]
impl SearchStore for MemoryStore {
    async fn contacts_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Contact>> {
        Ok(self.rows(grant, |rows| newest(rows, grant, terms, most, |row: &Contact| row.created_at)).await)
    }

    async fn companies_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Company>> {
        Ok(self.rows(grant, |rows| newest(rows, grant, terms, most, |row: &Company| row.created_at)).await)
    }

    async fn deals_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Deal>> {
        Ok(self.rows(grant, |rows| newest(rows, grant, terms, most, |row: &Deal| row.created_at)).await)
    }

    async fn tasks_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Task>> {
        Ok(self.rows(grant, |rows| newest(rows, grant, terms, most, |row: &Task| row.created_at)).await)
    }
}
