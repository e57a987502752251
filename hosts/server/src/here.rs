//! Whoever sits at the server's machine: to them alone is shown what is for development.

use actix_web::HttpRequest;
use actix_web::http::header;

/// Whether a request comes from this machine, and was meant for it.
pub(crate) fn is_here(request: &HttpRequest) -> bool {
    // A server that listens on `[::]` sees who comes by IPv4 by an address of IPv6.
    let is_local_peer = request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
    // A proxy on this machine speaks for others.
    let marks = ["x-forwarded-for", "forwarded", "via", "x-real-ip"];
    let is_passed_on = marks.iter().any(|name| request.headers().contains_key(*name));
    // So does a page whose name was made to lead here.
    is_local_peer && !is_passed_on && host(request).is_some_and(is_local)
}

/// The name by which the server was asked.
pub(crate) fn host(request: &HttpRequest) -> Option<&str> {
    request.headers().get(header::HOST)?.to_str().ok()
}

/// Whether a `Host` names this machine, with or without a port.
fn is_local(host: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|digit| digit.is_ascii_digit());
    ["localhost", "127.0.0.1", "[::1]"].into_iter().any(|name| {
        let rest = host.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
    })
}
