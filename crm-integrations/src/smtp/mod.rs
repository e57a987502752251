//! Mail over SMTP (RFC 5321): TLS from the first byte, by STARTTLS, or none.
//!
//! Connections are kept for the next mail while nothing went wrong on them. Whatever breaks off a mail in the
//! middle, be it an error, a time-out or a caller who has gone, drops its connection with it, so that no mail
//! begins in the rest of another.

mod error;
mod mailer;
mod options;

pub use mailer::SmtpMailer;
pub use options::{Security, SmtpOptions};
