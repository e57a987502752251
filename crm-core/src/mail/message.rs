//! A mail as it is sent.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Message, MultiPart, SinglePart};
use serde::{Deserialize, Serialize};

use super::address::{Recipient, bare_line, key};
use crate::error::{Error, Result};
use crate::text::Email;
use crate::time::Timestamp;

/// A mail, written in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Mail {
    /// Its `Message-ID` without the brackets, the same at every attempt to send it.
    pub message_id: String,
    /// When it was written.
    pub at: Timestamp,
    /// Who it is from.
    pub from: Recipient,
    /// Who it is for.
    pub to: Vec<Recipient>,
    /// Who gets a copy that everybody sees.
    #[serde(default)]
    pub cc: Vec<Recipient>,
    /// Where answers go, where that is not the sender.
    #[serde(default)]
    pub reply_to: Option<Recipient>,
    /// Its subject.
    pub subject: String,
    /// What it says, as plain text.
    #[serde(default)]
    pub text: Option<String>,
    /// What it says, as HTML.
    #[serde(default)]
    pub html: Option<String>,
    /// The address by which its one recipient unsubscribes with one click (RFC 8058).
    #[serde(default)]
    pub unsubscribe_url: Option<String>,
}

impl Mail {
    /// A mail of one sender to one recipient that says nothing yet.
    pub fn new(message_id: impl Into<String>, at: Timestamp, from: Recipient, to: Recipient) -> Self {
        Self {
            message_id: message_id.into(),
            at,
            from,
            to: vec![to],
            cc: Vec::new(),
            reply_to: None,
            subject: String::new(),
            text: None,
            html: None,
            unsubscribe_url: None,
        }
    }

    /// The addresses that it goes to.
    pub fn recipients(&self) -> impl Iterator<Item = &Recipient> {
        self.to.iter().chain(&self.cc)
    }

    /// The mail without those whose keys are suppressed; `None` where nobody is left to write to.
    pub(crate) fn without(mut self, suppressed: &BTreeSet<Email>) -> Option<Self> {
        let stays = |recipient: &Recipient| !suppressed.contains(&key(&recipient.email));
        self.to.retain(stays);
        self.cc.retain(stays);
        (!self.to.is_empty()).then_some(self)
    }

    /// The addresses of sender and recipients as a mail server is told them, with the domains in ASCII.
    ///
    /// # Errors
    /// `Invalid` for an address that mail cannot be sent to.
    pub fn envelope(&self) -> Result<(String, Vec<String>)> {
        let from = self.from.mailbox()?.email.to_string();
        let to = self.recipients().map(|to| Ok(to.mailbox()?.email.to_string())).collect::<Result<_>>()?;
        Ok((from, to))
    }

    /// The mail in the form of RFC 5322: head and body, lines that end with CR LF and are short enough, names
    /// of any script encoded. Equal mails have equal forms.
    ///
    /// # Errors
    /// `Invalid` for a control character where the head would take it for a line's end, and for a mail that
    /// says nothing.
    pub fn formatted(&self) -> Result<Vec<u8>> {
        bare_line("subject", &self.subject)?;
        bare_line("message_id", &self.message_id)?;
        let at = SystemTime::UNIX_EPOCH + Duration::from_micros(u64::try_from(self.at.micros()).unwrap_or_default());
        let mut builder = Message::builder()
            .raw_header(raw("Message-ID", &format!("<{}>", self.message_id)))
            .date(at)
            .from(self.from.clone().checked()?.mailbox()?)
            .subject(self.subject.clone());
        for to in &self.to {
            builder = builder.to(to.clone().checked()?.mailbox()?);
        }
        for cc in &self.cc {
            builder = builder.cc(cc.clone().checked()?.mailbox()?);
        }
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone().checked()?.mailbox()?);
        }
        if let Some(url) = &self.unsubscribe_url {
            bare_line("unsubscribe_url", url)?;
            builder = builder
                .raw_header(raw("List-Unsubscribe", &format!("<{url}>")))
                .raw_header(raw("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        let plain = |text: &str| part(ContentType::TEXT_PLAIN, text);
        let html = |text: &str| part(ContentType::TEXT_HTML, text);
        let message = match (&self.text, &self.html) {
            (Some(text), Some(rich)) => builder.multipart(
                MultiPart::alternative()
                    .boundary(format!("=_{}", boundary(&self.message_id)))
                    .singlepart(plain(text))
                    .singlepart(html(rich)),
            ),
            (Some(text), None) => builder.singlepart(plain(text)),
            (None, Some(rich)) => builder.singlepart(html(rich)),
            (None, None) => {
                return Err(Error::invalid("text", "required", "says nothing, neither as text nor as HTML"));
            }
        };
        Ok(message.map_err(|error| Error::invalid("mail", "mail", error.to_string()))?.formatted())
    }
}

fn part(kind: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(kind).body(text.to_owned())
}

/// A header of ASCII that is written as it stands: encoded words would make a link unreadable.
fn raw(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.to_owned(), value.to_owned())
}

/// What parts a mail's bodies: a text that is in neither of them, because it is a digest of the mail's id.
fn boundary(message_id: &str) -> String {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use sha2::{Digest as _, Sha256};
    URL_SAFE_NO_PAD.encode(Sha256::digest(message_id.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Mail {
        let at = "2026-03-02T12:00:00Z".parse().unwrap();
        let from = Recipient::parse("Acme <crm@acme.example>").unwrap();
        let to =
            Recipient { email: "ada@example.com".parse().unwrap(), name: Some("Ada, \"Countess\" 李".to_owned()) };
        let mut mail = Mail::new("1@acme.example", at, from, to);
        mail.subject = "Grüße aus Zürich, ".repeat(20);
        mail.text = Some(format!("{}\n.\nbye", "long ".repeat(400)));
        mail
    }

    fn formatted(mail: &Mail) -> String {
        String::from_utf8(mail.formatted().unwrap()).unwrap()
    }

    #[test]
    fn a_mail_is_ascii_in_short_lines_whatever_it_says() {
        let mail = Mail { html: Some(format!("<p>{}</p>", "é".repeat(3_000))), ..mail() };
        let text = formatted(&mail);
        assert!(text.is_ascii());
        assert!(text.split("\r\n").all(|line| line.len() <= 78 && !line.contains(['\r', '\n'])), "{text}");
        assert!(text.contains("Message-ID: <1@acme.example>\r\n"), "{text}");
        assert_eq!(text, formatted(&mail));
    }

    #[test]
    fn one_click_headers_are_those_of_rfc_8058() {
        let url = format!("https://crm.acme.example/unsubscribe/{}", "a".repeat(150));
        let text = formatted(&Mail { unsubscribe_url: Some(url.clone()), ..mail() });
        assert!(text.contains(&format!("List-Unsubscribe: <{url}>\r\n")), "{text}");
        assert!(text.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{text}");
    }

    #[test]
    fn nothing_of_a_mail_writes_a_header_of_its_own() {
        let evil = "x\r\nBcc: eve@example.com";
        let named = |name: &str| Recipient { email: "ada@example.com".parse().unwrap(), name: Some(name.to_owned()) };
        for bad in [
            Mail { subject: evil.to_owned(), ..mail() },
            Mail { subject: "a\nb".to_owned(), ..mail() },
            Mail { subject: "a\0b".to_owned(), ..mail() },
            Mail { message_id: evil.to_owned(), ..mail() },
            Mail { from: named(evil), ..mail() },
            Mail { to: vec![named(evil)], ..mail() },
            Mail { cc: vec![named(evil)], ..mail() },
            Mail { reply_to: Some(named(evil)), ..mail() },
            Mail { unsubscribe_url: Some(evil.to_owned()), ..mail() },
            Mail { text: None, ..mail() },
        ] {
            assert!(bad.formatted().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn whoever_is_suppressed_is_left_out_and_a_mail_to_nobody_is_none() {
        let cc = Recipient::of("bob@example.com".parse().unwrap());
        let mail = Mail { cc: vec![cc.clone()], ..mail() };
        let left = mail.clone().without(&[cc.email].into()).unwrap();
        assert_eq!((left.to.len(), left.cc.len()), (1, 0));
        assert_eq!(mail.without(&["ada@example.com".parse().unwrap()].into()), None);
    }
}
