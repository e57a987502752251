//! Each template and each suppression is itself: what is done to one leaves the others as they are.

use super::support::{commit, conflicts, invalid_at};
use crate::access::{Action, Entity, Role};
use crate::id::Id;
use crate::job::{Job, JobsRequest, Task};
use crate::mail::{
    MailTemplate, NewSuppression, Suppression, SuppressionReason, SuppressionsRequest, TemplateContent, TemplateName,
};
use crate::session::{Expect, Session};
use crate::store::{IdempotencyKey, Stored, Write};
use crate::testkit::World;

async fn set(session: &Session, name: &str, subject: &str) -> MailTemplate {
    let name: TemplateName = name.parse().unwrap();
    let content = TemplateContent { subject: subject.to_owned(), text: Some("x".to_owned()), html: None };
    session.mails().set_template(&name, content, Expect::Any).await.unwrap();
    let grant = session.internally(Entity::MailTemplate, Action::Read);
    session.ports().mails.mail_template(&grant, &name).await.unwrap().unwrap().into_inner()
}

pub async fn a_template_that_changes_leaves_the_others(world: World) {
    let (home, away) = (world.session(Role::Admin).await, world.stranger().await);
    let (one, two) = (set(&home, "one", "1").await, set(&home, "two", "2").await);
    assert_eq!((one.subject.as_str(), two.subject.as_str()), ("1", "2"));
    // A namesake, by name and by id.
    let mut changes = away.changes();
    changes.put(&mut Stored::new(MailTemplate { subject: "theirs".to_owned(), ..one.clone() }));
    commit(&away, changes).await.unwrap();
    assert_eq!(set(&home, "one", "3").await.subject, "3");
    let grants = [&home, &away].map(|session| session.internally(Entity::MailTemplate, Action::Read));
    for (grant, template, subject) in [(&grants[0], &two, "2"), (&grants[1], &one, "theirs")] {
        let read = world.crm.ports.mails.mail_template(grant, &template.name).await.unwrap().unwrap();
        assert_eq!((read.id, read.subject.as_str(), read.version), (template.id, subject, 1));
    }
    // And one that changed meanwhile is a conflict.
    let mut late = Stored::loaded(one);
    late.subject = "late".to_owned();
    let mut changes = home.changes();
    changes.put(&mut late);
    conflicts(commit(&home, changes).await, "stale_version");
}

pub async fn an_address_that_is_suppressed_or_not_is_no_others(world: World) {
    let admin = world.session(Role::Admin).await;
    let mut ids = Vec::new();
    for email in ["ada@example.com", "bob@example.com", "eve@example.com"] {
        let row = admin.mails().suppress(NewSuppression { email: email.parse().unwrap() }).await.unwrap();
        assert_eq!(row.email.as_str(), email);
        ids.push(row.id);
    }
    admin.mails().unsuppress(ids.remove(1)).await.unwrap();
    let left = admin.mails().suppressions(&SuppressionsRequest::default()).await.unwrap().data;
    assert_eq!(left.iter().map(|row| row.id).collect::<Vec<_>>(), ids);
}

pub async fn an_address_is_suppressed_once_under_a_key(world: World) {
    let admin = world.session(Role::Admin).await;
    let suppress = async |email: &str| {
        let key = IdempotencyKey::new("POST /email/suppressions", "one", email.as_bytes());
        admin.clone().once(key).mails().suppress(NewSuppression { email: email.parse().unwrap() }).await
    };
    let first = suppress("ada@example.com").await.unwrap();
    admin.mails().unsuppress(first.id).await.unwrap();
    // It is told what it was told, and whoever was let go meanwhile stays so.
    assert_eq!(suppress("ada@example.com").await.unwrap(), first);
    invalid_at(suppress("bob@example.com").await, "Idempotency-Key");
    assert!(admin.mails().suppressions(&SuppressionsRequest::default()).await.unwrap().data.is_empty());
    let kept = JobsRequest { kind: Some("mail.suppress".to_owned()), ..JobsRequest::default() };
    assert_eq!(admin.jobs().list(&kept).await.unwrap().data.len(), 1);
    // A request without a key leaves no job behind.
    admin.mails().suppress(NewSuppression { email: "eve@example.com".parse().unwrap() }).await.unwrap();
    assert_eq!(admin.jobs().list(&kept).await.unwrap().data.len(), 1);
}

pub async fn an_address_is_suppressed_exactly_when_its_key_is_kept(world: World) {
    let admin = world.session(Role::Admin).await;
    let key = |name: &str| IdempotencyKey::new("POST /email/suppressions", name, b"x");
    let suppress = async |name: &str, email: &str| {
        let mut changes = admin.changes();
        let (now, created_by) = (changes.now(), admin.actor().user_id());
        let mut job = Stored::new(Job::new(Id::new_at(now), Task::Unknown, created_by, now));
        changes.put_unjournalled(&mut job);
        changes.idempotent(key(name), &job);
        let (id, email, reason) = (Id::new_at(now), email.parse().unwrap(), SuppressionReason::Manual);
        changes.writes.push(Write::Suppression(Suppression { id, email, reason, since: now, created_by }));
        commit(&admin, changes).await
    };
    suppress("one", "ada@example.com").await.unwrap();
    conflicts(suppress("one", "bob@example.com").await, "idempotency_replay");
    conflicts(suppress("two", "ada@example.com").await, "stale_version");
    let held = admin.mails().suppressions(&SuppressionsRequest::default()).await.unwrap().data;
    assert_eq!(held.iter().map(|row| row.email.as_str()).collect::<Vec<_>>(), ["ada@example.com"]);
    let grant = admin.internally(Entity::MailTemplate, Action::Create);
    for (name, is_kept) in [("one", true), ("two", false)] {
        let replay = admin.ports().commit.replay(&grant, &key(name), admin.now()).await.unwrap();
        assert_eq!(replay.is_some(), is_kept, "{name}");
    }
    assert_eq!(admin.jobs().list(&JobsRequest::default()).await.unwrap().data.len(), 1);
}
