//! The words that an SQLite file keeps beside each index of words, for searches to look up.

use std::collections::BTreeMap;

use crm_core::access::{Action, Role};
use crm_core::company::Company;
use crm_core::contact::{Contact, ContactEdit};
use crm_core::deal::DealStart;
use crm_core::store::Changes;
use crm_core::testkit::{commit, samples};
use crm_core::{Crm, Edit, Entity, ErrorKind, Expect, Id, Result, Session, Store};
use crm_storage::Migrated;
use diesel::connection::SimpleConnection as _;
use diesel::sql_types::Text;
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};

use super::{Behind, engine, session};

/// Kinds of records that have words.
const KINDS: [&str; 6] = ["contacts", "companies", "deals", "tasks", "notes", "users"];
/// Before the migration that fills the tables.
const BEFORE: i32 = 17;

type Words = BTreeMap<&'static str, Vec<String>>;

#[derive(diesel::QueryableByName)]
struct Term {
    #[diesel(sql_type = Text)]
    term: String,
}

/// The words that are kept, which are those that FTS5 tells of its index.
fn kept(address: &str) -> Words {
    let mut connection = SqliteConnection::establish(address).unwrap();
    let mut words = Words::new();
    for kind in KINDS {
        let vocabulary = format!("{kind}_vocabulary");
        let make = format!("CREATE VIRTUAL TABLE temp.{vocabulary} USING fts5vocab(main, {kind}_words, row)");
        connection.batch_execute(&make).unwrap();
        let mut terms = |table: &str| {
            let select = diesel::sql_query(format!("SELECT term FROM {table} ORDER BY 1"));
            let terms: Vec<Term> = select.load(&mut connection).unwrap();
            terms.into_iter().map(|term| term.term).collect::<Vec<_>>()
        };
        let (kept, indexed) = (terms(&format!("{kind}_words_terms")), terms(&format!("temp.{vocabulary}")));
        assert_eq!(kept, indexed, "{kind}");
        words.insert(kind, kept);
    }
    words
}

/// Whether a token is among the words, whatever its workspace and part.
fn has(words: &Words, token: &str) -> bool {
    let token_of = |word: &String| word.trim_start_matches(char::is_numeric).get(1..).map(str::to_owned);
    words.values().flatten().any(|word| token_of(word).as_deref() == Some(token))
}

/// A contact with an address and a title.
fn person(address: &str, title: &str) -> ContactEdit {
    ContactEdit { email: Edit::Set(address.parse().unwrap()), title: title.into(), ..ContactEdit::default() }
}

pub(crate) async fn words_go_with_the_last_record_that_has_them<D: Behind>(database: D) {
    let (crm, workspace) = engine(database.store()).await;
    let session = session(&crm, workspace).await;
    let contacts = session.contacts();
    let address = database.address();
    let ada = contacts.create(person("ada@zebra.example", "Countess")).await.unwrap().id;
    let bob = contacts.create(person("bob@yak.example", "Countess")).await.unwrap().id;
    session.activities().create_note(samples::note(ada, "Whispered")).await.unwrap();
    let words = kept(&address);
    assert!(["ada", "zebra", "bob", "countess", "whispered"].iter().all(|token| has(&words, token)));
    contacts.update(ada, person("eve@zebra.example", "Countess"), Expect::Any).await.unwrap();
    let words = kept(&address);
    assert!(!has(&words, "ada") && has(&words, "eve") && has(&words, "zebra"));
    // Whoever is deleted may come back, with their words.
    contacts.delete(ada, Expect::Any).await.unwrap();
    assert_eq!(kept(&address), words);
    contacts.restore(ada).await.unwrap();
    assert_eq!(kept(&address), words);
    contacts.delete(ada, Expect::Any).await.unwrap();
    contacts.purge(ada).await.unwrap();
    let words = kept(&address);
    assert!(!["eve", "zebra", "whispered"].iter().any(|token| has(&words, token)));
    assert!(has(&words, "countess") && has(&words, "bob"));
    contacts.delete(bob, Expect::Any).await.unwrap();
    contacts.purge(bob).await.unwrap();
    let words = kept(&address);
    assert!(!["bob", "yak", "countess", "example"].iter().any(|token| has(&words, token)));
}

/// Numbers that look as if thrown, the same at each run.
struct Thrown(u64);

impl Thrown {
    fn below(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    /// Some words of few.
    fn text(&mut self) -> String {
        let words: Vec<String> = (0..=self.below(3)).map(|_| format!("w{}ж", self.below(30))).collect();
        words.join(" ")
    }

    fn edit(&mut self) -> ContactEdit {
        let title = if self.below(3) == 0 { Edit::Clear } else { Edit::Set(self.text()) };
        ContactEdit { title, ..samples::contact(&self.text()) }
    }
}

/// Fails at its contact, once the words of its company wait to be written.
async fn fail<S: Store>(store: &S, crm: &Crm, session: &Session, company: Id<Company>, contact: Id<Contact>) {
    let reading = |entity| session.require(entity, Action::Read).unwrap();
    let mut changes = Changes::at(crm.now());
    let mut company = store.company(&reading(Entity::Company), company).await.unwrap();
    company.name = "Lost company".to_owned();
    changes.put(&mut company);
    let mut row = store.contact(&reading(Entity::Contact), contact).await.unwrap();
    row.last_name = Some("Lost contact".to_owned());
    changes.put(&mut row);
    let touch = ContactEdit { source: Edit::Set(row.version.to_string()), ..ContactEdit::default() };
    session.contacts().update(contact, touch, Expect::Any).await.unwrap();
    let refused = commit(session, changes).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Conflict, "stale_version"));
}

pub(crate) async fn whatever_is_written_the_words_that_are_kept_are_those_of_the_index<D: Behind>(
    database: D,
    revert: impl AsyncFn(&D::Store) -> Result<Migrated>,
    migrate: impl AsyncFn(&D::Store) -> Result<Migrated>,
) {
    let store = database.store();
    let (crm, workspace) = engine(store.clone()).await;
    let session = session(&crm, workspace).await;
    let contacts = session.contacts();
    let address = database.address();
    session.users().create(samples::user("Owner", Role::Setter)).await.unwrap();
    session.deals().create(DealStart::default(), samples::deal("Big deal")).await.unwrap();
    session.tasks().create(samples::task("Ring back")).await.unwrap();
    let company = session.companies().create(samples::company("Anvils")).await.unwrap().id;
    let stays = contacts.create(samples::contact("Stays")).await.unwrap().id;
    session.activities().create_note(samples::note(stays, "Remembered")).await.unwrap();
    let mut thrown = Thrown(0);
    let mut people = vec![stays];
    for round in 0..150 {
        let one = people.get(thrown.below(people.len())).copied().unwrap();
        // What is deleted already is not changed, and what is not is not purged.
        match thrown.below(9) {
            0 | 1 => people.push(contacts.create(thrown.edit()).await.unwrap().id),
            2 | 3 => drop(contacts.update(one, thrown.edit(), Expect::Any).await),
            4 if one != stays => drop(contacts.delete(one, Expect::Any).await),
            5 => drop(contacts.restore(one).await),
            6 => drop(contacts.purge(one).await),
            7 => drop(session.activities().create_note(samples::note(one, &thrown.text())).await),
            _ => {
                // Those that wait share a transaction, in which each fails alone.
                let edits: Vec<ContactEdit> = (0..4).map(|_| thrown.edit()).collect();
                let made = edits.into_iter().map(|edit| async { contacts.create(edit).await.unwrap().id });
                let failing = fail(&*store, &crm, &session, company, stays);
                let (made, ()) = futures::future::join(futures::future::join_all(made), failing).await;
                people.extend(made);
            }
        }
        let words = kept(&address);
        assert!(!has(&words, "lost"), "round {round}");
    }
    let words = kept(&address);
    assert!(words.values().all(|words| !words.is_empty()), "{words:?}");
    while revert(&store).await.unwrap().to > BEFORE {}
    assert_eq!(migrate(&store).await.unwrap().from, BEFORE);
    assert_eq!(kept(&address), words);
}
