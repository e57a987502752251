//! The log says what became of each mail, to whom it concerns.

use super::mails::{logged, mailing, member, to, work};
use super::support::{fails, invalid_at};
use crate::access::{Action, Entity, Role, Rule, Scope};
use crate::error::ErrorKind::Denied;
use crate::id::Id;
use crate::job::{Job, JobState, LEASE_SECONDS, Queue};
use crate::mail::{MailDraft, MailRecord, MailState, MailsRequest, Recipient};
use crate::session::Session;
use crate::testkit::World;

async fn sent(session: &Session, email: &str) -> Id<Job> {
    session.mails().send(to(email)).await.unwrap().id
}

async fn state(session: &Session, id: Id<Job>) -> MailState {
    logged(session, id).await.state
}

/// Ids of the log, page by page.
async fn log(session: &Session, request: MailsRequest) -> Vec<Id<Job>> {
    let (mut found, mut request) = (Vec::new(), MailsRequest { limit: Some(2), ..request });
    loop {
        let page = session.mails().log(&request).await.unwrap();
        found.extend(page.data.iter().map(|record| record.id));
        request.cursor = page.next_cursor;
        if request.cursor.is_none() {
            return found;
        }
    }
}

pub async fn a_mail_whose_job_is_stopped_says_so_until_it_is_taken_up(world: World) {
    let ([crm, _], mailer) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let id = sent(&admin, "ada@example.com").await;
    admin.jobs().cancel(id).await.unwrap();
    assert_eq!(state(&admin, id).await, MailState::Cancelled);
    work(&crm).await;
    assert!(mailer.sent().is_empty());
    admin.jobs().retry(id).await.unwrap();
    assert_eq!(state(&admin, id).await, MailState::Queued);
    work(&crm).await;
    assert_eq!((state(&admin, id).await, mailer.sent().len()), (MailState::Sent, 1));
}

pub async fn a_sender_hears_of_their_mail_from_the_log_and_not_from_its_job(world: World) {
    let ([crm, _], _) = mailing(&world);
    let closer = member(&crm, &world, Role::Closer).await;
    let id = sent(&closer, "ada@example.com").await;
    work(&crm).await;
    let own = closer.jobs().read(id).await.unwrap();
    assert_eq!((own.state, &own.result), (JobState::Done, &None));
    let told = closer.mails().log(&MailsRequest::default()).await.unwrap().data;
    assert_eq!((told.len(), told[0].id, told[0].state), (1, id, MailState::Sent));
    let admin = member(&crm, &world, Role::Admin).await;
    let all = admin.jobs().read(id).await.unwrap();
    assert_eq!(all.result.as_ref().unwrap()["state"], "sent");
}

pub async fn an_attempt_that_was_under_way_tells_how_it_ended(world: World) {
    let ([crm, _], _) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let grant = admin.internally(Entity::MailTemplate, Action::Read);
    let id = sent(&admin, "ada@example.com").await;
    let waiting = logged(&admin, id).await;
    let says = async |state: MailState| {
        let record = MailRecord { state, ..waiting.clone() };
        admin.ports().mails.keep_mail(&grant, &record).await.unwrap();
        logged(&admin, id).await.state
    };
    admin.jobs().cancel(id).await.unwrap();
    // It was put off, so it would wait; or it was accepted at the last moment.
    assert_eq!(says(MailState::Queued).await, MailState::Cancelled);
    for ended in [MailState::Failed, MailState::Suppressed] {
        assert_eq!(says(ended).await, ended);
        assert_eq!(says(MailState::Queued).await, ended);
    }
    for state in [&[MailState::Sent], &MailState::ALL[..]].concat() {
        assert_eq!(says(state).await, MailState::Sent);
    }
}

pub async fn a_mail_whose_workers_all_died_has_failed(world: World) {
    let ([crm, _], _) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let id = sent(&admin, "ada@example.com").await;
    let attempts = admin.jobs().read(id).await.unwrap().max_attempts;
    for _ in 0..=attempts {
        assert_eq!(state(&admin, id).await, MailState::Queued);
        crm.workers().take(&[(Queue::EMAIL, 1)], 1).await.unwrap();
        world.clock.advance_seconds(LEASE_SECONDS + 1);
    }
    assert_eq!(admin.jobs().read(id).await.unwrap().state, JobState::Failed);
    let record = logged(&admin, id).await;
    assert_eq!((record.state, record.error.as_deref()), (MailState::Failed, Some("lease_expired")));
}

pub async fn pages_of_the_log_add_up_and_are_narrowed(world: World) {
    let ([crm, _], _) = mailing(&world);
    let admin = member(&crm, &world, Role::Admin).await;
    let mut ids = Vec::new();
    for email in ["a_b@x.example", "axb@x.example", "b@x.example", "a_b@x.example", "post@müller.example"] {
        ids.push(sent(&admin, email).await);
        world.clock.advance_seconds(1);
    }
    let cc = vec![Recipient::of("a_b@x.example".parse().unwrap())];
    ids.push(admin.mails().send(MailDraft { cc, ..to("eve@x.example") }).await.unwrap().id);
    admin.jobs().cancel(ids[3]).await.unwrap();
    let of = |places: &[usize]| places.iter().map(|at| ids[*at]).collect::<Vec<_>>();
    let in_state = |state| MailsRequest { state: Some(state), ..MailsRequest::default() };
    let sent_to = |email: &str| MailsRequest { recipient: email.parse().ok(), ..MailsRequest::default() };
    assert_eq!(log(&admin, MailsRequest::default()).await, of(&[5, 4, 3, 2, 1, 0]));
    assert_eq!(log(&admin, sent_to("A_b@x.example")).await, of(&[5, 3, 0]));
    assert!(log(&admin, sent_to("nobody@x.example")).await.is_empty());
    for same in ["post@müller.example", "post@xn--mller-kva.example"] {
        assert_eq!(log(&admin, sent_to(same)).await, of(&[4]));
    }
    let both = MailsRequest { state: Some(MailState::Cancelled), ..sent_to("a_b@x.example") };
    assert_eq!(log(&admin, both).await, of(&[3]));
    work(&crm).await;
    assert_eq!(log(&admin, in_state(MailState::Sent)).await, of(&[5, 4, 2, 1, 0]));
    for (limit, cursor, field) in [(Some(0), None, "limit"), (None, Some("x".to_owned()), "cursor")] {
        let request = MailsRequest { limit, cursor, ..MailsRequest::default() };
        invalid_at(admin.mails().log(&request).await, field);
    }
}

pub async fn whoever_sends_sees_what_became_of_their_own(world: World) {
    let ([crm, _], _) = mailing(&world);
    world.set_rule(Role::Closer, Entity::Job, Rule::NONE).await;
    world.set_rule(Role::Setter, Entity::Contact, Rule { read: Scope::All, ..Rule::NONE }).await;
    let closer = member(&crm, &world, Role::Closer).await;
    let own = sent(&closer, "ada@example.com").await;
    world.clock.advance_seconds(1);
    let other = sent(&member(&crm, &world, Role::SalesRep).await, "ada@example.com").await;
    work(&crm).await;
    fails(closer.jobs().read(own).await, Denied);
    let page = closer.mails().log(&MailsRequest::default()).await.unwrap();
    let told: Vec<_> = page.data.iter().map(|record| (record.id, record.state, record.created_by)).collect();
    assert_eq!(told, [(own, MailState::Sent, Some(world.home.member(Role::Closer)))]);
    let manager = member(&crm, &world, Role::Manager).await;
    assert_eq!(log(&manager, MailsRequest::default()).await, [other, own]);
    let setter = member(&crm, &world, Role::Setter).await;
    fails(setter.mails().log(&MailsRequest::default()).await, Denied);
    assert!(log(&world.stranger().await, MailsRequest::default()).await.is_empty());
}
