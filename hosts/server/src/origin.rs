//! Whether a page of ours sent a request.
//!
//! A browser adds its cookies whoever has it send the request, and says with most of them which page that is. It is
//! believed: no page makes a browser say otherwise, and a program that can write what it likes has no one else's
//! cookies.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderName, ORIGIN};
use crm_boot::Config;

use crate::client;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Whether a page of this server sent a request, or one of a site that is let in.
pub(crate) fn is_ours(request: &HttpRequest, config: &Config) -> bool {
    let mut origins = request.headers().get_all(ORIGIN);
    match (origins.next(), origins.next()) {
        (Some(origin), None) => origin.to_str().is_ok_and(|origin| is_known(origin, request, config)),
        // Browsers leave it out where a page reads from its own server, as an event stream, and say that it does.
        (None, _) => request.headers().get(SEC_FETCH_SITE).is_some_and(|site| site == "same-origin"),
        (Some(_), Some(_)) => false,
    }
}

/// Whether what goes to a browser goes by TLS: a proxy speaks it, since the server does not.
pub(crate) fn is_secure(request: &HttpRequest, config: &Config) -> bool {
    let public_url = config.public_url.as_ref().map(ToString::to_string);
    public_url.is_some_and(|url| url.starts_with("https://"))
        || client::scheme(request, &config.trusted_proxies) == "https"
}

fn is_known(origin: &str, request: &HttpRequest, config: &Config) -> bool {
    let is_public = config.public_url.as_ref().is_some_and(|url| origin.eq_ignore_ascii_case(&url.to_string()));
    let is_let_in = || config.cors_origins.iter().any(|one| one == origin);
    is_public || is_host(origin, request, config) || is_let_in()
}

/// Whether an origin is where the request was sent to, by the scheme by which browsers come: a page that came without
/// TLS may be anybody's where they come by it.
fn is_host(origin: &str, request: &HttpRequest, config: &Config) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let (Some(host), Some((scheme, authority))) = (host, origin.split_once("://")) else { return false };
    scheme == (if is_secure(request, config) { "https" } else { "http" }) && authority.eq_ignore_ascii_case(host)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn config() -> Config {
        let mut config = Config::for_database("sqlite://crm.db").unwrap();
        config.trusted_proxies = "10.0.0.0/8".parse().unwrap();
        config
    }

    /// A request to `crm.example.com` from this peer with these headers.
    fn request(peer: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let request = TestRequest::get().peer_addr(format!("{peer}:4711").parse().unwrap());
        let request = request.insert_header(("host", "crm.example.com"));
        headers.iter().fold(request, |request, header| request.append_header(*header)).to_http_request()
    }

    fn is_ours_from(origin: &str, config: &Config) -> bool {
        is_ours(&request("192.0.2.1", &[("origin", origin)]), config)
    }

    #[test]
    fn a_page_of_the_server_itself_is_ours_and_no_other() {
        let config = config();
        assert!(is_ours_from("http://crm.example.com", &config));
        for other in [
            "https://crm.example.com",
            "http://crm.example.com:8080",
            "http://evil.example.com",
            "http://crm.example.com.evil.example",
            "crm.example.com",
            "null",
            "",
        ] {
            assert!(!is_ours_from(other, &config), "{other}");
        }
        let twice = [("origin", "http://crm.example.com"), ("origin", "http://crm.example.com")];
        assert!(!is_ours(&request("192.0.2.1", &twice), &config));
    }

    #[test]
    fn a_site_that_is_let_in_and_the_public_address_are_ours_too() {
        let mut config = config();
        config.cors_origins = "https://app.example.com".parse().unwrap();
        config.public_url = Some("https://sales.example.com".parse().unwrap());
        for (origin, is_it) in [
            ("https://app.example.com", true),
            ("https://sales.example.com", true),
            ("http://sales.example.com", false),
            ("http://app.example.com", false),
        ] {
            assert_eq!(is_ours_from(origin, &config), is_it, "{origin}");
        }
    }

    #[test]
    fn a_trusted_proxy_says_by_which_scheme_the_page_came_and_nobody_else_does() {
        let config = config();
        let headers = [("origin", "https://crm.example.com"), ("x-forwarded-proto", "https")];
        let (trusted, stranger) = (request("10.0.0.1", &headers), request("192.0.2.1", &headers));
        assert_eq!((is_ours(&trusted, &config), is_secure(&trusted, &config)), (true, true));
        assert_eq!((is_ours(&stranger, &config), is_secure(&stranger, &config)), (false, false));
        let mut public = config;
        public.public_url = Some("https://crm.example.com".parse().unwrap());
        assert_eq!((is_ours(&stranger, &public), is_secure(&stranger, &public)), (true, true));
        // Then a page without TLS is not of this server, whatever the host that it says.
        assert!(!is_ours_from("http://crm.example.com", &public));
        public.public_url = Some("https://sales.example.com".parse().unwrap());
        assert!(is_ours_from("https://crm.example.com", &public));
        assert!(!is_ours_from("http://crm.example.com", &public));
    }

    #[test]
    fn without_an_origin_the_browser_has_to_say_that_it_is_the_same() {
        let config = config();
        assert!(!is_ours(&request("192.0.2.1", &[]), &config));
        for (site, is_it) in [("same-origin", true), ("same-site", false), ("cross-site", false), ("none", false)] {
            assert_eq!(is_ours(&request("192.0.2.1", &[("sec-fetch-site", site)]), &config), is_it, "{site}");
        }
        let foreign = [("sec-fetch-site", "same-origin"), ("origin", "http://evil.example.com")];
        assert!(!is_ours(&request("192.0.2.1", &foreign), &config));
    }
}
