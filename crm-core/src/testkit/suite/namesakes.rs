//! One id in two workspaces is two records: what is done to one leaves the other as it is.

use std::sync::Arc;

use super::support::{commit, contact};
use super::workers::{Does, admin, enqueued, job, learnt, never, read, take, world_away};
use crate::access::{Action, Entity, Grant, Role};
use crate::crm::Crm;
use crate::id::Id;
use crate::job::{Endless, Job, JobState, Taken};
use crate::mail::{MailRecord, MailState, NewSuppression, SuppressionsRequest, TemplateContent, TemplateName};
use crate::relay::CursorMove;
use crate::session::{Expect, Session};
use crate::store::{Stored, Write};
use crate::testkit::{Receiver, World, samples};
use crate::text::Email;
use crate::webhook::{Delivery, DeliveryQuery, DeliveryState, Health, MadeSecret, Span, WebhookEndpoint};

/// The admins of both workspaces.
async fn admins(crm: &Crm, world: &World) -> [Session; 2] {
    [admin(crm, world).await, world_away(crm, world).await]
}

/// A job of one id and one unique key in each workspace.
async fn twins(crm: &Crm, world: &World, does: Does, key: &str) -> Id<Job> {
    let id = Id::new_at(crm.now());
    for session in admins(crm, world).await {
        assert_eq!(enqueued(&session, job(does, "twin").with_id(id).unique(key)).await, id);
    }
    id
}

pub async fn a_worker_ends_the_job_that_it_holds_and_no_namesake(world: World) {
    let ([crm, _], _) = learnt(&world);
    let [home, away] = admins(&crm, &world).await;
    for (key, does, state) in [
        ("succeeds", Does::Succeed, JobState::Done),
        ("reports", Does::Report, JobState::Done),
        ("stumbles", Does::Stumble, JobState::Queued),
        ("breaks", Does::Break, JobState::Failed),
    ] {
        let id = twins(&crm, &world, does, key).await;
        let mut taken: Vec<Taken> = take(&crm, 10).await;
        taken.sort_by_key(|one| one.workspace != world.home.workspace);
        let [ours, theirs] = <[Taken; 2]>::try_from(taken).unwrap();
        assert_eq!((ours.workspace, theirs.workspace), (world.home.workspace, world.away.workspace));
        assert_eq!((read(&home, id).await.attempts, read(&away, id).await.attempts), (1, 1));
        let untouched = theirs.job().version;
        let settled = crm.workers().run(&ours, &never(), &Endless).await;
        crm.workers().settle(settled.as_slice()).await.unwrap();
        assert_eq!(crm.workers().hold(&[ours, theirs]).await.unwrap(), [false, true]);
        assert_eq!((read(&home, id).await.state, read(&away, id).await.state), (state, JobState::Running), "{key}");
        assert_eq!(read(&away, id).await.version, untouched, "{key}");
        let is_free = state != JobState::Queued;
        let again = async |session: &Session| {
            session.jobs().enqueue(job(Does::Succeed, "again").unique(key).after_seconds(1_000)).await.unwrap().is_new
        };
        assert_eq!((again(&home).await, again(&away).await), (is_free, false), "{key}");
        away.jobs().cancel(id).await.unwrap();
        assert_eq!(read(&home, id).await.state, state);
    }
}

pub async fn a_lease_that_is_prolonged_is_no_namesakes(world: World) {
    let ([crm, _], _) = learnt(&world);
    let id = twins(&crm, &world, Does::Succeed, "twin").await;
    let mut taken = take(&crm, 10).await;
    taken.retain(|one| one.workspace == world.home.workspace);
    world.clock.advance_seconds(60);
    assert_eq!(crm.workers().hold(&taken).await.unwrap(), [true]);
    world.clock.advance_seconds(61);
    let late = take(&crm, 10).await;
    assert_eq!(late.iter().map(|one| (one.workspace, one.id())).collect::<Vec<_>>(), [(world.away.workspace, id)]);
    let [home, away] = admins(&crm, &world).await;
    assert_eq!((read(&home, id).await.attempts, read(&away, id).await.attempts), (1, 2));
}

pub async fn whoever_stops_or_forgets_a_job_leaves_its_namesake(world: World) {
    let ([crm, _], _) = learnt(&world);
    let id = twins(&crm, &world, Does::Succeed, "twin").await;
    let [home, away] = admins(&crm, &world).await;
    home.jobs().cancel(id).await.unwrap();
    assert_eq!((read(&home, id).await.state, read(&away, id).await.state), (JobState::Cancelled, JobState::Queued));
    let prune = async |workspace| crm.ports.work.prune_jobs(workspace, crm.now(), crm.now(), 10).await.unwrap();
    assert_eq!((prune(world.away.workspace).await, read(&away, id).await.state), (0, JobState::Queued));
    assert_eq!((prune(world.home.workspace).await, read(&away, id).await.state), (1, JobState::Queued));
    // So with unique keys that hold no more in one of them.
    let held = async |session: &Session, seconds| {
        let new = job(Does::Succeed, "x").unique_for("key", seconds);
        session.jobs().enqueue(new).await.unwrap().is_new
    };
    assert!(held(&home, 50).await && held(&away, 5_000).await);
    world.clock.advance_seconds(60);
    let prune = async |workspace| crm.ports.work.prune_job_keys(workspace, crm.now(), 10).await.unwrap();
    assert_eq!((prune(world.away.workspace).await, prune(world.home.workspace).await), (0, 1));
    let [home, away] = admins(&crm, &world).await;
    assert_eq!((held(&home, 50).await, held(&away, 50).await), (true, false));
}

pub async fn a_cursor_is_its_handlers_and_its_workspaces_own(world: World) {
    let relay = &world.crm.ports.relay;
    let (home, away) = (world.home.workspace, world.away.workspace);
    for (workspace, handler) in [(home, "probe"), (home, "other"), (away, "probe")] {
        relay.begin(handler, &[(workspace, 3)]).await.unwrap();
    }
    let session = world.session(Role::Admin).await;
    let mut changes = session.changes();
    changes.writes.push(Write::CursorMove(CursorMove { handler: "probe".to_owned(), from: 3, to: 4 }));
    commit(&session, changes).await.unwrap();
    for (workspace, handler, at) in [(home, "probe", 4), (home, "other", 3), (away, "probe", 3)] {
        assert_eq!(relay.cursor(workspace, handler).await.unwrap(), Some(at), "{handler}");
    }
    assert_eq!(relay.not_begun("other").await.unwrap(), [away]);
    assert!(relay.not_begun("probe").await.unwrap().is_empty());
    // However long the other's journal is, whoever is at the end of their own is not behind.
    contact(&session, samples::contact("Ada")).await;
    for workspace in [home, away] {
        let end = world.crm.feed(workspace).await.unwrap().end().await.unwrap();
        relay.begin("swift", &[(workspace, end)]).await.unwrap();
    }
    assert!(relay.behind("swift").await.unwrap().is_empty());
    let mut behind = relay.behind("probe").await.unwrap();
    behind.sort_unstable_by_key(|workspace| *workspace != home);
    assert_eq!(behind, [home, away]);
}

pub async fn a_sent_file_is_its_workspaces_own(world: World) {
    let uploads = &world.crm.ports.uploads;
    let [home, away] = [world.session(Role::Admin).await, world.stranger().await]
        .map(|session| session.internally(Entity::Import, Action::Create));
    let (now, file, other) = (world.crm.now(), Id::new_at(world.crm.now()), Id::new_at(world.crm.now()));
    let keep = async |grant: &Grant, id, index, bytes: &[u8]| {
        uploads.keep_piece(grant, id, index, bytes.to_vec(), now).await.unwrap();
    };
    keep(&home, file, 0, b"ours").await;
    keep(&home, file, 1, b"too").await;
    keep(&home, other, 0, b"other").await;
    keep(&away, file, 0, b"theirs").await;
    let piece = async |grant: &Grant, id, index| uploads.piece(grant, id, index).await.unwrap().unwrap_or_default();
    assert_eq!((piece(&home, file, 0).await, piece(&home, file, 1).await), (b"ours".to_vec(), b"too".to_vec()));
    assert_eq!((piece(&away, file, 0).await, piece(&away, file, 1).await), (b"theirs".to_vec(), Vec::new()));
    let counted = async |grant: &Grant| uploads.count_pieces(grant).await.unwrap();
    assert_eq!((counted(&home).await, counted(&away).await), (3, 1));
    uploads.forget_upload(&home, file).await.unwrap();
    assert_eq!((counted(&home).await, counted(&away).await), (1, 1));
    assert_eq!((piece(&home, other, 0).await, piece(&away, file, 0).await), (b"other".to_vec(), b"theirs".to_vec()));
}

pub async fn a_template_and_a_suppression_are_their_workspaces_own(world: World) {
    let mails = &world.crm.ports.mails;
    let sessions = [world.session(Role::Admin).await, world.stranger().await];
    let (name, email): (TemplateName, Email) = ("own".parse().unwrap(), "ada@example.com".parse().unwrap());
    for (session, subject) in sessions.iter().zip(["ours", "theirs"]) {
        let content = TemplateContent { subject: subject.to_owned(), text: Some("x".to_owned()), html: None };
        session.mails().set_template(&name, content, Expect::Any).await.unwrap();
    }
    let grants = sessions.each_ref().map(|session| session.internally(Entity::MailTemplate, Action::Read));
    for (grant, subject) in grants.iter().zip(["ours", "theirs"]) {
        assert_eq!(mails.mail_template(grant, &name).await.unwrap().unwrap().subject, subject);
        assert_eq!(mails.mail_templates(grant).await.unwrap().len(), 1);
    }
    let [home, away] = &sessions;
    let suppressed = async |grant: &Grant| mails.suppressed(grant, std::slice::from_ref(&email)).await.unwrap().len();
    let new = || NewSuppression { email: email.clone() };
    let ours = home.mails().suppress(new()).await.unwrap().id;
    assert_eq!((suppressed(&grants[0]).await, suppressed(&grants[1]).await), (1, 0));
    let theirs = away.mails().suppress(new()).await.unwrap().id;
    assert_ne!(ours, theirs);
    for (session, id) in [(home, ours), (away, theirs)] {
        let listed = session.mails().suppressions(&SuppressionsRequest::default()).await.unwrap().data;
        assert_eq!(listed.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
    }
    home.mails().unsuppress(ours).await.unwrap();
    assert_eq!((suppressed(&grants[0]).await, suppressed(&grants[1]).await), (0, 1));
}

pub async fn what_became_of_a_mail_is_told_in_its_workspace(world: World) {
    let mails = &world.crm.ports.mails;
    let [home, away] = [world.session(Role::Admin).await, world.stranger().await]
        .map(|session| session.internally(Entity::MailTemplate, Action::Read));
    let record = |state| MailRecord {
        id: Id::new_at(world.crm.now()),
        state,
        recipients: "ada@example.com".to_owned(),
        suppressed: String::new(),
        template: None,
        error: None,
        at: world.crm.now(),
        created_by: None,
    };
    let ours = record(MailState::Queued);
    let theirs = MailRecord { state: MailState::Failed, ..ours.clone() };
    let other = record(MailState::Failed);
    mails.keep_mail(&home, &other).await.unwrap();
    mails.keep_mail(&home, &ours).await.unwrap();
    assert_eq!(mails.mail(&away, ours.id).await.unwrap(), None);
    mails.keep_mail(&away, &theirs).await.unwrap();
    let sent = MailRecord { state: MailState::Sent, ..ours };
    mails.keep_mail(&home, &sent).await.unwrap();
    // What was sent stays so, whoever comes later.
    mails.keep_mail(&home, &MailRecord { state: MailState::Queued, ..sent.clone() }).await.unwrap();
    assert_eq!(mails.mail(&home, sent.id).await.unwrap(), Some(sent.clone()));
    assert_eq!(mails.mail(&away, sent.id).await.unwrap(), Some(theirs));
    assert_eq!(mails.mail(&home, other.id).await.unwrap(), Some(other));
}

/// An endpoint of one id in each workspace, with a secret and a delivery of one id.
async fn endpoints(sessions: &[Session; 2]) -> (Id<WebhookEndpoint>, Delivery) {
    let [home, away] = sessions;
    let new = samples::webhook("https://hooks.example/crm", &["*"]);
    let made = home.webhooks().create(new).await.unwrap().endpoint.into_inner();
    let delivery = Delivery {
        id: Id::new_at(home.now()),
        endpoint_id: made.id,
        message_id: "one".to_owned(),
        kind: "contact.created".to_owned(),
        seq: 7,
        record_id: Some(made.id.uuid()),
        state: DeliveryState::Pending,
        reason: None,
        attempts: Vec::new(),
        next_attempt_at: None,
        replay_of: None,
        created_at: home.now(),
        finished_at: None,
    };
    let mut changes = away.changes();
    let twin = WebhookEndpoint { url: "https://away.example/crm".to_owned(), ..made.clone() };
    changes.put(&mut Stored::new(twin));
    let (made_at, former_until) = (made.created_at, made.created_at);
    let secret = "whsec_theirs".to_owned().into();
    changes.writes.push(Write::WebhookSecret(MadeSecret { endpoint_id: made.id, secret, made_at, former_until }));
    changes.writes.push(Write::Deliveries(vec![delivery.clone()]));
    commit(away, changes).await.unwrap();
    let mut changes = home.changes();
    changes.writes.push(Write::Deliveries(vec![delivery.clone()]));
    commit(home, changes).await.unwrap();
    (made.id, delivery)
}

pub async fn what_is_sent_to_an_endpoint_is_its_workspaces_own(world: World) {
    let [crm, _] = world.engines(|builder| builder.webhooks(Arc::new(Receiver::new())));
    let sessions = admins(&crm, &world).await;
    let (id, delivery) = endpoints(&sessions).await;
    let [home, away] = sessions;
    let now = crm.now();
    let ports = &crm.ports.webhooks;
    let grants = [&home, &away].map(|session| session.internally(Entity::WebhookEndpoint, Action::Update));
    let [ours, theirs] = &grants;
    for (grant, url) in [(ours, "https://hooks.example/crm"), (theirs, "https://away.example/crm")] {
        assert_eq!(ports.webhook_endpoint(grant, id).await.unwrap().url, url);
        assert_eq!(ports.webhook_endpoints(grant).await.unwrap().len(), 1);
        assert_eq!(ports.webhook_secrets(grant, id, now).await.unwrap().len(), 1);
    }
    // What is sent to one of them says nothing of the other.
    let failed = Delivery { state: DeliveryState::Failed, ..delivery.clone() };
    let since = ports.note_delivery(theirs, &failed, Health::Fails(now)).await.unwrap();
    assert_eq!(since, Some(now));
    assert_eq!(ports.delivery(theirs, delivery.id).await.unwrap().state, DeliveryState::Failed);
    assert_eq!(ports.note_delivery(ours, &delivery, Health::Works).await.unwrap(), None);
    assert_eq!(ports.note_delivery(theirs, &failed, Health::Unknown).await.unwrap(), since);
    assert_eq!(ports.delivery(ours, delivery.id).await.unwrap(), delivery);
    let all = DeliveryQuery { endpoint: id, state: None, span: Span::Before(None), limit: 10 };
    assert_eq!(ports.deliveries(ours, &all).await.unwrap(), std::slice::from_ref(&delivery));
    assert_eq!(ports.deliveries(theirs, &all).await.unwrap(), [failed]);
    // Nor does what waits there hold anything up here.
    enqueued(&home, job(Does::Succeed, "sends").with_id(delivery.id.cast())).await;
    let next = Delivery { seq: delivery.seq + 1, ..delivery.clone() };
    let (here, there) = (ports.ahead_of(ours, &next).await.unwrap(), ports.ahead_of(theirs, &next).await.unwrap());
    assert_eq!((here.is_some(), there.is_some()), (true, false));
    // New secrets, and the end of an endpoint, are one workspace's.
    let mut changes = away.changes();
    let (made_at, later) = (now.plus_seconds(1), now.plus_seconds(2));
    let secret = "whsec_new".to_owned().into();
    changes.writes.push(Write::WebhookSecret(MadeSecret { endpoint_id: id, secret, made_at, former_until: made_at }));
    commit(&away, changes).await.unwrap();
    let secrets = async |grant: &Grant| ports.webhook_secrets(grant, id, later).await.unwrap().len();
    assert_eq!((secrets(ours).await, secrets(theirs).await), (1, 1));
    home.webhooks().delete(id, Expect::Any).await.unwrap();
    assert_eq!((secrets(ours).await, secrets(theirs).await), (0, 1));
    assert_eq!(ports.note_delivery(theirs, &delivery, Health::Unknown).await.unwrap(), since);
    let created_at = now.plus_seconds(-60);
    let failed = Delivery { state: DeliveryState::Failed, ..delivery };
    ports.note_delivery(ours, &failed, Health::Unknown).await.unwrap();
    let older = Delivery { id: Id::new_at(created_at), created_at, ..failed };
    let mut changes = away.changes();
    changes.writes.push(Write::Deliveries(vec![older]));
    commit(&away, changes).await.unwrap();
    assert_eq!(ports.prune_deliveries(world.home.workspace, now, 1).await.unwrap(), 1);
    assert_eq!(ports.deliveries(theirs, &all).await.unwrap().len(), 2);
}
