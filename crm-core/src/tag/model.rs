//! A tag.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::id::Id;
use crate::store::{Record, versioned};
use crate::text;
use crate::time::{Timestamp, epoch};
use crate::user::User;

/// Most tags on one record.
pub(crate) const MAX_TAGS: usize = 100;
/// Most characters of a tag's name.
const MAX_CHARS: usize = 60;

/// A label; two names with the same comparison form are one tag.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Tag {
    /// Its id.
    pub id: Id<Tag>,
    /// Its name as it was first written.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(default = "epoch")]
    pub updated_at: Timestamp,
    /// How often it was written.
    #[serde(default)]
    pub version: i64,
}

/// A tag and how many records carry it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TagCount {
    /// The tag.
    pub id: Id<Tag>,
    /// Its name.
    pub name: String,
    /// Records with it that the caller may see.
    pub count: u64,
}

/// The name of a tag where it is written. Names are plain texts, which `clean_tags` checks: this one is for the
/// schemas of bodies alone.
#[cfg(feature = "schema")]
#[derive(Debug)]
pub struct TagName;

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for TagName {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("The name of a tag."))
            .min_length(Some(1))
            .max_length(Some(MAX_CHARS))
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for TagName {
    fn name() -> std::borrow::Cow<'static, str> {
        "TagName".into()
    }
}

/// Names of tags, trimmed, each once, sorted by comparison form.
///
/// # Errors
/// `Invalid` for an empty, over-long or unclean name and for more than 100.
pub fn clean_tags(names: &[String]) -> Result<Vec<String>> {
    clean_tags_at("tags", names)
}

/// As [`clean_tags`], with what is wrong told at a field.
pub(crate) fn clean_tags_at(field: &str, names: &[String]) -> Result<Vec<String>> {
    let mut tags = names
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let name = text::clean_line(&format!("{field}.{at}"), name, MAX_CHARS)?;
            Ok((text::key(&name), name))
        })
        .collect::<Result<Vec<_>>>()?;
    tags.sort();
    tags.dedup_by(|a, b| a.0 == b.0);
    if tags.len() > MAX_TAGS {
        return Err(Error::invalid(field, "too_many", format!("a record has at most {MAX_TAGS} tags")));
    }
    Ok(tags.into_iter().map(|(_, name)| name).collect())
}

impl Record for Tag {
    versioned!(Tag);

    fn deleted_at(&self) -> Option<Timestamp> {
        None
    }

    fn owner(&self) -> Option<Id<User>> {
        None
    }
}
