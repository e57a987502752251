//! A list is what its filter says: [`crate::filter::CheckedFilter::eval`] over every record.

use proptest::strategy::{BoxedStrategy, Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::population::{InStore, Population, SEARCHES, catalogue, ids};
use super::support::{fails, filtered, reading, refused};
use crate::access::{Listed, Role, Rule, Scope};
use crate::activity::Note;
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::ErrorKind;
use crate::filter::generate::arbitrary_filter;
use crate::filter::{Catalogue, Filter};
use crate::page::ListRequest;
use crate::session::Session;
use crate::testkit::World;
use crate::user::User;

/// How many filters a law tries.
fn cases() -> usize {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(200)
}

/// Lists of one kind, compared with the mirror.
struct Comparison<'a> {
    world: &'a World,
    population: &'a Population,
    session: &'a Session,
}

impl Comparison<'_> {
    /// What is wrong with the list of a request; nothing where the caller may not ask for it.
    async fn fault<T: InStore>(&self, request: &ListRequest) -> Option<String> {
        let grant = reading(self.session, T::ENTITY);
        let query = match grant.check_list::<T>(request, self.session.now()) {
            Ok(query) => query,
            Err(error) => return (error.kind() != ErrorKind::Invalid).then(|| format!("{error:?}")),
        };
        let expected = self.population.mirror.page::<T>(&query);
        let (found, count) = match T::listed(self.world, &grant, &query).await {
            Ok(answer) => answer,
            Err(error) => return Some(format!("{error:?}")),
        };
        let total = self.population.mirror.count::<T>(&query, 17);
        if ids(&found.rows) != ids(&expected.rows) {
            return Some(difference(&found.rows, &expected.rows));
        }
        if found.next != expected.next {
            return Some(format!("goes on at {:?}, not at {:?}", found.next, expected.next));
        }
        count.filter(|count| *count != total).map(|count| format!("counts {count}, not {total}"))
    }

    /// Tries generated filters, and makes the first one that fails as simple as it gets.
    async fn run<T: InStore>(&self, others: &[Catalogue]) {
        let grant = reading(self.session, T::ENTITY);
        let root = catalogue::<T>(&grant);
        let filters: BoxedStrategy<Filter> = arbitrary_filter(&root, others, &self.population.vocabulary);
        let sorts: Vec<&str> =
            root.fields.iter().filter(|field| field.sortable).map(|field| field.key.as_ref()).collect();
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let mut telling = 0;
        for case in 0..cases() {
            let mut tree = filters.new_tree(&mut runner).unwrap();
            let request = |filter| ListRequest {
                filter: Some(filter),
                sort: Some(format!("{}{}", ["", "-"][case % 2], sorts[case % sorts.len()])),
                q: (case % 7 == 0).then(|| SEARCHES[case / 7 % SEARCHES.len()].to_owned()),
                limit: Some(if case % 3 == 0 { 5 } else { 200 }),
                ..ListRequest::default()
            };
            telling += usize::from(self.tells::<T>(&request(tree.current())));
            let Some(mut fault) = self.fault::<T>(&request(tree.current())).await else { continue };
            let mut simplest = tree.current();
            // Simplifies while it still fails, and steps back where it does not.
            for _ in 0..500 {
                let failing = self.fault::<T>(&request(tree.current())).await;
                let goes_on = match failing {
                    Some(more) => {
                        (fault, simplest) = (more, tree.current());
                        tree.simplify()
                    }
                    None => tree.complicate(),
                };
                if !goes_on {
                    break;
                }
            }
            let request = request(simplest.clone());
            panic!(
                "case {case}, {} list of {simplest}\nsort {:?}, q {:?}\n{fault}",
                T::ENTITY,
                request.sort,
                request.q
            );
        }
        assert!(telling * 10 > cases(), "only {telling} filters on a {} tell anything", T::ENTITY);
    }

    /// Whether a request finds some records and not all.
    fn tells<T: InStore>(&self, request: &ListRequest) -> bool {
        let count = |request: &ListRequest| {
            let query = reading(self.session, T::ENTITY).check_list::<T>(request, self.session.now()).ok()?;
            Some(self.population.mirror.count::<T>(&query, u64::MAX))
        };
        let all = count(&ListRequest::default()).unwrap();
        count(request).is_some_and(|found| (1..all).contains(&found))
    }

    async fn run_all(&self) {
        let of = |session: &Session| {
            let grant = |entity| reading(session, entity);
            [
                catalogue::<Contact>(&grant(crate::Entity::Contact)),
                catalogue::<Company>(&grant(crate::Entity::Company)),
                catalogue::<Deal>(&grant(crate::Entity::Deal)),
                Note::catalogue().clone(),
                User::catalogue().clone(),
            ]
        };
        let all = of(self.session);
        self.run::<Contact>(&all).await;
        self.run::<Company>(&all).await;
        self.run::<Deal>(&all).await;
        self.run::<Note>(&all).await;
        self.run::<User>(&all).await;
    }
}

fn difference<T: Listed + std::fmt::Debug>(found: &[T], expected: &[T]) -> String {
    let (there, wanted) = (ids(found), ids(expected));
    let extra: Vec<&T> = found.iter().filter(|row| !wanted.contains(&row.uuid())).take(2).collect();
    let missing: Vec<&T> = expected.iter().filter(|row| !there.contains(&row.uuid())).take(2).collect();
    match (extra.is_empty(), missing.is_empty()) {
        (true, true) => format!("is in another order: {there:?}, not {wanted:?}"),
        _ => format!("wrongly has {extra:#?}\nlacks {missing:#?}"),
    }
}

pub async fn a_list_is_what_its_filter_says(world: World) {
    let population = Population::settle(&world).await;
    let session = world.session(Role::Admin).await;
    Comparison { world: &world, population: &population, session: &session }.run_all().await;
}

pub async fn a_list_is_what_its_filter_says_within_a_narrow_view(world: World) {
    use crate::access::{Entity, FieldMask};
    let population = Population::settle(&world).await;
    let team = Rule { read: Scope::Team, ..Rule::ALL };
    let masked = Rule { hidden: FieldMask::of(["email", "custom.text"]), ..team.clone() };
    world.set_rule(Role::Setter, Entity::Contact, masked).await;
    world.set_rule(Role::Setter, Entity::Company, team).await;
    world.set_rule(Role::Setter, Entity::Deal, Rule { read: Scope::Own, ..Rule::ALL }).await;
    let session = world.session(Role::Setter).await;
    Comparison { world: &world, population: &population, session: &session }.run_all().await;
}

pub async fn what_was_written_is_what_is_read(world: World) {
    let population = Population::settle(&world).await;
    let system = world.system().await;
    let ports = &world.crm.ports;
    for contact in population.mirror.all::<Contact>().filter(|row| row.deleted_at.is_none()) {
        let grant = reading(&system, crate::Entity::Contact);
        assert_eq!(&*ports.contacts.contact(&grant, contact.id).await.unwrap(), contact);
    }
    for company in population.mirror.all::<Company>().filter(|row| row.deleted_at.is_none()) {
        let grant = reading(&system, crate::Entity::Company);
        assert_eq!(&*ports.companies.company(&grant, company.id).await.unwrap(), company);
    }
    for deal in population.mirror.all::<Deal>().filter(|row| row.deleted_at.is_none()) {
        let grant = reading(&system, crate::Entity::Deal);
        assert_eq!(&*ports.deals.deal(&grant, deal.id).await.unwrap(), deal);
    }
}

pub async fn a_filter_on_nothing_that_exists_is_invalid(world: World) {
    let contacts = world.session(Role::Admin).await.contacts();
    for filter in ["nothing = 1", "custom.nothing = 1", "deals.nothing = 1", "related(friends: last_name = a)"] {
        fails(contacts.list(&filtered(filter)).await, ErrorKind::Invalid);
    }
    for filter in ["lifecycle = loud", "last_name = 5", "created_at > 5", "company_id = acme"] {
        let error = refused(contacts.list(&filtered(filter)).await);
        assert_eq!(error.fields()[0].field, "filter.value", "{filter}");
    }
}

pub async fn an_empty_list_of_values_matches_nothing(world: World) {
    let admin = world.session(Role::Admin).await;
    super::support::contact(&admin, crate::testkit::samples::contact("A")).await;
    let found = async |filter: &str| super::support::names(&admin, &filtered(filter)).await;
    assert!(found("last_name in []").await.is_empty());
    assert!(found("tags has_any []").await.is_empty());
    assert!(found("any()").await.is_empty());
    assert_eq!(found("not last_name in []").await, ["A"]);
    assert_eq!(found("tags has_all []").await, ["A"]);
    assert_eq!(found("tags has_none []").await, ["A"]);
    assert_eq!(found("all()").await, ["A"]);
}
