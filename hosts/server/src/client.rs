//! Where a request came from.
//!
//! The peer of the connection is known for certain. What `X-Forwarded-For` says is believed only of
//! peers that the operator trusts, and read from its end: each proxy adds whom it saw, so the first
//! address from there that is no trusted proxy's is the client. What stands before it may be forged.

use std::net::{IpAddr, SocketAddr};

use actix_web::HttpRequest;
use actix_web::http::header::{HeaderName, HeaderValue};
use crm_boot::Proxies;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");

/// The client's share of what is counted by address. A household or a server has a whole /64 of
/// IPv6, so that is what counts as one.
pub(crate) fn share_key(request: &HttpRequest, proxies: &Proxies) -> String {
    match address(request, proxies) {
        Some(IpAddr::V4(address)) => address.to_string(),
        Some(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        None => String::new(),
    }
}

/// The scheme by which the client came, as a proxy that is trusted says; the server itself speaks no other than `http`.
pub(crate) fn scheme(request: &HttpRequest, proxies: &Proxies) -> &'static str {
    let is_trusted = request.peer_addr().is_some_and(|peer| proxies.trust(peer.ip().to_canonical()));
    let lines = request.headers().get_all(FORWARDED_PROTO).filter(|_| is_trusted);
    // Of several the last is that of the proxy which is nearest.
    let said = lines.filter_map(|line| line.to_str().ok()?.rsplit(',').next()).last();
    if said.is_some_and(|scheme| scheme.trim().eq_ignore_ascii_case("https")) { "https" } else { "http" }
}

/// The client's address; `None` on a connection that has none.
fn address(request: &HttpRequest, proxies: &Proxies) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip().to_canonical();
    if !proxies.trust(peer) {
        return Some(peer);
    }
    let lines: Vec<&HeaderValue> = request.headers().get_all(FORWARDED_FOR).collect();
    let mut nearest = peer;
    for hop in lines.into_iter().rev().flat_map(|line| line.to_str().unwrap_or_default().rsplit(',')) {
        // What is no address was not written by a proxy that knows its trade.
        let Some(address) = parse(hop.trim()) else { break };
        nearest = address;
        if !proxies.trust(address) {
            break;
        }
    }
    Some(nearest)
}

/// An address, with or without a port.
fn parse(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address = bare.parse().or_else(|_| hop.parse::<SocketAddr>().map(|address| address.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// The share of a request from this peer with these lines of `X-Forwarded-For`.
    fn share(peer: &str, lines: &[&str]) -> String {
        let proxies = "10.0.0.0/8, 192.0.2.1, 2001:db8:ffff::/48".parse().unwrap();
        let mut request = TestRequest::get().peer_addr(SocketAddr::new(peer.parse().unwrap(), 4711));
        for line in lines {
            request = request.append_header((FORWARDED_FOR, *line));
        }
        share_key(&request.to_http_request(), &proxies)
    }

    #[test]
    fn a_stranger_writes_what_they_like_and_is_themselves() {
        for forged in ["203.0.113.9", "10.0.0.1", "127.0.0.1, 10.0.0.1", "nonsense", ""] {
            assert_eq!(share("198.51.100.7", &[forged]), "198.51.100.7", "{forged}");
        }
        assert_eq!(share("11.0.0.1", &["203.0.113.9"]), "11.0.0.1");
    }

    #[test]
    fn a_trusted_proxy_says_whom_it_saw() {
        assert_eq!(share("10.1.2.3", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(share("192.0.2.1", &["203.0.113.9:54321"]), "203.0.113.9");
        assert_eq!(share("2001:db8:ffff::1", &["[2001:db8:1:2:3::4]:443"]), "2001:db8:1:2::/64");
        assert_eq!(share("10.1.2.3", &["[2001:db8:1:2::4]"]), "2001:db8:1:2::/64");
        assert_eq!(share("10.1.2.3", &[]), "10.1.2.3");
    }

    #[test]
    fn what_a_client_wrote_before_its_proxy_is_not_believed() {
        assert_eq!(share("10.1.2.3", &["1.1.1.1, 203.0.113.9"]), "203.0.113.9");
        assert_eq!(share("10.1.2.3", &["1.1.1.1, 203.0.113.9, 10.9.9.9"]), "203.0.113.9");
        assert_eq!(share("10.1.2.3", &["1.1.1.1", "203.0.113.9", "192.0.2.1"]), "203.0.113.9");
        // Whom a proxy could not name is not guessed: the proxy itself counts.
        assert_eq!(share("10.1.2.3", &["1.1.1.1, unknown, 10.9.9.9"]), "10.9.9.9");
        assert_eq!(share("10.1.2.3", &["203.0.113.9, "]), "10.1.2.3");
        assert_eq!(share("10.1.2.3", &["10.5.5.5, 10.9.9.9"]), "10.5.5.5");
    }

    #[test]
    fn one_client_has_one_share_whatever_form_its_address_has() {
        assert_eq!(share("::ffff:198.51.100.7", &[]), "198.51.100.7");
        assert_eq!(share("::ffff:10.1.2.3", &["::ffff:203.0.113.9"]), "203.0.113.9");
        assert_eq!(share("2001:db8:1:2:aaaa::1", &[]), share("2001:db8:1:2:bbbb::9", &[]));
        assert_ne!(share("2001:db8:1:2::1", &[]), share("2001:db8:1:3::1", &[]));
    }
}
