//! Files as other programs and people make them.

use async_trait::async_trait;
use futures::TryStreamExt;

use super::analytics::{moves, ways_lead_to_the_deals};
use super::support::{contact, filtered, names, reading};
use super::uploads::{self, import, imported, source, start, with_policy};
use crate::access::{Entity, Role};
use crate::contact::ContactEdit;
use crate::deal::{Deal, DealStatus};
use crate::error::Result;
use crate::id::Id;
use crate::page::ListRequest;
use crate::pipeline::StageKind;
use crate::session::Session;
use crate::testkit::{World, samples};
use crate::transfer::format::Encoding;
use crate::transfer::{BytesSource, Counts, DuplicatePolicy, Import, ImportOptions, Source};

async fn deal_called(session: &Session, title: &str) -> Deal {
    let found = session.deals().list(&filtered(&format!("title = \"{title}\""))).await.unwrap();
    (*found.data[0]).clone()
}

async fn failed_file(session: &Session, id: Id<Import>) -> String {
    String::from_utf8(session.transfers().failed_rows(id).try_concat().await.unwrap()).unwrap()
}

pub async fn a_deal_may_close_on_the_day_it_opened(world: World) {
    let session = world.session(Role::Admin).await;
    let file = "ID,Deal Name,Deal Stage,Create Date,Close Date\n\
        1,Quick,Won,2024-03-01 10:15,2024-03-01\n\
        2,Open,Engaging,2024-03-01 10:15,\n\
        3,Never,Lost,2024-03-02 10:15,2024-03-01\n";
    let done = import(&session, Entity::Deal, file, ImportOptions::default()).await;
    assert_eq!((done.counts.created, done.counts.failed), (2, 1));
    let quick = deal_called(&session, "Quick").await;
    assert_eq!((quick.closed_at, quick.stage_entered_at), (quick.opened_at, quick.opened_at.unwrap()));
    let again = import(&session, Entity::Deal, file, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!((again.counts.unchanged, again.counts.updated), (2, 0));
    // The stage was entered on the day of the close.
    let close = "ID,Deal Stage,Close Date\n2,Negotiating,\n2,Won,2026-03-02\n";
    let done = import(&session, Entity::Deal, close, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!(done.counts.updated, 2);
    let closed = deal_called(&session, "Open").await;
    assert_eq!((closed.status, closed.closed_at), (DealStatus::Won, Some(closed.stage_entered_at)));
    assert!(closed.stage_entered_at.to_string().starts_with("2026-03-02T12:00"));
    let again = import(
        &session,
        Entity::Deal,
        "ID,Deal Stage,Close Date\n2,Won,2026-03-02\n",
        with_policy(DuplicatePolicy::Update),
    )
    .await;
    assert_eq!(again.counts.unchanged, 1);
}

pub async fn a_corrected_close_is_when_the_stage_was_entered(world: World) {
    let session = world.session(Role::Admin).await;
    let file = "id,name,stage,close date\n1,One,Won,2026-02-01\n";
    import(&session, Entity::Deal, file, ImportOptions::default()).await;
    let right = file.replace("2026-02-01", "2026-01-15");
    import(&session, Entity::Deal, &right, with_policy(DuplicatePolicy::Update)).await;
    let one = deal_called(&session, "One").await;
    assert_eq!(one.closed_at.unwrap().to_string(), "2026-01-15T00:00:00.000000Z");
    assert_eq!(one.stage_entered_at, one.closed_at.unwrap());
}

pub async fn files_that_follow_one_another_date_the_moves_of_a_deal(world: World) {
    let session = world.session(Role::Admin).await;
    let now = session.now();
    let files = [
        "id,title,stage,created_at\n1,One,Prospecting,2016-10-01\n2,Two,Prospecting,2016-10-01\n",
        "id,stage,opened_at\n1,Engaging,2016-10-20\n2,Engaging,2016-10-20\n",
        // Work on the second one began once: that it went on is known from this file alone.
        "id,stage,opened_at,closed_at\n1,Won,2016-10-20,2017-03-01\n2,Negotiating,2016-10-20,\n",
    ];
    for file in files {
        let done = import(&session, Entity::Deal, file, with_policy(DuplicatePolicy::Update)).await;
        assert_eq!((done.counts.failed, done.counts.unchanged), (0, 0), "{file}");
    }
    ways_lead_to_the_deals(&session).await;
    let (one, two) = (deal_called(&session, "One").await, deal_called(&session, "Two").await);
    let steps = moves(&session).await;
    let days = |id: Id<Deal>| -> Vec<String> {
        steps.iter().filter(|step| step.deal_id == id).map(|step| step.at.to_string()[..10].to_owned()).collect()
    };
    assert_eq!(days(one.id), ["2016-10-01", "2016-10-20", "2017-03-01"]);
    assert_eq!(days(two.id)[..2], ["2016-10-01", "2016-10-20"]);
    assert!(two.stage_entered_at >= now);
}

pub async fn a_status_ends_a_deal_whose_stage_does_not(world: World) {
    let session = world.session(Role::Admin).await;
    let file = "Deal - ID,Deal - Title,Deal - Stage,Deal - Status,Deal - Pipeline\n\
        1,A,Negotiating,Won,Pipeline\n2,B,,Lost,\n3,C,Negotiating,Open,\n4,D,Won,Won,\n5,E,,maybe,\n6,F,Closed - Won,,\n";
    let done = import(&session, Entity::Deal, file, ImportOptions::default()).await;
    assert_eq!((done.counts.created, done.counts.failed), (5, 1));
    let expected = [
        ("A", DealStatus::Won),
        ("B", DealStatus::Lost),
        ("C", DealStatus::Open),
        ("D", DealStatus::Won),
        ("F", DealStatus::Won),
    ];
    for (title, status) in expected {
        assert_eq!(deal_called(&session, title).await.status, status, "{title}");
    }
    let again = import(&session, Entity::Deal, file, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!((again.counts.unchanged, again.counts.updated), (5, 0));
    let ended = "Deal - ID,Deal - Stage,Deal - Status\n3,,Won\n";
    import(&session, Entity::Deal, ended, with_policy(DuplicatePolicy::Update)).await;
    let pipeline = session.pipelines().list().await.unwrap().remove(0);
    let stage = pipeline.stage(deal_called(&session, "C").await.stage_id).unwrap();
    assert_eq!(stage.kind, StageKind::Won);
}

pub async fn the_encoding_is_that_of_most_of_the_file(world: World) {
    let session = world.session(Role::Admin).await;
    let ascii = format!("Ada,31.1.2026,{}\n", "x".repeat(1_000)).repeat(300);
    let late = |row: &[u8]| [b"last name,created,note\n", ascii.as_bytes(), row].concat();
    let create = || with_policy(DuplicatePolicy::Create);
    let latin = imported(&session, Entity::Contact, BytesSource::new(late(b"Jos\xE9,1.2.2026,\n")), create()).await;
    assert_eq!((latin.format.encoding, latin.counts.failed), (Encoding::Windows1252, 0));
    assert_eq!(session.contacts().list(&filtered("last_name = \"José\"")).await.unwrap().data.len(), 1);
    let mixed = ["last name\nZoë\nBjörk\n".as_bytes(), b"Ren\xE9\n"].concat();
    let utf8 = imported(&session, Entity::Contact, BytesSource::new(mixed), create()).await;
    assert_eq!((utf8.format.encoding, utf8.counts.created, utf8.counts.failed), (Encoding::Utf8, 2, 1));
    assert_eq!(session.contacts().list(&filtered("last_name = \"Björk\"")).await.unwrap().data.len(), 1);
}

pub async fn refused_rows_sent_back_as_they_are_are_refused_again(world: World) {
    let session = world.session(Role::Admin).await;
    let file = b"first name,last name,email,note\nAda,King,ada at home,\nBob,Short\nCy,Long,c@example.com,a,b\n\
        N\0l,Nil,n@example.com,\nDi,Open,d@example.com,\"never\n";
    let options = ImportOptions { create_fields: true, ..ImportOptions::default() };
    let done = imported(&session, Entity::Contact, BytesSource::new(*file), options.clone()).await;
    assert_eq!((done.counts.created, done.counts.failed), (0, 5));
    let grant = reading(&session, Entity::Import);
    let rows = session.ports().imports.failed_rows(&grant, done.id, 0, 9).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.cells.len()).collect::<Vec<_>>(), [4, 2, 5, 4, 4]);
    assert_eq!(rows[4].cells, ["Di", "Open", "d@example.com", "never"]);
    let refused = failed_file(&session, done.id).await;
    assert!(refused.starts_with("\u{feff}line,field,reason,first name,last name,email,note\r\n2,email,"), "{refused}");
    let again = import(&session, Entity::Contact, &refused, options.clone()).await;
    // The last one was mended by writing it down.
    assert_eq!((again.counts.created, again.counts.failed), (1, 4));
    let keys: Vec<String> =
        session.custom_fields().list().await.unwrap().iter().map(|field| field.key.clone()).collect();
    assert_eq!(keys, ["note"]);
    let twice = failed_file(&session, again.id).await;
    assert!(twice.starts_with("\u{feff}line,field,reason,first name,last name,email,note\r\n2,email,"), "{twice}");
    let mended = twice.replace(" at home", "@example.com").replace('\0', "i");
    let mended = mended.replace("Bob,Short", "Bob,Short,,").replace("a,b", "ab");
    let done = import(&session, Entity::Contact, &mended, options).await;
    assert_eq!((done.counts.created, done.counts.failed), (4, 0));
}

/// A file to which somebody adds rows as soon as all of it was read once.
struct Growing(Vec<u8>, Vec<u8>);

#[async_trait]
impl Source for Growing {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Vec<u8>> {
        let read = BytesSource::new(self.0.as_slice()).read_at(offset, max).await?;
        if read.is_empty() {
            self.0.append(&mut self.1);
        }
        Ok(read)
    }
}

pub async fn what_is_added_to_a_file_meanwhile_is_not_imported(world: World) {
    let session = world.session(Role::Admin).await;
    let file = "last name\nAda\nBob\n";
    let id = start(&session, Entity::Contact, file, ImportOptions::default()).await.unwrap().id;
    let mut growing = Growing(file.into(), b"Cy\nDi\n".to_vec());
    let done = session.transfers().run(id, &mut growing, &mut |_| {}).await.unwrap();
    assert_eq!((done.counts, done.rows), (Counts { created: 2, ..Counts::default() }, 2));
}

pub async fn a_tag_with_a_comma_comes_back_as_one(world: World) {
    let session = world.session(Role::Admin).await;
    let edit = |name: &str, tags: &[&str]| ContactEdit {
        tags: tags.iter().map(ToString::to_string).collect::<Vec<_>>().into(),
        ..samples::contact(name)
    };
    contact(&session, edit("One", &["a, b"])).await;
    contact(&session, edit("Two", &["c, d", "e"])).await;
    let file = session.transfers().export(Entity::Contact, samples::list()).try_concat().await.unwrap();
    let again = imported(&session, Entity::Contact, BytesSource::new(file), with_policy(DuplicatePolicy::Update)).await;
    assert_eq!(again.counts.unchanged, 2);
}

pub async fn a_preview_of_the_first_rows_says_where_it_ends(world: World) {
    let session = world.session(Role::Admin).await;
    let file = uploads::contacts(2_300);
    let look = async |rows: u64| {
        let transfers = session.transfers().looking_at(rows);
        transfers.preview(Entity::Contact, &mut source(&file), &ImportOptions::default()).await.unwrap()
    };
    let all = look(u64::MAX).await;
    assert_eq!((all.rows, all.cut_off_after), (2_300, None));
    // To the end of the chunk.
    for (rows, reached) in [(1, 1_000), (1_000, 1_000), (1_001, 2_000)] {
        let first = look(rows).await;
        assert_eq!((first.rows, first.cut_off_after), (reached, Some(reached)), "{rows}");
        let Counts { created, updated, unchanged, failed } = first.counts;
        assert_eq!(created + updated + unchanged + failed, reached);
        assert_eq!(first.columns.len(), all.columns.len());
    }
    let enough = look(2_300).await;
    assert_eq!((enough.rows, enough.cut_off_after, enough.counts), (2_300, None, all.counts));
}

pub async fn a_cell_of_a_megabyte_costs_its_row_and_no_other(world: World) {
    let session = world.session(Role::Admin).await;
    // The longest cell that there may be; longer ones on one line and on many; a row longer than rows may be.
    let most = "x".repeat(65_536);
    let long = "y".repeat(1_000_000);
    let lines = "line\n".repeat(200_000);
    let endless = "z".repeat(5 * 1024 * 1024);
    let file = format!(
        "Last name,Job title,Words on them\nBefore,,{most}\nLong,,{long}\nBetween,,\nLines,,\"{lines}\"\nWithin,a,\n\
        Endless,,{endless}\nTitled,{most},\nAfter,b,c\n"
    );
    let expected = [
        (3, "Words on them", "cell_too_long"),
        (5, "Words on them", "cell_too_long"),
        (200_007, "", "record_too_long"),
        (200_008, "title", "too_long"),
    ];
    let transfers = session.transfers();
    let options = ImportOptions::default();
    let preview = transfers.preview(Entity::Contact, &mut source(&file), &options).await.unwrap();
    let done = import(&session, Entity::Contact, &file, options).await;
    assert_eq!((done.counts.created, done.counts.failed, done.rows), (4, 4, 8));
    assert_eq!(preview.counts, done.counts);
    let grant = reading(&session, Entity::Import);
    let rows = session.ports().imports.failed_rows(&grant, done.id, 0, 9).await.unwrap();
    let faults: Vec<_> = rows.iter().map(|row| (row.line, row.field.as_str(), row.code.as_str())).collect();
    assert_eq!(faults, expected);
    let foreseen: Vec<_> = preview.errors.iter().map(|row| (row.line, row.field.as_str(), row.code.as_str())).collect();
    assert_eq!(foreseen, expected);
    let sorted = ListRequest { sort: Some("last_name".to_owned()), ..samples::list() };
    assert_eq!(names(&session, &sorted).await, ["After", "Before", "Between", "Within"]);
    // Whoever puts them right finds each with its line.
    let failed = failed_file(&session, done.id).await;
    for line in ["\r\n3,Words on them,", "\r\n5,Words on them,", "\r\n200007,,", "\r\n200008,title,"] {
        assert!(failed.contains(line), "{line}");
    }
}
