//! What is refused, where and with which code.

use super::laws::{Masked, check, context};
use super::*;
use crate::access::Entity;

fn code(text: &str) -> (String, String) {
    let error = check(text).unwrap_err();
    let [field] = error.fields() else { panic!("{error:?}") };
    assert!(error.message().starts_with(&field.field), "{error}");
    (field.field.clone(), field.code.clone().into_owned())
}

#[test]
fn an_error_names_its_place() {
    for (text, field, expected) in [
        ("score = 1 and score = 2 and score = x", "filter.all.2.value", "value_type"),
        ("not (score = 1 or nothing = 1)", "filter.not.any.1.field", "unknown_field"),
        ("score ~ x", "filter.op", "op_not_supported"),
        ("secret = x", "filter.op", "op_not_supported"),
        ("score = 1.5", "filter.value", "value_type"),
        ("score in [1, x]", "filter.value.1", "value_type"),
        ("score in 1", "filter.value", "value_type"),
        ("score between [1]", "filter.value", "value_type"),
        ("score = [1]", "filter.value", "value_type"),
        ("score is_null 1", "filter.value", "value_type"),
        ("tags has_any [a, 1]", "filter.value.1", "value_type"),
        ("first_name = 5", "filter.value", "value_type"),
        ("first_name = \"a\\u{0}\"", "filter.value", "control_character"),
        ("lifecycle = loud", "filter.value", "unknown_choice"),
        ("birthday = 2026-02-30", "filter.value", "value_type"),
        ("birthday = 0000-12-31", "filter.value", "value_type"),
        ("birthday = 2026-1-5", "filter.value", "value_type"),
        ("birthday = +10000-01-01", "filter.value", "value_type"),
        ("created_at > yesterday", "filter.value", "value_type"),
        ("created_at > start_of year -1001", "filter.value", "value_type"),
        ("owner_id = 5", "filter.value", "value_type"),
        ("company_id = me", "filter.value", "value_type"),
        ("value = money(1 euro)", "filter.value", "value_type"),
        ("value = money(1 eur)", "filter.value", "value_type"),
        ("value = money(1 EURO)", "filter.value", "value_type"),
        ("company.nothing = 1", "filter.filter.field", "unknown_field"),
        ("friends.nothing = 1", "filter.related", "unknown_relation"),
        ("deals.title = x", "filter.related", "denied"),
        ("related(company: contacts.score = 1)", "filter.filter.related", "too_deep"),
    ] {
        assert_eq!(code(text), (field.to_owned(), expected.to_owned()), "{text}");
    }
    assert_eq!(code(&format!("first_name = \"{}\"", "a".repeat(1_001))).1, "too_long");
}

#[test]
fn hidden_equals_unknown() {
    let hidden = check("email = x").unwrap_err();
    let unknown = check("emial = x").unwrap_err();
    assert_eq!(hidden.message(), unknown.message().replace("emial", "email"));
    assert_eq!(hidden.fields()[0].code, unknown.fields()[0].code);
    assert_eq!(hidden.kind(), unknown.kind());
}

#[test]
fn without_a_user_me_is_refused_rather_than_nobody() {
    let nobody = CheckContext { me: None, my_team: &[], ..context(&Masked) };
    for text in ["not owner_id = me", "owner_id = my_team"] {
        let error = text.parse::<Filter>().unwrap().check(Entity::Contact, &nobody).unwrap_err();
        assert_eq!(error.fields()[0].code, "no_user");
    }
}

#[test]
fn too_deep_and_too_wide_are_refused_everywhere() {
    let leaf = || Filter::is("score", Op::Eq, 1);
    let nested = |levels: usize| (1..levels).fold(leaf(), |filter, _| filter.negated());
    assert!(nested(MAX_DEPTH).check(Entity::Contact, &context(&Masked)).is_ok());
    let deep = nested(MAX_DEPTH + 1);
    assert_eq!(deep.check(Entity::Contact, &context(&Masked)).unwrap_err().fields()[0].code, "too_deep");
    assert!(deep.to_string().parse::<Filter>().is_err());
    let deep = nested(READ_DEPTH + 1);
    let read = Filter::from_json(&serde_json::to_string(&deep).unwrap());
    assert_eq!(read.unwrap_err().fields()[0].code, "too_deep");
    assert!(Filter::from_json(&serde_json::to_string(&nested(READ_DEPTH)).unwrap()).is_ok());
    // What a board added around a filter goes on with a list, and more does not.
    assert!(nested(READ_DEPTH).check_going_on(Entity::Contact, &context(&Masked)).is_ok());
    assert_eq!(deep.check_going_on(Entity::Contact, &context(&Masked)).unwrap_err().fields()[0].code, "too_deep");

    let deep = (0..MAX_DEPTH).fold(leaf(), |filter, _| Filter::Any(vec![filter]));
    assert_eq!(deep.check(Entity::Contact, &context(&Masked)).unwrap_err().fields()[0].code, "too_deep");

    let wide = Filter::All(vec![leaf(); MAX_NODES]);
    assert_eq!(wide.check(Entity::Contact, &context(&Masked)).unwrap_err().fields()[0].code, "too_long");
    assert!(wide.to_string().parse::<Filter>().is_err());
    let wide = Filter::All(vec![leaf(); READ_NODES]);
    assert_eq!(wide.check_going_on(Entity::Contact, &context(&Masked)).unwrap_err().fields()[0].code, "too_long");
    assert!(Filter::from_json(&serde_json::to_string(&wide).unwrap()).is_err());
    let wide = Filter::All(vec![leaf(); READ_NODES - 1]);
    assert!(wide.check_going_on(Entity::Contact, &context(&Masked)).is_ok());
    assert!(Filter::from_json(&serde_json::to_string(&wide).unwrap()).is_ok());

    let long = Filter::is("score", Op::In, vec![Scalar::Integer(1); MAX_LIST + 1]);
    assert_eq!(long.check(Entity::Contact, &context(&Masked)).unwrap_err().fields()[0].code, "too_long");
    assert!(Filter::from_json(&serde_json::to_string(&long).unwrap()).is_err());
    assert!(long.to_string().parse::<Filter>().is_err());
}

#[test]
fn the_deepest_and_the_widest_filter_are_read_everywhere() {
    let leaf = || Filter::is("score", Op::Eq, 1);
    let deep = (1..MAX_DEPTH).fold(leaf(), |filter, _| Filter::Any(vec![filter]));
    let wide = Filter::All(vec![leaf(); MAX_NODES - 1]);
    let wide_below_not = Filter::All(vec![leaf(); MAX_NODES - 2]).negated();
    let long = Filter::is("score", Op::In, vec![Scalar::Integer(1); MAX_LIST]);
    for filter in [deep, wide, wide_below_not, long] {
        assert!(filter.check(Entity::Contact, &context(&Masked)).is_ok());
        assert_eq!(Filter::from_json(&serde_json::to_string(&filter).unwrap()).unwrap(), filter);
        assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
    }
}

#[test]
fn a_message_shows_the_name_and_the_operator_and_a_long_name_cut() {
    assert!(check("nothing = 1").unwrap_err().message().contains("\"nothing\" is not a field"));
    assert!(check("score ~ x").unwrap_err().message().ends_with("does not take contains"));
    let long = check(&format!("{} = 1", "x".repeat(1_000))).unwrap_err();
    assert!(long.message().contains(&"x".repeat(64)) && !long.message().contains(&"x".repeat(65)));
}

#[test]
fn hostile_json_is_refused_without_overflow() {
    for open in ["{\"not\":", "{\"all\":[", "{\"related\":\"x\",\"filter\":", "{\"value\":[", "{\"value\":{\"me\":["] {
        assert!(Filter::from_json(&open.repeat(100_000)).is_err());
    }
}
