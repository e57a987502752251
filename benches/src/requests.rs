//! What is asked of the product's server.

use std::fmt::Write as _;
use std::sync::Arc;

use crate::load::{Requests, get, post, sending};
use crate::people::Person;
use crate::product::spread;

/// Records of a bulk request.
const BULK: u64 = 1_000;

/// Every kind of request by name. `from` is the first person that is not there yet.
pub(crate) fn all(ids: &Arc<[String]>, token: &str, from: u64) -> Vec<(&'static str, Requests)> {
    let asks = Asks { ids: ids.clone(), token: token.to_owned(), from };
    let kinds: [(&'static str, Ask); 7] = [
        ("one contact, HTTP", Asks::one),
        ("list of 50 by name, HTTP", Asks::by_name),
        ("list of 50 by filter and sort, HTTP", Asks::filtered),
        ("search, HTTP", Asks::searched),
        ("update, HTTP", Asks::update),
        ("create, HTTP", Asks::create),
        ("bulk create of 1,000, HTTP", Asks::bulk),
    ];
    let asks = Arc::new(asks);
    let requests = |ask: Ask| {
        let asks = asks.clone();
        Arc::new(move |n| ask(&asks, n)) as Requests
    };
    kinds.into_iter().map(|(what, ask)| (what, requests(ask))).collect()
}

/// The bytes of request number `n`.
type Ask = fn(&Asks, u64) -> Vec<u8>;

/// What requests are made of.
struct Asks {
    ids: Arc<[String]>,
    token: String,
    from: u64,
}

impl Asks {
    fn one(&self, n: u64) -> Vec<u8> {
        get(&format!("/api/v1/contacts/{}", spread(&self.ids, n)), &self.token)
    }

    fn by_name(&self, _n: u64) -> Vec<u8> {
        get("/api/v1/contacts?limit=50&sort=last_name", &self.token)
    }

    /// The newest of one source.
    fn filtered(&self, n: u64) -> Vec<u8> {
        let filter = format!(r#"{{"field":"source","op":"eq","value":"{}"}}"#, Person::number(n).source);
        get(&format!("/api/v1/contacts?limit=50&sort=-created_at&filter={}", encoded(&filter)), &self.token)
    }

    /// A family name, which some 24 people of 100,000 share.
    fn searched(&self, n: u64) -> Vec<u8> {
        get(&format!("/api/v1/search?types=contact&q={}", encoded(&Person::number(n).last_name)), &self.token)
    }

    fn update(&self, n: u64) -> Vec<u8> {
        let path = format!("/api/v1/contacts/{}", spread(&self.ids, n));
        sending("PATCH", &path, &self.token, &format!(r#"{{"title":"Title {n}"}}"#))
    }

    fn create(&self, n: u64) -> Vec<u8> {
        post("/api/v1/contacts", &self.token, &Person::number(self.from + n).json())
    }

    fn bulk(&self, n: u64) -> Vec<u8> {
        let from = self.from + 5_000_000 + n * BULK;
        let people: Vec<String> = (from..from + BULK).map(|n| Person::number(n).json()).collect();
        post("/api/v1/contacts/bulk", &self.token, &format!(r#"{{"items":[{}]}}"#, people.join(",")))
    }
}

/// Text for a query, percent-encoded.
fn encoded(text: &str) -> String {
    let mut query = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        match byte.is_ascii_alphanumeric() {
            true => query.push(char::from(byte)),
            false => drop(write!(query, "%{byte:02X}")),
        }
    }
    query
}
