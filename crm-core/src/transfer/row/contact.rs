//! Rows that are contacts.

use async_trait::async_trait;
use uuid::Uuid;

use super::{Importable, Made, Row};
use crate::access::Grant;
use crate::contact::{Contact, ContactEdit, Lifecycle};
use crate::crm::Ports;
use crate::edit::Edit;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::id::Id;
use crate::journal::Event;
use crate::store::Stored;
use crate::text;
use crate::transfer::cells::Cells;
use crate::transfer::links::{Linked, Links};
use crate::transfer::model::RowKey;
use crate::transfer::references::References;

#[async_trait]
impl Importable for Contact {
    type Extra = ();

    fn read(cells: Cells<'_>, links: &mut Links, faults: &mut Faults) -> (ContactEdit, ()) {
        let mut edit = ContactEdit {
            first_name: cells.line("first_name"),
            last_name: cells.line("last_name"),
            email: cells.parsed("email", faults),
            phone: cells.parsed("phone", faults),
            title: cells.line("title"),
            lifecycle: cells.value("lifecycle", faults, lifecycle).map_or(Edit::Keep, Edit::Set),
            source: cells.line("source"),
            external_id: cells.external_id(),
            custom: cells.custom(links, faults),
            ..ContactEdit::default()
        };
        if let Some(name) = cells.text("full_name")
            && edit.first_name.is_keep()
            && edit.last_name.is_keep()
        {
            (edit.first_name, edit.last_name) = split_name(name);
        }
        (edit, ())
    }

    fn row_keys(edit: &ContactEdit) -> Vec<RowKey> {
        let external = edit.external_id.value().map(|id| RowKey::ExternalId(text::key(id)));
        let email = edit.email.value().map(|email| RowKey::Email(email.as_str().to_owned()));
        external.into_iter().chain(email).collect()
    }

    fn external_id(edit: &mut ContactEdit) -> &mut Edit<String> {
        &mut edit.external_id
    }

    fn keys(&self) -> Vec<RowKey> {
        let external = self.external_id.as_deref().map(|id| RowKey::ExternalId(text::key(id)));
        let email = self.email.as_ref().map(|email| RowKey::Email(email.as_str().to_owned()));
        external.into_iter().chain(email).collect()
    }

    fn link(edit: &mut ContactEdit, linked: &Linked) {
        edit.owner_id = linked.owner.clone();
        edit.company_id = linked.company.clone();
        edit.tags = linked.tags.clone();
    }

    fn make(id: Id<Self>, edit: ContactEdit, row: &Row<Self>, references: &mut References<'_>) -> Result<Made<Self>> {
        let mut record = Contact::blank(id, row.created_at.unwrap_or(references.now()));
        record.edit(edit)?;
        Ok(Made { record, events: Vec::new() })
    }

    fn change(&mut self, edit: ContactEdit, _: &Row<Self>, _: &mut References<'_>) -> Result<Vec<Event>> {
        self.edit(edit).map(|()| Vec::new())
    }

    async fn known(ports: &Ports, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Self>>>> {
        ports.contacts.known_contacts(grant, keys).await
    }

    async fn by_id(ports: &Ports, grant: &Grant, ids: Vec<Uuid>) -> Result<Vec<Stored<Self>>> {
        let ids: Vec<Id<Self>> = ids.into_iter().map(Id::from).collect();
        ports.contacts.contacts_by_id(grant, &ids).await
    }
}

/// Given and family name: the last word is the family name.
fn split_name(name: &str) -> (Edit<String>, Edit<String>) {
    match name.rsplit_once(char::is_whitespace) {
        Some((given, family)) => (given.trim_end().into(), family.into()),
        None => (Edit::Keep, name.into()),
    }
}

/// The stage that a name means, by our names and those of other programs.
fn lifecycle(cell: &str) -> Result<Lifecycle> {
    let name = text::key(cell).replace([' ', '-', '_'], "");
    match name.as_str() {
        "lead" | "newlead" | "new" | "subscriber" | "prospect" | "contact" => Ok(Lifecycle::Lead),
        "qualified" | "qualifiedlead" | "mql" | "sql" | "marketingqualifiedlead" | "salesqualifiedlead" => {
            Ok(Lifecycle::Qualified)
        }
        "opportunity" => Ok(Lifecycle::Opportunity),
        "customer" | "client" | "evangelist" => Ok(Lifecycle::Customer),
        "churned" | "churn" | "formercustomer" | "lostcustomer" | "inactive" => Ok(Lifecycle::Churned),
        "other" | "partner" => Ok(Lifecycle::Other),
        _ => Err(Error::invalid("", "lifecycle", format!("is none of {}", Lifecycle::NAMES.join(", ")))),
    }
}
