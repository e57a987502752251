//! Fields that a workspace defined behave as the built-in ones do.

use async_trait::async_trait;
use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::support::{company, contact, deal, fails, field, filtered, hiding, invalid_at, names, refused, searched};
use super::uploads::source;
use crate::access::{Entity, Role, Rule};
use crate::company::CompanyEdit;
use crate::contact::ContactEdit;
use crate::custom_field::{CustomFieldEdit, CustomKind, CustomValues, NewCustomField};
use crate::deal::DealEdit;
use crate::edit::Edit;
use crate::error::ErrorKind::{Invalid, NotFound};
use crate::error::Result;
use crate::session::{Expect, Session};
use crate::task::TaskEdit;
use crate::testkit::{World, samples};
use crate::transfer::{BytesSource, ImportOptions, Source};

/// The field of each kind, named like it.
const KINDS: [(&str, CustomKind); 10] = [
    ("text", CustomKind::Text),
    ("number", CustomKind::Number),
    ("money", CustomKind::Money),
    ("date", CustomKind::Date),
    ("choice", CustomKind::Choice),
    ("multi_choice", CustomKind::MultiChoice),
    ("boolean", CustomKind::Boolean),
    ("url", CustomKind::Url),
    ("user", CustomKind::User),
    ("reference", CustomKind::Reference),
];

async fn define_all(world: &World) {
    let admin = world.session(Role::Admin).await;
    for (key, kind) in KINDS {
        field(&admin, Entity::Contact, key, kind).await;
    }
}

fn with(key: &str, value: Value) -> ContactEdit {
    ContactEdit { custom: samples::custom(key, value), ..samples::contact("A") }
}

pub async fn every_kind_is_checked_kept_and_filtered(world: World) {
    define_all(&world).await;
    let admin = world.session(Role::Admin).await;
    let user = world.home.member(Role::Setter);
    let acme = company(&admin, "Acme").await;
    let cases = [
        ("text", json!("  Ünï %_ "), json!("Ünï %_"), "= \"ÜNÏ %_\"".to_owned()),
        ("number", json!(-2.5), json!(-2.5), "< -2".to_owned()),
        (
            "money",
            json!({"amount_minor": 500, "currency": "EUR"}),
            json!({"amount_minor": 500, "currency": "EUR"}),
            "> money(499 EUR)".to_owned(),
        ),
        ("date", json!("2026-02-28"), json!("2026-02-28"), "between 2026-02-01 and 2026-02-28".to_owned()),
        ("choice", json!("SÜD"), json!("Süd"), "= süd".to_owned()),
        ("multi_choice", json!(["nord", "Big Fish", "Nord"]), json!(["Big Fish", "Nord"]), "has_all [NORD]".to_owned()),
        ("boolean", json!(false), json!(false), "= false".to_owned()),
        ("url", json!("https://Example.com/a"), json!("https://Example.com/a"), "~ example".to_owned()),
        ("user", json!(user), json!(user), format!("= {user}")),
        ("reference", json!(acme), json!(acme), format!("in [{acme}]")),
    ];
    for (key, given, kept, question) in cases {
        let id = contact(&admin, with(key, given)).await.id;
        assert_eq!(admin.contacts().read(id).await.unwrap().custom.get(key), Some(&kept), "{key}");
        for (filter, count) in [
            (format!("custom.{key} {question}"), 1),
            (format!("not custom.{key} {question}"), 0),
            (format!("custom.{key} is not null"), 1),
            (format!("custom.{key} is null"), 0),
        ] {
            assert_eq!(names(&admin, &filtered(&filter)).await.len(), count, "{filter}");
        }
        admin.contacts().delete(id, Expect::Any).await.unwrap();
    }
}

pub async fn a_value_that_does_not_fit_is_refused_at_its_key(world: World) {
    define_all(&world).await;
    let admin = world.session(Role::Admin).await;
    let bad = [
        ("text", json!(5)),
        ("text", json!("a\0")),
        ("text", json!("x".repeat(1_001))),
        ("number", json!("5")),
        ("money", json!(5)),
        ("money", json!({"amount_minor": 5})),
        ("money", json!({"amount_minor": 5, "currency": "EUR", "x": 1})),
        ("date", json!("2026-02-30")),
        ("date", json!("0000-01-01")),
        ("date", json!("2026-02-28T00:00:00Z")),
        ("choice", json!("West")),
        ("multi_choice", json!("Nord")),
        ("multi_choice", json!(["Nord", 5])),
        ("boolean", json!("true")),
        ("url", json!("ftp://example.com")),
        ("url", json!("javascript:alert(1)")),
        ("user", json!("setter")),
        ("reference", json!(null_id())),
        ("unknown", json!(1)),
    ];
    for (key, value) in bad {
        invalid_at(admin.contacts().create(with(key, value)).await, &format!("custom.{key}"));
    }
    assert!(names(&admin, &samples::list()).await.is_empty());
    let fields = admin.custom_fields().list().await.unwrap();
    assert_eq!(fields.len(), KINDS.len());
}

fn null_id() -> String {
    uuid::Uuid::nil().to_string()
}

pub async fn a_change_touches_only_the_keys_it_names(world: World) {
    define_all(&world).await;
    let admin = world.session(Role::Admin).await;
    let both = CustomValues::from_iter([("text".to_owned(), json!("a")), ("number".to_owned(), json!(1))]);
    let id = contact(&admin, ContactEdit { custom: both.into(), ..samples::contact("A") }).await.id;
    let change = async |custom: Edit<CustomValues>| {
        let edit = ContactEdit { custom, ..ContactEdit::default() };
        Value::Object(admin.contacts().update(id, edit, Expect::Any).await.unwrap().custom.clone())
    };
    assert_eq!(change(samples::custom("number", 2)).await, json!({"text": "a", "number": 2}));
    assert_eq!(change(samples::custom("text", json!(null))).await, json!({"number": 2}));
    assert_eq!(names(&admin, &filtered("custom.text is null and custom.number = 2")).await, ["A"]);
    assert_eq!(names(&admin, &filtered("custom.number = 1")).await, Vec::<String>::new());
    assert_eq!(change(Edit::Clear).await, json!({}));
    assert_eq!(names(&admin, &filtered("custom.number is null")).await, ["A"]);
    let replaced = with("boolean", json!(true));
    let view = admin.contacts().replace(id, replaced, Expect::Any).await.unwrap();
    assert_eq!(Value::Object(view.custom.clone()), json!({"boolean": true}));
}

pub async fn a_required_field_must_have_a_value(world: World) {
    let admin = world.session(Role::Admin).await;
    let old = contact(&admin, samples::contact("old")).await.id;
    let new = NewCustomField { required: true, ..samples::custom_field(Entity::Contact, "size", CustomKind::Text) };
    let id = admin.custom_fields().define(new).await.unwrap().id;
    let admin = world.session(Role::Admin).await;
    invalid_at(admin.contacts().create(samples::contact("A")).await, "custom.size");
    let made = contact(&admin, with("size", json!("L"))).await.id;
    let cleared = ContactEdit { custom: samples::custom("size", json!(null)), ..ContactEdit::default() };
    invalid_at(admin.contacts().update(made, cleared, Expect::Any).await, "custom.size");
    // Whoever was there before stays as they are until their custom values are touched.
    admin.contacts().update(old, samples::contact("still"), Expect::Any).await.unwrap();
    let edit = CustomFieldEdit { required: false.into(), ..CustomFieldEdit::default() };
    admin.custom_fields().update(id, edit, Expect::Version(1)).await.unwrap();
    let admin = world.session(Role::Admin).await;
    admin.contacts().create(samples::contact("B")).await.unwrap();
}

pub async fn a_required_field_that_is_hidden_is_not_asked_for(world: World) {
    let admin = world.session(Role::Admin).await;
    for (key, kind) in [("size", CustomKind::Text), ("parts", CustomKind::MultiChoice)] {
        let new = NewCustomField { required: true, ..samples::custom_field(Entity::Contact, key, kind) };
        admin.custom_fields().define(new).await.unwrap();
    }
    world.set_rule(Role::Setter, Entity::Contact, hiding(&["custom.size"])).await;
    let setter = world.session(Role::Setter).await;
    let error = refused(setter.contacts().create(samples::contact("A")).await);
    let fields: Vec<&str> = error.fields().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["custom.parts"]);
    // A list without choices is no value.
    invalid_at(setter.contacts().create(with("parts", json!([]))).await, "custom.parts");
    let id = contact(&setter, with("parts", json!(["Nord"]))).await.id;
    setter.contacts().update(id, with("parts", json!(["Süd"])), Expect::Any).await.unwrap();
}

pub async fn a_field_that_is_hidden_is_neither_shown_nor_changed(world: World) {
    let admin = world.session(Role::Admin).await;
    let size = field(&admin, Entity::Contact, "size", CustomKind::Text).await;
    world.set_rule(Role::Setter, Entity::CustomField, Rule::ALL).await;
    world.set_rule(Role::Setter, Entity::Contact, hiding(&["custom.size"])).await;
    let setter = world.session(Role::Setter).await;
    assert!(setter.custom_fields().list().await.unwrap().is_empty());
    let edit = CustomFieldEdit { label: "Width".into(), ..CustomFieldEdit::default() };
    for expect in [Expect::Any, Expect::Version(7)] {
        fails(setter.custom_fields().update(size, edit.clone(), expect).await, NotFound);
        fails(setter.custom_fields().retire(size, expect).await, NotFound);
    }
    let other = field(&setter, Entity::Company, "size", CustomKind::Text).await;
    setter.custom_fields().update(other, edit.clone(), Expect::Any).await.unwrap();
    let changed = admin.custom_fields().update(size, edit, Expect::Version(1)).await.unwrap();
    assert_eq!((changed.label.as_str(), changed.version), ("Width", 2));
}

pub async fn a_field_shows_no_value_of_an_older_one_of_its_key(world: World) {
    let admin = world.session(Role::Admin).await;
    let old = field(&admin, Entity::Contact, "size", CustomKind::Text).await;
    let id = contact(&world.session(Role::Admin).await, with("size", json!("large"))).await.id;
    admin.custom_fields().retire(old, Expect::Any).await.unwrap();
    field(&admin, Entity::Contact, "size", CustomKind::Number).await;
    let admin = world.session(Role::Admin).await;
    let view = admin.contacts().read(id).await.unwrap();
    assert_eq!(Value::Object(view.custom.clone()), json!({}));
    let view = admin.contacts().update(id, with("size", json!(5)), Expect::Any).await.unwrap();
    assert_eq!(Value::Object(view.custom.clone()), json!({"size": 5}));
}

pub async fn a_field_finds_what_an_older_one_of_its_key_left(world: World) {
    let define = async || {
        let admin = world.session(Role::Admin).await;
        let of = async |entity| field(&admin, entity, "size", CustomKind::Text).await;
        [of(Entity::Contact).await, of(Entity::Company).await, of(Entity::Deal).await, of(Entity::Task).await]
    };
    let old = define().await;
    let admin = world.session(Role::Admin).await;
    let custom = samples::custom("size", "large");
    contact(&admin, ContactEdit { custom: custom.clone(), ..samples::contact("A") }).await;
    let edit = CompanyEdit { custom: custom.clone(), ..samples::company("A") };
    admin.companies().create(edit).await.unwrap();
    deal(&admin, DealEdit { custom: custom.clone(), ..samples::deal("A") }).await;
    admin.tasks().create(TaskEdit { custom, ..samples::task("A") }).await.unwrap();
    for id in old {
        admin.custom_fields().retire(id, Expect::Any).await.unwrap();
    }
    define().await;
    let admin = world.session(Role::Admin).await;
    let large = filtered("custom.size = large");
    assert_eq!(admin.contacts().list(&large).await.unwrap().data.len(), 1);
    assert_eq!(admin.companies().list(&large).await.unwrap().data.len(), 1);
    assert_eq!(admin.deals().list(&large).await.unwrap().data.len(), 1);
    assert_eq!(admin.tasks().list(&large).await.unwrap().data.len(), 1);
}

pub async fn a_retired_field_is_gone_and_the_others_stay(world: World) {
    define_all(&world).await;
    let admin = world.session(Role::Admin).await;
    let both = CustomValues::from_iter([("text".to_owned(), json!("old")), ("number".to_owned(), json!(1))]);
    let id = contact(&admin, ContactEdit { custom: both.into(), ..samples::contact("A") }).await.id;
    let text = admin.custom_fields().list().await.unwrap().into_iter().find(|field| field.key == "text").unwrap();
    admin.custom_fields().retire(text.id, Expect::Any).await.unwrap();
    let admin = world.session(Role::Admin).await;
    assert_eq!(admin.custom_fields().list().await.unwrap().len(), KINDS.len() - 1);
    fails(admin.contacts().list(&filtered("custom.text = old")).await, Invalid);
    fails(admin.custom_fields().update(text.id, CustomFieldEdit::default(), Expect::Any).await, NotFound);
    fails(admin.custom_fields().retire(text.id, Expect::Any).await, NotFound);
    invalid_at(admin.contacts().create(with("text", json!("new"))).await, "custom.text");
    // Nobody sees its values, which stay behind, also where everything else is replaced.
    let custom = async || Value::Object(admin.contacts().read(id).await.unwrap().custom.clone());
    assert_eq!(custom().await, json!({"number": 1}));
    admin.contacts().replace(id, with("number", json!(1)), Expect::Any).await.unwrap();
    assert_eq!(custom().await, json!({"number": 1}));
    let told = admin.contacts().timeline(id, None, None).await.unwrap().data;
    assert!(told.iter().all(|item| !json!([item.before, item.after]).to_string().contains("old")), "{told:?}");
    let grant = super::support::reading(&admin, Entity::Contact);
    assert_eq!(world.crm.ports.contacts.contact(&grant, id).await.unwrap().custom["text"], json!("old"));
    // The record can still be changed, and keeps its other values.
    let edit = ContactEdit { custom: samples::custom("number", 2), ..samples::contact("B") };
    admin.contacts().update(id, edit, Expect::Any).await.unwrap();
    assert_eq!(names(&admin, &filtered("custom.number = 2")).await, ["B"]);
    // A new field of the same key has no old values.
    field(&admin, Entity::Contact, "text", CustomKind::Number).await;
    let admin = world.session(Role::Admin).await;
    assert!(names(&admin, &filtered("custom.text is not null")).await.is_empty());
    let edit = ContactEdit { custom: samples::custom("text", 7), ..ContactEdit::default() };
    admin.contacts().update(id, edit, Expect::Any).await.unwrap();
    assert_eq!(names(&admin, &filtered("custom.text = 7")).await, ["B"]);
}

pub async fn choices_can_be_changed_and_old_values_stay(world: World) {
    define_all(&world).await;
    let admin = world.session(Role::Admin).await;
    let id = contact(&admin, with("choice", json!("Nord"))).await.id;
    let choice = admin.custom_fields().list().await.unwrap().into_iter().find(|field| field.key == "choice").unwrap();
    let edit = CustomFieldEdit { choices: vec!["West".to_owned()].into(), ..CustomFieldEdit::default() };
    admin.custom_fields().update(choice.id, edit.clone(), Expect::Any).await.unwrap();
    super::support::conflicts(admin.custom_fields().update(choice.id, edit, Expect::Version(1)).await, "stale_version");
    let admin = world.session(Role::Admin).await;
    assert_eq!(admin.contacts().read(id).await.unwrap().custom["choice"], json!("Nord"));
    admin.contacts().update(id, samples::contact("B"), Expect::Any).await.unwrap();
    invalid_at(admin.contacts().create(with("choice", json!("Nord"))).await, "custom.choice");
    contact(&admin, with("choice", json!("west"))).await;
    assert_eq!(names(&admin, &filtered("custom.choice = west")).await, ["A"]);
}

pub async fn definitions_hold_at_once_here_and_within_a_second_elsewhere(world: World) {
    world.clock.tick_micros(0);
    let there = world.second_session(Role::Admin).await;
    fails(there.contacts().create(with("text", json!("a"))).await, Invalid);
    field(&world.session(Role::Admin).await, Entity::Contact, "text", CustomKind::Text).await;
    contact(&world.session(Role::Admin).await, with("text", json!("a"))).await;
    world.clock.advance_seconds(1);
    contact(&world.second_session(Role::Admin).await, with("text", json!("b"))).await;
}

pub async fn custom_values_are_not_searched_and_not_sorted(world: World) {
    define_all(&world).await;
    let admin = world.session(Role::Admin).await;
    contact(&admin, with("text", json!("needle"))).await;
    assert!(names(&admin, &searched("needle")).await.is_empty());
    let sorted = crate::page::ListRequest { sort: Some("custom.text".to_owned()), ..samples::list() };
    let error = refused(admin.contacts().list(&sorted).await);
    assert_eq!(error.fields()[0].field, "sort");
}

/// Defines so many fields of deals.
async fn define_many(world: &World, count: usize) {
    let admin = world.session(Role::Admin).await;
    let grant = super::support::reading(&admin, Entity::CustomField);
    let mut changes = admin.changes();
    for at in 0..count {
        let new = samples::custom_field(Entity::Deal, &format!("f{at}"), CustomKind::Text);
        let made = crate::custom_field::CustomField::new(crate::Id::new_at(changes.now()), new, changes.now()).unwrap();
        changes.put(&mut crate::store::Stored::new(made));
    }
    admin.commit(&grant, changes).await.unwrap();
}

pub async fn two_hundred_fields_are_enough(world: World) {
    define_many(&world, 200).await;
    let admin = world.session(Role::Admin).await;
    let more = samples::custom_field(Entity::Deal, "one_more", CustomKind::Text);
    invalid_at(admin.custom_fields().define(more).await, "key");
    field(&admin, Entity::Contact, "other", CustomKind::Text).await;
}

pub async fn two_last_fields_defined_at_once_are_one(world: World) {
    define_many(&world, 199).await;
    let mut tasks = Vec::new();
    for (at, session) in
        [world.session(Role::Admin).await, world.second_session(Role::Admin).await].into_iter().enumerate()
    {
        let new = samples::custom_field(Entity::Deal, &format!("last{at}"), CustomKind::Text);
        tasks.push(Box::pin(async move { session.custom_fields().define(new).await.map(drop) })
            as BoxFuture<'static, Result<()>>);
    }
    let results = world.at_once(tasks).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
    invalid_at(results.into_iter().find(Result::is_err).unwrap(), "key");
}

/// A file before whose first bytes somebody else defines a field.
struct Overtaken {
    file: BytesSource,
    other: Session,
    new: Option<NewCustomField>,
}

#[async_trait]
impl Source for Overtaken {
    fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Vec<u8>> {
        if let Some(new) = self.new.take() {
            self.other.custom_fields().define(new).await?;
        }
        self.file.read_at(offset, max).await
    }
}

pub async fn an_import_does_not_define_one_field_too_many(world: World) {
    define_many(&world, 199).await;
    let admin = world.session(Role::Admin).await;
    let mut file = Overtaken {
        file: source("id,name,Unheard of\n1,A,b\n"),
        other: world.second_session(Role::Admin).await,
        new: Some(samples::custom_field(Entity::Deal, "last", CustomKind::Text)),
    };
    let options = ImportOptions { create_fields: true, ..ImportOptions::default() };
    invalid_at(admin.transfers().start(Entity::Deal, &mut file, options).await, "create_fields");
    assert_eq!(admin.custom_fields().list().await.unwrap().len(), 200);
}
