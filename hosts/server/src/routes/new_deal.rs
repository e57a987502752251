//! The body that makes a deal: the fields of a deal, and where it begins.
//!
//! The engine takes these apart, because only a new deal has a beginning; on the wire they are one
//! object. serde's `flatten` cannot refuse unknown fields, so the object is shared out by hand.

use std::borrow::Cow;
use std::fmt;

use crm_core::deal::{DealEdit, DealStart};
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Error as _, IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A deal to be made.
pub(super) struct NewDeal {
    /// Pipeline and stage.
    pub(super) start: DealStart,
    /// Everything else.
    pub(super) edit: DealEdit,
}

impl<'de> Deserialize<'de> for NewDeal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(NewDealVisitor)
    }
}

struct NewDealVisitor;

impl<'de> Visitor<'de> for NewDealVisitor {
    type Value = NewDeal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a deal")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NewDeal, A::Error> {
        let (mut pipeline_id, mut stage_id) = (None, None);
        let rest = Diverted { map, pipeline_id: &mut pipeline_id, stage_id: &mut stage_id };
        let edit = DealEdit::deserialize(MapAccessDeserializer::new(rest))?;
        let start = DealStart { pipeline_id: pipeline_id.unwrap_or_default(), stage_id: stage_id.unwrap_or_default() };
        Ok(NewDeal { start, edit })
    }
}

/// An object from which two fields are taken out on the way.
struct Diverted<'a, A> {
    map: A,
    pipeline_id: &'a mut Option<Option<crm_core::Id<crm_core::pipeline::Pipeline>>>,
    stage_id: &'a mut Option<Option<crm_core::Id<crm_core::pipeline::Stage>>>,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Diverted<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self.map.next_key::<String>()? {
            let is_new = match key.as_str() {
                "pipeline_id" => self.pipeline_id.replace(self.map.next_value()?).is_none(),
                "stage_id" => self.stage_id.replace(self.map.next_value()?).is_none(),
                _ => return seed.deserialize(key.into_deserializer()).map(Some),
            };
            if !is_new {
                return Err(A::Error::custom(format!("duplicate field `{key}`")));
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

impl PartialSchema for NewDeal {
    fn schema() -> RefOr<Schema> {
        match (DealEdit::schema(), DealStart::schema()) {
            (RefOr::T(Schema::Object(mut deal)), RefOr::T(Schema::Object(start))) => {
                deal.properties.extend(start.properties);
                deal.required.push("title".to_owned());
                deal.description = Some("A deal to be made: its fields, and where it begins.".to_owned());
                Schema::Object(deal).into()
            }
            (deal, _) => deal,
        }
    }
}

impl ToSchema for NewDeal {
    fn name() -> Cow<'static, str> {
        "NewDeal".into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        DealEdit::schemas(schemas);
        DealStart::schemas(schemas);
    }
}
