//! The laws of the role ports: what the engine may rely on, whoever does the job.
//!
//! Whoever writes an adapter runs them with one line in a test of the adapter's own crate, which
//! needs `tokio` (with `macros` and `rt-multi-thread`) among its dev-dependencies for the hasher:
//!
//! ```text
//! crm_core::testkit::clock_suite!(MyClock::new);
//! ```
//!
//! | macro | port | takes |
//! |---|---|---|
//! | [`password_hasher_suite!`](super::password_hasher_suite) | `PasswordHasher` | what makes a hasher |
//! | [`token_signer_suite!`](super::token_signer_suite) | `TokenSigner` | what makes a signer, and what makes one with another key |
//! | [`webhook_sender_suite!`](super::webhook_sender_suite) | `WebhookSender` | what makes a sender to public addresses, `http` ones too |
//! | [`mailer_suite!`](super::mailer_suite) | `Mailer` | what makes a mailer and whoever gets its mails |
//! | [`mailer_trouble_suite!`](super::mailer_trouble_suite) | `Mailer` | the same, with a server that gives trouble |
//! | [`clock_suite!`](super::clock_suite) | `Clock` | what makes a clock |
//!
//! Each law takes the port itself and fails by a panic, so that it can also be called by itself.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "laws are tests: they fail by panicking"
)]
#![allow(missing_docs, reason = "a law's name says what it says")]

pub mod clock;
pub mod mailer;
pub mod mailer_trouble;
pub mod password_hasher;
pub mod token_signer;
pub mod webhook_sender;

/// Runs every law of password hashers on what the given function makes.
#[macro_export]
#[doc(hidden)]
macro_rules! __password_hasher_suite {
    ($make:expr) => {
        mod password_hasher {
            #[allow(unused_imports, reason = "what makes the hasher may live here")]
            use super::*;

            $crate::__role_laws! { #[::tokio::test(flavor = "multi_thread")] async password_hasher ($make)
                the_right_password_matches,
                another_password_does_not_match,
                odd_passwords_match_themselves_alone,
                equal_passwords_have_different_hashes,
                a_hash_is_a_phc_string_that_hides_the_password,
                a_changed_hash_does_not_match,
                what_is_no_hash_matches_nothing_and_is_outdated,
                a_fresh_hash_is_not_outdated,
                many_at_once_all_come_to_an_end,
            }
        }
    };
}

/// Runs every law of token signers on what the given functions make: a signer, and one with another
/// key.
#[macro_export]
#[doc(hidden)]
macro_rules! __token_signer_suite {
    ($make:expr, $foreign:expr) => {
        mod token_signer {
            #[allow(unused_imports, reason = "what makes the signers may live here")]
            use super::*;

            $crate::__role_laws! { #[test] token_signer ($make, $foreign)
                what_was_signed_is_read_back,
                a_token_holds_until_it_ends,
                a_token_can_travel_in_a_header,
                a_tampered_token_is_nobody,
                a_mixture_of_two_tokens_is_nobody,
                a_token_of_another_key_is_nobody,
                what_is_no_token_is_nobody,
            }
        }
    };
}

/// Runs every law of senders of webhooks on what the given function makes.
#[macro_export]
#[doc(hidden)]
macro_rules! __webhook_sender_suite {
    ($make:expr) => {
        mod webhook_sender {
            #[allow(unused_imports, reason = "what makes the sender may live here")]
            use super::*;

            $crate::__role_laws! { #[::tokio::test] async webhook_sender ($make)
                no_spelling_of_an_address_inside_is_sent_to,
                an_address_names_no_user,
                what_is_no_web_address_is_refused,
                public_addresses_are_taken_with_any_port_and_query,
            }
        }
    };
}

/// Runs every law of clocks on what the given function makes.
#[macro_export]
#[doc(hidden)]
macro_rules! __clock_suite {
    ($make:expr) => {
        mod clock {
            #[allow(unused_imports, reason = "what makes the clock may live here")]
            use super::*;

            $crate::__role_laws! { #[test] clock ($make)
                time_does_not_run_backwards,
                time_does_not_run_backwards_from_thread_to_thread,
                time_goes_on,
                instants_have_microseconds,
            }
        }
    };
}

/// Runs every law of mailers on what the given function makes: a [`mailer::PostOffice`].
#[macro_export]
#[doc(hidden)]
macro_rules! __mailer_suite {
    ($make:expr) => {
        mod mailer {
            #[allow(unused_imports, reason = "what makes the mailer may live here")]
            use super::*;

            $crate::__role_laws! { #[::tokio::test(flavor = "multi_thread")] async mailer ($make)
                a_mail_arrives_as_it_was_written,
                many_mails_at_once_all_arrive,
                nothing_of_a_mail_writes_a_header_of_its_own,
                names_of_any_script_arrive_in_ascii_and_short_lines,
                whoever_unsubscribes_does_it_with_one_click,
            }
        }
    };
}

/// Runs every law of mailers that speak to a server on what the given function makes: a
/// [`mailer_trouble::TroubledPostOffice`].
#[macro_export]
#[doc(hidden)]
macro_rules! __mailer_trouble_suite {
    ($make:expr) => {
        mod mailer_trouble {
            #[allow(unused_imports, reason = "what makes the mailer may live here")]
            use super::*;

            $crate::__role_laws! { #[::tokio::test(flavor = "multi_thread")] async mailer_trouble ($make)
                a_refused_recipient_is_final,
                a_refused_mail_is_final,
                a_recipient_that_is_put_off_is_tried_again,
                silence_comes_to_an_end,
                a_lost_answer_is_tried_again_under_the_same_id,
                a_server_that_is_not_there_is_tried_again,
            }
        }
    };
}

/// The tests of the suites: each law on ports of its own.
#[macro_export]
#[doc(hidden)]
macro_rules! __role_laws {
    (#[$test:meta] $port:ident $makes:tt $($law:ident),* $(,)?) => {
        $( $crate::__role_laws! { @sync #[$test] $port $law $makes } )*
    };
    (#[$test:meta] async $port:ident $makes:tt $($law:ident),* $(,)?) => {
        $( $crate::__role_laws! { @async #[$test] $port $law $makes } )*
    };
    (@sync #[$test:meta] $port:ident $law:ident ($($make:expr),*)) => {
        #[$test]
        fn $law() {
            $crate::testkit::roles::$port::$law($(&($make)()),*);
        }
    };
    (@async #[$test:meta] $port:ident $law:ident ($($make:expr),*)) => {
        #[$test]
        async fn $law() {
            $crate::testkit::roles::$port::$law($(&($make)()),*).await;
        }
    };
}
