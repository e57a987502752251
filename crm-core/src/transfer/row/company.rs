//! Rows that are companies.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Importable, Made, Row};
use crate::access::Grant;
use crate::company::{Company, CompanyEdit};
use crate::crm::Ports;
use crate::edit::Edit;
use crate::error::Result;
use crate::faults::Faults;
use crate::id::Id;
use crate::journal::Event;
use crate::store::Stored;
use crate::text::{self, Domain};
use crate::transfer::cells::Cells;
use crate::transfer::links::{Linked, Links};
use crate::transfer::model::RowKey;
use crate::transfer::numbers;
use crate::transfer::references::References;

#[async_trait]
impl Importable for Company {
    type Extra = ();

    fn read(cells: Cells<'_>, links: &mut Links, faults: &mut Faults) -> (CompanyEdit, ()) {
        let edit = CompanyEdit {
            name: cells.line("name"),
            domain: cells.parsed("domain", faults),
            industry: cells.line("industry"),
            employees: cells.value("employees", faults, numbers::integer).map_or(Edit::Keep, Edit::Set),
            external_id: cells.external_id(),
            custom: cells.custom(links, faults),
            ..CompanyEdit::default()
        };
        (edit, ())
    }

    fn row_keys(edit: &CompanyEdit) -> Vec<RowKey> {
        let external = edit.external_id.value().map(|id| RowKey::ExternalId(text::key(id)));
        let domain = edit.domain.value().map(|domain| RowKey::Domain(domain.as_str().to_owned()));
        let name = edit.name.value().map(|name| RowKey::Name(text::key(name)));
        external.into_iter().chain(domain).chain(name).collect()
    }

    fn external_id(edit: &mut CompanyEdit) -> &mut Edit<String> {
        &mut edit.external_id
    }

    fn keys(&self) -> Vec<RowKey> {
        let external = self.external_id.as_deref().map(|id| RowKey::ExternalId(text::key(id)));
        let domain = self.domain.as_ref().map(Domain::as_str).map(|domain| RowKey::Domain(domain.to_owned()));
        let name = RowKey::Name(text::key(&self.name));
        external.into_iter().chain(domain).chain([name]).collect()
    }

    fn link(edit: &mut CompanyEdit, linked: &Linked) {
        edit.owner_id = linked.owner.clone();
        edit.tags = linked.tags.clone();
    }

    fn make(id: Id<Self>, edit: CompanyEdit, row: &Row<Self>, references: &mut References<'_>) -> Result<Made<Self>> {
        let mut record = Company::blank(id, row.created_at.unwrap_or(references.now()));
        record.edit(edit)?;
        Ok(Made { record, events: Vec::new() })
    }

    fn change(&mut self, edit: CompanyEdit, _: &Row<Self>, _: &mut References<'_>) -> Result<Vec<Event>> {
        self.edit(edit).map(|()| Vec::new())
    }

    async fn known(ports: &Ports, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Self>>>> {
        ports.companies.known_companies(grant, keys).await
    }

    async fn by_id(ports: &Ports, grant: &Grant, ids: Vec<Uuid>) -> Result<Vec<Stored<Self>>> {
        let ids: Vec<Id<Self>> = ids.into_iter().map(Id::from).collect();
        ports.companies.companies_by_id(grant, &ids).await
    }
}
