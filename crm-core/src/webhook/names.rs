//! The names of the fields that events tell of, as the journal keeps them.

use std::collections::BTreeSet;

use serde::de::value::Error as Unread;
use serde::de::{Error as _, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use super::model::WebhookEndpoint;
use crate::access::Entity;
use crate::activity::Note;
use crate::company::Company;
use crate::contact::Contact;
use crate::custom_field::CustomField;
use crate::deal::Deal;
use crate::exchange_rate::ExchangeRate;
use crate::filter::CUSTOM_PREFIX;
use crate::journal::MEMBERS_ACCOUNT;
use crate::mail::MailTemplate;
use crate::pipeline::Pipeline;
use crate::store::Record;
use crate::tag::Tag;
use crate::task::Task;
use crate::team::Team;
use crate::user::User;
use crate::workspace::Workspace;

/// What no image holds, and what nobody is told of a member.
const NEVER_TOLD: [&str; 4] = ["id", "version", "updated_at", MEMBERS_ACCOUNT];

/// Whether an event about one of these kinds of record can tell that a field changed.
pub(super) fn is_told(name: &str, kinds: &BTreeSet<Entity>, custom: &[CustomField]) -> bool {
    match name.strip_prefix(CUSTOM_PREFIX) {
        Some(key) => custom.iter().any(|field| kinds.contains(&field.entity) && field.key == key),
        None => !NEVER_TOLD.contains(&name) && kinds.iter().any(|kind| fields(*kind).contains(&name)),
    }
}

/// The fields of a kind of record that anybody is told of, from the type itself.
fn fields(kind: Entity) -> &'static [&'static str] {
    match kind {
        Entity::Contact => names::<Contact>(),
        Entity::Company => names::<Company>(),
        Entity::Deal => names::<Deal>(),
        Entity::Task => names::<Task>(),
        Entity::Note => names::<Note>(),
        Entity::Tag => names::<Tag>(),
        Entity::Pipeline => names::<Pipeline>(),
        Entity::CustomField => names::<CustomField>(),
        Entity::ExchangeRate => names::<ExchangeRate>(),
        Entity::MailTemplate => names::<MailTemplate>(),
        Entity::User => names::<User>(),
        Entity::Team => names::<Team>(),
        Entity::Workspace => names::<Workspace>(),
        Entity::WebhookEndpoint => names::<WebhookEndpoint>(),
        _ => &[],
    }
}

fn names<T: Record>() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // It asks for its fields by name before it reads any.
    let _ = T::deserialize(Asked(&mut names));
    names
}

/// Gives nothing to read, and keeps which fields it was asked for.
struct Asked<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Unread;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Unread> {
        *self.0 = fields;
        self.deserialize_any(visitor)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Unread> {
        Err(Unread::custom("there is nothing to read"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhook::events;

    #[test]
    fn every_kind_that_anybody_is_told_of_has_fields() {
        for event in events() {
            assert!(fields(event.entity).contains(&"created_at"), "{}", event.name);
        }
    }

    #[test]
    fn a_field_is_told_by_its_name_in_the_journal() {
        let kinds = BTreeSet::from([Entity::Deal, Entity::User]);
        for name in ["stage_id", "owner_id", "tags", "role"] {
            assert!(is_told(name, &kinds, &[]), "{name}");
        }
        for name in ["", "id", "version", "updated_at", "account_id", "last_name", "stage", "custom.region"] {
            assert!(!is_told(name, &kinds, &[]), "{name}");
        }
    }
}
