//! What can be asked of contacts.

use std::sync::LazyLock;

use super::model::{Contact, Lifecycle};
use crate::access::record::{id_fact, tags_fact, text_fact};
use crate::access::{Entity, Listed, SearchPart};
use crate::custom_field::CustomValues;
use crate::filter::{Catalogue, Field, FieldValue, Relation};
use crate::text::{Email, Phone};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
    entity: Entity::Contact,
    fields: vec![
        Field::text("first_name").sortable().importable(),
        Field::text("last_name").sortable().importable(),
        Field::text("email").sortable().importable().hideable(),
        Field::text("phone").sortable().importable().hideable(),
        Field::text("title").sortable().importable().hideable(),
        Field::reference("company_id", Entity::Company),
        Field::reference("owner_id", Entity::User),
        Field::choice("lifecycle", &Lifecycle::NAMES).sortable().importable().not_null(),
        Field::text("source").sortable().importable().hideable(),
        Field::text("external_id").importable(),
        Field::tags("tags").importable(),
        Field::time("created_at").sortable().importable().not_null(),
        Field::time("updated_at").sortable().not_null(),
    ],
    relations: vec![
        Relation { key: "company", entity: Entity::Company },
        Relation { key: "owner", entity: Entity::User },
        Relation { key: "deals", entity: Entity::Deal },
        Relation { key: "notes", entity: Entity::Note },
        Relation { key: "tasks", entity: Entity::Task },
    ],
});

/// The catalogue of contacts, without custom fields.
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

impl Listed for Contact {
    fn catalogue() -> &'static Catalogue {
        &CATALOGUE
    }

    fn fact(&self, key: &str) -> FieldValue<'_> {
        match key {
            "first_name" => text_fact(self.first_name.as_deref()),
            "last_name" => text_fact(self.last_name.as_deref()),
            "email" => text_fact(self.email.as_ref().map(Email::as_str)),
            "phone" => text_fact(self.phone.as_ref().map(Phone::as_str)),
            "title" => text_fact(self.title.as_deref()),
            "company_id" => id_fact(self.company_id),
            "owner_id" => id_fact(self.owner_id),
            "lifecycle" => FieldValue::Text(self.lifecycle.name().into()),
            "source" => text_fact(self.source.as_deref()),
            "external_id" => text_fact(self.external_id.as_deref()),
            "tags" => tags_fact(&self.tags),
            "created_at" => FieldValue::Time(self.created_at),
            "updated_at" => FieldValue::Time(self.updated_at),
            _ => FieldValue::Null,
        }
    }

    fn custom_values(&self) -> Option<&CustomValues> {
        Some(&self.custom)
    }

    fn search_text(&self, part: SearchPart) -> String {
        let parts = match part {
            SearchPart::Open => [self.first_name.as_deref(), self.last_name.as_deref(), None],
            SearchPart::Hideable => {
                [self.email.as_ref().map(Email::as_str), self.phone.as_ref().map(Phone::as_str), self.title.as_deref()]
            }
        };
        parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}
