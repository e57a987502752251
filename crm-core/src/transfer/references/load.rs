//! Reads what the rows of a chunk name: one call a kind, whatever the number of rows.

use std::collections::{BTreeSet, HashMap, HashSet};

use uuid::Uuid;

use super::{Made, References, Target};
use crate::access::{Entity, Grant};
use crate::company::Company;
use crate::contact::Contact;
use crate::crm::Ports;
use crate::deal::Deal;
use crate::error::Result;
use crate::id::Id;
use crate::store::Stored;
use crate::text;
use crate::time::Timestamp;
use crate::transfer::links::Links;
use crate::transfer::model::RowKey;
use crate::transfer::plan::Plan;
use crate::transfer::rights::Rights;
use crate::user::User;

/// The names of a chunk, each once.
#[derive(Default)]
struct Names {
    members: BTreeSet<String>,
    member_ids: BTreeSet<Id<User>>,
    companies: BTreeSet<RowKey>,
    contacts: BTreeSet<RowKey>,
    deals: BTreeSet<RowKey>,
    tags: BTreeSet<String>,
    records: BTreeSet<(Entity, Uuid)>,
}

impl Names {
    fn add(&mut self, links: &Links) {
        for name in links.member_names() {
            match name.parse() {
                Ok(id) => drop(self.member_ids.insert(id)),
                Err(_) => drop(self.members.insert(text::key(name))),
            }
        }
        self.companies.extend(links.company_keys());
        self.contacts.extend(links.contact_keys());
        self.deals.extend(links.deal_key());
        self.records.extend(links.own_deal().map(|id| (Entity::Deal, id.uuid())));
        self.tags.extend(links.tags.iter().flatten().map(|tag| text::key(tag)));
        self.records.extend(links.records.iter().map(|(_, entity, id)| (*entity, *id)));
    }
}

impl<'a> References<'a> {
    /// Reads what these rows name.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub(in crate::transfer) async fn load(
        ports: &Ports,
        plan: &'a Plan,
        rights: &'a Rights,
        now: Timestamp,
        rows: impl Iterator<Item = &Links>,
    ) -> Result<Self> {
        let grant = &rights.create;
        let mut names = Names::default();
        rows.for_each(|links| names.add(links));
        let tags: Vec<String> = names.tags.into_iter().collect();
        let tags = if tags.is_empty() { Vec::new() } else { ports.tags.tags_by_key(grant, &tags).await? };
        let pipelines = match plan.entity {
            Entity::Deal => ports.pipelines.pipelines(grant).await?,
            _ => Vec::new(),
        };
        Ok(References {
            plan,
            rights,
            now,
            users: members(ports, grant, names.members, names.member_ids).await?,
            companies: companies(ports, grant, names.companies).await?,
            contacts: contacts(ports, grant, names.contacts).await?,
            deals: deals(ports, grant, names.deals).await?,
            records: records(ports, grant, names.records).await?,
            tags: tags.iter().map(|tag| text::key(&tag.name)).collect(),
            pipelines,
            company_fields: grant.definitions(Entity::Company),
            made: Made::default(),
            warnings: BTreeSet::new(),
        })
    }
}

/// Members by the comparison form of their names or addresses, and by id.
///
/// # Errors
/// `Unavailable` when the store cannot be reached.
pub(in crate::transfer) async fn members(
    ports: &Ports,
    grant: &Grant,
    names: BTreeSet<String>,
    ids: BTreeSet<Id<User>>,
) -> Result<HashMap<String, Id<User>>> {
    let names: Vec<String> = names.into_iter().collect();
    let mut found = HashMap::new();
    if !names.is_empty() {
        let mut users = ports.users.users_by_key(grant, &names).await?;
        users.retain(|user| user.deleted_at.is_none());
        // Of two members with one name the older is meant, and an address means its member alone.
        users.sort_by_key(|user| user.id);
        for user in users.iter().rev() {
            found.insert(text::key(&user.name), user.id);
        }
        found.extend(users.iter().filter_map(|user| Some((text::key(user.email.as_ref()?.as_str()), user.id))));
    }
    let ids: Vec<Id<User>> = ids.into_iter().collect();
    if !ids.is_empty() {
        let users = ports.users.users_by_id(grant, &ids).await?;
        let live = users.iter().filter(|user| user.deleted_at.is_none());
        found.extend(live.map(|user| (user.id.to_string(), user.id)));
    }
    Ok(found)
}

async fn companies(ports: &Ports, grant: &Grant, keys: BTreeSet<RowKey>) -> Result<HashMap<RowKey, Target<Company>>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<RowKey> = keys.into_iter().collect();
    let known = ports.companies.known_companies(grant, &keys).await?;
    let target = |known: Stored<Company>| Target { id: known.id, has_external_id: known.external_id.is_some() };
    Ok(keys.into_iter().zip(known).filter_map(|(key, known)| Some((key, target(known?)))).collect())
}

async fn contacts(ports: &Ports, grant: &Grant, keys: BTreeSet<RowKey>) -> Result<HashMap<RowKey, Target<Contact>>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<RowKey> = keys.into_iter().collect();
    let known = ports.contacts.known_contacts(grant, &keys).await?;
    let target = |known: Stored<Contact>| Target { id: known.id, has_external_id: known.external_id.is_some() };
    Ok(keys.into_iter().zip(known).filter_map(|(key, known)| Some((key, target(known?)))).collect())
}

async fn deals(ports: &Ports, grant: &Grant, keys: BTreeSet<RowKey>) -> Result<HashMap<RowKey, Id<Deal>>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<RowKey> = keys.into_iter().collect();
    let known = ports.deals.known_deals(grant, &keys).await?;
    Ok(keys.into_iter().zip(known).filter_map(|(key, known)| Some((key, known?.id))).collect())
}

async fn records(ports: &Ports, grant: &Grant, wanted: BTreeSet<(Entity, Uuid)>) -> Result<HashSet<(Entity, Uuid)>> {
    let ids = |entity: Entity| -> Vec<Uuid> {
        wanted.iter().filter(|(kind, _)| *kind == entity).map(|(_, id)| *id).collect()
    };
    let mut found = HashSet::new();
    let contacts: Vec<_> = ids(Entity::Contact).into_iter().map(Id::from).collect();
    if !contacts.is_empty() {
        let seen = ports.contacts.contacts_by_id(grant, &contacts).await?;
        found.extend(seen.iter().map(|contact| (Entity::Contact, contact.id.uuid())));
    }
    let companies: Vec<_> = ids(Entity::Company).into_iter().map(Id::from).collect();
    if !companies.is_empty() {
        let seen = ports.companies.companies_by_id(grant, &companies).await?;
        found.extend(seen.iter().map(|company| (Entity::Company, company.id.uuid())));
    }
    let deals: Vec<_> = ids(Entity::Deal).into_iter().map(Id::from).collect();
    if !deals.is_empty() {
        let seen = ports.deals.deals_by_id(grant, &deals).await?;
        found.extend(seen.iter().map(|deal| (Entity::Deal, deal.id.uuid())));
    }
    Ok(found)
}
