//! What can be asked of notes.

use std::sync::LazyLock;

use super::model::Note;
use crate::access::record::id_fact;
use crate::access::{Entity, Listed, SearchPart};
use crate::filter::{Catalogue, Field, FieldValue, Relation};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
    entity: Entity::Note,
    fields: vec![
        Field::reference("contact_id", Entity::Contact),
        Field::reference("company_id", Entity::Company),
        Field::reference("deal_id", Entity::Deal),
        Field::reference("author_id", Entity::User),
        Field::time("created_at").sortable().not_null(),
        Field::time("updated_at").sortable().not_null(),
    ],
    relations: vec![
        Relation { key: "contact", entity: Entity::Contact },
        Relation { key: "company", entity: Entity::Company },
        Relation { key: "deal", entity: Entity::Deal },
    ],
});

/// The catalogue of notes.
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

impl Listed for Note {
    fn catalogue() -> &'static Catalogue {
        &CATALOGUE
    }

    fn fact(&self, key: &str) -> FieldValue<'_> {
        match key {
            "contact_id" => id_fact(self.contact_id),
            "company_id" => id_fact(self.company_id),
            "deal_id" => id_fact(self.deal_id),
            "author_id" => id_fact(self.author_id),
            "created_at" => FieldValue::Time(self.created_at),
            "updated_at" => FieldValue::Time(self.updated_at),
            _ => FieldValue::Null,
        }
    }

    fn search_text(&self, part: SearchPart) -> String {
        match part {
            SearchPart::Open => self.body.clone(),
            SearchPart::Hideable => String::new(),
        }
    }
}
