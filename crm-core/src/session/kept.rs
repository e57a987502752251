//! What the services need of a contact, a company, a deal or a task to treat all four alike.

use std::future::Future;
use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::Session;
use crate::access::{Entity, Grant, Listed};
use crate::crm::Ports;
use crate::custom_field::CustomValues;
use crate::edit::RecordEdit;
use crate::error::Result;
use crate::id::Id;
use crate::journal::Event;
use crate::page::{ListQuery, Rows};
use crate::store::{Changes, Reliance, Stored};
use crate::time::Timestamp;
use crate::user::User;

/// What a port answers with.
pub(crate) type Reading<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// A record with an owner, tags and custom values. A task's owner is its assignee.
pub(crate) trait Kept: Listed {
    /// A change of it.
    type Edit: RecordEdit + Clone + Serialize + DeserializeOwned + Send + Sync;

    /// Names of its tags.
    fn tags(&self) -> &[String];

    /// Its custom values.
    fn custom(&self) -> &CustomValues;

    /// Its custom values, to be cleaned.
    fn custom_mut(&mut self) -> &mut CustomValues;

    /// Gives it an owner.
    fn set_owner(&mut self, owner: Option<Id<User>>);

    /// Says who made it, where its kind keeps that.
    fn set_creator(&mut self, _creator: Option<Id<User>>) {}

    /// Gives it other tags, which are clean.
    fn set_tags(&mut self, tags: Vec<String>);

    /// Marks it as deleted, or as not.
    fn set_deleted(&mut self, at: Option<Timestamp>);

    /// The records that its fields point to, owner included.
    fn references(&self) -> Vec<(&'static str, Entity, Uuid)>;

    /// Applies an edit.
    ///
    /// # Errors
    /// `Invalid` with every field at fault; the record is then half edited and must be dropped.
    fn apply(&mut self, edit: Self::Edit) -> Result<()>;

    /// Makes what follows from the fields that were set follow, at the time of the change.
    fn follow(&mut self, _now: Timestamp) {}

    /// Puts among the changes what a change of records brings with it, before they are written.
    fn bring<'a>(
        _session: &'a Session,
        _changes: &'a mut Changes,
        _records: Vec<&'a mut Stored<Self>>,
    ) -> Reading<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    /// The facts that a write of it tells, besides those that its service emits.
    fn facts(_before: Option<&Self>, _after: &Self) -> Vec<Event> {
        Vec::new()
    }

    /// One that the caller sees.
    fn load<'a>(ports: &'a Ports, grant: &'a Grant, id: Id<Self>) -> Reading<'a, Stored<Self>>;

    /// Those of these that the caller sees, in no order.
    fn load_many<'a>(ports: &'a Ports, grant: &'a Grant, ids: &'a [Id<Self>]) -> Reading<'a, Vec<Stored<Self>>>;

    /// A deleted one that is not purged.
    fn load_deleted<'a>(ports: &'a Ports, grant: &'a Grant, id: Id<Self>) -> Reading<'a, Stored<Self>>;

    /// What a deleted one relies on to be restored: that the place is still there where it stands.
    ///
    /// # Errors
    /// `Invalid` where it is gone.
    fn place<'a>(&'a self, _ports: &'a Ports, _grant: &'a Grant) -> Reading<'a, Option<Reliance>> {
        Box::pin(async { Ok(None) })
    }

    /// A page of a list.
    fn page<'a>(ports: &'a Ports, grant: &'a Grant, query: &'a ListQuery) -> Reading<'a, Rows<Self>>;

    /// The length of a list, counted up to `cap`.
    fn count<'a>(ports: &'a Ports, grant: &'a Grant, query: &'a ListQuery, cap: u64) -> Reading<'a, u64>;
}

/// A record that can be made from an edit alone.
pub(crate) trait Blank: Kept {
    /// One without content.
    fn blank(id: Id<Self>, now: Timestamp) -> Self;
}

/// Writes a record with the facts that its change tells. Says whether anything changed.
pub(crate) fn put_kept<T: Kept>(changes: &mut Changes, record: &mut Stored<T>) -> bool {
    let facts = T::facts(record.before(), record);
    let is_changed = changes.put(record);
    if is_changed {
        facts.into_iter().for_each(|fact| changes.emit(fact));
    }
    is_changed
}
