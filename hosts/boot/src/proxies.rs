//! Which proxies are believed.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// How many bits of an IPv6 address say that an IPv4 address follows.
const MAPPED_BITS: u8 = 96;

/// The proxies whose word on where a request came from is taken; none unless they are named.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<IpNet>);

impl FromStr for Proxies {
    /// What is wrong with one of them.
    type Err = String;

    /// Reads addresses and networks, separated by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(|one| network(one.trim())).collect::<Result<_, _>>().map(Self)
    }
}

impl Proxies {
    /// Whether this address is one of them. An IPv4 address is the same in its IPv6 form.
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }
}

fn network(text: &str) -> Result<IpNet, String> {
    let network = match text.parse::<IpAddr>() {
        Ok(address) => IpNet::from(address),
        Err(_) => {
            text.parse().map_err(|_| format!("{text:?} is neither an address nor a network, as in 10.0.0.0/8"))?
        }
    };
    match canonical(network) {
        network if network.prefix_len() == 0 => Err(format!("{text} is everybody, who may write what they like")),
        network => Ok(network),
    }
}

/// An IPv4 network in its IPv6 form as the IPv4 network.
fn canonical(network: IpNet) -> IpNet {
    let mapped = |network: Ipv6Net| {
        let address = Ipv6Addr::to_ipv4_mapped(&network.addr())?;
        Ipv4Net::new(address, network.prefix_len().checked_sub(MAPPED_BITS)?).ok()
    };
    match network {
        IpNet::V6(network) => mapped(network).map_or(IpNet::V6(network), IpNet::V4),
        network => network,
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
