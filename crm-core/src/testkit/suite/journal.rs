//! The journal holds everything that happened, in order, once, and shows when it was touched.

use std::collections::BTreeSet;

use futures::future::BoxFuture;
use serde_json::json;
use uuid::Uuid;

use super::support::{commit, contact, contact_of, deal, fails, feed, field, invalid_at, pipeline, reading, stage};
use crate::access::{Entity, Role};
use crate::contact::ContactEdit;
use crate::custom_field::CustomKind;
use crate::deal::DealEvent;
use crate::edit::Edit;
use crate::error::ErrorKind::NotFound;
use crate::error::Result;
use crate::id::Id;
use crate::journal::chain::{self, GENESIS, Texts};
use crate::journal::{Batch, Change, Event, SealedEntry};
use crate::session::{Expect, image_at};
use crate::store::Stored;
use crate::testkit::{World, samples};
use crate::user::UserEvent;
use crate::{contact::Contact, page::Page};

pub async fn the_images_of_a_record_add_up_to_it_at_every_version(world: World) {
    let admin = world.session(Role::Admin).await;
    field(&admin, Entity::Contact, "budget", CustomKind::Number).await;
    field(&admin, Entity::Contact, "parts", CustomKind::MultiChoice).await;
    let admin = world.session(Role::Admin).await;
    let start = ContactEdit { tags: vec!["a".to_owned(), "Ünï".to_owned()].into(), ..samples::contact("A") };
    let id = contact(&admin, start).await.id;
    let none = ContactEdit::default;
    let edits = [
        ContactEdit { email: Edit::Set("a@b.co".parse().unwrap()), first_name: "B".into(), ..none() },
        ContactEdit { email: Edit::Clear, custom: samples::custom("budget", 1.5), ..none() },
        ContactEdit { tags: Edit::Clear, custom: samples::custom("parts", json!(["Nord", "Süd"])), ..none() },
        ContactEdit { custom: samples::custom("budget", json!(null)), owner_id: Edit::Clear, ..none() },
        ContactEdit { custom: Edit::Clear, last_name: "Z".into(), ..none() },
    ];
    let mut versions = vec![admin.contacts().read(id).await.unwrap().into_inner()];
    for edit in edits {
        versions.push(admin.contacts().update(id, edit, Expect::Any).await.unwrap().into_inner());
    }
    let grant = reading(&admin, Entity::Contact);
    for version in versions {
        let up_to = version.version;
        let history = world.crm.ports.journal.history(&grant, Entity::Contact, id.uuid(), up_to).await.unwrap();
        let numbers: Vec<i64> = history.iter().map(|entry| entry.version).collect();
        assert_eq!(numbers, (1..=up_to).collect::<Vec<_>>());
        assert_eq!(image_at::<Contact>(&history), Some(version));
    }
}

pub async fn the_history_of_a_record_leaves_out_what_wrote_nothing(world: World) {
    let registered =
        world.crm.auth().register(samples::register("Third", "ada@example.com").unwrap(), "1").await.unwrap();
    let admin = world.crm.auth().authenticate(&registered.tokens.access_token).await.unwrap().0;
    let id = registered.user.id;
    admin.users().create(samples::user("Other", Role::Admin)).await.unwrap();
    let grant = reading(&admin, Entity::User);
    let history = world.crm.ports.journal.history(&grant, Entity::User, id.uuid(), 9).await.unwrap();
    assert_eq!(history.iter().map(|entry| entry.version).collect::<Vec<_>>(), [1]);
    let feed = feed(&world, registered.workspace.id).await;
    assert!(feed.iter().any(|entry| entry.entry.change == Change::Noted && entry.entry.record_id == id.uuid()));
}

/// Walks the chain as an outsider would: every number, digest and link.
fn check_chain(world: &World, feed: &[SealedEntry]) {
    let mut previous = GENESIS;
    for (at, sealed) in feed.iter().enumerate() {
        assert_eq!(sealed.seq, at as i64 + 1, "the numbers are dense");
        let content = match (&sealed.salt, sealed.digest) {
            (Some(salt), None) => chain::content(salt, &sealed.texts),
            (None, Some(kept)) => kept,
            other => panic!("neither whole nor erased: {other:?}"),
        };
        assert_eq!(sealed.texts, Texts::of(&sealed.entry), "the entry says what its texts say");
        let digest = chain::digest(&sealed.entry, &content);
        assert_eq!(chain::link(&previous, world.home.workspace, sealed.seq, &digest), sealed.hash);
        previous = sealed.hash;
    }
}

pub async fn the_feed_is_dense_and_in_the_order_of_versions(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = contact_of(&world, Role::Admin, "0").await;
    for name in ["1", "2", "3", "4"] {
        admin.contacts().update(id, samples::contact(name), Expect::Any).await.unwrap();
    }
    let feed = feed(&world, world.home.workspace).await;
    check_chain(&world, &feed);
    let own: Vec<i64> = feed.iter().filter(|e| e.entry.record_id == id.uuid()).map(|e| e.entry.version).collect();
    assert_eq!(own, [1, 2, 3, 4, 5]);
    let journal = &world.crm.ports.journal;
    let last = feed.len() as i64;
    assert!(journal.feed(world.home.workspace, last, 10).await.unwrap().is_empty());
    let one = journal.feed(world.home.workspace, last - 2, 1).await.unwrap();
    assert_eq!(one.iter().map(|entry| entry.seq).collect::<Vec<_>>(), [last - 1]);
    assert_eq!(journal.seal_batch(world.home.workspace, 10).await.unwrap(), 0);
}

pub async fn sealing_goes_on_in_steps_of_the_asked_size(world: World) {
    let journal = &world.crm.ports.journal;
    while journal.seal_batch(world.home.workspace, 100).await.unwrap() > 0 {}
    for name in ["A", "B", "C"] {
        contact_of(&world, Role::Admin, name).await;
    }
    let waiting = journal.verify(world.home.workspace).await.unwrap();
    assert!(waiting.holds());
    assert_eq!(journal.seal_batch(world.home.workspace, 2).await.unwrap(), 2);
    assert_eq!(journal.seal_batch(world.home.workspace, 2).await.unwrap(), 1);
    assert_eq!(journal.seal_batch(world.home.workspace, 2).await.unwrap(), 0);
    let done = journal.verify(world.home.workspace).await.unwrap();
    assert_eq!((done.sealed, done.unsealed), (waiting.sealed + waiting.unsealed, 0));
    let nowhere = Id::new_at(world.crm.now());
    assert_eq!(journal.seal_batch(nowhere, 2).await.unwrap(), 0);
    assert!(journal.feed(nowhere, 0, 2).await.unwrap().is_empty());
}

pub async fn a_workspace_waits_for_its_seal_as_long_as_entries_do(world: World) {
    let journal = &world.crm.ports.journal;
    let waits = async |id| journal.unsealed().await.unwrap().contains(&id);
    assert!(waits(world.home.workspace).await && waits(world.away.workspace).await);
    feed(&world, world.home.workspace).await;
    assert!(!waits(world.home.workspace).await && waits(world.away.workspace).await);
    contact_of(&world, Role::Admin, "A").await;
    assert_eq!(journal.seal_batch(world.home.workspace, 0).await.unwrap(), 0);
    assert!(waits(world.home.workspace).await);
    feed(&world, world.home.workspace).await;
    feed(&world, world.away.workspace).await;
    assert!(journal.unsealed().await.unwrap().is_empty());
}

pub async fn a_workspace_is_sealed_whatever_waits_in_another(world: World) {
    contact_of(&world, Role::Admin, "A").await;
    contact(&world.stranger().await, samples::contact("B")).await;
    contact_of(&world, Role::Admin, "C").await;
    // What the other one wrote before and after it takes no place among so many.
    for workspace in [world.away.workspace, world.home.workspace, world.away.workspace] {
        assert_eq!(world.crm.ports.journal.seal_batch(workspace, 1).await.unwrap(), 1);
    }
}

pub async fn the_feed_loses_nothing_while_writers_and_sealers_race(world: World) {
    const WRITERS: usize = 8;
    const WRITES: usize = 20;
    let workspace = world.home.workspace;
    let mut tasks: Vec<BoxFuture<'static, Result<Vec<Uuid>>>> = Vec::new();
    for writer in 0..WRITERS {
        let session = match writer % 2 {
            0 => world.session(Role::Admin).await,
            _ => world.second_session(Role::Admin).await,
        };
        tasks.push(Box::pin(async move {
            let mut ids = Vec::new();
            for at in 0..WRITES {
                let name = format!("{writer} {at}");
                ids.push(session.contacts().create(samples::contact(&name)).await?.id.uuid());
            }
            Ok(ids)
        }));
    }
    for crm in [&world.crm, &world.second] {
        let journal = crm.ports.journal.clone();
        // A sealer, which also reads the feed as a worker does: from the last number on.
        tasks.push(Box::pin(async move {
            let (mut seen, mut after) = (Vec::new(), 0);
            for _ in 0..60 {
                journal.seal_batch(workspace, 5).await?;
                for entry in journal.feed(workspace, after, 1_000).await? {
                    assert_eq!(entry.seq, after + 1, "a reader must not see a gap");
                    after = entry.seq;
                    seen.push(entry.entry.id.uuid());
                }
            }
            let once: BTreeSet<_> = seen.iter().collect();
            assert_eq!(once.len(), seen.len());
            Ok(Vec::new())
        }));
    }
    let written: BTreeSet<Uuid> = world.at_once(tasks).await.into_iter().flat_map(Result::unwrap).collect();
    assert_eq!(written.len(), WRITERS * WRITES);
    let feed = feed(&world, workspace).await;
    check_chain(&world, &feed);
    let fed: Vec<Uuid> = feed.iter().filter(|e| e.entry.entity == Entity::Contact).map(|e| e.entry.record_id).collect();
    assert_eq!(fed.len(), written.len());
    assert_eq!(fed.into_iter().collect::<BTreeSet<_>>(), written);
    let verified = world.crm.ports.journal.verify(workspace).await.unwrap();
    assert!(verified.holds());
    assert_eq!((verified.sealed, verified.unsealed), (feed.len() as i64, 0));
}

pub async fn numbers_and_texts_of_every_shape_keep_the_chain(world: World) {
    let admin = world.session(Role::Admin).await;
    field(&admin, Entity::Contact, "number", CustomKind::Number).await;
    field(&admin, Entity::Contact, "text", CustomKind::Text).await;
    let admin = world.session(Role::Admin).await;
    let numbers = [
        json!(0.1),
        json!(-0.0),
        json!(1.0),
        json!(1e18),
        json!(1e19),
        json!(1e308),
        json!(5e-324),
        json!(1e-7),
        json!(123_456_789.123_456_78),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(9_007_199_254_740_993_i64),
        // These were misread by one unit in the last place.
        json!(1_577_899.432_243_878_3),
        json!(113_624.255_006_303_79),
        json!(4_080_637.447_043_555),
    ];
    let texts =
        ["\"\\/", "\u{2028}\u{feff}", "🐟\u{10ffff}", "e\u{301}", "<script>&amp;", "\t tabs\nand lines \u{a0}x"];
    for (at, number) in numbers.iter().enumerate() {
        let mut custom = crate::custom_field::CustomValues::new();
        custom.insert("number".to_owned(), number.clone());
        custom.insert("text".to_owned(), json!(texts[at % texts.len()]));
        let edit = ContactEdit { custom: custom.into(), ..samples::contact(&at.to_string()) };
        let made = contact(&admin, edit).await;
        let read = admin.contacts().read(made.id).await.unwrap();
        assert_eq!(read, made, "{number}");
        assert_eq!(read.custom["number"].as_f64(), number.as_f64(), "{number}");
    }
    check_chain(&world, &feed(&world, world.home.workspace).await);
    let verified = world.crm.ports.journal.verify(world.home.workspace).await.unwrap();
    assert!(verified.holds(), "{verified:?}");
}

pub async fn a_purge_erases_content_and_leaves_the_chain_whole(world: World) {
    let admin = world.session(Role::Admin).await;
    for is_sealed_before in [true, false] {
        let name = format!("Secretive{is_sealed_before}");
        let id = contact_of(&world, Role::Admin, &name).await;
        admin
            .contacts()
            .update(id, ContactEdit { title: "Secretive".into(), ..Default::default() }, Expect::Any)
            .await
            .unwrap();
        if is_sealed_before {
            feed(&world, world.home.workspace).await;
        }
        admin.contacts().delete(id, Expect::Any).await.unwrap();
        admin.contacts().purge(id).await.unwrap();
        let feed = feed(&world, world.home.workspace).await;
        check_chain(&world, &feed);
        let own: Vec<&SealedEntry> = feed.iter().filter(|entry| entry.entry.record_id == id.uuid()).collect();
        let changes: Vec<Change> = own.iter().map(|entry| entry.entry.change).collect();
        assert_eq!(changes, [Change::Created, Change::Updated, Change::Deleted, Change::Purged]);
        for erased in &own[..3] {
            assert_eq!((erased.salt.as_ref(), erased.digest.is_some()), (None, true));
            assert!(erased.entry.before.is_empty() && erased.entry.after.is_empty() && erased.entry.events.is_empty());
        }
        assert!(!format!("{feed:?}").contains("Secretive"));
        let grant = reading(&admin, Entity::Contact);
        let history = world.crm.ports.journal.history(&grant, Entity::Contact, id.uuid(), 9).await.unwrap();
        assert!(history.iter().all(|entry| entry.after.is_empty()));
    }
    let verified = admin.workspace().verify_journal().await.unwrap();
    assert!(verified.holds(), "{verified:?}");
    assert_eq!((verified.purged, verified.unsealed), (6, 0));
}

pub async fn a_purge_erases_the_history_of_notes_on_the_record_too(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = contact_of(&world, Role::Admin, "A").await;
    let other = contact_of(&world, Role::Admin, "B").await;
    let note = admin.activities().create_note(samples::note(id, "Secretive")).await.unwrap().id;
    admin.activities().create_note(samples::note(id, "Secretive too")).await.unwrap();
    admin.activities().create_note(samples::note(other, "Public")).await.unwrap();
    admin.activities().delete_note(note, Expect::Any).await.unwrap();
    admin.contacts().delete(id, Expect::Any).await.unwrap();
    admin.contacts().purge(id).await.unwrap();
    let feed = feed(&world, world.home.workspace).await;
    check_chain(&world, &feed);
    let text = format!("{feed:?}");
    assert!(!text.contains("Secretive") && text.contains("Public"));
    let verified = admin.workspace().verify_journal().await.unwrap();
    assert!(verified.holds(), "{verified:?}");
    // The contact's making and deletion, two notes, one of them deleted.
    assert_eq!(verified.purged, 5);
}

pub async fn an_entry_says_who_did_what_and_when(world: World) {
    let setter = world.session(Role::Setter).await;
    let at = world.set_time("2026-04-01T08:00:00Z");
    world.clock.tick_micros(0);
    let own = contact(&setter, samples::contact("A")).await.id.uuid();
    let other = contact(&world.system().await, samples::contact("B")).await.id.uuid();
    let feed = feed(&world, world.home.workspace).await;
    let of = |id| &feed.iter().find(|entry| entry.entry.record_id == id).unwrap().entry;
    let (first, second) = (of(own), of(other));
    assert_eq!((first.actor.user_id, first.actor.cause.as_deref()), (Some(world.home.member(Role::Setter)), None));
    assert_eq!((second.actor.user_id, second.actor.cause.as_deref()), (None, Some("testkit")));
    assert_eq!((first.change, first.version, first.batch, first.depth), (Change::Created, 1, None, 0));
    assert!(first.at.micros() - at.micros() < 1_000_000);
    assert_eq!((first.before.len(), &first.after["last_name"]), (0, &json!("A")));
}

pub async fn facts_and_batches_are_kept_with_the_change(world: World) {
    let admin = world.session(Role::Admin).await;
    let own = deal(&admin, samples::deal("D")).await;
    let won = stage(&admin, "Won").await;
    let moved = admin.deals().move_to(own.id, won, Expect::Any).await.unwrap();
    let setter = world.home.member(Role::Setter);
    admin.users().change_role(setter, Role::Closer, Expect::Any).await.unwrap();
    let batch: Id<Batch> = Id::new_at(admin.now());
    let mut changes = admin.changes();
    let mut row = Stored::new(Contact {
        last_name: Some("B".to_owned()),
        ..Contact::blank(Id::new_at(admin.now()), admin.now())
    });
    changes.put(&mut row);
    changes.in_batch(batch);
    commit(&admin, changes).await.unwrap();
    let feed = feed(&world, world.home.workspace).await;
    let last = |id: Uuid| &feed.iter().rfind(|entry| entry.entry.record_id == id).unwrap().entry;
    let at = moved.stage_entered_at;
    let event = DealEvent::Moved { from: Some(own.stage_id), to: won, at };
    assert_eq!(last(own.id.uuid()).events, [Event::Deal(event)]);
    let event = UserEvent::RoleChanged { from: Role::Setter, to: Role::Closer };
    assert_eq!(last(setter.uuid()).events, [Event::User(event)]);
    assert_eq!(last(row.id.uuid()).batch, Some(batch));
    assert_eq!(pipeline(&admin).await.stage(won).unwrap().name, "Won");
}

pub async fn the_timeline_is_the_records_history_and_that_of_its_notes(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = contact_of(&world, Role::Admin, "A").await;
    contact_of(&world, Role::Admin, "other").await;
    let note = admin.activities().create_note(samples::note(id, "hello")).await.unwrap();
    admin.contacts().update(id, samples::contact("B"), Expect::Any).await.unwrap();
    admin.activities().delete_note(note.id, Expect::Any).await.unwrap();
    let told = |page: &Page<crate::journal::TimelineItem>| {
        page.data.iter().map(|item| (item.entity, item.change)).collect::<Vec<_>>()
    };
    let whole = admin.contacts().timeline(id, None, None).await.unwrap();
    let expected = [
        (Entity::Note, Change::Deleted),
        (Entity::Contact, Change::Updated),
        (Entity::Note, Change::Created),
        (Entity::Contact, Change::Created),
    ];
    assert_eq!((told(&whole), whole.next_cursor.as_deref()), (expected.to_vec(), None));
    assert_eq!((&whole.data[1].before["last_name"], &whole.data[1].after["last_name"]), (&json!("A"), &json!("B")));
    for limit in 1..=4 {
        let (mut seen, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let page = admin.contacts().timeline(id, cursor.as_deref(), Some(limit)).await.unwrap();
            assert!(page.data.len() <= usize::from(limit));
            seen.extend(told(&page));
            assert_eq!(page.next_cursor.is_none(), seen.len() == expected.len(), "{limit} a page");
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, expected, "{limit} a page");
    }
    for cursor in ["", "x", "\0", "00000000-0000-0000-0000-00000000000g"] {
        invalid_at(admin.contacts().timeline(id, Some(cursor), None).await, "cursor");
    }
    let other = contact_of(&world, Role::Admin, "C").await;
    let cursor = admin.contacts().timeline(id, None, Some(1)).await.unwrap().next_cursor;
    invalid_at(admin.contacts().timeline(other, cursor.as_deref(), None).await, "cursor");
    // Without notes it has pages too.
    admin.contacts().update(other, samples::contact("D"), Expect::Any).await.unwrap();
    assert!(admin.contacts().timeline(other, None, Some(1)).await.unwrap().next_cursor.is_some());
    invalid_at(admin.contacts().timeline(id, None, Some(0)).await, "limit");
    fails(admin.contacts().timeline(Id::new_at(admin.now()), None, None).await, NotFound);
}
