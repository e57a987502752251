//! The laws of filters that hold without any store.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::NaiveDate;
use proptest::prelude::*;
use uuid::Uuid;

use super::generate::{Vocabulary, arbitrary_filter, arbitrary_value};
use super::*;
use crate::access::Entity;
use crate::text;

const ME: Uuid = Uuid::from_u128(1);
const COLLEAGUE: Uuid = Uuid::from_u128(2);
const STRANGER: Uuid = Uuid::from_u128(3);

fn contacts() -> Catalogue {
    let regions: std::sync::Arc<[String]> = ["Nord", "Süd", "Big Fish"].map(str::to_owned).into();
    Catalogue {
        entity: Entity::Contact,
        fields: vec![
            Field::text("first_name").sortable().importable(),
            Field::text("email").hideable(),
            Field::choice("lifecycle", &["lead", "customer"]).not_null(),
            Field::integer("score"),
            Field::bool("subscribed"),
            Field::time("created_at").not_null(),
            Field::date("birthday"),
            Field::money("value"),
            Field::reference("owner_id", Entity::User),
            Field::reference("company_id", Entity::Company),
            Field::tags("tags"),
            Field::custom(Uuid::from_u128(10), "weight", FieldKind::Real),
            Field::custom(Uuid::from_u128(11), "region", FieldKind::Choice(Choices::Own(regions))),
            Field::text("secret").unfilterable(),
        ],
        relations: vec![
            Relation { key: "company", entity: Entity::Company },
            Relation { key: "deals", entity: Entity::Deal },
        ],
    }
}

fn companies() -> Catalogue {
    Catalogue {
        entity: Entity::Company,
        fields: vec![Field::text("industry"), Field::integer("employees"), Field::tags("tags")],
        relations: vec![Relation { key: "contacts", entity: Entity::Contact }],
    }
}

/// Sees all but `email`, and of companies those with employees; reads no deals.
pub(super) struct Masked;

impl Schema for Masked {
    fn field(&self, entity: Entity, key: &str) -> Lookup {
        let catalogue = if entity == Entity::Company { companies() } else { contacts() };
        match catalogue.field(key) {
            Some(field) if field.hideable => Lookup::Hidden,
            Some(field) => Lookup::Found(field.clone()),
            None => Lookup::Unknown,
        }
    }

    fn relation(&self, entity: Entity, key: &str) -> Option<Relation> {
        let catalogue = if entity == Entity::Company { companies() } else { contacts() };
        catalogue.relation(key)
    }

    fn visible(&self, entity: Entity) -> Option<CheckedFilter> {
        let employees = companies().field("employees").unwrap().clone();
        (entity == Entity::Company).then(|| CheckedFilter::is(employees, Check::NotNull))
    }
}

/// Shows every field.
struct Open;

impl Schema for Open {
    fn field(&self, entity: Entity, key: &str) -> Lookup {
        let catalogue = if entity == Entity::Company { companies() } else { contacts() };
        catalogue.field(key).map_or(Lookup::Unknown, |field| Lookup::Found(field.clone()))
    }

    fn relation(&self, entity: Entity, key: &str) -> Option<Relation> {
        Masked.relation(entity, key)
    }

    fn visible(&self, entity: Entity) -> Option<CheckedFilter> {
        Masked.visible(entity)
    }
}

/// A moment in Berlin, the day that its clocks go forward.
pub(super) fn context(schema: &dyn Schema) -> CheckContext<'_> {
    CheckContext {
        schema,
        now: "2026-03-29T12:00:00Z".parse().unwrap(),
        zone: "Europe/Berlin".parse().unwrap(),
        me: Some(ME),
        my_team: &[ME, COLLEAGUE],
    }
}

/// A text form, checked for a contact and a masked caller.
pub(super) fn check(text: &str) -> Result<CheckedFilter> {
    text.parse::<Filter>().unwrap().check(Entity::Contact, &context(&Masked))
}

#[derive(Clone, Debug, Default)]
struct Record {
    values: BTreeMap<String, FieldValue<'static>>,
    company: Vec<Record>,
}

impl Record {
    fn with(key: &str, value: FieldValue<'static>) -> Self {
        Self { values: BTreeMap::from([(key.to_owned(), value)]), company: Vec::new() }
    }

    fn passes(&self, text: &str) -> bool {
        check(text).unwrap().eval(self)
    }
}

fn texts<'a>(values: impl Iterator<Item = &'a FieldValue<'a>>) -> String {
    values
        .filter_map(|value| if let FieldValue::Text(text) = value { Some(format!("{text} ")) } else { None })
        .collect()
}

impl Facts for Record {
    fn value(&self, field: &Field) -> FieldValue<'_> {
        self.values.get(field.key.as_ref()).cloned().unwrap_or(FieldValue::Null)
    }

    fn related(&self, relation: &Relation, matches: &dyn Fn(&dyn Facts) -> bool) -> bool {
        relation.key == "company" && self.company.iter().any(|company| matches(company))
    }

    fn search_text(&self) -> String {
        texts(self.values.values())
    }

    fn open_text(&self) -> String {
        texts(self.values.iter().filter(|(key, _)| **key != "email").map(|(_, value)| value))
    }
}

fn vocabulary() -> Vocabulary {
    Vocabulary::awkward(vec![ME, COLLEAGUE, STRANGER])
}

fn filters() -> BoxedStrategy<Filter> {
    arbitrary_filter(&contacts(), &[companies()], &vocabulary())
}

fn records() -> BoxedStrategy<Record> {
    let of = |catalogue: &Catalogue| {
        let values: Vec<_> = catalogue
            .fields
            .iter()
            .map(|field| (Just(field.key.to_string()), arbitrary_value(field, &vocabulary())))
            .collect();
        values.prop_map(|values| Record { values: values.into_iter().collect(), company: Vec::new() })
    };
    (of(&contacts()), proptest::collection::vec(of(&companies()), 0..2))
        .prop_map(|(record, company)| Record { company, ..record })
        .boxed()
}

fn resolved(filter: &Filter) -> CheckedFilter {
    filter.check(Entity::Contact, &context(&Open)).unwrap()
}

proptest! {
    #[test]
    fn what_is_printed_reads_as_itself(filter in filters()) {
        prop_assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
    }

    #[test]
    fn names_and_texts_of_any_kind_are_printed_readably(field in any::<String>(), relation in any::<String>(), value in any::<String>()) {
        let inner = Filter::is(field, Op::Eq, value.as_str());
        let filter = Filter::All(vec![inner.clone(), Filter::Related { relation, filter: Box::new(inner) }]);
        prop_assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
    }

    #[test]
    fn the_wire_form_reads_as_itself(filter in filters()) {
        let json = serde_json::to_string(&filter).unwrap();
        prop_assert_eq!(Filter::from_json(&json).unwrap(), filter);
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "[a-c \"\\\\()\\[\\],.=<>~!0-9éand or not is null]{0,40}") {
        let _ = text.parse::<Filter>();
    }

    #[test]
    fn logic_has_two_values(a in filters(), b in filters(), record in records()) {
        let eval = |filter: Filter| resolved(&filter).eval(&record);
        let (x, y) = (eval(a.clone()), eval(b.clone()));
        let (a, b) = (resolved(&a), resolved(&b));
        prop_assert_eq!(a.clone().negated().eval(&record), !x);
        prop_assert_eq!(a.clone().negated().negated().eval(&record), x);
        prop_assert_eq!(a.clone().and(b.clone()).eval(&record), x && y);
        let neither = CheckedFilter::Any(vec![a.clone(), b.clone()]).negated();
        prop_assert_eq!(neither.eval(&record), a.clone().negated().and(b.clone().negated()).eval(&record));
        let not_both = CheckedFilter::All(vec![a.clone(), b.clone()]).negated();
        prop_assert_eq!(not_both.eval(&record), CheckedFilter::Any(vec![a.negated(), b.negated()]).eval(&record));
    }

    #[test]
    fn text_orders_by_the_bytes_of_its_key(a in any::<String>(), b in any::<String>()) {
        let name = contacts().field("first_name").unwrap().clone();
        let record = Record::with("first_name", FieldValue::Text(Cow::Owned(a.clone())));
        let less = CheckedFilter::is(name, Check::Lt(Literal::text(&b))).eval(&record);
        prop_assert_eq!(less, text::key(&a).as_bytes() < text::key(&b).as_bytes());
    }

    #[test]
    fn a_range_is_its_two_borders(value in any::<i64>(), low in any::<i64>(), high in any::<i64>()) {
        let record = Record::with("score", FieldValue::Integer(value));
        let between = record.passes(&format!("score between {low} and {high}"));
        prop_assert_eq!(between, record.passes(&format!("score >= {low} and score <= {high}")));
    }
}

#[test]
fn every_comparison_with_null_is_false() {
    let nobody = Record::default();
    for text in [
        "score = 1",
        "score != 1",
        "score < 1",
        "score >= 1",
        "score between 0 and 9",
        "score in [1]",
        "first_name ~ \"\"",
        "first_name starts_with \"\"",
        "first_name != x",
        "owner_id != my_team",
        "owner_id != me",
        "birthday != 2026-01-31",
        "created_at != 2026-01-31",
        "subscribed != true",
        "value != money(1 EUR)",
        "score is not null",
    ] {
        assert!(!nobody.passes(text), "{text}");
        assert!(nobody.passes(&format!("not ({text})")), "not {text}");
    }
    assert!(nobody.passes("score is null"));
}

#[test]
fn empty_lists_mean_what_sets_mean() {
    let record = Record::with("tags", FieldValue::Many(vec!["vip".into()]));
    assert!(record.passes("all()") && !record.passes("any()"));
    assert!(!record.passes("score in []"));
    assert!(record.passes("tags has_any [other, VIP]") && !record.passes("tags has_any [other]"));
    assert!(!record.passes("tags has_any []") && record.passes("tags has_all []") && record.passes("tags has_none []"));
    assert!(record.passes("tags is not null") && record.passes("tags has_all [VIP]"));
    for none in [Record::default(), Record::with("tags", FieldValue::Many(Vec::new()))] {
        assert!(none.passes("tags is null") && none.passes("tags has_none [vip]") && none.passes("tags has_all []"));
        assert!(!none.passes("tags has_any [vip]") && !none.passes("tags has_all [vip]"));
    }
}

#[test]
fn text_compares_without_case_and_composition_and_without_patterns() {
    let record = Record::with("first_name", FieldValue::Text("U\u{308}nï 100%".into()));
    assert!(record.passes("first_name = \"ÜNÏ 100%\"") && record.passes("first_name starts_with üN"));
    assert!(
        record.passes("first_name ~ %")
            && !record.passes("first_name ~ \"_\"")
            && !record.passes("first_name ~ \"n%\"")
    );
}

#[test]
fn amounts_compare_within_their_currency() {
    let record = Record::with("value", FieldValue::Money { amount_minor: 500, currency: "EUR".into() });
    assert!(record.passes("value > money(499 EUR)") && !record.passes("value > money(499 USD)"));
    assert!(record.passes("value != money(1 EUR)") && !record.passes("value != money(1 USD)"));
    assert!(record.passes("value in [money(500 USD), money(500 EUR)]"));
}

#[test]
fn every_kind_of_value_compares_with_its_own() {
    let with = Record::with;
    for (record, text) in [
        (with("score", FieldValue::Integer(5)), "score = 5 and score > 4"),
        (with("custom.weight", FieldValue::Real(2.5)), "custom.weight = 2.5 and custom.weight < 3"),
        (with("custom.weight", FieldValue::Real(-0.0)), "custom.weight = 0"),
        (with("subscribed", FieldValue::Bool(true)), "subscribed = true and subscribed != false"),
    ] {
        assert!(record.passes(text), "{text}");
    }
}

#[test]
fn a_number_keeps_its_value_and_zero_has_one_form() {
    let Some(Literal::Real(zero)) = Literal::real(-0.0) else { panic!("zero is finite") };
    assert!(zero.is_sign_positive());
    assert_eq!(Literal::real(-2.5), Some(Literal::Real(-2.5)));
    assert_eq!(Literal::real(f64::NAN), None);
}

#[test]
fn my_team_is_everybody_in_it() {
    let of = |id| Record::with("owner_id", FieldValue::Id(id));
    assert!(of(COLLEAGUE).passes("owner_id = my_team") && !of(STRANGER).passes("owner_id = my_team"));
    assert!(of(STRANGER).passes("owner_id != my_team") && !of(ME).passes("owner_id != my_team"));
    assert!(of(STRANGER).passes(&format!("owner_id in [my_team, {STRANGER}]")));
}

#[test]
fn a_date_stands_for_its_whole_local_day() {
    // 2026-03-29 has 23 hours in Berlin: 23:00Z of the day before until 22:00Z.
    let at = |time: &str| Record::with("created_at", FieldValue::Time(time.parse().unwrap()));
    let (before, first) = (at("2026-03-28T22:59:59.999999Z"), at("2026-03-28T23:00:00Z"));
    let (last, after) = (at("2026-03-29T21:59:59.999999Z"), at("2026-03-29T22:00:00Z"));
    for (text, expected) in [
        ("created_at = 2026-03-29", [false, true, true, false]),
        ("created_at != 2026-03-29", [true, false, false, true]),
        ("created_at < 2026-03-29", [true, false, false, false]),
        ("created_at <= 2026-03-29", [true, true, true, false]),
        ("created_at > 2026-03-29", [false, false, false, true]),
        ("created_at >= 2026-03-29", [false, true, true, true]),
        ("created_at between 2026-03-29 and 2026-03-29", [false, true, true, false]),
        ("created_at in [2026-03-29]", [false, true, true, false]),
        ("created_at >= start_of day", [false, true, true, true]),
        ("created_at >= start_of day +1", [false, false, false, true]),
    ] {
        assert_eq!([&before, &first, &last, &after].map(|record| record.passes(text)), expected, "{text}");
    }
}

#[test]
fn dates_take_relative_times_as_local_days() {
    let born = |text: &str| Record::with("birthday", FieldValue::Date(text.parse::<NaiveDate>().unwrap()));
    assert!(born("2026-03-22").passes("birthday = ago P7D") && born("2026-03-01").passes("birthday = start_of month"));
    assert!(born("2025-10-01").passes("birthday = start_of quarter -1"));
}

#[test]
fn related_records_must_be_visible_and_match() {
    let industry = |employees: FieldValue<'static>| {
        let mut company = Record::with("industry", FieldValue::Text("Retail".into()));
        company.values.insert("employees".to_owned(), employees);
        Record { company: vec![company], ..Record::default() }
    };
    assert!(industry(FieldValue::Integer(3)).passes("company.industry = retail"));
    assert!(!industry(FieldValue::Null).passes("company.industry = retail"));
    assert!(!Record::default().passes("related(company: not industry = retail)"));
}

#[test]
fn a_search_finds_prefixes_of_tokens_and_only_what_may_be_seen() {
    let mut record = Record::with("first_name", FieldValue::Text("Jean-Lüc".into()));
    record.values.insert("email".to_owned(), FieldValue::Text("picard@example.com".into()));
    let terms = |query| Terms::parse(query).unwrap().unwrap();
    assert!(CheckedFilter::Matches(terms("luc PIC")).eval(&record));
    assert!(!CheckedFilter::Matches(terms("uc")).eval(&record));
    assert!(!CheckedFilter::Matches(terms("luc pic").in_open_text()).eval(&record));
}
