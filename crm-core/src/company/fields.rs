//! What can be asked of companies.

use std::sync::LazyLock;

use super::model::Company;
use crate::access::record::{id_fact, tags_fact, text_fact};
use crate::access::{Entity, Listed, SearchPart};
use crate::custom_field::CustomValues;
use crate::filter::{Catalogue, Field, FieldValue, Relation};
use crate::text::Domain;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
    entity: Entity::Company,
    fields: vec![
        Field::text("name").sortable().importable().not_null(),
        Field::text("domain").sortable().importable().hideable(),
        Field::text("industry").sortable().importable().hideable(),
        Field::integer("employees").sortable().importable().hideable(),
        Field::reference("owner_id", Entity::User),
        Field::text("external_id").importable(),
        Field::tags("tags").importable(),
        Field::time("created_at").sortable().importable().not_null(),
        Field::time("updated_at").sortable().not_null(),
    ],
    relations: vec![
        Relation { key: "owner", entity: Entity::User },
        Relation { key: "contacts", entity: Entity::Contact },
        Relation { key: "deals", entity: Entity::Deal },
        Relation { key: "notes", entity: Entity::Note },
        Relation { key: "tasks", entity: Entity::Task },
    ],
});

/// The catalogue of companies, without custom fields.
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

impl Listed for Company {
    fn catalogue() -> &'static Catalogue {
        &CATALOGUE
    }

    fn fact(&self, key: &str) -> FieldValue<'_> {
        match key {
            "name" => FieldValue::Text(self.name.as_str().into()),
            "domain" => text_fact(self.domain.as_ref().map(Domain::as_str)),
            "industry" => text_fact(self.industry.as_deref()),
            "employees" => self.employees.map_or(FieldValue::Null, FieldValue::Integer),
            "owner_id" => id_fact(self.owner_id),
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
        match part {
            SearchPart::Open => self.name.clone(),
            SearchPart::Hideable => {
                let parts = [self.domain.as_ref().map(Domain::as_str), self.industry.as_deref()];
                parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
            }
        }
    }
}
