//! A row whose record exists is known again, however it came to exist.

use futures::TryStreamExt;
use futures::future::BoxFuture;

use super::support::{contact, deal, field, filtered, names, own_alone};
use super::uploads::{self, import, source, start, with_policy};
use crate::access::{Entity, Role};
use crate::contact::ContactEdit;
use crate::custom_field::CustomKind;
use crate::deal::DealEdit;
use crate::edit::Edit;
use crate::page::ListRequest;
use crate::session::Session;
use crate::testkit::{World, samples};
use crate::transfer::{Counts, DuplicatePolicy, ImportOptions};

/// How many contacts, companies and members there are.
async fn sizes(session: &Session) -> [Option<u64>; 3] {
    let request = ListRequest { count: true, limit: Some(1), ..samples::list() };
    [
        session.contacts().list(&request).await.unwrap().total,
        session.companies().list(&request).await.unwrap().total,
        session.users().list(&request).await.unwrap().total,
    ]
}

/// Imports one file of contacts through several sessions at once.
async fn at_once(world: &World, sessions: impl IntoIterator<Item = Session>, file: &str) -> Vec<Counts> {
    let tasks = sessions.into_iter().map(|session| {
        let file = file.to_owned();
        let run = async move {
            let id = start(&session, Entity::Contact, file.as_str(), ImportOptions::default()).await.unwrap().id;
            session.transfers().run(id, &mut source(&file), &mut |_| {}).await.unwrap().counts
        };
        Box::pin(run) as BoxFuture<'static, Counts>
    });
    world.at_once(tasks).await
}

pub async fn two_imports_of_one_file_at_once_leave_each_row_once(world: World) {
    let file = uploads::contacts(2_100);
    let away = uploads::system_away(&world).await;
    let alone = import(&away, Entity::Contact, &file, ImportOptions::default()).await.counts;
    let sessions = [world.session(Role::Admin).await, world.second_session(Role::Admin).await];
    let counts = at_once(&world, sessions, &file).await;
    assert_eq!(counts.iter().map(|counts| counts.created).sum::<u64>(), alone.created);
    assert!(counts.iter().all(|counts| counts.created + counts.unchanged == alone.created + alone.unchanged));
    assert_eq!(sizes(&world.system().await).await, sizes(&away).await);
}

pub async fn several_imports_at_once_all_come_to_their_end(world: World) {
    let mut sessions = Vec::new();
    for _ in 0..6 {
        sessions.push(world.system().await);
    }
    let counts = at_once(&world, sessions, &uploads::contacts(1_050)).await;
    assert_eq!(counts.iter().map(|counts| counts.created).sum::<u64>(), sizes(&world.system().await).await[0].unwrap());
}

pub async fn an_owner_is_whoever_began_the_import_though_another_goes_on(world: World) {
    let (rep, admin) = (world.session(Role::Manager).await, world.session(Role::Admin).await);
    let file = "name,email,company\nA,a@example.com,Own Inc\n";
    let id = start(&rep, Entity::Contact, file, ImportOptions::default()).await.unwrap().id;
    admin.transfers().run(id, &mut source(file), &mut |_| {}).await.unwrap();
    let manager = Some(world.home.member(Role::Manager));
    let made = admin.contacts().list(&samples::list()).await.unwrap().data.remove(0);
    let named = admin.companies().list(&samples::list()).await.unwrap().data.remove(0);
    assert_eq!((made.owner_id, named.owner_id), (manager, manager));
}

pub async fn a_weaker_key_leads_to_records_without_a_stronger_one(world: World) {
    let session = world.session(Role::Admin).await;
    let contacts =
        "Record ID,Last Name,Email,Associated Company\n1,Ada,ada@example.com,Acme\n2,Bob,bob@example.com,Acme\n";
    let edit = ContactEdit { email: Edit::Set("ada@example.com".parse().unwrap()), ..samples::contact("By hand") };
    contact(&session, edit).await;
    let done = import(&session, Entity::Contact, contacts, ImportOptions::default()).await;
    assert_eq!((done.counts.created, done.counts.unchanged), (1, 1));
    let by_hand = &session.contacts().list(&filtered("last_name = \"By hand\"")).await.unwrap().data[0];
    assert_eq!((by_hand.external_id.as_deref(), by_hand.version), (None, 1));
    let companies =
        "Record ID,Company name,Website URL\n5,Acme,acme.com\n6,ACME,acme.org\n7,Other,acme.com\n8,Other,\n";
    let update = with_policy(DuplicatePolicy::Update);
    let done = import(&session, Entity::Company, companies, update.clone()).await;
    assert_eq!((done.counts.created, done.counts.updated), (3, 1));
    assert_eq!(sizes(&session).await[..2], [Some(2), Some(4)]);
    for policy in [DuplicatePolicy::Skip, DuplicatePolicy::Update] {
        let again = import(&session, Entity::Company, companies, with_policy(policy)).await;
        assert_eq!((again.counts.created, again.counts.unchanged), (0, 4));
    }
    let again = import(&session, Entity::Contact, contacts, update).await;
    assert_eq!((again.counts.created, again.counts.updated), (0, 1));
}

pub async fn two_rows_with_different_ids_are_two_records_in_a_preview_too(world: World) {
    let session = world.session(Role::Admin).await;
    let row = |at: u64| format!("{at},Row {at},shared{}@example.com\n", at % 700);
    let file = format!("id,name,email\nx,Known,known@example.com\n{}", (1..2_000).map(row).collect::<String>());
    for policy in [DuplicatePolicy::Skip, DuplicatePolicy::Update] {
        let preview =
            session.transfers().preview(Entity::Contact, &mut source(&file), &with_policy(policy)).await.unwrap();
        let done = import(&session, Entity::Contact, &file, with_policy(policy)).await;
        assert_eq!((preview.counts, done.counts.failed), (done.counts, 0));
    }
    assert_eq!(sizes(&session).await[0], Some(2_000));
}

pub async fn a_link_by_id_leads_to_no_record_of_another_id(world: World) {
    let session = world.session(Role::Admin).await;
    import(&session, Entity::Company, "Record ID,Company name\n5,Acme\n", ImportOptions::default()).await;
    import(&session, Entity::Contact, "Record ID,Last Name,Email\n9,Ada,ada@example.com\n", Default::default()).await;
    let deals = "Deal Name,Account,Associated Company IDs,Contact,Associated Contact IDs\n\
        A,Acme,6;7,ada@example.com,8\nB,Acme,5,,9;8\nC,Acme,,ada@example.com,\n";
    let done = import(&session, Entity::Deal, deals, ImportOptions::default()).await;
    assert_eq!((done.counts.created, done.warnings.len()), (3, 1));
    let deal = async |title: &str| {
        let row = filtered(&format!("title = \"{title}\""));
        session.deals().list(&row).await.unwrap().data.remove(0)
    };
    let (a, b, c) = (deal("A").await, deal("B").await, deal("C").await);
    assert!(a.company_id != b.company_id && a.company_id.is_some() && b.company_id == c.company_id);
    assert!(a.contact_id.is_none() && b.contact_id.is_some() && b.contact_id == c.contact_id);
}

pub async fn a_row_without_a_key_is_known_again_whatever_fields_there_are(world: World) {
    let session = world.session(Role::Admin).await;
    let file = "Last name,Shoe size\nAda,39\nBob,44\n";
    let first = import(&session, Entity::Contact, file, ImportOptions::default()).await;
    field(&session, Entity::Contact, "shoe_size", CustomKind::Number).await;
    let session = world.session(Role::Admin).await;
    let turned = "Shoe size,Last name\n39,Ada\n44,Bob\n";
    for file in [file, turned] {
        let again = import(&session, Entity::Contact, file, ImportOptions::default()).await;
        assert_eq!((again.counts.created, again.counts.unchanged), (0, first.counts.created));
    }
}

pub async fn an_edited_export_changes_the_records_it_came_from(world: World) {
    let session = world.session(Role::Admin).await;
    contact(&session, samples::contact("Nameless")).await;
    deal(&session, DealEdit { tags: vec!["x".to_owned()].into(), ..samples::deal("Big") }).await;
    let options = ImportOptions { create_fields: true, ..with_policy(DuplicatePolicy::Update) };
    for (entity, from, to) in [(Entity::Contact, "Nameless", "Named"), (Entity::Deal, "Big", "Small")] {
        let file = session.transfers().export(entity, samples::list()).try_concat().await.unwrap();
        let file = String::from_utf8(file).unwrap();
        let same = import(&session, entity, &file, options.clone()).await;
        assert_eq!((same.counts.created, same.counts.unchanged), (0, 1), "{entity}");
        let edited = import(&session, entity, &file.replace(from, to), options.clone()).await;
        assert_eq!((edited.counts.created, edited.counts.updated), (0, 1), "{entity}");
        assert!(session.custom_fields().list().await.unwrap().is_empty());
        // Elsewhere those ids are another system's.
        let away = uploads::system_away(&world).await;
        let there = import(&away, entity, &file, options.clone()).await;
        let again = import(&away, entity, &file, options.clone()).await;
        assert_eq!((there.counts.created, again.counts.unchanged), (1, 1), "{entity}");
    }
    let contact = session.contacts().list(&samples::list()).await.unwrap().data.remove(0);
    assert_eq!((contact.last_name.as_deref(), contact.external_id.as_deref()), (Some("Named"), None));
}

pub async fn what_the_caller_does_not_see_is_not_known_by_its_id(world: World) {
    let id = contact(&world.session(Role::Admin).await, samples::contact("Hers")).await.id;
    world.set_rule(Role::SalesRep, Entity::Contact, own_alone()).await;
    let rep = world.session(Role::SalesRep).await;
    let done =
        import(&rep, Entity::Contact, &format!("id,last_name\n{id},His\n"), with_policy(DuplicatePolicy::Update)).await;
    assert_eq!(done.counts.created, 1);
    assert_eq!(names(&world.session(Role::Admin).await, &samples::list()).await, ["Hers", "His"]);
}
