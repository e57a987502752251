//! A file that an export's job writes: which list is in it, and how far it is written.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use super::columns;
use crate::access::{Entity, Grant, Scope};
use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::id::Id;
use crate::job::Upload;
use crate::page::{ListRequest, Position, SortKey};

/// The list that an export's job writes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExportList {
    /// Which records; all that the caller may export where absent.
    pub filter: Option<Filter>,
    /// A sortable field, with a leading `-` for descending; `-created_at` where absent.
    pub sort: Option<String>,
    /// Words that the record must contain; each may be the start of a longer word.
    pub q: Option<String>,
}

impl ExportList {
    /// The whole list.
    pub(super) fn request(&self) -> ListRequest {
        ListRequest {
            filter: self.filter.clone(),
            sort: self.sort.clone(),
            q: self.q.clone(),
            ..ListRequest::default()
        }
    }
}

/// The file of an export, as far as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExportFile {
    /// The file.
    #[cfg_attr(feature = "schema", schema(value_type = Uuid))]
    pub upload_id: Id<Upload>,
    /// The headers of its columns; none before it is begun, and for everybody but whoever asked for it.
    pub columns: Vec<String>,
    /// How far its maker could export its records, and read those that it names, at the most while it was written.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub seen: BTreeMap<Entity, Scope>,
    /// Its pieces that are kept.
    pub pieces: u32,
    /// Their bytes.
    pub bytes: u64,
    /// The records in them.
    pub rows: u64,
    /// Where in the list the next ones begin; absent before the first and after the last.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "place")]
    #[cfg_attr(feature = "schema", schema(ignore))]
    pub cursor: Option<Position>,
}

/// Where a list goes on. A file that was begun before cursors were sealed has one in its place.
fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Position>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Place(Position),
        Cursor(String),
    }
    #[derive(Deserialize)]
    struct Unsealed {
        #[serde(rename = "k", default)]
        key: Option<SortKey>,
        #[serde(rename = "i")]
        id: Uuid,
    }
    let cursor = match Option::<Kept>::deserialize(deserializer)? {
        None => return Ok(None),
        Some(Kept::Place(place)) => return Ok(Some(place)),
        Some(Kept::Cursor(cursor)) => URL_SAFE_NO_PAD.decode(cursor).map_err(D::Error::custom)?,
    };
    let Unsealed { key, id } = serde_json::from_slice(&cursor).map_err(D::Error::custom)?;
    Ok(Some(Position { key, id }))
}

impl ExportFile {
    /// A file that is not begun.
    pub(crate) fn new(upload_id: Id<Upload>) -> Self {
        Self { upload_id, columns: Vec::new(), seen: BTreeMap::new(), pieces: 0, bytes: 0, rows: 0, cursor: None }
    }

    /// Whether its header is written.
    pub(super) fn is_begun(&self) -> bool {
        self.pieces > 0
    }

    /// Notes how far its maker gets among what it tells of.
    pub(super) fn note_seen(&mut self, entity: Entity, grant: &Grant) {
        for told in columns::told(entity, &self.columns) {
            let widest = self.seen.entry(told).or_default();
            *widest = grant.scope_of(told).max(*widest);
        }
    }

    /// Refuses whoever gets less far now than when it was written.
    ///
    /// # Errors
    /// `Denied`, with the kind of record.
    pub(super) fn check_seen(&self, grant: &Grant) -> Result<()> {
        match self.seen.iter().find(|(told, scope)| grant.scope_of(**told) < **scope) {
            Some((told, _)) => {
                Err(Error::denied(format!("fewer records of the kind {told} are seen than the file holds")))
            }
            None => Ok(()),
        }
    }

    /// Whether the last record is written.
    pub(super) fn is_whole(&self) -> bool {
        self.is_begun() && self.cursor.is_none()
    }

    /// What came of it so far.
    pub(super) fn report(&self) -> ExportReport {
        ExportReport { rows: self.rows, bytes: self.bytes }
    }
}

/// What came of an export: the result of its job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExportReport {
    /// Records in the file.
    pub rows: u64,
    /// The length of the file.
    pub bytes: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_was_begun_with_a_cursor_goes_on_where_that_was() {
        let id = Uuid::from_u128(7);
        let mut file = ExportFile::new(Id::from(id));
        file.cursor = Some(Position { key: Some(SortKey::Text("ada".to_owned())), id });
        let kept = serde_json::to_value(&file).unwrap();
        assert_eq!(serde_json::from_value::<ExportFile>(kept.clone()).unwrap(), file);
        let cursor = format!(r#"{{"b":42,"k":{{"t":"text","v":"ada"}},"i":"{id}"}}"#);
        let mut former = kept;
        former["cursor"] = URL_SAFE_NO_PAD.encode(cursor).into();
        assert_eq!(serde_json::from_value::<ExportFile>(former.clone()).unwrap(), file);
        former["cursor"] = "damaged".into();
        assert!(serde_json::from_value::<ExportFile>(former).is_err());
    }
}
