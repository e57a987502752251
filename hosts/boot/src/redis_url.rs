//! Where processes on one database tell each other of commits.

use std::str::FromStr;

use secrecy::SecretString;

use crate::authority::Authority;

/// The address of a Redis server, which may hold a password.
#[derive(Clone, Debug)]
pub struct RedisUrl(SecretString);

impl RedisUrl {
    /// As it was written.
    pub(crate) fn text(&self) -> &SecretString {
        &self.0
    }
}

impl FromStr for RedisUrl {
    /// What is wrong with it; the text may hold a password and stays out.
    type Err = String;

    /// Reads `redis://host`, perhaps with `user:password@` before the host, and a port and the number of a database
    /// behind it.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.starts_with("rediss://") {
            return Err("begins with rediss://; a Redis beside the server is spoken to without TLS".to_owned());
        }
        let is_none = || "is no address of a Redis server, as in redis://127.0.0.1:6379".to_owned();
        let rest = text.strip_prefix("redis://").ok_or_else(is_none)?;
        let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
        if let Some(user) = user {
            if !user.contains(':') {
                return Err("names a user without a password, as in redis://user:password@host".to_owned());
            }
            if user.bytes().any(|sign| !sign.is_ascii_graphic() || b"/?#@[]\\".contains(&sign)) {
                return Err("has a sign in its password that must be percent-encoded".to_owned());
            }
        }
        let (authority, database) = place.split_once('/').unwrap_or((place, ""));
        if Authority::parse(authority).is_none() {
            return Err(is_none());
        }
        if !database.is_empty() && database.parse::<u16>().is_err() {
            return Err("has a path that is no number of a database, as in redis://127.0.0.1:6379/1".to_owned());
        }
        Ok(Self(text.to_owned().into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_host_and_perhaps_port_password_and_database() {
        for text in [
            "redis://127.0.0.1:6379",
            "redis://redis.internal",
            "redis://redis.internal/",
            "redis://:sesame@redis.internal:6380/2",
            "redis://crm:p%40ss@[::1]:6379",
        ] {
            assert!(text.parse::<RedisUrl>().is_ok(), "{text}");
        }
        assert!(!format!("{:?}", "redis://:sesame@host".parse::<RedisUrl>().unwrap()).contains("sesame"));
    }

    #[test]
    fn what_is_no_address_is_refused_without_telling_its_password() {
        for bad in [
            "",
            "127.0.0.1:6379",
            "redis://",
            "redis://:sesame@",
            "rediss://:sesame@host",
            "http://host",
            "redis://sesame@host",
            "redis://:ses/ame@host",
            "redis://:sesame@host:port",
            "redis://:sesame@host/one",
            "redis://:sesame@host?x=1",
            "redis://:sesame@ho st",
        ] {
            let reason = bad.parse::<RedisUrl>().unwrap_err();
            assert!(!reason.contains("sesame") && !reason.is_empty(), "{reason}");
        }
    }
}
