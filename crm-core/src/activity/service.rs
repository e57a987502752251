//! Use cases of notes, and the timeline of any record.

use uuid::Uuid;

use super::model::{NewNote, Note, NoteEdit};
use crate::access::{Action, Entity, Grant, View};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::journal::TimelineItem;
use crate::page::{self, ListRequest, Page};
use crate::session::{Decisions, Expect, Session, page_of};
use crate::store::{Record, Stored};

/// The notes of a workspace, as far as one actor may go.
#[derive(Clone)]
pub struct Activities {
    session: Session,
}

impl Activities {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Writes a note on a record that the caller sees.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad body or a record that the caller does not see.
    pub async fn create_note(&self, new: NewNote) -> Result<View<Note>> {
        let grant = self.session.require(Entity::Note, Action::Create)?;
        if let Some(first) = self.session.replayed(&grant).await? {
            return Ok(first);
        }
        let mut changes = self.session.changes();
        let now = changes.now();
        let note = Note::new(Id::new_at(now), new, grant.user_id(), now)?;
        if let Some((entity, id)) = note.subject() {
            self.session.exists(&grant, entity, id).await.map_err(|error| match error.kind() {
                ErrorKind::NotFound => Error::invalid(format!("{entity}_id"), "not_found", error.to_string()),
                _ => error,
            })?;
        }
        let mut note = Stored::new(note);
        changes.put(&mut note);
        self.session.commit_once(&grant, changes, note).await
    }

    /// A page of notes.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter, sort, limit or cursor.
    pub async fn notes(&self, request: &ListRequest) -> Result<Page<View<Note>>> {
        let grant = self.session.require(Entity::Note, Action::Read)?;
        let query = grant.check_list::<Note>(request, self.session.now())?;
        let rows = self.session.ports().notes.notes(&grant, &query).await?;
        Ok(page_of(&grant, &query, rows, None))
    }

    /// Changes a note.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` for a bad body.
    pub async fn update_note(&self, id: Id<Note>, edit: NoteEdit, expect: Expect) -> Result<View<Note>> {
        let grant = self.session.require(Entity::Note, Action::Update)?;
        let mut decisions = Decisions::new(expect);
        loop {
            let decided = async {
                let mut note = self.reachable(&grant, id, expect).await?;
                note.edit(edit.clone())?;
                let mut changes = self.session.changes();
                changes.put(&mut note);
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(note.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Deletes a note.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete_note(&self, id: Id<Note>, expect: Expect) -> Result<()> {
        let grant = self.session.require(Entity::Note, Action::Delete)?;
        let mut decisions = Decisions::new(expect);
        loop {
            let decided = async {
                let mut note = self.reachable(&grant, id, expect).await?;
                let mut changes = self.session.changes();
                note.deleted_at = Some(changes.now());
                changes.put(&mut note);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    async fn reachable(&self, grant: &Grant, id: Id<Note>, expect: Expect) -> Result<Stored<Note>> {
        let note = self.session.ports().notes.note(grant, id).await?;
        expect.check(&*note)?;
        grant.check_reach(&*note)?;
        Ok(note)
    }
}

/// A page of a record's history, masked for the caller. The caller's right to see the record has
/// been checked.
pub(crate) async fn timeline_page(
    session: &Session,
    grant: &Grant,
    (entity, id): (Entity, Uuid),
    cursor: Option<&str>,
    limit: Option<u16>,
) -> Result<Page<TimelineItem>> {
    let limit = page::check_limit(limit)?;
    let after = cursor.map(|text| text.parse::<Id<Note>>().map(Id::uuid)).transpose();
    let after = after.map_err(|_| Error::invalid("cursor", "cursor", "is not a cursor of this list"))?;
    let rows = session.ports().journal.timeline(grant, entity, id, after, limit).await?;
    let next_cursor = rows.next.map(|position| position.id.to_string());
    let items = rows.rows.into_iter().map(|entry| {
        let mask = grant.mask(entry.entity).clone();
        TimelineItem::masked(entry, &mask)
    });
    Ok(Page { data: items.collect(), next_cursor, total: None, total_is_capped: None })
}
