//! Files for the laws of imports.

use async_trait::async_trait;

use crate::access::{Actor, Entity};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::journal::Entry;
use crate::page::ListRequest;
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
        self.file.read_at(offset, max.min(10_000)).await
    }
}

/// What all contacts say, ids and times aside, sorted.
pub(super) async fn rows(session: &Session) -> Vec<String> {
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let request = ListRequest { limit: Some(200), cursor: cursor.take(), ..samples::list() };
        let page = session.contacts().list(&request).await.unwrap();
        rows.extend(page.data.iter().map(|contact| {
            let names = (&contact.first_name, &contact.last_name, &contact.email, &contact.custom, &contact.tags);
            let links = (contact.company_id.is_some(), contact.owner_id.is_some(), contact.version);
            format!("{names:?} {links:?}")
        }));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    rows.sort();
    rows
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

/// What all entries of a workspace's imports say, ids and times aside, sorted.
pub(super) async fn entries(world: &World, workspace: Id<Workspace>) -> Vec<String> {
    let journal = &world.crm.ports.journal;
    while journal.seal_batch(workspace, 50_000).await.unwrap() > 0 {}
    let mut entries = Vec::new();
    let mut after = 0;
    loop {
        let page = journal.feed(workspace, after, 10_000).await.unwrap();
        let Some(last) = page.last() else { break };
        after = last.seq;
        entries.extend(page.iter().filter(|sealed| sealed.entry.batch.is_some()).map(|sealed| told(&sealed.entry)));
    }
    entries.sort();
    entries
}

fn told(entry: &Entry) -> String {
    let mut image = entry.after.clone();
    image.retain(|key, _| !key.ends_with("_id") && !key.ends_with("_at"));
    format!("{} {:?} {} {image:?} {:?}", entry.entity, entry.change, entry.version, entry.before.keys())
}
