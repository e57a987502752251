//! Lists: what a caller asks for, and the page that answers.

mod seal;

use serde::{Deserialize, Serialize};

use crate::access::{Entity, Listed};
use crate::error::{Error, Result};
use crate::filter::{CheckedFilter, Field, FieldKind, Filter};
use crate::time::Timestamp;

pub(crate) use seal::{CursorKeys, Seal, foreign};

/// Rows of a page where the caller names no number.
pub const DEFAULT_LIMIT: u16 = 50;
/// Most rows that a page holds.
pub const MAX_LIMIT: u16 = 200;
/// Where counting stops: a total of this size means "so many or more".
pub const COUNT_CAP: u64 = 10_000;

/// A list as a caller asks for it, not checked yet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ListRequest {
    /// Which records; all that the caller may see where absent.
    pub filter: Option<Filter>,
    /// A sortable field, with a leading `-` for descending; `-created_at` where absent.
    pub sort: Option<String>,
    /// Rows a page, 1 to 200; 50 where absent.
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 200))]
    pub limit: Option<u16>,
    /// The `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Words that the record must contain; each may be the start of a longer word.
    pub q: Option<String>,
    /// Whether to count all matching records, up to 10,000.
    pub count: bool,
    /// Tags of which the record carries at least one; any record where empty. They come by query
    /// alone, since a filter says the same.
    #[serde(skip)]
    pub tags: Vec<String>,
}

/// The order of a list: one field, then id. Rows with a value come first, then those without.
#[derive(Clone, Debug, PartialEq)]
pub struct Sort {
    /// The field.
    pub field: Field,
    /// Largest value first, and latest id first.
    pub descending: bool,
}

/// A value of a sort field, in the form in which it is compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Serialize, Deserialize)]
#[serde(tag = "t", content = "v", rename_all = "snake_case")]
pub enum SortKey {
    /// Text as `text::key` makes it; compared by its bytes.
    Text(String),
    /// Whole number; dates are days since 1970-01-01, truth values 0 and 1.
    Integer(i64),
    /// An instant.
    Time(Timestamp),
    /// A reference; compared by its bytes.
    Id(uuid::Uuid),
}

/// The place in a list after which a page starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The last row's sort value; `None` in the segment of rows without one.
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    pub key: Option<SortKey>,
    /// The last row's id.
    #[serde(rename = "i")]
    pub id: uuid::Uuid,
}

impl Position {
    /// Whether a list by a field of this kind has such places: a custom field may have gone and come back as another
    /// kind under its name. PostgreSQL has no text with NUL.
    fn fits(&self, kind: &FieldKind) -> bool {
        match (&self.key, kind) {
            (None, _)
            | (Some(SortKey::Integer(_)), FieldKind::Integer | FieldKind::Date | FieldKind::Bool | FieldKind::Money)
            | (Some(SortKey::Time(_)), FieldKind::Time)
            | (Some(SortKey::Id(_)), FieldKind::Reference(_)) => true,
            (Some(SortKey::Text(text)), FieldKind::Text | FieldKind::Choice(_)) => !text.contains('\0'),
            _ => false,
        }
    }
}

/// A list that was checked against the caller's grant: only [`crate::access::Grant::check_list`]
/// makes one. Its filter includes what the caller may see.
#[derive(Clone, Debug)]
pub struct ListQuery {
    pub(crate) entity: Entity,
    pub(crate) filter: CheckedFilter,
    pub(crate) sort: Sort,
    pub(crate) limit: u16,
    pub(crate) after: Option<Position>,
    pub(crate) counted: bool,
    pub(crate) seal: Seal,
}

impl ListQuery {
    /// The kind of record listed.
    pub fn entity(&self) -> Entity {
        self.entity
    }

    /// Which records, visibility and search words included.
    pub fn filter(&self) -> &CheckedFilter {
        &self.filter
    }

    /// In which order.
    pub fn sort(&self) -> &Sort {
        &self.sort
    }

    /// Rows a page.
    pub fn limit(&self) -> u16 {
        self.limit
    }

    /// Where the page starts; at the beginning where absent.
    pub fn after(&self) -> Option<&Position> {
        self.after.as_ref()
    }

    /// Whether the caller wants a total.
    pub fn is_counted(&self) -> bool {
        self.counted
    }

    /// The same list, from another place on; for walking a whole list page by page.
    #[must_use]
    pub fn from_position(&self, after: Option<Position>) -> Self {
        Self { after, ..self.clone() }
    }

    /// The cursor that names a position in this list.
    pub fn cursor(&self, position: &Position) -> String {
        self.seal.close(position)
    }
}

/// One page of a list.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Page<T> {
    /// The rows.
    pub data: Vec<T>,
    /// Where the next page starts; `null` on the last.
    pub next_cursor: Option<String>,
    /// All matching records, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// Whether counting stopped at 10,000.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_is_capped: Option<bool>,
}

/// Rows as a store gives them: whether more follow is the store's word.
#[derive(Clone, Debug)]
pub struct Rows<T> {
    /// At most `limit` rows.
    pub rows: Vec<T>,
    /// The position of the last row, where more follow.
    pub next: Option<Position>,
}

impl<T: Listed> Rows<T> {
    /// Cuts rows, of which one more than the page shows says that others follow.
    pub fn cut(mut rows: Vec<T>, query: &ListQuery) -> Self {
        let limit = usize::from(query.limit());
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let place = |last: &T| Position { key: last.sort_key(&query.sort().field), id: last.uuid() };
        let next = rows.last().filter(|_| has_more).map(place);
        Self { rows, next }
    }
}

/// The rows a page asked for.
pub(crate) fn check_limit(limit: Option<u16>) -> Result<u16> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        _ => Err(Error::invalid("limit", "out_of_range", format!("must lie between 1 and {MAX_LIMIT}"))),
    }
}

/// The place that a cursor names in a list by a field of this kind.
///
/// # Errors
/// `Invalid` at `cursor` for all but the cursors of the list.
pub(crate) fn position(seal: &Seal, cursor: Option<&str>, kind: &FieldKind) -> Result<Option<Position>> {
    let position: Option<Position> = seal.open(cursor)?;
    match position {
        Some(position) if !position.fits(kind) => Err(foreign()),
        position => Ok(position),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::filter::Choices;

    /// A sort value, and a kind of field that has such values.
    fn keys() -> impl Strategy<Value = (Option<SortKey>, FieldKind)> {
        let texts = any::<String>().prop_map(|text| SortKey::Text(text.replace('\0', "")));
        let text_kinds = prop_oneof![Just(FieldKind::Text), Just(FieldKind::Choice(Choices::Fixed(&["a"])))];
        let number_kinds =
            prop_oneof![Just(FieldKind::Integer), Just(FieldKind::Date), Just(FieldKind::Bool), Just(FieldKind::Money)];
        // The first and the last instant that Timestamp writes: years 1 and 9999.
        let times = -62_135_596_800_000_000..253_402_300_800_000_000_i64;
        let times = times.prop_map(|micros| SortKey::Time(Timestamp::from_micros(micros)));
        let id = any::<u128>().prop_map(|id| SortKey::Id(Uuid::from_u128(id)));
        prop_oneof![
            (texts.prop_map(Some), text_kinds.clone()),
            (any::<i64>().prop_map(SortKey::Integer).prop_map(Some), number_kinds),
            (times.prop_map(Some), Just(FieldKind::Time)),
            (id.prop_map(Some), Just(FieldKind::Reference(Entity::User))),
            (Just(None), text_kinds),
        ]
    }

    /// What makes cursors of a list by its name.
    fn seal(list: u64) -> Seal {
        sealed_by(&[], 1, list)
    }

    fn sealed_by(secrets: &[&str], workspace: u128, list: u64) -> Seal {
        let secrets: Vec<secrecy::SecretString> = secrets.iter().map(|secret| (*secret).to_owned().into()).collect();
        CursorKeys::new(&secrets).seal(Uuid::from_u128(workspace).into(), &list)
    }

    fn opened(seal: &Seal, cursor: &str, kind: &FieldKind) -> Option<Position> {
        match position(seal, Some(cursor), kind) {
            Ok(position) => position,
            Err(error) => {
                assert_eq!((error.fields()[0].field.as_str(), &*error.fields()[0].code), ("cursor", "cursor"));
                None
            }
        }
    }

    proptest! {
        #[test]
        fn a_cursor_names_its_place_again((key, kind) in keys(), id in any::<u128>(), list in any::<u64>()) {
            let place = Position { key, id: Uuid::from_u128(id) };
            let cursor = seal(list).close(&place);
            prop_assert_eq!(opened(&seal(list), &cursor, &kind), Some(place));
        }

        #[test]
        fn a_cursor_of_another_list_or_workspace_is_refused(
            (key, kind) in keys(),
            list in any::<u64>(),
            other in any::<u64>(),
        ) {
            prop_assume!(list != other);
            let cursor = seal(list).close(&Position { key, id: Uuid::nil() });
            prop_assert_eq!(opened(&seal(other), &cursor, &kind), None);
            prop_assert_eq!(opened(&sealed_by(&[], 2, list), &cursor, &kind), None);
        }

        #[test]
        fn a_cursor_of_another_kind_of_value_is_refused((key, kind) in keys(), (other, other_kind) in keys()) {
            let kind_of = |key: &Option<SortKey>| key.as_ref().map(std::mem::discriminant);
            prop_assume!(key.is_some() && other.is_some() && kind_of(&key) != kind_of(&other));
            let cursor = seal(1).close(&Position { key, id: Uuid::nil() });
            prop_assert!(opened(&seal(1), &cursor, &kind).is_some());
            prop_assert_eq!(opened(&seal(1), &cursor, &other_kind), None);
        }

        #[test]
        fn what_is_no_cursor_is_refused(text in any::<String>(), (_, kind) in keys()) {
            prop_assert_eq!(opened(&seal(1), &text, &kind), None);
        }

        #[test]
        fn a_cursor_with_one_sign_changed_is_refused(
            (key, kind) in keys(),
            at in any::<usize>(),
            byte in 0x20..0x7f_u8,
        ) {
            let mut text = seal(1).close(&Position { key, id: Uuid::nil() }).into_bytes();
            let at = at % text.len();
            prop_assume!(text[at] != byte);
            text[at] = byte;
            prop_assert_eq!(opened(&seal(1), &String::from_utf8(text).unwrap(), &kind), None);
        }

        #[test]
        fn a_cursor_holds_under_its_secret_alone_today_and_as_a_former_one((key, kind) in keys()) {
            let place = Position { key, id: Uuid::nil() };
            let cursor = sealed_by(&["old"], 1, 1).close(&place);
            for secrets in [&["old"][..], &["new", "old"]] {
                prop_assert_eq!(opened(&sealed_by(secrets, 1, 1), &cursor, &kind), Some(place.clone()));
            }
            for secrets in [&[] as &[&str], &["new"]] {
                prop_assert_eq!(opened(&sealed_by(secrets, 1, 1), &cursor, &kind), None);
            }
            // Nobody makes one up with the key that is used where there is no secret.
            let made_up = seal(1).close(&place);
            prop_assert_eq!(opened(&sealed_by(&["old"], 1, 1), &made_up, &kind), None);
        }
    }

    #[test]
    fn no_secret_is_printed() {
        assert_eq!(format!("{:?}", sealed_by(&["hidden"], 1, 1)).matches("hidden").count(), 0);
    }
}
