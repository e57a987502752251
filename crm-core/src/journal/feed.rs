//! What happened in a workspace, in order, for those who watch while it happens.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::entry::{Change, Entry};
use super::event::Event;
use crate::access::{Action, Actor, Entity, owner_field};
use crate::auth::{AuthEvent, SignIn};
use crate::company::Company;
use crate::contact::Contact;
use crate::crm::Crm;
use crate::deal::Deal;
use crate::error::{ErrorKind, Result};
use crate::id::Id;
use crate::session::{Kept, Session};
use crate::task::Task;
use crate::user::User;
use crate::workspace::Workspace;

/// How long after a change somebody may still remember the rights before it, in seconds: far longer
/// than they are kept, because clocks differ.
const REMEMBERED_SECONDS: i64 = 60;

/// The journal of one workspace as it goes on, before anybody's rights are looked at: what it gives is
/// shown to a member by [`Session::envelope`] alone.
#[derive(Clone)]
pub struct Feed {
    product: Session,
    workspace: Id<Workspace>,
}

/// One entry of the feed and whose record it is about.
#[derive(Clone, Debug)]
pub struct Occurrence {
    /// Its dense number within the workspace, from 1.
    pub seq: i64,
    pub(crate) entry: Entry,
    /// The kind of record whose owner decides who sees it: that of the entry, or of what a note is on.
    pub(super) held_by: Entity,
    /// That record's owner by now; nobody for one that was erased.
    pub(super) owner: Option<Id<User>>,
    /// What is left to tell of it.
    pub(super) rest: Rest,
    /// The owner before the entry, where it changed that.
    pub(super) former: Option<Option<Id<User>>>,
}

/// What is left to tell of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// All that its reader may see.
    Everything,
    /// That something happened: the record is gone, and nobody reads it.
    Nothing,
}

/// Owners of records that entries are about, and which of these are gone.
#[derive(Default)]
struct Holders {
    owners: HashMap<(Entity, Uuid), Id<User>>,
    gone: HashSet<(Entity, Uuid)>,
}

impl Occurrence {
    /// The kind of record that it is about.
    pub fn entity(&self) -> Entity {
        self.entry.entity
    }

    /// Whether what a member may do can be another after it: whoever shows them anything asks anew
    /// before they do.
    pub fn is_about_access_of(&self, member: Option<Id<User>>) -> bool {
        match self.entry.entity {
            Entity::Workspace | Entity::Team | Entity::CustomField => true,
            Entity::User => {
                let is_their_own = member.is_some_and(|member| member.uuid() == self.entry.record_id);
                is_their_own && !self.entry.events.iter().any(is_sign_in)
            }
            _ => false,
        }
    }
}

fn is_sign_in(event: &Event) -> bool {
    matches!(event, Event::Auth(AuthEvent::SignedIn { .. }))
}

fn ended_sign_in(event: &Event) -> Option<Id<SignIn>> {
    match event {
        Event::Auth(AuthEvent::SignedOut { session_id } | AuthEvent::RefreshReused { session_id }) => Some(*session_id),
        _ => None,
    }
}

impl Crm {
    /// The journal of a workspace as it goes on, for whoever tells members of it.
    ///
    /// # Errors
    /// `Unauthenticated` for an unknown workspace; `Unavailable` when the store cannot be reached.
    pub async fn feed(&self, workspace: Id<Workspace>) -> Result<Feed> {
        let product = self.acting(Actor::system(workspace, "feed")).await?;
        Ok(Feed { product, workspace })
    }

    /// Drops what is remembered of the rights that an entry changed, as one of another instance does; once, however
    /// many read the entry, so that a crowd that catches up resolves its rights no more than once each.
    fn unlearn(&self, workspace: Id<Workspace>, entry: &Entry) {
        let forgotten = self.now().plus_seconds(-REMEMBERED_SECONDS);
        let is_of_members = match entry.entity {
            Entity::Workspace | Entity::Team | Entity::CustomField => true,
            Entity::User => entry.change != Change::Noted,
            _ => false,
        };
        let ended: Vec<Id<SignIn>> = entry.events.iter().filter_map(ended_sign_in).collect();
        if entry.at < forgotten || (!is_of_members && ended.is_empty()) {
            return;
        }
        self.ports.cache.see_to(entry.id, entry.at, forgotten, |cache| {
            if is_of_members {
                cache.forget_workspace(workspace);
            }
            if is_of_members && entry.entity == Entity::User {
                cache.forget_sign_ins_of(Id::from(entry.record_id));
            }
            ended.into_iter().for_each(|session_id| cache.forget_sign_in(session_id));
        });
    }
}

impl Feed {
    /// The number of the last entry by now; 0 where there is none.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn end(&self) -> Result<i64> {
        self.product.ports().journal.seal(self.workspace).await?;
        self.sealed_to().await
    }

    /// As [`Feed::end`], as far as somebody else has sealed it.
    ///
    /// # Errors
    /// As [`Feed::end`].
    pub async fn sealed_to(&self) -> Result<i64> {
        self.product.ports().journal.sealed_to(self.workspace).await
    }

    /// What happened after a number by now, at most `limit`, in order and without a gap.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn after(&self, seq: i64, limit: u32) -> Result<Vec<Occurrence>> {
        self.product.ports().journal.seal(self.workspace).await?;
        self.sealed_after(seq, limit).await
    }

    /// As [`Feed::after`], as far as somebody else has sealed it: for readers beside the one that does.
    ///
    /// # Errors
    /// As [`Feed::after`].
    pub async fn sealed_after(&self, seq: i64, limit: u32) -> Result<Vec<Occurrence>> {
        let sealed = self.product.ports().journal.feed(self.workspace, seq, limit).await?;
        let entries: Vec<(i64, Entry)> = sealed.into_iter().map(|sealed| (sealed.seq, sealed.entry)).collect();
        let holders = self.holders(&entries).await?;
        Ok(entries.into_iter().map(|(seq, entry)| self.occurrence(seq, entry, &holders)).collect())
    }

    fn occurrence(&self, seq: i64, entry: Entry, holders: &Holders) -> Occurrence {
        self.product.crm().unlearn(self.workspace, &entry);
        let holder = holder(&entry);
        let former = owner_field(entry.entity).and_then(|field| former_owner(&entry, &field.key));
        let owner = holders.owners.get(&holder).copied();
        let is_gone = holders.gone.contains(&holder) || holders.gone.contains(&(entry.entity, entry.record_id));
        let rest = if is_gone { Rest::Nothing } else { Rest::Everything };
        Occurrence { seq, held_by: holder.0, owner, rest, former, entry }
    }

    /// Who owns the records that entries are about by now, and which are gone.
    async fn holders(&self, entries: &[(i64, Entry)]) -> Result<Holders> {
        let mut holders = Holders::default();
        let held: HashSet<(Entity, Uuid)> = entries.iter().map(|(_, entry)| holder(entry)).collect();
        let of = |entity: Entity| held.iter().filter(move |(kind, _)| *kind == entity).map(|(_, id)| *id);
        self.look_up::<Contact>(of(Entity::Contact).collect(), &mut holders).await?;
        self.look_up::<Company>(of(Entity::Company).collect(), &mut holders).await?;
        self.look_up::<Deal>(of(Entity::Deal).collect(), &mut holders).await?;
        self.look_up::<Task>(of(Entity::Task).collect(), &mut holders).await?;
        let notes = entries.iter().filter(|(_, entry)| entry.entity == Entity::Note);
        for id in notes.map(|(_, entry)| entry.record_id).collect::<HashSet<_>>() {
            let grant = self.product.internally(Entity::Note, Action::Read);
            match self.product.ports().notes.note(&grant, id.into()).await {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => drop(holders.gone.insert((Entity::Note, id))),
                Err(error) => return Err(error),
            }
        }
        Ok(holders)
    }

    async fn look_up<T: Kept>(&self, ids: Vec<Uuid>, holders: &mut Holders) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let (ports, grant) = (self.product.ports(), self.product.internally(T::ENTITY, Action::Read));
        let ids: Vec<Id<T>> = ids.into_iter().map(Id::from).collect();
        let mut missing: HashSet<Uuid> = ids.iter().map(|id| id.uuid()).collect();
        for record in T::load_many(ports, &grant, &ids).await? {
            missing.remove(&record.uuid());
            holders.owners.extend(record.owner().map(|owner| ((T::ENTITY, record.uuid()), owner)));
        }
        for id in missing {
            holders.gone.insert((T::ENTITY, id));
            match T::load_deleted(ports, &grant, id.into()).await {
                Ok(record) => holders.owners.extend(record.owner().map(|owner| ((T::ENTITY, id), owner))),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The record whose owner decides who sees an entry.
fn holder(entry: &Entry) -> (Entity, Uuid) {
    let own = (entry.entity, entry.record_id);
    if entry.entity == Entity::Note { entry.subject.unwrap_or(own) } else { own }
}

/// The owner before an entry, where it changed that.
fn former_owner(entry: &Entry, key: &str) -> Option<Option<Id<User>>> {
    let of = |image: &Map<String, Value>| {
        image.get(key).and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok()).map(Id::from)
    };
    let is_changed = entry.change != Change::Created && entry.before.get(key) != entry.after.get(key);
    is_changed.then(|| of(&entry.before))
}
