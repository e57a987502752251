//! A hidden field is absent from every answer and unknown to every question.

use serde_json::{Value, json};

use super::support::{contact, contact_of, deal, fails, field, filtered, hiding, invalid_at, names, refused, searched};
use crate::access::{Entity, FieldMask, Listed, Role, Rule, View};
use crate::company::Company;
use crate::contact::{Contact, ContactEdit};
use crate::custom_field::{CustomKind, CustomValues};
use crate::deal::{Deal, DealEdit, DealStart};
use crate::edit::Edit;
use crate::error::ErrorKind::Invalid;
use crate::filter::FieldValue;
use crate::id::Id;
use crate::money::{Currency, Money};
use crate::page::ListRequest;
use crate::session::Expect;
use crate::task::Task;
use crate::testkit::{World, samples};
use crate::time::Timestamp;

/// Every hideable field of a full record, hidden alone, is absent; every other field stays.
fn hides_each_field<T: Listed>(full: &T) {
    let image = serde_json::to_value(full).unwrap();
    for field in T::catalogue().fields.iter().filter(|field| field.hideable) {
        assert_ne!(full.fact(&field.key), FieldValue::Null, "the sample has no {}", field.key);
        let mask = FieldMask::of([field.key.to_string()]);
        let mut redacted = full.clone();
        redacted.redact(&mask);
        assert_eq!(redacted.fact(&field.key), FieldValue::Null, "{} {}", T::ENTITY, field.key);
        let view: Value = serde_json::to_value(View::new(full.clone(), &mask)).unwrap();
        assert_eq!(view.get(field.key.as_ref()), None, "{} {}", T::ENTITY, field.key);
        for other in T::catalogue().fields.iter().filter(|other| other.key != field.key) {
            assert_eq!(redacted.fact(&other.key), full.fact(&other.key), "{} {}", T::ENTITY, other.key);
            assert_eq!(view.get(other.key.as_ref()), image.get(other.key.as_ref()), "{} {}", T::ENTITY, other.key);
        }
    }
    let mut redacted = full.clone();
    redacted.redact(&FieldMask::of(["custom.budget"]));
    assert_eq!(redacted.custom_values().map(|values| values.contains_key("budget")), Some(false));
}

fn custom() -> CustomValues {
    CustomValues::from_iter([("budget".to_owned(), json!(5))])
}

pub async fn every_hideable_field_can_be_hidden(world: World) {
    let now = Timestamp::from_micros(1);
    let text = || Some("x".to_owned());
    hides_each_field(&Contact {
        first_name: text(),
        email: "a@b.co".parse().ok(),
        phone: "12345".parse().ok(),
        title: text(),
        source: text(),
        custom: custom(),
        ..Contact::blank(Id::new_at(now), now)
    });
    hides_each_field(&Company {
        name: "x".to_owned(),
        domain: "b.co".parse().ok(),
        industry: text(),
        employees: Some(1),
        custom: custom(),
        ..Company::blank(Id::new_at(now), now)
    });
    hides_each_field(&Task { description: text(), custom: custom(), ..Task::blank(Id::new_at(now), now) });
    let stage = super::support::pipeline(&world.session(Role::Admin).await).await.stages.remove(0);
    hides_each_field(&Deal {
        value: Some(Money::minor(1, Currency::USD)),
        source: text(),
        custom: custom(),
        ..Deal::at_stage(Id::new_at(now), Id::new_at(now), &stage, now)
    });
}

/// A contact with an e-mail address, and a role that does not see it.
async fn masked(world: &World) -> Id<Contact> {
    let admin = world.session(Role::Admin).await;
    field(&admin, Entity::Contact, "budget", CustomKind::Number).await;
    let edit = ContactEdit {
        first_name: "Ada".into(),
        email: Edit::Set("secret@example.com".parse().unwrap()),
        title: "Countess".into(),
        custom: samples::custom("budget", 5),
        ..samples::contact("Lovelace")
    };
    let id = contact(&world.session(Role::Admin).await, edit).await.id;
    world.set_rule(Role::Setter, Entity::Contact, hiding(&["email", "custom.budget"])).await;
    id
}

pub async fn a_hidden_field_is_absent_from_every_answer(world: World) {
    let id = masked(&world).await;
    let setter = world.session(Role::Setter).await;
    let wire = |view: &View<Contact>| serde_json::to_value(view).unwrap();
    let read = setter.contacts().read(id).await.unwrap();
    let listed = setter.contacts().list(&samples::list()).await.unwrap().data.remove(0);
    let edit = ContactEdit { title: "Dame".into(), ..ContactEdit::default() };
    let updated = setter.contacts().update(id, edit, Expect::Any).await.unwrap();
    for view in [read, listed, updated] {
        let wire = wire(&view);
        assert_eq!((wire.get("email"), &wire["custom"]), (None, &json!({})));
        assert_eq!((&view.email, view.custom.len()), (&None, 0));
    }
    let timeline = setter.contacts().timeline(id, None, None).await.unwrap();
    let wire = serde_json::to_string(&timeline).unwrap();
    assert!(wire.contains("Lovelace") && !wire.contains("secret") && !wire.contains("budget"), "{wire}");
    assert!(setter.custom_fields().list().await.unwrap().is_empty());
    let admin = world.session(Role::Admin).await;
    let kept = admin.contacts().read(id).await.unwrap();
    assert_eq!((kept.email.as_ref().unwrap().as_str(), &kept.custom["budget"]), ("secret@example.com", &json!(5)));
}

pub async fn a_hidden_field_answers_no_question(world: World) {
    masked(&world).await;
    let setter = world.session(Role::Setter).await;
    for filter in ["email = a", "not email is null", "custom.budget > 1", "last_name = a or email ~ s"] {
        let hidden = refused(setter.contacts().list(&filtered(filter)).await);
        assert_eq!((hidden.kind(), hidden.fields()[0].code.as_ref()), (Invalid, "unknown_field"), "{filter}");
    }
    let sorted = ListRequest { sort: Some("email".to_owned()), ..samples::list() };
    invalid_at(setter.contacts().list(&sorted).await, "sort");
    let through = filtered("related(contact: email ~ s)");
    fails(setter.deals().list(&through).await, Invalid);
    let admin = world.session(Role::Admin).await;
    for (q, all, open) in [("secret", 1, 0), ("countess", 1, 0), ("lovel", 1, 1), ("ada secret", 1, 0)] {
        assert_eq!(names(&admin, &searched(q)).await.len(), all, "{q}");
        assert_eq!(names(&setter, &searched(q)).await.len(), open, "{q}");
    }
}

pub async fn a_hidden_field_cannot_be_written(world: World) {
    let id = masked(&world).await;
    let setter = world.session(Role::Setter).await;
    let with_email = ContactEdit { email: Edit::Set("x@y.co".parse().unwrap()), ..samples::contact("X") };
    invalid_at(setter.contacts().create(with_email.clone()).await, "email");
    invalid_at(setter.contacts().update(id, with_email, Expect::Any).await, "email");
    let cleared = ContactEdit { email: Edit::Clear, ..ContactEdit::default() };
    invalid_at(setter.contacts().update(id, cleared, Expect::Any).await, "email");
    let with_budget = ContactEdit { custom: samples::custom("budget", 6), ..ContactEdit::default() };
    invalid_at(setter.contacts().update(id, with_budget, Expect::Any).await, "custom.budget");
}

/// Kind, code and message of everything at fault.
fn faults<T>(result: crate::error::Result<T>) -> Vec<(String, String)> {
    let error = refused(result);
    assert_eq!(error.kind(), Invalid, "{error:?}");
    error.fields().iter().map(|fault| (fault.code.to_string(), fault.message.clone())).collect()
}

pub async fn a_write_tells_nothing_of_a_hidden_value(world: World) {
    let id = masked(&world).await;
    let setter = world.session(Role::Setter).await;
    let email = |email: Edit<_>| ContactEdit { email, ..ContactEdit::default() };
    let guesses = [Edit::Set("secret@example.com".parse().unwrap()), Edit::Set("a@b.co".parse().unwrap()), Edit::Clear];
    let mut answers = Vec::new();
    for guess in guesses {
        answers.push(faults(setter.contacts().update(id, email(guess.clone()), Expect::Any).await));
        let replacement = ContactEdit { email: guess.clone(), ..samples::contact("A") };
        answers.push(faults(setter.contacts().replace(id, replacement.clone(), Expect::Any).await));
        answers.push(faults(setter.contacts().create(replacement).await));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(answers[0][0].0, "unknown_field");
}

pub async fn a_hidden_custom_field_is_written_as_if_it_were_not_there(world: World) {
    let id = masked(&world).await;
    let setter = world.session(Role::Setter).await;
    for value in [json!(5), json!(6), json!("no number"), json!(null)] {
        let write = async |key: &str| {
            let custom = ContactEdit { custom: samples::custom(key, value.clone()), ..samples::contact("A") };
            let changed = faults(setter.contacts().update(id, custom.clone(), Expect::Any).await);
            let made = faults(setter.contacts().create(custom).await);
            assert_eq!(changed, made, "{key} {value}");
            changed
        };
        assert_eq!(write("budget").await, write("nothing").await, "{value}");
    }
}

pub async fn clearing_all_custom_values_clears_what_the_caller_sees(world: World) {
    let id = masked(&world).await;
    field(&world.session(Role::Admin).await, Entity::Contact, "size", CustomKind::Text).await;
    let setter = world.session(Role::Setter).await;
    let sized = ContactEdit { custom: samples::custom("size", "L"), ..samples::contact("A") };
    for is_replaced in [false, true] {
        setter.contacts().update(id, sized.clone(), Expect::Any).await.unwrap();
        let cleared = ContactEdit { custom: Edit::Clear, ..samples::contact("A") };
        match is_replaced {
            true => setter.contacts().replace(id, cleared, Expect::Any).await.unwrap(),
            false => setter.contacts().update(id, cleared, Expect::Any).await.unwrap(),
        };
        let kept = world.session(Role::Admin).await.contacts().read(id).await.unwrap();
        assert_eq!(Value::Object(kept.custom.clone()), json!({"budget": 5}));
    }
}

pub async fn a_rule_that_would_not_do_what_it_says_is_refused(world: World) {
    use crate::access::Scope;
    let settings = world.session(Role::Admin).await.workspace();
    let refuse = async |role, entity, rule: Rule, field: &str| {
        invalid_at(settings.set_rule(role, entity, rule, Expect::Any).await, field);
    };
    let narrow = || Rule { update: Scope::Own, ..Rule::ALL };
    let unowned = [
        Entity::User,
        Entity::Workspace,
        Entity::Team,
        Entity::Pipeline,
        Entity::Tag,
        Entity::CustomField,
        Entity::ExchangeRate,
        Entity::WebhookEndpoint,
        Entity::MailTemplate,
    ];
    for entity in unowned {
        refuse(Role::SalesRep, entity, narrow(), "update").await;
    }
    refuse(Role::SalesRep, Entity::Note, Rule { read: Scope::Team, ..Rule::ALL }, "read").await;
    refuse(Role::SalesRep, Entity::Import, Rule { export: Scope::Team, ..Rule::ALL }, "export").await;
    refuse(Role::Admin, Entity::Contact, Rule::NONE, "role").await;
    for (entity, field) in [
        (Entity::Contact, "last_name"),
        (Entity::Contact, "owner_id"),
        (Entity::Contact, "domain"),
        (Entity::Contact, "custom."),
        (Entity::Company, "e-mail"),
        (Entity::User, "email"),
        (Entity::User, "custom.budget"),
        (Entity::Tag, "name"),
    ] {
        refuse(Role::SalesRep, entity, hiding(&[field]), "hidden").await;
    }
    let before = settings.read().await.unwrap();
    assert_eq!(before.version, 1);
    for entity in [Entity::Contact, Entity::Company, Entity::Deal, Entity::Note] {
        settings.set_rule(Role::SalesRep, entity, narrow(), Expect::Any).await.unwrap();
    }
    settings.set_rule(Role::SalesRep, Entity::Contact, hiding(&["email", "custom.budget"]), Expect::Any).await.unwrap();
    // Every default can be said.
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        for entity in Entity::ALL {
            let rule = crate::access::Matrix::default().rule(role, entity);
            settings.set_rule(role, entity, rule, Expect::Any).await.unwrap();
        }
    }
}

pub async fn a_replacement_keeps_what_the_caller_cannot_see(world: World) {
    let id = masked(&world).await;
    let setter = world.session(Role::Setter).await;
    setter.contacts().replace(id, samples::contact("King"), Expect::Any).await.unwrap();
    let contact = world.session(Role::Admin).await.contacts().read(id).await.unwrap();
    assert_eq!((contact.last_name.as_deref(), contact.title.as_deref()), (Some("King"), None));
    assert_eq!(
        (contact.email.as_ref().unwrap().as_str(), &contact.custom["budget"]),
        ("secret@example.com", &json!(5))
    );
}

pub async fn hidden_values_hide_the_boards_totals(world: World) {
    let admin = world.session(Role::Admin).await;
    let value = Money::minor(500, Currency::USD);
    let edit = DealEdit { value: value.into(), value_estimated: Edit::Set(true), ..samples::deal("D") };
    let id = deal(&admin, edit).await.id;
    let support = world.session(Role::SupportAgent).await;
    let board = support.deals().board(None).await.unwrap();
    assert_eq!((board.count(), board.stages.iter().all(|stage| stage.total.is_none())), (1, true));
    assert!(!serde_json::to_string(&board).unwrap().contains("total"));
    let read = support.deals().read(id).await.unwrap();
    assert_eq!((read.value, read.value_estimated), (None, false));
    // Nor is it told whether the value is an estimate.
    let timeline = support.deals().timeline(id, None, None).await.unwrap();
    for told in [serde_json::to_string(&read).unwrap(), serde_json::to_string(&timeline).unwrap()] {
        assert!(told.contains("\"title\":\"D\"") && !told.contains("estimated"), "{told}");
    }
    for filter in ["value_estimated = true", "not value_estimated = true"] {
        let hidden = refused(support.deals().list(&filtered(filter)).await);
        assert_eq!((hidden.kind(), hidden.fields()[0].code.as_ref()), (Invalid, "unknown_field"), "{filter}");
    }
    assert_eq!(admin.deals().list(&filtered("value_estimated = true")).await.unwrap().data.len(), 1);
    fails(support.deals().list(&filtered("value > money(1 USD)")).await, Invalid);
    let sorted = ListRequest { sort: Some("-value".to_owned()), ..samples::list() };
    fails(support.deals().list(&sorted).await, Invalid);
    assert_eq!(admin.deals().board(None).await.unwrap().stages[0].total.as_ref().unwrap().iter().next(), Some(value));
}

pub async fn whoever_does_not_see_values_makes_deals_without(world: World) {
    world.set_rule(Role::SalesRep, Entity::Deal, hiding(&["value"])).await;
    let rep = world.session(Role::SalesRep).await;
    let id = deal(&rep, samples::deal("D")).await.id;
    let edit = DealEdit { value: Money::minor(500, Currency::USD).into(), ..samples::deal("E") };
    fails(rep.deals().create(DealStart::default(), edit).await, Invalid);
    let known = world.session(Role::Admin).await.deals().read(id).await.unwrap();
    assert_eq!((known.value, known.value_estimated), (None, false));
}

pub async fn a_rule_holds_at_once_here_and_within_a_second_elsewhere(world: World) {
    let id = contact_of(&world, Role::Admin, "A").await;
    world.clock.tick_micros(0);
    let here = world.session(Role::Manager).await.contacts();
    let there = world.second_session(Role::Manager).await.contacts();
    assert!(here.read(id).await.is_ok() && there.read(id).await.is_ok());
    let settings = world.session(Role::Admin).await.workspace();
    settings.set_rule(Role::Manager, Entity::Contact, Rule::NONE, Expect::Any).await.unwrap();
    assert!(world.session(Role::Manager).await.contacts().read(id).await.is_err());
    world.clock.advance_seconds(1);
    assert!(world.second_session(Role::Manager).await.contacts().read(id).await.is_err());
}
