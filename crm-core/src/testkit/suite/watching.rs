//! Whoever watches is told of what they may see, once, in order, and of nothing else.

use std::sync::Arc;

use async_trait::async_trait;

use super::auth::{authenticated, register};
use super::support::{contact, deal, fails, field, hiding, own_alone, reading, stage};
use crate::access::{Entity, Grant, Role, Rule};
use crate::activity::{NewNote, Note, NoteStore};
use crate::contact::{Contact, ContactStore};
use crate::crm::{Crm, Ports};
use crate::custom_field::CustomKind;
use crate::deal::DealEdit;
use crate::edit::Edit;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::journal::{Change, Envelope, Occurrence};
use crate::money::Money;
use crate::page::{ListQuery, Rows};
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::testkit::{World, samples};
use crate::transfer::RowKey;

/// Everything that happened in the home workspace after a number.
async fn after(world: &World, seq: i64) -> Vec<Occurrence> {
    occurrences(&world.crm, world, seq).await
}

async fn occurrences(crm: &Crm, world: &World, seq: i64) -> Vec<Occurrence> {
    crm.feed(world.home.workspace).await.unwrap().after(seq, 10_000).await.unwrap()
}

/// The number of the last entry by now.
async fn end(world: &World) -> i64 {
    world.crm.feed(world.home.workspace).await.unwrap().end().await.unwrap()
}

/// What a member is told of these.
fn told(session: &Session, occurrences: &[Occurrence]) -> Vec<Envelope> {
    occurrences.iter().filter_map(|occurrence| session.envelope(occurrence)).collect()
}

/// The names of events.
fn kinds(envelopes: &[Envelope]) -> Vec<&str> {
    envelopes.iter().map(|envelope| envelope.kind.as_str()).collect()
}

/// A deal that a member owns.
fn owned_by(world: &World, role: Role) -> DealEdit {
    DealEdit { owner_id: Edit::Set(world.home.member(role)), ..samples::deal("D") }
}

pub async fn the_feed_has_no_gap_and_ends_where_it_says(world: World) {
    let admin = world.session(Role::Admin).await;
    let start = end(&world).await;
    for name in ["A", "B", "C"] {
        contact(&admin, samples::contact(name)).await;
    }
    let last = end(&world).await;
    assert_eq!(last, start + 3);
    let all = after(&world, 0).await;
    assert_eq!(all.iter().map(|occurrence| occurrence.seq).collect::<Vec<_>>(), (1..=last).collect::<Vec<_>>());
    let some = world.crm.feed(world.home.workspace).await.unwrap().after(start, 2).await.unwrap();
    assert_eq!(some.iter().map(|occurrence| occurrence.seq).collect::<Vec<_>>(), [start + 1, start + 2]);
    assert!(after(&world, last).await.is_empty());
    let nowhere = world.crm.feed(Id::new_at(world.crm.now())).await;
    assert!(nowhere.is_err());
}

/// Notes that cannot be read.
struct NoNotes;

#[async_trait]
impl NoteStore for NoNotes {
    async fn note(&self, _grant: &Grant, _id: Id<Note>) -> Result<Stored<Note>> {
        Err(Error::unavailable("no notes"))
    }

    async fn deleted_note(&self, _grant: &Grant, _id: Id<Note>) -> Result<Stored<Note>> {
        Err(Error::unavailable("no notes"))
    }

    async fn notes(&self, _grant: &Grant, _query: &ListQuery) -> Result<Rows<Note>> {
        Err(Error::unavailable("no notes"))
    }
}

/// Contacts of which those that are deleted cannot be read.
struct NoDeletedContacts(Arc<dyn ContactStore>);

#[async_trait]
impl ContactStore for NoDeletedContacts {
    async fn contact(&self, grant: &Grant, id: Id<Contact>) -> Result<Stored<Contact>> {
        self.0.contact(grant, id).await
    }

    async fn contacts_by_id(&self, grant: &Grant, ids: &[Id<Contact>]) -> Result<Vec<Stored<Contact>>> {
        self.0.contacts_by_id(grant, ids).await
    }

    async fn deleted_contact(&self, _grant: &Grant, _id: Id<Contact>) -> Result<Stored<Contact>> {
        Err(Error::unavailable("no deleted contacts"))
    }

    async fn contacts(&self, grant: &Grant, query: &ListQuery) -> Result<Rows<Contact>> {
        self.0.contacts(grant, query).await
    }

    async fn count_contacts(&self, grant: &Grant, query: &ListQuery, cap: u64) -> Result<u64> {
        self.0.count_contacts(grant, query, cap).await
    }

    async fn known_contacts(&self, grant: &Grant, keys: &[RowKey]) -> Result<Vec<Option<Stored<Contact>>>> {
        self.0.known_contacts(grant, keys).await
    }
}

pub async fn a_feed_that_cannot_look_a_record_up_says_so(world: World) {
    let admin = world.session(Role::Admin).await;
    let start = end(&world).await;
    let id = contact(&admin, samples::contact("Ada")).await.id;
    admin.activities().create_note(samples::note(id, "hi")).await.unwrap();
    let told = async |change: &dyn Fn(&mut Ports)| {
        let [mut crm, _] = world.engines(|builder| builder);
        change(Arc::get_mut(&mut crm.ports).unwrap());
        crm.feed(world.home.workspace).await.unwrap().after(start, 100).await
    };
    let without_notes = |ports: &mut Ports| ports.notes = Arc::new(NoNotes);
    let without_deleted = |ports: &mut Ports| {
        ports.contacts = Arc::new(NoDeletedContacts(ports.contacts.clone()));
    };
    // A record that nobody can look up is not one that is gone.
    fails(told(&without_notes).await, ErrorKind::Unavailable);
    assert_eq!(told(&without_deleted).await.unwrap().len(), 2);
    admin.contacts().delete(id, Expect::Any).await.unwrap();
    fails(told(&without_deleted).await, ErrorKind::Unavailable);
}

pub async fn each_member_is_told_of_the_records_that_they_can_read(world: World) {
    let admin = world.session(Role::Admin).await;
    let start = end(&world).await;
    for role in Role::ALL {
        deal(&admin, owned_by(&world, role)).await;
    }
    deal(&admin, DealEdit { owner_id: Edit::Clear, ..samples::deal("nobody's") }).await;
    let happened = after(&world, start).await;
    for role in Role::ALL {
        let session = world.session(role).await;
        let mut sees = 0;
        for occurrence in &happened {
            let envelope = session.envelope(occurrence);
            let id = Id::from(occurrence.entry.record_id);
            assert_eq!(envelope.is_some(), session.deals().read(id).await.is_ok(), "{role}");
            sees += usize::from(envelope.is_some());
        }
        assert!(sees > 0, "{role} sees something");
    }
    let [setter, closer] = [world.session(Role::Setter).await, world.session(Role::Closer).await];
    assert_eq!((told(&setter, &happened).len(), told(&closer, &happened).len()), (1, 3));
    // Nothing of it is told on the other side of the wall.
    let away = world.crm.feed(world.away.workspace).await.unwrap();
    let theirs = away.after(0, 10_000).await.unwrap();
    assert!(theirs.iter().all(|occurrence| happened.iter().all(|own| own.entry.id != occurrence.entry.id)));
}

pub async fn an_event_says_what_happened_by_the_name_of_the_fact(world: World) {
    let admin = world.session(Role::Admin).await;
    let won = stage(&admin, "Won").await;
    let start = end(&world).await;
    let person = contact(&admin, samples::contact("A")).await;
    admin.contacts().update(person.id, samples::contact("B"), Expect::Any).await.unwrap();
    let made = deal(&admin, samples::deal("D")).await;
    admin.deals().move_to(made.id, won, Expect::Any).await.unwrap();
    admin.contacts().delete(person.id, Expect::Any).await.unwrap();
    admin.contacts().restore(person.id).await.unwrap();
    let told = told(&admin, &after(&world, start).await);
    let expected =
        ["contact.created", "contact.updated", "deal.created", "deal.moved", "contact.deleted", "contact.restored"];
    assert_eq!(kinds(&told), expected);
    assert_eq!(told.iter().map(|event| event.seq).collect::<Vec<_>>(), (start + 1..=start + 6).collect::<Vec<_>>());
    let update = &told[1].data;
    assert_eq!((update.entity, update.record_id, update.version), (Entity::Contact, person.id.uuid(), 2));
    assert_eq!((&update.before["last_name"], &update.after["last_name"]), (&"A".into(), &"B".into()));
    assert_eq!((told[2].data.change, told[3].data.change), (Some(Change::Created), Some(Change::Updated)));
    assert_eq!(told[1].actor.user_id, Some(world.home.member(Role::Admin)));
}

pub async fn whoever_loses_sight_of_a_record_is_told_so_once_and_nothing_of_it(world: World) {
    let admin = world.session(Role::Admin).await;
    let made = deal(&admin, owned_by(&world, Role::Setter)).await;
    let start = end(&world).await;
    let secret = DealEdit { title: "Secret".into(), ..owned_by(&world, Role::SalesRep) };
    admin.deals().update(made.id, secret, Expect::Any).await.unwrap();
    admin.deals().update(made.id, samples::deal("More"), Expect::Any).await.unwrap();
    let happened = after(&world, start).await;
    let seen = told(&world.session(Role::Setter).await, &happened);
    assert_eq!(kinds(&seen), ["deal.withdrawn"]);
    let withdrawn = serde_json::to_string(&seen[0]).unwrap();
    assert!(!withdrawn.contains("Secret") && seen[0].data.record_id == made.id.uuid());
    assert_eq!(kinds(&told(&world.session(Role::SalesRep).await, &happened)), ["deal.updated", "deal.updated"]);
    // The closer saw it as one of the setter's team.
    assert_eq!(kinds(&told(&world.session(Role::Closer).await, &happened)), ["deal.withdrawn"]);
}

pub async fn hidden_fields_are_in_no_event(world: World) {
    let admin = world.session(Role::Admin).await;
    let start = end(&world).await;
    let value = Edit::Set(Money::minor(4_711, "USD".parse().unwrap()));
    let made = deal(&admin, DealEdit { value, ..samples::deal("D") }).await;
    let dearer = Edit::Set(Money::minor(4_712, "USD".parse().unwrap()));
    admin.deals().update(made.id, DealEdit { value: dearer, ..samples::deal("E") }, Expect::Any).await.unwrap();
    let happened = after(&world, start).await;
    let support = serde_json::to_string(&told(&world.session(Role::SupportAgent).await, &happened)).unwrap();
    assert!(support.contains("\"title\":\"E\"") && !support.contains("amount_minor"), "{support}");
    assert!(!support.contains("estimated"), "{support}");
    assert!(serde_json::to_string(&told(&admin, &happened)).unwrap().contains("4712"));
}

pub async fn a_note_is_told_to_those_who_see_what_it_is_on(world: World) {
    let admin = world.session(Role::Admin).await;
    let (setters, reps) =
        (deal(&admin, owned_by(&world, Role::Setter)).await, deal(&admin, owned_by(&world, Role::SalesRep)).await);
    let start = end(&world).await;
    for on in [setters.id, reps.id] {
        let note = NewNote { body: "Call".to_owned(), deal_id: Some(on), ..NewNote::default() };
        admin.activities().create_note(note).await.unwrap();
    }
    let happened = after(&world, start).await;
    assert_eq!(told(&world.session(Role::Setter).await, &happened).len(), 1);
    assert_eq!(told(&admin, &happened).len(), 2);
}

pub async fn an_owner_is_told_of_the_end_of_a_record_and_all_who_see_everything_of_its_erasure(world: World) {
    let admin = world.session(Role::Admin).await;
    let made = deal(&admin, owned_by(&world, Role::Setter)).await;
    let start = end(&world).await;
    admin.deals().delete(made.id, Expect::Any).await.unwrap();
    let setter = world.session(Role::Setter).await;
    assert_eq!(kinds(&told(&setter, &after(&world, start).await)), ["deal.deleted"]);
    let start = end(&world).await;
    admin.deals().purge(made.id).await.unwrap();
    let happened = after(&world, start).await;
    assert_eq!(kinds(&told(&admin, &happened)), ["deal.purged"]);
    assert!(told(&setter, &happened).is_empty());
}

pub async fn of_what_is_gone_nothing_is_told_but_that_something_happened(world: World) {
    let admin = world.session(Role::Admin).await;
    let start = end(&world).await;
    let made = deal(&admin, samples::deal("Secret deal")).await;
    let note = NewNote { body: "Secret note".to_owned(), deal_id: Some(made.id), ..NewNote::default() };
    let note = admin.activities().create_note(note).await.unwrap();
    let before = serde_json::to_string(&told(&admin, &after(&world, start).await)).unwrap();
    assert!(before.contains("Secret deal") && before.contains("Secret note"));
    admin.activities().delete_note(note.id, Expect::Any).await.unwrap();
    let told_of_note = serde_json::to_string(&told(&admin, &after(&world, start).await)).unwrap();
    assert!(told_of_note.contains("Secret deal") && !told_of_note.contains("Secret note"));
    admin.activities().purge_note(note.id).await.unwrap();
    admin.deals().delete(made.id, Expect::Any).await.unwrap();
    let told = told(&admin, &after(&world, start).await);
    assert_eq!(kinds(&told), ["deal.created", "note.created", "note.deleted", "deal.deleted"]);
    assert!(!serde_json::to_string(&told).unwrap().contains("Secret"));
}

pub async fn a_custom_field_that_is_hidden_is_described_in_no_event(world: World) {
    let admin = world.session(Role::Admin).await;
    world.set_rule(Role::Closer, Entity::Contact, hiding(&["custom.budget"])).await;
    let start = end(&world).await;
    let id = field(&admin, Entity::Contact, "budget", CustomKind::Number).await;
    let happened = after(&world, start).await;
    let closer = told(&world.session(Role::Closer).await, &happened);
    assert_eq!((closer.len(), closer[0].data.record_id), (1, id.uuid()));
    assert!(!serde_json::to_string(&closer).unwrap().contains("budget"));
    let admin = world.session(Role::Admin).await;
    assert!(serde_json::to_string(&told(&admin, &happened)).unwrap().contains("budget"));
}

pub async fn nobody_is_told_of_which_account_a_member_is(world: World) {
    let registered = register(&world, "Acme", "ada@example.com").await;
    let session = authenticated(&world, &registered.tokens).await.unwrap();
    let feed = world.crm.feed(registered.workspace.id).await.unwrap();
    let all = feed.after(0, 1_000).await.unwrap();
    assert!(all.iter().any(|occurrence| occurrence.entry.after.contains_key("account_id")));
    let told = told(&session, &all);
    assert!(kinds(&told).contains(&"user.created"), "{told:?}");
    assert!(!serde_json::to_string(&told).unwrap().contains("account_id"), "{told:?}");
}

pub async fn who_signs_in_and_out_is_told_to_nobody(world: World) {
    let register = samples::register("Third", "ada@example.com").unwrap();
    let registered = world.crm.auth().register(register, "1").await.unwrap();
    let (admin, claims) = world.crm.auth().authenticate(&registered.tokens.access_token).await.unwrap();
    world.crm.auth().logout(&admin, claims.session_id).await.unwrap();
    let happened = world.crm.feed(registered.workspace.id).await.unwrap().after(0, 100).await.unwrap();
    let is_noted = |occurrence: &&Occurrence| occurrence.entry.change == Change::Noted;
    assert_eq!(happened.iter().filter(is_noted).count(), 2);
    assert!(told(&admin, &happened).iter().all(|event| event.data.change != Some(Change::Noted)));
    // The one who signed out is asked anew, the one who signed in is not.
    let about: Vec<bool> =
        happened.iter().filter(is_noted).map(|o| o.is_about_access_of(Some(claims.user_id))).collect();
    assert_eq!(about, [false, true]);
}

pub async fn rights_that_changed_elsewhere_hold_from_the_moment_the_feed_tells_of_them(world: World) {
    let setter = world.second_session(Role::Setter).await;
    assert!(setter.require(Entity::Contact, crate::access::Action::Read).is_ok());
    let start = end(&world).await;
    let workspace = world.session(Role::Admin).await.workspace();
    workspace.set_rule(Role::Setter, Entity::Contact, Rule::default(), Expect::Any).await.unwrap();
    // The second engine remembers the former rule until the feed tells it.
    reading(&world.second_session(Role::Setter).await, Entity::Contact);
    let happened = occurrences(&world.second, &world, start).await;
    assert!(happened.iter().all(|occurrence| occurrence.is_about_access_of(None)) && !happened.is_empty());
    let setter = world.second_session(Role::Setter).await;
    assert!(setter.require(Entity::Contact, crate::access::Action::Read).is_err());
    assert!(told(&setter, &after(&world, 0).await).iter().all(|event| event.data.entity != Entity::Contact));
}

pub async fn a_change_of_one_members_rights_concerns_that_member_alone(world: World) {
    let admin = world.session(Role::Admin).await;
    let start = end(&world).await;
    let setter = world.home.member(Role::Setter);
    admin.users().change_role(setter, Role::Closer, Expect::Any).await.unwrap();
    world.set_rule(Role::Closer, Entity::Deal, own_alone()).await;
    let happened = after(&world, start).await;
    let of = |member| happened.iter().map(|o| o.is_about_access_of(Some(member))).collect::<Vec<_>>();
    assert_eq!(of(setter), [true, true]);
    assert_eq!(of(world.home.member(Role::Manager)), [false, true]);
}

pub async fn a_role_that_changed_elsewhere_holds_from_the_moment_the_feed_tells_of_it(world: World) {
    world.set_rule(Role::Closer, Entity::Contact, Rule::default()).await;
    let reads = async || {
        let setter = world.second_session(Role::Setter).await;
        setter.require(Entity::Contact, crate::access::Action::Read).is_ok()
    };
    assert!(reads().await);
    let start = end(&world).await;
    let setter = world.home.member(Role::Setter);
    world.session(Role::Admin).await.users().change_role(setter, Role::Closer, Expect::Any).await.unwrap();
    assert!(reads().await, "the second engine remembers the former role");
    assert_eq!(occurrences(&world.second, &world, start).await.len(), 1);
    assert!(!reads().await);
}
