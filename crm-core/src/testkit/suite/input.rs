//! Bad input is refused with the field's name, and nothing is half written.

use serde_json::json;

use super::support::{contact, contact_of, deal, fails, feed, field, filtered, invalid_at, refused, searched};
use crate::access::{Entity, Role};
use crate::activity::{NewNote, NoteEdit};
use crate::company::CompanyEdit;
use crate::contact::ContactEdit;
use crate::custom_field::{CustomKind, NewCustomField};
use crate::deal::{DealEdit, DealStart};
use crate::edit::Edit;
use crate::error::ErrorKind::Invalid;
use crate::filter::Filter;
use crate::money::{Currency, Money};
use crate::page::ListRequest;
use crate::pipeline::{NewPipeline, NewStage, StageKind};
use crate::session::Expect;
use crate::testkit::{World, samples};
use crate::workspace::WorkspaceEdit;

/// What no line of text may hold.
const UNCLEAN: [&str; 5] = ["a\0b", "\u{1}", "a\nb", "a\tb", "\u{9f}x"];

pub async fn unclean_text_is_refused_at_its_field(world: World) {
    let admin = world.session(Role::Admin).await;
    let before = feed(&world, world.home.workspace).await.len();
    for text in UNCLEAN {
        let contacts = [
            ("first_name", ContactEdit { first_name: text.into(), ..samples::contact("A") }),
            ("last_name", samples::contact(text)),
            ("title", ContactEdit { title: text.into(), ..samples::contact("A") }),
            ("source", ContactEdit { source: text.into(), ..samples::contact("A") }),
            ("external_id", ContactEdit { external_id: text.into(), ..samples::contact("A") }),
            ("tags.1", ContactEdit { tags: vec!["ok".to_owned(), text.to_owned()].into(), ..samples::contact("A") }),
        ];
        for (field, edit) in contacts {
            invalid_at(admin.contacts().create(edit).await, field);
        }
        let companies = [
            ("name", samples::company(text)),
            ("industry", CompanyEdit { industry: text.into(), ..samples::company("A") }),
            ("external_id", CompanyEdit { external_id: text.into(), ..samples::company("A") }),
        ];
        for (field, edit) in companies {
            invalid_at(admin.companies().create(edit).await, field);
        }
        let deals = [
            ("title", samples::deal(text)),
            ("source", DealEdit { source: text.into(), ..samples::deal("A") }),
            ("external_id", DealEdit { external_id: text.into(), ..samples::deal("A") }),
        ];
        for (field, edit) in deals {
            invalid_at(admin.deals().create(DealStart::default(), edit).await, field);
        }
        invalid_at(admin.users().create(samples::user(text, Role::Setter)).await, "name");
        invalid_at(admin.teams().create(samples::team(text, &[])).await, "name");
        invalid_at(admin.pipelines().create(samples::pipeline(text)).await, "name");
        let stages = vec![NewStage::new(text, StageKind::Open)];
        invalid_at(admin.pipelines().create(NewPipeline { name: "A".to_owned(), stages }).await, "stages.0.name");
        let renamed = WorkspaceEdit { name: text.into(), ..WorkspaceEdit::default() };
        invalid_at(admin.workspace().update(renamed, Expect::Any).await, "name");
        let new =
            NewCustomField { label: text.to_owned(), ..samples::custom_field(Entity::Deal, "x", CustomKind::Text) };
        invalid_at(admin.custom_fields().define(new).await, "label");
    }
    assert_eq!(feed(&world, world.home.workspace).await.len(), before);
}

pub async fn over_long_text_is_refused_at_its_field(world: World) {
    let admin = world.session(Role::Admin).await;
    let long = |chars: usize| "ü".repeat(chars);
    let code = |error: crate::Error| error.fields()[0].code.clone().into_owned();
    let edit = |chars| ContactEdit { title: Edit::Set(long(chars)), ..samples::contact("A") };
    let made = contact(&admin, edit(200)).await;
    assert_eq!(made.title.as_ref().unwrap().chars().count(), 200);
    assert_eq!(admin.contacts().read(made.id).await.unwrap().title, made.title);
    assert_eq!(code(refused(admin.contacts().create(edit(201)).await)), "too_long");
    invalid_at(admin.contacts().create(samples::contact(&long(1_000_000))).await, "last_name");
    invalid_at(admin.deals().create(DealStart::default(), samples::deal(&long(301))).await, "title");
    let tags = |count: usize| ContactEdit {
        tags: Edit::Set((0..count).map(|at| format!("t{at}")).collect()),
        ..samples::contact("A")
    };
    assert_eq!(contact(&admin, tags(100)).await.tags.len(), 100);
    invalid_at(admin.contacts().create(tags(101)).await, "tags");
    invalid_at(
        admin.contacts().create(ContactEdit { tags: vec![long(61)].into(), ..samples::contact("A") }).await,
        "tags.0",
    );
    let note = samples::note(made.id, &long(20_000));
    assert_eq!(admin.activities().create_note(note).await.unwrap().body.chars().count(), 20_000);
    invalid_at(admin.activities().create_note(samples::note(made.id, &long(20_001))).await, "body");
    invalid_at(admin.contacts().list(&searched(&long(1_001))).await, "q");
    invalid_at(admin.contacts().list(&searched("a b c d e f g h i")).await, "q");
}

pub async fn every_fault_is_told_at_once(world: World) {
    let admin = world.session(Role::Admin).await;
    let edit = ContactEdit {
        first_name: "\0".into(),
        title: Edit::Set("x".repeat(201)),
        tags: vec![" ".to_owned()].into(),
        ..ContactEdit::default()
    };
    let error = refused(admin.contacts().create(edit).await);
    let fields: Vec<&str> = error.fields().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!((error.kind(), fields), (Invalid, vec!["first_name", "title", "tags.0", "last_name"]));
}

pub async fn an_empty_record_is_refused(world: World) {
    let admin = world.session(Role::Admin).await;
    invalid_at(admin.contacts().create(ContactEdit::default()).await, "last_name");
    invalid_at(admin.contacts().create(samples::contact(" \u{a0} ")).await, "last_name");
    invalid_at(admin.companies().create(CompanyEdit::default()).await, "name");
    invalid_at(admin.deals().create(DealStart::default(), DealEdit::default()).await, "title");
    let id = contact_of(&world, Role::Admin, "A").await;
    let emptied = ContactEdit { last_name: Edit::Clear, ..ContactEdit::default() };
    invalid_at(admin.contacts().update(id, emptied, Expect::Any).await, "last_name");
    invalid_at(admin.contacts().replace(id, ContactEdit::default(), Expect::Any).await, "last_name");
    invalid_at(admin.activities().create_note(samples::note(id, " ")).await, "body");
    invalid_at(
        admin.activities().create_note(NewNote { body: "hi".to_owned(), ..NewNote::default() }).await,
        "contact_id",
    );
    let d = deal(&admin, samples::deal("D")).await.id;
    let both = NewNote { deal_id: Some(d), ..samples::note(id, "hi") };
    invalid_at(admin.activities().create_note(both).await, "contact_id");
    let note = admin.activities().create_note(samples::note(id, "hi")).await.unwrap().id;
    invalid_at(admin.activities().update_note(note, NoteEdit { body: Edit::Clear }, Expect::Any).await, "body");
}

pub async fn numbers_at_their_borders_are_kept_or_refused(world: World) {
    let admin = world.session(Role::Admin).await;
    for employees in [0, 1, i64::MAX] {
        let edit = CompanyEdit { employees: employees.into(), ..samples::company("A") };
        let id = admin.companies().create(edit).await.unwrap().id;
        assert_eq!(admin.companies().read(id).await.unwrap().employees, Some(employees));
        let found = filtered(&format!("employees = {employees}"));
        assert_eq!(admin.companies().list(&found).await.unwrap().data.len(), 1);
    }
    for employees in [-1, i64::MIN] {
        let edit = CompanyEdit { employees: employees.into(), ..samples::company("A") };
        invalid_at(admin.companies().create(edit).await, "employees");
    }
    let worth = |minor| DealEdit { value: Money::minor(minor, Currency::USD).into(), ..samples::deal("D") };
    invalid_at(admin.deals().create(DealStart::default(), worth(-1)).await, "value");
    invalid_at(admin.deals().create(DealStart::default(), worth(i64::MAX)).await, "value");
    // Zero is zero, whatever its sign.
    field(&admin, Entity::Contact, "size", CustomKind::Number).await;
    let admin = world.session(Role::Admin).await;
    contact(&admin, ContactEdit { custom: samples::custom("size", -0.0), ..samples::contact("A") }).await;
    for filter in ["custom.size = 0", "custom.size in [0, 1]", "custom.size >= 0", "custom.size between 0 and 1"] {
        assert_eq!(admin.contacts().list(&filtered(filter)).await.unwrap().data.len(), 1, "{filter}");
    }
}

pub async fn hostile_questions_are_answered_or_refused_but_break_nothing(world: World) {
    let admin = world.session(Role::Admin).await;
    contact(&admin, samples::contact("O'Neil %_\\")).await;
    let found = |q: &str| searched(q);
    for q in [
        "'",
        "\"",
        "%",
        "_",
        "\\",
        "*",
        "a*",
        "\"a",
        "a OR b",
        "NEAR(a b)",
        "a:b",
        "-a",
        "^a",
        "(",
        "a & b",
        "!a",
        "<->",
        "日",
        "🐟",
    ] {
        admin.contacts().list(&found(q)).await.unwrap();
    }
    invalid_at(admin.contacts().list(&found("a\0b")).await, "q");
    assert_eq!(admin.contacts().list(&found("o'neil")).await.unwrap().data.len(), 1);
    assert_eq!(admin.contacts().list(&found("' OR 1=1 --")).await.unwrap().data.len(), 0);
    let is = |op: &str, value: &str| {
        let json = json!({"field": "last_name", "op": op, "value": value}).to_string();
        ListRequest { filter: Some(Filter::from_json(&json).unwrap()), ..samples::list() }
    };
    for (op, value, count) in [
        ("contains", "%_\\", 1),
        ("contains", "%", 1),
        ("contains", "%x", 0),
        ("contains", "o_neil", 0),
        ("starts_with", "o'", 1),
        ("starts_with", "%", 0),
        ("eq", "o'neil %_\\", 1),
        ("eq", "' or '1'='1", 0),
    ] {
        assert_eq!(admin.contacts().list(&is(op, value)).await.unwrap().data.len(), count, "{op} {value}");
    }
    fails(admin.contacts().list(&is("eq", "a\0")).await, Invalid);
    fails(admin.contacts().list(&is("eq", &"x".repeat(1_001))).await, Invalid);
    let many: Vec<_> = (0..1_000).map(|at| format!("v{at}")).collect();
    let json = json!({"field": "last_name", "op": "in", "value": many}).to_string();
    let request = ListRequest { filter: Some(Filter::from_json(&json).unwrap()), ..samples::list() };
    assert!(admin.contacts().list(&request).await.unwrap().data.is_empty());
    // As many parts as a filter may have.
    let parts: Vec<_> =
        (0..255).map(|at| Filter::is("title", crate::filter::Op::Contains, format!("v{at}").as_str())).collect();
    let request = ListRequest { filter: Some(Filter::Any(parts)), ..samples::list() };
    assert!(admin.contacts().list(&request).await.unwrap().data.is_empty());
}

pub async fn a_bad_definition_is_refused(world: World) {
    let admin = world.session(Role::Admin).await;
    let base = || samples::custom_field(Entity::Contact, "size", CustomKind::Choice);
    let bad = [
        ("key", NewCustomField { key: "Size".to_owned(), ..base() }),
        ("key", NewCustomField { key: "1size".to_owned(), ..base() }),
        ("key", NewCustomField { key: "a.b".to_owned(), ..base() }),
        ("key", NewCustomField { key: String::new(), ..base() }),
        ("key", NewCustomField { key: "x".repeat(61), ..base() }),
        ("choices", NewCustomField { choices: vec![], ..base() }),
        ("choices.1", NewCustomField { choices: vec!["a".to_owned(), "A".to_owned()], ..base() }),
        ("choices", NewCustomField { kind: CustomKind::Text, ..base() }),
        ("target", NewCustomField { target: Some(Entity::Deal), ..base() }),
        (
            "target",
            NewCustomField { kind: CustomKind::Reference, choices: vec![], target: Some(Entity::Note), ..base() },
        ),
        ("entity", NewCustomField { entity: Entity::Note, ..base() }),
    ];
    for (at, new) in bad {
        invalid_at(admin.custom_fields().define(new).await, at);
    }
    field(&admin, Entity::Contact, "size", CustomKind::Choice).await;
}
