//! Which events an endpoint wants.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::catalogue::events;
use crate::error::Error;

/// Names of events: one (`deal.moved`), those of a kind of record (`deal.*`) or all (`*`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct EventPattern(String);

impl EventPattern {
    /// Whether it takes an event of this name in.
    pub fn matches(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(beginning) => name.starts_with(beginning),
            None => name == self.0,
        }
    }
}

impl FromStr for EventPattern {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let pattern = Self(text.to_owned());
        let is_whole = text == "*" || text.ends_with(".*") || !text.contains('*');
        match is_whole && events().any(|event| pattern.matches(&event.name)) {
            true => Ok(pattern),
            false => Err(Error::invalid("event_types", "unknown_event", format!("{text:?} is no event"))),
        }
    }
}

impl fmt::Display for EventPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One that was kept is read as it is: an event may have another name by now.
impl<'de> Deserialize<'de> for EventPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for EventPattern {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("The name of an event, `deal.*` for those of a kind of record, or `*` for all."))
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for EventPattern {
    fn name() -> std::borrow::Cow<'static, str> {
        "EventPattern".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_takes_in_one_event_those_of_a_kind_or_all() {
        let matches = |pattern: &str, name| pattern.parse::<EventPattern>().unwrap().matches(name);
        assert!(matches("*", "deal.moved") && matches("deal.*", "deal.moved") && matches("deal.moved", "deal.moved"));
        assert!(!matches("deal.*", "contact.created") && !matches("deal.moved", "deal.created"));
        for text in ["", "deal", "deal.", "d*", "*.created", "deal.m*", "planet.created", "deal.exploded", "deal.**"] {
            assert!(text.parse::<EventPattern>().is_err(), "{text}");
        }
    }
}
