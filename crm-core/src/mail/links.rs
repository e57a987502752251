//! The links by which people unsubscribe: whoever has one may, and needs no account.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;
use uuid::Uuid;

use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::text::Email;
use crate::workspace::Workspace;

/// What a secret signs here, so that a signature of it means nothing elsewhere.
const PURPOSE: &[u8] = b"slackcrm unsubscribe 1";
/// Bytes of a workspace's id, and of a signature.
const ID_BYTES: usize = 16;
const SIGNATURE_BYTES: usize = 32;
/// Most characters of a token: an address has at most 254 bytes.
const LONGEST: usize = 500;

/// Signs the addresses of unsubscribe pages and reads them.
#[derive(Clone)]
pub(crate) struct Links {
    /// Where the server is reached, without a slash at the end.
    base: String,
    /// The key that signs, then former ones, whose links still hold.
    secrets: Vec<SecretString>,
}

impl Links {
    pub(crate) fn new(base: String, secrets: Vec<SecretString>) -> Self {
        Self { base, secrets }
    }

    /// Where an address unsubscribes from a workspace.
    pub(crate) fn unsubscribe(&self, workspace: Id<Workspace>, email: &Email) -> Option<String> {
        let mac = signed(self.secrets.first()?, workspace, email)?;
        let mut bytes = workspace.uuid().as_bytes().to_vec();
        bytes.extend_from_slice(&mac.finalize().into_bytes());
        bytes.extend_from_slice(email.as_str().as_bytes());
        Some(format!("{}/unsubscribe/{}", self.base, URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// Whom a token speaks of.
    ///
    /// # Errors
    /// `NotFound` for every token but our own.
    pub(crate) fn read(&self, token: &str) -> Result<(Id<Workspace>, Email)> {
        let foreign = || Error::new(ErrorKind::NotFound, "the link does not hold");
        if token.len() > LONGEST {
            return Err(foreign());
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| foreign())?;
        let (id, rest) = bytes.split_at_checked(ID_BYTES).ok_or_else(foreign)?;
        let (signature, email) = rest.split_at_checked(SIGNATURE_BYTES).ok_or_else(foreign)?;
        let workspace: Id<Workspace> = Uuid::from_slice(id).map_err(|_| foreign())?.into();
        let text = std::str::from_utf8(email).map_err(|_| foreign())?;
        let email: Email = text.parse().map_err(|_| foreign())?;
        // The signature is compared in constant time.
        let holds = |secret| signed(secret, workspace, &email).is_some_and(|mac| mac.verify_slice(signature).is_ok());
        match email.as_str() == text && self.secrets.iter().any(holds) {
            true => Ok((workspace, email)),
            false => Err(foreign()),
        }
    }
}

fn signed(secret: &SecretString, workspace: Id<Workspace>, email: &Email) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()).ok()?;
    for part in [PURPOSE, workspace.uuid().as_bytes().as_slice(), email.as_str().as_bytes()] {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Timestamp;

    fn links(secrets: &[&str]) -> Links {
        let secrets = secrets.iter().map(|secret| (*secret).to_owned().into()).collect();
        Links::new("https://crm.example.com".to_owned(), secrets)
    }

    fn token(links: &Links) -> (Id<Workspace>, String) {
        let workspace = Id::new_at(Timestamp::from_micros(1));
        let url = links.unsubscribe(workspace, &"ada@example.com".parse().unwrap()).unwrap();
        (workspace, url.strip_prefix("https://crm.example.com/unsubscribe/").unwrap().to_owned())
    }

    #[test]
    fn a_link_names_its_workspace_and_address_under_the_key_of_today_and_before() {
        let (workspace, token) = token(&links(&["old"]));
        for secrets in [&["old"][..], &["new", "old"]] {
            assert_eq!(links(secrets).read(&token).unwrap(), (workspace, "ada@example.com".parse().unwrap()));
        }
        assert!(links(&["new"]).read(&token).is_err());
    }

    #[test]
    fn every_sign_of_a_link_counts() {
        let links = links(&["key"]);
        let (_, token) = token(&links);
        for at in 0..token.len() {
            let other = if token.as_bytes()[at] == b'A' { 'B' } else { 'A' };
            let changed: String =
                token.char_indices().map(|(place, sign)| if place == at { other } else { sign }).collect();
            assert!(links.read(&changed).is_err(), "{at}");
            assert!(links.read(&token[..at]).is_err(), "{at}");
        }
        for bad in ["", "x", &format!("{token}A"), &"A".repeat(10_000)] {
            assert!(links.read(bad).is_err());
        }
    }
}
