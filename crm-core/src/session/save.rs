//! What saving a contact, company or deal has in common.

use std::collections::BTreeSet;

use serde_json::Value;
use uuid::Uuid;

use super::Session;
use crate::access::{Action, Entity, Grant, Listed, View};
use crate::custom_field::{CustomKind, CustomValues, TypedValue, check_values, unknown_custom_field};
use crate::edit::{Edit, RecordEdit};
use crate::error::{Error, ErrorKind, FieldError, Result};
use crate::id::Id;
use crate::page::{COUNT_CAP, ListQuery, Page, Rows};
use crate::store::{Changes, Reliance, Stored};
use crate::tag::Tag;
use crate::text;
use crate::user::User;

/// A record with an owner, tags and custom values.
pub(crate) trait Kept: Listed {
    /// Names of its tags.
    fn tags(&self) -> &[String];

    /// Its custom values.
    fn custom(&self) -> &CustomValues;

    /// Its custom values, to be cleaned.
    fn custom_mut(&mut self) -> &mut CustomValues;

    /// Gives it an owner.
    fn set_owner(&mut self, owner: Option<Id<User>>);

    /// The records that its fields point to, owner included.
    fn references(&self) -> Vec<(&'static str, Entity, Uuid)>;
}

impl Session {
    /// Gives a new record without an owner to the caller.
    pub(crate) fn own<T: Kept>(&self, record: &mut Stored<T>) {
        if record.owner().is_none() {
            record.set_owner(self.actor().user_id());
        }
    }

    /// Checks what the room's own model cannot (custom values, references, the right to give the
    /// record away), and puts the record and its new tags among the changes.
    pub(crate) async fn save<T: Kept>(
        &self,
        grant: &Grant,
        changes: &mut Changes,
        record: &mut Stored<T>,
    ) -> Result<bool> {
        let before = record.before().cloned();
        let mut faults = self.check_custom(grant, before.as_ref(), record);
        faults.extend(self.check_references(grant, changes, before.as_ref(), record).await?);
        if !faults.is_empty() {
            return Err(Error::invalid_fields(faults));
        }
        if let Some(before) = &before
            && before.owner() != record.owner()
        {
            self.require(T::ENTITY, Action::Assign)?.check_reach(before)?;
        }
        let known: BTreeSet<&String> = before.iter().flat_map(|before| before.tags()).collect();
        let fresh: Vec<String> = record.tags().iter().filter(|tag| !known.contains(tag)).cloned().collect();
        self.make_tags(grant, changes, &fresh).await?;
        Ok(changes.put(record))
    }

    fn check_custom<T: Kept>(&self, grant: &Grant, before: Option<&T>, record: &mut Stored<T>) -> Vec<FieldError> {
        let definitions = grant.definitions(T::ENTITY);
        let untouched = before.is_some_and(|before| before.custom() == record.custom());
        if untouched || (definitions.is_empty() && record.custom().is_empty()) {
            return Vec::new();
        }
        check_values(&definitions, before.map(T::custom), record.custom_mut())
    }

    /// The new references of a record that point to nothing that the caller sees; the changes rely on
    /// the others.
    async fn check_references<T: Kept>(
        &self,
        grant: &Grant,
        changes: &mut Changes,
        before: Option<&T>,
        record: &Stored<T>,
    ) -> Result<Vec<FieldError>> {
        let known = before.map(T::references).unwrap_or_default();
        let mut wanted: Vec<(String, Entity, Uuid)> = record
            .references()
            .into_iter()
            .filter(|reference| !known.contains(reference))
            .map(|(field, entity, id)| (field.to_owned(), entity, id))
            .collect();
        wanted.extend(custom_references(grant, before, record));
        let mut faults = Vec::new();
        for (field, entity, id) in wanted {
            if entity == Entity::User && Some(id) == self.actor().user_id().map(Id::uuid) {
                continue;
            }
            match self.exists(grant, entity, id).await {
                Ok(reliance) => changes.rely(reliance),
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    faults.push(FieldError::new(field, "not_found", format!("{entity} {id} not found")));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(faults)
    }

    /// What to rely on where a field points to a record, if the caller sees it and it is not deleted.
    pub(crate) async fn exists(&self, grant: &Grant, entity: Entity, id: Uuid) -> Result<Reliance> {
        let ports = self.ports();
        match entity {
            Entity::User => {
                let user = ports.users.user(grant, id.into()).await?;
                user.deleted_at.map_or(Ok(Reliance::on(&*user)), |_| Err(Error::not_found("user", id)))
            }
            Entity::Contact => ports.contacts.contact(grant, id.into()).await.map(|record| Reliance::on(&*record)),
            Entity::Company => ports.companies.company(grant, id.into()).await.map(|record| Reliance::on(&*record)),
            Entity::Deal => ports.deals.deal(grant, id.into()).await.map(|record| Reliance::on(&*record)),
            _ => Err(Error::not_found(entity.name(), id)),
        }
    }

    /// Puts those of these tags among the changes that do not exist yet.
    pub(crate) async fn make_tags(&self, grant: &Grant, changes: &mut Changes, names: &[String]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let keys: Vec<String> = names.iter().map(|name| text::key(name)).collect();
        let known = self.ports().tags.tags_by_key(grant, &keys).await?;
        let known: BTreeSet<String> = known.iter().map(|tag| text::key(&tag.name)).collect();
        let now = changes.now();
        for (name, _) in names.iter().zip(&keys).filter(|(_, key)| !known.contains(*key)) {
            self.require(Entity::Tag, Action::Create)?;
            let tag = Tag { id: Id::new_at(now), name: name.clone(), created_at: now, updated_at: now, version: 0 };
            changes.put(&mut Stored::new(tag));
        }
        Ok(())
    }
}

/// An edit as this caller may make it: what they do not see they cannot name, and clearing all
/// custom values clears those that they see.
///
/// # Errors
/// `Invalid` for every hidden field that it names, before anything is compared with what the record
/// holds: a field answers as if there were none, whatever its value.
pub(crate) fn permitted<E: RecordEdit>(grant: &Grant, mut edit: E) -> Result<E> {
    let mask = grant.mask(E::ENTITY);
    let hidden = edit.named().into_iter().filter(|field| mask.hides(field));
    let mut faults: Vec<FieldError> = hidden.map(|field| unknown_field(E::ENTITY, field)).collect();
    match edit.custom_mut() {
        Edit::Keep => {}
        custom @ Edit::Clear => {
            let seen = grant.custom_fields(E::ENTITY).map(|field| (field.key.clone(), Value::Null));
            *custom = Edit::Set(seen.collect());
        }
        Edit::Set(values) => {
            let unseen = values.keys().filter(|key| !grant.sees_custom(E::ENTITY, key));
            faults.extend(unseen.map(|key| unknown_custom_field(key)));
        }
    }
    if faults.is_empty() { Ok(edit) } else { Err(Error::invalid_fields(faults)) }
}

/// The fault of naming a field that is not there, or not for this caller.
pub(super) fn unknown_field(entity: Entity, field: &str) -> FieldError {
    FieldError::new(field, "unknown_field", format!("is not a field of a {entity}"))
}

/// New references among a record's custom values.
fn custom_references<T: Kept>(grant: &Grant, before: Option<&T>, record: &T) -> Vec<(String, Entity, Uuid)> {
    let mut references = Vec::new();
    for definition in grant.definitions(T::ENTITY) {
        let target = match definition.kind {
            CustomKind::User => Some(Entity::User),
            CustomKind::Reference => definition.target,
            _ => None,
        };
        let value = record.custom().get(&definition.key);
        let is_new = value.is_some() && value != before.and_then(|before| before.custom().get(&definition.key));
        if let (true, Some(target), Some(TypedValue::Id(id))) =
            (is_new, target, value.and_then(|value| definition.typed(value)))
        {
            references.push((definition.filter_key(), target, id));
        }
    }
    references
}

/// A page as the caller sees it.
pub(crate) fn page_of<T: Listed>(grant: &Grant, query: &ListQuery, rows: Rows<T>, total: Option<u64>) -> Page<View<T>> {
    Page {
        data: rows.rows.into_iter().map(|row| grant.view(row)).collect(),
        next_cursor: rows.next.map(|position| query.cursor(&position)),
        total,
        total_is_capped: total.map(|total| total >= COUNT_CAP),
    }
}
