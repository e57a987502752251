//! Files for the laws of imports.

use std::collections::HashMap;

use async_trait::async_trait;
use serde::Serialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::access::{Actor, Entity};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::journal::{Change, Entry};
use crate::page::{ListRequest, Page};
use crate::session::Session;
use crate::testkit::{World, samples};
use crate::transfer::{BytesSource, DuplicatePolicy, Import, ImportOptions, Source};
use crate::workspace::Workspace;

/// Cells that spreadsheets run.
pub(super) const ATTACKS: &str = include_str!("../../../tests/fixtures/attack/csv_cells.json");

/// A file of this text.
pub(super) fn source(file: &str) -> BytesSource {
    BytesSource::new(file)
}

/// The default options with this policy.
pub(super) fn with_policy(on_duplicate: DuplicatePolicy) -> ImportOptions {
    ImportOptions { on_duplicate, ..ImportOptions::default() }
}

/// The product itself, in the other workspace.
pub(super) async fn system_away(world: &World) -> Session {
    world.crm.acting(Actor::system(world.away.workspace, "testkit")).await.unwrap()
}

/// Begins an import.
pub(super) async fn start(
    session: &Session,
    entity: Entity,
    file: impl Into<Vec<u8>>,
    options: ImportOptions,
) -> Result<Import> {
    let mut file = BytesSource::new(file);
    session.transfers().start(entity, &mut file, options).await.map(|import| import.into_inner())
}

/// Imports a text.
pub(super) async fn import(session: &Session, entity: Entity, file: &str, options: ImportOptions) -> Import {
    imported(session, entity, source(file), options).await
}

/// Imports a file.
pub(super) async fn imported(
    session: &Session,
    entity: Entity,
    mut file: BytesSource,
    options: ImportOptions,
) -> Import {
    let transfers = session.transfers();
    let id = transfers.start(entity, &mut file, options).await.unwrap().id;
    transfers.run(id, &mut file, &mut |_| {}).await.unwrap().into_inner()
}

/// A file of contacts: every fifth has no e-mail address, some share one, some name companies, owners
/// and tags, and every 97th has an address that is none.
pub(super) fn contacts(rows: usize) -> String {
    let mut file = "First name,Last name,Email,Company,Owner,Tags,Floor,Remarks on this person\n".to_owned();
    for row in 0..rows {
        let email = match row {
            _ if row % 97 == 96 => "nobody at home".to_owned(),
            _ if row % 5 == 4 => String::new(),
            _ if row % 31 == 30 => "shared@example.com".to_owned(),
            _ => format!("p{row}@example.com"),
        };
        let company = if row % 3 == 0 { format!("Company {}", row % 41) } else { String::new() };
        let owner = if row % 7 == 0 { format!("Seller {}", row % 4) } else { String::new() };
        let tags = if row % 11 == 0 { format!("t{}; all", row % 6) } else { String::new() };
        let remarks = "x".repeat(row % 70);
        file.push_str(&format!("First {row},Last {row},{email},{company},{owner},{tags},{},{remarks}\n", row % 9));
    }
    file
}

/// How many rows of [`contacts`] are refused.
pub(super) fn bad_contacts(rows: u64) -> u64 {
    (0..rows).filter(|row| row % 97 == 96).count() as u64
}

/// Kinds of record that a file can hold.
pub(super) const KINDS: [Entity; 4] = [Entity::Contact, Entity::Company, Entity::Deal, Entity::Task];

/// A file of a kind of record. Its last quarter is about the same records as its first again; every fifth row has
/// no id, every 97th is refused, and some name companies, members, tags and stages that none before them did.
/// Each turn is about some other records and says something else of all.
pub(super) fn numbered(entity: Entity, rows: usize, turn: usize) -> String {
    let mut file = match entity {
        Entity::Contact => "id,last name,job title,email,company,owner,tags\n",
        Entity::Company => "id,name,industry,employees,owner,tags\n",
        Entity::Deal => "id,title,amount,stage,close date,company,owner,tags\n",
        _ => "id,title,description,due date,status,company,owner,tags\n",
    }
    .to_owned();
    for row in 0..rows {
        let (own, is_keyed, is_bad) = (row % (rows * 3 / 4) + turn * 150, row % 5 != 4, row % 97 == 96);
        // A row without an id is known by all that it says.
        let said = if is_keyed { row } else { own };
        let id = if is_keyed { format!("N{own}") } else { String::new() };
        let company = if said % 3 == 0 { format!("Company {}", said / 90) } else { String::new() };
        let owner = if said % 7 == 0 { format!("Seller {}", said / 250) } else { String::new() };
        let tags = if said % 11 == 0 { format!("t{}; all", said / 250) } else { String::new() };
        let (word, day) = (format!("Word {said} of {turn}"), said % 28 + 1);
        let cells = match entity {
            Entity::Contact => {
                let email = match row {
                    _ if is_bad => "nobody at home".to_owned(),
                    _ if row % 10 == 4 => String::new(),
                    _ => format!("n{own}@example.com"),
                };
                format!("Last {own},{word},{email},{company}")
            }
            Entity::Company => {
                format!("Company {own},{word},{}", if is_bad { "many".to_owned() } else { said.to_string() })
            }
            Entity::Deal => {
                let (stage, close) = match (said + turn) % 5 {
                    0 => ("Won".to_owned(), format!("2017-03-{day:02}")),
                    1 => (format!("Stage {}", said / 500), String::new()),
                    2 => ("Lost".to_owned(), format!("2017-04-{day:02}")),
                    _ => ("Engaging".to_owned(), String::new()),
                };
                let amount = if is_bad { "much".to_owned() } else { said.to_string() };
                format!("Deal {own} {word},{amount},{stage},{close},{company}")
            }
            _ => {
                let due = if is_bad { "some day".to_owned() } else { format!("2026-03-{day:02}") };
                let status = if (said + turn).is_multiple_of(2) { "done" } else { "open" };
                format!("Task {own},{word},{due},{status},{company}")
            }
        };
        file.push_str(&format!("{id},{cells},{owner},{tags}\n"));
    }
    file
}

/// The text in every encoding, with and without a mark.
pub(super) fn encodings(file: &str) -> Vec<Vec<u8>> {
    let marked = |text: &str| format!("\u{feff}{text}");
    let little = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big = |text: &str| text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let latin = |letter: char| match letter {
        '€' => 0x80,
        letter => u8::try_from(letter).unwrap(),
    };
    vec![
        file.as_bytes().to_vec(),
        marked(file).into_bytes(),
        little(&marked(file)),
        big(&marked(file)),
        little(file),
        file.chars().map(latin).collect(),
    ]
}

/// A file that cannot be read beyond a place, once all of it has been read.
pub(super) struct Cut {
    file: BytesSource,
    at: u64,
    is_known: bool,
}

impl Cut {
    /// Cuts a file after so many percent of it.
    pub(super) fn new(file: &[u8], percent: u64) -> Self {
        Self { file: BytesSource::new(file), at: file.len() as u64 * percent / 100, is_known: false }
    }
}

#[async_trait]
impl Source for Cut {
    fn bytes(&self) -> u64 {
        self.file.bytes()
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Vec<u8>> {
        if self.is_known && offset >= self.at {
            return Err(Error::unavailable("the file is gone"));
        }
        self.is_known |= offset >= self.bytes();
        // Small pieces, so that a cut falls where it shall.
        self.file.read_at(offset, max.min(1_000)).await
    }
}

/// What all contacts say, and what the records that they point to are called; ids and times aside, sorted.
pub(super) async fn rows(session: &Session) -> Vec<String> {
    let companies = session.companies();
    let companies = whole(async |request| companies.list(&request).await).await;
    let companies: HashMap<_, _> = companies.into_iter().map(|company| (company.id, company.name.clone())).collect();
    let users = session.users();
    let users = whole(async |request| users.list(&request).await).await;
    let users: HashMap<_, _> = users.into_iter().map(|user| (user.id, user.name.clone())).collect();
    let contacts = session.contacts();
    let contacts = whole(async |request| contacts.list(&request).await).await;
    let told = contacts.iter().map(|contact| {
        let own = (&contact.first_name, &contact.last_name, &contact.email, &contact.custom, &contact.tags);
        let company = contact.company_id.map(|id| &companies[&id]);
        let owner = contact.owner_id.map(|id| &users[&id]);
        format!("{own:?} {company:?} {owner:?} {}", contact.version)
    });
    let mut rows: Vec<String> = told.collect();
    rows.sort();
    rows
}

/// Every page of a list.
async fn whole<T>(list: impl AsyncFn(ListRequest) -> Result<Page<T>>) -> Vec<T> {
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = list(ListRequest { limit: Some(200), cursor: cursor.take(), ..samples::list() }).await.unwrap();
        all.extend(page.data);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return all;
        }
    }
}

/// How many entries were written at home since the last call.
pub(super) async fn written(world: &World) -> u64 {
    let mut count = 0;
    loop {
        match world.crm.ports.journal.seal_batch(world.home.workspace, 50_000).await.unwrap() {
            0 => return count,
            more => count += u64::from(more),
        }
    }
}

/// What an import leaves behind: all records of its kind and all entries of the workspace's imports, times aside
/// and ids by what they are called, sorted.
pub(super) async fn left(world: &World, session: &Session, entity: Entity) -> Vec<String> {
    let entries = journal(world, session.actor().workspace_id()).await;
    let names = names(&entries);
    let imported = entries.iter().filter(|entry| entry.batch.is_some());
    let mut told: Vec<String> = imported.map(|entry| told(entry, &names)).collect();
    told.extend(records(session, entity).await.iter().map(|record| plain(record, &names).to_string()));
    told.sort();
    told
}

/// All records of a kind.
async fn records(session: &Session, entity: Entity) -> Vec<Value> {
    let (contacts, companies) = (session.contacts(), session.companies());
    let (deals, tasks) = (session.deals(), session.tasks());
    match entity {
        Entity::Contact => values(&whole(async |request| contacts.list(&request).await).await),
        Entity::Company => values(&whole(async |request| companies.list(&request).await).await),
        Entity::Deal => values(&whole(async |request| deals.list(&request).await).await),
        _ => values(&whole(async |request| tasks.list(&request).await).await),
    }
}

fn values<T: Serialize>(records: &[T]) -> Vec<Value> {
    records.iter().map(|record| serde_json::to_value(record).unwrap()).collect()
}

/// All entries of a workspace.
async fn journal(world: &World, workspace: Id<Workspace>) -> Vec<Entry> {
    let journal = &world.crm.ports.journal;
    while journal.seal_batch(workspace, 50_000).await.unwrap() > 0 {}
    let mut entries = Vec::new();
    let mut after = 0;
    loop {
        let page = journal.feed(workspace, after, 10_000).await.unwrap();
        let Some(last) = page.last() else { return entries };
        after = last.seq;
        entries.extend(page.into_iter().map(|sealed| sealed.entry));
    }
}

/// What the records and the stages of a journal are called, by their ids.
fn names(entries: &[Entry]) -> HashMap<String, Value> {
    let mut names = HashMap::new();
    for entry in entries {
        if entry.change == Change::Created {
            let name = ["name", "last_name", "title"].iter().find_map(|field| entry.after.get(*field));
            names.extend(name.map(|name| (entry.record_id.to_string(), name.clone())));
        }
        let stages = entry.after.get("stages").and_then(Value::as_array).into_iter().flatten();
        names.extend(stages.filter_map(|stage| Some((stage["id"].as_str()?.to_owned(), stage["name"].clone()))));
    }
    names
}

fn told(entry: &Entry, names: &HashMap<String, Value>) -> String {
    let said = serde_json::json!([entry.entity, entry.change, entry.version, entry.before, entry.after, entry.events]);
    plain(&said, names).to_string()
}

/// A value without its times, and with what a record is called in place of its id.
fn plain(value: &Value, names: &HashMap<String, Value>) -> Value {
    match value {
        Value::String(text) => match names.get(text) {
            Some(name) => name.clone(),
            None if Uuid::try_parse(text).is_ok() => Value::Null,
            None => value.clone(),
        },
        Value::Array(values) => values.iter().map(|value| plain(value, names)).collect(),
        Value::Object(fields) => {
            let lasting = fields.iter().filter(|(key, _)| *key != "at" && !key.ends_with("_at"));
            lasting.map(|(key, value)| (key.clone(), plain(value, names))).collect::<Map<_, _>>().into()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}
