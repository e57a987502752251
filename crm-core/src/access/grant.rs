//! What a caller may do, resolved once, and the proof that a permission was checked.

mod list;

use std::sync::Arc;

use serde_json::{Map, Value};
use uuid::Uuid;

use super::actor::Actor;
use super::entity::Entity;
use super::mask::FieldMask;
use super::matrix::{Action, Rule, Scope};
use super::record::Listed;
use super::role::Role;
use super::view::View;
use crate::activity;
use crate::custom_field::{CustomField, CustomKind};
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::filter::{Catalogue, Check, CheckedFilter, Choices, Field, FieldKind, Literal, Lookup, Relation, Schema};
use crate::id::Id;
use crate::page::CursorKeys;
use crate::store::Record;
use crate::time::Zone;
use crate::user::User;
use crate::workspace::Workspace;
use crate::{company, contact, deal, task};

/// An actor's place in a workspace: role, teams, rules and custom fields, as they were at one
/// moment. Made by [`crate::Crm`] alone and kept for at most a second.
#[derive(Debug)]
pub struct Access {
    pub(crate) workspace: Workspace,
    pub(crate) actor: Actor,
    pub(crate) user: Option<User>,
    /// Everybody whose records the scope `team` reaches, in the order of their ids.
    pub(crate) teammates: Vec<Uuid>,
    pub(crate) custom_fields: Vec<CustomField>,
    pub(crate) rules: Vec<(Entity, Rule)>,
    pub(crate) cursors: CursorKeys,
}

impl Access {
    /// The rule for a kind of record.
    pub(crate) fn rule(&self, entity: Entity) -> &Rule {
        const NOTHING: &Rule = &Rule::NONE;
        self.rules.iter().find(|(known, _)| *known == entity).map_or(NOTHING, |(_, rule)| rule)
    }

    /// The rules of a role in a workspace; the product itself may do everything.
    pub(crate) fn rules_of(workspace: &Workspace, role: Option<Role>) -> Vec<(Entity, Rule)> {
        let rule = |entity| role.map_or(Rule::ALL, |role| workspace.permissions.rule(role, entity));
        Entity::ALL.into_iter().map(|entity| (entity, as_it_holds(entity, rule(entity)))).collect()
    }

    /// Whether an admin acts, or the product itself.
    pub(crate) fn is_an_admins(&self) -> bool {
        self.user.as_ref().is_none_or(|user| user.role == Role::Admin)
    }

    /// Whether a role may do anything that the actor may not.
    pub(crate) fn is_exceeded_by(&self, role: Role) -> bool {
        let rules = Self::rules_of(&self.workspace, Some(role));
        rules.iter().any(|(entity, rule)| rule.exceeds(self.rule(*entity)))
    }

    /// The records of a kind that a scope reaches.
    fn reach(&self, entity: Entity, scope: Scope) -> Option<CheckedFilter> {
        if scope == Scope::None {
            return None;
        }
        if entity == Entity::Note {
            return self.notes_in_reach();
        }
        let Some(owner) = owner_field(entity) else { return Some(CheckedFilter::everything()) };
        let me = self.actor.user_id().map(Id::uuid);
        Some(match (scope, me) {
            (Scope::Own, Some(me)) => CheckedFilter::is(owner, Check::Eq(Literal::Id(me))),
            (Scope::Team, Some(_)) => {
                let team = self.teammates.iter().copied().map(Literal::Id).collect();
                CheckedFilter::is(owner, Check::In(team))
            }
            _ => CheckedFilter::everything(),
        })
    }

    /// Notes on records that the caller sees.
    fn notes_in_reach(&self) -> Option<CheckedFilter> {
        let relations = &activity::catalogue().relations;
        let parts = relations.iter().filter_map(|relation| {
            let filter = self.reach(relation.entity, self.rule(relation.entity).read)?;
            Some(CheckedFilter::Related { relation: *relation, filter: Box::new(filter) })
        });
        Some(CheckedFilter::Any(parts.collect()))
    }

    /// A field that the caller may see.
    fn lookup(&self, entity: Entity, key: &str) -> Lookup {
        let found = match key.strip_prefix(crate::filter::CUSTOM_PREFIX) {
            Some(custom) => self.custom_field(entity, custom).map(as_field),
            None => catalogue(entity).and_then(|catalogue| catalogue.field(key)).cloned(),
        };
        match found {
            None => Lookup::Unknown,
            Some(_) if self.rule(entity).hidden.hides(key) => Lookup::Hidden,
            Some(field) => Lookup::Found(field),
        }
    }

    fn custom_field(&self, entity: Entity, key: &str) -> Option<&CustomField> {
        self.custom_fields.iter().find(|field| field.entity == entity && field.key == key)
    }
}

impl Schema for Access {
    fn field(&self, entity: Entity, key: &str) -> Lookup {
        self.lookup(entity, key)
    }

    fn relation(&self, entity: Entity, key: &str) -> Option<Relation> {
        catalogue(entity)?.relation(key)
    }

    fn visible(&self, entity: Entity) -> Option<CheckedFilter> {
        self.reach(entity, self.rule(entity).read)
    }
}

/// The catalogue of a kind of record that can be listed.
pub fn catalogue(entity: Entity) -> Option<&'static Catalogue> {
    match entity {
        Entity::Contact => Some(contact::catalogue()),
        Entity::Company => Some(company::catalogue()),
        Entity::Deal => Some(deal::catalogue()),
        Entity::Task => Some(task::catalogue()),
        Entity::Note => Some(activity::catalogue()),
        Entity::User => Some(User::catalogue()),
        _ => None,
    }
}

/// The field that says whose a record is; kinds without one are everybody's or nobody's.
pub(crate) fn owner_field(entity: Entity) -> Option<Field> {
    match entity {
        Entity::Contact | Entity::Company | Entity::Deal => Some(Field::reference("owner_id", Entity::User)),
        Entity::Task => Some(Field::reference("assignee_id", Entity::User)),
        _ => None,
    }
}

/// Whether a scope between none and all means anything for an action: only where the records have
/// an owner that is looked at.
fn narrows(entity: Entity, action: Action) -> bool {
    match entity {
        Entity::Note => matches!(action, Action::Update | Action::Delete),
        Entity::Import | Entity::Job => matches!(action, Action::Create | Action::Read | Action::Update),
        entity => owner_field(entity).is_some(),
    }
}

/// A rule as it holds: what tells of a hidden field is hidden with it.
fn as_it_holds(entity: Entity, mut rule: Rule) -> Rule {
    if entity == Entity::Deal && rule.hidden.hides("value") {
        rule.hidden = FieldMask::of(rule.hidden.iter().chain(["value_estimated"]).map(str::to_owned));
    }
    rule
}

/// Whether a mask can hide a field.
fn is_hideable(entity: Entity, key: &str) -> bool {
    let field = catalogue(entity).and_then(|catalogue| catalogue.field(key));
    match key.strip_prefix(crate::filter::CUSTOM_PREFIX) {
        Some(custom) => !custom.is_empty() && owner_field(entity).is_some(),
        None => field.is_some_and(|field| field.hideable),
    }
}

/// Refuses a rule that would not do what it says.
///
/// # Errors
/// `Invalid` for a rule of admins, who keep everything; for a scope that the kind of record cannot be
/// narrowed to; and for a field that cannot be hidden.
pub(crate) fn check_rule(role: Role, entity: Entity, rule: &Rule) -> Result<()> {
    let mut faults = Faults::default();
    if role == Role::Admin {
        faults.add("role", "role", "admins may always do everything");
    }
    for action in Action::ALL {
        if matches!(rule.scope(action), Scope::Own | Scope::Team) && !narrows(entity, action) {
            let message = format!("to {} a {entity} is allowed for all or for none", action.name());
            faults.add(action.name(), "scope", &message);
        }
    }
    for key in rule.hidden.iter().filter(|key| !is_hideable(entity, key)) {
        faults.add("hidden", "unknown_field", &format!("{key:?} is not a field of a {entity} that can be hidden"));
    }
    faults.into_result()
}

/// A custom field as filters see it.
fn as_field(custom: &CustomField) -> Field {
    let kind = match custom.kind {
        CustomKind::Text | CustomKind::Url => FieldKind::Text,
        CustomKind::Number => FieldKind::Real,
        CustomKind::Money => FieldKind::Money,
        CustomKind::Date => FieldKind::Date,
        CustomKind::Choice => FieldKind::Choice(Choices::Own(custom.choices.clone())),
        CustomKind::MultiChoice => FieldKind::Tags,
        CustomKind::Boolean => FieldKind::Bool,
        CustomKind::User => FieldKind::Reference(Entity::User),
        CustomKind::Reference => FieldKind::Reference(custom.target.unwrap_or(Entity::Contact)),
    };
    Field::custom(custom.id.uuid(), &custom.key, kind).hideable().importable()
}

/// Proof that an actor may do one action on one kind of record. [`crate::Session::require`] is its
/// only maker; every read of a workspace's data takes one.
#[derive(Clone, Debug)]
pub struct Grant {
    access: Arc<Access>,
    entity: Entity,
    action: Action,
    scope: Scope,
}

impl Grant {
    /// The grant for an action, where the matrix gives it any reach.
    pub(crate) fn new(access: Arc<Access>, entity: Entity, action: Action) -> Result<Self> {
        let rule = access.rule(entity);
        let scope = rule.reach(action);
        if scope == Scope::None {
            return Err(Error::denied(format!("needs the permission {entity}:{}", action.name())));
        }
        Ok(Self { access, entity, action, scope })
    }

    /// A grant that no rule gave; see [`crate::Session::internally`].
    pub(crate) fn internal(access: Arc<Access>, entity: Entity, action: Action) -> Self {
        Self { access, entity, action, scope: Scope::All }
    }

    /// The workspace that it opens.
    pub fn workspace_id(&self) -> Id<Workspace> {
        self.access.workspace.id
    }

    /// The workspace's settings.
    pub fn workspace(&self) -> &Workspace {
        &self.access.workspace
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.access.actor
    }

    /// The member who acts, unless the product itself does.
    pub fn user_id(&self) -> Option<Id<User>> {
        self.access.actor.user_id()
    }

    /// Where the caller's days are cut.
    pub fn zone(&self) -> Zone {
        let own = self.access.user.as_ref().and_then(|user| user.time_zone);
        own.unwrap_or(self.access.workspace.time_zone)
    }

    /// Which records of a kind the caller may see; a filter that nothing passes where none.
    pub fn visible(&self, entity: Entity) -> CheckedFilter {
        self.access.visible(entity).unwrap_or_else(CheckedFilter::nothing)
    }

    /// Whether the caller sees one record, as far as its owner tells; what hangs below another
    /// record (notes) is decided by [`Grant::visible`].
    pub fn sees_owner(&self, entity: Entity, owner: Option<Id<User>>) -> bool {
        self.reaches(entity, self.access.rule(entity).read, owner)
    }

    /// How far the caller gets among records of a kind: with the action among those of the grant's own, reading
    /// among others.
    pub(crate) fn scope_of(&self, entity: Entity) -> Scope {
        if entity == self.entity { self.scope } else { self.access.rule(entity).read }
    }

    /// Whether the grant's action reaches a record of its kind, as far as its owner tells.
    pub fn reaches_owner(&self, owner: Option<Id<User>>) -> bool {
        self.reaches(self.entity, self.scope, owner)
    }

    /// The members whose records the grant's action reaches, where it does not reach everybody's.
    pub fn reached_owners(&self) -> Vec<Uuid> {
        self.owners_within(self.scope)
    }

    /// The members whose records of a kind the caller sees, where they do not see everybody's.
    pub fn seen_owners(&self, entity: Entity) -> Vec<Uuid> {
        self.owners_within(self.access.rule(entity).read)
    }

    fn owners_within(&self, scope: Scope) -> Vec<Uuid> {
        match scope {
            Scope::Own => self.user_id().map(Id::uuid).into_iter().collect(),
            Scope::Team => self.access.teammates.clone(),
            Scope::None | Scope::All => Vec::new(),
        }
    }

    /// Refuses to act on a record outside the action's scope.
    ///
    /// # Errors
    /// `Denied`, because the caller sees the record.
    pub fn check_reach<T: Record>(&self, record: &T) -> Result<()> {
        if self.reaches(self.entity, self.scope, record.owner()) {
            return Ok(());
        }
        let what = format!("{} {} lies outside the permission", T::ENTITY, record.uuid());
        Err(Error::denied(format!("{what} {}:{}", self.entity, self.action.name())))
    }

    fn reaches(&self, entity: Entity, scope: Scope, owner: Option<Id<User>>) -> bool {
        let owned = owner_field(entity).is_some() || matches!(entity, Entity::Note | Entity::Import | Entity::Job);
        match (scope, self.user_id()) {
            (Scope::None, _) => false,
            (Scope::Own, Some(me)) if owned => owner == Some(me),
            (Scope::Team, Some(_)) if owned => {
                owner.is_some_and(|owner| self.access.teammates.binary_search(&owner.uuid()).is_ok())
            }
            _ => true,
        }
    }

    /// The fields of a kind of record that the caller does not see.
    pub fn mask(&self, entity: Entity) -> &FieldMask {
        &self.access.rule(entity).hidden
    }

    /// A record without the fields that the caller does not see, and without the values that a
    /// retired field left behind, also where another field has its key now.
    pub fn view<T: Record>(&self, mut record: T) -> View<T> {
        if let Some(values) = record.custom_values_mut() {
            let field = |key: &str| self.access.custom_field(T::ENTITY, key);
            values.retain(|key, value| field(key).is_some_and(|field| field.typed(value).is_some()));
        }
        View::new(record, self.mask(T::ENTITY))
    }

    /// Empties an image of custom values whose field was retired.
    pub(crate) fn drop_retired(&self, entity: Entity, image: &mut Map<String, Value>) {
        if let Some(values) = image.get_mut("custom").and_then(Value::as_object_mut) {
            values.retain(|key, _| self.access.custom_field(entity, key).is_some());
        }
    }

    /// Whether the caller sees a custom field, by its key without the prefix.
    pub(crate) fn sees_custom(&self, entity: Entity, key: &str) -> bool {
        self.access.custom_field(entity, key).is_some_and(|field| !self.mask(entity).hides(&field.filter_key()))
    }

    /// The custom fields of a kind of record that the caller sees.
    pub fn custom_fields(&self, entity: Entity) -> impl Iterator<Item = &CustomField> {
        let mask = self.mask(entity);
        let fields = self.access.custom_fields.iter().filter(move |field| field.entity == entity);
        fields.filter(|field| mask.is_empty() || !mask.hides(&field.filter_key()))
    }

    /// The definitions that values of this caller are checked against: a hidden field is no field,
    /// and asks for no value.
    pub(crate) fn definitions(&self, entity: Entity) -> Vec<CustomField> {
        self.custom_fields(entity).cloned().collect()
    }

    /// A field that filters, sorts and imports of this caller may name.
    pub fn field(&self, entity: Entity, key: &str) -> Option<Field> {
        match self.access.lookup(entity, key) {
            Lookup::Found(field) => Some(field),
            Lookup::Hidden | Lookup::Unknown => None,
        }
    }
}
