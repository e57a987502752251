//! A workspace full of values that have told interpreters apart.

use chrono::NaiveDate;
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use super::in_store::{InStore, Mirrored};
use super::support::{commit, field, pipeline};
use crate::access::{Entity, Grant, Listed, Role};
use crate::activity::Note;
use crate::company::Company;
use crate::contact::{Contact, Lifecycle};
use crate::custom_field::{CustomKind, CustomValues};
use crate::deal::{Deal, ForecastCategory};
use crate::filter::generate::Vocabulary;
use crate::filter::{Catalogue, Field};
use crate::id::Id;
use crate::money::Money;
use crate::page::ListRequest;
use crate::pipeline::Pipeline;
use crate::session::{Expect, Session};
use crate::store::{Changes, Record, Stored};
use crate::tag::{Tag, clean_tags};
use crate::task::{Recurrence, Reminder, Task, TaskKind, TaskPriority, TaskStatus};
use crate::testkit::memory::{Mirror, Tabled};
use crate::testkit::{World, samples};
use crate::text;
use crate::time::Timestamp;
use crate::user::{NewUser, User};

/// Every kind of custom field, under a key of its name.
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

const CONTACTS: usize = 60;
const COMPANIES: usize = 32;
const DEALS: usize = 40;
const TASKS: usize = 40;
const NOTES: usize = 30;

/// Searches that find something now and then.
pub(super) const SEARCHES: [&str; 10] = ["uni", "ÜNÏ", "istan", "100", "a b", "οδος", "fi", "example", "ss", "日本"];

/// The records at home, beside the words that they are made of.
pub(super) struct Population {
    pub(super) mirror: Mirror,
    pub(super) vocabulary: Vocabulary,
}

/// The catalogue of a kind, custom fields included, as far as the caller sees it.
pub(super) fn catalogue<T: Listed>(grant: &Grant) -> Catalogue {
    let mut catalogue = T::catalogue().clone();
    catalogue.fields.retain(|field| grant.field(T::ENTITY, &field.key).is_some());
    let custom: Vec<Field> =
        grant.custom_fields(T::ENTITY).filter_map(|field| grant.field(T::ENTITY, &field.filter_key())).collect();
    catalogue.fields.extend(custom);
    catalogue
}

impl Population {
    /// Fills the workspace at home, in one commit, and deletes a few of the records again.
    pub(super) async fn settle(world: &World) -> Self {
        let admin = world.session(Role::Admin).await;
        for (key, kind) in KINDS {
            for entity in [Entity::Contact, Entity::Company, Entity::Deal, Entity::Task] {
                field(&admin, entity, key, kind).await;
            }
        }
        let pipeline = pipeline(&admin).await;
        // The new definitions are known to new sessions.
        let system = world.system().await;
        let mut settling = Settling::new(world, system.changes());
        settling.people();
        settling.companies();
        settling.contacts();
        settling.deals(&pipeline);
        settling.tasks();
        settling.notes();
        settling.tags();
        let Settling { changes, mirror, mut vocabulary, companies, contacts, deals, .. } = settling;
        // References are asked for too, and some of each must be found.
        vocabulary.ids.extend(companies.iter().take(2).map(|id| id.uuid()));
        vocabulary.ids.extend(contacts.iter().take(2).map(|id| id.uuid()));
        vocabulary.ids.extend(deals.iter().take(2).map(|id| id.uuid()));
        commit(&system, changes).await.unwrap();
        let mut population = Self { mirror, vocabulary };
        population.know_everybody(&system).await;
        population.delete_some(&admin).await;
        population
    }

    /// The members that the world came with.
    async fn know_everybody(&mut self, system: &Session) {
        let everybody = ListRequest { limit: Some(200), ..samples::list() };
        for user in system.users().list(&everybody).await.unwrap().data {
            self.mirror.keep::<User>(&user);
        }
    }

    async fn delete_some(&mut self, admin: &Session) {
        let contact = self.mirror.all::<Contact>().nth(3).unwrap().clone();
        admin.contacts().delete(contact.id, Expect::Any).await.unwrap();
        self.mirror.keep(&Contact { deleted_at: Some(contact.created_at), ..contact });
        let company = self.mirror.all::<Company>().nth(2).unwrap().clone();
        admin.companies().delete(company.id, Expect::Any).await.unwrap();
        self.mirror.keep(&Company { deleted_at: Some(company.created_at), ..company });
        let deal = self.mirror.all::<Deal>().nth(5).unwrap().clone();
        admin.deals().delete(deal.id, Expect::Any).await.unwrap();
        self.mirror.keep(&Deal { deleted_at: Some(deal.created_at), ..deal });
        let task = self.mirror.all::<Task>().nth(4).unwrap().clone();
        admin.tasks().delete(task.id, Expect::Any).await.unwrap();
        self.mirror.keep(&Task { deleted_at: Some(task.created_at), ..task });
    }
}

/// A population in the making.
struct Settling {
    changes: Changes,
    mirror: Mirror,
    vocabulary: Vocabulary,
    owners: Vec<Option<Id<User>>>,
    texts: Vec<String>,
    companies: Vec<Id<Company>>,
    contacts: Vec<Id<Contact>>,
    deals: Vec<Id<Deal>>,
    tags: Vec<String>,
    /// Where the row of numbers stands.
    step: u64,
}

impl Settling {
    fn new(world: &World, changes: Changes) -> Self {
        let roles = [Role::Admin, Role::Manager, Role::Setter, Role::SalesRep];
        let mut owners: Vec<_> = roles.map(|role| Some(world.home.member(role))).into();
        owners.push(None);
        let ids = owners.iter().flatten().map(|id| id.uuid()).collect();
        let vocabulary = Vocabulary::awkward(ids);
        let texts = vocabulary.texts.iter().filter_map(|text| text::clean_line("text", text, 100).ok()).collect();
        Self {
            changes,
            mirror: Mirror::default(),
            vocabulary,
            owners,
            texts,
            companies: Vec::new(),
            contacts: Vec::new(),
            deals: Vec::new(),
            tags: Vec::new(),
            step: 0,
        }
    }

    fn put<T: Record + Tabled>(&mut self, record: T) {
        let mut record = Stored::new(record);
        self.changes.put(&mut record);
        self.mirror.keep::<T>(&record);
    }

    /// The next of a fixed row of numbers that look as if thrown.
    fn number(&mut self) -> usize {
        self.step = self.step.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.step >> 33).unwrap()
    }

    fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        let number = self.number();
        values[number % values.len()].clone()
    }

    /// One of the values, or none every third time or so.
    fn maybe<T: Clone>(&mut self, values: &[T]) -> Option<T> {
        (self.number() % 10 >= 3 && !values.is_empty()).then(|| self.pick(values))
    }

    fn text(&mut self) -> Option<String> {
        let texts = self.texts.clone();
        self.maybe(&texts)
    }

    fn time(&mut self) -> Timestamp {
        let times = self.vocabulary.times.clone();
        self.pick(&times)
    }

    fn owner(&mut self) -> Option<Id<User>> {
        let owners = self.owners.clone();
        self.pick(&owners)
    }

    fn some_tags(&mut self) -> Vec<String> {
        let names = self.vocabulary.tags.clone();
        let chosen: Vec<String> = (0..3).filter_map(|_| self.maybe(&names)).collect();
        let chosen = if self.number().is_multiple_of(4) { Vec::new() } else { chosen };
        let tags = clean_tags(&chosen).unwrap();
        self.tags.extend(tags.iter().cloned());
        tags
    }

    /// A value of each custom field, or none.
    fn custom(&mut self) -> CustomValues {
        let mut values = CustomValues::new();
        for (key, kind) in KINDS {
            if let Some(value) = self.custom_value(kind) {
                values.insert(key.to_owned(), value);
            }
        }
        values
    }

    fn custom_value(&mut self, kind: CustomKind) -> Option<Value> {
        let choices = ["Nord", "Süd", "Big Fish"];
        let dates: Vec<NaiveDate> = self.vocabulary.dates.clone();
        let (reals, money) = (self.vocabulary.reals.clone(), self.vocabulary.money.clone());
        Some(match kind {
            CustomKind::Text => json!(self.text()?),
            CustomKind::Number => json!(self.maybe(&reals)?),
            CustomKind::Money => {
                let (amount_minor, currency) = self.maybe(&money)?;
                json!({"amount_minor": amount_minor, "currency": currency})
            }
            CustomKind::Date => json!(self.maybe(&dates)?.to_string()),
            CustomKind::Choice => json!(self.maybe(&choices)?),
            CustomKind::MultiChoice => json!([self.maybe(&choices)?]),
            CustomKind::Boolean => json!(self.maybe(&[true, false])?),
            CustomKind::Url => json!(self.maybe(&["https://Example.com/ÜNÏ", "http://a_b.example/100%"])?),
            CustomKind::User => json!(self.owner()?),
            CustomKind::Reference => {
                let companies = self.companies.clone();
                json!(self.maybe(&companies)?)
            }
        })
    }

    fn people(&mut self) {
        for text in ["Ünï", "100%", "ΟΔΟΣ"] {
            let email = format!("{}@example.com", text.len()).parse().ok();
            let new = NewUser { email: self.maybe(&[email]).flatten(), ..samples::user(text, Role::SalesRep) };
            let user = User::new(Id::new_at(self.changes.now()), new, self.changes.now()).unwrap();
            self.put(user);
        }
    }

    fn companies(&mut self) {
        let domains: Vec<_> = ["acme.com", "bücher.example", "a-b.example"].map(|text| text.parse().unwrap()).into();
        let integers: Vec<i64> = self.vocabulary.integers.iter().copied().filter(|count| *count >= 0).collect();
        for at in 0..COMPANIES {
            let blank = Company::blank(Id::new_at(self.changes.now()), self.changes.now());
            let company = Company {
                name: self.texts[at * 5 % self.texts.len()].clone(),
                domain: self.maybe(&domains),
                industry: self.text(),
                employees: self.maybe(&integers),
                owner_id: self.owner(),
                external_id: self.text(),
                tags: self.some_tags(),
                custom: self.custom(),
                created_at: self.time(),
                ..blank
            };
            self.companies.push(company.id);
            self.put(company);
        }
    }

    fn contacts(&mut self) {
        let emails: Vec<_> =
            ["ünï@example.com", "a_b@example.com", "ab@example.com", "a%b@example.com", "o'neil@example.com"]
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect();
        let phones: Vec<_> = ["+49 30 123456", "(555) 100-2000"].map(|text| text.parse().unwrap()).into();
        for at in 0..CONTACTS {
            let blank = Contact::blank(Id::new_at(self.changes.now()), self.changes.now());
            let companies = self.companies.clone();
            let contact = Contact {
                first_name: self.text(),
                // One with only a name, one with only an e-mail address, and so on.
                last_name: if at % 5 == 0 { None } else { Some(self.texts[at % self.texts.len()].clone()) },
                email: if at % 5 == 0 { emails.first().cloned() } else { self.maybe(&emails) },
                phone: self.maybe(&phones),
                title: self.text(),
                company_id: self.maybe(&companies),
                owner_id: self.owner(),
                lifecycle: self.pick(&Lifecycle::ALL),
                source: self.text(),
                external_id: self.text(),
                tags: self.some_tags(),
                custom: self.custom(),
                created_at: self.time(),
                ..blank
            };
            self.contacts.push(contact.id);
            self.put(contact);
        }
    }

    fn deals(&mut self, pipeline: &Pipeline) {
        let money: Vec<Money> = [(0, "EUR"), (1, "USD"), (125_000, "JPY"), (125_000, "USD")]
            .map(|(minor, code)| Money::minor(minor, code.parse().unwrap()))
            .into();
        for at in 0..DEALS {
            let now = self.changes.now();
            let stage = self.pick(&pipeline.stages);
            let (companies, contacts) = (self.companies.clone(), self.contacts.clone());
            let (times, dates) = (self.vocabulary.times.clone(), self.vocabulary.dates.clone());
            let integers = self.vocabulary.integers.clone();
            let value = self.maybe(&money);
            let deal = Deal {
                title: self.texts[at * 3 % self.texts.len()].clone(),
                value,
                value_estimated: value.is_some() && at % 3 == 0,
                opened_at: self.maybe(&times),
                expected_close_date: self.maybe(&dates),
                probability: self.maybe(&integers),
                forecast_category: self.maybe(&ForecastCategory::ALL),
                lost_reason: self.text(),
                contact_id: self.maybe(&contacts),
                company_id: self.maybe(&companies),
                owner_id: self.owner(),
                source: self.text(),
                external_id: self.text(),
                tags: self.some_tags(),
                custom: self.custom(),
                created_at: self.time(),
                ..Deal::at_stage(Id::new_at(now), pipeline.id, &stage, now)
            };
            self.deals.push(deal.id);
            self.put(deal);
        }
    }

    fn tasks(&mut self) {
        for at in 0..TASKS {
            let now = self.changes.now();
            let (contacts, companies, deals) = (self.contacts.clone(), self.companies.clone(), self.deals.clone());
            let (times, dates) = (self.vocabulary.times.clone(), self.vocabulary.dates.clone());
            let integers = self.vocabulary.integers.clone();
            let reminders: Vec<Reminder> = ["30m", "1d 09:00"].iter().flat_map(|text| text.parse()).collect();
            let rules: Vec<Recurrence> =
                ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO"].iter().flat_map(|text| text.parse()).collect();
            let task = Task {
                title: self.texts[at * 7 % self.texts.len()].clone(),
                description: self.text(),
                kind: self.pick(&TaskKind::ALL),
                priority: self.pick(&TaskPriority::ALL),
                status: self.pick(&TaskStatus::ALL),
                due_at: self.maybe(&times),
                due_date: self.maybe(&dates),
                duration_minutes: self.maybe(&integers),
                reminder: self.maybe(&reminders),
                recurrence: self.maybe(&rules),
                completed_at: self.maybe(&times),
                assignee_id: self.owner(),
                created_by: self.owner(),
                external_id: self.text(),
                tags: self.some_tags(),
                custom: self.custom(),
                created_at: self.time(),
                ..Task::blank(Id::new_at(now), now)
            };
            let task = match at % 4 {
                0 => task,
                1 => Task { contact_id: Some(self.pick(&contacts)), ..task },
                2 => Task { company_id: Some(self.pick(&companies)), ..task },
                _ => Task { deal_id: Some(self.pick(&deals)), ..task },
            };
            self.put(task);
        }
    }

    fn notes(&mut self) {
        for at in 0..NOTES {
            let (contacts, companies, deals) = (self.contacts.clone(), self.companies.clone(), self.deals.clone());
            let blank = Note {
                id: Id::new_at(self.changes.now()),
                body: self.texts[at % self.texts.len()].clone(),
                contact_id: None,
                company_id: None,
                deal_id: None,
                author_id: self.owner(),
                created_at: self.time(),
                updated_at: self.changes.now(),
                version: 0,
                deleted_at: None,
            };
            let note = match at % 3 {
                0 => Note { contact_id: Some(self.pick(&contacts)), ..blank },
                1 => Note { company_id: Some(self.pick(&companies)), ..blank },
                _ => Note { deal_id: Some(self.pick(&deals)), ..blank },
            };
            self.put(note);
        }
    }

    /// A row for each tag that a record carries.
    fn tags(&mut self) {
        let mut names = std::mem::take(&mut self.tags);
        names.sort_by_key(|name| text::key(name));
        names.dedup_by_key(|name| text::key(name));
        for name in names {
            let (id, now) = (Id::new_at(self.changes.now()), self.changes.now());
            self.put(Tag { id, name, created_at: now, updated_at: now, version: 0 });
        }
    }
}

/// The ids on a page, in order.
pub(super) fn ids<T: Record>(rows: &[T]) -> Vec<Uuid> {
    rows.iter().map(Record::uuid).collect()
}
