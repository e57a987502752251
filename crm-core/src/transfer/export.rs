//! Lists as CSV files: page by page, so that memory stays flat and no list is too long.

mod columns;
mod fetch;
mod file;
mod job;

use std::collections::{BTreeSet, HashMap};

use futures::stream::{self, Stream};

use super::writer::Writer;
use crate::access::{Action, Entity, Grant};
use crate::company::Company;
use crate::contact::Contact;
use crate::crm::Ports;
use crate::deal::Deal;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::page::{ListQuery, ListRequest};
use crate::pipeline::{Pipeline, Stage};
use crate::session::{Kept, Session};
use crate::task::Task;
use crate::text::Email;
use crate::time::Timestamp;
use crate::user::User;
use columns::Column;
pub use file::{ExportFile, ExportList, ExportReport};
pub(crate) use job::Writing;

/// Records that are read at once.
const PAGE: u16 = 2_000;
/// Names above which those of earlier pages are forgotten.
const MAX_NAMES: usize = 20_000;

/// The file of a list.
pub(super) fn stream(
    session: Session,
    entity: Entity,
    request: ListRequest,
) -> impl Stream<Item = Result<Vec<u8>>> + Send + use<> {
    stream::try_unfold(Walk::Start(Box::new((session, entity, request))), Walk::next)
}

/// How far the file is written.
enum Walk {
    Start(Box<(Session, Entity, ListRequest)>),
    Going(Box<Export>),
    End,
}

impl Walk {
    async fn next(self) -> Result<Option<(Vec<u8>, Self)>> {
        let mut export = match self {
            Walk::End => return Ok(None),
            Walk::Going(export) => export,
            Walk::Start(asked) => {
                let (session, entity, request) = *asked;
                let now = session.now();
                let mut export = Box::new(Export::new(session, entity, &request, now).await?);
                export.begin();
                export
            }
        };
        export.write_page().await?;
        let bytes = export.writer.take();
        let is_last = export.query.after().is_none();
        Ok(Some((bytes, if is_last { Walk::End } else { Walk::Going(export) })))
    }
}

/// A list on its way into a file.
struct Export {
    session: Session,
    grant: Grant,
    entity: Entity,
    query: ListQuery,
    columns: Vec<Column>,
    names: Names,
    writer: Writer,
}

impl Export {
    /// A list from where it was asked for, whose relative times are told from an instant.
    async fn new(session: Session, entity: Entity, request: &ListRequest, now: Timestamp) -> Result<Self> {
        let grant = session.require(entity, Action::Export)?;
        let request = ListRequest { limit: None, count: false, ..request.clone() };
        let mut query = match entity {
            Entity::Contact => grant.check_list::<Contact>(&request, now)?,
            Entity::Company => grant.check_list::<Company>(&request, now)?,
            Entity::Deal => grant.check_list::<Deal>(&request, now)?,
            Entity::Task => grant.check_list::<Task>(&request, now)?,
            _ => return Err(Error::invalid("entity", "entity", format!("a {entity} has no export"))),
        };
        query.limit = PAGE;
        let mut names = Names::default();
        if entity == Entity::Deal {
            names.add_pipelines(session.ports().pipelines.pipelines(&grant).await?.iter().map(|row| &**row));
        }
        let columns = columns::of(&session, &grant, entity);
        Ok(Self { session, grant, entity, query, columns, names, writer: Writer::default() })
    }

    /// Begins the file.
    fn begin(&mut self) {
        self.writer = Writer::default().with_byte_order_mark();
        self.writer.row(self.columns.iter().map(Column::header));
    }

    /// The headers of its columns.
    fn headers(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.header().to_owned()).collect()
    }

    /// Goes on with a file of these columns.
    fn keep_to(&mut self, headers: &[String]) -> Result<()> {
        self.columns = columns::kept(std::mem::take(&mut self.columns), headers)?;
        Ok(())
    }

    /// How many records the list has.
    async fn count(&self) -> Result<u64> {
        let ports = self.session.ports();
        match self.entity {
            Entity::Contact => Contact::count(ports, &self.grant, &self.query, u64::MAX).await,
            Entity::Company => Company::count(ports, &self.grant, &self.query, u64::MAX).await,
            Entity::Task => Task::count(ports, &self.grant, &self.query, u64::MAX).await,
            _ => Deal::count(ports, &self.grant, &self.query, u64::MAX).await,
        }
    }

    /// Writes the next page, and says how many records are on it.
    async fn write_page(&mut self) -> Result<u64> {
        match self.entity {
            Entity::Contact => self.write::<Contact>().await,
            Entity::Company => self.write::<Company>().await,
            Entity::Task => self.write::<Task>().await,
            _ => self.write::<Deal>().await,
        }
    }

    async fn write<T: Kept>(&mut self) -> Result<u64> {
        let page = T::page(self.session.ports(), &self.grant, &self.query).await?;
        self.names.learn(self.session.ports(), &self.grant, &page.rows).await?;
        for record in &page.rows {
            let cells: Vec<_> = self.columns.iter().map(|column| column.cell(record, &self.names)).collect();
            self.writer.row(cells.iter().map(AsRef::as_ref));
        }
        self.query = self.query.from_position(page.next);
        Ok(page.rows.len() as u64)
    }
}

/// The names of what records point to. What the caller does not see has none.
#[derive(Default)]
struct Names {
    owners: HashMap<Id<User>, String>,
    companies: HashMap<Id<Company>, String>,
    contacts: HashMap<Id<Contact>, String>,
    stages: HashMap<Id<Stage>, String>,
    pipelines: HashMap<Id<Pipeline>, String>,
}

impl Names {
    fn add_pipelines<'a>(&mut self, pipelines: impl Iterator<Item = &'a Pipeline>) {
        for pipeline in pipelines {
            self.pipelines.insert(pipeline.id, pipeline.name.clone());
            self.stages.extend(pipeline.stages.iter().map(|stage| (stage.id, stage.name.clone())));
        }
    }

    /// Reads the names that the records of a page need.
    async fn learn<T: Kept>(&mut self, ports: &Ports, grant: &Grant, records: &[T]) -> Result<()> {
        self.forget();
        let (mut owners, mut companies, mut contacts) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        for (_, entity, id) in records.iter().flat_map(T::references) {
            match entity {
                Entity::User => drop(owners.insert(Id::from(id))),
                Entity::Company => drop(companies.insert(Id::from(id))),
                Entity::Contact => drop(contacts.insert(Id::from(id))),
                _ => {}
            }
        }
        let owners: Vec<_> = owners.into_iter().filter(|id| !self.owners.contains_key(id)).collect();
        if !owners.is_empty() {
            let found = ports.users.users_by_id(grant, &owners).await?;
            self.owners.extend(found.iter().map(|user| (user.id, label(user))));
        }
        let companies: Vec<_> = companies.into_iter().filter(|id| !self.companies.contains_key(id)).collect();
        if !companies.is_empty() {
            let found = ports.companies.companies_by_id(grant, &companies).await?;
            self.companies.extend(found.into_iter().map(|company| (company.id, company.into_inner().name)));
        }
        let contacts: Vec<_> = contacts.into_iter().filter(|id| !self.contacts.contains_key(id)).collect();
        if !contacts.is_empty() {
            let found = ports.contacts.contacts_by_id(grant, &contacts).await?;
            let address = |email: &Email| email.as_str().to_owned();
            let named = found.iter().filter_map(|contact| Some((contact.id, contact.email.as_ref().map(address)?)));
            self.contacts.extend(named);
        }
        Ok(())
    }

    /// Keeps memory flat.
    fn forget(&mut self) {
        if self.owners.len() + self.companies.len() + self.contacts.len() > MAX_NAMES {
            self.owners.clear();
            self.companies.clear();
            self.contacts.clear();
        }
    }
}

/// By what an import knows a member again.
fn label(user: &User) -> String {
    user.email.as_ref().map_or_else(|| user.name.clone(), |email| email.as_str().to_owned())
}
