//! Sending.

use std::error::Error as StdError;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use crm_core::integration::{WebhookAnswer, WebhookRequest, WebhookSender};
use crm_core::{Error, Result};
use reqwest::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use super::address::Reachable;
use super::resolver::{Guarded, Lookup, Machine, Refused};

/// How long a message may take as a whole, its answer's body included.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long to wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// What receivers see in their logs.
const USER_AGENT: &str = concat!("SlackCRM-Webhooks/", env!("CARGO_PKG_VERSION"));

/// Whether addresses without encryption are sent to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Plain {
    #[default]
    Refused,
    Allowed,
}

/// Sends messages over HTTPS to public addresses.
pub struct HttpSender {
    client: std::result::Result<Client, String>,
    reachable: Reachable,
    plain: Plain,
}

impl HttpSender {
    /// A sender that reaches these addresses, and asks for encryption.
    pub fn new(reachable: Reachable) -> Self {
        Self::looking_up(reachable, Arc::new(Machine), TIMEOUT)
    }

    /// Sends to `http` addresses too.
    #[must_use]
    pub fn allowing_http(mut self) -> Self {
        self.plain = Plain::Allowed;
        self
    }

    /// Gives a message less time as a whole.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        let plain = self.plain;
        Self { plain, ..Self::looking_up(self.reachable, Arc::new(Machine), timeout.min(TIMEOUT)) }
    }

    fn looking_up(reachable: Reachable, lookup: Arc<dyn Lookup>, timeout: Duration) -> Self {
        let guarded = Guarded { lookup, reachable: reachable.clone() };
        let client = Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .dns_resolver(Arc::new(guarded))
            .timeout(timeout)
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(USER_AGENT)
            .build();
        // A machine without root certificates can do everything else.
        let client = client.map_err(|error| reason(&error));
        Self { client, reachable, plain: Plain::default() }
    }

    /// The address, where anything may be sent to it; a name is not looked up yet.
    fn address(&self, text: &str) -> Result<Url> {
        let refused = |code, message: &str| Err(Error::invalid("url", code, message.to_owned()));
        let Ok(url) = text.parse::<Url>() else {
            return refused("url", "is not an address, as in https://example.com/hook");
        };
        match (url.scheme(), self.plain) {
            ("https", _) | ("http", Plain::Allowed) => {}
            ("http", Plain::Refused) => return refused("https", "must begin with https"),
            _ => return refused("https", "is neither http nor https"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("url", "names a user or a password");
        }
        let host = url.host_str().unwrap_or_default();
        if host.is_empty() {
            return refused("url", "names no host");
        }
        let number = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        match number {
            Ok(address) if !self.reachable.reaches(address) => {
                refused("unreachable", "is an address inside a network that nothing is sent to")
            }
            Err(_) if is_local(host) && !self.reaches_this_machine() => {
                refused("unreachable", "is a name of this machine, which nothing is sent to")
            }
            _ => Ok(url),
        }
    }

    fn reaches_this_machine(&self) -> bool {
        self.reachable.reaches(IpAddr::from([127, 0, 0, 1]))
    }
}

/// Whether a name is one of the machine's own (RFC 6761).
fn is_local(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[async_trait]
impl WebhookSender for HttpSender {
    fn check(&self, url: &str) -> Result<()> {
        self.address(url).map(drop)
    }

    async fn send(&self, request: WebhookRequest) -> Result<WebhookAnswer> {
        let url = self.address(&request.url)?;
        let client = self.client.as_ref().map_err(|why| Error::unavailable(format!("nothing can be sent: {why}")))?;
        let mut message = client.post(url).header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in request.headers {
            message = message.header(name, value);
        }
        let response = message.body(request.body).send().await.map_err(|error| unanswered(&error))?;
        let status = response.status().as_u16();
        let retry_after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(WebhookAnswer::new(status, beginning(response).await, retry_after))
    }
}

/// The first bytes of an answer's body, as far as they come: what counts is its status.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < WebhookAnswer::MOST_BYTES {
        match response.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    body.truncate(WebhookAnswer::MOST_BYTES);
    body
}

/// Why no answer came.
fn unanswered(error: &reqwest::Error) -> Error {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.is::<Refused>() {
            return Error::invalid("url", "unreachable", one.to_string());
        }
        cause = one.source();
    }
    if error.is_timeout() {
        return Error::unavailable("no answer came in time");
    }
    Error::unavailable(format!("no answer came: {}", reason(error)))
}

/// What an error says at its root: what stands before it names the whole address.
fn reason(error: &reqwest::Error) -> String {
    let mut cause: &(dyn StdError + 'static) = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests;
