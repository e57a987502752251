//! A mail as somebody asks for it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::address::{Recipient, bare_line};
use super::template::{LONGEST_BODY, LONGEST_SUBJECT, TemplateName};
use crate::contact::Contact;
use crate::error::{Error, FieldError, Result};
use crate::faults::Faults;
use crate::id::Id;
use crate::text::{clean_line, optional_text};

/// Most recipients of a mail, copies included.
const MOST_RECIPIENTS: usize = 50;
/// Most bytes of what the variables of a template hold.
const MOST_VARIABLE_BYTES: usize = 64 * 1024;
/// Most faults of variables that are told.
const MOST_FAULTS: usize = 100;
/// Variables that say the same in every template.
pub(crate) const RESERVED: [&str; 4] = ["contact", "sender", "unsubscribe_url", "workspace"];

/// A mail to be sent: to some addresses, or to a contact.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MailDraft {
    /// Who it is for, at most 50 with those of `cc`.
    #[serde(default)]
    pub to: Vec<Recipient>,
    /// Who gets a copy that everybody sees.
    #[serde(default)]
    pub cc: Vec<Recipient>,
    /// The contact that it is for, instead of `to`; it appears in the contact's timeline.
    #[serde(default)]
    pub contact_id: Option<Id<Contact>>,
    /// Where answers go, where that is not the sender.
    #[serde(default)]
    pub reply_to: Option<Recipient>,
    /// The subject, one line.
    #[cfg_attr(feature = "schema", schema(max_length = 250))]
    pub subject: String,
    /// What it says, as plain text; as HTML, or as both.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(max_length = 50_000))]
    pub text: Option<String>,
    /// What it says, as HTML.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(max_length = 50_000))]
    pub html: Option<String>,
}

/// A mail that a template says, to an address or to a contact.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TemplateMail {
    /// The template's name.
    pub template: TemplateName,
    /// Who it is for.
    #[serde(default)]
    pub to: Option<Recipient>,
    /// The contact that it is for, instead of `to`; it appears in the contact's timeline.
    #[serde(default)]
    pub contact_id: Option<Id<Contact>>,
    /// Where answers go, where that is not the sender.
    #[serde(default)]
    pub reply_to: Option<Recipient>,
    /// What the template's variables hold. `contact`, `sender`, `unsubscribe_url` and `workspace` are there by
    /// themselves.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(value_type = Object))]
    pub variables: Map<String, Value>,
}

impl MailDraft {
    /// The same, cleaned; every fault is told.
    pub(crate) fn checked(self) -> Result<Self> {
        let mut faults = Faults::default();
        let mut draft = Self { contact_id: self.contact_id, ..Self::default() };
        if self.to.is_empty() == self.contact_id.is_none() {
            faults.add("to", "recipient", "names nobody and contact_id neither, or both name somebody");
        }
        if self.to.len() + self.cc.len() > MOST_RECIPIENTS {
            faults.add("to", "too_many", "has more than 50 recipients, with those of cc");
        }
        faults.keep(all("to", self.to), &mut draft.to);
        faults.keep(all("cc", self.cc), &mut draft.cc);
        faults.keep(self.reply_to.map(|reply| one("reply_to", reply)).transpose(), &mut draft.reply_to);
        let subject = bare_line("subject", &self.subject);
        faults.keep(subject.and_then(|()| clean_line("subject", &self.subject, LONGEST_SUBJECT)), &mut draft.subject);
        for (field, said, kept) in [("text", self.text, &mut draft.text), ("html", self.html, &mut draft.html)] {
            if let Some(said) = said {
                faults.keep(optional_text(field, &said, LONGEST_BODY), kept);
            }
        }
        faults.into_result()?;
        match draft.text.is_none() && draft.html.is_none() {
            true => Err(Error::invalid("text", "required", "says nothing, neither as text nor as HTML")),
            false => Ok(draft),
        }
    }
}

impl TemplateMail {
    /// The same, cleaned.
    pub(crate) fn checked(self) -> Result<Self> {
        if self.to.is_none() == self.contact_id.is_none() {
            let message = "names nobody and contact_id neither, or both name somebody";
            return Err(Error::invalid("to", "recipient", message));
        }
        check_variables(&self.variables)?;
        let to = self.to.map(|to| one("to", to)).transpose()?;
        let reply_to = self.reply_to.map(|reply| one("reply_to", reply)).transpose()?;
        Ok(Self { to, reply_to, ..self })
    }
}

/// A recipient, whose faults are told at its field.
fn one(field: &str, recipient: Recipient) -> Result<Recipient> {
    recipient.checked().map_err(|error| error.under(field))
}

fn all(field: &str, recipients: Vec<Recipient>) -> Result<Vec<Recipient>> {
    let checked = recipients.into_iter().take(MOST_RECIPIENTS).enumerate();
    checked.map(|(at, recipient)| one(&format!("{field}.{at}"), recipient)).collect()
}

/// Refuses variables that say what is said already, that are too long, and that hold line breaks or NUL, which
/// could reach a subject.
pub(crate) fn check_variables(variables: &Map<String, Value>) -> Result<()> {
    if !serde_json::to_vec(variables).is_ok_and(|bytes| bytes.len() <= MOST_VARIABLE_BYTES) {
        return Err(Error::invalid("variables", "too_long", "hold more than 65536 bytes"));
    }
    let mut faults = Vec::new();
    for (name, value) in variables {
        let field = format!("variables.{name}");
        if faults.len() >= MOST_FAULTS {
            break;
        }
        if RESERVED.contains(&name.as_str()) {
            faults.push(FieldError::new(field, "reserved", "says the same in every template"));
        } else {
            look_at(&field, value, &mut faults);
        }
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Error::invalid_fields(faults)),
    }
}

/// Looks for control characters in a value and what is in it, until enough were found; JSON from outside is at
/// most 128 levels deep.
fn look_at(field: &str, value: &Value, faults: &mut Vec<FieldError>) {
    match value {
        _ if faults.len() >= MOST_FAULTS => {}
        Value::String(text) => faults.extend(bare_line(field, text).err().iter().flat_map(Error::fields).cloned()),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| look_at(&format!("{field}.{at}"), item, faults));
        }
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| look_at(&format!("{field}.{name}"), value, faults));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn faults<T>(result: Result<T>) -> Vec<String> {
        let error = result.err().unwrap();
        error.fields().iter().map(|fault| fault.field.clone()).collect()
    }

    fn draft(body: Value) -> Result<MailDraft> {
        serde_json::from_value::<MailDraft>(body).unwrap().checked()
    }

    #[test]
    fn all_that_is_wrong_with_a_mail_is_told_at_once() {
        let body = json!({
            "to": [{"email": "ada@example.com"}, {"email": "bob@example.com", "name": "Bob\r\nBcc: eve@example.com"}],
            "subject": "a\nb",
            "text": "a\u{0}b",
        });
        assert_eq!(faults(draft(body)), ["to.1.name", "subject", "text"]);
        assert_eq!(faults(draft(json!({"subject": "Hi", "text": "x"}))), ["to"]);
        assert_eq!(faults(draft(json!({"to": [{"email": "ada@example.com"}], "subject": "Hi"}))), ["text"]);
    }

    #[test]
    fn variables_hold_no_line_breaks_wherever_they_are() {
        let variables = json!({"a": "x\ny", "b": {"c": ["ok", "x\r"]}, "d": "\u{0}", "workspace": "x", "ok": 1});
        let refused = faults(check_variables(variables.as_object().unwrap()));
        assert_eq!(refused, ["variables.a", "variables.b.c.1", "variables.d", "variables.workspace"]);
    }

    #[test]
    fn variables_that_are_too_long_or_all_wrong_are_told_shortly() {
        let many = json!({"a": vec!["\n"; 5_000], "b": "\n"});
        assert_eq!(faults(check_variables(many.as_object().unwrap())).len(), MOST_FAULTS);
        let long = json!({"a": vec!["\n"; 50_000]});
        assert_eq!(faults(check_variables(long.as_object().unwrap())), ["variables"]);
    }
}
