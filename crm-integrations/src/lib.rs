//! Adapters of the engine's role ports: what it asks of the outside world, each adapter behind a
//! cargo feature, so that a program carries only what it uses.
//!
//! | feature | port | adapter |
//! |---|---|---|
//! | `auth` | `PasswordHasher` | [`auth::Argon2Hasher`] |
//! | `auth` | `TokenSigner` | [`auth::JwtSigner`] |
//! | `webhook` | `WebhookSender` | [`webhook::HttpSender`] |
//! | `smtp` | `Mailer` | [`smtp::SmtpMailer`] |
//! | `mailbox` | `Mailer` | [`mailbox::MailboxMailer`] |
//! | `redis` | `CommitListener` | [`redis::RedisHerald`] |
//!
//! Adapters never know one another.

#[cfg(feature = "auth")]
pub mod auth;
#[cfg(feature = "mailbox")]
pub mod mailbox;
#[cfg(feature = "redis")]
pub mod redis;
#[cfg(feature = "smtp")]
pub mod smtp;
#[cfg(feature = "webhook")]
pub mod webhook;
