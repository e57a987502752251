//! Templates of mails.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use super::address::bare_line;
use super::language::Language;
use crate::error::{Error, Result};
use crate::faults::Faults;
use crate::id::Id;
use crate::store::{Record, versioned};
use crate::text::optional_text;
use crate::time::{Timestamp, epoch};
use crate::user::User;

/// Most characters of a name.
const LONGEST_NAME: usize = 60;
/// Most characters of a subject.
pub(crate) const LONGEST_SUBJECT: usize = 250;
/// Most characters of each of the two bodies.
pub(crate) const LONGEST_BODY: usize = 50_000;

/// The name of a template, as in `password_reset`: 1 to 60 small letters, digits, hyphens and underscores that
/// begin with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TemplateName(String);

impl TemplateName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TemplateName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_-".contains(letter);
        let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
        if begins && text.len() <= LONGEST_NAME && text.chars().all(is_part) {
            return Ok(Self(text.to_owned()));
        }
        let message = "is not 1 to 60 small letters, digits, hyphens and underscores that begin with a letter";
        Err(Error::invalid("name", "name", message))
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for TemplateName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|error: Error| {
            serde::de::Error::custom(error.fields().first().map_or("is no name", |fault| &fault.message))
        })
    }
}

#[cfg(feature = "schema")]
impl utoipa::PartialSchema for TemplateName {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .description(Some("The name of a template"))
            .pattern(Some("^[a-z][a-z0-9_-]{0,59}$"))
            .examples([serde_json::json!("invitation")])
            .into()
    }
}

#[cfg(feature = "schema")]
impl utoipa::ToSchema for TemplateName {
    fn name() -> std::borrow::Cow<'static, str> {
        "TemplateName".into()
    }
}

/// What a template says: its subject, and as text, as HTML or as both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TemplateContent {
    /// The subject, one line.
    #[cfg_attr(feature = "schema", schema(max_length = 250))]
    pub subject: String,
    /// The mail as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(max_length = 50_000))]
    pub text: Option<String>,
    /// The mail as HTML; what variables hold is escaped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(max_length = 50_000))]
    pub html: Option<String>,
}

impl TemplateContent {
    /// The same, cleaned, where every part is in the language of templates.
    ///
    /// # Errors
    /// `Invalid` at `subject`, `text` or `html`.
    pub fn checked(self) -> Result<Self> {
        let mut faults = Faults::default();
        let mut content = Self { subject: String::new(), text: None, html: None };
        let subject = bare_line("subject", &self.subject)
            .and_then(|()| crate::text::clean_line("subject", &self.subject, LONGEST_SUBJECT));
        faults.keep(subject, &mut content.subject);
        let body = |field: &str, body: Option<String>| match body {
            Some(body) => optional_text(field, &body, LONGEST_BODY),
            None => Ok(None),
        };
        faults.keep(body("text", self.text), &mut content.text);
        faults.keep(body("html", self.html), &mut content.html);
        faults.into_result()?;
        if content.text.is_none() && content.html.is_none() {
            return Err(Error::invalid("text", "required", "says nothing, neither as text nor as HTML"));
        }
        Language::check(&content)?;
        Ok(content)
    }
}

/// A template of a workspace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MailTemplate {
    /// Its id.
    pub id: Id<MailTemplate>,
    /// Its name, which no other template of the workspace has.
    pub name: TemplateName,
    /// The subject.
    pub subject: String,
    /// The mail as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The mail as HTML.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    #[serde(default = "epoch")]
    pub updated_at: Timestamp,
    /// How often it was written.
    #[serde(default)]
    pub version: i64,
    /// When it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

impl MailTemplate {
    /// A new template of a content that was checked.
    pub fn new(id: Id<MailTemplate>, name: TemplateName, content: TemplateContent, now: Timestamp) -> Self {
        let TemplateContent { subject, text, html } = content;
        Self { id, name, subject, text, html, created_at: now, updated_at: now, version: 0, deleted_at: None }
    }

    /// What it says.
    pub fn content(&self) -> TemplateContent {
        TemplateContent { subject: self.subject.clone(), text: self.text.clone(), html: self.html.clone() }
    }

    /// Says something else from now on.
    pub(crate) fn say(&mut self, content: TemplateContent) {
        TemplateContent { subject: self.subject, text: self.text, html: self.html } = content;
    }
}

impl Record for MailTemplate {
    versioned!(MailTemplate);

    fn deleted_at(&self) -> Option<Timestamp> {
        self.deleted_at
    }

    fn owner(&self) -> Option<Id<User>> {
        None
    }
}
