//! What saving a contact, company, deal or task has in common.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use uuid::Uuid;

use super::kept::put_kept;
use super::{Kept, Session};
use crate::access::{Action, Entity, Grant, Listed, View};
use crate::custom_field::{CustomKind, TypedValue, check_values, unknown_custom_field};
use crate::edit::{Edit, RecordEdit};
use crate::error::{Error, ErrorKind, FieldError, Result};
use crate::id::Id;
use crate::page::{COUNT_CAP, ListQuery, Page, Rows};
use crate::store::{Changes, Reliance, Stored};
use crate::tag::Tag;
use crate::text;

impl Session {
    /// Gives a new record without an owner to the caller, who made it.
    pub(crate) fn own<T: Kept>(&self, record: &mut Stored<T>) {
        record.set_creator(self.actor().user_id());
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
        let referred = self.referred(grant, pointed(grant, record)).await?;
        let fresh = self.check(grant, changes, record, &referred)?;
        self.make_tags(grant, changes, fresh).await?;
        T::bring(self, changes, vec![&mut *record]).await?;
        Ok(put_kept(changes, record))
    }

    /// The checks of [`Session::save`] on a record whose references were looked up. The changes rely
    /// on these; answers with the names of the record's new tags.
    ///
    /// # Errors
    /// `Invalid` with every field at fault; `Denied` for a record that the caller may not give away.
    pub(crate) fn check<T: Kept>(
        &self,
        grant: &Grant,
        changes: &mut Changes,
        record: &mut Stored<T>,
        referred: &Referred,
    ) -> Result<Vec<String>> {
        record.follow(changes.now());
        let before = record.before().cloned();
        let mut faults = self.check_custom(grant, before.as_ref(), record);
        let pointed = pointed(grant, record);
        faults.extend(pointed.iter().filter_map(|pointer| referred.fault(pointer)));
        if !faults.is_empty() {
            return Err(Error::invalid_fields(faults));
        }
        if let Some(before) = &before
            && before.owner() != record.owner()
        {
            self.require(T::ENTITY, Action::Assign)?.check_reach(before)?;
        }
        for pointer in &pointed {
            if let Some(reliance) = referred.reliance(pointer) {
                changes.rely(reliance);
            }
        }
        let known: BTreeSet<&String> = before.iter().flat_map(|before| before.tags()).collect();
        Ok(record.tags().iter().filter(|tag| !known.contains(tag)).cloned().collect())
    }

    /// Looks up what fields point to: one record by its key, several of a kind at once.
    pub(crate) async fn referred(&self, grant: &Grant, pointers: Vec<Pointer>) -> Result<Referred> {
        let mut wanted: BTreeMap<Entity, BTreeSet<Uuid>> = BTreeMap::new();
        for pointer in pointers {
            // Whoever acts is there.
            if pointer.entity != Entity::User || Some(pointer.id) != self.actor().user_id().map(Id::uuid) {
                wanted.entry(pointer.entity).or_default().insert(pointer.id);
            }
        }
        let mut referred = Referred { me: self.actor().user_id().map(Id::uuid), found: BTreeMap::new() };
        for (entity, ids) in wanted {
            let ids: Vec<Uuid> = ids.into_iter().collect();
            let found = match ids.as_slice() {
                [one] => match self.exists(grant, entity, *one).await {
                    Ok(reliance) => vec![reliance],
                    Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
                    Err(error) => return Err(error),
                },
                many => self.existing(grant, entity, many).await?,
            };
            referred.found.extend(found.into_iter().map(|reliance| ((entity, reliance.id), reliance)));
        }
        Ok(referred)
    }

    fn check_custom<T: Kept>(&self, grant: &Grant, before: Option<&T>, record: &mut Stored<T>) -> Vec<FieldError> {
        let definitions = grant.definitions(T::ENTITY);
        let untouched = before.is_some_and(|before| before.custom() == record.custom());
        if untouched || (definitions.is_empty() && record.custom().is_empty()) {
            return Vec::new();
        }
        check_values(&definitions, before.map(T::custom), record.custom_mut())
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

    /// Those of these records that the caller sees and that are not deleted.
    pub(crate) async fn existing(&self, grant: &Grant, entity: Entity, ids: &[Uuid]) -> Result<Vec<Reliance>> {
        fn typed<T>(ids: &[Uuid]) -> Vec<Id<T>> {
            ids.iter().copied().map(Id::from).collect()
        }
        let ports = self.ports();
        Ok(match entity {
            Entity::User => {
                let users = ports.users.users_by_id(grant, &typed(ids)).await?;
                users.iter().filter(|user| user.deleted_at.is_none()).map(Reliance::on).collect()
            }
            Entity::Contact => relied(&ports.contacts.contacts_by_id(grant, &typed(ids)).await?),
            Entity::Company => relied(&ports.companies.companies_by_id(grant, &typed(ids)).await?),
            Entity::Deal => relied(&ports.deals.deals_by_id(grant, &typed(ids)).await?),
            _ => Vec::new(),
        })
    }

    /// Puts those of these tags among the changes that do not exist yet.
    ///
    /// # Errors
    /// `Denied` where there are such tags and the caller may not make any.
    async fn make_tags(&self, grant: &Grant, changes: &mut Changes, names: Vec<String>) -> Result<()> {
        let missing = self.missing_tags(grant, names).await?;
        if !missing.is_empty() {
            self.require(Entity::Tag, Action::Create)?;
            self.put_tags(changes, missing.values());
        }
        Ok(())
    }

    /// Those of these tags that do not exist yet, each once by its comparison form.
    pub(crate) async fn missing_tags(
        &self,
        grant: &Grant,
        names: impl IntoIterator<Item = String>,
    ) -> Result<BTreeMap<String, String>> {
        let mut missing = BTreeMap::new();
        for name in names {
            missing.entry(text::key(&name)).or_insert(name);
        }
        if missing.is_empty() {
            return Ok(missing);
        }
        let keys: Vec<String> = missing.keys().cloned().collect();
        for tag in self.ports().tags.tags_by_key(grant, &keys).await? {
            missing.remove(&text::key(&tag.name));
        }
        Ok(missing)
    }

    /// Puts new tags among the changes, which the caller may make.
    pub(crate) fn put_tags<'n>(&self, changes: &mut Changes, names: impl IntoIterator<Item = &'n String>) {
        let now = changes.now();
        for name in names {
            let tag = Tag { id: Id::new_at(now), name: name.clone(), created_at: now, updated_at: now, version: 0 };
            changes.put(&mut Stored::new(tag));
        }
    }
}

/// An edit as this caller may make it, in their zone: what they do not see they cannot name, and
/// clearing all custom values clears those that they see.
///
/// # Errors
/// `Invalid` for every hidden field that it names, before anything is compared with what the record
/// holds: a field answers as if there were none, whatever its value.
pub(crate) fn permitted<E: RecordEdit>(grant: &Grant, mut edit: E) -> Result<E> {
    edit = edit.in_zone(grant.zone());
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

/// A field of a record that points to another one.
pub(crate) struct Pointer {
    field: String,
    entity: Entity,
    id: Uuid,
}

/// What fields point to, as far as the caller sees it.
pub(crate) struct Referred {
    me: Option<Uuid>,
    found: BTreeMap<(Entity, Uuid), Reliance>,
}

impl Referred {
    fn reliance(&self, pointer: &Pointer) -> Option<Reliance> {
        self.found.get(&(pointer.entity, pointer.id)).copied()
    }

    /// The fault of a field that points to nothing.
    fn fault(&self, pointer: &Pointer) -> Option<FieldError> {
        let Pointer { field, entity, id } = pointer;
        let is_me = *entity == Entity::User && Some(*id) == self.me;
        if is_me || self.reliance(pointer).is_some() {
            return None;
        }
        Some(FieldError::new(field, "not_found", format!("{entity} {id} not found")))
    }
}

fn relied<T: Kept>(records: &[Stored<T>]) -> Vec<Reliance> {
    records.iter().map(|record| Reliance::on(&**record)).collect()
}

/// What a record's new references point to.
pub(crate) fn pointed<T: Kept>(grant: &Grant, record: &Stored<T>) -> Vec<Pointer> {
    let known = record.before().map(T::references).unwrap_or_default();
    let built_in = record.references().into_iter().filter(|reference| !known.contains(reference));
    let mut pointers: Vec<Pointer> =
        built_in.map(|(field, entity, id)| Pointer { field: field.to_owned(), entity, id }).collect();
    for definition in grant.definitions(T::ENTITY) {
        let target = match definition.kind {
            CustomKind::User => Some(Entity::User),
            CustomKind::Reference => definition.target,
            _ => None,
        };
        let value = record.custom().get(&definition.key);
        let is_new =
            value.is_some() && value != record.before().and_then(|before| before.custom().get(&definition.key));
        if let (true, Some(target), Some(TypedValue::Id(id))) =
            (is_new, target, value.and_then(|value| definition.typed(value)))
        {
            pointers.push(Pointer { field: definition.filter_key(), entity: target, id });
        }
    }
    pointers
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
