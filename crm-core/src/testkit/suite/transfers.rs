//! What goes in as a file stays what it was, once, whatever happens on the way.

use std::collections::BTreeMap;

use futures::TryStreamExt;

use super::analytics::ways_lead_to_the_deals;
use super::support::{company, contact, deal, fails, field, filtered, hiding, invalid_at, pipeline, reading, refused};
use super::uploads::{self, Cut, import, imported, source, start, with_policy};
use crate::access::{Entity, Role};
use crate::contact::ContactEdit;
use crate::custom_field::CustomKind;
use crate::deal::{DealStatus, ForecastCategory};
use crate::error::ErrorKind::{Denied, Invalid, Unavailable};
use crate::id::Id;
use crate::page::ListRequest;
use crate::pipeline::{Pipeline, StageKind};
use crate::session::Session;
use crate::testkit::{World, samples};
use crate::text::Email;
use crate::transfer::format::Encoding;
use crate::transfer::{BytesSource, Counts, DuplicatePolicy, Import, ImportOptions, ImportState};

const ALL_POLICIES: [DuplicatePolicy; 3] = [DuplicatePolicy::Skip, DuplicatePolicy::Update, DuplicatePolicy::Create];
/// The deals of the CRM Sales Opportunities set.
const PIPELINE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/sales_pipeline.csv"));
const ACCOUNTS: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/data/accounts.csv"));

fn counts(created: u64, updated: u64, unchanged: u64, failed: u64) -> Counts {
    Counts { created, updated, unchanged, failed }
}

pub async fn the_board_holds_what_the_file_says(world: World) {
    let session = world.system().await;
    let done = import(&session, Entity::Deal, PIPELINE, ImportOptions::default()).await;
    assert_eq!(done.counts, counts(8_800, 0, 0, 0));
    let mut expected: BTreeMap<&str, (u64, i64)> = BTreeMap::new();
    for row in PIPELINE.lines().skip(1) {
        let cells: Vec<&str> = row.split(',').collect();
        let (count, worth) = expected.entry(cells[4]).or_default();
        *count += 1;
        *worth += cells[7].parse::<i64>().unwrap_or(0) * 100;
    }
    assert_eq!(expected["Won"], (4_238, 1_000_553_400));
    let board = session.deals().board(None).await.unwrap();
    let found = board.stages.iter().map(|stage| {
        let worth = stage.total.iter().flat_map(|total| total.iter()).map(|money| money.amount_minor).sum();
        (stage.name.as_str(), (stage.count, worth))
    });
    assert_eq!(found.collect::<BTreeMap<_, _>>(), expected);
    let people = session.users().list(&ListRequest { limit: Some(200), ..samples::list() }).await.unwrap();
    assert_eq!(people.data.iter().filter(|user| user.account_id.is_none() && user.email.is_none()).count(), 30);
    assert!(uploads::written(&world).await > 8_800);
    let again = import(&session, Entity::Deal, PIPELINE, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!((again.counts, uploads::written(&world).await), (counts(0, 0, 8_800, 0), 0));
}

pub async fn deals_keep_the_times_of_the_file(world: World) {
    let session = world.system().await;
    let file = "id,name,stage,engage date,close date,amount\n\
        1,Won one,Won,10/20/2016,3/1/2017,\"$1,054.00\"\n\
        2,Open one,Engaging,10/31/2016,12/31/2017,\n\
        3,New one,,,,\n\
        4,Odd one,Lost,3/1/2017,10/20/2016,5\n\
        5,Gone one,Closed Lost,1/2/2017,1/2/2017,7 EUR\n";
    let done = import(&session, Entity::Deal, file, ImportOptions::default()).await;
    assert_eq!((done.counts, done.warnings.len()), (counts(4, 0, 0, 1), 1));
    let row = |title: &str| filtered(&format!("title = \"{title}\""));
    let won = session.deals().list(&row("Won one")).await.unwrap().data.remove(0);
    assert_eq!(won.opened_at.unwrap().to_string(), "2016-10-20T00:00:00.000000Z");
    assert_eq!(won.closed_at.unwrap().to_string(), "2017-03-01T00:00:00.000000Z");
    assert_eq!((won.stage_entered_at, won.created_at), (won.closed_at.unwrap(), won.opened_at.unwrap()));
    assert_eq!(won.value.unwrap().to_string(), "1,054.00 USD");
    let open = session.deals().list(&row("Open one")).await.unwrap().data.remove(0);
    assert_eq!((open.closed_at, open.stage_entered_at), (None, open.opened_at.unwrap()));
    let new = session.deals().list(&row("New one")).await.unwrap().data.remove(0);
    assert_eq!((new.opened_at, new.status), (None, DealStatus::Open));
    let gone = session.deals().list(&row("Gone one")).await.unwrap().data.remove(0);
    assert_eq!((gone.status, gone.value.unwrap().to_string()), (DealStatus::Lost, "7.00 EUR".to_owned()));
    let pipeline = session.pipelines().list().await.unwrap().remove(0);
    assert_eq!(pipeline.stage_named("closed lost").unwrap().kind, StageKind::Lost);
}

pub async fn a_close_that_a_later_row_corrects_is_corrected_in_the_deals_way(world: World) {
    let session = world.system().await;
    let head = "id,name,stage,engage date,close date\n";
    let before = format!("{head}1,Known,Engaging,2016-10-20,\n");
    import(&session, Entity::Deal, &before, ImportOptions::default()).await;
    let rows =
        |id: u8| format!("{id},Known,Won,2016-10-20,2017-02-01\n{id},Known,Won,,2017-01-15\n{id},Known,,,2017-01-16\n");
    // One deal is there and moves, another one is made.
    let file = format!("{head}{}{}", rows(1), rows(2));
    let done = import(&session, Entity::Deal, &file, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!(done.counts, counts(1, 5, 0, 0));
    ways_lead_to_the_deals(&session).await;
    let deals = session.deals().list(&samples::list()).await.unwrap().data;
    let closed: Vec<_> = deals.iter().map(|deal| deal.closed_at.unwrap().to_string()).collect();
    assert_eq!(closed, ["2017-01-16T00:00:00.000000Z"; 2]);
    assert!(deals.iter().all(|deal| deal.closed_at == Some(deal.stage_entered_at)));
}

pub async fn a_row_that_names_another_pipeline_leaves_its_deal_where_it_is(world: World) {
    let session = world.system().await;
    let own = pipeline(&session).await;
    let other = session.pipelines().create(samples::pipeline("Other")).await.unwrap();
    let file = "id,name,pipeline,stage\n1,A,Other,open\n2,B,,Engaging\n3,C,Nowhere,Engaging\n4,D,Other,open\n";
    import(&session, Entity::Deal, file, ImportOptions::default()).await;
    let file = format!(
        "id,pipeline,stage,lost_reason\n1,{},Engaging,\n2,Other,lost,Too dear\n3,Nowhere,Won,\n4,OTHER,won,\n",
        own.name
    );
    let done = import(&session, Entity::Deal, &file, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!((done.counts, done.warnings.len()), (counts(0, 2, 2, 0), 1));
    let stage = |own: &Pipeline, name: &str| own.stage_named(name).unwrap().id;
    let expected = [
        ("A", other.id, stage(&other, "open")),
        ("B", own.id, stage(&own, "Engaging")),
        // A pipeline that does not exist is the default one, as it was for the new deal.
        ("C", own.id, stage(&own, "Won")),
        ("D", other.id, stage(&other, "won")),
    ];
    for (title, pipeline_id, stage_id) in expected {
        let deal = session.deals().list(&filtered(&format!("title = {title}"))).await.unwrap().data.remove(0);
        assert_eq!((deal.pipeline_id, deal.stage_id), (pipeline_id, stage_id), "{title}");
    }
    assert_eq!(pipeline(&session).await, own);
    assert_eq!(session.pipelines().read(other.id).await.unwrap(), other);
}

pub async fn a_second_import_changes_nothing(world: World) {
    let session = world.session(Role::Admin).await;
    let files = [
        (Entity::Contact, uploads::contacts(40)),
        (Entity::Company, ACCOUNTS.to_owned()),
        (Entity::Deal, "title,value,stage,tags\nA,5,Won,x; y\nB,,New stage,\nA,5,Won,x; y\n".to_owned()),
    ];
    for (entity, file) in files {
        let first = import(&session, entity, &file, ImportOptions::default()).await;
        assert!(first.counts.created > 0 && first.state == ImportState::Done);
        assert!(uploads::written(&world).await > 0);
        for policy in [DuplicatePolicy::Skip, DuplicatePolicy::Update] {
            let again = import(&session, entity, &file, with_policy(policy)).await;
            assert_eq!((again.counts.created, again.counts.updated), (0, 0), "{entity} {policy:?}");
            assert_eq!(again.counts.unchanged, first.counts.created + first.counts.unchanged);
        }
        assert_eq!(uploads::written(&world).await, 0, "{entity}");
        let twice = import(&session, entity, &file, with_policy(DuplicatePolicy::Create)).await;
        assert_eq!(twice.counts.created, first.counts.created + first.counts.unchanged);
    }
}

pub async fn a_stopped_import_goes_on_to_the_same_end(world: World) {
    let (home, away) = (world.system().await, uploads::system_away(&world).await);
    let transfers = home.transfers();
    let refused = async |session: &Session, id: Id<Import>| {
        let rows = session.ports().imports.failed_rows(&reading(session, Entity::Import), id, 0, 99).await.unwrap();
        rows.into_iter().map(|row| (row.line, row.field, row.code, row.cells)).collect::<Vec<_>>()
    };
    for entity in uploads::KINDS {
        for session in [&home, &away] {
            import(session, entity, &uploads::numbered(entity, 300, 0), ImportOptions::default()).await;
        }
        for (at, policy) in ALL_POLICIES.into_iter().enumerate() {
            // In UTF-8 with and without a mark, and in UTF-16.
            let file = uploads::encodings(&uploads::numbered(entity, 1_200, at + 1)).swap_remove(at);
            let expected = imported(&away, entity, BytesSource::new(file.as_slice()), with_policy(policy)).await;
            let id = start(&home, entity, file.as_slice(), with_policy(policy)).await.unwrap().id;
            // Before any chunk, within the first one, within the second.
            for (percent, rows) in [(0, 0), (50, 0), (90, 1_000)] {
                let stopped = transfers.run(id, &mut Cut::new(&file, percent), &mut |_| {}).await;
                fails(stopped, Unavailable);
                assert_eq!(transfers.read(id).await.unwrap().rows, rows, "{entity} {policy:?}");
            }
            let done = transfers.run(id, &mut BytesSource::new(file.clone()), &mut |_| {}).await.unwrap();
            assert_eq!((done.rows, done.state), (1_200, ImportState::Done));
            assert_eq!((done.counts, &done.warnings), (expected.counts, &expected.warnings), "{entity} {policy:?}");
            let rows = refused(&home, id).await;
            assert!(!rows.is_empty() && rows == refused(&away, expected.id).await, "{entity} {policy:?}");
            let again = transfers.run(id, &mut BytesSource::new(file), &mut |_| {}).await.unwrap();
            assert_eq!((again.version, again.counts), (done.version, done.counts));
        }
        let (own, expected) = (uploads::left(&world, &home, entity).await, uploads::left(&world, &away, entity).await);
        assert!(own.len() > 1_200);
        for (own, expected) in own.iter().zip(&expected) {
            assert_eq!(own, expected, "{entity}");
        }
        assert_eq!(own.len(), expected.len(), "{entity}");
    }
}

pub async fn two_runners_of_one_import_do_not_disturb_each_other(world: World) {
    let file = uploads::contacts(2_100);
    let (one, two) = (world.system().await, world.system().await);
    let id = start(&one, Entity::Contact, file.as_str(), with_policy(DuplicatePolicy::Create)).await;
    let id = id.unwrap().id;
    let tasks = [one.clone(), two].map(|session| {
        let mut file = source(&file);
        let run = async move { session.transfers().run(id, &mut file, &mut |_| {}).await.unwrap().counts };
        Box::pin(run) as futures::future::BoxFuture<'static, Counts>
    });
    for seen in world.at_once(tasks).await {
        assert_eq!(seen, counts(2_100 - uploads::bad_contacts(2_100), 0, 0, uploads::bad_contacts(2_100)));
    }
    assert_eq!(uploads::rows(&one).await.len() as u64, 2_100 - uploads::bad_contacts(2_100));
}

pub async fn another_file_is_refused(world: World) {
    let session = world.session(Role::Admin).await;
    let transfers = session.transfers();
    let id = start(&session, Entity::Contact, "email\na@b.co\n", ImportOptions::default()).await.unwrap().id;
    for other in ["email\na@b.cc\n", "email\na@b.com\n"] {
        invalid_at(transfers.run(id, &mut source(other), &mut |_| {}).await, "file");
    }
    assert_eq!(transfers.read(id).await.unwrap().counts, Counts::default());
}

pub async fn bad_rows_are_named_by_field_and_line(world: World) {
    let session = world.session(Role::Admin).await;
    let file = b"first name,email,lifecycle,note\n\
        Ada,ada@example.com,lead,\"two\nlines\"\n\
        Bob,not an address,lead,\n\
        \n\
        Cy,cy@example.com,hero,\n\
        Di,di@example.com\n\
        N\0l,n@example.com,lead,\n\
        \xff,e@example.com,lead,\n\
        ,,,just a note\n\
        Ed,ed@example.com,lead,\"open\n";
    // Without a word about it the file would pass for Windows-1252.
    let options = ImportOptions { encoding: Some(Encoding::Utf8), ..ImportOptions::default() };
    let done = imported(&session, Entity::Contact, BytesSource::new(*file), options).await;
    assert_eq!(done.counts, counts(1, 0, 0, 7));
    let grant = reading(&session, Entity::Import);
    let rows = session.ports().imports.failed_rows(&grant, done.id, 0, 99).await.unwrap();
    let faults: Vec<(u64, &str, &str)> =
        rows.iter().map(|row| (row.line, row.field.as_str(), row.code.as_str())).collect();
    let expected = [
        (4, "email", "email"),
        (6, "lifecycle", "lifecycle"),
        (7, "", "ragged"),
        (8, "first name", "nul"),
        (9, "first name", "encoding"),
        (10, "last_name", "required"),
        (11, "note", "unclosed_quote"),
    ];
    assert_eq!(faults, expected);
    let file = session.transfers().failed_rows(done.id).try_concat().await.unwrap();
    let file = String::from_utf8(file).unwrap();
    assert!(file.starts_with("\u{feff}line,field,reason,first name,email,lifecycle,note\r\n4,email,"), "{file}");
    assert_eq!(file.lines().count(), 8);
}

pub async fn a_refused_row_leaves_nothing_behind(world: World) {
    let session = world.session(Role::Admin).await;
    let long = "x".repeat(201);
    let file = format!("last name,title,company,owner\nA,{long},Ghost Inc,Nobody\nB,fine,Real Inc,Somebody\n");
    import(&session, Entity::Contact, &file, ImportOptions::default()).await;
    let companies = session.companies().list(&samples::list()).await.unwrap();
    assert_eq!(companies.data.iter().map(|company| company.name.as_str()).collect::<Vec<_>>(), ["Real Inc"]);
    let people = session.users().list(&filtered("name in [\"Nobody\", \"Somebody\"]")).await.unwrap();
    assert_eq!(people.data.len(), 1);
}

pub async fn a_file_without_a_header_is_refused(world: World) {
    let session = world.session(Role::Admin).await;
    for file in
        [&b""[..], b"\n\n", b"\"open", b"\xef\xbb\xbf", b"first name,em\0ail,phone\nAda,a@b.co,12345\n", b",,\n"]
    {
        let started = start(&session, Entity::Contact, file, ImportOptions::default());
        invalid_at(started.await, "file");
    }
    let nothing = start(&session, Entity::Contact, "shoe\n9\n", ImportOptions::default());
    invalid_at(nothing.await, "mapping");
    let dates = start(&session, Entity::Contact, "name,created\nA,1/2/2017\n", Default::default());
    invalid_at(dates.await, "date_format");
    let wrong = start(&session, Entity::Note, "body\nx\n", ImportOptions::default());
    assert!(matches!(refused(wrong.await).kind(), Invalid));
}

pub async fn a_preview_writes_nothing_and_is_right(world: World) {
    let session = world.session(Role::Admin).await;
    let email = "p7@example.com".parse::<Email>().unwrap().into();
    contact(&session, ContactEdit { email, ..samples::contact("Old") }).await;
    let file = uploads::contacts(1_200);
    for policy in ALL_POLICIES {
        let options = ImportOptions { create_fields: true, ..with_policy(policy) };
        uploads::written(&world).await;
        let preview = session.transfers().preview(Entity::Contact, &mut source(&file), &options).await.unwrap();
        assert_eq!(uploads::written(&world).await, 0);
        let done = import(&session, Entity::Contact, &file, options).await;
        assert_eq!((preview.counts, preview.rows), (done.counts, done.rows), "{policy:?}");
        assert_eq!(preview.errors.len() as u64, done.counts.failed);
    }
}

pub async fn every_encoding_and_delimiter_reads_alike(world: World) {
    let session = world.session(Role::Admin).await;
    let rows = [
        ["first_name", "last_name", "email", "created_at", "tags"],
        ["Zoë", "O\"Brien; Müller", "zoe@example.com", "2017-03-01", "a, b"],
        ["€uro", "x,y", "euro@example.com", "2016-12-31T23:00:00+01:00", ""],
        ["x|y", "two", "tab@example.com", "", "a"],
    ];
    let mut first = true;
    for delimiter in [b',', b';', b'\t'] {
        let mut writer = crate::transfer::writer::Writer::new(delimiter);
        rows.iter().for_each(|row| writer.row(row.iter().copied()));
        let file = String::from_utf8(writer.take()).unwrap();
        for bytes in uploads::encodings(&file) {
            let options = with_policy(DuplicatePolicy::Update);
            let done = imported(&session, Entity::Contact, BytesSource::new(bytes), options).await;
            let expected = if std::mem::take(&mut first) { counts(3, 0, 0, 0) } else { counts(0, 0, 3, 0) };
            assert_eq!(done.counts, expected, "{:?}", done.format);
        }
    }
}

pub async fn columns_fill_what_the_caller_says(world: World) {
    let session = world.session(Role::Admin).await;
    field(&session, Entity::Contact, "size", CustomKind::Number).await;
    let file = "who,mail,origin,shoe,floor\nAda King Lovelace,ada@example.com,web,\"4,5\",2nd\n";
    let mapping = [("who", "full_name"), ("mail", ""), ("origin", "source"), ("shoe", "custom.size")];
    let mapping = mapping.map(|(header, field)| (header.to_owned(), field.to_owned())).into();
    let values = [("source".to_owned(), [("web".to_owned(), "website".to_owned())].into())].into();
    let options = ImportOptions { mapping, values, create_fields: true, ..ImportOptions::default() };
    import(&session, Entity::Contact, file, options).await;
    // A session knows the fields that there were when it began.
    let session = world.session(Role::Admin).await;
    let found = session.contacts().list(&samples::list()).await.unwrap().data.remove(0);
    assert_eq!((found.first_name.as_deref(), found.last_name.as_deref()), (Some("Ada King"), Some("Lovelace")));
    assert_eq!((found.email.as_ref(), found.source.as_deref()), (None, Some("website")));
    assert_eq!((found.custom["size"].as_f64(), found.custom["floor"].as_str()), (Some(4.5), Some("2nd")));
}

pub async fn custom_values_are_read_by_their_kinds(world: World) {
    let session = world.session(Role::Admin).await;
    let acme = company(&session, "Acme").await;
    for (key, kind) in [
        ("amount", CustomKind::Money),
        ("day", CustomKind::Date),
        ("yes", CustomKind::Boolean),
        ("colours", CustomKind::MultiChoice),
        ("coach", CustomKind::User),
        ("parent", CustomKind::Reference),
    ] {
        field(&session, Entity::Contact, key, kind).await;
    }
    let session = world.session(Role::Admin).await;
    let file = format!(
        "name;amount;day;yes;colours;coach;parent\n\
         A;1.234,50 €;31.1.2026;yes;big fish, nord;closer@home.example;{acme}\n\
         B;;;maybe;;;\n\
         C;;;;green;;\n\
         D;;;;;;{}\n",
        world.home.workspace
    );
    let done = import(&session, Entity::Contact, &file, ImportOptions::default()).await;
    assert_eq!(done.counts, counts(1, 0, 0, 3));
    let found = session.contacts().list(&samples::list()).await.unwrap().data.remove(0);
    let expected = serde_json::json!({
        "amount": { "amount_minor": 123_450, "currency": "EUR" },
        "day": "2026-01-31",
        "yes": true,
        "colours": ["Big Fish", "Nord"],
        "coach": world.home.member(Role::Closer),
        "parent": acme,
    });
    assert_eq!(serde_json::Value::from(found.custom.clone()), expected);
    let again = import(&session, Entity::Contact, &file, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!(again.counts, counts(0, 0, 1, 3));
}

pub async fn nothing_is_made_that_shall_not_be(world: World) {
    let session = world.session(Role::Admin).await;
    let options = ImportOptions { create_missing: false, ..ImportOptions::default() };
    let file = "name,owner,company,tags\nA,Nobody,Nowhere,none\n";
    let done = import(&session, Entity::Contact, file, options.clone()).await;
    assert_eq!((done.counts, done.warnings.len()), (counts(1, 0, 0, 0), 3));
    let made = session.contacts().list(&samples::list()).await.unwrap().data.remove(0);
    assert_eq!((made.company_id, made.tags.len()), (None, 0));
    let done = import(&session, Entity::Deal, "title,stage\nA,Nowhere\n", options).await;
    assert_eq!(done.counts, counts(0, 0, 0, 1));
    assert_eq!(session.pipelines().list().await.unwrap()[0].version, 1);
}

pub async fn an_update_changes_what_the_file_says_and_no_more(world: World) {
    let session = world.session(Role::Admin).await;
    let first =
        "id,name,amount,stage,engage date,close date\n1,One,5,Engaging,2026-01-01,\n2,Two,5,Engaging,2026-01-01,\n";
    import(&session, Entity::Deal, first, ImportOptions::default()).await;
    let second = "id,name,amount,stage,close date\n1,,7,Won,2026-02-01\n2,Two,,,\n1,Uno,,,\n";
    let skipped = import(&session, Entity::Deal, second, ImportOptions::default()).await;
    assert_eq!(skipped.counts, counts(0, 0, 3, 0));
    let done = import(&session, Entity::Deal, second, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!(done.counts, counts(0, 2, 1, 0));
    let one = session.deals().list(&filtered("external_id = \"1\"")).await.unwrap().data.remove(0);
    assert_eq!((one.title.as_str(), one.value.unwrap().amount_minor, one.version), ("Uno", 700, 2));
    assert_eq!((one.status, one.closed_at), (DealStatus::Won, Some(one.stage_entered_at)));
    let back = "id,stage,close date\n1,Lost,2025-12-31\n";
    let done = import(&session, Entity::Deal, back, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!(done.counts, counts(0, 0, 0, 1));
}

pub async fn what_a_caller_may_not_do_an_import_does_not(world: World) {
    let agent = world.session(Role::SupportAgent).await;
    let started = start(&agent, Entity::Contact, "email\na@b.co\n", ImportOptions::default());
    fails(started.await, Denied);
    let rep = world.session(Role::SalesRep).await;
    let file = "name,owner,company\nA,,Own Inc\nB,manager@home.example,\nC,Unknown Person,\n";
    let done = import(&rep, Entity::Contact, file, ImportOptions::default()).await;
    assert_eq!(done.counts, counts(1, 0, 0, 2));
    let own = rep.contacts().list(&samples::list()).await.unwrap().data.remove(0);
    assert_eq!((own.owner_id, own.company_id.is_some()), (Some(world.home.member(Role::SalesRep)), true));
    // An unknown stage is not made, and a hidden field is none.
    let done = import(&rep, Entity::Deal, "title,stage\nA,Nowhere\nB,Won\n", ImportOptions::default()).await;
    assert_eq!(done.counts, counts(1, 0, 0, 1));
    world.set_rule(Role::SalesRep, Entity::Contact, hiding(&["phone"])).await;
    let rep = world.session(Role::SalesRep).await;
    let mapping = [("p".to_owned(), "phone".to_owned())].into();
    let options = ImportOptions { mapping, ..ImportOptions::default() };
    let hidden = start(&rep, Entity::Contact, "name,p\nA,12345\n", options);
    invalid_at(hidden.await, "mapping.p");
}

pub async fn an_export_can_be_imported_as_it_is(world: World) {
    field(&world.session(Role::Admin).await, Entity::Contact, "note", CustomKind::Text).await;
    let session = world.session(Role::Admin).await;
    let acme = company(&session, "=SUM(A1)").await;
    let attacks: Vec<String> = serde_json::from_str(uploads::ATTACKS).unwrap();
    for (number, attack) in attacks.iter().enumerate() {
        let edit = ContactEdit {
            email: format!("a{number}@example.com").parse::<Email>().unwrap().into(),
            company_id: acme.into(),
            tags: vec!["@tag".to_owned(), "b".to_owned()].into(),
            custom: samples::custom("note", attack.trim()),
            ..samples::contact("+cmd|x")
        };
        // Some attacks hold what no text may.
        let _ = session.contacts().create(edit).await;
    }
    let made = uploads::rows(&session).await;
    assert!(made.len() > 10);
    let file = session.transfers().export(Entity::Contact, samples::list()).try_concat().await.unwrap();
    let again = imported(&session, Entity::Contact, BytesSource::new(file), with_policy(DuplicatePolicy::Update)).await;
    assert_eq!(again.counts, counts(0, 0, made.len() as u64, 0));
    assert_eq!(uploads::rows(&session).await, made);
}

pub async fn what_forecasts_need_goes_in_and_comes_out(world: World) {
    let session = world.system().await;
    let file = "id,name,stage,expected close date,probability,forecast category,lost reason\n\
        1,Sure,Engaging,3/31/2026,90 %,Best Case,\n\
        2,Share,Engaging,2026-04-01,0.35,,\n\
        3,Gone,Lost,,100,commit,Too dear\n\
        4,Odd,Engaging,2/30/2026,101,sure,\n\
        5,Kept,Engaging,,,,Too dear\n";
    let done = import(&session, Entity::Deal, file, ImportOptions::default()).await;
    assert_eq!(done.counts, counts(3, 0, 0, 2));
    let named = async |title: &str| {
        session.deals().list(&filtered(&format!("title = \"{title}\""))).await.unwrap().data.remove(0)
    };
    let sure = named("Sure").await;
    assert_eq!(sure.expected_close_date.map(|day| day.to_string()).as_deref(), Some("2026-03-31"));
    assert_eq!((sure.probability, sure.forecast_category), (Some(90), Some(ForecastCategory::BestCase)));
    assert_eq!(named("Share").await.probability, Some(35));
    let gone = named("Gone").await;
    assert_eq!((gone.probability, gone.forecast_category, gone.lost_reason.as_deref()), (None, None, Some("Too dear")));

    let exported = session.transfers().export(Entity::Deal, samples::list()).try_concat().await.unwrap();
    let exported = String::from_utf8(exported).unwrap();
    let again = import(&session, Entity::Deal, &exported, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!(again.counts, counts(0, 0, 3, 0));
    // A row that ends a deal says why; one that says nothing changes nothing.
    let update = "id,stage,probability,lost reason\n1,Lost,,No money\n2,Engaging,,\n";
    let done = import(&session, Entity::Deal, update, with_policy(DuplicatePolicy::Update)).await;
    assert_eq!(done.counts, counts(0, 1, 1, 0));
    let sure = named("Sure").await;
    assert_eq!((sure.status, sure.lost_reason.as_deref()), (DealStatus::Lost, Some("No money")));
    assert_eq!(named("Share").await.probability, Some(35));
}

pub async fn an_export_is_the_whole_list_as_the_caller_sees_it(world: World) {
    let admin = world.system().await;
    let file = uploads::contacts(4_500);
    let done = import(&admin, Entity::Contact, &file, with_policy(DuplicatePolicy::Create)).await;
    deal(&admin, samples::deal("One")).await;
    let request = ListRequest { sort: Some("email".to_owned()), limit: Some(1), ..samples::list() };
    let pieces: Vec<_> = admin.transfers().export(Entity::Contact, request).try_collect().await.unwrap();
    assert!(pieces.len() > 1);
    let text = String::from_utf8(pieces.concat()).unwrap();
    assert_eq!(text.lines().count() as u64, done.counts.created + 1);
    let few = admin.transfers().export(Entity::Contact, filtered("email = \"p7@example.com\"")).try_concat().await;
    assert_eq!(String::from_utf8(few.unwrap()).unwrap().lines().count(), 2);
    world.set_rule(Role::Manager, Entity::Deal, hiding(&["value"])).await;
    let manager = world.session(Role::Manager).await;
    let deals = manager.transfers().export(Entity::Deal, samples::list()).try_concat().await.unwrap();
    let header = String::from_utf8(deals).unwrap();
    let header: Vec<&str> = header.lines().next().unwrap().split(',').collect();
    assert!(!header.contains(&"value") && !header.contains(&"currency") && header.contains(&"stage"));
    let agent = world.session(Role::SupportAgent).await;
    fails(agent.transfers().export(Entity::Deal, samples::list()).try_concat().await, Denied);
}
