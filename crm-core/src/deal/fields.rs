//! What can be asked of deals.

use std::sync::LazyLock;

use super::category::ForecastCategory;
use super::model::{Deal, DealStatus};
use crate::access::record::{id_fact, tags_fact, text_fact};
use crate::access::{Entity, Listed, SearchPart};
use crate::custom_field::CustomValues;
use crate::filter::{Catalogue, Field, FieldValue, Relation};

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue {
    entity: Entity::Deal,
    fields: vec![
        Field::text("title").sortable().importable().not_null(),
        Field::money("value").sortable().importable().hideable(),
        Field::bool("value_estimated").importable().not_null(),
        Field::reference("pipeline_id", Entity::Pipeline).not_null(),
        // Stages live inside their pipeline; a stage's id is compared like any other.
        Field::reference("stage_id", Entity::Pipeline).not_null(),
        Field::choice("status", &DealStatus::NAMES).sortable().not_null(),
        Field::time("stage_entered_at").sortable().not_null(),
        Field::time("opened_at").sortable().importable(),
        Field::time("closed_at").sortable().importable(),
        Field::date("expected_close_date").sortable().importable(),
        Field::integer("probability").importable(),
        Field::choice("forecast_category", &ForecastCategory::NAMES).importable(),
        Field::text("lost_reason").importable(),
        Field::reference("contact_id", Entity::Contact),
        Field::reference("company_id", Entity::Company),
        Field::reference("owner_id", Entity::User),
        Field::text("source").sortable().importable().hideable(),
        Field::text("external_id").importable(),
        Field::tags("tags").importable(),
        Field::time("created_at").sortable().importable().not_null(),
        Field::time("updated_at").sortable().not_null(),
    ],
    relations: vec![
        Relation { key: "company", entity: Entity::Company },
        Relation { key: "contact", entity: Entity::Contact },
        Relation { key: "owner", entity: Entity::User },
        Relation { key: "notes", entity: Entity::Note },
        Relation { key: "tasks", entity: Entity::Task },
    ],
});

/// The catalogue of deals, without custom fields.
pub fn catalogue() -> &'static Catalogue {
    &CATALOGUE
}

impl Listed for Deal {
    fn catalogue() -> &'static Catalogue {
        &CATALOGUE
    }

    fn fact(&self, key: &str) -> FieldValue<'_> {
        match key {
            "title" => FieldValue::Text(self.title.as_str().into()),
            "value" => self.value.map_or(FieldValue::Null, |value| FieldValue::Money {
                amount_minor: value.amount_minor,
                currency: value.currency.code().into(),
            }),
            "value_estimated" => FieldValue::Bool(self.value_estimated),
            "pipeline_id" => FieldValue::Id(self.pipeline_id.uuid()),
            "stage_id" => FieldValue::Id(self.stage_id.uuid()),
            "status" => FieldValue::Text(self.status.name().into()),
            "stage_entered_at" => FieldValue::Time(self.stage_entered_at),
            "opened_at" => self.opened_at.map_or(FieldValue::Null, FieldValue::Time),
            "closed_at" => self.closed_at.map_or(FieldValue::Null, FieldValue::Time),
            "expected_close_date" => self.expected_close_date.map_or(FieldValue::Null, FieldValue::Date),
            "probability" => self.probability.map_or(FieldValue::Null, FieldValue::Integer),
            "forecast_category" => text_fact(self.forecast_category.map(ForecastCategory::name)),
            "lost_reason" => text_fact(self.lost_reason.as_deref()),
            "contact_id" => id_fact(self.contact_id),
            "company_id" => id_fact(self.company_id),
            "owner_id" => id_fact(self.owner_id),
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
        match part {
            SearchPart::Open => self.title.clone(),
            SearchPart::Hideable => String::new(),
        }
    }
}
