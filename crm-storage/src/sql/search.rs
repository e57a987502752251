//! Searches across records: some matches of words, so many and no more.

use async_trait::async_trait;
use crm_core::Result;
use crm_core::access::{Grant, SearchPart};
use crm_core::company::Company;
use crm_core::contact::Contact;
use crm_core::deal::Deal;
use crm_core::filter::Terms;
use crm_core::search::SearchStore;
use crm_core::task::Task;

use super::fragment::Fragment;
use super::list::{self, Segment, check_binds};
use super::predicate::{Place, predicate};
use super::room::{self, Room};
use super::words::Search;
use super::{Conn, Store, dialect};
use crate::fault::Outcome;

/// A term is rare that fewer records hold as a whole word, and leads a search for several.
///
/// To look 64 records up costs as much as to merge the lists of a thousand.
const RARE: i64 = 64;

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
    let segment = |search: &Search| {
        let some = dialect::some_matches(place, T::TABLE, search, seen.clone(), most.into());
        Segment { which: room::live::<T>(workspace).and(some), order: room::unordered() }.kept::<T>(store)
    };
    let search = Search::new(terms);
    let leads = search.alone().into_iter().filter_map(|term| {
        let count = list::often(store, dialect::count_of_whole_words(place, &term, RARE)?);
        Some((count, segment(&term)))
    });
    let (leads, all) = (leads.collect::<Vec<_>>(), segment(&search));
    let terms = terms.clone();
    store
        .pools
        .read(async move |conn: &mut Conn| {
            if let Some(Segment { which, order }) = rarest(conn, leads).await? {
                let led = T::select(conn, which, order, most.into()).await?;
                // So many may not be all.
                if led.len() < usize::from(most) {
                    return Ok(led.into_iter().filter(|record| holds(&terms, record)).collect());
                }
            }
            T::select(conn, all.which, all.order, most.into()).await
        })
        .await
}

/// What finds the term that the fewest records hold as a whole word, if it is rare. A term that is
/// no whole word anywhere may still begin any number of them.
async fn rarest(conn: &mut Conn, leads: Vec<(Fragment, Segment)>) -> Outcome<Option<Segment>> {
    let mut rarest = (RARE, None);
    for (count, segment) in leads {
        let held = list::number(conn, count).await?;
        if (1..rarest.0).contains(&held) {
            rarest = (held, Some(segment));
        }
    }
    Ok(rarest.1)
}

/// Whether a record has all of the terms, in the parts that are searched.
fn holds<T: Room>(terms: &Terms, record: &T) -> bool {
    let open = record.search_text(SearchPart::Open);
    if terms.open_only() {
        return terms.begin_words_of(&open);
    }
    terms.begin_words_of(&format!("{open} {}", record.search_text(SearchPart::Hideable)))
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
