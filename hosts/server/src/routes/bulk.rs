//! What bulk work takes, for every kind of record alike.

use crm_core::bulk::{BulkChange, BulkEdit, BulkMode, Selection};
use crm_core::tag::TagName;
use crm_core::user::User;
use crm_core::{Error, Filter, Id, Result};
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use crate::extract::{Bounded, EditItem, Item};

/// Records to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, bound = "E: serde::de::DeserializeOwned")]
pub(super) struct BulkCreate<E> {
    /// 1 to 10,000 of them.
    #[schema(value_type = Vec<E>, min_items = 1, max_items = 10_000)]
    items: Bounded<Item<E>>,
    /// What becomes of the other items where one is at fault.
    #[serde(default)]
    mode: BulkMode,
}

impl<E> BulkCreate<E> {
    /// The items, those that could not be read as their errors, and the mode.
    pub(super) fn into_items(self) -> (Vec<Result<E>>, BulkMode) {
        (self.items.0.into_iter().map(|item| item.0).collect(), self.mode)
    }
}

/// Records to be changed: each in its own way (`items`), or all alike (`ids` or `filter`, and `set`).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields, bound = "E: serde::de::DeserializeOwned")]
pub(super) struct BulkUpdate<T, E> {
    /// Changes of single records: `id`, perhaps the `version` that the change is based on, and the
    /// fields to change. 1 to 10,000 of them.
    #[schema(value_type = Option<Vec<Object>>, min_items = 1, max_items = 10_000)]
    items: Option<Bounded<EditItem<T, E>>>,
    /// The records to change alike.
    #[schema(value_type = Option<Vec<Id<T>>>, min_items = 1, max_items = 10_000)]
    ids: Option<Bounded<Id<T>>>,
    /// The records to change alike, described; more than 10,000 are changed by a job.
    filter: Option<Filter>,
    /// The fields that all of them get.
    set: Option<E>,
    /// What becomes of the other records where one is at fault: `atomic` where it is absent and the
    /// records are at most 10,000.
    mode: Option<BulkMode>,
}

/// What a [`BulkUpdate`] asks for.
pub(super) enum Update<T, E> {
    /// Each record in its own way.
    Each(Vec<Result<BulkEdit<T, E>>>, BulkMode),
    /// All alike.
    Alike(Selection<T>, BulkChange<E>, Option<BulkMode>),
}

impl<T, E> BulkUpdate<T, E> {
    /// What is asked for.
    ///
    /// # Errors
    /// `Invalid` where it is not one of the two.
    pub(super) fn into_update(self) -> Result<Update<T, E>> {
        match (self.items, self.set) {
            (Some(items), None) if self.ids.is_none() && self.filter.is_none() => {
                Ok(Update::Each(items.0.into_iter().map(|item| item.0).collect(), self.mode.unwrap_or_default()))
            }
            (None, Some(set)) => Ok(Update::Alike(selection(self.ids, self.filter)?, BulkChange::Edit(set), self.mode)),
            (None, None) => Err(Error::invalid("set", "required", "is required with ids or filter")),
            (Some(_), _) => Err(Error::invalid("items", "exclusive", "stands without ids, filter and set")),
        }
    }
}

/// Records to be deleted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkDelete<T> {
    /// The records.
    #[schema(value_type = Option<Vec<Id<T>>>, min_items = 1, max_items = 10_000)]
    ids: Option<Bounded<Id<T>>>,
    /// The records, described; more than 10,000 are changed by a job.
    filter: Option<Filter>,
    /// What becomes of the other records where one is at fault: `atomic` where it is absent and the
    /// records are at most 10,000.
    mode: Option<BulkMode>,
}

impl<T> BulkDelete<T> {
    /// Which records, and the mode.
    ///
    /// # Errors
    /// `Invalid` where it names none, or both ways.
    pub(super) fn into_selection(self) -> Result<(Selection<T>, Option<BulkMode>)> {
        Ok((selection(self.ids, self.filter)?, self.mode))
    }
}

/// Records to be given to somebody.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkAssign<T> {
    /// The records.
    #[schema(value_type = Option<Vec<Id<T>>>, min_items = 1, max_items = 10_000)]
    ids: Option<Bounded<Id<T>>>,
    /// The records, described; more than 10,000 are changed by a job.
    filter: Option<Filter>,
    /// Who gets them; `null` for nobody.
    #[serde(deserialize_with = "present")]
    #[schema(required)]
    owner_id: Option<Id<User>>,
    /// What becomes of the other records where one is at fault: `atomic` where it is absent and the
    /// records are at most 10,000.
    mode: Option<BulkMode>,
}

impl<T> BulkAssign<T> {
    /// Which records, what is done to them, and the mode.
    ///
    /// # Errors
    /// `Invalid` where it names none, or both ways.
    pub(super) fn into_change<E>(self) -> Result<(Selection<T>, BulkChange<E>, Option<BulkMode>)> {
        Ok((selection(self.ids, self.filter)?, BulkChange::Assign(self.owner_id), self.mode))
    }
}

/// A field that may be `null` but not absent.
pub(super) fn present<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
) -> std::result::Result<Option<V>, D::Error> {
    Option::deserialize(deserializer)
}

/// Records that get and lose tags.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct BulkTag<T> {
    /// The records.
    #[schema(value_type = Option<Vec<Id<T>>>, min_items = 1, max_items = 10_000)]
    ids: Option<Bounded<Id<T>>>,
    /// The records, described; more than 10,000 are changed by a job.
    filter: Option<Filter>,
    /// Tags to add.
    #[serde(default)]
    #[schema(value_type = Vec<TagName>, max_items = 100)]
    add: Vec<String>,
    /// Tags to remove.
    #[serde(default)]
    #[schema(max_items = 100)]
    remove: Vec<String>,
    /// What becomes of the other records where one is at fault: `atomic` where it is absent and the
    /// records are at most 10,000.
    mode: Option<BulkMode>,
}

impl<T> BulkTag<T> {
    /// Which records, what is done to them, and the mode.
    ///
    /// # Errors
    /// `Invalid` where it names none, or both ways, and where there is nothing to add or remove.
    pub(super) fn into_change<E>(self) -> Result<(Selection<T>, BulkChange<E>, Option<BulkMode>)> {
        if self.add.is_empty() && self.remove.is_empty() {
            return Err(Error::invalid("add", "required", "there is no tag to add or remove"));
        }
        let change = BulkChange::Tag { add: self.add, remove: self.remove };
        Ok((selection(self.ids, self.filter)?, change, self.mode))
    }
}

/// The records that a request names by their ids or describes.
pub(super) fn selection<T>(ids: Option<Bounded<Id<T>>>, filter: Option<Filter>) -> Result<Selection<T>> {
    match (ids, filter) {
        (Some(ids), None) => Ok(Selection::Ids(ids.0)),
        (None, Some(filter)) => Ok(Selection::Filter(filter)),
        (None, None) => Err(Error::invalid("ids", "required", "names no record: needs ids or filter")),
        (Some(_), Some(_)) => Err(Error::invalid("filter", "exclusive", "stands without ids")),
    }
}
