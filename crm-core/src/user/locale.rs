//! The language and region in which a member reads.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use oxilangtag::LanguageTag;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// Characters of the longest tag: RFC 5646 asks for 35, extensions make some longer.
const MAX_CHARS: usize = 64;

/// A BCP 47 language tag in the usual case, as in `de-CH` or `zh-Hant-TW`.
///
/// It is well formed; whether anybody speaks it is not checked, so that new subtags need no new
/// program.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Locale(String);

impl Locale {
    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Locale {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let tag =
            LanguageTag::parse_and_normalize(text).ok().filter(|tag| text.len() <= MAX_CHARS && names_language(tag));
        tag.map(|tag| Self(tag.into_inner()))
            .ok_or_else(|| Error::invalid("locale", "locale", "is not a language tag, as in en-GB"))
    }
}

/// Whether a tag begins with a language: `x-…` is private and `i-…` is grandfathered.
fn names_language(tag: &LanguageTag<String>) -> bool {
    let language = tag.primary_language();
    (2..=8).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_alphabetic())
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Locale {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Locale {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(|_| serde::de::Error::custom("is not a language tag, as in en-GB"))
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for Locale {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("BCP 47 language tag"))
            .examples([serde_json::json!("en-GB")])
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for Locale {
    fn name() -> Cow<'static, str> {
        "Locale".into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_kept_in_its_usual_case() {
        for (typed, kept) in [
            (" EN ", "en"),
            ("de-ch", "de-CH"),
            ("ZH-hANT-tw", "zh-Hant-TW"),
            ("es-419", "es-419"),
            ("sl-rozaj-biske", "sl-rozaj-biske"),
            ("en-u-ca-buddhist", "en-u-ca-buddhist"),
        ] {
            assert_eq!(typed.parse::<Locale>().unwrap().as_str(), kept);
        }
    }

    #[test]
    fn what_names_no_language_is_refused() {
        let long = format!("en-x-{}", "abcdefgh-".repeat(8));
        for bad in
            ["", "e", "english please", "de_CH", "en-", "-en", "en--GB", "x-own", "i-klingon", "12", "en\0", "é", &long]
        {
            let error = bad.parse::<Locale>().unwrap_err();
            assert_eq!(
                (error.fields()[0].field.as_str(), error.fields()[0].code.as_ref()),
                ("locale", "locale"),
                "{bad:?}"
            );
        }
    }
}
