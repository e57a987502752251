//! What keeps browsers from doing with an answer what nobody meant.

use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// On every answer that does not say otherwise by itself.
const ALWAYS: [(HeaderName, &str); 6] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// The headers of every answer.
#[derive(Default)]
pub(crate) struct Browser {
    hsts: Option<HeaderValue>,
}

impl Browser {
    /// As configured: for how many seconds browsers shall come by TLS alone.
    pub(crate) fn new(hsts: Option<u32>) -> Self {
        let value = |seconds: u32| HeaderValue::from_str(&format!("max-age={seconds}")).ok();
        Self { hsts: hsts.and_then(value) }
    }

    /// Adds what is not there.
    pub(crate) fn dress(&self, headers: &mut HeaderMap) {
        for (name, value) in ALWAYS {
            if !headers.contains_key(&name) {
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        if let Some(hsts) = &self.hsts {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_route_says_by_itself_stays() {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'self'"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"));
        Browser::new(Some(60)).dress(&mut headers);
        let value = |name: HeaderName| headers.get_all(name).map(|value| value.to_str().unwrap()).collect::<Vec<_>>();
        assert_eq!(value(header::CONTENT_SECURITY_POLICY), ["default-src 'self'"]);
        assert_eq!(value(header::CACHE_CONTROL), ["max-age=60"]);
        assert_eq!(value(header::X_FRAME_OPTIONS), ["DENY"]);
        assert_eq!(value(header::STRICT_TRANSPORT_SECURITY), ["max-age=60"]);
    }
}
