//! Which proxies are believed.

use std::net::IpAddr;
use std::str::FromStr;

use crate::networks::Networks;

/// The proxies whose word on where a request came from is taken; none unless they are named.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Networks);

impl FromStr for Proxies {
    /// What is wrong with one of them.
    type Err = String;

    /// Reads addresses and networks, separated by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(Self)
    }
}

impl Proxies {
    /// Whether this address is one of them. An IPv4 address is the same in its IPv6 form.
    pub fn trust(&self, address: IpAddr) -> bool {
        self.0.contain(address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(proxies: &str, address: &str) -> bool {
        proxies.parse::<Proxies>().unwrap().trust(address.parse().unwrap())
    }

    #[test]
    fn nobody_is_trusted_unless_named() {
        for none in ["", " "] {
            assert!(!trust(none, "127.0.0.1") && !trust(none, "::1"));
        }
        assert!(trust("127.0.0.1", "127.0.0.1") && !trust("127.0.0.1", "127.0.0.2"));
        assert!(trust("10.0.0.0/8, ::1", "10.255.0.1") && trust("10.0.0.0/8, ::1", "::1"));
    }

    #[test]
    fn one_address_has_two_forms_and_is_one() {
        assert!(trust("10.0.0.0/8", "::ffff:10.0.0.1"));
        assert!(trust("::ffff:10.0.0.0/104", "10.0.0.1"));
        assert!(!trust("::ffff:10.0.0.0/104", "11.0.0.1"));
    }

    #[test]
    fn what_names_nobody_or_everybody_is_refused() {
        for bad in ["10.0.0.0/33", "proxy.internal", "10.0.0.1,", "*", "0.0.0.0/0", "::/0", "::ffff:0.0.0.0/96"] {
            assert!(bad.parse::<Proxies>().is_err(), "{bad}");
        }
    }
}
