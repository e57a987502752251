//! What the schemas of the types do not say by themselves.

use std::collections::{BTreeMap, BTreeSet};

use utoipa::openapi::schema::{ArrayItems, Object};
use utoipa::openapi::{Ref, RefOr, Schema};

/// Fields of a record that every answer has; on the types they have defaults, for old images.
const OF_RECORDS: [&str; 9] =
    ["version", "updated_at", "tags", "custom", "choices", "required", "stages", "is_default", "members"];
/// The same of a page.
const OF_PAGES: [&str; 1] = ["next_cursor"];
/// Bodies that must hold more where they make or replace a record than where they change one: their
/// name then, as which change, and what is needed.
pub(super) const WHOLE: [(&str, &str, &str); 5] = [
    ("WholeCompany", "CompanyEdit", "name"),
    ("WholeDeal", "DealEdit", "title"),
    ("WholeTask", "TaskEdit", "title"),
    ("WholeTeam", "TeamEdit", "name"),
    ("WholeUser", "UserEdit", "name"),
];

/// Fields that an answer has unless the caller wished otherwise, by schema.
const UNLESS_ASKED: [(&str, &str); 1] = [("Tokens", "refresh_token")];

type Schemas = BTreeMap<String, RefOr<Schema>>;

/// Corrects all of them.
pub(super) fn correct(schemas: &mut Schemas) {
    for schema in schemas.values_mut() {
        if let RefOr::T(Schema::Object(object)) = schema {
            correct_object(object);
        }
    }
    for (name, schema) in schemas.iter_mut() {
        if let RefOr::T(Schema::Object(object)) = schema {
            refer(name, object);
        }
    }
    for (name, field) in UNLESS_ASKED {
        if let Some(RefOr::T(Schema::Object(object))) = schemas.get_mut(name) {
            object.required.retain(|required| required != field);
        }
    }
    for (name, change, needed) in WHOLE {
        if let Some(RefOr::T(Schema::Object(change))) = schemas.get(change) {
            let mut whole = change.clone();
            whole.required.push(needed.to_owned());
            whole.description = Some("What a caller sets: all of it; what is left out is empty.".to_owned());
            schemas.insert(name.to_owned(), Schema::Object(whole).into());
        }
    }
}

fn correct_object(object: &mut Object) {
    for property in object.properties.values_mut() {
        // Absent means that the field is kept, or not asked about; `null` means something else.
        if let Some(default) = default_of(property)
            && default.as_ref().is_some_and(serde_json::Value::is_null)
        {
            *default = None;
        }
    }
    // It is there or it is not.
    if let Some(deleted) = object.properties.get_mut("deleted_at")
        && let RefOr::T(Schema::OneOf(either)) = deleted
        && let Some(time) = either.items.iter().find(|item| matches!(item, RefOr::Ref(_)))
    {
        *deleted = time.clone();
    }
    let is_there = |field: &&str| object.properties.contains_key(*field);
    let sent: Vec<_> = match is_there(&"version") {
        true => OF_RECORDS.into_iter().filter(is_there).collect(),
        false => OF_PAGES.into_iter().filter(is_there).collect(),
    };
    for field in sent {
        if !object.required.iter().any(|required| required == field) {
            object.required.push(field.to_owned());
        }
    }
}

/// Lets the schemas of bulk work name the records that they hold, rather than repeat them.
fn refer(name: &str, object: &mut Object) {
    let reference = |name: &str| RefOr::Ref(Ref::from_schema_name(name));
    if let Some(edit) = name.strip_prefix("BulkCreate_") {
        let whole = WHOLE.iter().find(|(_, change, _)| *change == edit).map_or(edit, |(whole, ..)| whole);
        if let Some(RefOr::T(Schema::Array(items))) = object.properties.get_mut("items") {
            items.items = ArrayItems::RefOrSchema(Box::new(reference(whole)));
        }
    }
    if let Some((_, edit)) = name.strip_prefix("BulkUpdate_").and_then(|kinds| kinds.split_once('_')) {
        object.properties.insert("set".to_owned(), reference(edit));
    }
}

fn default_of(schema: &mut RefOr<Schema>) -> Option<&mut Option<serde_json::Value>> {
    match schema {
        RefOr::Ref(reference) => Some(&mut reference.default),
        RefOr::T(Schema::Object(object)) => Some(&mut object.default),
        RefOr::T(Schema::Array(array)) => Some(&mut array.default),
        RefOr::T(Schema::OneOf(either)) => Some(&mut either.default),
        RefOr::T(Schema::AllOf(all)) => Some(&mut all.default),
        _ => None,
    }
}

/// The names of records, whose answers have a version.
pub(super) fn versioned(schemas: &Schemas) -> BTreeSet<String> {
    let is_versioned = |schema: &RefOr<Schema>| matches!(schema, RefOr::T(Schema::Object(object)) if object.properties.contains_key("version"));
    schemas.iter().filter(|(_, schema)| is_versioned(schema)).map(|(name, _)| name.clone()).collect()
}
