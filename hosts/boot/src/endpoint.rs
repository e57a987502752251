//! Where traces are sent.

use std::str::FromStr;

use crate::authority::Authority;

/// Where a collector takes traces, below its address.
const TRACES: &str = "/v1/traces";

/// The address of a collector that speaks OTLP over HTTP.
#[derive(Clone, Debug)]
pub struct Endpoint(String);

impl Endpoint {
    /// Where it takes traces.
    pub fn traces(&self) -> String {
        format!("{}{TRACES}", self.0)
    }
}

impl FromStr for Endpoint {
    /// What is wrong with it.
    type Err = String;

    /// Reads `http://host:port`, with or without a path below which the collector listens.
    fn from_str(text: &str) -> Result<Self, String> {
        let is_none = || "is no address of a collector, as in http://127.0.0.1:4318".to_owned();
        if text.starts_with("https://") {
            return Err(
                "begins with https://; a collector beside the server is spoken to without TLS, and passes on with it"
                    .to_owned(),
            );
        }
        let rest = text.strip_prefix("http://").ok_or_else(is_none)?.trim_end_matches('/');
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let is_plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte));
        if Authority::parse(authority).is_none() || !is_plain {
            return Err(is_none());
        }
        if format!("/{path}").ends_with(TRACES) {
            return Err(format!("ends with {TRACES}, which is added by itself"));
        }
        Ok(Self(format!("http://{rest}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_below_the_address() {
        for (text, traces) in [
            ("http://127.0.0.1:4318", "http://127.0.0.1:4318/v1/traces"),
            ("http://collector", "http://collector/v1/traces"),
            ("http://[::1]:4318/", "http://[::1]:4318/v1/traces"),
            ("http://gateway:80/otlp/", "http://gateway:80/otlp/v1/traces"),
        ] {
            assert_eq!(text.parse::<Endpoint>().unwrap().traces(), traces);
        }
    }

    #[test]
    fn what_is_no_collector_is_refused() {
        for bad in [
            "",
            "127.0.0.1:4318",
            "http://",
            "https://collector:4318",
            "http://user:secret@collector",
            "http://collector:port",
            "http://collector/v1/traces",
            "http://collector?x=1",
            "http://col lector",
        ] {
            assert!(bad.parse::<Endpoint>().is_err(), "{bad}");
        }
    }
}
