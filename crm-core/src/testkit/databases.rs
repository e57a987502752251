//! Which databases tests run on, beside those that a test makes for itself.

use std::io::Write as _;

/// Where tests find PostgreSQL.
const POSTGRES: &str = "SLACKCRM_TEST_POSTGRES";
/// What the developer leaves out.
const WITHOUT: &str = "SLACKCRM_TEST_WITHOUT";

/// The URL of the PostgreSQL database that tests make their own schemas and databases beside. None
/// where the developer has said that there is none, and then standard error says what is skipped.
///
/// # Panics
/// Where the developer has said neither: a test that nobody ran must not look like one that passed.
pub fn postgres_url() -> Option<String> {
    if let Ok(url) = std::env::var(POSTGRES) {
        return Some(url);
    }
    let without = std::env::var(WITHOUT);
    assert!(
        without.as_deref() == Ok("postgres"),
        "set {POSTGRES} to the URL of a database, or {WITHOUT}=postgres, or use cargo xtask test"
    );
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Past the test harness, which keeps what a passing test prints to itself.
    let _said = writeln!(std::io::stderr(), "skipped on PostgreSQL, by {WITHOUT}: {test}");
    None
}
