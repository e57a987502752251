//! Secrets, and what is signed with them: Standard Webhooks, version 1.
//!
//! Specification: <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

use super::model::WebhookEndpoint;
use crate::id::Id;
use crate::time::Timestamp;

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// Bytes of a secret: between 24 and 64 are allowed.
const BYTES: usize = 32;

/// A secret that was made for an endpoint.
#[derive(Clone, Debug)]
pub struct MadeSecret {
    /// The endpoint.
    pub endpoint_id: Id<WebhookEndpoint>,
    /// `whsec_` and base 64.
    pub secret: SecretString,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when the latest [`MadeSecret::MOST_FORMER`] secrets of before hold, if they are not over earlier.
    pub former_until: Timestamp,
}

impl MadeSecret {
    /// Former secrets that hold beside a new one at most, the latest; what was before them ends when it is made, so
    /// that messages carry few signatures however often somebody rotates.
    pub const MOST_FORMER: u16 = 2;

    /// A new secret, beside which the latest former ones hold until then.
    pub(super) fn new(endpoint_id: Id<WebhookEndpoint>, made_at: Timestamp, former_until: Timestamp) -> Self {
        let bytes: [u8; BYTES] = rand::random();
        let secret = format!("{PREFIX}{}", STANDARD.encode(bytes));
        Self { endpoint_id, secret: secret.into(), made_at, former_until }
    }
}

/// The value of `webhook-signature`: one signature a live secret, parted by spaces. The first secret is the
/// newest.
pub fn signature(secrets: &[SecretString], id: &str, timestamp: i64, body: &[u8]) -> String {
    let signatures = secrets.iter().filter_map(|secret| sign(secret, id, timestamp, body));
    signatures.collect::<Vec<_>>().join(" ")
}

fn sign(secret: &SecretString, id: &str, timestamp: i64, body: &[u8]) -> Option<String> {
    let text = secret.expose_secret();
    let key = STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).ok()?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).ok()?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned());
        let body = br#"{"test": 2432232314}"#;
        let signed = signature(&[secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn each_live_secret_signs_and_no_two_are_alike() {
        let now = Timestamp::from_micros(0);
        let [one, other] = [0, 1].map(|_| MadeSecret::new(Id::new_at(now), now, now).secret);
        assert_ne!(one.expose_secret(), other.expose_secret());
        let both = signature(&[one.clone(), other.clone()], "msg_1", 1, b"{}");
        let each = [one, other].map(|secret| signature(&[secret], "msg_1", 1, b"{}"));
        assert_eq!(both, each.join(" "));
        assert!(both.split(' ').all(|signature| signature.starts_with("v1,") && signature.len() == 47));
    }

    #[test]
    fn a_secret_does_not_print() {
        let now = Timestamp::from_micros(0);
        let made = MadeSecret::new(Id::new_at(now), now, now);
        assert!(!format!("{made:?}").contains(PREFIX));
    }
}
