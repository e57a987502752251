//! A list is what its filter says: [`crate::filter::CheckedFilter::eval`] over every record.

use std::collections::BTreeSet;

use super::comparison::{Answer, Comparison};
use super::corners::{Corner, Trait, corners};
use super::population::{InStore, Population, catalogue};
use super::support::{fails, filtered, reading, refused};
use crate::access::{Entity, FieldMask, Role, Rule, Scope};
use crate::activity::Note;
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::ErrorKind;
use crate::filter::{Catalogue, Filter};
use crate::page::ListRequest;
use crate::task::Task;
use crate::testkit::World;
use crate::user::User;

impl Comparison<'_> {
    /// What the caller may ask of each kind of record.
    fn catalogues(&self) -> [Catalogue; 6] {
        [
            catalogue::<Contact>(&reading(self.session, Entity::Contact)),
            catalogue::<Company>(&reading(self.session, Entity::Company)),
            catalogue::<Deal>(&reading(self.session, Entity::Deal)),
            catalogue::<Task>(&reading(self.session, Entity::Task)),
            catalogue::<Note>(&reading(self.session, Entity::Note)),
            catalogue::<User>(&reading(self.session, Entity::User)),
        ]
    }

    async fn run_all(&self) {
        let all = self.catalogues();
        self.run::<Contact>(&all).await;
        self.run::<Company>(&all).await;
        self.run::<Deal>(&all).await;
        self.run::<Task>(&all).await;
        self.run::<Note>(&all).await;
        self.run::<User>(&all).await;
    }

    /// Asks every corner of a kind, and gives what was found by one that has it.
    async fn corner<T: InStore>(&self) -> BTreeSet<Trait> {
        let all = self.catalogues();
        let root = catalogue::<T>(&reading(self.session, T::ENTITY));
        let mut reached = BTreeSet::new();
        for Corner { filter, traits } in corners(&root, &all, &self.population.vocabulary) {
            let request = ListRequest { filter: Some(filter.clone()), limit: Some(200), ..ListRequest::default() };
            match self.answer::<T>(&request).await {
                Answer::Right { found, .. } if found > 0 => reached.extend(traits),
                Answer::Right { .. } => {}
                Answer::Refused => panic!("refuses {}", shortened(&filter)),
                Answer::Wrong(fault) => panic!("{} list of {}\n{fault}", T::ENTITY, shortened(&filter)),
            }
        }
        reached
    }
}

/// The beginning of a filter, which may have a thousand values.
fn shortened(filter: &Filter) -> String {
    filter.to_string().chars().take(200).collect()
}

pub async fn a_list_is_what_its_filter_says(world: World) {
    let population = Population::settle(&world).await;
    let session = world.session(Role::Admin).await;
    Comparison { world: &world, population: &population, session: &session }.run_all().await;
}

pub async fn every_operator_is_right_on_every_field_and_under_not(world: World) {
    let population = Population::settle(&world).await;
    let session = world.session(Role::Admin).await;
    let comparison = Comparison { world: &world, population: &population, session: &session };
    let all = BTreeSet::from(Trait::ALL);
    assert_eq!(comparison.corner::<Contact>().await, all);
    assert_eq!(comparison.corner::<Company>().await, all);
    assert_eq!(comparison.corner::<Deal>().await, all);
    assert_eq!(comparison.corner::<Task>().await, all);
    comparison.corner::<Note>().await;
    comparison.corner::<User>().await;
}

pub async fn a_list_is_what_its_filter_says_within_a_narrow_view(world: World) {
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
    for task in population.mirror.all::<Task>().filter(|row| row.deleted_at.is_none()) {
        let grant = reading(&system, crate::Entity::Task);
        assert_eq!(&*ports.tasks.task(&grant, task.id).await.unwrap(), task);
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
