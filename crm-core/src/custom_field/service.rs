//! Use cases of custom fields.

use super::model::{CustomField, CustomFieldEdit, MAX_FIELDS, NewCustomField};
use crate::access::{Action, Entity, Grant, View};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::session::{Decisions, Expect, Session};
use crate::store::{Guard, Stored};

/// The custom fields of a workspace.
#[derive(Clone)]
pub struct CustomFields {
    session: Session,
}

impl CustomFields {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Defines a field.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad definition; `Conflict` for a key that is taken.
    pub async fn define(&self, new: NewCustomField) -> Result<View<CustomField>> {
        let grant = self.session.require(Entity::CustomField, Action::Create)?;
        if let Some(first) = self.session.replayed(&grant).await? {
            return Ok(first);
        }
        let ports = self.session.ports();
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let guard = ports.commit.guard(&grant, Guard::CustomFields).await?;
                let known = ports.custom_fields.custom_fields(grant.workspace_id()).await?;
                if known.iter().filter(|field| field.entity == new.entity).count() >= MAX_FIELDS {
                    let message = format!("a kind of record has at most {MAX_FIELDS} custom fields");
                    return Err(Error::invalid("key", "too_many", message));
                }
                let mut changes = self.session.changes();
                let now = changes.now();
                let mut field = Stored::new(CustomField::new(Id::new_at(now), new.clone(), now)?);
                changes.put(&mut field);
                changes.guard(guard);
                self.session.commit_once(&grant, changes, field).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// The fields that the caller sees, by kind of record and key.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn list(&self) -> Result<Vec<View<CustomField>>> {
        let grant = self.session.require(Entity::CustomField, Action::Read)?;
        let fields = self.session.ports().custom_fields.custom_fields(grant.workspace_id()).await?;
        let seen = fields.into_iter().filter(|field| !is_hidden(&grant, field));
        Ok(seen.map(|field| grant.view(field)).collect())
    }

    /// Changes label, choices or whether a value is required.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that is hidden from the caller; `Conflict` for another version;
    /// `Invalid` for a bad change.
    pub async fn update(
        &self,
        id: Id<CustomField>,
        edit: CustomFieldEdit,
        expect: Expect,
    ) -> Result<View<CustomField>> {
        self.change(Action::Update, id, expect, |field| field.edit(edit.clone())).await
    }

    /// Retires a field: its values stay on the records, but nobody sees or sets them.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that is hidden from the caller; `Conflict` for another version.
    pub async fn retire(&self, id: Id<CustomField>, expect: Expect) -> Result<()> {
        let now = self.session.now();
        let retired = self.change(Action::Delete, id, expect, |field| {
            field.deleted_at = Some(now);
            Ok(())
        });
        retired.await.map(drop)
    }

    async fn change(
        &self,
        action: Action,
        id: Id<CustomField>,
        expect: Expect,
        decide: impl Fn(&mut CustomField) -> Result<()> + Sync,
    ) -> Result<View<CustomField>> {
        let grant = self.session.require(Entity::CustomField, action)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut field = self.session.ports().custom_fields.custom_field(&grant, id).await?;
                if is_hidden(&grant, &field) {
                    return Err(Error::not_found(Entity::CustomField.name(), id));
                }
                expect.check(&grant, &*field)?;
                decide(&mut field)?;
                let mut changes = self.session.changes();
                changes.put(&mut field);
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(field.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }
}

/// Whether the caller sees no values of a field, and so not the field either.
fn is_hidden(grant: &Grant, field: &CustomField) -> bool {
    grant.mask(field.entity).hides(&field.filter_key())
}
