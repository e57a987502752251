//! What leaves the engine as JSON, field by field. A change here is a change for every client.

use std::collections::BTreeMap;
use std::sync::Arc;

use crm_core::access::{Action, Role, Rule, Scope};
use crm_core::company::CompanyEdit;
use crm_core::contact::ContactEdit;
use crm_core::custom_field::{CustomKind, CustomValues};
use crm_core::deal::{DealEdit, DealStart};
use crm_core::journal::JournalStore as _;
use crm_core::search::SearchRequest;
use crm_core::store::IdempotencyKey;
use crm_core::task::{CalendarRequest, TaskEdit, TaskKind, TaskPriority};
use crm_core::testkit::{MemoryStore, World, samples};
use crm_core::user::UserEdit;
use crm_core::{Edit, Entity, Expect, ListRequest, Money, Session};
use serde::Serialize;
use serde_json::{Value, json};

/// JSON whose ids are numbered in the order in which they appear.
fn stable(value: impl Serialize) -> Value {
    let mut text = serde_json::to_string(&value).unwrap();
    let mut ids: BTreeMap<String, usize> = BTreeMap::new();
    let starts: Vec<usize> = (0..text.len().saturating_sub(36)).filter(|at| text.is_char_boundary(*at)).collect();
    for start in starts {
        if let Some(id) = text.get(start..start + 36).filter(|id| id.parse::<uuid::Uuid>().is_ok()) {
            let next = ids.len() + 1;
            ids.entry(id.to_owned()).or_insert(next);
        }
    }
    for (id, number) in ids {
        text = text.replace(&id, &format!("id {number}"));
    }
    serde_json::from_str(&text).unwrap()
}

async fn world() -> (World, Session, Arc<MemoryStore>) {
    let store = MemoryStore::new();
    let world = World::new(store.clone()).await;
    world.clock.tick_micros(0);
    world.set_time("2026-03-02T12:00:00.123456Z");
    let admin = world.session(Role::Admin).await;
    for (key, kind) in [("budget", CustomKind::Money), ("parts", CustomKind::MultiChoice)] {
        admin.custom_fields().define(samples::custom_field(Entity::Contact, key, kind)).await.unwrap();
    }
    let admin = world.session(Role::Admin).await;
    (world, admin, store)
}

fn full_contact() -> ContactEdit {
    let custom = CustomValues::from_iter([
        ("budget".to_owned(), json!({"amount_minor": 125_000, "currency": "USD"})),
        ("parts".to_owned(), json!(["Nord"])),
    ]);
    ContactEdit {
        first_name: "Ada".into(),
        email: Edit::Set("ada@example.com".parse().unwrap()),
        phone: Edit::Set("+44 20 7946 0000".parse().unwrap()),
        title: "Countess".into(),
        source: "letter".into(),
        external_id: "X-1".into(),
        tags: vec!["vip".to_owned(), "Maths".to_owned()].into(),
        custom: custom.into(),
        ..samples::contact("Lovelace")
    }
}

#[tokio::test]
async fn records() {
    let (world, admin, _) = world().await;
    let company = CompanyEdit {
        domain: Edit::Set("acme.com".parse().unwrap()),
        industry: "Anvils".into(),
        employees: 42.into(),
        ..samples::company("Acme")
    };
    let company = admin.companies().create(company).await.unwrap();
    let contact = ContactEdit { company_id: company.id.into(), ..full_contact() };
    let contact = admin.contacts().create(contact).await.unwrap();
    let value = Money::minor(125_000, "USD".parse().unwrap());
    let deal = DealEdit {
        value: value.into(),
        contact_id: contact.id.into(),
        company_id: company.id.into(),
        ..samples::deal("Engine")
    };
    let deal = admin.deals().create(DealStart::default(), deal).await.unwrap();
    let note = admin.activities().create_note(samples::note(contact.id, "wrote\nback")).await.unwrap();
    let task = TaskEdit {
        description: "about the engine".into(),
        kind: TaskKind::Call.into(),
        priority: TaskPriority::High.into(),
        due_date: Edit::Set("2026-03-03".parse().unwrap()),
        duration_minutes: 30.into(),
        reminder: "1d".into(),
        recurrence: "freq=weekly;byday=th,tu".into(),
        deal_id: deal.id.into(),
        ..samples::task("Call")
    };
    let task = admin.tasks().create(task).await.unwrap();
    insta::assert_json_snapshot!("task", stable(&task));
    let done = admin.tasks().complete(task.id, Expect::Any).await.unwrap();
    insta::assert_json_snapshot!("done_task", stable(&done));
    let mut history = admin.tasks().timeline(task.id, None, None).await.unwrap().data;
    history.retain(|item| !item.events.is_empty());
    insta::assert_json_snapshot!("task_completed", stable(history));
    let days = CalendarRequest {
        from: "2026-03-02".parse().unwrap(),
        to: "2026-03-04".parse().unwrap(),
        filter: None,
        limit: None,
        cursor: None,
    };
    insta::assert_json_snapshot!("calendar", stable(admin.tasks().calendar(&days).await.unwrap()));
    insta::assert_json_snapshot!("company", stable(&company));
    insta::assert_json_snapshot!("contact", stable(&contact));
    insta::assert_json_snapshot!("deal", stable(&deal));
    insta::assert_json_snapshot!("note", stable(&note));
    let bare = admin.contacts().create(samples::contact("Bare")).await.unwrap();
    insta::assert_json_snapshot!("contact_with_little", stable(&bare));
    let user = admin.users().read(world.home.member(Role::SalesRep)).await.unwrap();
    insta::assert_json_snapshot!("user", stable(&user));
    let edit = UserEdit {
        time_zone: Edit::Set("Europe/London".parse().unwrap()),
        locale: Edit::Set("en-GB".parse().unwrap()),
        ..UserEdit::default()
    };
    admin.users().update(user.id, edit, Expect::Any).await.unwrap();
    admin.users().delete(user.id, Expect::Any).await.unwrap();
    insta::assert_json_snapshot!("deleted_user", stable(admin.users().read(user.id).await.unwrap()));
    let wanted = SearchRequest { q: "a".to_owned(), ..SearchRequest::default() };
    insta::assert_json_snapshot!("hits", stable(admin.search().find(&wanted).await.unwrap()));
    insta::assert_json_snapshot!("teams", stable(admin.teams().list().await.unwrap()));
    insta::assert_json_snapshot!("pipelines", stable(admin.pipelines().list().await.unwrap()));
    insta::assert_json_snapshot!("tags", stable(admin.tags().counts().await.unwrap()));
    insta::assert_json_snapshot!("custom_fields", stable(admin.custom_fields().list().await.unwrap()));
    let rate = samples::exchange_rate(("EUR", "USD"), "1.0842", "2026-01-31");
    let rate = admin.exchange_rates().set(rate).await.unwrap().into_rate();
    insta::assert_json_snapshot!("exchange_rate", stable(rate));
    insta::assert_json_snapshot!("board", stable(admin.deals().board(None).await.unwrap()));
}

#[tokio::test]
async fn pages() {
    let (_, admin, _) = world().await;
    for name in ["A", "B"] {
        admin.companies().create(samples::company(name)).await.unwrap();
    }
    let first = ListRequest { limit: Some(1), count: true, sort: Some("name".to_owned()), ..samples::list() };
    let mut page = stable(admin.companies().list(&first).await.unwrap());
    let cursor = page["next_cursor"].take();
    assert!(cursor.is_string());
    insta::assert_json_snapshot!("page_with_total", page);
    let last = ListRequest { cursor: cursor.as_str().map(str::to_owned), count: false, ..first };
    insta::assert_json_snapshot!("last_page", stable(admin.companies().list(&last).await.unwrap()));
}

#[tokio::test]
async fn what_is_hidden_is_absent() {
    let (world, admin, _) = world().await;
    admin.contacts().create(full_contact()).await.unwrap();
    let hidden = crm_core::access::FieldMask::of(["email", "phone", "custom.budget"]);
    world.set_rule(Role::Setter, Entity::Contact, Rule { hidden, read: Scope::All, ..Rule::ALL }).await;
    let setter = world.session(Role::Setter).await;
    insta::assert_json_snapshot!(
        "masked_contact",
        stable(&setter.contacts().list(&samples::list()).await.unwrap().data[0])
    );
    let rules: BTreeMap<_, _> = setter.rules().iter().cloned().collect();
    insta::assert_json_snapshot!("rules", stable(rules));
    admin.deals().create(DealStart::default(), samples::deal("D")).await.unwrap();
    let support = world.session(Role::SupportAgent).await;
    insta::assert_json_snapshot!("board_without_values", stable(support.deals().board(None).await.unwrap()));
}

#[tokio::test]
async fn workspace_and_answers_of_signing_in() {
    let (world, admin, _) = world().await;
    world.set_rule(Role::Setter, Entity::Deal, Rule::NONE).await;
    insta::assert_json_snapshot!("workspace", stable(admin.workspace().read().await.unwrap()));
    let auth = world.crm.auth();
    let secretless = |value: Value| {
        let mut value = value;
        for key in ["access_token", "refresh_token", "challenge_token"] {
            if value.get(key).is_some() {
                value[key] = json!("a token");
            }
        }
        value
    };
    let registered = auth.register(samples::register("One", "ada@example.com").unwrap(), "").await.unwrap();
    insta::assert_json_snapshot!("registered", secretless(stable(&registered)));
    let login = || samples::login("ada@example.com", "correct horse").unwrap();
    insta::assert_json_snapshot!("signed_in", secretless(stable(auth.login(login(), "").await.unwrap())));
    auth.register(samples::register("Two", "ada@example.com").unwrap(), "").await.unwrap();
    insta::assert_json_snapshot!("workspace_required", secretless(stable(auth.login(login(), "").await.unwrap())));
    let (session, _) = auth.authenticate(&registered.tokens.access_token).await.unwrap();
    insta::assert_json_snapshot!("me", stable(auth.me(&session).await.unwrap()));
}

#[tokio::test]
async fn errors() {
    let (world, admin, _) = world().await;
    let bad = ContactEdit {
        first_name: "a\0".into(),
        title: Edit::Set("x".repeat(201)),
        tags: vec!["ok".to_owned(), String::new()].into(),
        ..ContactEdit::default()
    };
    let told = |error: crm_core::Error| {
        json!({
            "code": error.code(),
            "message": error.message(),
            "is_retryable": error.is_retryable(),
            "errors": error.fields(),
        })
    };
    insta::assert_json_snapshot!("invalid", told(admin.contacts().create(bad).await.unwrap_err()));
    let filter = samples::filtered("last_name = a and (email = b or not nothing = 1)").unwrap();
    insta::assert_json_snapshot!("invalid_filter", told(admin.contacts().list(&filter).await.unwrap_err()));
    let support = world.session(Role::SupportAgent).await;
    let denied = support.require(Entity::Contact, Action::Create).unwrap_err();
    insta::assert_json_snapshot!("denied", told(denied));
    let id = admin.contacts().create(samples::contact("A")).await.unwrap().id;
    let stale = admin.contacts().update(id, samples::contact("B"), Expect::Version(7)).await.unwrap_err();
    assert_eq!((stale.code(), stale.fields().len()), ("stale_version", 0));
    let unknown = world.stranger().await.contacts().read(id).await.unwrap_err();
    assert_eq!(unknown.message(), format!("contact {id} not found"));
}

#[tokio::test]
async fn journal_and_timeline() {
    let (world, admin, store) = world().await;
    let sealed_before = store.feed(world.home.workspace, 0, 1_000).await.unwrap().len();
    assert_eq!(sealed_before, 0);
    while store.seal_batch(world.home.workspace, 100).await.unwrap() > 0 {}
    let before = store.feed(world.home.workspace, 0, 1_000).await.unwrap().len() as i64;
    let once = admin.clone().once(IdempotencyKey::new("r", "k", b"body"));
    let contact = once.contacts().create(ContactEdit { custom: Edit::Keep, ..full_contact() }).await.unwrap();
    world.clock.advance_seconds(1);
    let edit = ContactEdit { title: Edit::Clear, tags: vec!["vip".to_owned()].into(), ..samples::contact("King") };
    admin.contacts().update(contact.id, edit, Expect::Any).await.unwrap();
    let deal = admin.deals().create(DealStart::default(), samples::deal("Engine")).await.unwrap();
    let won = admin.pipelines().list().await.unwrap()[0].stage_named("Won").unwrap().id;
    world.clock.advance_seconds(1);
    admin.deals().move_to(deal.id, won, Expect::Any).await.unwrap();
    admin.users().change_role(world.home.member(Role::Setter), Role::Closer, Expect::Any).await.unwrap();
    admin.contacts().delete(contact.id, Expect::Any).await.unwrap();
    let restored = admin.contacts().restore(contact.id).await.unwrap();
    assert_eq!(restored.version, 4);
    while store.seal_batch(world.home.workspace, 100).await.unwrap() > 0 {}
    let feed = store.feed(world.home.workspace, before, 1_000).await.unwrap();
    // Tags are made in the order of their names, before their record.
    let entries: Vec<_> = feed.iter().map(|sealed| &sealed.entry).collect();
    insta::assert_json_snapshot!("journal_entries", stable(entries));
    let mut timeline = admin.contacts().timeline(contact.id, None, None).await.unwrap().data;
    // Entries of one instant have no order among themselves.
    timeline.sort_by_key(|item| (item.at, item.after.len()));
    insta::assert_json_snapshot!("timeline", stable(timeline));
    insta::assert_json_snapshot!("verification", stable(admin.workspace().verify_journal().await.unwrap()));
}
