//! What people see when something went wrong.

use std::fmt;

use crate::print::plain;

/// A message for the person at the terminal.
#[derive(Debug)]
pub(crate) struct Failure {
    message: String,
    details: Vec<String>,
}

impl Failure {
    /// A failure with this message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), details: Vec::new() }
    }

    /// Adds what the person may do now.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.details.push(hint.into());
        self
    }

    /// Writes it to standard error.
    #[expect(clippy::print_stderr, reason = "the one place that reports failures")]
    pub(crate) fn print(&self) {
        eprintln!("slackcrm: {}", plain(&self.message));
        for detail in &self.details {
            eprintln!("  {}", plain(detail));
        }
    }
}

impl From<crm_core::Error> for Failure {
    fn from(error: crm_core::Error) -> Self {
        let mut details: Vec<String> = match error.fields() {
            [] | [_] => Vec::new(),
            many => many.iter().map(|field| format!("{}: {}", field.field, field.message)).collect(),
        };
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            details.push(format!("because {cause}"));
            source = cause.source();
        }
        Self { message: error.to_string(), details }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}
