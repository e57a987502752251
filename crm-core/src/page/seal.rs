//! The form of cursors: opaque text that the list which gave it takes back, and no other.
//!
//! It is URL-safe base 64 of a tag and, behind it, the place as JSON. The tag is an HMAC over the place and the list:
//! its kind, its workspace, its filter and its order. So a cursor that was edited is refused, as one of another list
//! or workspace is. The key is a secret that all instances of an installation share, where the host gives one. Without
//! one the key is known to everybody: what was damaged or belongs elsewhere is refused all the same, and what somebody
//! makes up is not. A cursor carries no right in either case: what it shows is filtered by the grant of the caller who
//! brings it.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::Sha256;

use crate::error::{Error, Result};
use crate::id::Id;
use crate::workspace::Workspace;

/// What a secret signs here, so that a tag of it means nothing elsewhere.
const PURPOSE: &[u8] = b"slackcrm cursor 1";
/// Bytes of a tag.
const TAG_BYTES: usize = 16;

/// What cursors are sealed with: the key of today, then former ones, whose cursors still hold. Cheap to clone.
#[derive(Clone)]
pub(crate) struct CursorKeys(Arc<[Hmac<Sha256>]>);

impl CursorKeys {
    /// The keys of these secrets; without any, a key that everybody knows.
    pub(crate) fn new(secrets: &[SecretString]) -> Self {
        let keys: Vec<_> = match secrets {
            [] => key("").into_iter().collect(),
            secrets => secrets.iter().filter_map(|secret| key(secret.expose_secret())).collect(),
        };
        Self(keys.into())
    }

    /// What makes and reads the cursors of a list; `list` tells it from all others of the workspace.
    pub(crate) fn seal(&self, workspace: Id<Workspace>, list: &impl Serialize) -> Seal {
        let list = serde_json::to_vec(&(workspace, list)).unwrap_or_default();
        Seal { keys: self.clone(), list: <Sha256 as sha2::Digest>::digest(list).into() }
    }
}

impl fmt::Debug for CursorKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorKeys")
    }
}

fn key(secret: &str) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(PURPOSE);
    Some(mac)
}

/// Makes and reads the cursors of one list.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    keys: CursorKeys,
    /// The digest of what the list is.
    list: [u8; 32],
}

impl Seal {
    /// The cursor of a place.
    pub(crate) fn close(&self, place: &impl Serialize) -> String {
        let place = serde_json::to_vec(place).unwrap_or_default();
        let mut sealed = Vec::with_capacity(TAG_BYTES + place.len());
        if let Some(mac) = self.tags(&place).next() {
            sealed.extend(mac.finalize().into_bytes().iter().take(TAG_BYTES));
        }
        sealed.extend_from_slice(&place);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// The place that a cursor names, where there is a cursor.
    ///
    /// # Errors
    /// `Invalid` at `cursor` for all but the cursors of this list.
    pub(crate) fn open<P: DeserializeOwned>(&self, cursor: Option<&str>) -> Result<Option<P>> {
        let Some(cursor) = cursor else { return Ok(None) };
        let sealed = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| foreign())?;
        let (tag, place) = sealed.split_at_checked(TAG_BYTES).ok_or_else(foreign)?;
        // Tags are compared in constant time.
        if !self.tags(place).any(|mac| mac.verify_truncated_left(tag).is_ok()) {
            return Err(foreign());
        }
        serde_json::from_slice(place).map(Some).map_err(|_| foreign())
    }

    /// The tags of a place, by the keys.
    fn tags(&self, place: &[u8]) -> impl Iterator<Item = Hmac<Sha256>> {
        self.keys.0.iter().map(move |key| {
            let mut mac = key.clone();
            mac.update(&self.list);
            mac.update(place);
            mac
        })
    }
}

/// What is no cursor of a list.
pub(crate) fn foreign() -> Error {
    Error::invalid("cursor", "cursor", "is not a cursor of this list")
}
