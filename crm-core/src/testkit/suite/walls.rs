//! Nothing crosses from one workspace to another.

use futures::TryStreamExt as _;
use serde_json::json;

use super::support::{
    commit, company, conflicts, contact, contact_of, deal, fails, feed, field, filtered, invalid_at, pipeline, reading,
    stage,
};
use crate::access::{Entity, Role};
use crate::activity::{NewNote, Note};
use crate::company::CompanyEdit;
use crate::contact::ContactEdit;
use crate::custom_field::{CustomFieldEdit, CustomKind};
use crate::deal::{DealEdit, DealStart};
use crate::edit::Edit;
use crate::error::ErrorKind::{Invalid, NotFound};
use crate::filter::CheckedFilter;
use crate::id::Id;
use crate::page::ListRequest;
use crate::session::{Expect, Session};
use crate::store::{Guard, Record, Stored};
use crate::task::TaskEdit;
use crate::testkit::{World, samples};
use crate::transfer::{Fingerprint, RowKey};
use crate::user::{NewUser, UserEdit, UserStatus};

pub async fn another_workspaces_contacts_are_not_found(world: World) {
    let home = world.session(Role::Admin).await;
    let (id, gone) = (contact_of(&world, Role::Admin, "A").await, contact_of(&world, Role::Admin, "B").await);
    home.contacts().delete(gone, Expect::Any).await.unwrap();
    let contacts = world.stranger().await.contacts();
    fails(contacts.read(id).await, NotFound);
    fails(contacts.update(id, samples::contact("X"), Expect::Any).await, NotFound);
    fails(contacts.replace(id, samples::contact("X"), Expect::Any).await, NotFound);
    fails(contacts.delete(id, Expect::Any).await, NotFound);
    fails(contacts.timeline(id, None, None).await, NotFound);
    fails(contacts.restore(gone).await, NotFound);
    fails(contacts.purge(gone).await, NotFound);
    assert_eq!(home.contacts().read(id).await.unwrap().version, 1);
    home.contacts().restore(gone).await.unwrap();
}

pub async fn another_workspaces_companies_are_not_found(world: World) {
    let home = world.session(Role::Admin).await;
    let (id, gone) = (company(&home, "A").await, company(&home, "B").await);
    home.companies().delete(gone, Expect::Any).await.unwrap();
    let companies = world.stranger().await.companies();
    fails(companies.read(id).await, NotFound);
    fails(companies.update(id, samples::company("X"), Expect::Any).await, NotFound);
    fails(companies.replace(id, samples::company("X"), Expect::Any).await, NotFound);
    fails(companies.delete(id, Expect::Any).await, NotFound);
    fails(companies.timeline(id, None, None).await, NotFound);
    fails(companies.restore(gone).await, NotFound);
    fails(companies.purge(gone).await, NotFound);
    assert_eq!(home.companies().read(id).await.unwrap().version, 1);
}

pub async fn another_workspaces_tasks_are_not_found(world: World) {
    let home = world.session(Role::Admin).await;
    let make = async |title: &str| home.tasks().create(samples::task(title)).await.unwrap().id;
    let (id, gone) = (make("A").await, make("B").await);
    home.tasks().delete(gone, Expect::Any).await.unwrap();
    let tasks = world.stranger().await.tasks();
    fails(tasks.read(id).await, NotFound);
    fails(tasks.update(id, samples::task("X"), Expect::Any).await, NotFound);
    fails(tasks.replace(id, samples::task("X"), Expect::Any).await, NotFound);
    fails(tasks.complete(id, Expect::Any).await, NotFound);
    fails(tasks.delete(id, Expect::Any).await, NotFound);
    fails(tasks.timeline(id, None, None).await, NotFound);
    fails(tasks.restore(gone).await, NotFound);
    fails(tasks.purge(gone).await, NotFound);
    assert!(tasks.list(&samples::list()).await.unwrap().data.is_empty());
    assert_eq!(home.tasks().read(id).await.unwrap().version, 1);
}

pub async fn another_workspaces_deals_and_pipelines_are_not_found(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let (id, gone) = (deal(&home, samples::deal("A")).await.id, deal(&home, samples::deal("B")).await.id);
    home.deals().delete(gone, Expect::Any).await.unwrap();
    let deals = stranger.deals();
    let own_stage = stage(&stranger, "Won").await;
    fails(deals.read(id).await, NotFound);
    fails(deals.update(id, samples::deal("X"), Expect::Any).await, NotFound);
    fails(deals.replace(id, samples::deal("X"), Expect::Any).await, NotFound);
    fails(deals.move_to(id, own_stage, Expect::Any).await, NotFound);
    fails(deals.delete(id, Expect::Any).await, NotFound);
    fails(deals.timeline(id, None, None).await, NotFound);
    fails(deals.restore(gone).await, NotFound);
    fails(deals.purge(gone).await, NotFound);
    fails(deals.board(Some(pipeline(&home).await.id)).await, NotFound);
    assert_eq!(home.deals().read(id).await.unwrap().version, 1);
}

pub async fn another_workspaces_people_notes_and_fields_are_not_found(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let setter = world.home.member(Role::Setter);
    fails(stranger.users().read(setter).await, NotFound);
    fails(stranger.users().change_role(setter, Role::Admin, Expect::Any).await, NotFound);
    fails(stranger.users().change_status(setter, UserStatus::Suspended, Expect::Any).await, NotFound);
    fails(stranger.users().update(setter, UserEdit::default(), Expect::Any).await, NotFound);
    fails(stranger.users().replace(setter, UserEdit::default(), Expect::Any).await, NotFound);
    fails(stranger.users().delete(setter, Expect::Any).await, NotFound);
    fails(stranger.teams().read(world.home.team).await, NotFound);
    fails(stranger.teams().replace(world.home.team, samples::members(&[]), Expect::Any).await, NotFound);
    fails(stranger.teams().delete(world.home.team, Expect::Any).await, NotFound);
    fails(stranger.teams().update(world.home.team, samples::members(&[]), Expect::Any).await, NotFound);
    let contact = contact_of(&world, Role::Admin, "A").await;
    let note = home.activities().create_note(samples::note(contact, "hush")).await.unwrap().id;
    fails(stranger.activities().update_note(note, Default::default(), Expect::Any).await, NotFound);
    fails(stranger.activities().delete_note(note, Expect::Any).await, NotFound);
    let id = field(&home, Entity::Contact, "secret", CustomKind::Text).await;
    fails(stranger.custom_fields().update(id, CustomFieldEdit::default(), Expect::Any).await, NotFound);
    fails(stranger.custom_fields().retire(id, Expect::Any).await, NotFound);
    assert_eq!(home.custom_fields().list().await.unwrap().len(), 1);
}

pub async fn lists_counts_and_totals_end_at_the_wall(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let acme = company(&home, "Acme").await;
    let edit = ContactEdit { company_id: acme.into(), tags: vec!["vip".to_owned()].into(), ..samples::contact("A") };
    let id = contact(&home, edit).await.id;
    deal(&home, samples::deal("A")).await;
    home.activities().create_note(samples::note(id, "hush")).await.unwrap();
    home.pipelines().create(samples::pipeline("Other")).await.unwrap();
    let counted = ListRequest { count: true, ..samples::list() };
    let contacts = stranger.contacts().list(&counted).await.unwrap();
    assert_eq!((contacts.data.len(), contacts.total), (0, Some(0)));
    let companies = stranger.companies().list(&counted).await.unwrap();
    assert_eq!((companies.data.len(), companies.total), (0, Some(0)));
    let deals = stranger.deals().list(&counted).await.unwrap();
    assert_eq!((deals.data.len(), deals.total), (0, Some(0)));
    let pointed = filtered(&format!("company_id = {acme} or related(company: name = acme)"));
    assert!(stranger.contacts().list(&pointed).await.unwrap().data.is_empty());
    let found = ListRequest { q: Some("a".to_owned()), ..samples::list() };
    assert!(stranger.contacts().list(&found).await.unwrap().data.is_empty());
    assert!(stranger.activities().notes(&samples::list()).await.unwrap().data.is_empty());
    assert!(stranger.tags().counts().await.unwrap().is_empty());
    assert!(stranger.custom_fields().list().await.unwrap().is_empty());
    assert_eq!(stranger.users().list(&samples::list()).await.unwrap().data.len(), Role::ALL.len());
    assert_eq!(stranger.teams().list().await.unwrap().len(), 1);
    assert_eq!(stranger.pipelines().list().await.unwrap().len(), 1);
    assert_eq!(stranger.deals().board(None).await.unwrap().count(), 0);
}

pub async fn no_field_can_point_over_the_wall(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let their_company = company(&stranger, "Theirs").await;
    let their_contact = contact(&stranger, samples::contact("Theirs")).await.id;
    let their_deal = deal(&stranger, samples::deal("Theirs")).await;
    let their_user = world.away.member(Role::Setter);

    let contact = contact(&home, samples::contact("Ours")).await.id;
    for (field, edit) in [
        ("company_id", ContactEdit { company_id: their_company.into(), ..samples::contact("A") }),
        ("owner_id", ContactEdit { owner_id: their_user.into(), ..samples::contact("A") }),
    ] {
        invalid_at(home.contacts().create(edit.clone()).await, field);
        invalid_at(home.contacts().update(contact, edit.clone(), Expect::Any).await, field);
        invalid_at(home.contacts().replace(contact, edit, Expect::Any).await, field);
    }
    let own_company = company(&home, "Ours").await;
    let edit = CompanyEdit { owner_id: their_user.into(), ..samples::company("A") };
    invalid_at(home.companies().create(edit.clone()).await, "owner_id");
    invalid_at(home.companies().update(own_company, edit.clone(), Expect::Any).await, "owner_id");
    invalid_at(home.companies().replace(own_company, edit, Expect::Any).await, "owner_id");
    let own = deal(&home, samples::deal("A")).await;
    for (field, edit) in [
        ("contact_id", DealEdit { contact_id: their_contact.into(), ..samples::deal("A") }),
        ("company_id", DealEdit { company_id: their_company.into(), ..samples::deal("A") }),
        ("owner_id", DealEdit { owner_id: their_user.into(), ..samples::deal("A") }),
    ] {
        invalid_at(home.deals().create(DealStart::default(), edit.clone()).await, field);
        invalid_at(home.deals().update(own.id, edit.clone(), Expect::Any).await, field);
        invalid_at(home.deals().replace(own.id, edit, Expect::Any).await, field);
    }
    let start = DealStart { pipeline_id: None, stage_id: Some(their_deal.stage_id) };
    invalid_at(home.deals().create(start, samples::deal("A")).await, "stage_id");
    let start = DealStart { pipeline_id: Some(their_deal.pipeline_id), stage_id: None };
    invalid_at(home.deals().create(start, samples::deal("A")).await, "pipeline_id");
    invalid_at(home.deals().move_to(own.id, their_deal.stage_id, Expect::Any).await, "stage_id");

    for (field, new) in [
        ("contact_id", NewNote { contact_id: Some(their_contact), ..NewNote::default() }),
        ("company_id", NewNote { company_id: Some(their_company), ..NewNote::default() }),
        ("deal_id", NewNote { deal_id: Some(their_deal.id), ..NewNote::default() }),
    ] {
        let new = NewNote { body: "hi".to_owned(), ..new };
        invalid_at(home.activities().create_note(new).await, field);
    }
    invalid_at(home.teams().create(samples::team("A", &[their_user])).await, "members.0");
    invalid_at(home.teams().update(world.home.team, samples::members(&[their_user]), Expect::Any).await, "members.0");
}

pub async fn no_custom_value_can_point_over_the_wall(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    field(&home, Entity::Contact, "agent", CustomKind::User).await;
    field(&home, Entity::Contact, "partner", CustomKind::Reference).await;
    let home = world.session(Role::Admin).await;
    let their_company = company(&stranger, "Theirs").await;
    let their_user = world.away.member(Role::Setter);
    let with = |key, id: String| ContactEdit { custom: samples::custom(key, json!(id)), ..samples::contact("A") };
    invalid_at(home.contacts().create(with("agent", their_user.to_string())).await, "custom.agent");
    invalid_at(home.contacts().create(with("partner", their_company.to_string())).await, "custom.partner");
}

/// What no service would write, the store does not either.
async fn refused_by_the_store<T: Record>(session: &Session, mut row: Stored<T>, point: impl FnOnce(&mut T)) {
    point(&mut row);
    let mut changes = session.changes();
    changes.put(&mut row);
    fails(commit(session, changes).await, Invalid);
}

pub async fn the_store_refuses_rows_that_point_over_the_wall(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let their_company = company(&stranger, "Theirs").await;
    let their_contact = contact(&stranger, samples::contact("Theirs")).await.id;
    let their_deal = deal(&stranger, samples::deal("Theirs")).await.into_inner();
    let their_user = world.away.member(Role::Admin);
    let own = contact(&home, samples::contact("A")).await.into_inner();
    let own_company = company(&home, "A").await;
    let own_deal = deal(&home, samples::deal("A")).await.into_inner();
    let own_task = home.tasks().create(samples::task("A")).await.unwrap().into_inner();
    let own_note = home.activities().create_note(samples::note(own.id, "hi")).await.unwrap().into_inner();
    let ports = &world.crm.ports;
    let read_company = ports.companies.company(&reading(&home, Entity::Company), own_company).await.unwrap();
    let read_team = ports.teams.team(&reading(&home, Entity::Team), world.home.team).await.unwrap();

    let contact = || Stored::loaded(own.clone());
    refused_by_the_store(&home, contact(), |row| row.company_id = Some(their_company)).await;
    refused_by_the_store(&home, contact(), |row| row.owner_id = Some(their_user)).await;
    refused_by_the_store(&home, read_company, |row| row.owner_id = Some(their_user)).await;
    let deal = || Stored::loaded(own_deal.clone());
    refused_by_the_store(&home, deal(), |row| row.contact_id = Some(their_contact)).await;
    refused_by_the_store(&home, deal(), |row| row.company_id = Some(their_company)).await;
    refused_by_the_store(&home, deal(), |row| row.owner_id = Some(their_user)).await;
    let elsewhere = (their_deal.pipeline_id, their_deal.stage_id);
    refused_by_the_store(&home, deal(), |row| (row.pipeline_id, row.stage_id) = elsewhere).await;
    let task = || Stored::loaded(own_task.clone());
    refused_by_the_store(&home, task(), |row| row.contact_id = Some(their_contact)).await;
    refused_by_the_store(&home, task(), |row| row.company_id = Some(their_company)).await;
    refused_by_the_store(&home, task(), |row| row.deal_id = Some(their_deal.id)).await;
    refused_by_the_store(&home, task(), |row| row.assignee_id = Some(their_user)).await;
    refused_by_the_store(&home, task(), |row| row.created_by = Some(their_user)).await;
    // A new note, for no note ever moves.
    let blank = Note { id: Id::new_at(home.now()), contact_id: None, version: 0, ..own_note };
    let note = || Stored::new(blank.clone());
    refused_by_the_store(&home, note(), |row| row.contact_id = Some(their_contact)).await;
    refused_by_the_store(&home, note(), |row| row.company_id = Some(their_company)).await;
    refused_by_the_store(&home, note(), |row| row.deal_id = Some(their_deal.id)).await;
    refused_by_the_store(&home, read_team, |row| row.members = vec![their_user]).await;

    assert_eq!(home.contacts().read(own.id).await.unwrap().into_inner(), own);
    assert_eq!(home.deals().read(own_deal.id).await.unwrap().into_inner(), own_deal);
    assert_eq!(home.companies().read(own_company).await.unwrap().version, 1);
}

pub async fn a_row_of_another_workspace_is_not_written(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let own = contact(&home, samples::contact("A")).await.into_inner();
    let mut row = Stored::loaded(own.clone());
    row.last_name = Some("Stolen".to_owned());
    let mut changes = stranger.changes();
    changes.put(&mut row);
    conflicts(commit(&stranger, changes).await, "stale_version");

    let mut changes = stranger.changes();
    changes.purge(&Stored::loaded(own.clone()));
    conflicts(commit(&stranger, changes).await, "stale_version");

    let mut changes = stranger.changes();
    changes.rely_on(&Stored::loaded(own.clone()));
    changes.put(&mut Stored::new(crate::contact::Contact::blank(Id::new_at(stranger.now()), stranger.now())));
    conflicts(commit(&stranger, changes).await, "stale_version");

    assert_eq!(home.contacts().read(own.id).await.unwrap().into_inner(), own);
    assert!(stranger.contacts().list(&samples::list()).await.unwrap().data.is_empty());
}

pub async fn no_port_reads_over_the_wall(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let edit = ContactEdit {
        email: Edit::Set("ada@example.com".parse().unwrap()),
        external_id: "X1".into(),
        tags: vec!["vip".to_owned()].into(),
        ..samples::contact("A")
    };
    let own = contact(&home, edit).await.into_inner();
    let mut changes = home.changes();
    let mut import = Stored::new(samples::import(None, home.now()));
    changes.put_unjournalled(&mut import);
    changes.failed_rows(vec![samples::failed_row(import.id, 2)]);
    let company = CompanyEdit { external_id: "X1".into(), ..samples::company("Acme") };
    let company = home.companies().create(company).await.unwrap().id;
    let deal = deal(&home, DealEdit { external_id: "X1".into(), ..samples::deal("Roof") }).await.id;
    let edit = TaskEdit { external_id: "X1".into(), ..samples::task("Call") };
    let task = home.tasks().create(edit).await.unwrap().id;
    let print = |entity, record_id| Fingerprint { entity, digest: [7; 16], record_id };
    changes.fingerprints(vec![
        print(Entity::Contact, own.id.uuid()),
        print(Entity::Company, company.uuid()),
        print(Entity::Deal, deal.uuid()),
        print(Entity::Task, task.uuid()),
    ]);
    commit(&home, changes).await.unwrap();

    let ports = &world.crm.ports;
    let grant = reading(&stranger, Entity::Contact);
    let own_grant = reading(&home, Entity::Contact);
    let import_grant = reading(&stranger, Entity::Import);
    assert!(ports.contacts.contacts_by_id(&grant, &[own.id]).await.unwrap().is_empty());
    assert!(ports.companies.companies_by_id(&grant, &[company]).await.unwrap().is_empty());
    assert!(ports.deals.deals_by_id(&grant, &[deal]).await.unwrap().is_empty());
    assert_eq!(ports.contacts.contacts_by_id(&own_grant, &[own.id]).await.unwrap().len(), 1);
    assert_eq!(ports.companies.companies_by_id(&own_grant, &[company]).await.unwrap().len(), 1);
    assert_eq!(ports.deals.deals_by_id(&own_grant, &[deal]).await.unwrap().len(), 1);
    assert!(ports.tasks.tasks_by_id(&grant, &[task]).await.unwrap().is_empty());
    assert_eq!(ports.tasks.tasks_by_id(&own_grant, &[task]).await.unwrap().len(), 1);
    let keys = [
        RowKey::ExternalId("x1".to_owned()),
        RowKey::Email("ada@example.com".to_owned()),
        RowKey::Fingerprint([7; 16]),
    ];
    assert_eq!(ports.contacts.known_contacts(&grant, &keys).await.unwrap(), [None, None, None]);
    let known = ports.contacts.known_contacts(&own_grant, &keys).await.unwrap();
    assert!(known.iter().all(|found| found.as_ref().is_some_and(|found| found.id == own.id)));
    let keys = [RowKey::ExternalId("x1".to_owned()), RowKey::Fingerprint([7; 16])];
    assert_eq!(ports.companies.known_companies(&grant, &keys).await.unwrap(), [None, None]);
    assert_eq!(ports.deals.known_deals(&grant, &keys).await.unwrap(), [None, None]);
    assert_eq!(ports.tasks.known_tasks(&grant, &keys).await.unwrap(), [None, None]);
    let known = ports.tasks.known_tasks(&own_grant, &keys).await.unwrap();
    assert!(known.iter().all(|found| found.as_ref().is_some_and(|found| found.id == task)));
    let known = ports.companies.known_companies(&own_grant, &keys).await.unwrap();
    assert!(known.iter().all(|found| found.as_ref().is_some_and(|found| found.id == company)));
    let known = ports.deals.known_deals(&own_grant, &keys).await.unwrap();
    assert!(known.iter().all(|found| found.as_ref().is_some_and(|found| found.id == deal)));
    assert!(ports.users.users_by_key(&grant, &["setter@home.example".to_owned()]).await.unwrap().is_empty());
    let registered = super::auth::register(&world, "Acme", super::auth::EMAIL).await;
    assert!(ports.users.last_seen(&grant, &[registered.user.id]).await.unwrap().is_empty());
    assert!(ports.tags.tags_by_key(&grant, &["vip".to_owned()]).await.unwrap().is_empty());
    fails(ports.imports.import(&import_grant, import.id).await, NotFound);
    assert!(ports.imports.failed_rows(&import_grant, import.id, 0, 10).await.unwrap().is_empty());
    fails(stranger.transfers().read(import.id).await, NotFound);
    let failed = stranger.transfers().failed_rows(import.id).try_collect::<Vec<_>>().await;
    fails(failed, NotFound);
    let timeline = ports.journal.timeline(&grant, Entity::Contact, own.id.uuid(), None, 10).await.unwrap();
    assert!(timeline.rows.is_empty());
    let history = ports.journal.history(&grant, Entity::Contact, own.id.uuid(), 9).await.unwrap();
    assert!(history.is_empty());
    let own_pipeline = pipeline(&home).await.id;
    let everything = CheckedFilter::everything();
    assert!(ports.deals.stage_totals(&grant, own_pipeline, &everything).await.unwrap().is_empty());
    fails(ports.pipelines.pipeline(&grant, own_pipeline).await, NotFound);
    fails(ports.users.member(world.away.workspace, world.home.member(Role::Admin)).await, NotFound);
    let mates = ports.teams.teammates(world.away.workspace, world.home.member(Role::Setter)).await.unwrap();
    assert!(mates.is_empty());
}

pub async fn keys_guards_and_unique_values_are_each_workspaces_own(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let key = samples::key("k", "body");
    let ours = home.clone().once(key.clone()).contacts().create(samples::contact("Ours")).await.unwrap();
    let theirs = stranger.clone().once(key).contacts().create(samples::contact("Theirs")).await.unwrap();
    assert_eq!((ours.last_name.as_deref(), theirs.last_name.as_deref()), (Some("Ours"), Some("Theirs")));

    let grants = (reading(&home, Entity::User), reading(&stranger, Entity::User));
    let before = world.crm.ports.commit.guard(&grants.1, Guard::Admins).await.unwrap();
    let mut changes = home.changes();
    changes.guard(world.crm.ports.commit.guard(&grants.0, Guard::Admins).await.unwrap());
    changes.put(&mut Stored::new(samples::member(samples::user("New", Role::Setter), home.now()).unwrap()));
    commit(&home, changes).await.unwrap();
    assert_eq!(world.crm.ports.commit.guard(&grants.1, Guard::Admins).await.unwrap(), before);

    let new = NewUser { email: Some("twin@example.com".parse().unwrap()), ..samples::user("Twin", Role::Setter) };
    home.users().create(new.clone()).await.unwrap();
    stranger.users().create(new).await.unwrap();
    field(&home, Entity::Contact, "size", CustomKind::Text).await;
    field(&stranger, Entity::Contact, "size", CustomKind::Number).await;
}

pub async fn each_workspace_has_a_journal_of_its_own(world: World) {
    let (home, stranger) = (world.session(Role::Admin).await, world.stranger().await);
    let ours = contact(&home, samples::contact("Ours")).await.id.uuid();
    let theirs = contact(&stranger, samples::contact("Theirs")).await.id.uuid();
    for (office, own, other) in [(&world.home, ours, theirs), (&world.away, theirs, ours)] {
        let feed = feed(&world, office.workspace).await;
        assert_eq!(feed.first().map(|entry| entry.seq), Some(1));
        assert!(feed.iter().any(|entry| entry.entry.record_id == own));
        assert!(feed.iter().all(|entry| entry.entry.record_id != other));
        assert!(world.crm.ports.journal.verify(office.workspace).await.unwrap().holds());
    }
}
