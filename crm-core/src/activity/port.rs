//! Port: notes.

use async_trait::async_trait;

use super::model::Note;
use crate::access::Grant;
use crate::error::Result;
use crate::id::Id;
use crate::page::{ListQuery, Rows};
use crate::store::Stored;

/// Port: notes, seen by whoever sees the record that they are on.
#[async_trait]
pub trait NoteStore: Send + Sync {
    /// A note.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn note(&self, grant: &Grant, id: Id<Note>) -> Result<Stored<Note>>;

    /// A deleted note that is not purged, on a record that is not deleted.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` when the store cannot be reached.
    async fn deleted_note(&self, grant: &Grant, id: Id<Note>) -> Result<Stored<Note>>;

    /// A page.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached or the deadline passed.
    async fn notes(&self, grant: &Grant, query: &ListQuery) -> Result<Rows<Note>>;
}
