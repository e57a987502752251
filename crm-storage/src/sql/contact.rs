//! Contacts.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::contact::{Contact, ContactStore, Lifecycle};
use crm_core::page::{ListQuery, Rows as Page};
use crm_core::store::{Put, Stored};
use crm_core::transfer::RowKey;
use crm_core::{Id, Result, Timestamp, text as core_text};
use diesel::prelude::*;

use super::fragment::Fragment;
use super::room::{self, Known, Life, Room};
use super::text::{join, split};
use super::{Conn, RunQueryDsl, Store, dialect, json};
use crate::fault::Outcome;
use crate::schema::contacts;
use crate::types::{DbId, DbTime};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = contacts,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct ContactRow {
    workspace_id: i64,
    id: DbId,
    first_name: Option<String>,
    first_name_key: Option<String>,
    last_name: Option<String>,
    last_name_key: Option<String>,
    email: Option<String>,
    email_key: Option<String>,
    phone: Option<String>,
    phone_key: Option<String>,
    title: Option<String>,
    title_key: Option<String>,
    company_id: Option<DbId>,
    owner_id: Option<DbId>,
    lifecycle: String,
    source: Option<String>,
    source_key: Option<String>,
    external_id: Option<String>,
    external_id_key: Option<String>,
    tags: Option<String>,
    custom: Option<String>,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
    deleted_at: Option<DbTime>,
}

impl ContactRow {
    fn new(workspace_id: i64, contact: &Contact) -> Outcome<Self> {
        let (first_name, first_name_key) = split(contact.first_name.as_deref());
        let (last_name, last_name_key) = split(contact.last_name.as_deref());
        let (email, email_key) = split(contact.email.as_ref().map(AsRef::as_ref));
        let (phone, phone_key) = split(contact.phone.as_ref().map(AsRef::as_ref));
        let (title, title_key) = split(contact.title.as_deref());
        let (source, source_key) = split(contact.source.as_deref());
        let (external_id, external_id_key) = split(contact.external_id.as_deref());
        Ok(Self {
            workspace_id,
            id: contact.id.into(),
            first_name,
            first_name_key,
            last_name,
            last_name_key,
            email,
            email_key,
            phone,
            phone_key,
            title,
            title_key,
            company_id: contact.company_id.map(DbId::from),
            owner_id: contact.owner_id.map(DbId::from),
            lifecycle: contact.lifecycle.name().to_owned(),
            source,
            source_key,
            external_id,
            external_id_key,
            tags: json::list(&contact.tags)?,
            custom: json::map(&contact.custom)?,
            created_at: contact.created_at.into(),
            updated_at: contact.updated_at.into(),
            version: contact.version,
            deleted_at: contact.deleted_at.map(DbTime::from),
        })
    }

    fn into_contact(self) -> Outcome<Contact> {
        Ok(Contact {
            id: self.id.into(),
            first_name: join(self.first_name, self.first_name_key),
            last_name: join(self.last_name, self.last_name_key),
            email: json::parsed(join(self.email, self.email_key))?,
            phone: json::parsed(join(self.phone, self.phone_key))?,
            title: join(self.title, self.title_key),
            company_id: self.company_id.map(Id::from),
            owner_id: self.owner_id.map(Id::from),
            lifecycle: Lifecycle::named(&self.lifecycle).ok_or(json::unreadable("a lifecycle"))?,
            source: join(self.source, self.source_key),
            external_id: join(self.external_id, self.external_id_key),
            tags: json::read_list(self.tags)?,
            custom: json::read_map(self.custom)?,
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            version: self.version,
            deleted_at: self.deleted_at.map(Timestamp::from),
        })
    }
}

impl Room for Contact {
    const TABLE: &'static str = "contacts";

    async fn find(conn: &mut Conn, workspace: i64, id: DbId) -> Outcome<Option<Self>> {
        let row = contacts::table
            .filter(contacts::workspace_id.eq(workspace))
            .filter(contacts::id.eq(id))
            .select(ContactRow::as_select())
            .get_result(conn)
            .await
            .optional()?;
        row.map(ContactRow::into_contact).transpose()
    }

    async fn select(conn: &mut Conn, which: Fragment, order: Fragment, limit: i64) -> Outcome<Vec<Self>> {
        let rows: Vec<ContactRow> =
            contacts::table.filter(which).order(order).limit(limit).select(ContactRow::as_select()).load(conn).await?;
        rows.into_iter().map(ContactRow::into_contact).collect()
    }

    async fn insert(conn: &mut Conn, workspace: i64, records: &[&Self]) -> Outcome<()> {
        let new =
            |contact: &&Self| Ok(diesel::insert_into(contacts::table).values(ContactRow::new(workspace, contact)?));
        dialect::insert(conn, records.iter().map(new).collect::<Outcome<_>>()?).await?;
        Ok(())
    }

    async fn update(conn: &mut Conn, workspace: i64, puts: &[Put<Self>]) -> Outcome<Vec<usize>> {
        let statement = |put: &Put<Self>| {
            let row = ContactRow::new(workspace, &put.after)?;
            let before = put.before.as_ref().map_or(0, |before| before.version);
            let found = contacts::table.filter(contacts::workspace_id.eq(workspace)).filter(contacts::id.eq(row.id));
            Ok(diesel::update(found.filter(contacts::version.eq(before))).set(row))
        };
        let statements = puts.iter().map(statement).collect::<Outcome<Vec<_>>>()?;
        Ok(dialect::each(conn, statements).await?)
    }

    fn tags(&self) -> &[String] {
        &self.tags
    }
}

impl Known for Contact {
    fn columns(keys: &[RowKey]) -> Vec<(&'static str, Vec<String>)> {
        let emails = keys.iter().filter_map(|key| match key {
            RowKey::Email(email) => Some(core_text::key(email)),
            _ => None,
        });
        vec![("external_id_key", room::external_ids(keys)), ("email_key", emails.collect())]
    }

    fn row_keys(&self) -> Vec<RowKey> {
        let external = self.external_id.as_deref().map(|id| RowKey::ExternalId(core_text::key(id)));
        let email = self.email.as_ref().map(|email| RowKey::Email(email.as_str().to_owned()));
        external.into_iter().chain(email).collect()
    }

    fn created_at(&self) -> Timestamp {
        self.created_at
    }
}

#[async_trait]
impl ContactStore for Store {
    async fn contact(&self, grant: &Grant, id: Id<Contact>) -> Result<Stored<Contact>> {
        room::owned(self, grant, id.uuid(), Life::Live).await
    }

    async fn contacts_by_id(&self, grant: &Grant, ids: &[Id<Contact>]) -> Result<Vec<Stored<Contact>>> {
        room::owned_by_id(self, grant, ids.iter().copied().map(DbId::from).collect()).await
    }

    async fn deleted_contact(&self, grant: &Grant, id: Id<Contact>) -> Result<Stored<Contact>> {
        room::owned(self, grant, id.uuid(), Life::Deleted).await
    }

    async fn contacts(&self, grant: &Grant, query: &ListQuery) -> Result<Page<Contact>> {
        room::page(self, grant, query).await
    }

    async fn count_contacts(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
        room::count::<Contact>(self, grant, query, cap).await
    }

    async fn known_contacts(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Contact>>>> {
        room::known(self, grant, keys).await
    }
}
