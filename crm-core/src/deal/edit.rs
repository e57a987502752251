//! What a caller sets of a deal.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::category::ForecastCategory;
use crate::access::{Entity, FieldMask};
use crate::company::Company;
use crate::contact::Contact;
use crate::custom_field::CustomValues;
use crate::edit::{Edit, RecordEdit};
use crate::id::Id;
use crate::money::Money;
use crate::pipeline::Stage;
use crate::time::deserialize_day_edit;
use crate::user::User;

/// What a caller sets. Only a move changes the stage.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DealEdit {
    /// What people call it, at most 300 characters.
    #[cfg_attr(feature = "schema", schema(value_type = String, max_length = 300))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub title: Edit<String>,
    /// What it is worth: 0 to 10^15 minor units.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Money>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub value: Edit<Money>,
    /// Whether the value is an estimate; a value that is set is none unless this says so.
    #[cfg_attr(feature = "schema", schema(value_type = Option<bool>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub value_estimated: Edit<bool>,
    /// The day on which it is expected to close.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, format = Date))]
    #[serde(skip_serializing_if = "Edit::is_keep", deserialize_with = "deserialize_day_edit")]
    pub expected_close_date: Edit<NaiveDate>,
    /// How likely it is to be won, in per cent, in place of what its stage says.
    #[cfg_attr(feature = "schema", schema(value_type = Option<i64>, minimum = 0, maximum = 100))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub probability: Edit<i64>,
    /// How sure it is, in place of what its probability says.
    #[cfg_attr(feature = "schema", schema(value_type = Option<ForecastCategory>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub forecast_category: Edit<ForecastCategory>,
    /// Why it was lost, at most 500 characters; a deal that is not lost has none.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 500))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub lost_reason: Edit<String>,
    /// With whom.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Id<Contact>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub contact_id: Edit<Id<Contact>>,
    /// With which company.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Id<Company>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub company_id: Edit<Id<Company>>,
    /// Who sells; a new record without one belongs to the caller.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Id<User>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub owner_id: Edit<Id<User>>,
    /// Where it came from, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 200))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub source: Edit<String>,
    /// The record's id in another system, at most 200 characters.
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 200))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub external_id: Edit<String>,
    /// Labels; the list replaces the old one.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Vec<crate::tag::TagName>>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub tags: Edit<Vec<String>>,
    /// Custom values; a change touches only the keys it names, and `null` removes a value.
    #[cfg_attr(feature = "schema", schema(value_type = Option<Object>))]
    #[serde(skip_serializing_if = "Edit::is_keep")]
    pub custom: Edit<CustomValues>,
}

/// Where a deal goes.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MoveStage {
    /// A stage of the deal's pipeline.
    pub stage_id: Id<Stage>,
    /// The stage where the caller saw the deal: one that is in another by now is not moved.
    #[serde(default)]
    pub from_stage_id: Option<Id<Stage>>,
    /// Why the deal is lost, at most 500 characters; for lost stages alone.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, max_length = 500))]
    pub lost_reason: Edit<String>,
}

impl From<Id<Stage>> for MoveStage {
    fn from(stage_id: Id<Stage>) -> Self {
        Self { stage_id, from_stage_id: None, lost_reason: Edit::Keep }
    }
}

impl RecordEdit for DealEdit {
    const ENTITY: Entity = Entity::Deal;

    fn named(&self) -> Vec<&'static str> {
        let fields = [
            self.title.named("title"),
            self.value.named("value"),
            // Whoever does not see the value says nothing of it.
            self.value_estimated.named("value"),
            self.expected_close_date.named("expected_close_date"),
            self.probability.named("probability"),
            self.forecast_category.named("forecast_category"),
            self.lost_reason.named("lost_reason"),
            self.contact_id.named("contact_id"),
            self.company_id.named("company_id"),
            self.owner_id.named("owner_id"),
            self.source.named("source"),
            self.external_id.named("external_id"),
            self.tags.named("tags"),
        ];
        fields.into_iter().flatten().collect()
    }

    fn custom_mut(&mut self) -> &mut Edit<CustomValues> {
        &mut self.custom
    }

    fn replacing(mut self, mask: &FieldMask) -> Self {
        self.title.replacing("title", mask);
        self.value.replacing("value", mask);
        self.value_estimated.replacing("value", mask);
        self.expected_close_date.replacing("expected_close_date", mask);
        self.probability.replacing("probability", mask);
        self.forecast_category.replacing("forecast_category", mask);
        self.lost_reason.replacing("lost_reason", mask);
        self.contact_id.replacing("contact_id", mask);
        self.company_id.replacing("company_id", mask);
        self.source.replacing("source", mask);
        self.external_id.replacing("external_id", mask);
        self.tags.replacing("tags", mask);
        self
    }
}
