//! What mailers keep.

use async_trait::async_trait;

use crate::error::ErrorKind;
use crate::integration::Mailer;
use crate::mail::{Mail, Recipient};

/// A mailer, and whoever gets what it sends.
#[async_trait]
pub trait PostOffice: Send + Sync {
    /// The mailer.
    fn mailer(&self) -> &dyn Mailer;

    /// The mails that arrived, whole, in no order. A mail that was sent twice may be there once.
    async fn arrived(&self) -> Vec<String>;
}

/// A mail to Ada.
pub(super) fn mail(number: u32) -> Mail {
    let at = "2026-03-02T12:00:00Z".parse().unwrap();
    let from = Recipient::parse("Acme Sales <crm@acme.example>").unwrap();
    let to = Recipient::parse("Ada Lovelace <ada@example.com>").unwrap();
    let mut mail = Mail::new(format!("{number}@acme.example"), at, from, to);
    mail.subject = format!("Letter {number}");
    mail.text = Some("Dear Ada,\n.\n..two dots begin this line\nyours".to_owned());
    mail
}

/// The head of a message: one line a header.
fn head(message: &str) -> Vec<String> {
    let unfolded = message.replace("\r\n ", " ").replace("\r\n\t", " ");
    let (head, _) = unfolded.split_once("\r\n\r\n").unwrap();
    head.split("\r\n").map(str::to_owned).collect()
}

pub async fn a_mail_arrives_as_it_was_written(office: &dyn PostOffice) {
    let mail = mail(1);
    office.mailer().send(&mail).await.unwrap();
    let arrived = office.arrived().await;
    assert_eq!(arrived.len(), 1, "{arrived:?}");
    assert_eq!(arrived[0].trim_end(), String::from_utf8(mail.formatted().unwrap()).unwrap().trim_end());
    let head = head(&arrived[0]);
    for line in ["Message-ID: <1@acme.example>", "Subject: Letter 1"] {
        assert!(head.iter().any(|header| header == line), "{head:?} lacks {line:?}");
    }
}

pub async fn many_mails_at_once_all_arrive(office: &dyn PostOffice) {
    let mails: Vec<Mail> = (0..20).map(mail).collect();
    let sent = futures::future::join_all(mails.iter().map(|mail| office.mailer().send(mail))).await;
    assert!(sent.iter().all(Result::is_ok), "{sent:?}");
    let arrived = office.arrived().await;
    for number in 0..20 {
        let id = format!("Message-ID: <{number}@acme.example>");
        assert_eq!(arrived.iter().filter(|message| message.contains(&id)).count(), 1, "{id}");
    }
}

/// Whatever a mail says in any of its parts, it has the headers that it should have and no other.
pub async fn nothing_of_a_mail_writes_a_header_of_its_own(office: &dyn PostOffice) {
    let evil = "x\r\nBcc: eve@example.com\r\n\r\nevil";
    let named = |name: &str| Recipient { email: "ada@example.com".parse().unwrap(), name: Some(name.to_owned()) };
    let bad = [
        Mail { subject: evil.to_owned(), ..mail(1) },
        Mail { subject: "a\nb".to_owned(), ..mail(2) },
        Mail { subject: "a\0b".to_owned(), ..mail(3) },
        Mail { message_id: evil.to_owned(), ..mail(4) },
        Mail { from: named(evil), ..mail(5) },
        Mail { to: vec![named(evil)], ..mail(6) },
        Mail { cc: vec![named("a\rb")], ..mail(7) },
        Mail { reply_to: Some(named(evil)), ..mail(8) },
        Mail { unsubscribe_url: Some(evil.to_owned()), ..mail(9) },
    ];
    for mail in &bad {
        let error = office.mailer().send(mail).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    }
    assert_eq!(office.arrived().await, Vec::<String>::new());
    // In a body it is text.
    office.mailer().send(&Mail { text: Some(evil.replace('\r', "")), ..mail(10) }).await.unwrap();
    let arrived = office.arrived().await;
    assert!(head(&arrived[0]).iter().all(|header| !header.starts_with("Bcc")), "{arrived:?}");
}

pub async fn names_of_any_script_arrive_in_ascii_and_short_lines(office: &dyn PostOffice) {
    let name = "Ada \"Countess\" Lovelace, 李小龍, Ångström <x@y>".repeat(4);
    let to = Recipient { email: "post@müller.example".parse().unwrap(), name: Some(name) };
    let mut mail = Mail { to: vec![to], subject: "Grüße ".repeat(30), ..mail(1) };
    mail.html = Some(format!("<p>{}</p>", "ü".repeat(5_000)));
    office.mailer().send(&mail).await.unwrap();
    let arrived = office.arrived().await;
    assert!(arrived[0].is_ascii());
    assert!(arrived[0].split("\r\n").all(|line| line.len() <= 998));
    let head = head(&arrived[0]);
    assert!(head.iter().any(|header| header.ends_with("<post@xn--mller-kva.example>")), "{head:?}");
    assert_eq!(head.iter().filter(|header| header.starts_with("To: ")).count(), 1, "{head:?}");
}

pub async fn whoever_unsubscribes_does_it_with_one_click(office: &dyn PostOffice) {
    let url = format!("https://crm.acme.example/unsubscribe/{}", "a".repeat(400));
    office.mailer().send(&Mail { unsubscribe_url: Some(url.clone()), ..mail(1) }).await.unwrap();
    let head = head(&office.arrived().await[0]);
    assert!(head.contains(&format!("List-Unsubscribe: <{url}>")), "{head:?}");
    assert!(head.contains(&"List-Unsubscribe-Post: List-Unsubscribe=One-Click".to_owned()), "{head:?}");
}
