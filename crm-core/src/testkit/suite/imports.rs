//! What an import keeps beside the records: its place, refused rows, and what rows are known by.

use super::support::{commit, company, conflicts, contact, deal, fails, feed, field, own_alone, reading};
use crate::access::{Entity, Role};
use crate::company::CompanyEdit;
use crate::contact::{Contact, ContactEdit};
use crate::custom_field::CustomKind;
use crate::deal::DealEdit;
use crate::edit::Edit;
use crate::error::ErrorKind::{Denied, Invalid, NotFound};
use crate::id::Id;
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::testkit::{World, samples};
use crate::transfer::{FailedRow, Fingerprint, Import, ImportsRequest, RowKey};

/// An import that a member began.
async fn begun(world: &World, session: &Session) -> Stored<Import> {
    let mut changes = session.changes();
    let mut import = Stored::new(samples::import(session.actor().user_id(), changes.now()));
    changes.put_unjournalled(&mut import);
    commit(session, changes).await.unwrap();
    assert_eq!(import.version, 1);
    let grant = reading(session, Entity::Import);
    assert_eq!(world.crm.ports.imports.import(&grant, import.id).await.unwrap(), Stored::loaded((*import).clone()));
    import
}

pub async fn an_imports_place_is_kept_and_guarded_by_its_version(world: World) {
    let admin = world.session(Role::Admin).await;
    let entries = feed(&world, world.home.workspace).await.len();
    let mut import = begun(&world, &admin).await;
    let mut stale = import.clone();
    import.offset = u64::MAX >> 1;
    (import.line, import.rows) = (7, 5);
    import.warnings.push("Ünï\u{2028}".to_owned());
    import.columns = vec![Some("email".to_owned()), None];
    import.options.mapping.insert("E-Mail".to_owned(), "email".to_owned());
    let mut changes = admin.changes();
    changes.put_unjournalled(&mut import);
    commit(&admin, changes).await.unwrap();
    let grant = reading(&admin, Entity::Import);
    let read = world.second.ports.imports.import(&grant, import.id).await.unwrap();
    assert_eq!((*read).clone(), (*import).clone());
    stale.rows = 6;
    let mut changes = admin.changes();
    changes.put_unjournalled(&mut stale);
    conflicts(commit(&admin, changes).await, "stale_version");
    assert_eq!(feed(&world, world.home.workspace).await.len(), entries);
    fails(world.crm.ports.imports.import(&grant, Id::new_at(admin.now())).await, NotFound);
}

pub async fn refused_rows_come_back_in_the_order_of_their_lines(world: World) {
    let admin = world.session(Role::Admin).await;
    let (import, other) = (begun(&world, &admin).await, begun(&world, &admin).await);
    let odd = FailedRow {
        cells: vec!["a\u{1}b\n\"".to_owned(), "\u{10ffff}".to_owned(), String::new()],
        ..samples::failed_row(import.id, 5)
    };
    let mut changes = admin.changes();
    let lines = [900, 2].map(|line| samples::failed_row(import.id, line));
    changes.failed_rows([lines.to_vec(), vec![odd.clone(), samples::failed_row(other.id, 3)]].concat());
    commit(&admin, changes).await.unwrap();
    let grant = reading(&admin, Entity::Import);
    let rows = async |after, limit| {
        let rows = world.crm.ports.imports.failed_rows(&grant, import.id, after, limit).await.unwrap();
        rows.iter().map(|row| row.line).collect::<Vec<_>>()
    };
    assert_eq!(rows(0, 10).await, [2, 5, 900]);
    assert_eq!(rows(0, 2).await, [2, 5]);
    assert_eq!(rows(2, 10).await, [5, 900]);
    assert_eq!(rows(900, 10).await, Vec::<u64>::new());
    let read = world.crm.ports.imports.failed_rows(&grant, import.id, 2, 1).await.unwrap();
    assert_eq!(read, [odd]);
}

pub async fn an_import_is_seen_as_far_as_the_scope_reaches(world: World) {
    let (rep, admin) = (world.session(Role::SalesRep).await, world.session(Role::Admin).await);
    let (own, other) = (begun(&world, &rep).await, begun(&world, &admin).await);
    let mut changes = admin.changes();
    changes.failed_rows(vec![samples::failed_row(other.id, 2), samples::failed_row(own.id, 2)]);
    commit(&admin, changes).await.unwrap();
    let grant = reading(&rep, Entity::Import);
    let imports = &world.crm.ports.imports;
    assert_eq!(imports.import(&grant, own.id).await.unwrap().id, own.id);
    assert_eq!(imports.failed_rows(&grant, own.id, 0, 9).await.unwrap().len(), 1);
    fails(imports.import(&grant, other.id).await, NotFound);
    assert!(imports.failed_rows(&grant, other.id, 0, 9).await.unwrap().is_empty());
    let grant = reading(&admin, Entity::Import);
    assert_eq!(imports.import(&grant, own.id).await.unwrap().id, own.id);
}

pub async fn imports_are_listed_the_latest_first_as_far_as_the_scope_reaches(world: World) {
    let (rep, admin) = (world.session(Role::SalesRep).await, world.session(Role::Admin).await);
    let (own, other) = (begun(&world, &rep).await.id, begun(&world, &admin).await.id);
    let listed = async |session: &Session, limit, cursor| {
        let page = session.transfers().list(&ImportsRequest { limit, cursor }).await.unwrap();
        (page.data.iter().map(|import| import.id).collect::<Vec<_>>(), page.next_cursor)
    };
    let mut both = [own, other];
    both.sort_unstable_by(|one, other| other.cmp(one));
    assert_eq!(listed(&admin, None, None).await, (both.into(), None));
    let (first, cursor) = listed(&admin, Some(1), None).await;
    assert!(cursor.is_some());
    assert_eq!((first, listed(&admin, Some(1), cursor).await), (vec![both[0]], (vec![both[1]], None)));
    assert_eq!(listed(&rep, None, None).await, (vec![own], None));
    assert_eq!(listed(&world.stranger().await, None, None).await, (vec![], None));
    fails(world.session(Role::SupportAgent).await.transfers().list(&ImportsRequest::default()).await, Denied);
    for request in
        [ImportsRequest { limit: Some(0), cursor: None }, ImportsRequest { limit: None, cursor: Some("x".into()) }]
    {
        fails(admin.transfers().list(&request).await, Invalid);
    }
}

fn external(id: &str) -> RowKey {
    RowKey::ExternalId(crate::text::key(id))
}

pub async fn a_row_is_known_by_each_of_its_keys(world: World) {
    let admin = world.session(Role::Admin).await;
    let edit = |name: &str| ContactEdit {
        email: Edit::Set("Ünï@Example.com".parse().unwrap()),
        external_id: "Ünï-1".into(),
        ..samples::contact(name)
    };
    let oldest = contact(&admin, edit("first")).await.id;
    let second = contact(&admin, edit("second")).await.id;
    let edit = CompanyEdit { domain: Edit::Set("www.Acme.com".parse().unwrap()), ..samples::company("ACME Ünï") };
    let acme = admin.companies().create(edit).await.unwrap().id;
    let won = deal(&admin, DealEdit { external_id: "D-1".into(), ..samples::deal("D") }).await.id;
    let mut changes = admin.changes();
    let print = |entity, digest, record_id| Fingerprint { entity, digest: [digest; 16], record_id };
    changes.fingerprints(vec![
        print(Entity::Contact, 1, second.uuid()),
        print(Entity::Contact, 1, oldest.uuid()),
        print(Entity::Company, 1, acme.uuid()),
        print(Entity::Deal, 2, won.uuid()),
        print(Entity::Deal, 0xff, won.uuid()),
    ]);
    commit(&admin, changes).await.unwrap();
    let ports = &world.crm.ports;
    let grant = reading(&admin, Entity::Contact);
    let keys = [
        external("nobody"),
        external("ÜNÏ-1"),
        RowKey::Email("ünï@example.com".to_owned()),
        RowKey::Fingerprint([1; 16]),
        RowKey::Fingerprint([2; 16]),
        external("ÜNÏ-1"),
    ];
    let known = ports.contacts.known_contacts(&grant, &keys).await.unwrap();
    let ids: Vec<_> = known.iter().map(|found| found.as_ref().map(|found| found.id)).collect();
    assert_eq!(ids, [None, Some(oldest), Some(oldest), Some(oldest), None, Some(oldest)]);
    for (key, id) in keys.into_iter().zip(ids) {
        let alone = ports.contacts.known_contacts(&grant, &[key]).await.unwrap().remove(0);
        assert_eq!(alone.map(|found| found.id), id);
    }
    assert!(ports.contacts.known_contacts(&grant, &[]).await.unwrap().is_empty());
    let keys = [
        RowKey::Domain("acme.com".to_owned()),
        RowKey::Name(crate::text::key("acme ÜNÏ")),
        RowKey::Fingerprint([1; 16]),
        RowKey::Name("acme".to_owned()),
    ];
    let known = ports.companies.known_companies(&grant, &keys).await.unwrap();
    let ids: Vec<_> = known.iter().map(|found| found.as_ref().map(|found| found.id)).collect();
    assert_eq!(ids, [Some(acme), Some(acme), Some(acme), None]);
    for (key, id) in keys.into_iter().zip(ids) {
        let alone = ports.companies.known_companies(&grant, &[key]).await.unwrap().remove(0);
        assert_eq!(alone.map(|found| found.id), id);
    }
    let keys =
        [external("d-1"), RowKey::Fingerprint([2; 16]), RowKey::Fingerprint([0xff; 16]), RowKey::Fingerprint([1; 16])];
    let known = ports.deals.known_deals(&grant, &keys).await.unwrap();
    let ids: Vec<_> = known.iter().map(|found| found.as_ref().map(|found| found.id)).collect();
    assert_eq!(ids, [Some(won), Some(won), Some(won), None]);
    // When the oldest goes, the next one is known.
    admin.contacts().delete(oldest, Expect::Any).await.unwrap();
    let known =
        ports.contacts.known_contacts(&grant, &[external("ünï-1"), RowKey::Fingerprint([1; 16])]).await.unwrap();
    assert!(known.iter().all(|found| found.as_ref().is_some_and(|found| found.id == second)));
}

pub async fn a_purged_record_is_known_by_no_row(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = contact(&admin, samples::contact("A")).await.id;
    let mut changes = admin.changes();
    changes.fingerprints(vec![Fingerprint { entity: Entity::Contact, digest: [1; 16], record_id: id.uuid() }]);
    commit(&admin, changes).await.unwrap();
    admin.contacts().delete(id, Expect::Any).await.unwrap();
    admin.contacts().purge(id).await.unwrap();
    // Whatever has its id afterwards is another record.
    let mut changes = admin.changes();
    changes.put(&mut Stored::new(Contact::blank(id, changes.now())));
    commit(&admin, changes).await.unwrap();
    let keys = [RowKey::Fingerprint([1; 16])];
    let known = world.crm.ports.contacts.known_contacts(&reading(&admin, Entity::Contact), &keys).await.unwrap();
    assert_eq!(known, [None]);
}

pub async fn of_many_records_with_one_key_the_oldest_that_the_caller_sees_is_known(world: World) {
    world.set_rule(Role::SalesRep, Entity::Contact, own_alone()).await;
    let (admin, rep) = (world.session(Role::Admin).await, world.session(Role::SalesRep).await);
    let edit =
        |name: &str| ContactEdit { email: Edit::Set("none@none.com".parse().unwrap()), ..samples::contact(name) };
    let oldest = contact(&admin, edit("oldest")).await.id;
    let own = contact(&rep, edit("own")).await.id;
    for _ in 0..5 {
        contact(&rep, edit("later")).await;
    }
    let key = [RowKey::Email("none@none.com".to_owned())];
    for (session, expected) in [(&admin, oldest), (&rep, own)] {
        let grant = reading(session, Entity::Contact);
        let known = world.crm.ports.contacts.known_contacts(&grant, &key).await.unwrap();
        assert_eq!(known[0].as_ref().map(|found| found.id), Some(expected));
    }
    admin.contacts().delete(oldest, Expect::Any).await.unwrap();
    let known = world.crm.ports.contacts.known_contacts(&reading(&admin, Entity::Contact), &key).await.unwrap();
    assert_eq!(known[0].as_ref().map(|found| found.id), Some(own));
}

pub async fn the_same_fingerprint_can_be_kept_twice(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = company(&admin, "Acme").await;
    for _ in 0..2 {
        let mut changes = admin.changes();
        changes.fingerprints(vec![Fingerprint { entity: Entity::Company, digest: [4; 16], record_id: id.uuid() }]);
        commit(&admin, changes).await.unwrap();
    }
    let grant = reading(&admin, Entity::Company);
    let known = world.crm.ports.companies.known_companies(&grant, &[RowKey::Fingerprint([4; 16])]).await.unwrap();
    assert_eq!(known[0].as_ref().map(|found| found.id), Some(id));
}

pub async fn ten_thousand_rows_are_one_commit(world: World) {
    field(&world.session(Role::Admin).await, Entity::Contact, "size", CustomKind::Number).await;
    let system = world.system().await;
    let import = begun(&world, &system).await.id;
    let sealed = feed(&world, world.home.workspace).await.len();
    let mut changes = system.changes();
    let (mut ids, mut prints, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..10_000_u32 {
        let mut row = Stored::new(Contact::blank(Id::new_at(changes.now()), changes.now()));
        row.last_name = Some(format!("Row {at}"));
        row.tags = vec!["imported".to_owned()];
        row.custom.insert("size".to_owned(), at.into());
        changes.put(&mut row);
        ids.push(row.id);
        let digest = u128::from(at).to_be_bytes();
        prints.push(Fingerprint { entity: Entity::Contact, digest, record_id: row.id.uuid() });
        refused.push(samples::failed_row(import, u64::from(at)));
    }
    changes.fingerprints(prints);
    changes.failed_rows(refused);
    commit(&system, changes).await.unwrap();
    assert_eq!(world.crm.ports.journal.seal_batch(world.home.workspace, 20_000).await.unwrap(), 10_000);
    assert_eq!(feed(&world, world.home.workspace).await.len(), sealed + 10_000);
    let counted = crate::page::ListRequest { count: true, ..samples::list() };
    let page = system.contacts().list(&counted).await.unwrap();
    assert_eq!((page.total, page.total_is_capped), (Some(10_000), Some(true)));
    let grant = reading(&system, Entity::Contact);
    assert_eq!(world.crm.ports.contacts.contacts_by_id(&grant, &ids).await.unwrap().len(), 10_000);
}
