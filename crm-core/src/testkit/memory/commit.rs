//! The one way to write.

use std::collections::btree_map::Entry;
use std::sync::Arc;

use async_trait::async_trait;
use uuid::Uuid;

use super::records::{SUBJECTS, target};
use super::rows::{Rows, Tabled};
use super::{MemoryStore, State, hooks, keys};
use crate::access::{Entity, Grant};
use crate::account::{Account, NewAccount, Rank};
use crate::deal::{Deal, DealMove, HistoryWrite, WayBack, begun, history_of, way_back};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::{JobState, QueuePause, Ring};
use crate::pipeline::{Pipeline, given_up};
use crate::store::{Commit, Guard, GuardRow, IdempotencyKey, Put, Record as _, Reliance, Replay, Sealed, Write};
use crate::text;
use crate::time::Timestamp;
use crate::user::User;
use crate::workspace::Workspace;

/// The queues in which a commit makes jobs due, or which it pauses or lets go on.
fn rings(writes: &[Write]) -> Vec<Ring> {
    let queue = |write: &Write| match write {
        Write::Job(put) if put.after.state == JobState::Queued => Some(Ring::Of(put.after.queue.clone())),
        Write::QueuePause(pause) => Some(Ring::Of(pause.queue.clone())),
        _ => None,
    };
    writes.iter().filter_map(queue).collect()
}

#[async_trait]
impl Commit for MemoryStore {
    async fn commit(&self, sealed: Sealed) -> Result<()> {
        let rings = rings(&sealed.writes);
        self.write(|state| state.commit(sealed)).await?;
        rings.iter().for_each(|ring| self.bell.ring(ring));
        Ok(())
    }

    async fn guard(&self, grant: &Grant, guard: Guard) -> Result<GuardRow> {
        let version = self.rows(grant, |rows| rows.guards.get(&guard).copied().unwrap_or(0)).await;
        Ok(GuardRow { guard, version })
    }

    async fn replay(&self, grant: &Grant, key: &IdempotencyKey, now: Timestamp) -> Result<Option<Replay>> {
        Ok(self
            .rows(grant, |rows| rows.replays.get(&key.scope).copied())
            .await
            .filter(|replay| keys::is_kept(replay, now)))
    }

    async fn with_old_keys(&self, until: Timestamp) -> Result<Vec<Id<Workspace>>> {
        self.read(|state| {
            let old = state.spaces.iter().filter(|(_, space)| !space.rows.old_keys(until).is_empty());
            Ok(old.map(|(id, _)| Id::from(*id)).collect())
        })
        .await
    }

    async fn prune_keys(&self, workspace: Id<Workspace>, until: Timestamp, limit: u16) -> Result<usize> {
        self.write(|state| {
            let Some(space) = state.spaces.get_mut(&workspace.uuid()) else { return Ok(0) };
            let mut old = space.rows.old_keys(until);
            old.truncate(limit.into());
            for scope in &old {
                space.rows.replays.remove(scope);
            }
            Ok(old.len())
        })
        .await
    }
}

impl State {
    /// Decides on copies; nothing of the store is touched before nothing can fail any more.
    fn commit(&mut self, sealed: Sealed) -> Result<()> {
        let workspace = sealed.workspace_id.uuid();
        let mut rows = self.spaces.get(&workspace).map(|space| space.rows.clone()).unwrap_or_default();
        // A repeat is told so before it is told that its unique values are taken, by itself.
        rows.keep_key(&sealed)?;
        sealed.relied.iter().try_for_each(|relied| check_reliance(&rows, relied))?;
        sealed.guards.iter().try_for_each(|guard| move_guard(&mut rows, guard))?;
        let mut accounts = self.accounts.clone();
        for write in &sealed.writes {
            match write {
                Write::Account(new) => open_account(&mut accounts, new)?,
                write => rows.write(write)?,
            }
        }
        history_of(&sealed).into_iter().for_each(|write| rows.step(write));
        for write in &sealed.writes {
            check_references(&rows, write).map_err(|error| erased_meanwhile(&rows, write).unwrap_or(error))?;
        }
        sealed.writes.iter().try_for_each(|write| check_given_up(&rows, write))?;
        let mut members = sealed.writes.iter().filter_map(|write| match write {
            Write::User(put) => put.after.account_id,
            _ => None,
        });
        if let Some(id) = members.find(|id| !accounts.contains_key(&id.uuid())) {
            return Err(unknown("account_id", "account", id.uuid()));
        }
        let hooks = self.spaces.get(&workspace).map(|space| &space.hooks);
        sealed.writes.iter().try_for_each(|write| hooks::check(hooks, write))?;
        let mut gone = sealed.purged.clone();
        for (entity, id) in &sealed.purged {
            gone.extend(rows.tasks_on(*entity, *id));
            rows.erase(*entity, *id);
        }

        self.accounts = accounts;
        for write in &sealed.writes {
            match write {
                Write::SignInsEnded(user) => self.sign_ins.end(workspace, user.uuid(), sealed.at),
                Write::Pieces(pieces) => self.keep_pieces(workspace, pieces, sealed.at),
                _ => {}
            }
        }
        let space = self.spaces.entry(workspace).or_default();
        space.rows = rows;
        sealed.writes.iter().for_each(|write| space.hooks.write(write));
        gone.into_iter().for_each(|(entity, id)| space.journal.erase(entity, id));
        space.journal.append(sealed.entries);
        Ok(())
    }
}

fn check_reliance(rows: &Rows, relied: &Reliance) -> Result<()> {
    match rows.version(relied.entity, relied.id) == Some(relied.version) {
        true => Ok(()),
        false => Err(stale(relied.entity.name(), relied.id)),
    }
}

fn move_guard(rows: &mut Rows, read: &GuardRow) -> Result<()> {
    let version = rows.guards.entry(read.guard).or_default();
    if *version != read.version {
        return Err(stale("guard", read.guard.name()));
    }
    *version += 1;
    Ok(())
}

fn open_account(accounts: &mut std::collections::BTreeMap<Uuid, Account>, new: &NewAccount) -> Result<()> {
    let NewAccount { account, rank } = new;
    if *rank == Rank::First && !accounts.is_empty() {
        return Err(NewAccount::not_first());
    }
    if accounts.values().any(|known| known.email == account.email) {
        return Err(duplicate("account", &account.email));
    }
    accounts.insert(account.id.uuid(), account.clone());
    Ok(())
}

impl Rows {
    fn write(&mut self, write: &Write) -> Result<()> {
        match write {
            Write::Workspace(put) => self.put(put),
            Write::User(put) => {
                let email = put.after.email.as_ref();
                self.unique(put, email, |user| user.email.as_ref() == email && email.is_some())?;
                self.put(put)
            }
            Write::Team(put) => self.put(put),
            Write::Contact(put) => self.put(put),
            Write::Company(put) => self.put(put),
            Write::Deal(put) => self.put(put),
            Write::Task(put) => self.put(put),
            Write::Pipeline(put) => self.put(put),
            Write::Tag(put) => {
                let key = text::key(&put.after.name);
                self.unique(put, Some(&key), |tag| text::key(&tag.name) == key)?;
                self.put(put)
            }
            Write::Note(put) => self.put(put),
            Write::CustomField(put) => {
                let (entity, key) = (put.after.entity, &put.after.key);
                self.unique(put, Some(key), |field| field.entity == entity && field.key == *key)?;
                self.put(put)
            }
            Write::ExchangeRate(put) => {
                let (pair, day) = (put.after.pair(), put.after.valid_from);
                self.unique(put, Some(pair), |rate| rate.pair() == pair && rate.valid_from == day)?;
                self.put(put)
            }
            Write::WebhookEndpoint(put) => self.put(put),
            Write::MailTemplate(put) => {
                let name = &put.after.name;
                self.unique(put, Some(name), |template| template.name == *name)?;
                self.put(put)
            }
            Write::MailQueued(record) => {
                self.mails.entry(record.id.uuid()).or_insert_with(|| record.clone());
                Ok(())
            }
            Write::Suppression(new) => match self.suppressions.entry(new.email.to_string()) {
                Entry::Occupied(held) => Err(stale("suppression", held.key())),
                Entry::Vacant(free) => {
                    free.insert(new.clone());
                    Ok(())
                }
            },
            Write::QueuePause(QueuePause { queue, paused_at }) => {
                let before = match paused_at {
                    Some(at) => self.paused.insert(queue.clone(), *at),
                    None => self.paused.remove(queue),
                };
                if before.is_some() == paused_at.is_some() { Err(stale("queue", queue)) } else { Ok(()) }
            }
            Write::Import(put) => self.put(put),
            Write::Job(put) if put.before.is_none() && !self.keep_job_key(&put.after) => Ok(()),
            Write::Job(put) => self.put(put).map(|()| {
                self.free_job_key(&put.after);
                self.turn_mail(&put.after);
            }),
            Write::FailedRows(failed) => {
                let row = |row: &crate::transfer::FailedRow| ((row.import_id.uuid(), row.line), Arc::new(row.clone()));
                self.failed_rows.extend(failed.iter().map(row));
                Ok(())
            }
            Write::Fingerprints(prints) => {
                self.fingerprints.extend(prints.iter().map(|print| (print.entity, print.digest, print.record_id)));
                Ok(())
            }
            // They belong to no workspace's rows, or are kept beside them.
            Write::Account(_)
            | Write::SignInsEnded(_)
            | Write::Pieces(_)
            | Write::WebhookSecret(_)
            | Write::Deliveries(_)
            | Write::DeliveryTurn(_)
            | Write::CursorMove(_) => Ok(()),
        }
    }

    /// Writes a row over the version that was loaded.
    fn put<T: Tabled>(&mut self, put: &Put<T>) -> Result<()> {
        let table = T::table_mut(self);
        let id = put.after.uuid();
        let held = table.get(&id).map(|row| row.version());
        match (&put.before, held) {
            (None, Some(_)) => return Err(duplicate(T::ENTITY.name(), id)),
            (Some(before), held) if held != Some(before.version()) => return Err(stale(T::ENTITY.name(), id)),
            _ => {}
        }
        table.insert(id, Arc::new(put.after.clone()));
        Ok(())
    }

    /// Writes a step of a deal's way.
    fn step(&mut self, write: HistoryWrite) {
        let own = |deal: Uuid| (deal, i64::MIN)..=(deal, i64::MAX);
        let way = |rows: &Self, deal| rows.moves.range(own(deal)).map(|(_, step)| *step).collect::<Vec<DealMove>>();
        match write {
            HistoryWrite::Stepped(step) => drop(self.moves.insert((step.deal_id.uuid(), step.place), step)),
            HistoryWrite::Corrected { deal_id, at } => {
                if let Some((_, last)) = self.moves.range_mut(own(deal_id.uuid())).next_back() {
                    last.at = at;
                }
            }
            HistoryWrite::Begun { deal_id, said, at } => {
                let at = begun(&way(&*self, deal_id.uuid()), said, at);
                if let Some((at, (_, first))) = at.zip(self.moves.range_mut(own(deal_id.uuid())).next()) {
                    first.at = at;
                }
            }
            HistoryWrite::Undone { versions, back } => {
                let deal = back.deal_id.uuid();
                match way_back(&way(&*self, deal), &versions, back) {
                    WayBack::Along(undone) => {
                        for step in undone {
                            self.moves.remove(&(deal, step.place));
                        }
                        self.step(HistoryWrite::Corrected { deal_id: back.deal_id, at: back.at });
                    }
                    WayBack::Anew(step) => drop(self.moves.insert((deal, step.place), step)),
                }
            }
        }
    }

    /// Refuses a value that another live row has.
    fn unique<T: Tabled>(
        &self,
        put: &Put<T>,
        value: Option<impl std::fmt::Display>,
        is_taken: impl Fn(&T) -> bool,
    ) -> Result<()> {
        let id = put.after.uuid();
        let is_live = put.after.deleted_at().is_none();
        match value {
            Some(value) if is_live && self.live::<T>().any(|row| row.uuid() != id && is_taken(row)) => {
                Err(duplicate(T::ENTITY.name(), value))
            }
            _ => Ok(()),
        }
    }

    /// The tasks on a record, which may have been about something else before.
    fn tasks_on(&self, entity: Entity, id: Uuid) -> Vec<(Entity, Uuid)> {
        let own = self.tasks.values().filter(|task| task.subject() == Some((entity, id)));
        own.map(|task| (Entity::Task, task.id.uuid())).collect()
    }

    /// Forgets a record, the notes and tasks on it, and what points to it. Whoever pointed to it keeps their
    /// version: nobody changed them.
    fn erase(&mut self, entity: Entity, id: Uuid) {
        match entity {
            Entity::Contact => drop(self.contacts.remove(&id)),
            Entity::Company => drop(self.companies.remove(&id)),
            Entity::Deal => {
                self.deals.remove(&id);
                self.moves.retain(|(deal, _), _| *deal != id);
            }
            Entity::Task => drop(self.tasks.remove(&id)),
            Entity::Note => drop(self.notes.remove(&id)),
            _ => {}
        }
        self.notes.retain(|_, note| note.subject() != Some((entity, id)));
        self.tasks.retain(|_, task| task.subject() != Some((entity, id)));
        self.fingerprints.retain(|(_, _, made)| *made != id);
        for contact in self.contacts.values_mut().filter(|row| target(row.company_id) == Some(id)) {
            Arc::make_mut(contact).company_id = None;
        }
        for deal in self.deals.values_mut() {
            if target(deal.company_id) == Some(id) {
                Arc::make_mut(deal).company_id = None;
            }
            if target(deal.contact_id) == Some(id) {
                Arc::make_mut(deal).contact_id = None;
            }
        }
    }
}

/// Refuses a row that points to nothing of its workspace.
fn check_references(rows: &Rows, write: &Write) -> Result<()> {
    let held = |field: &str, entity: Entity, id: Option<Uuid>| match id {
        Some(id) if !rows.holds(entity, id) => Err(unknown(field, entity.name(), id)),
        _ => Ok(()),
    };
    let held_subject = |subjects: [Option<Uuid>; 3]| {
        let mut named = SUBJECTS.into_iter().zip(subjects);
        named.try_for_each(|(entity, id)| held(&format!("{entity}_id"), entity, id))
    };
    match write {
        Write::Team(put) => put.after.members.iter().try_for_each(|id| held("members", Entity::User, Some(id.uuid()))),
        Write::Contact(Put { after, .. }) => {
            held("company_id", Entity::Company, target(after.company_id))?;
            held("owner_id", Entity::User, target(after.owner_id))
        }
        Write::Company(Put { after, .. }) => held("owner_id", Entity::User, target(after.owner_id)),
        Write::Deal(Put { after, .. }) => {
            held("contact_id", Entity::Contact, target(after.contact_id))?;
            held("company_id", Entity::Company, target(after.company_id))?;
            held("owner_id", Entity::User, target(after.owner_id))?;
            check_stage(rows, after)
        }
        Write::Note(Put { after, .. }) => {
            held_subject([target(after.contact_id), target(after.company_id), target(after.deal_id)])?;
            held("author_id", Entity::User, target::<User>(after.author_id))
        }
        Write::Task(Put { after, .. }) => {
            held_subject([target(after.contact_id), target(after.company_id), target(after.deal_id)])?;
            held("assignee_id", Entity::User, target(after.assignee_id))?;
            held("created_by", Entity::User, target(after.created_by))
        }
        Write::Import(Put { after, .. }) => held("created_by", Entity::User, target(after.created_by)),
        Write::Job(Put { after, .. }) => held("created_by", Entity::User, target(after.created_by)),
        Write::FailedRows(failed) => {
            failed.iter().try_for_each(|row| held("import_id", Entity::Import, Some(row.import_id.uuid())))
        }
        Write::Fingerprints(prints) => {
            prints.iter().try_for_each(|print| held("record_id", print.entity, Some(print.record_id)))
        }
        Write::Workspace(_)
        | Write::User(_)
        | Write::Pipeline(_)
        | Write::Tag(_)
        | Write::CustomField(_)
        | Write::ExchangeRate(_)
        | Write::WebhookEndpoint(_)
        | Write::WebhookSecret(_)
        | Write::Deliveries(_)
        | Write::DeliveryTurn(_)
        | Write::CursorMove(_)
        | Write::MailTemplate(_)
        | Write::MailQueued(_)
        | Write::Suppression(_)
        | Write::QueuePause(_)
        | Write::Pieces(_)
        | Write::Account(_)
        | Write::SignInsEnded(_) => Ok(()),
    }
}

/// The conflict of a record that was loaded with a reference which a purge has taken since.
fn erased_meanwhile(rows: &Rows, write: &Write) -> Option<Error> {
    let loaded = check_references(rows, &write.loaded()?);
    loaded.err().map(|error| Error::conflict(error.message().to_owned()).with_code("stale_version"))
}

/// A deal's stage is one of its pipeline.
fn check_stage(rows: &Rows, deal: &Deal) -> Result<()> {
    let pipeline = rows.get::<Pipeline>(deal.pipeline_id.uuid());
    let pipeline = pipeline.ok_or_else(|| unknown("pipeline_id", "pipeline", deal.pipeline_id.uuid()))?;
    pipeline.stage(deal.stage_id).map(drop)
}

/// Deals are in no stage that a pipeline gives up, and no live one in a deleted pipeline.
fn check_given_up(rows: &Rows, write: &Write) -> Result<()> {
    let Write::Pipeline(put) = write else { return Ok(()) };
    let (gone, id) = (given_up(put), put.after.id);
    let is_lost = |deal: &Deal| put.after.deleted_at.is_some() && deal.pipeline_id == id && deal.deleted_at.is_none();
    match rows.deals.values().map(AsRef::as_ref).any(|deal: &Deal| gone.contains(&deal.stage_id) || is_lost(deal)) {
        true => Err(stale("pipeline", id)),
        false => Ok(()),
    }
}

fn unknown(field: &str, entity: &str, id: Uuid) -> Error {
    Error::invalid(field, "not_found", format!("{entity} {id} not found"))
}

fn stale(what: &str, which: impl std::fmt::Display) -> Error {
    Error::conflict(format!("{what} {which} was changed meanwhile")).with_code("stale_version")
}

fn duplicate(what: &str, value: impl std::fmt::Display) -> Error {
    Error::conflict(format!("{what} {value} exists already")).with_code("duplicate")
}
