//! Use cases of notes, and the timeline of any record.

use super::model::{NewNote, Note, NoteEdit};
use crate::access::{Action, Entity, Grant, View};
use crate::error::Result;
use crate::id::Id;
use crate::page::{ListRequest, Page};
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
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut changes = self.session.changes();
                let now = changes.now();
                let note = Note::new(Id::new_at(now), new.clone(), grant.user_id(), now)?;
                if let Some((entity, id)) = note.subject() {
                    let found = self.session.exists(&grant, entity, id).await;
                    changes.rely(found.map_err(|error| error.not_found_at(&format!("{entity}_id")))?);
                }
                let mut note = Stored::new(note);
                changes.put(&mut note);
                self.session.commit_once(&grant, changes, note).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
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
        let mut decisions = Decisions::new();
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
        let mut decisions = Decisions::new();
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

    /// Brings a deleted note back.
    ///
    /// # Errors
    /// `Denied`; `NotFound` for one that is not deleted or was purged, or whose record is deleted.
    pub async fn restore_note(&self, id: Id<Note>) -> Result<View<Note>> {
        let grant = self.session.require(Entity::Note, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut note = self.session.ports().notes.deleted_note(&grant, id).await?;
                grant.check_reach(&*note)?;
                let mut changes = self.session.changes();
                note.deleted_at = None;
                changes.put(&mut note);
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(note.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Erases a deleted note and the content of its history for ever.
    ///
    /// # Errors
    /// As [`Activities::restore_note`].
    pub async fn purge_note(&self, id: Id<Note>) -> Result<()> {
        let grant = self.session.require(Entity::Note, Action::Delete)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let note = self.session.ports().notes.deleted_note(&grant, id).await?;
                grant.check_reach(&*note)?;
                let mut changes = self.session.changes();
                changes.purge(&note);
                self.session.commit(&grant, changes).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    async fn reachable(&self, grant: &Grant, id: Id<Note>, expect: Expect) -> Result<Stored<Note>> {
        let note = self.session.ports().notes.note(grant, id).await?;
        expect.check(grant, &*note)?;
        grant.check_reach(&*note)?;
        Ok(note)
    }
}
