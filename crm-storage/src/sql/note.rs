//! Notes, seen by whoever sees the record that they are on.

use async_trait::async_trait;
use crm_core::access::Grant;
use crm_core::activity::{Note, NoteStore};
use crm_core::page::{ListQuery, Rows as Page};
use crm_core::store::{Put, Stored};
use crm_core::{Error, Id, Result, Timestamp};
use diesel::prelude::*;

use super::fragment::Fragment;
use super::room::{self, Room, place};
use super::{Conn, RunQueryDsl, Store, dialect};
use crate::fault::Outcome;
use crate::schema::notes;
use crate::types::{DbId, DbTime};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(
    table_name = notes,
    primary_key(workspace_id, id),
    treat_none_as_default_value = false,
    treat_none_as_null = true
)]
struct NoteRow {
    workspace_id: i64,
    id: DbId,
    body: String,
    contact_id: Option<DbId>,
    company_id: Option<DbId>,
    deal_id: Option<DbId>,
    author_id: Option<DbId>,
    created_at: DbTime,
    updated_at: DbTime,
    version: i64,
    deleted_at: Option<DbTime>,
}

impl NoteRow {
    fn new(workspace_id: i64, note: &Note) -> Self {
        Self {
            workspace_id,
            id: note.id.into(),
            body: note.body.clone(),
            contact_id: note.contact_id.map(DbId::from),
            company_id: note.company_id.map(DbId::from),
            deal_id: note.deal_id.map(DbId::from),
            author_id: note.author_id.map(DbId::from),
            created_at: note.created_at.into(),
            updated_at: note.updated_at.into(),
            version: note.version,
            deleted_at: note.deleted_at.map(DbTime::from),
        }
    }

    fn into_note(self) -> Note {
        Note {
            id: self.id.into(),
            body: self.body,
            contact_id: self.contact_id.map(Id::from),
            company_id: self.company_id.map(Id::from),
            deal_id: self.deal_id.map(Id::from),
            author_id: self.author_id.map(Id::from),
            created_at: self.created_at.into(),
            updated_at: self.updated_at.into(),
            version: self.version,
            deleted_at: self.deleted_at.map(Timestamp::from),
        }
    }
}

impl Room for Note {
    const TABLE: &'static str = "notes";

    async fn find(conn: &mut Conn, workspace: i64, id: DbId) -> Outcome<Option<Self>> {
        let found = notes::table.filter(notes::workspace_id.eq(workspace)).filter(notes::id.eq(id));
        let row = found.select(NoteRow::as_select()).get_result(conn).await.optional()?;
        Ok(row.map(NoteRow::into_note))
    }

    async fn select(conn: &mut Conn, which: Fragment, order: Fragment, limit: i64) -> Outcome<Vec<Self>> {
        let rows: Vec<NoteRow> =
            notes::table.filter(which).order(order).limit(limit).select(NoteRow::as_select()).load(conn).await?;
        Ok(rows.into_iter().map(NoteRow::into_note).collect())
    }

    async fn insert(conn: &mut Conn, workspace: i64, records: &[&Self]) -> Outcome<()> {
        let new = |note: &&Self| diesel::insert_into(notes::table).values(NoteRow::new(workspace, note));
        dialect::insert(conn, records.iter().map(new).collect()).await?;
        Ok(())
    }

    async fn update(conn: &mut Conn, workspace: i64, puts: &[Put<Self>]) -> Outcome<Vec<usize>> {
        let statement = |put: &Put<Self>| {
            let row = NoteRow::new(workspace, &put.after);
            let before = put.before.as_ref().map_or(0, |before| before.version);
            let found = notes::table.filter(notes::workspace_id.eq(workspace)).filter(notes::id.eq(row.id));
            diesel::update(found.filter(notes::version.eq(before))).set(row)
        };
        Ok(dialect::each(conn, puts.iter().map(statement).collect()).await?)
    }
}

/// A note among those that a condition lets pass.
async fn one(store: &Store, among: Fragment, workspace: i64, id: Id<Note>) -> Result<Stored<Note>> {
    let column = place::<Note>(workspace).column("id");
    let which = among.sql(" AND ").then(column.clone()).sql(" = ").bind(DbId::from(id));
    let found = store.pools.key(async move |conn: &mut Conn| Note::select(conn, which, column, 1).await).await?;
    found.into_iter().next().map(Stored::loaded).ok_or_else(|| Error::not_found("note", id))
}

#[async_trait]
impl NoteStore for Store {
    async fn note(&self, grant: &Grant, id: Id<Note>) -> Result<Stored<Note>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        one(self, room::visible::<Note>(grant, workspace), workspace, id).await
    }

    async fn deleted_note(&self, grant: &Grant, id: Id<Note>) -> Result<Stored<Note>> {
        let workspace = self.workspace_key(grant.workspace_id()).await?;
        one(self, room::visible_deleted::<Note>(grant, workspace), workspace, id).await
    }

    async fn notes(&self, grant: &Grant, query: &ListQuery) -> Result<Page<Note>> {
        room::page(self, grant, query).await
    }
}
