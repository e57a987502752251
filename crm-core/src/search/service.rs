//! Use cases of searching.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::model::{Findable, Hit, HitKind, Ranked, SearchRequest, Wanted};
use crate::access::{Action, Entity, Grant, Listed};
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::Result;
use crate::filter::{Filter, Op, Terms};
use crate::page::{self, ListQuery, ListRequest};
use crate::session::Session;
use crate::store::Record;
use crate::task::Task;

/// Most matches by the words that are ranked, of each kind of record.
pub const CANDIDATES: u16 = 500;

/// Searches across the records of a workspace, as far as one actor may go.
///
/// # Examples
///
#[cfg_attr(feature = "testkit", doc = "```")]
#[cfg_attr(not(feature = "testkit"), doc = "```text")]
/// # use crm_core::testkit::MemoryStore;
/// # use crm_core::{Actor, Crm};
/// use crm_core::company::CompanyEdit;
/// use crm_core::contact::ContactEdit;
/// use crm_core::search::{Match, SearchRequest};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let crm = Crm::builder(MemoryStore::new()).build();
/// # let workspace = crm.create_workspace("Acme Sales").await?;
/// # let session = crm.acting(Actor::system(workspace.id, "example")).await?;
/// session.companies().create(CompanyEdit { name: "Babbage Engines".into(), ..Default::default() }).await?;
/// session.contacts().create(ContactEdit { last_name: "Babbage".into(), ..Default::default() }).await?;
///
/// // The best hit comes first, whatever its kind.
/// let hits = session.search().find(&SearchRequest { q: "babbage".to_owned(), ..Default::default() }).await?;
/// let matched: Vec<_> = hits.iter().map(|hit| (hit.title.as_str(), hit.matched)).collect();
/// assert_eq!(matched, [("Babbage", Match::Exact), ("Babbage Engines", Match::Prefix)]);
/// # Ok::<_, crm_core::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Searches {
    session: Session,
}

impl Session {
    /// Searches across contacts, companies, deals and tasks.
    pub fn search(&self) -> Searches {
        Searches { session: self.clone() }
    }
}

/// A field that may lead to records which the words did not give, and what it must be like.
struct Lead {
    field: &'static str,
    op: Op,
    value: String,
}

impl Lead {
    fn starts(field: &'static str, wanted: &Wanted) -> Option<Self> {
        Some(Self { field, op: Op::StartsWith, value: wanted.line.clone() })
    }

    fn is(field: &'static str, value: Option<&impl ToString>) -> Option<Self> {
        value.map(|value| Self { field, op: Op::Eq, value: value.to_string() })
    }

    /// The first records of the field's own order, where the caller sees the field.
    fn query<T: Listed>(self, session: &Session, grant: &Grant) -> Result<Option<ListQuery>> {
        if grant.field(T::ENTITY, self.field).is_none() {
            return Ok(None);
        }
        let request = ListRequest {
            filter: Some(Filter::is(self.field, self.op, self.value.as_str())),
            sort: Some(self.field.to_owned()),
            limit: Some(page::MAX_LIMIT),
            ..ListRequest::default()
        };
        grant.check_list::<T>(&request, session.now()).map(Some)
    }
}

impl Searches {
    /// The best hits, best first.
    ///
    /// # Errors
    /// `Denied` for a kind that was asked for and may not be read; `Invalid` for a query without a
    /// word, a long one or a bad limit; `Unavailable` past the deadline.
    pub async fn find(&self, request: &SearchRequest) -> Result<Vec<Hit>> {
        let wanted = Wanted::parse(&request.q)?;
        let limit = page::check_limit(request.limit)?;
        let mut found = Vec::new();
        for (kind, grant) in self.grants(&request.types)? {
            found.extend(match kind {
                HitKind::Contact => self.contacts(&grant, &wanted).await?,
                HitKind::Company => self.companies(&grant, &wanted).await?,
                HitKind::Deal => self.deals(&grant, &wanted).await?,
                HitKind::Task => self.tasks(&grant, &wanted).await?,
            });
        }
        found.sort_by_cached_key(Ranked::place);
        found.truncate(limit.into());
        Ok(found.into_iter().map(|ranked| ranked.hit).collect())
    }

    /// The kinds to search: those that were asked for, or all that the caller may read.
    fn grants(&self, types: &[HitKind]) -> Result<Vec<(HitKind, Grant)>> {
        let reading = |kind: HitKind| Ok((kind, self.session.require(kind.entity(), Action::Read)?));
        if types.is_empty() {
            return Ok(HitKind::ALL.into_iter().filter_map(|kind| reading(kind).ok()).collect());
        }
        HitKind::ALL.into_iter().filter(|kind| types.contains(kind)).map(reading).collect()
    }

    async fn contacts(&self, grant: &Grant, wanted: &Wanted) -> Result<Vec<Ranked>> {
        let ports = self.session.ports();
        let terms = grant.searched(Entity::Contact, wanted.terms.clone());
        let mut found = ports.search.contacts_by_words(grant, &terms, CANDIDATES).await?;
        let leads = [
            Lead::is("email", wanted.email.as_ref()),
            Lead::starts("first_name", wanted),
            Lead::starts("last_name", wanted),
        ];
        let lacks = may_lack(&found, &terms);
        for lead in leads.into_iter().flatten().filter(|_| lacks) {
            if let Some(query) = lead.query::<Contact>(&self.session, grant)? {
                found.extend(ports.contacts.contacts(grant, &query).await?.rows);
            }
        }
        Ok(ranked(grant, wanted, found))
    }

    async fn companies(&self, grant: &Grant, wanted: &Wanted) -> Result<Vec<Ranked>> {
        let ports = self.session.ports();
        let terms = grant.searched(Entity::Company, wanted.terms.clone());
        let mut found = ports.search.companies_by_words(grant, &terms, CANDIDATES).await?;
        // The address of a page is a domain, and holds words that the company does not.
        let leads = [Lead::is("domain", wanted.domain.as_ref()), Lead::starts("name", wanted)];
        let lacks = may_lack(&found, &terms);
        for lead in leads.into_iter().flatten().filter(|lead| lacks || lead.op == Op::Eq) {
            if let Some(query) = lead.query::<Company>(&self.session, grant)? {
                found.extend(ports.companies.companies(grant, &query).await?.rows);
            }
        }
        Ok(ranked(grant, wanted, found))
    }

    async fn deals(&self, grant: &Grant, wanted: &Wanted) -> Result<Vec<Ranked>> {
        let ports = self.session.ports();
        let terms = grant.searched(Entity::Deal, wanted.terms.clone());
        let mut found = ports.search.deals_by_words(grant, &terms, CANDIDATES).await?;
        let lacks = may_lack(&found, &terms);
        for lead in Lead::starts("title", wanted).into_iter().filter(|_| lacks) {
            if let Some(query) = lead.query::<Deal>(&self.session, grant)? {
                found.extend(ports.deals.deals(grant, &query).await?.rows);
            }
        }
        Ok(ranked(grant, wanted, found))
    }

    async fn tasks(&self, grant: &Grant, wanted: &Wanted) -> Result<Vec<Ranked>> {
        let ports = self.session.ports();
        let terms = grant.searched(Entity::Task, wanted.terms.clone());
        let mut found = ports.search.tasks_by_words(grant, &terms, CANDIDATES).await?;
        let lacks = may_lack(&found, &terms);
        for lead in Lead::starts("title", wanted).into_iter().filter(|_| lacks) {
            if let Some(query) = lead.query::<Task>(&self.session, grant)? {
                found.extend(ports.tasks.tasks(grant, &query).await?.rows);
            }
        }
        Ok(ranked(grant, wanted, found))
    }
}

/// Whether there may be matches that the words did not give: more than were asked for, or by a field
/// that words are not searched in for this caller, because another beside it is hidden.
fn may_lack<T>(found: &[T], terms: &Terms) -> bool {
    found.len() >= usize::from(CANDIDATES) || terms.open_only()
}

/// Each record once, as the caller sees it.
fn ranked<T: Record + Findable>(grant: &Grant, wanted: &Wanted, found: Vec<T>) -> Vec<Ranked> {
    let each = found.into_iter().map(|record| (record.uuid(), record));
    let once: BTreeMap<Uuid, T> = each.collect();
    once.into_values().map(|record| grant.view(record).ranked(wanted)).collect()
}
