//! Searches across records: some matches of words, so many and no more.

use async_trait::async_trait;
use crm_core::Result;
use crm_core::access::Grant;
use crm_core::company::Company;
use crm_core::contact::Contact;
use crm_core::deal::Deal;
use crm_core::filter::Terms;
use crm_core::search::SearchStore;
use crm_core::task::Task;

use super::list::{Segment, check_binds};
use super::predicate::{Place, predicate};
use super::room::{self, Room};
use super::words::Search;
use super::{Conn, Store, dialect};

/// The rows whose words match and whom the caller sees: both are looked at row by row, until there are
/// as many as asked for.
async fn by_words<T: Room>(store: &Store, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<T>> {
    let workspace = store.workspace_key(grant.workspace_id()).await?;
    let place = room::place::<T>(workspace);
    let found = Place::table(T::ENTITY, dialect::FOUND, workspace);
    let live = found.column("workspace_id").sql(" = ").bind(workspace).sql(" AND ");
    let live = live.then(found.column("deleted_at")).sql(" IS NULL");
    let seen = live.and(predicate(found, &grant.visible(T::ENTITY)));
    check_binds(&seen)?;
    let some = dialect::some_matches(place, T::TABLE, &Search::new(terms), seen, most.into());
    let segment = Segment { which: room::live::<T>(workspace).and(some), order: room::unordered() };
    let Segment { which, order } = segment.kept::<T>(store);
    store.pools.read(async move |conn: &mut Conn| T::select(conn, which, order, most.into()).await).await
}

#[async_trait]
impl SearchStore for Store {
    async fn contacts_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Contact>> {
        by_words(self, grant, terms, most).await
    }

    async fn companies_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Company>> {
        by_words(self, grant, terms, most).await
    }

    async fn deals_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Deal>> {
        by_words(self, grant, terms, most).await
    }

    async fn tasks_by_words(&self, grant: &Grant, terms: &Terms, most: u16) -> Result<Vec<Task>> {
        by_words(self, grant, terms, most).await
    }
}
