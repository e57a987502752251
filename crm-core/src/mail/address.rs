//! Who a mail is from or for.

use lettre::message::Mailbox;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::text::{Email, optional_line};

/// Most characters of a name.
const LONGEST_NAME: usize = 200;

/// An address, and perhaps the name of who has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Recipient {
    /// The address.
    pub email: Email,
    /// The name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

impl Recipient {
    /// An address without a name.
    pub fn of(email: Email) -> Self {
        Self { email, name: None }
    }

    /// Reads `Ada Lovelace <ada@example.com>` or the address alone.
    ///
    /// # Errors
    /// `Invalid` at `email` or `name`.
    pub fn parse(text: &str) -> Result<Self> {
        bare_line("email", text)?;
        // Libraries read the beginning of such a text and pass over the rest.
        let (name, email) = match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, email)) => (name.trim(), email),
            None => ("", text),
        };
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        let name = (!name.is_empty()).then(|| name.to_owned());
        Self { email: email.parse()?, name }.checked()
    }

    /// The same, where it can stand in the head of a mail.
    ///
    /// # Errors
    /// `Invalid` at `email` or `name`.
    pub fn checked(self) -> Result<Self> {
        let name = match &self.name {
            Some(name) => bare_line("name", name).and_then(|()| optional_line("name", name, LONGEST_NAME))?,
            None => None,
        };
        let recipient = Self { name, ..self };
        recipient.mailbox().map(|_| recipient)
    }

    /// As the head of a mail has it: the domain in ASCII.
    pub(crate) fn mailbox(&self) -> Result<Mailbox> {
        let unfit = || Error::invalid("email", "email", "is not an address that mail can be sent to");
        let (local, domain) = self.email.as_str().rsplit_once('@').ok_or_else(unfit)?;
        if !local.is_ascii() {
            // Few servers take such addresses, and one that does not would refuse the whole mail.
            return Err(Error::invalid("email", "not_ascii", "has other letters than ASCII before the @"));
        }
        let domain = idna::domain_to_ascii(domain).map_err(|_| unfit())?;
        let address = lettre::Address::new(local, &domain).map_err(|_| unfit())?;
        Ok(Mailbox::new(self.name.clone(), address))
    }
}

/// An address as suppressions compare it: with the domain in ASCII, as mails go to it.
pub(crate) fn key(email: &Email) -> Email {
    let ascii = email.as_str().rsplit_once('@').and_then(|(local, domain)| {
        let domain = idna::domain_to_ascii(domain).ok()?;
        format!("{local}@{domain}").parse().ok()
    });
    ascii.unwrap_or_else(|| email.clone())
}

/// Refuses line breaks and NUL also at the ends of a text, where they would be trimmed away: whoever sends them
/// tries something.
pub(crate) fn bare_line(field: &str, text: &str) -> Result<()> {
    match text.chars().any(char::is_control) {
        true => Err(Error::invalid(field, "control_character", "holds a control character")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_with_and_without_a_name() {
        let ada = Recipient::parse("Ada Lovelace <Ada@Example.com>").unwrap();
        assert_eq!((ada.email.as_str(), ada.name.as_deref()), ("ada@example.com", Some("Ada Lovelace")));
        assert_eq!(Recipient::parse("ada@example.com").unwrap().name, None);
        let quoted = Recipient::parse("\"Lovelace, Ada\" <ada@example.com>").unwrap();
        assert_eq!(quoted.name.as_deref(), Some("Lovelace, Ada"));
        for bad in [
            "",
            "Ada",
            "Ada <ada@example.com> x",
            "ada@example.com, bob@example.com",
            "Ada <ada>",
            "<>",
            "a@b.co\r\nBcc: c@d.co",
        ] {
            assert!(Recipient::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_domain_of_another_script_is_sent_in_ascii() {
        let recipient = Recipient::of("post@müller.example".parse().unwrap());
        assert_eq!(recipient.mailbox().unwrap().email.to_string(), "post@xn--mller-kva.example");
    }

    #[test]
    fn what_could_write_a_header_is_refused_at_its_field() {
        for name in ["Ada\r\nBcc: eve@example.com", "Ada\n", "\rAda", "A\0da", "A\u{85}da"] {
            let recipient = Recipient { email: "ada@example.com".parse().unwrap(), name: Some(name.to_owned()) };
            assert_eq!(recipient.checked().unwrap_err().fields()[0].field, "name", "{name:?}");
        }
        for text in
            ["ada@example.com\r\nBcc: eve@example.com", "a\0da@example.com", "ada@exam ple.com", "ада@example.com"]
        {
            let read = text.parse::<Email>().and_then(|email| Recipient::of(email).checked());
            assert_eq!(read.unwrap_err().fields()[0].field, "email", "{text:?}");
        }
    }
}
