//! Networks that a setting names.

use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// How many bits of an IPv6 address say that an IPv4 address follows.
const MAPPED_BITS: u8 = 96;

/// Addresses and networks; none unless they are named.
#[derive(Clone, Debug, Default)]
pub struct Networks(Vec<IpNet>);

impl FromStr for Networks {
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

impl Networks {
    /// Whether one of them holds this address. An IPv4 address is the same in its IPv6 form.
    pub fn contain(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = IpNet> {
        self.0.iter().copied()
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
        network if network.prefix_len() == 0 => Err(format!("{text} is everybody: name the networks")),
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
