//! Which servers tests run on, beside those that a test makes for itself.

use std::io::Write as _;

/// Where tests find PostgreSQL.
const POSTGRES: &str = "SLACKCRM_TEST_POSTGRES";
/// Where tests find Redis.
const REDIS: &str = "SLACKCRM_TEST_REDIS";
/// What the developer leaves out, separated by commas.
const WITHOUT: &str = "SLACKCRM_TEST_WITHOUT";

/// The URL of the PostgreSQL database that tests make their own schemas and databases beside. None
/// where the developer has said that there is none, and then standard error says what is skipped.
///
/// # Panics
/// Where the developer has said neither: a test that nobody ran must not look like one that passed.
pub fn postgres_url() -> Option<String> {
    url("PostgreSQL", "postgres", POSTGRES)
}

/// The URL of a Redis server, on whose channels all tests speak at once. None as for [`postgres_url`].
///
/// # Panics
/// As [`postgres_url`].
pub fn redis_url() -> Option<String> {
    url("Redis", "redis", REDIS)
}

fn url(server: &str, part: &str, variable: &str) -> Option<String> {
    if let Ok(url) = std::env::var(variable) {
        return Some(url);
    }
    let without = std::env::var(WITHOUT).unwrap_or_default();
    assert!(
        without.split(',').any(|left_out| left_out == part),
        "set {variable} to a URL of {server}, or {WITHOUT}={part}, or use cargo xtask test"
    );
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Past the test harness, which keeps what a passing test prints to itself.
    let _said = writeln!(std::io::stderr(), "skipped on {server}, by {WITHOUT}: {test}");
    None
}
