//! What the rows of a file name and does not stand in them: members, companies, contacts, tags.

use uuid::Uuid;

use super::cells::{Cells, list};
use super::model::RowKey;
use crate::access::Entity;
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::edit::Edit;
use crate::faults::Faults;
use crate::id::Id;
use crate::text::{self, Email};
use crate::user::User;

/// What one row names.
#[derive(Clone, Debug, Default)]
pub(super) struct Links {
    /// Name or e-mail address of the owner, or of a task's assignee.
    pub(super) owner: Option<String>,
    /// The company's name.
    pub(super) company: Option<String>,
    /// The company's id in another system.
    pub(super) company_id: Option<String>,
    /// The contact, where the cell is an e-mail address.
    pub(super) contact: Option<Email>,
    /// The contact's id in another system.
    pub(super) contact_id: Option<String>,
    /// Whether the contact's cell is something else.
    pub(super) has_unknown_contact: bool,
    /// The deal's id, ours or in another system.
    pub(super) deal_id: Option<String>,
    /// Labels.
    pub(super) tags: Option<Vec<String>>,
    /// Custom values that are members, by key.
    pub(super) members: Vec<(String, String)>,
    /// Custom values that are records, by key.
    pub(super) records: Vec<(String, Entity, Uuid)>,
}

impl Links {
    /// What a row's cells name.
    pub(super) fn read(cells: Cells<'_>, faults: &mut Faults) -> Self {
        let line = |key: &str, cell: &str| text::clean_line(key, cell, 200);
        let contact: Option<Result<Email, _>> = cells.text("contact").map(str::parse);
        Self {
            owner: cells.value(cells.plan.owner_field(), faults, |cell| line("owner", cell)),
            company: cells.value("company", faults, |cell| line("company", cell)),
            company_id: cells.value("company_id", faults, |cell| line("company_id", first(cell))),
            contact_id: cells.value("contact_id", faults, |cell| line("contact_id", first(cell))),
            deal_id: cells.value("deal_id", faults, |cell| line("deal_id", first(cell))),
            has_unknown_contact: matches!(contact, Some(Err(_))),
            contact: contact.and_then(Result::ok),
            tags: cells.text("tags").map(list).filter(|tags| !tags.is_empty()),
            members: Vec::new(),
            records: Vec::new(),
        }
    }

    /// Cells that name members.
    pub(super) fn member_names(&self) -> impl Iterator<Item = &str> {
        self.owner.as_deref().into_iter().chain(self.members.iter().map(|(_, name)| name.as_str()))
    }

    /// What the company may be known by, the stronger key first.
    pub(super) fn company_keys(&self) -> impl Iterator<Item = RowKey> {
        let id = self.company_id.as_deref().map(|id| RowKey::ExternalId(text::key(id)));
        let name = self.company.as_deref().map(|name| RowKey::Name(text::key(name)));
        id.into_iter().chain(name)
    }

    /// What the contact may be known by, the stronger key first.
    pub(super) fn contact_keys(&self) -> impl Iterator<Item = RowKey> {
        let id = self.contact_id.as_deref().map(|id| RowKey::ExternalId(text::key(id)));
        let email = self.contact.as_ref().map(|email| RowKey::Email(email.as_str().to_owned()));
        id.into_iter().chain(email)
    }

    /// What the deal may be known by.
    pub(super) fn deal_key(&self) -> Option<RowKey> {
        self.deal_id.as_deref().map(|id| RowKey::ExternalId(text::key(id)))
    }

    /// The deal's id, where it may be one of ours.
    pub(super) fn own_deal(&self) -> Option<Id<Deal>> {
        self.deal_id.as_deref()?.parse().ok()
    }

    /// Whether it names a contact, by whatever it is.
    pub(super) fn names_contact(&self) -> bool {
        self.has_unknown_contact || self.contact.is_some() || self.contact_id.is_some()
    }
}

/// The first of the ids in a cell such as `12;34`: a record has one company and one contact.
fn first(cell: &str) -> &str {
    cell.split(';').map(str::trim).find(|id| !id.is_empty()).unwrap_or(cell)
}

/// What was found for the names of one row; what was not found is kept as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Linked {
    pub(super) owner: Edit<Id<User>>,
    pub(super) company: Edit<Id<Company>>,
    pub(super) contact: Edit<Id<Contact>>,
    pub(super) deal: Edit<Id<Deal>>,
    pub(super) tags: Edit<Vec<String>>,
    /// Custom values that point to something, by key.
    pub(super) custom: Vec<(String, Uuid)>,
}
