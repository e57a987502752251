//! What SMTP says, as the engine's errors.

use crm_core::Error;
use lettre::transport::smtp::Error as SmtpError;

/// Most characters of a server's answer that are told.
const LONGEST: usize = 300;

/// Why a mail was not accepted on a connection that stands: a 5xx answer is final, a 4xx one is not.
pub(super) fn of_mail(error: SmtpError) -> Error {
    let told = told(&error);
    if error.is_permanent() || error.is_client() {
        // What the client itself refuses, as an address that the server cannot read, stays so too.
        let message = format!("the mail server refuses it: {told}");
        return Error::invalid("mail", "mail_refused", message).with_code("mail_refused").with_source(error);
    }
    if error.is_transient() {
        let message = format!("the mail server puts it off: {told}");
        return Error::unavailable(message).with_code("mail_deferred").with_source(error);
    }
    unreachable(error)
}

/// Why there is no connection. It says nothing of the mail, whatever the server answers: a wrong password is set
/// right, and then the mail goes out.
pub(super) fn unreachable(error: SmtpError) -> Error {
    let message = format!("the mail server cannot be spoken to: {}", told(&error));
    Error::unavailable(message).with_code("mail_unreachable").with_source(error)
}

/// A mail that took too long.
pub(super) fn timeout() -> Error {
    Error::unavailable("the mail server did not answer in time").with_code("mail_timeout")
}

/// What an error says, on one line.
fn told(error: &SmtpError) -> String {
    let line: String = error.to_string().chars().map(|sign| if sign.is_control() { ' ' } else { sign }).collect();
    line.chars().take(LONGEST).collect()
}
