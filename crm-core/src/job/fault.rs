//! Why attempts at jobs end without success.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::time::Timestamp;

/// Most characters of what is told of an attempt.
const LONGEST: usize = 500;

/// Why a job failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct JobFault {
    /// Stable snake_case code, as of a problem document.
    pub code: String,
    /// What is wrong.
    pub detail: String,
}

/// What is told of a fault whose words may tell of a payload that its reader does not see.
pub(crate) const CONCEALED: &str = "what it says is concealed, as the payload is";

/// How long a job waits that a process took and does not know.
const UNKNOWN_WAIT: Duration = Duration::from_secs(10);

/// What an attempt at a job stumbled over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AttemptFault {
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// When it ended.
    pub at: Timestamp,
    /// Stable snake_case code: of a problem document, or `panicked`, `timed_out`, `lease_expired`, `payload`,
    /// `no_handler`, `unreadable`.
    pub code: String,
    /// What is wrong; of a job whose payload is concealed nothing that could quote it.
    pub detail: String,
}

/// What is to become of a job whose attempt did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Tried again after the back-off, while attempts are left.
    Retry,
    /// Tried again at an instant, while attempts are left.
    RetryAt(Timestamp),
    /// Never tried again by itself.
    Fatal,
    /// Tried again after so long; the attempt does not count.
    After(Duration),
    /// Tried again at an instant; the attempt does not count.
    Until(Timestamp),
    /// Given back as it is: the process ends.
    GivenBack,
    /// Nobody's any more: it was cancelled or taken over.
    Lost,
}

/// How an attempt at a job fails, and what is to become of the job then.
///
/// An [`Error`] of the engine becomes one by itself: conflicts, unavailable stores and providers are tried
/// again, too many requests after the wait that the error names, and all else is fatal.
#[derive(Clone, Debug)]
pub struct JobError {
    verdict: Verdict,
    code: Cow<'static, str>,
    detail: String,
}

impl JobError {
    fn new(verdict: Verdict, code: &'static str, detail: impl Into<String>) -> Self {
        let mut detail: String = detail.into();
        if let Some((at, _)) = detail.char_indices().nth(LONGEST) {
            detail.truncate(at);
        }
        Self { verdict, code: Cow::Borrowed(code), detail }
    }

    /// A fault that may pass: the job is tried again after its back-off, while it has attempts left.
    pub fn retry(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Verdict::Retry, code, detail)
    }

    /// As [`JobError::retry`], at an instant of the handler's own choice rather than after the back-off.
    pub fn retry_at(at: Timestamp, code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Verdict::RetryAt(at), code, detail)
    }

    /// A fault that no repetition mends: the job fails at once.
    pub fn fatal(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Verdict::Fatal, code, detail)
    }

    /// Somebody asks for patience: the job is tried again at that instant, and the attempt does not count.
    pub fn rate_limited(until: Timestamp, detail: impl Into<String>) -> Self {
        Self::new(Verdict::Until(until), "rate_limited", detail)
    }

    /// The process does not know the kind of job: another one may, so the attempt does not count.
    pub(crate) fn not_known(detail: impl Into<String>) -> Self {
        Self::new(Verdict::After(UNKNOWN_WAIT), "no_handler", detail)
    }

    /// As [`JobError::not_known`], of a job whose kind this version cannot even name, as of a later one.
    pub(crate) fn unknown_kind() -> Self {
        Self::not_known("this version does not know the kind of the job")
    }

    /// The process ends: the job is given back, and the attempt does not count.
    pub(crate) fn given_back() -> Self {
        Self::new(Verdict::GivenBack, "given_back", "the worker was asked to stop")
    }

    /// The job was cancelled or taken over.
    pub(crate) fn lost() -> Self {
        Self::new(Verdict::Lost, "lost", "the job was cancelled or taken over")
    }

    /// The same without its words, which may tell what the job's payload conceals.
    pub(crate) fn concealed(self) -> Self {
        Self { detail: CONCEALED.to_owned(), ..self }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What is kept of it as the reason of a job.
    pub(crate) fn fault(&self) -> JobFault {
        JobFault { code: self.code.clone().into_owned(), detail: self.detail.clone() }
    }
}

impl From<Error> for JobError {
    fn from(error: Error) -> Self {
        let verdict = match (error.retry_after(), error.is_retryable()) {
            (Some(wait), true) => Verdict::After(wait),
            (None, true) => Verdict::Retry,
            (_, false) => Verdict::Fatal,
        };
        Self::new(verdict, error.code(), error.message())
    }
}

impl fmt::Display for JobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for JobError {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn what_may_pass_is_tried_again_and_nothing_else() {
        let verdict = |error: Error| JobError::from(error).verdict();
        assert_eq!(verdict(Error::unavailable("down")), Verdict::Retry);
        assert_eq!(verdict(Error::conflict("late")), Verdict::Retry);
        assert_eq!(verdict(Error::denied("no")), Verdict::Fatal);
        assert_eq!(verdict(Error::internal("defect")), Verdict::Fatal);
        let wait = Duration::from_secs(7);
        let limited = Error::new(ErrorKind::RateLimited, "slower").with_retry_after(wait);
        assert_eq!(verdict(limited), Verdict::After(wait));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        assert_eq!(JobError::retry("x", "é".repeat(2_000)).fault().detail.chars().count(), LONGEST);
    }
}
