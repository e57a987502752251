//! Which addresses may be connected to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 networks that are nobody's on the public internet: IANA's registry of special purposes, and groups.
const SPECIAL: [([u8; 4], u8); 16] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([192, 175, 48, 0], 24),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
];
/// Where groups and what is reserved begin: 224.0.0.0 and above.
const FIRST_RESERVED: u8 = 224;

/// The one IPv6 network whose addresses are given out: what lies outside is local, translated or reserved.
const GLOBAL: ([u16; 8], u8) = ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);
/// Networks within it that lead elsewhere: protocols (Teredo and benchmarks among them), documentation, 6to4,
/// documentation.
const WITHIN: [([u16; 8], u8); 4] = [
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    ([0x2002, 0, 0, 0, 0, 0, 0, 0], 16),
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

/// Which addresses may be connected to: public ones, and networks that are named.
#[derive(Clone, Debug, Default)]
pub struct Reachable {
    allowed: Vec<IpNet>,
}

impl Reachable {
    /// Public addresses, and those of these networks.
    pub fn with(allowed: Vec<IpNet>) -> Self {
        Self { allowed }
    }

    /// Whether an address may be connected to. An IPv4 address is the same in its mapped IPv6 form.
    pub fn reaches(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|network| network.contains(&address)) || is_public(address)
    }
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let is_special = SPECIAL
        .into_iter()
        .any(|(network, bits)| Ipv4Net::new(network.into(), bits).is_ok_and(|network| network.contains(&address)));
    let [first, ..] = address.octets();
    !is_special && first < FIRST_RESERVED
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let is_in = |(network, bits): ([u16; 8], u8)| {
        Ipv6Net::new(network.into(), bits).is_ok_and(|network| network.contains(&address))
    };
    is_in(GLOBAL) && !WITHIN.into_iter().any(is_in)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaches(reachable: &Reachable, address: &str) -> bool {
        reachable.reaches(address.parse().unwrap())
    }

    #[test]
    fn only_public_addresses_are_reached() {
        let open = Reachable::default();
        for public in
            ["1.1.1.1", "93.184.216.34", "223.255.255.255", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8"]
        {
            assert!(reaches(&open, public), "{public}");
        }
        for closed in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "100::1",
            "fe80::1",
            "fec0::1",
            "fc00::1",
            "fd00::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001::1",
            "2001:2::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "4000::1",
        ] {
            assert!(!reaches(&open, closed), "{closed}");
        }
    }

    #[test]
    fn a_network_that_is_named_is_reached_and_its_neighbours_are_not() {
        let named = Reachable::with(vec!["10.1.0.0/16".parse().unwrap(), "fd12::/32".parse().unwrap()]);
        assert!(reaches(&named, "10.1.2.3") && reaches(&named, "::ffff:10.1.2.3") && reaches(&named, "fd12::5"));
        assert!(!reaches(&named, "10.2.0.1") && !reaches(&named, "fd13::5") && reaches(&named, "1.1.1.1"));
    }
}
