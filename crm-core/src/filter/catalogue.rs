//! What can be asked of an entity: its fields, their kinds, its relations.
//!
//! Built-in and custom fields share one [`Field`]. Rooms write theirs down in `fields.rs` with the
//! `const` builders; the workspace's custom fields join a copy of that catalogue at run time.

use std::borrow::Cow;
use std::sync::Arc;

use uuid::Uuid;

use super::op::Op;
use crate::access::Entity;

/// Begins the key of every custom field, as in `custom.region`.
pub const CUSTOM_PREFIX: &str = "custom.";

/// What a field holds, and so how it compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldKind {
    /// Text; compares by [`crate::text::key`], orders by that key's bytes.
    Text,
    /// One of a closed list of texts.
    Choice(Choices),
    /// A whole number.
    Integer,
    /// A finite number.
    Real,
    /// An instant.
    Time,
    /// A calendar day.
    Date,
    /// True or false.
    Bool,
    /// An amount; true only against the same currency.
    Money,
    /// The id of another record.
    Reference(Entity),
    /// A set of texts, possibly empty: tags, and custom fields with several choices.
    Tags,
}

/// The texts that a choice may hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choices {
    /// Fixed in the program, in snake_case.
    Fixed(&'static [&'static str]),
    /// Written by the workspace.
    Own(Arc<[String]>),
}

impl Choices {
    /// The choices in their order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let (fixed, own): (&[&str], &[String]) = match self {
            Self::Fixed(fixed) => (fixed, &[]),
            Self::Own(own) => (&[], own),
        };
        fixed.iter().copied().chain(own.iter().map(String::as_str))
    }
}

impl FieldKind {
    /// Operators that this kind takes.
    pub const fn ops(&self) -> &'static [Op] {
        use Op::*;
        match self {
            Self::Text => &[Eq, Ne, Lt, Le, Gt, Ge, In, Contains, StartsWith, Between, IsNull],
            Self::Integer | Self::Real | Self::Time | Self::Date | Self::Money => {
                &[Eq, Ne, Lt, Le, Gt, Ge, In, Between, IsNull]
            }
            Self::Choice(_) | Self::Reference(_) => &[Eq, Ne, In, IsNull],
            Self::Bool => &[Eq, Ne, IsNull],
            Self::Tags => &[HasAny, HasAll, HasNone, IsNull],
        }
    }

    /// The snake_case name, for messages and for people who ask which fields there are.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Choice(_) => "choice",
            Self::Integer => "integer",
            Self::Real => "real",
            Self::Time => "time",
            Self::Date => "date",
            Self::Bool => "bool",
            Self::Money => "money",
            Self::Reference(_) => "reference",
            Self::Tags => "tags",
        }
    }
}

/// Where a field's values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// With the record; the adapter knows the place by the field's key.
    Column,
    /// With the custom values, under this definition.
    Custom(Uuid),
}

/// A field of an entity and what may be done with it.
///
/// Filterable and nullable unless said otherwise; sortable, hideable and importable only when said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name on the wire; custom fields begin with [`CUSTOM_PREFIX`].
    pub key: Cow<'static, str>,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether lists can be ordered by it.
    pub sortable: bool,
    /// Whether filters may ask for it.
    pub filterable: bool,
    /// Whether a role's mask can hide it.
    pub hideable: bool,
    /// Whether an import can write it.
    pub importable: bool,
    /// Whether it may be without a value.
    pub nullable: bool,
    /// Where its values are kept.
    pub source: Source,
}

impl Field {
    /// A built-in field of this kind.
    pub const fn new(key: &'static str, kind: FieldKind) -> Self {
        Self {
            key: Cow::Borrowed(key),
            kind,
            sortable: false,
            filterable: true,
            hideable: false,
            importable: false,
            nullable: true,
            source: Source::Column,
        }
    }

    /// A field that the workspace defined; `name` is its key without [`CUSTOM_PREFIX`].
    pub fn custom(definition: Uuid, name: &str, kind: FieldKind) -> Self {
        Self {
            key: Cow::Owned(format!("{CUSTOM_PREFIX}{name}")),
            source: Source::Custom(definition),
            ..Self::new("", kind)
        }
    }

    /// A text.
    pub const fn text(key: &'static str) -> Self {
        Self::new(key, FieldKind::Text)
    }

    /// One of a fixed list of snake_case texts.
    pub const fn choice(key: &'static str, choices: &'static [&'static str]) -> Self {
        Self::new(key, FieldKind::Choice(Choices::Fixed(choices)))
    }

    /// A whole number.
    pub const fn integer(key: &'static str) -> Self {
        Self::new(key, FieldKind::Integer)
    }

    /// A finite number.
    pub const fn real(key: &'static str) -> Self {
        Self::new(key, FieldKind::Real)
    }

    /// An instant.
    pub const fn time(key: &'static str) -> Self {
        Self::new(key, FieldKind::Time)
    }

    /// A calendar day.
    pub const fn date(key: &'static str) -> Self {
        Self::new(key, FieldKind::Date)
    }

    /// True or false.
    pub const fn bool(key: &'static str) -> Self {
        Self::new(key, FieldKind::Bool)
    }

    /// An amount.
    pub const fn money(key: &'static str) -> Self {
        Self::new(key, FieldKind::Money)
    }

    /// The id of another record.
    pub const fn reference(key: &'static str, entity: Entity) -> Self {
        Self::new(key, FieldKind::Reference(entity))
    }

    /// A set of texts; empty rather than null.
    pub const fn tags(key: &'static str) -> Self {
        Self::new(key, FieldKind::Tags).not_null()
    }

    /// Lists can be ordered by it.
    #[must_use]
    pub const fn sortable(mut self) -> Self {
        self.sortable = true;
        self
    }

    /// Filters may not ask for it.
    #[must_use]
    pub const fn unfilterable(mut self) -> Self {
        self.filterable = false;
        self
    }

    /// A role's mask can hide it.
    #[must_use]
    pub const fn hideable(mut self) -> Self {
        self.hideable = true;
        self
    }

    /// An import can write it.
    #[must_use]
    pub const fn importable(mut self) -> Self {
        self.importable = true;
        self
    }

    /// It always has a value.
    #[must_use]
    pub const fn not_null(mut self) -> Self {
        self.nullable = false;
        self
    }
}

/// A way from a record to related records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relation {
    /// The name on the wire, as in `company`.
    pub key: &'static str,
    /// What the related records are.
    pub entity: Entity,
}

/// Everything that can be asked of one entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalogue {
    /// The entity.
    pub entity: Entity,
    /// Its fields, in the order in which people should see them.
    pub fields: Vec<Field>,
    /// Its relations.
    pub relations: Vec<Relation>,
}

impl Catalogue {
    /// The field with this key.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.key == key)
    }

    /// The relation with this key.
    pub fn relation(&self, key: &str) -> Option<Relation> {
        self.relations.iter().copied().find(|relation| relation.key == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static NAME: Field = Field::text("name").sortable().importable().hideable().not_null();

    #[test]
    fn built_in_and_custom_fields_are_found_alike() {
        let definition = Uuid::from_u128(7);
        let catalogue = Catalogue {
            entity: Entity::Company,
            fields: vec![NAME.clone(), Field::custom(definition, "region", FieldKind::Text)],
            relations: Vec::new(),
        };
        assert_eq!(catalogue.field("name"), Some(&NAME));
        assert_eq!(catalogue.field("custom.region").unwrap().source, Source::Custom(definition));
        assert_eq!(catalogue.field("region"), None);
    }
}
