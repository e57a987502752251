//! The permission matrix: role × entity × action, each with the records that it reaches.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entity::Entity;
use super::grant::check_rule;
use super::mask::FieldMask;
use super::role::Role;
use crate::error::{Error, Result};

/// What is done to a record. Moving a deal is updating it; completing a task too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Action {
    /// Make one.
    Create,
    /// See it.
    Read,
    /// Change it.
    Update,
    /// Delete, restore or purge it.
    Delete,
    /// Take many out of the product.
    Export,
    /// Give it to another owner.
    Assign,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 6] =
        [Action::Create, Action::Read, Action::Update, Action::Delete, Action::Export, Action::Assign];

    /// The snake_case name.
    pub const fn name(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Read => "read",
            Action::Update => "update",
            Action::Delete => "delete",
            Action::Export => "export",
            Action::Assign => "assign",
        }
    }
}

/// Which records an action reaches; each scope holds the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum Scope {
    /// None.
    #[default]
    None,
    /// Those that the member owns.
    Own,
    /// Those of anybody in the member's teams, the member included.
    Team,
    /// All of the workspace, those without an owner included.
    All,
}

/// What one role may do with one kind of record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Rule {
    /// Whose records it may make.
    pub create: Scope,
    /// Which it sees.
    pub read: Scope,
    /// Which it changes.
    pub update: Scope,
    /// Which it deletes.
    pub delete: Scope,
    /// Which it may export.
    pub export: Scope,
    /// Which it may give away.
    pub assign: Scope,
    /// Fields that it does not see.
    #[serde(skip_serializing_if = "FieldMask::is_empty")]
    pub hidden: FieldMask,
}

impl Rule {
    /// Everything, on every record.
    pub const ALL: Rule = Rule {
        create: Scope::All,
        read: Scope::All,
        update: Scope::All,
        delete: Scope::All,
        export: Scope::All,
        assign: Scope::All,
        hidden: FieldMask::NONE,
    };

    /// Nothing.
    pub const NONE: Rule = Rule {
        create: Scope::None,
        read: Scope::None,
        update: Scope::None,
        delete: Scope::None,
        export: Scope::None,
        assign: Scope::None,
        hidden: FieldMask::NONE,
    };

    const READ: Rule = Rule {
        create: Scope::None,
        read: Scope::All,
        update: Scope::None,
        delete: Scope::None,
        export: Scope::None,
        assign: Scope::None,
        hidden: FieldMask::NONE,
    };

    /// The records that an action reaches.
    pub fn scope(&self, action: Action) -> Scope {
        match action {
            Action::Create => self.create,
            Action::Read => self.read,
            Action::Update => self.update,
            Action::Delete => self.delete,
            Action::Export => self.export,
            Action::Assign => self.assign,
        }
    }

    /// The records that an action reaches after all: nobody acts on what they cannot see.
    pub(crate) fn reach(&self, action: Action) -> Scope {
        if action == Action::Create { self.create } else { self.scope(action).min(self.read) }
    }

    /// Whether it allows anything that another rule does not.
    pub(crate) fn exceeds(&self, other: &Rule) -> bool {
        let shows_more = self.read > Scope::None && other.hidden.iter().any(|key| !self.hidden.hides(key));
        shows_more || Action::ALL.into_iter().any(|action| self.reach(action) > other.reach(action))
    }
}

/// The rules of every role; a workspace may replace any cell of the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Matrix {
    overrides: BTreeMap<Role, BTreeMap<Entity, Rule>>,
}

impl Matrix {
    /// Whether the workspace keeps every default.
    pub fn is_default(&self) -> bool {
        self.overrides.is_empty()
    }

    /// Replaces the rule of one cell.
    pub fn set(&mut self, role: Role, entity: Entity, rule: Rule) {
        self.overrides.entry(role).or_default().insert(entity, rule);
    }

    /// The same with every cell, as it holds.
    #[must_use]
    pub fn complete(&self) -> Self {
        let rules = |role| Entity::ALL.into_iter().map(|entity| (entity, self.rule(role, entity))).collect();
        Self { overrides: Role::ALL.into_iter().map(|role| (role, rules(role))).collect() }
    }

    /// The same without the cells that say what holds anyway.
    ///
    /// # Errors
    /// `Invalid` with every fault of the others, at `role.kind`.
    pub(crate) fn checked(self) -> Result<Self> {
        let (defaults, mut kept, mut faults) = (Self::default(), Self::default(), Vec::new());
        for (role, rules) in self.overrides {
            for (entity, rule) in rules {
                if rule == defaults.rule(role, entity) {
                    continue;
                }
                match check_rule(role, entity, &rule) {
                    Ok(()) => kept.set(role, entity, rule),
                    Err(error) => faults.extend_from_slice(error.under(&format!("{role}.{entity}")).fields()),
                }
            }
        }
        if faults.is_empty() { Ok(kept) } else { Err(Error::invalid_fields(faults)) }
    }

    /// The rule of one cell. Admins keep theirs whatever the workspace says, so that nobody can
    /// lock the workspace up.
    pub fn rule(&self, role: Role, entity: Entity) -> Rule {
        if role == Role::Admin {
            return Rule::ALL;
        }
        self.overrides
            .get(&role)
            .and_then(|rules| rules.get(&entity))
            .cloned()
            .unwrap_or_else(|| default_rule(role, entity))
    }
}

/// On the wire the cells stand by themselves.
#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Matrix {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        use utoipa::ToSchema as _;
        use utoipa::openapi::{ObjectBuilder, Ref, Schema};
        let rules = ObjectBuilder::new().additional_properties(Some(Ref::from_schema_name(Rule::name())));
        ObjectBuilder::new()
            .description(Some("Rules by role and then by kind of record; where one is absent the default holds."))
            .additional_properties(Some(Schema::from(rules)))
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Matrix {
    fn name() -> std::borrow::Cow<'static, str> {
        "Matrix".into()
    }

    fn schemas(schemas: &mut Vec<(String, utoipa::openapi::RefOr<utoipa::openapi::schema::Schema>)>) {
        use utoipa::PartialSchema as _;
        schemas.push((Rule::name().into_owned(), Rule::schema()));
        Rule::schemas(schemas);
    }
}

/// The rule of a cell where the workspace says nothing.
fn default_rule(role: Role, entity: Entity) -> Rule {
    match entity {
        Entity::Workspace | Entity::User | Entity::Team | Entity::Pipeline | Entity::CustomField => Rule::READ,
        Entity::Tag if role == Role::SupportAgent => Rule::READ,
        Entity::Tag => Rule { create: Scope::All, ..Rule::READ },
        Entity::Note => Rule { create: Scope::All, update: Scope::Own, delete: Scope::Own, ..Rule::READ },
        Entity::Import => match role {
            Role::Manager => Rule { create: Scope::All, update: Scope::All, ..Rule::READ },
            Role::Closer | Role::SalesRep => {
                Rule { create: Scope::Own, read: Scope::Own, update: Scope::Own, ..Rule::NONE }
            }
            _ => Rule::NONE,
        },
        Entity::Job if role == Role::Manager => Rule { update: Scope::All, ..Rule::READ },
        Entity::Job => Rule { read: Scope::Own, update: Scope::Own, ..Rule::NONE },
        Entity::ExchangeRate | Entity::MailTemplate if role == Role::Manager => {
            Rule { create: Scope::All, update: Scope::All, delete: Scope::All, ..Rule::READ }
        }
        // It is sent what an admin sees.
        Entity::WebhookEndpoint => Rule::NONE,
        Entity::ExchangeRate | Entity::MailTemplate => Rule::READ,
        Entity::Contact | Entity::Company | Entity::Deal | Entity::Task => default_record_rule(role, entity),
    }
}

/// Defaults for the records that have owners.
fn default_record_rule(role: Role, entity: Entity) -> Rule {
    match (role, entity) {
        (Role::Admin, _) => Rule::ALL,
        (Role::Manager, _) => Rule { delete: Scope::Team, ..Rule::ALL },
        // Setters make appointments for closers, and everybody has something to do.
        (_, Entity::Task) => Rule { create: Scope::Team, ..own(Scope::Team) },
        (Role::Closer | Role::SalesRep, Entity::Deal) => own(Scope::Team),
        (Role::Closer | Role::SalesRep, _) => own(Scope::All),
        (Role::Setter, Entity::Deal) => own(Scope::Own),
        (Role::Setter, _) => own(Scope::Team),
        (Role::SupportAgent, Entity::Deal) => Rule { hidden: FieldMask::of(["value"]), ..Rule::READ },
        (Role::SupportAgent, _) => Rule::READ,
    }
}

/// Makes and changes the member's own records, and sees as far as `read`.
fn own(read: Scope) -> Rule {
    Rule {
        create: Scope::Own,
        read,
        update: Scope::Own,
        delete: Scope::Own,
        export: Scope::Own,
        assign: Scope::Own,
        hidden: FieldMask::NONE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_cannot_be_locked_out() {
        let mut matrix = Matrix::default();
        matrix.set(Role::Admin, Entity::Contact, Rule::default());
        assert_eq!(matrix.rule(Role::Admin, Entity::Contact), Rule::ALL);
    }

    #[test]
    fn a_rule_exceeds_another_where_it_reaches_further_or_shows_more() {
        let hiding = |read| Rule { hidden: FieldMask::of(["email"]), read, ..Rule::ALL };
        assert!(!Rule::ALL.exceeds(&Rule::ALL) && !Rule::NONE.exceeds(&Rule::NONE));
        for action in Action::ALL {
            let mut less = Rule::ALL;
            match action {
                Action::Create => less.create = Scope::Team,
                Action::Read => less.read = Scope::Team,
                Action::Update => less.update = Scope::Team,
                Action::Delete => less.delete = Scope::Team,
                Action::Export => less.export = Scope::Team,
                Action::Assign => less.assign = Scope::Team,
            }
            assert!(Rule::ALL.exceeds(&less) && !less.exceeds(&Rule::ALL), "{action:?}");
        }
        assert!(Rule::ALL.exceeds(&hiding(Scope::All)) && !hiding(Scope::All).exceeds(&Rule::ALL));
        // What is not seen shows nothing and is not changed.
        let blind = Rule { create: Scope::None, read: Scope::None, ..Rule::ALL };
        assert!(!blind.exceeds(&Rule::NONE) && !blind.exceeds(&Rule { create: Scope::None, ..hiding(Scope::None) }));
    }

    #[test]
    fn a_workspace_replaces_one_cell_and_no_other() {
        let mut matrix = Matrix::default();
        matrix.set(Role::Setter, Entity::Contact, Rule::default());
        assert_eq!(matrix.rule(Role::Setter, Entity::Contact), Rule::default());
        assert_eq!(matrix.rule(Role::Setter, Entity::Company), default_rule(Role::Setter, Entity::Company));
        assert_eq!(matrix.rule(Role::Closer, Entity::Contact), default_rule(Role::Closer, Entity::Contact));
    }

    #[test]
    fn nobody_but_admins_changes_people_or_settings() {
        for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
            for entity in [Entity::Workspace, Entity::User, Entity::Team, Entity::Pipeline, Entity::CustomField] {
                assert_eq!(Matrix::default().rule(role, entity), Rule::READ, "{role} {entity}");
            }
        }
    }

    #[test]
    fn nobody_changes_what_they_cannot_see() {
        for role in Role::ALL {
            for entity in Entity::ALL {
                let rule = Matrix::default().rule(role, entity);
                for action in [Action::Update, Action::Delete, Action::Export, Action::Assign] {
                    assert!(rule.scope(action) <= rule.read, "{role} {entity} {action:?}");
                }
            }
        }
    }

    #[test]
    fn a_matrix_is_the_default_until_a_cell_is_replaced() {
        let mut matrix = Matrix::default();
        assert!(matrix.is_default());
        matrix.set(Role::Setter, Entity::Contact, Rule::default());
        assert!(!matrix.is_default());
    }

    #[test]
    fn by_default_a_role_does_to_records_what_its_work_asks_for() {
        for (role, entity, rule) in [
            (Role::Manager, Entity::Deal, Rule { delete: Scope::Team, ..Rule::ALL }),
            (Role::Closer, Entity::Deal, own(Scope::Team)),
            (Role::SalesRep, Entity::Contact, own(Scope::All)),
            (Role::Setter, Entity::Deal, own(Scope::Own)),
            (Role::Setter, Entity::Company, own(Scope::Team)),
            (Role::SupportAgent, Entity::Contact, Rule::READ),
            (Role::Manager, Entity::Task, Rule { delete: Scope::Team, ..Rule::ALL }),
            (Role::Setter, Entity::Task, Rule { create: Scope::Team, ..own(Scope::Team) }),
            (Role::SupportAgent, Entity::Task, Rule { create: Scope::Team, ..own(Scope::Team) }),
            (Role::SupportAgent, Entity::Deal, Rule { hidden: FieldMask::of(["value"]), ..Rule::READ }),
        ] {
            assert_eq!(Matrix::default().rule(role, entity), rule, "{role} {entity}");
        }
        let own = own(Scope::All);
        assert!(Action::ALL.into_iter().all(|action| action == Action::Read || own.scope(action) == Scope::Own));
    }

    #[test]
    fn by_default_support_makes_no_tags_and_managers_run_the_imports_of_all() {
        let rule = |role, entity| Matrix::default().rule(role, entity);
        for role in [Role::Manager, Role::Closer, Role::Setter, Role::SalesRep] {
            assert_eq!(rule(role, Entity::Tag), Rule { create: Scope::All, ..Rule::READ }, "{role}");
        }
        assert_eq!(rule(Role::SupportAgent, Entity::Tag), Rule::READ);
        for role in [Role::Closer, Role::SalesRep] {
            let own = Rule { create: Scope::Own, read: Scope::Own, update: Scope::Own, ..Rule::NONE };
            assert_eq!(rule(role, Entity::Import), own, "{role}");
        }
        for role in [Role::Setter, Role::SupportAgent] {
            assert_eq!(rule(role, Entity::Import), Rule::NONE, "{role}");
        }
        for role in [Role::Closer, Role::Setter, Role::SalesRep, Role::SupportAgent] {
            let own = Rule { read: Scope::Own, update: Scope::Own, ..Rule::NONE };
            assert_eq!(rule(role, Entity::Job), own, "{role}");
        }
        let all = Rule { update: Scope::All, ..Rule::READ };
        assert_eq!(rule(Role::Manager, Entity::Import), Rule { create: Scope::All, ..all.clone() });
        assert_eq!(rule(Role::Manager, Entity::Job), all);
    }

    #[test]
    fn by_default_managers_set_exchange_rates_and_everybody_sees_them() {
        let rule = |role| Matrix::default().rule(role, Entity::ExchangeRate);
        let all = Rule { create: Scope::All, update: Scope::All, delete: Scope::All, ..Rule::READ };
        assert_eq!(rule(Role::Manager), all);
        for role in [Role::Closer, Role::Setter, Role::SalesRep, Role::SupportAgent] {
            assert_eq!(rule(role), Rule::READ, "{role}");
        }
    }

    #[test]
    fn by_default_admins_alone_have_to_do_with_webhook_endpoints() {
        let rule = |role| Matrix::default().rule(role, Entity::WebhookEndpoint);
        assert_eq!(rule(Role::Admin), Rule::ALL);
        for role in [Role::Manager, Role::Closer, Role::Setter, Role::SalesRep, Role::SupportAgent] {
            assert_eq!(rule(role), Rule::NONE, "{role}");
        }
    }

    #[cfg(feature = "schema")]
    #[test]
    fn the_schema_of_a_matrix_has_rules_by_role_and_kind() {
        use utoipa::{PartialSchema as _, ToSchema as _};
        let schema = serde_json::to_value(Matrix::schema()).unwrap();
        let rule = &schema["additionalProperties"]["additionalProperties"]["$ref"];
        assert_eq!((Matrix::name().as_ref(), rule), ("Matrix", &serde_json::json!("#/components/schemas/Rule")));
        let mut schemas = Vec::new();
        Matrix::schemas(&mut schemas);
        assert!(schemas.iter().any(|(name, _)| name == "Rule") && schemas.len() > 1);
    }
}
