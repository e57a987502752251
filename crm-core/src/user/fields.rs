//! What can be asked of members.

use std::sync::LazyLock;

use super::model::User;
use crate::access::record::text_fact;
use crate::access::{Entity, Listed, SearchPart};
use crate::filter::{Catalogue, Field, FieldValue};
use crate::text::Email;

/// Every role's name.
const ROLES: [&str; 6] = ["admin", "manager", "closer", "setter", "sales_rep", "support_agent"];
/// Every status's name.
const STATUSES: [&str; 3] = ["invited", "active", "suspended"];

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
    entity: Entity::User,
    fields: vec![
        Field::text("name").sortable().not_null(),
        Field::text("email").sortable(),
        Field::choice("role", &ROLES).sortable().not_null(),
        Field::choice("status", &STATUSES).sortable().not_null(),
        Field::time("created_at").sortable().not_null(),
        Field::time("updated_at").sortable().not_null(),
    ],
    relations: Vec::new(),
});

impl Listed for User {
    fn catalogue() -> &'static Catalogue {
        &CATALOGUE
    }

    fn fact(&self, key: &str) -> FieldValue<'_> {
        match key {
            "name" => FieldValue::Text(self.name.as_str().into()),
            "email" => text_fact(self.email.as_ref().map(Email::as_str)),
            "role" => FieldValue::Text(self.role.name().into()),
            "status" => FieldValue::Text(self.status.name().into()),
            "created_at" => FieldValue::Time(self.created_at),
            "updated_at" => FieldValue::Time(self.updated_at),
            _ => FieldValue::Null,
        }
    }

    fn search_text(&self, part: SearchPart) -> String {
        match part {
            SearchPart::Open => format!("{} {}", self.name, self.email.as_ref().map_or("", Email::as_str)),
            SearchPart::Hideable => String::new(),
        }
    }
}
