//! Mails go out once, to whoever wants them, and say what their templates say.

use std::sync::Arc;

use serde_json::json;

use super::support::{conflicts, contact_of, fails, invalid_at, refused};
use crate::access::{Action, Actor, Entity, Role, Rule, Scope};
use crate::contact::ContactEdit;
use crate::crm::Crm;
use crate::error::ErrorKind::{Denied, NotFound, Unsupported};
use crate::error::{Error, ErrorKind};
use crate::id::Id;
use crate::job::{Job, JobState, Never};
use crate::mail::{
    Mail, MailDraft, MailRecord, MailSetup, MailState, NewSuppression, PreviewRequest, Recipient, SuppressionReason,
    SuppressionsRequest, TemplateContent, TemplateMail, TemplateName,
};
use crate::session::{Expect, Session};
use crate::store::IdempotencyKey;
use crate::testkit::{FakeMailer, World, samples};

/// Where links lead.
const BASE: &str = "https://crm.acme.example";

/// Two engines that send mail by one mailer.
pub(super) fn mailing(world: &World) -> ([Crm; 2], Arc<FakeMailer>) {
    let mailer = Arc::new(FakeMailer::default());
    let engines = world.engines(|builder| {
        let from = Recipient::parse("Acme Sales <crm@acme.example>").unwrap();
        let setup = MailSetup::new(mailer.clone(), from);
        builder.mail(setup.unsubscribing(BASE, vec!["a secret of the laws".to_owned().into()]))
    });
    (engines, mailer)
}

pub(super) async fn member(crm: &Crm, world: &World, role: Role) -> Session {
    crm.acting(Actor::user(world.home.workspace, world.home.member(role))).await.unwrap()
}

pub(super) fn to(email: &str) -> MailDraft {
    let to = vec![Recipient::of(email.parse().unwrap())];
    MailDraft { to, subject: "Our offer".to_owned(), text: Some("Dear Ada".to_owned()), ..MailDraft::default() }
}

pub(super) fn name(name: &str) -> TemplateName {
    name.parse().unwrap()
}

pub(super) fn content(subject: &str, html: &str) -> TemplateContent {
    TemplateContent { subject: subject.to_owned(), text: None, html: Some(html.to_owned()) }
}

/// A mail of the template `own`.
fn own_to(email: &str, variables: serde_json::Value) -> TemplateMail {
    let serde_json::Value::Object(variables) = variables else { panic!("no object") };
    let to = Some(Recipient::of(email.parse().unwrap()));
    TemplateMail { template: name("own"), to, contact_id: None, reply_to: None, variables }
}

/// Does what is due.
pub(super) async fn work(crm: &Crm) {
    while crm.work(Arc::new(Never)).await.unwrap() {}
}

async fn job(session: &Session, id: Id<Job>) -> Job {
    session.jobs().read(id).await.unwrap().into_inner()
}

/// What the log says of a mail.
pub(super) async fn logged(session: &Session, id: Id<Job>) -> MailRecord {
    let grant = session.internally(Entity::MailTemplate, Action::Read);
    session.ports().mails.mail(&grant, id).await.unwrap().unwrap()
}

fn deferred() -> Error {
    Error::unavailable("451 later").with_code("mail_deferred")
}

fn declined() -> Error {
    Error::invalid("mail", "mail_refused", "550 no such user").with_code("mail_refused")
}

pub async fn a_mail_waits_with_its_job_and_goes_out_once(world: World) {
    let ([crm, second], mailer) = mailing(&world);
    let rep = member(&crm, &world, Role::Closer).await;
    let id = rep.mails().send(to("ada@example.com")).await.unwrap().id;
    assert_eq!(logged(&rep, id).await.state, MailState::Queued);
    work(&crm).await;
    let sent = mailer.sent();
    assert_eq!((sent.len(), sent[0].message_id.clone()), (1, format!("{id}@acme.example")));
    let record = logged(&rep, id).await;
    assert_eq!((record.state, record.recipients.as_str(), record.error), (MailState::Sent, "ada@example.com", None));
    // A worker that died before it could say that the job is done, and another that begins it anew.
    let grant = rep.internally(Entity::Job, Action::Update);
    let mut done = rep.ports().jobs.job(&grant, id).await.unwrap().into_inner();
    let before = done.version;
    (done.state, done.finished_at, done.version) = (JobState::Queued, None, before + 1);
    (done.due_at, done.run_at) = (Some(crm.now()), Some(crm.now()));
    assert!(rep.ports().jobs.swap_job(world.home.workspace, before, &done).await.unwrap());
    work(&second).await;
    assert_eq!((mailer.sent().len(), job(&rep, id).await.state), (1, JobState::Done));
}

pub async fn a_mail_that_is_put_off_goes_out_later_under_the_same_id(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let rep = member(&crm, &world, Role::Closer).await;
    let id = rep.mails().send(to("ada@example.com")).await.unwrap().id;
    mailer.stumble(deferred());
    work(&crm).await;
    let record = logged(&rep, id).await;
    assert_eq!((record.state, record.error.as_deref()), (MailState::Queued, Some("451 later")));
    let waiting = job(&rep, id).await;
    assert_eq!((waiting.state, waiting.errors[0].code.as_str()), (JobState::Queued, "mail_deferred"));
    world.clock.advance_seconds(3_600);
    work(&crm).await;
    assert_eq!(mailer.sent()[0].message_id, format!("{id}@acme.example"));
    assert_eq!(logged(&rep, id).await.state, MailState::Sent);
}

pub async fn a_mail_that_is_refused_fails_at_once_and_can_be_taken_up(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let id = admin.mails().send(to("ada@example.com")).await.unwrap().id;
    mailer.stumble(declined());
    work(&crm).await;
    let (failed, record) = (job(&admin, id).await, logged(&admin, id).await);
    assert_eq!((failed.state, failed.attempts, record.state), (JobState::Failed, 1, MailState::Failed));
    assert!(record.error.unwrap().contains("550"));
    admin.jobs().retry(id).await.unwrap();
    work(&crm).await;
    let record = logged(&admin, id).await;
    assert_eq!((mailer.sent().len(), record.state, record.error), (1, MailState::Sent, None));
}

pub async fn the_last_attempt_is_told_as_a_failure(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let rep = member(&crm, &world, Role::Closer).await;
    let id = rep.mails().send(to("ada@example.com")).await.unwrap().id;
    let attempts = job(&rep, id).await.max_attempts;
    for _ in 0..attempts {
        mailer.stumble(deferred());
        work(&crm).await;
        world.clock.advance_seconds(24 * 3_600);
    }
    assert_eq!((job(&rep, id).await.state, logged(&rep, id).await.state), (JobState::Failed, MailState::Failed));
    assert!(mailer.sent().is_empty());
}

pub async fn what_a_mail_says_is_not_told_by_its_job(world: World) {
    let ([crm, _], _) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let id = admin.mails().send(to("ada@example.com")).await.unwrap().id;
    let told = serde_json::to_string(&job(&admin, id).await).unwrap();
    assert!(!told.contains("Dear Ada") && !told.contains("ada@example.com"), "{told}");
}

pub async fn whoever_is_suppressed_gets_nothing(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let early = admin.mails().send(to("ada@example.com")).await.unwrap().id;
    let row = admin.mails().suppress(NewSuppression { email: "Ada@Example.com".parse().unwrap() }).await.unwrap();
    assert_eq!((row.reason, row.created_by), (SuppressionReason::Manual, Some(world.home.member(Role::Admin))));
    let both = MailDraft { cc: vec![Recipient::of("bob@example.com".parse().unwrap())], ..to("eve@example.com") };
    let both = MailDraft { to: [both.to.clone(), to("ada@example.com").to].concat(), ..both };
    let both = admin.mails().send(both).await.unwrap().id;
    work(&crm).await;
    // Also the mail that was asked for before.
    let record = logged(&admin, early).await;
    assert_eq!((record.state, record.suppressed.as_str()), (MailState::Suppressed, "ada@example.com"));
    assert_eq!(job(&admin, early).await.result.unwrap()["state"], json!("suppressed"));
    assert_eq!(logged(&admin, both).await.suppressed, "ada@example.com");
    let sent = mailer.sent();
    let emails: Vec<&str> = sent.iter().flat_map(|mail| mail.recipients()).map(|who| who.email.as_str()).collect();
    assert_eq!(emails, ["eve@example.com", "bob@example.com"]);
    admin.mails().unsuppress(row.id).await.unwrap();
    fails(admin.mails().unsuppress(row.id).await, NotFound);
    admin.mails().send(to("ada@example.com")).await.unwrap();
    work(&crm).await;
    assert_eq!(mailer.sent().len(), 2);
}

pub async fn an_address_is_suppressed_in_both_ways_to_write_its_domain(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let pairs =
        [("post@müller.example", "post@xn--mller-kva.example"), ("x@xn--bcher-kva.example", "x@bücher.example")];
    for (suppressed, other) in pairs {
        let row = admin.mails().suppress(NewSuppression { email: suppressed.parse().unwrap() }).await.unwrap();
        let again = admin.mails().suppress(NewSuppression { email: other.parse().unwrap() }).await.unwrap();
        assert_eq!(again.id, row.id);
        for email in [suppressed, other] {
            let id = admin.mails().send(to(email)).await.unwrap().id;
            work(&crm).await;
            assert_eq!(logged(&admin, id).await.state, MailState::Suppressed, "{email}");
        }
    }
    assert!(mailer.sent().is_empty());
}

pub async fn suppressing_twice_leaves_the_first_reason(world: World) {
    let ([crm, second], _) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let url = unsubscribe_url(&world, &crm, "ada@example.com").await;
    let token = url.strip_prefix(&format!("{BASE}/unsubscribe/")).unwrap().to_owned();
    let page = second.unsubscription(&token).await.unwrap();
    assert_eq!((page.workspace.as_str(), page.email.as_str()), ("Home", "ada@example.com"));
    for _ in 0..2 {
        second.unsubscribe(&token).await.unwrap();
    }
    let held = admin.mails().suppress(NewSuppression { email: "ada@example.com".parse().unwrap() }).await.unwrap();
    assert_eq!((held.reason, held.created_by), (SuppressionReason::Unsubscribed, None));
    for bad in ["", "x", &token[1..], &format!("{token}A")] {
        fails(second.unsubscribe(bad).await, NotFound);
    }
    // Whoever unsubscribed here is written to there.
    let rows = world.stranger().await.mails().suppressions(&SuppressionsRequest::default()).await.unwrap();
    assert!(rows.data.is_empty());
}

/// The link in a mail to one address.
async fn unsubscribe_url(world: &World, crm: &Crm, email: &str) -> String {
    let session = member(crm, world, Role::Admin).await;
    let setup = session.ports().mail.clone().unwrap();
    setup.links.unwrap().unsubscribe(world.home.workspace, &email.parse().unwrap()).unwrap()
}

pub async fn pages_of_suppressions_add_up_to_the_list(world: World) {
    let admin = world.session(Role::Admin).await;
    let emails = ["c@x.example", "a@x.example", "b@x.example", "z@x.example", "a-b@x.example"];
    for email in emails {
        admin.mails().suppress(NewSuppression { email: email.parse().unwrap() }).await.unwrap();
    }
    let mut found = Vec::new();
    let mut request = SuppressionsRequest { limit: Some(2), cursor: None };
    loop {
        let page = admin.mails().suppressions(&request).await.unwrap();
        found.extend(page.data.iter().map(|row| row.email.to_string()));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            break;
        }
    }
    let mut sorted = emails.to_vec();
    sorted.sort_unstable();
    assert_eq!(found, sorted);
    let request = SuppressionsRequest { cursor: Some("x".to_owned()), ..SuppressionsRequest::default() };
    invalid_at(admin.mails().suppressions(&request).await, "cursor");
}

pub async fn only_a_mail_to_one_lets_them_unsubscribe(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let rep = member(&crm, &world, Role::Closer).await;
    rep.mails().send(to("ada@example.com")).await.unwrap();
    let cc = vec![Recipient::of("bob@example.com".parse().unwrap())];
    rep.mails().send(MailDraft { cc, ..to("ada@example.com") }).await.unwrap();
    work(&crm).await;
    let links: Vec<bool> = mailer.sent().iter().map(|mail| mail.unsubscribe_url.is_some()).collect();
    assert_eq!(links, [true, false]);
}

pub async fn what_opens_an_account_offers_no_end_of_mails(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let own = content("S", "{{ unsubscribe_url }}.");
    for template in ["password_reset", "verification", "invitation", "reminder"] {
        admin.mails().set_template(&name(template), own.clone(), Expect::Any).await.unwrap();
        let mail = TemplateMail { template: name(template), ..own_to("ada@example.com", json!({})) };
        admin.mails().send_template(mail).await.unwrap();
        work(&crm).await;
    }
    let offers = |mail: &Mail| mail.unsubscribe_url.is_some() || mail.html.as_deref() != Some(".");
    let links: Vec<bool> = mailer.sent().iter().map(offers).collect();
    assert_eq!(links, [false, false, false, true]);
}

pub async fn whoever_unsubscribed_still_gets_what_opens_an_account(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let url = unsubscribe_url(&world, &crm, "ada@example.com").await;
    crm.unsubscribe(url.strip_prefix(&format!("{BASE}/unsubscribe/")).unwrap()).await.unwrap();
    let by_hand = admin.mails().suppress(NewSuppression { email: "eve@example.com".parse().unwrap() }).await.unwrap();
    assert_eq!(by_hand.reason, SuppressionReason::Manual);
    let mut came = Vec::new();
    for template in ["password_reset", "verification", "invitation", "reminder", "webhook_disabled", "digest"] {
        admin.mails().set_template(&name(template), content("S", "x"), Expect::Any).await.unwrap();
        for email in ["ada@example.com", "eve@example.com"] {
            let mail = TemplateMail { template: name(template), ..own_to(email, json!({})) };
            let id = admin.mails().send_template(mail).await.unwrap().id;
            work(&crm).await;
            let record = logged(&admin, id).await;
            match record.state {
                MailState::Sent => came.push((template, email)),
                state => assert_eq!((state, record.suppressed.as_str()), (MailState::Suppressed, email)),
            }
        }
    }
    assert_eq!(came, ["password_reset", "verification", "invitation"].map(|template| (template, "ada@example.com")));
    assert_eq!(mailer.sent().len(), came.len());
}

pub async fn a_template_of_the_workspace_stands_in_for_the_products(world: World) {
    let admin = world.session(Role::Admin).await;
    let built_in = async || {
        let all = admin.mails().templates().await.unwrap();
        assert!(all.is_sorted_by(|one, other| one.name < other.name));
        all.iter().filter(|template| template.built_in).count()
    };
    assert_eq!(built_in().await, 6);
    let made = admin.mails().set_template(&name("digest"), content("S", "x"), Expect::Any).await.unwrap();
    assert_eq!((built_in().await, made.version), (5, 1));
    let same = admin.mails().set_template(&name("digest"), content("S", "x"), Expect::Any).await.unwrap();
    assert_eq!(same.version, 1, "nothing changed");
    let changed = admin.mails().set_template(&name("digest"), content("T", "x"), Expect::Version(1)).await.unwrap();
    assert_eq!((changed.id, changed.version), (made.id, 2));
    conflicts(
        admin.mails().set_template(&name("digest"), content("U", "x"), Expect::Version(1)).await,
        "stale_version",
    );
    admin.mails().delete_template(&name("digest"), Expect::Version(2)).await.unwrap();
    assert_eq!(built_in().await, 6);
    fails(admin.mails().delete_template(&name("digest"), Expect::Any).await, NotFound);
    // The name is free again.
    let anew = admin.mails().set_template(&name("digest"), content("S", "x"), Expect::Any).await.unwrap();
    assert_ne!(anew.id, made.id);
}

pub async fn two_who_make_one_template_at_once_leave_one(world: World) {
    let (one, two) = (world.session(Role::Admin).await, world.second_session(Role::Manager).await);
    let set = |session: Session, subject: &'static str| -> futures::future::BoxFuture<'static, bool> {
        Box::pin(
            async move { session.mails().set_template(&name("own"), content(subject, "x"), Expect::Any).await.is_ok() },
        )
    };
    let done = world.at_once([set(one.clone(), "one"), set(two, "two")]).await;
    assert_eq!(done, [true, true]);
    let all = one.mails().templates().await.unwrap();
    assert_eq!(all.iter().filter(|template| template.name == name("own")).count(), 1);
}

pub async fn a_template_says_who_it_is_to_and_from_as_far_as_the_caller_sees(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let html = "{{ contact.first_name }}|{{ contact.last_name }}|{{ workspace.name }}|{{ sender.name }}|{{ note }}";
    admin.mails().set_template(&name("own"), content("Hi {{ contact.last_name }}", html), Expect::Any).await.unwrap();
    let edit = ContactEdit {
        first_name: "Ada".into(),
        last_name: "<Lovelace>".into(),
        email: crate::Edit::Set("ada@example.com".parse().unwrap()),
        ..ContactEdit::default()
    };
    let contact = admin.contacts().create(edit).await.unwrap().id;
    let mail = TemplateMail { to: None, contact_id: Some(contact), ..own_to("x@x.example", json!({"note": "<b>"})) };
    admin.mails().send_template(mail.clone()).await.unwrap();
    work(&crm).await;
    let sent = mailer.sent().remove(0);
    assert_eq!(sent.subject, "Hi <Lovelace>");
    let said = sent.html.unwrap();
    assert!(said.starts_with("Ada|&lt;Lovelace&gt;|Home|") && said.ends_with("|&lt;b&gt;"), "{said}");
    assert_eq!(sent.to[0].email.as_str(), "ada@example.com");
    let timeline = admin.contacts().timeline(contact, None, None).await.unwrap();
    let told = serde_json::to_value(&timeline.data[0]).unwrap();
    assert_eq!(told["events"][0]["type"], json!("mail.queued"), "{told:#}");
    // Without the last name the template has nothing to say it with.
    world.set_rule(Role::Manager, Entity::Contact, super::support::hiding(&["email"])).await;
    let manager = member(&crm, &world, Role::Manager).await;
    invalid_at(manager.mails().send_template(mail).await, "contact_id");
}

pub async fn what_is_wrong_with_a_mail_is_refused_before_it_is_queued(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    admin.mails().set_template(&name("own"), content("{{ note }}", "{{ note }}"), Expect::Any).await.unwrap();
    let evil = "x\r\nBcc: eve@example.com";
    invalid_at(admin.mails().send(MailDraft { subject: evil.to_owned(), ..to("a@x.example") }).await, "subject");
    let named = Recipient { name: Some(evil.to_owned()), ..Recipient::of("a@x.example".parse().unwrap()) };
    invalid_at(admin.mails().send(MailDraft { to: vec![named.clone()], ..to("a@x.example") }).await, "to.0.name");
    invalid_at(admin.mails().send(MailDraft { reply_to: Some(named), ..to("a@x.example") }).await, "reply_to.name");
    let bad = own_to("a@x.example", json!({"note": evil}));
    invalid_at(admin.mails().send_template(bad).await, "variables.note");
    invalid_at(admin.mails().send_template(own_to("a@x.example", json!({}))).await, "subject");
    let nobody = contact_of(&world, Role::Admin, "Nobody").await;
    let mail = MailDraft { to: vec![], contact_id: Some(nobody), ..to("a@x.example") };
    invalid_at(admin.mails().send(mail).await, "contact_id");
    for content in [content("{{ x", "x"), content("x", "{% include 'x' %}"), content("", "x"), content("x", "")] {
        fails(admin.mails().set_template(&name("own"), content, Expect::Any).await, ErrorKind::Invalid);
    }
    work(&crm).await;
    assert!(mailer.sent().is_empty());
}

pub async fn who_may_change_contacts_sends_and_managers_set_templates(world: World) {
    let ([crm, _], _) = mailing(&world);
    let own = contact_of(&world, Role::Closer, "Own").await;
    let foreign = contact_of(&world, Role::Admin, "Foreign").await;
    let mail = |contact| MailDraft { to: vec![], contact_id: Some(contact), ..to("a@x.example") };
    world.set_rule(Role::Closer, Entity::Contact, Rule { update: Scope::Own, ..Rule::ALL }).await;
    world.set_rule(Role::Setter, Entity::Contact, Rule { read: Scope::All, ..Rule::NONE }).await;
    let closer = member(&crm, &world, Role::Closer).await;
    // It has no address, but it may be written to.
    invalid_at(closer.mails().send(mail(own)).await, "contact_id");
    fails(closer.mails().send(mail(foreign)).await, Denied);
    let setter = member(&crm, &world, Role::Setter).await;
    fails(setter.mails().send(to("a@x.example")).await, Denied);
    fails(setter.mails().send_template(own_to("a@x.example", json!({}))).await, Denied);
    let row = NewSuppression { email: "a@x.example".parse().unwrap() };
    fails(closer.mails().set_template(&name("own"), content("S", "x"), Expect::Any).await, Denied);
    fails(closer.mails().delete_template(&name("own"), Expect::Any).await, Denied);
    fails(closer.mails().suppress(row.clone()).await, Denied);
    fails(closer.mails().suppressions(&SuppressionsRequest::default()).await, Denied);
    closer.mails().templates().await.unwrap();
    closer.mails().preview(&name("invitation"), PreviewRequest::default()).await.unwrap();
    let manager = member(&crm, &world, Role::Manager).await;
    manager.mails().set_template(&name("own"), content("S", "x"), Expect::Any).await.unwrap();
    let row = manager.mails().suppress(row).await.unwrap();
    fails(closer.mails().unsuppress(row.id).await, Denied);
    // The other workspace has none of it.
    let stranger = world.stranger().await;
    fails(stranger.mails().unsuppress(row.id).await, NotFound);
    fails(stranger.mails().preview(&name("own"), PreviewRequest::default()).await, NotFound);
    fails(stranger.mails().delete_template(&name("own"), Expect::Any).await, NotFound);
}

pub async fn a_mail_under_a_key_is_enqueued_once(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let rep = member(&crm, &world, Role::Closer).await;
    let once = || rep.clone().once(IdempotencyKey::new("mail", "key", b"body"));
    let first = once().mails().send(to("ada@example.com")).await.unwrap().id;
    assert_eq!(once().mails().send(to("ada@example.com")).await.unwrap().id, first);
    work(&crm).await;
    assert_eq!(mailer.sent().len(), 1);
}

pub async fn a_mail_goes_along_with_a_change_or_not_at_all(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let mail = || TemplateMail { template: name("reminder"), ..own_to("ada@example.com", reminder()) };
    let with = async || admin.clone().enqueueing(admin.mails().job(mail()).await.unwrap());
    refused(with().await.contacts().create(ContactEdit::default()).await);
    work(&crm).await;
    assert!(mailer.sent().is_empty());
    with().await.contacts().create(samples::contact("Lovelace")).await.unwrap();
    work(&crm).await;
    assert_eq!(mailer.sent()[0].subject, "Reminder: Call");
}

fn reminder() -> serde_json::Value {
    json!({"name": "Ada", "task": {"title": "Call", "due": "today"}, "url": "https://crm.acme.example"})
}

pub async fn without_a_mailer_nothing_is_sent(world: World) {
    let rep = world.session(Role::Closer).await;
    let error = refused(rep.mails().send(to("ada@example.com")).await);
    assert_eq!((error.kind(), error.code()), (Unsupported, "mail_not_configured"));
    fails(world.crm.unsubscribe("x").await, NotFound);
}

pub async fn what_became_of_old_mails_is_forgotten(world: World) {
    let ([crm, _], _) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let old = admin.mails().send(to("ada@example.com")).await.unwrap().id;
    work(&crm).await;
    world.clock.advance_seconds(91 * 24 * 3_600);
    let new = admin.mails().send(to("ada@example.com")).await.unwrap().id;
    crm.forget_old_mails().await.unwrap();
    let grant = admin.internally(Entity::MailTemplate, Action::Read);
    assert_eq!(admin.ports().mails.mail(&grant, old).await.unwrap(), None);
    assert_eq!(logged(&admin, new).await.state, MailState::Queued);
}
