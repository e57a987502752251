//! Which web sites of others may use the API from a browser.

use std::str::FromStr;

use crate::authority::Authority;

/// Origins as browsers name them; none unless they are named.
#[derive(Clone, Debug, Default)]
pub struct Origins(Vec<String>);

impl Origins {
    /// All of them, as in `https://crm.example.com`.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromStr for Origins {
    /// What is wrong with one of them.
    type Err = String;

    /// Reads origins, separated by commas.
    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        text.split(',').map(|one| origin(one.trim())).collect::<Result<_, _>>().map(Self)
    }
}

/// One origin, exactly as a browser sends it: one in another form would never be the same.
fn origin(text: &str) -> Result<String, String> {
    if text == "*" {
        return Err("* would let every web site use the API; name the origins".to_owned());
    }
    let is_none = || format!("{text:?} is no origin, as in https://crm.example.com");
    let (scheme, rest) = text.split_once("://").ok_or_else(is_none)?;
    let usual_port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return Err(is_none()),
    };
    if rest.ends_with('/') {
        return Err(format!("{text:?} has a slash at its end, which browsers leave out"));
    }
    let Authority { host, port } = Authority::parse(rest).ok_or_else(is_none)?;
    if host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(format!("{text:?} has capitals, which browsers write small"));
    }
    if port == Some(usual_port) {
        return Err(format!("{text:?} names the usual port of {scheme}, which browsers leave out"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_kept_as_browsers_send_them() {
        let text = "https://crm.example.com, http://localhost:5173,http://[::1]:8080";
        let origins: Origins = text.parse().unwrap();
        let all: Vec<&str> = origins.iter().collect();
        assert_eq!(all, ["https://crm.example.com", "http://localhost:5173", "http://[::1]:8080"]);
        assert_eq!("".parse::<Origins>().unwrap().iter().count(), 0);
    }

    #[test]
    fn what_no_browser_sends_is_refused() {
        for bad in [
            "*",
            "null",
            "crm.example.com",
            "https://",
            "https://crm.example.com/",
            "https://crm.example.com/app",
            "https://CRM.example.com",
            "https://crm.example.com:443",
            "http://crm.example.com:80",
            "https://*.example.com",
            "https://user@example.com",
            "https://crm.example.com:99999",
            "ftp://crm.example.com",
            "https://crm.example.com,",
            "https://crm.example.com https://other.example.com",
        ] {
            assert!(bad.parse::<Origins>().is_err(), "{bad}");
        }
    }
}
