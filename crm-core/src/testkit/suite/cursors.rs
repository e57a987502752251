//! A cursor goes on in the list that gave it, as it was given, and nowhere else.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::endpoints::{delivery, kept};
use super::jobs::begun;
use super::mails::{mailing, to};
use super::support::{commit, company, contact, deal, fails, refused};
use super::tasks::{due, made};
use super::webhooks::{self, sending, wanting};
use super::workers::world_away;
use crate::access::{Action, Entity, Role};
use crate::error::ErrorKind::{Invalid, NotFound};
use crate::error::Result;
use crate::exchange_rate::ExchangeRatesRequest;
use crate::filter::Span;
use crate::job::{JobState, JobsRequest};
use crate::mail::{MailsRequest, NewSuppression, SuppressionsRequest};
use crate::page::ListRequest;
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::task::CalendarRequest;
use crate::testkit::{World, samples};
use crate::transfer::{DuplicatePolicy, ImportsRequest};
use crate::webhook::{
    DeliveriesRequest, Delivery, DeliveryQuery, DeliveryState, ReplayDeliveries, Span as DeliverySpan,
};

/// One row a page, by a field.
fn one(sort: &str, cursor: Option<String>) -> ListRequest {
    ListRequest { sort: Some(sort.to_owned()), limit: Some(1), cursor, ..samples::list() }
}

/// What a list answers to one that is no cursor of it.
#[track_caller]
fn is_foreign<T>(what: &str, answer: Result<T>) {
    let error = refused(answer);
    let fault = error.fields().first().map(|fault| (fault.field.as_str(), &*fault.code));
    assert_eq!((error.kind(), fault), (Invalid, Some(("cursor", "cursor"))), "{what}: {error:?}");
}

/// A list gives a cursor and goes on with it, and with none that differs from it in one byte.
async fn takes_its_own(
    session: &Session,
    what: &str,
    list: impl AsyncFn(&Session, Option<String>) -> Result<Option<String>>,
) -> String {
    let cursor = list(session, None).await.unwrap().unwrap_or_else(|| panic!("{what}: one page"));
    list(session, Some(cursor.clone())).await.unwrap();
    let sealed = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
    for at in 0..sealed.len() {
        let mut edited = sealed.clone();
        edited[at] ^= 1;
        is_foreign(what, list(session, Some(URL_SAFE_NO_PAD.encode(edited))).await);
    }
    cursor
}

/// As [`takes_its_own`], and the same list of another workspace does not take it.
async fn takes_its_own_alone(
    [session, stranger]: [&Session; 2],
    what: &str,
    list: impl AsyncFn(&Session, Option<String>) -> Result<Option<String>>,
) {
    let cursor = takes_its_own(session, what, &list).await;
    is_foreign(what, list(stranger, Some(cursor)).await);
}

pub async fn an_edited_cursor_and_one_of_another_workspace_open_no_list_of_records(world: World) {
    let (admin, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let both = [&admin, &stranger];
    let id = contact(&admin, samples::contact("A")).await.id;
    for name in ["B", "C"] {
        contact(&admin, samples::contact(name)).await;
        company(&admin, name).await;
        deal(&admin, samples::deal(name)).await;
        admin.activities().create_note(samples::note(id, name)).await.unwrap();
    }
    for day in ["2026-02-01", "2026-02-02", "2026-03-04", "2026-03-05"] {
        made(&admin, due(day, day)).await;
    }
    admin.contacts().update(id, samples::contact("D"), Expect::Any).await.unwrap();
    takes_its_own_alone(both, "contacts", async |session: &Session, cursor| {
        session.contacts().list(&one("last_name", cursor)).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "companies", async |session: &Session, cursor| {
        session.companies().list(&one("-created_at", cursor)).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "deals", async |session: &Session, cursor| {
        session.deals().list(&one("value", cursor)).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "notes", async |session: &Session, cursor| {
        session.activities().notes(&one("created_at", cursor)).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "users", async |session: &Session, cursor| {
        session.users().list(&one("name", cursor)).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "tasks", async |session: &Session, cursor| {
        session.tasks().list(&one("due_at", cursor)).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "own tasks", async |session: &Session, cursor| {
        session.tasks().mine(&one("due_at", cursor)).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "overdue tasks", async |session: &Session, cursor| {
        session.tasks().overdue(&one("due_at", cursor)).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "upcoming tasks", async |session: &Session, cursor| {
        session.tasks().upcoming(Span::days(7), &one("due_at", cursor)).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "calendar", async |session: &Session, cursor| {
        let (from, to) = ("2026-03-01".parse().unwrap(), "2026-03-10".parse().unwrap());
        let request = CalendarRequest { from, to, filter: None, limit: Some(1), cursor };
        session.tasks().calendar(&request).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own(&admin, "timeline", async |session: &Session, cursor: Option<String>| {
        session.contacts().timeline(id, cursor.as_deref(), Some(1)).await.map(|page| page.next_cursor)
    })
    .await;
}

pub async fn an_edited_cursor_and_one_of_another_workspace_open_no_other_list(world: World) {
    let (crm, _receiver) = sending(&world);
    let (admin, stranger) = (webhooks::member(&crm, &world, Role::Admin).await, world.stranger().await);
    let both = [&admin, &stranger];
    let endpoint = webhooks::made(&admin, wanting(&["contact.created"])).await.endpoint.id;
    for name in ["A", "B"] {
        contact(&admin, samples::contact(name)).await;
        let email = format!("{name}@x.example").parse().unwrap();
        admin.mails().suppress(NewSuppression { email }).await.unwrap();
        begun(&admin, &format!("Last Name\n{name}\n"), DuplicatePolicy::Skip).await;
    }
    for day in ["2026-01-01", "2026-01-02"] {
        admin.exchange_rates().set(samples::exchange_rate(("EUR", "USD"), "2", day)).await.unwrap();
    }
    while crm.relay().pass().await.unwrap() > 0 {}
    let ([mailer, _], _sent) = mailing(&world);
    for email in ["ada@x.example", "eve@x.example"] {
        super::mails::member(&mailer, &world, Role::Admin).await.mails().send(to(email)).await.unwrap();
    }
    takes_its_own_alone(both, "jobs", async |session: &Session, cursor| {
        let request = JobsRequest { limit: Some(1), cursor, ..JobsRequest::default() };
        session.jobs().list(&request).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "imports", async |session: &Session, cursor| {
        session.transfers().list(&ImportsRequest { limit: Some(1), cursor }).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "rates", async |session: &Session, cursor| {
        let request = ExchangeRatesRequest { limit: Some(1), cursor, ..ExchangeRatesRequest::default() };
        session.exchange_rates().list(&request).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "suppressions", async |session: &Session, cursor| {
        session.mails().suppressions(&SuppressionsRequest { limit: Some(1), cursor }).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "mails", async |session: &Session, cursor| {
        let request = MailsRequest { limit: Some(1), cursor, ..MailsRequest::default() };
        session.mails().log(&request).await.map(|page| page.next_cursor)
    })
    .await;
    takes_its_own_alone(both, "deliveries", async |session: &Session, cursor| {
        let request = DeliveriesRequest { limit: Some(1), cursor, ..DeliveriesRequest::default() };
        session.webhooks().deliveries(endpoint, &request).await.map(|page| page.next_cursor)
    })
    .await;
    // Deliveries of another endpoint, and of a state, are another list.
    let first = DeliveriesRequest { limit: Some(1), ..DeliveriesRequest::default() };
    let cursor = admin.webhooks().deliveries(endpoint, &first).await.unwrap().next_cursor;
    let other = webhooks::made(&admin, wanting(&["deal.created"])).await.endpoint.id;
    let rest = DeliveriesRequest { cursor, ..first };
    is_foreign("another endpoint", admin.webhooks().deliveries(other, &rest).await);
    let delivered = DeliveriesRequest { state: Some(DeliveryState::Delivered), ..rest };
    is_foreign("another state", admin.webhooks().deliveries(endpoint, &delivered).await);
}

pub async fn a_cursor_of_another_filter_opens_no_list(world: World) {
    let ([crm, _], _sent) = mailing(&world);
    let admin = super::mails::member(&crm, &world, Role::Admin).await;
    for (email, day) in [("ada@x.example", "2026-02-01"), ("eve@x.example", "2026-02-02")] {
        admin.mails().send(to(email)).await.unwrap();
        admin.exchange_rates().set(samples::exchange_rate(("EUR", "USD"), "2", day)).await.unwrap();
        made(&admin, due(day, day)).await;
    }
    let jobs = JobsRequest { limit: Some(1), ..JobsRequest::default() };
    let cursor = admin.jobs().list(&jobs).await.unwrap().next_cursor;
    assert!(cursor.is_some());
    let queued = JobsRequest { state: Some(JobState::Queued), cursor: cursor.clone(), ..jobs };
    is_foreign("jobs of a state", admin.jobs().list(&queued).await);
    // Mails have the ids of their jobs.
    is_foreign("mails", admin.mails().log(&MailsRequest { cursor, ..MailsRequest::default() }).await);

    let mails = MailsRequest { limit: Some(1), ..MailsRequest::default() };
    let cursor = admin.mails().log(&mails).await.unwrap().next_cursor;
    assert!(cursor.is_some());
    let to_one = MailsRequest { recipient: "ada@x.example".parse().ok(), cursor, ..mails };
    is_foreign("mails to an address", admin.mails().log(&to_one).await);

    let rates = ExchangeRatesRequest { limit: Some(1), ..ExchangeRatesRequest::default() };
    let cursor = admin.exchange_rates().list(&rates).await.unwrap().next_cursor;
    assert!(cursor.is_some());
    let of_one = ExchangeRatesRequest { currency: "EUR".parse().ok(), cursor, ..rates };
    is_foreign("rates of a currency", admin.exchange_rates().list(&of_one).await);

    let cursor = admin.tasks().mine(&one("due_at", None)).await.unwrap().next_cursor;
    assert!(cursor.is_some());
    let rest = one("due_at", cursor);
    admin.tasks().mine(&rest).await.unwrap();
    is_foreign("all tasks", admin.tasks().list(&rest).await);
    is_foreign("overdue tasks", admin.tasks().overdue(&rest).await);
    for days in [1, 7] {
        is_foreign("upcoming tasks", admin.tasks().upcoming(Span::days(days), &rest).await);
    }
}

pub async fn a_replay_goes_on_by_its_own_cursor_alone(world: World) {
    let (crm, _receiver) = sending(&world);
    let (admin, stranger) = (webhooks::member(&crm, &world, Role::Admin).await, world_away(&crm, &world).await);
    let hook = webhooks::made(&admin, wanting(&["contact.created"])).await.endpoint.into_inner();
    let (id, start, record) = (hook.id, crm.now(), hook.id.uuid());
    // One more than a request sends again.
    let wanted: Vec<Delivery> = (1..=1_001).map(|seq| delivery(id, record, seq, start)).collect();
    kept(&admin, &wanted.iter().collect::<Vec<_>>()).await;
    let span = ReplayDeliveries { from: Some(start), ..ReplayDeliveries::default() };
    let cursor = takes_its_own(&admin, "replay", async |session: &Session, cursor: Option<String>| {
        let wanted = ReplayDeliveries { cursor, ..span.clone() };
        session.webhooks().replay(id, &wanted).await.map(|told| told.next_cursor)
    })
    .await;
    let sent = async || {
        let grant = admin.internally(Entity::WebhookEndpoint, Action::Read);
        let query = DeliveryQuery { endpoint: id, state: None, span: DeliverySpan::Before(None), limit: 3_000 };
        crm.ports.webhooks.deliveries(&grant, &query).await.unwrap().len()
    };
    // Each once more: a cursor that was refused sent nothing.
    assert_eq!(sent().await, 2 * wanted.len());

    let rest = ReplayDeliveries { cursor: Some(cursor.clone()), ..span.clone() };
    for (what, other) in [
        ("another beginning", ReplayDeliveries { from: Some(start.plus_seconds(-1)), ..rest.clone() }),
        ("an end", ReplayDeliveries { to: Some(start.plus_seconds(1)), ..rest.clone() }),
        ("a state", ReplayDeliveries { state: Some(DeliveryState::Pending), ..rest.clone() }),
    ] {
        is_foreign(what, admin.webhooks().replay(id, &other).await);
    }
    let other = webhooks::made(&admin, wanting(&["deal.created"])).await.endpoint.id;
    is_foreign("another endpoint", admin.webhooks().replay(other, &rest).await);
    // What is listed and what is sent again are different lists, whichever way.
    let first = DeliveriesRequest { limit: Some(1), ..DeliveriesRequest::default() };
    let listed = admin.webhooks().deliveries(id, &first).await.unwrap().next_cursor;
    assert!(listed.is_some());
    is_foreign("deliveries", admin.webhooks().replay(id, &ReplayDeliveries { cursor: listed, ..span }).await);
    let listed = DeliveriesRequest { cursor: Some(cursor), ..first };
    is_foreign("a replay", admin.webhooks().deliveries(id, &listed).await);
    // Another workspace does not see the endpoint, and takes no cursor of it at one of the same id.
    fails(stranger.webhooks().replay(id, &rest).await, NotFound);
    let mut changes = stranger.changes();
    changes.put(&mut Stored::new(hook));
    commit(&stranger, changes).await.unwrap();
    is_foreign("another workspace", stranger.webhooks().replay(id, &rest).await);
    assert_eq!(sent().await, 2 * wanted.len());
}
