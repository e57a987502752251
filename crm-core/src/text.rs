//! Texts: their comparison form, their search tokens, their cleaning, and e-mail, phone and domain.
//!
//! Both stores keep what [`key`] and [`tokens`] give and compare its bytes, so that no database's
//! collation, case rules or tokeniser decides what equals what.
//!
//! Deliberately absent: language. Sorting is by bytes of the key, words of scripts without spaces
//! are one token, and a punycode domain is not the domain it spells.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::error::{Error, Result};

/// Characters of a search token; what lies beyond is cut off on both sides of the comparison.
pub const MAX_TOKEN: usize = 64;

/// The form in which two texts compare: NFC, lower-case, NFC again.
///
/// Each letter goes by itself, so that the key of a whole word holds the keys of its parts; hence
/// the final sigma, which `str::to_lowercase` chooses by its place in the word, is an ordinary one.
pub fn key(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfc().flat_map(lower).nfc().collect()
}

fn lower(character: char) -> impl Iterator<Item = char> {
    character.to_lowercase().map(|lowered| if lowered == 'ς' { 'σ' } else { lowered })
}

/// The text without what stands in brackets, as in `Amount (USD)`.
pub(crate) fn outside_brackets(text: &str) -> String {
    let mut depth = 0usize;
    let outside = |letter: &char| {
        match letter {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            _ => return depth == 0,
        }
        false
    };
    text.chars().filter(outside).collect()
}

/// The search tokens of a text: NFKD, marks removed, lower-case, cut at whatever is no letter and
/// no digit, each at most [`MAX_TOKEN`] characters.
pub fn tokens(text: &str) -> Vec<String> {
    let folded: Cow<'_, str> = if text.is_ascii() {
        text.to_ascii_lowercase().into()
    } else {
        // Lower-casing can set a mark of its own, so marks go last.
        text.nfkd().flat_map(lower).nfkd().filter(|character| !is_combining_mark(*character)).collect()
    };
    folded
        .split(|character: char| !character.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(MAX_TOKEN).collect())
        .collect()
}

/// One line, trimmed and in NFC.
///
/// # Errors
/// `Invalid` at `field`: `required` when nothing is left, `too_long` beyond `max_chars`,
/// `control_character` for any of them, line breaks and tabs included.
pub fn clean_line(field: &str, text: &str, max_chars: usize) -> Result<String> {
    optional_line(field, text, max_chars)?.ok_or_else(|| required(field))
}

/// As [`clean_line`], with `None` when nothing is left.
///
/// # Errors
/// As [`clean_line`], but for `required`.
pub fn optional_line(field: &str, text: &str, max_chars: usize) -> Result<Option<String>> {
    clean(field, text, max_chars, |_| false)
}

/// Several lines, trimmed, in NFC, and with `\n` for every kind of line end.
///
/// # Errors
/// As [`clean_line`], but that line breaks and tabs may stay.
pub fn clean_text(field: &str, text: &str, max_chars: usize) -> Result<String> {
    optional_text(field, text, max_chars)?.ok_or_else(|| required(field))
}

/// As [`clean_text`], with `None` when nothing is left.
///
/// # Errors
/// As [`clean_text`], but for `required`.
pub fn optional_text(field: &str, text: &str, max_chars: usize) -> Result<Option<String>> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    clean(field, &text, max_chars, |character| matches!(character, '\n' | '\t'))
}

/// NFC; ASCII is so as it stands, which spares imports most of the work.
fn composed(text: &str) -> String {
    if text.is_ascii() { text.to_owned() } else { text.nfc().collect() }
}

fn clean(field: &str, text: &str, max_chars: usize, keep: fn(char) -> bool) -> Result<Option<String>> {
    let clean = composed(text.trim());
    if clean.chars().any(|character| character.is_control() && !keep(character)) {
        return Err(Error::invalid(field, "control_character", "holds a control character"));
    }
    if clean.chars().nth(max_chars).is_some() {
        return Err(Error::invalid(field, "too_long", format!("is longer than {max_chars} characters")));
    }
    Ok((!clean.is_empty()).then_some(clean))
}

fn required(field: &str) -> Error {
    Error::invalid(field, "required", "must not be empty")
}

/// An e-mail address, normalised: trimmed, NFC, all of it lower-case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Email(String);

impl Email {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let address = lower_case(text);
        match address.split_once('@') {
            Some((local, domain)) if address.len() <= 254 && is_local_part(local) && is_host(domain) => {
                Ok(Self(address))
            }
            _ => Err(Error::invalid("email", "email", "is not an e-mail address, as in ada@example.com")),
        }
    }
}

/// Lower-case without folding: a final sigma is another letter of an address.
fn lower_case(text: &str) -> String {
    if text.is_ascii() {
        return text.trim().to_ascii_lowercase();
    }
    composed(&composed(text.trim()).to_lowercase())
}

fn is_local_part(local: &str) -> bool {
    let atom = |character: char| match character {
        _ if character.is_ascii() => character.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(character),
        _ => character.is_alphanumeric() || is_combining_mark(character),
    };
    local.len() <= 64 && local.split('.').all(|word| !word.is_empty() && word.chars().all(atom))
}

/// Whether a lower-case name has at least two well-formed labels and is no IPv4 address.
fn is_host(host: &str) -> bool {
    let letter = |character: char| character.is_alphanumeric() || character == '-' || is_combining_mark(character);
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(letter)
    };
    let is_name = host.rsplit('.').next().is_some_and(|top| !top.chars().all(|character| character.is_ascii_digit()));
    host.len() <= 253 && host.contains('.') && is_name && host.split('.').all(label)
}

/// A telephone number as it was typed, trimmed; compares by its [`Phone::key`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Phone(String);

impl Phone {
    /// The number as it was typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its digits, an extension's included, behind a leading + where there is one.
    pub fn key(&self) -> String {
        self.0.chars().filter(|character| matches!(character, '+' | '0'..='9')).collect()
    }
}

impl FromStr for Phone {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let number = text.trim();
        let (main, extension) = number
            .find(|character: char| character.is_ascii_alphabetic())
            .map_or((number, ""), |at| number.split_at(at));
        let digits = |text: &str| text.bytes().filter(u8::is_ascii_digit).count();
        let is_well_formed = (3..=32).contains(&number.len())
            && main.chars().all(|character| matches!(character, '0'..='9' | ' ' | '+' | '-' | '.' | '(' | ')' | '/'))
            // A plus stands before the first digit or nowhere.
            && main.split_once('+').is_none_or(|(before, after)| digits(before) == 0 && !after.contains('+'))
            && digits(main) >= 3
            && is_extension(extension);
        if is_well_formed {
            return Ok(Self(number.to_owned()));
        }
        Err(Error::invalid("phone", "phone", "is not a telephone number, as in +49 30 123456 x12"))
    }
}

/// Whether the rest of a number is nothing, or `x12`, `ext 12` or `ext. 12`.
fn is_extension(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let digits =
        text.strip_prefix("ext").or_else(|| text.strip_prefix('x')).map(|rest| rest.trim_start_matches(['.', ' ']));
    digits.map_or(text.is_empty(), |digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A company's domain: a lower-case host name without `www.`, read from a name or a URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Domain(String);

impl Domain {
    /// The host name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let lower = lower_case(text);
        let rest = lower.split_once("://").map_or(lower.as_str(), |(_, rest)| rest);
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let mut host = match authority.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => authority,
        };
        host = host.strip_suffix('.').unwrap_or(host);
        // `www.com` is a domain of its own.
        while let Some(bare) = host.strip_prefix("www.").filter(|bare| bare.contains('.')) {
            host = bare;
        }
        if is_host(host) {
            return Ok(Self(host.to_owned()));
        }
        Err(Error::invalid("domain", "domain", "is not a domain, as in example.com"))
    }
}

/// Gives a validated text its string form, its checked reading from the wire and its schema.
macro_rules! text_on_the_wire {
    ($type:ident, $name:literal, $format:literal, $example:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(|error: Error| {
                    serde::de::Error::custom(error.fields().first().map_or($name, |field| field.message.as_str()))
                })
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                utoipa::openapi::ObjectBuilder::new()
                    .schema_type(utoipa::openapi::schema::Type::String)
                    .format(Some(utoipa::openapi::SchemaFormat::Custom($format.to_owned())))
                    .examples([serde_json::json!($example)])
                    .into()
            }
        }

        #[cfg(feature = "schema")]
        impl utoipa::ToSchema for $type {
            fn name() -> Cow<'static, str> {
                $name.into()
            }
        }
    };
}

text_on_the_wire!(Email, "Email", "email", "ada@example.com");
text_on_the_wire!(Phone, "Phone", "phone", "+49 30 123456");
text_on_the_wire!(Domain, "Domain", "hostname", "example.com");

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_key_is_its_own_key(text in any::<String>()) {
            prop_assert_eq!(key(&key(&text)), key(&text));
        }

        #[test]
        fn the_short_way_for_ascii_agrees(text in "[ -~]{0,40}") {
            prop_assert_eq!(key(&text), text.nfc().flat_map(lower).nfc().collect::<String>());
            let long = tokens(&format!("{text} é"));
            prop_assert_eq!(tokens(&text), &long[..long.len() - 1]);
        }

        #[test]
        fn tokens_are_their_own_tokens(text in any::<String>()) {
            let once = tokens(&text);
            prop_assert_eq!(tokens(&once.join(" ")), once);
        }

        #[test]
        fn cleaning_is_done_once(text in any::<String>()) {
            if let Ok(Some(clean)) = optional_text("note", &text, 500) {
                prop_assert_eq!(optional_text("note", &clean, 500).unwrap(), Some(clean));
            }
        }
    }

    #[test]
    fn every_character_has_a_stable_key_and_stable_tokens() {
        for character in ('\0'..=char::MAX).map(String::from) {
            let (key_of, tokens_of) = (key(&character), tokens(&character));
            let (apart, joined) = (character.nfd().collect::<String>(), tokens_of.join(" "));
            // Of a text that is the same again nothing else can come; most are, and there are a million.
            assert!(key_of == character || key(&key_of) == key_of, "{character:?}");
            assert!(apart == character || key(&apart) == key_of, "{character:?}");
            assert!(joined == character || tokens(&joined) == tokens_of, "{character:?}");
        }
    }

    #[test]
    fn case_and_composition_do_not_count_and_accents_do() {
        assert_eq!(key("ÜNÏ"), key("u\u{308}nï"));
        assert_eq!(key("ΟΔΟΣ"), key("οδος"));
        assert!(key("ΟΔΟΣΑ").starts_with(&key("ΟΔΟΣ")));
        assert_ne!(key("é"), key("e"));
        assert_ne!(key("straße"), key("STRASSE"));
    }

    #[test]
    fn tokens_drop_accents_and_punctuation() {
        assert_eq!(tokens("Jean-Luc  O'Brién, İstanbul ﬁve"), ["jean", "luc", "o", "brien", "istanbul", "five"]);
        assert_eq!(tokens(&"x".repeat(100)), ["x".repeat(MAX_TOKEN)]);
        assert!(tokens(" %_🐟\0").is_empty());
    }

    #[test]
    fn cleaning_trims_composes_and_refuses() {
        let code = |result: Result<String>| result.unwrap_err().fields()[0].code.clone().into_owned();
        assert_eq!(clean_line("name", "  e\u{301}  ", 1).unwrap(), "é");
        assert_eq!(clean_text("note", "a\r\nb\rc\td", 9).unwrap(), "a\nb\nc\td");
        assert_eq!(code(clean_line("name", " \n ", 9)), "required");
        assert_eq!(code(clean_line("name", "ab", 1)), "too_long");
        assert_eq!(code(clean_line("name", "a\nb", 9)), "control_character");
        assert_eq!(code(clean_text("note", "a\0b", 9)), "control_character");
        assert_eq!(optional_line("name", "  ", 9).unwrap(), None);
    }

    #[test]
    fn an_email_is_normalised() {
        let email: Email = " Ada.Lovelace+x@BÜCHER.Example ".parse().unwrap();
        assert_eq!(email.as_str(), "ada.lovelace+x@bücher.example");
        assert_eq!(serde_json::from_str::<Email>("\"A@b.co\"").unwrap().as_str(), "a@b.co");
        let long = format!("{}@example.com", "a".repeat(65));
        for text in [
            "",
            "a",
            "@b.co",
            "a@",
            "a@b",
            "a@b@c.co",
            "a b@c.co",
            "a@b..co",
            "a@-b.co",
            "a@b.co.",
            ".a@b.co",
            "a..b@c.co",
            "a@1.2.3.4",
            "a@b_c.co",
            "<a@b.co>",
            "a\u{200b}@b.co",
            "a\0@b.co",
            &long,
        ] {
            assert!(text.parse::<Email>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_phone_number_stays_as_typed_and_compares_by_digits() {
        let phone: Phone = " (+49) 30/123-45.6 ext. 12 ".parse().unwrap();
        assert_eq!(phone.as_str(), "(+49) 30/123-45.6 ext. 12");
        assert_eq!(phone.key(), "+493012345612");
        for text in [
            "",
            "12",
            "1-2",
            "call me",
            "555 1234 home",
            "1+2345",
            "++1234",
            "123 x",
            "123 x12 x13",
            "٣٤٥٦",
            &"1".repeat(33),
        ] {
            assert!(text.parse::<Phone>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_domain_is_read_from_a_name_or_a_url() {
        for text in [
            "acme.com",
            "ACME.com.",
            "https://www.Acme.com/x?y#z",
            "http://acme.com:8080",
            "www.www.acme.com",
            " acme.com/ ",
        ] {
            assert_eq!(text.parse::<Domain>().unwrap().as_str(), "acme.com", "{text}");
        }
        assert_eq!("www.com".parse::<Domain>().unwrap().as_str(), "www.com");
        for text in ["", "acme", "info@acme.com", "https://", "10.0.0.1", "a b.com", "acme.com:http", "https:///x"] {
            assert!(text.parse::<Domain>().is_err(), "{text:?}");
        }
    }
}
