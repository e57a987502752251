//! By what means mail is sent, and where links in it lead.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use secrecy::SecretString;

use crate::authority::Authority;

/// Whether a mail server is spoken to with TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte.
    Implicit,
    /// After STARTTLS, without which nothing is sent.
    Starttls,
    /// Not at all.
    None,
}

/// By what means mail is sent.
#[derive(Clone, Debug)]
pub enum MailTarget {
    /// `smtp://user:password@host:587`, `smtps://…`: a mail server.
    Smtp {
        /// Its name or address.
        host: String,
        /// Its port.
        port: u16,
        /// Whether TLS is used.
        tls: MailTls,
        /// Who signs in.
        credentials: Option<(String, SecretString)>,
    },
    /// `mailbox://path`: a folder, for development.
    Mailbox(PathBuf),
}

impl FromStr for MailTarget {
    /// What is wrong with it; the text may hold a password and stays out.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("mailbox://") {
            return match path.is_empty() {
                true => Err("names no folder, as in mailbox://mail".to_owned()),
                false => Ok(Self::Mailbox(path.into())),
            };
        }
        let is_none = || "is neither smtp://user:password@host:587, smtps://… nor mailbox://folder".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(is_none)?;
        let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
        let (tls, usual) = match (scheme, query) {
            ("smtp", None) => (MailTls::Starttls, 587),
            ("smtp", Some("tls=none")) => (MailTls::None, 25),
            ("smtps", None) => (MailTls::Implicit, 465),
            ("smtp" | "smtps", Some(_)) => return Err("has a parameter other than tls=none of smtp://".to_owned()),
            _ => return Err(is_none()),
        };
        let (user, authority) = rest.rsplit_once('@').map_or((None, rest), |(user, host)| (Some(user), host));
        let Authority { host, port } =
            Authority::parse(authority.trim_end_matches('/')).ok_or("names no host, as in smtp://mail.example.com")?;
        let credentials = user.map(credentials).transpose()?;
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self::Smtp { host, port: port.unwrap_or(usual), tls, credentials })
    }
}

/// `user:password`, with `%40` and its like for signs that mean something in an address.
fn credentials(text: &str) -> Result<(String, SecretString), String> {
    let (user, password) = text.split_once(':').ok_or("names a user without a password")?;
    let decoded = |part: &str| decode(part).ok_or("holds a % that is not followed by two hexadecimal digits");
    Ok((decoded(user)?, decoded(password)?.into()))
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                u8::try_from(digit(rest.next())? * 16 + digit(rest.next())?).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// Where people reach the server: links in mails begin with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(String);

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for PublicUrl {
    /// What is wrong with it.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim_end_matches('/');
        let authority = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match authority.and_then(Authority::parse) {
            Some(_) => Ok(Self(text.to_owned())),
            None => Err("is no address without a path, as in https://crm.example.com".to_owned()),
        }
    }
}

#[cfg(feature = "email")]
mod wiring {
    use std::sync::Arc;

    use crm_core::integration::Mailer;
    use crm_core::mail::MailSetup;
    use crm_core::{Error, Result};
    use crm_integrations::mailbox::MailboxMailer;
    use crm_integrations::smtp::{Security, SmtpMailer, SmtpOptions};

    use super::{MailTarget, MailTls};
    use crate::config::Config;

    /// The mailbox of a configuration, where mail goes into one.
    pub(crate) fn mailbox(config: &Config) -> Option<MailboxMailer> {
        match &config.mail {
            Some(MailTarget::Mailbox(folder)) => Some(MailboxMailer::new(folder)),
            _ => None,
        }
    }

    /// What an engine needs to send mail as configured.
    pub(crate) fn setup(config: &Config) -> Result<Option<MailSetup>> {
        let (Some(target), Some(from)) = (&config.mail, &config.mail_from) else { return Ok(None) };
        let mailer: Arc<dyn Mailer> = match target {
            MailTarget::Mailbox(folder) => Arc::new(MailboxMailer::new(folder)),
            MailTarget::Smtp { host, port, tls, credentials } => {
                let security = match tls {
                    MailTls::Implicit => Security::Implicit,
                    MailTls::Starttls => Security::Starttls,
                    MailTls::None => Security::Plain,
                };
                let mut options = SmtpOptions::new(host, *port, security);
                options.credentials.clone_from(credentials);
                options.authorities.clone_from(&config.mail_ca);
                let named = |error: Error| {
                    let is_of_authorities = error.fields().iter().any(|fault| fault.field == "authorities");
                    let setting = if is_of_authorities { "SLACKCRM_MAIL_CA" } else { "SLACKCRM_MAIL" };
                    Error::invalid(setting, "value", error.message().to_owned())
                };
                Arc::new(SmtpMailer::new(options).map_err(named)?)
            }
        };
        let setup = MailSetup::new(mailer, from.clone());
        let secrets = crate::secret::lasting(config)?;
        Ok(Some(match &config.public_url {
            Some(url) if !secrets.is_empty() => setup.unsubscribing(&url.to_string(), secrets),
            _ => setup,
        }))
    }
}

#[cfg(feature = "email")]
pub(crate) use wiring::{mailbox, setup};

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn told(text: &str) -> String {
        match text.parse::<MailTarget>() {
            Ok(MailTarget::Mailbox(folder)) => folder.display().to_string(),
            Ok(MailTarget::Smtp { host, port, tls, credentials }) => {
                let signed = credentials.map(|(user, password)| format!("{user} {}", password.expose_secret()));
                format!("{host} {port} {tls:?} {}", signed.unwrap_or_default())
            }
            Err(reason) => reason,
        }
    }

    #[test]
    fn a_target_says_host_port_tls_and_who_signs_in() {
        for (text, wanted) in [
            ("smtp://mail.example.com", "mail.example.com 587 Starttls "),
            (
                "smtp://ada%40acme.example:p%3aw%25@mail.example.com:2525",
                "mail.example.com 2525 Starttls ada@acme.example p:w%",
            ),
            ("smtps://u:p@mail.example.com/", "mail.example.com 465 Implicit u p"),
            ("smtp://127.0.0.1:1025?tls=none", "127.0.0.1 1025 None "),
            ("smtp://[::1]:25?tls=none", "::1 25 None "),
            ("mailbox://data/mail", "data/mail"),
            ("mailbox:///var/mail", "/var/mail"),
        ] {
            assert_eq!(told(text), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused_without_telling_its_password() {
        for bad in [
            "",
            "mail.example.com",
            "mailbox://",
            "http://mail.example.com",
            "smtp://",
            "smtp://user@host",
            "smtp://u:sesame%@host",
            "smtp://u:sesame@ho st",
            "smtp://host:port",
            "smtps://host?tls=none",
            "smtp://host?tls=maybe",
        ] {
            let reason = bad.parse::<MailTarget>().unwrap_err();
            assert!(!reason.contains("sesame"), "{reason}");
        }
        assert!(!format!("{:?}", "smtp://u:sesame@host".parse::<MailTarget>().unwrap()).contains("sesame"));
    }

    #[test]
    fn links_begin_with_an_address_and_no_path() {
        assert_eq!("https://crm.example.com/".parse::<PublicUrl>().unwrap().to_string(), "https://crm.example.com");
        for bad in ["", "crm.example.com", "ftp://crm.example.com", "https://crm.example.com/crm", "https://a b"] {
            assert!(bad.parse::<PublicUrl>().is_err(), "{bad}");
        }
    }
}
