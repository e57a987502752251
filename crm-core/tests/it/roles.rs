//! The laws of the role ports: the clocks of the engine keep them, and every law can be broken.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use crm_core::integration::{AccessClaims, Mailer, PasswordHasher, TokenSigner};
use crm_core::mail::Mail;
use crm_core::testkit::roles::mailer::{self, PostOffice};
use crm_core::testkit::roles::{clock, password_hasher, token_signer};
use crm_core::testkit::{FakeClock, FakeMailer, PlainHasher, PlainSigner};
use crm_core::{Clock, Result, SystemClock, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};

mod of_the_machine {
    use super::*;
    crm_core::testkit::clock_suite!(|| SystemClock);
}

mod of_tests {
    use super::*;
    crm_core::testkit::clock_suite!(|| FakeClock::at("2026-03-02T12:00:00.123456Z".parse().unwrap()));
}

/// Whether the law fails.
fn fails(law: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(law)).is_err()
}

/// A clock that goes on by so many microseconds a look.
struct Stepping(AtomicI64, i64);

impl Clock for Stepping {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.fetch_add(self.1, Ordering::SeqCst))
    }
}

#[test]
fn a_clock_that_runs_backwards_breaks_its_laws() {
    let backwards = || Stepping(AtomicI64::new(1_800_000_000_123_456), -1);
    assert!(fails(|| clock::time_does_not_run_backwards(&backwards())));
    assert!(fails(|| clock::time_does_not_run_backwards_from_thread_to_thread(&backwards())));
}

#[test]
fn a_clock_that_stands_still_or_drops_microseconds_breaks_its_laws() {
    assert!(fails(|| clock::time_goes_on(&Stepping(AtomicI64::new(1), 0))));
    assert!(fails(|| clock::instants_have_microseconds(&Stepping(AtomicI64::new(0), 1_000))));
}

/// A hasher that is wrong in one way.
enum Wrong {
    Everything,
    Nothing,
    Broken,
    Short,
    Outdated,
}

#[async_trait]
impl PasswordHasher for Wrong {
    async fn hash(&self, password: &SecretString) -> Result<String> {
        let start: String = password.expose_secret().chars().take(72).collect();
        Ok(format!("$wrong${}", if matches!(self, Self::Short) { start } else { password.expose_secret().to_owned() }))
    }

    async fn verify(&self, password: &SecretString, hash: &str) -> Result<bool> {
        match self {
            Self::Everything => Ok(true),
            Self::Nothing => Ok(false),
            // What a parser does that trusts its input.
            Self::Broken => Ok(hash.split('$').nth(4).unwrap() == password.expose_secret()),
            Self::Short | Self::Outdated => Ok(self.hash(password).await? == hash),
        }
    }

    fn is_outdated(&self, _: &str) -> bool {
        matches!(self, Self::Outdated)
    }
}

/// Whether the law of a hasher fails.
fn breaks(law: impl Future<Output = ()>) -> bool {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    fails(|| runtime.block_on(law))
}

#[test]
fn a_wrong_hasher_breaks_its_laws() {
    assert!(breaks(password_hasher::the_right_password_matches(&Wrong::Nothing)));
    assert!(breaks(password_hasher::another_password_does_not_match(&Wrong::Everything)));
    assert!(breaks(password_hasher::odd_passwords_match_themselves_alone(&Wrong::Short)));
    assert!(breaks(password_hasher::a_changed_hash_does_not_match(&Wrong::Everything)));
    assert!(breaks(password_hasher::what_is_no_hash_matches_nothing_and_is_outdated(&Wrong::Broken)));
    assert!(breaks(password_hasher::a_fresh_hash_is_not_outdated(&Wrong::Outdated)));
    assert!(breaks(password_hasher::many_at_once_all_come_to_an_end(&Wrong::Nothing)));
}

#[test]
fn a_hasher_that_protects_nothing_breaks_its_laws() {
    assert!(breaks(password_hasher::equal_passwords_have_different_hashes(&PlainHasher)));
    assert!(breaks(password_hasher::a_hash_is_a_phc_string_that_hides_the_password(&PlainHasher)));
}

/// A signer that is wrong in one way.
enum Forgiving {
    /// The end of a token.
    Time,
    /// What it is given.
    Everything,
}

impl TokenSigner for Forgiving {
    fn sign(&self, claims: &AccessClaims) -> Result<String> {
        let token = PlainSigner.sign(claims)?;
        Ok(if matches!(self, Self::Everything) { token.replace('.', " ") } else { token })
    }

    fn verify(&self, token: &str, _: Timestamp) -> Result<AccessClaims> {
        match self {
            Self::Time => PlainSigner.verify(token, Timestamp::from_micros(0)),
            Self::Everything => {
                let id = |at| Timestamp::from_micros(at);
                let (workspace, user) = (crm_core::Id::new_at(id(1)), crm_core::Id::new_at(id(2)));
                Ok(AccessClaims::new(workspace, user, crm_core::Id::new_at(id(3)), id(0), 1))
            }
        }
    }
}

#[test]
fn a_forgiving_signer_breaks_its_laws() {
    use Forgiving::{Everything, Time};
    assert!(fails(|| token_signer::what_was_signed_is_read_back(&Everything, &Time)));
    assert!(fails(|| token_signer::a_token_holds_until_it_ends(&Time, &Time)));
    assert!(fails(|| token_signer::a_token_can_travel_in_a_header(&Everything, &Time)));
    assert!(fails(|| token_signer::what_is_no_token_is_nobody(&Everything, &Time)));
}

#[test]
fn a_signer_without_a_key_breaks_its_laws() {
    assert!(fails(|| token_signer::a_tampered_token_is_nobody(&PlainSigner, &PlainSigner)));
    assert!(fails(|| token_signer::a_mixture_of_two_tokens_is_nobody(&PlainSigner, &PlainSigner)));
    assert!(fails(|| token_signer::a_token_of_another_key_is_nobody(&PlainSigner, &PlainSigner)));
}

/// The mailer of tests, and the mails that it was given in the form in which they are sent.
#[async_trait]
impl PostOffice for Kept {
    fn mailer(&self) -> &dyn Mailer {
        &self.0
    }

    async fn arrived(&self) -> Vec<String> {
        self.0.sent().iter().map(|mail| String::from_utf8(mail.formatted().unwrap()).unwrap()).collect()
    }
}

#[derive(Default)]
struct Kept(FakeMailer);

mod of_tests_by_mail {
    use super::*;
    crm_core::testkit::mailer_suite!(Kept::default);
}

/// A mailer that loses what it is given.
#[derive(Default)]
struct Careless;

#[async_trait]
impl Mailer for Careless {
    async fn send(&self, _: &Mail) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl PostOffice for Careless {
    fn mailer(&self) -> &dyn Mailer {
        self
    }

    async fn arrived(&self) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn a_careless_mailer_breaks_its_laws() {
    assert!(breaks(mailer::a_mail_arrives_as_it_was_written(&Careless)));
    assert!(breaks(mailer::many_mails_at_once_all_arrive(&Careless)));
    assert!(breaks(mailer::nothing_of_a_mail_writes_a_header_of_its_own(&Careless)));
    assert!(breaks(mailer::whoever_unsubscribes_does_it_with_one_click(&Careless)));
}

/// A law that is written but not listed in its macro would hold nobody to anything.
#[test]
fn every_law_of_a_role_is_run() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/testkit/roles");
    let listed = std::fs::read_to_string(folder.join("mod.rs")).unwrap();
    let mut count = 0;
    for port in ["clock", "mailer", "mailer_trouble", "password_hasher", "token_signer"] {
        let text = std::fs::read_to_string(folder.join(format!("{port}.rs"))).unwrap();
        let (_, rest) = listed.split_once(&format!("        mod {port} {{")).unwrap();
        let (list, _) = rest.split_once("\n        }").unwrap();
        let laws = text.lines().filter_map(|line| line.strip_prefix("pub ")?.split_once("fn ")?.1.split('(').next());
        for law in laws {
            assert!(list.lines().any(|line| line.trim() == format!("{law},")), "{port} does not list {law}");
            count += 1;
        }
    }
    assert!(count >= 20, "only {count} laws");
}
