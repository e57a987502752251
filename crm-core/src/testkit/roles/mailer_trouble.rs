//! What mailers keep that speak to a server, when the server gives trouble.

use async_trait::async_trait;

use super::mailer::{PostOffice, mail};
use crate::error::{Error, ErrorKind};

/// What a server does instead of accepting a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It refuses the recipient for good.
    RefusedRecipient,
    /// It puts the recipient off.
    DeferredRecipient,
    /// It refuses the mail for good, once it has all of it.
    RefusedMail,
    /// It says nothing any more.
    Silence,
    /// It takes the mail and breaks off before it says so.
    LostAnswer,
    /// It is not there.
    Absence,
}

/// A post office whose server gives trouble when it is told to.
#[async_trait]
pub trait TroubledPostOffice: PostOffice {
    /// Gives trouble from now on, or none any more. Whoever waits for a server must give up soon here.
    async fn trouble(&self, trouble: Option<Trouble>);
}

async fn refusal(office: &dyn TroubledPostOffice, trouble: Trouble) -> Error {
    office.trouble(Some(trouble)).await;
    let error = office.mailer().send(&mail(1)).await.unwrap_err();
    office.trouble(None).await;
    error
}

#[track_caller]
fn is_final(error: &Error) {
    assert_eq!((error.kind(), error.code()), (ErrorKind::Invalid, "mail_refused"), "{error:?}");
}

#[track_caller]
fn may_pass(error: &Error, code: &str) {
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, code), "{error:?}");
    assert!(error.is_retryable() && error.retry_after().is_none(), "{error:?}");
}

/// What went wrong with one mail is over with the next.
async fn goes_on(office: &dyn TroubledPostOffice) {
    let before = office.arrived().await.len();
    office.mailer().send(&mail(2)).await.unwrap();
    assert_eq!(office.arrived().await.len(), before + 1);
}

pub async fn a_refused_recipient_is_final(office: &dyn TroubledPostOffice) {
    is_final(&refusal(office, Trouble::RefusedRecipient).await);
    assert_eq!(office.arrived().await, Vec::<String>::new());
    goes_on(office).await;
}

pub async fn a_refused_mail_is_final(office: &dyn TroubledPostOffice) {
    is_final(&refusal(office, Trouble::RefusedMail).await);
    goes_on(office).await;
}

pub async fn a_recipient_that_is_put_off_is_tried_again(office: &dyn TroubledPostOffice) {
    may_pass(&refusal(office, Trouble::DeferredRecipient).await, "mail_deferred");
    assert_eq!(office.arrived().await, Vec::<String>::new());
    goes_on(office).await;
}

pub async fn silence_comes_to_an_end(office: &dyn TroubledPostOffice) {
    may_pass(&refusal(office, Trouble::Silence).await, "mail_timeout");
    goes_on(office).await;
}

/// Nobody knows whether such a mail was accepted; its second copy is known again by its id.
pub async fn a_lost_answer_is_tried_again_under_the_same_id(office: &dyn TroubledPostOffice) {
    may_pass(&refusal(office, Trouble::LostAnswer).await, "mail_unreachable");
    office.mailer().send(&mail(1)).await.unwrap();
    let arrived = office.arrived().await;
    assert!(arrived.iter().all(|message| message.contains("Message-ID: <1@acme.example>")), "{arrived:?}");
    goes_on(office).await;
}

pub async fn a_server_that_is_not_there_is_tried_again(office: &dyn TroubledPostOffice) {
    may_pass(&refusal(office, Trouble::Absence).await, "mail_unreachable");
    goes_on(office).await;
}
