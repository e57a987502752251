//! Everybody sees as far as their role reaches, and no further by any way.

use super::support::{
    commit, company, contact, contact_of, deal, fails, filtered, invalid_at, names, pipeline, reading, refused,
    searched, stage,
};
use crate::access::{Action, Entity, Matrix, Role, Rule, Scope};
use crate::activity::NoteEdit;

use crate::contact::{Contact, ContactEdit};
use crate::custom_field::CustomKind;
use crate::deal::{DealEdit, DealStart};
use crate::edit::Edit;
use crate::error::ErrorKind::{Denied, Invalid, NotFound};
use crate::id::Id;
use crate::page::ListRequest;
use crate::session::{Expect, Session};
use crate::testkit::{World, samples};
use crate::transfer::{Fingerprint, RowKey};
use crate::workspace::PermissionsChange;

/// Owners of one record each; the setter's team is manager, closer and setter.
const OWNERS: [Role; 4] = [Role::Admin, Role::Manager, Role::Setter, Role::SalesRep];

/// What the setter sees of a kind under a scope: names of owners, and `nobody`.
fn reach(scope: Scope) -> Vec<&'static str> {
    match scope {
        Scope::None => vec![],
        Scope::Own => vec!["setter"],
        Scope::Team => vec!["manager", "setter"],
        Scope::All => vec!["admin", "manager", "nobody", "sales_rep", "setter"],
    }
}

fn reads(scope: Scope) -> Rule {
    Rule { read: scope, ..Rule::ALL }
}

const SCOPES: [Scope; 3] = [Scope::Own, Scope::Team, Scope::All];

pub async fn contacts_are_seen_as_far_as_the_scope_reaches(world: World) {
    let mut ids = vec![("nobody", contact(&world.system().await, samples::contact("nobody")).await.id)];
    for role in OWNERS {
        ids.push((role.name(), contact_of(&world, role, role.name()).await));
    }
    for scope in SCOPES {
        world.set_rule(Role::Setter, Entity::Contact, reads(scope)).await;
        let setter = world.session(Role::Setter).await;
        assert_eq!(names(&setter, &samples::list()).await, reach(scope));
        let counted = ListRequest { count: true, ..samples::list() };
        let total = setter.contacts().list(&counted).await.unwrap().total;
        assert_eq!(total, Some(reach(scope).len() as u64));
        let grant = reading(&setter, Entity::Contact);
        let all: Vec<_> = ids.iter().map(|(_, id)| *id).collect();
        let found = world.crm.ports.contacts.contacts_by_id(&grant, &all).await.unwrap();
        assert_eq!(found.len(), reach(scope).len());
        for (owner, id) in &ids {
            match reach(scope).contains(owner) {
                true => assert_eq!(setter.contacts().read(*id).await.unwrap().id, *id),
                false => {
                    fails(setter.contacts().read(*id).await, NotFound);
                    fails(setter.contacts().update(*id, samples::contact("x"), Expect::Any).await, NotFound);
                    fails(setter.contacts().delete(*id, Expect::Any).await, NotFound);
                    fails(setter.contacts().timeline(*id, None, None).await, NotFound);
                    let edit = DealEdit { contact_id: (*id).into(), ..samples::deal("D") };
                    fails(setter.deals().create(DealStart::default(), edit).await, Invalid);
                    fails(setter.activities().create_note(samples::note(*id, "hi")).await, Invalid);
                }
            }
        }
    }
    world.set_rule(Role::Setter, Entity::Contact, reads(Scope::None)).await;
    fails(world.session(Role::Setter).await.contacts().list(&samples::list()).await, Denied);
    fails(world.session(Role::Setter).await.contacts().read(ids[0].1).await, Denied);
}

pub async fn companies_are_seen_as_far_as_the_scope_reaches(world: World) {
    let mut ids = vec![("nobody", company(&world.system().await, "nobody").await)];
    for role in OWNERS {
        ids.push((role.name(), company(&world.session(role).await, role.name()).await));
    }
    for scope in SCOPES {
        world.set_rule(Role::Setter, Entity::Company, reads(scope)).await;
        let setter = world.session(Role::Setter).await;
        let request = ListRequest { count: true, sort: Some("name".to_owned()), ..samples::list() };
        let page = setter.companies().list(&request).await.unwrap();
        let found: Vec<&str> = page.data.iter().map(|company| company.name.as_str()).collect();
        assert_eq!((found, page.total), (reach(scope), Some(reach(scope).len() as u64)));
        for (owner, id) in &ids {
            match reach(scope).contains(owner) {
                true => assert_eq!(setter.companies().read(*id).await.unwrap().id, *id),
                false => {
                    fails(setter.companies().read(*id).await, NotFound);
                    fails(setter.companies().update(*id, samples::company("x"), Expect::Any).await, NotFound);
                    fails(setter.companies().timeline(*id, None, None).await, NotFound);
                    let edit = ContactEdit { company_id: (*id).into(), ..samples::contact("C") };
                    fails(setter.contacts().create(edit).await, Invalid);
                }
            }
        }
    }
}

pub async fn deals_are_seen_as_far_as_the_scope_reaches(world: World) {
    let mut ids = vec![("nobody", deal(&world.system().await, samples::deal("nobody")).await.id)];
    for role in OWNERS {
        ids.push((role.name(), deal(&world.session(role).await, samples::deal(role.name())).await.id));
    }
    for scope in SCOPES {
        world.set_rule(Role::Setter, Entity::Deal, reads(scope)).await;
        let setter = world.session(Role::Setter).await;
        let request = ListRequest { count: true, sort: Some("title".to_owned()), ..samples::list() };
        let page = setter.deals().list(&request).await.unwrap();
        let found: Vec<&str> = page.data.iter().map(|deal| deal.title.as_str()).collect();
        assert_eq!((found, page.total), (reach(scope), Some(reach(scope).len() as u64)));
        assert_eq!(setter.deals().board(None).await.unwrap().count(), reach(scope).len() as u64);
        let won = stage(&setter, "Won").await;
        for (owner, id) in &ids {
            match reach(scope).contains(owner) {
                true => assert_eq!(setter.deals().read(*id).await.unwrap().id, *id),
                false => {
                    fails(setter.deals().read(*id).await, NotFound);
                    fails(setter.deals().move_to(*id, won, Expect::Any).await, NotFound);
                    fails(setter.deals().timeline(*id, None, None).await, NotFound);
                }
            }
        }
    }
}

pub async fn deleted_and_imported_records_are_walled_too(world: World) {
    let admin = world.session(Role::Admin).await;
    let edit = ContactEdit { external_id: "X1".into(), ..samples::contact("A") };
    let own = contact(&admin, edit).await.id;
    let gone = contact_of(&world, Role::Admin, "gone").await;
    admin.contacts().delete(gone, Expect::Any).await.unwrap();
    let mut changes = admin.changes();
    let print = Fingerprint { entity: Entity::Contact, digest: [7; 16], record_id: own.uuid() };
    changes.fingerprints(vec![print]);
    commit(&admin, changes).await.unwrap();
    world.set_rule(Role::Setter, Entity::Contact, reads(Scope::Team)).await;
    let setter = world.session(Role::Setter).await;
    fails(setter.contacts().restore(gone).await, NotFound);
    fails(setter.contacts().purge(gone).await, NotFound);
    let keys = [RowKey::ExternalId("x1".to_owned()), RowKey::Fingerprint([7; 16])];
    let known = world.crm.ports.contacts.known_contacts(&reading(&setter, Entity::Contact), &keys).await.unwrap();
    assert_eq!(known, [None, None]);
}

pub async fn a_relation_leads_only_to_what_the_caller_sees(world: World) {
    let admin = world.session(Role::Admin).await;
    let acme = company(&admin, "Acme").await;
    let edit = ContactEdit { company_id: acme.into(), ..samples::contact("A") };
    let id = contact(&admin, edit).await.id;
    let edit = DealEdit { contact_id: id.into(), company_id: acme.into(), ..samples::deal("Secret") };
    let secret = deal(&admin, edit).await.id;
    admin.activities().create_note(samples::note(id, "hush")).await.unwrap();

    let questions = [
        "related(deals: title = secret)",
        "related(deals: all())",
        "related(company: name = acme)",
        "related(notes: all())",
        "related(owner: role = admin)",
    ];
    let answers = async |session: &Session| {
        let mut answers = Vec::new();
        for question in questions {
            let yes = !names(session, &filtered(question)).await.is_empty();
            let no = !names(session, &filtered(&format!("not {question}"))).await.is_empty();
            assert_ne!(yes, no, "{question}");
            answers.push(yes);
        }
        answers
    };
    world.set_rule(Role::Setter, Entity::Deal, reads(Scope::All)).await;
    world.set_rule(Role::Setter, Entity::Contact, reads(Scope::All)).await;
    world.set_rule(Role::Setter, Entity::Company, reads(Scope::All)).await;
    assert_eq!(answers(&world.session(Role::Setter).await).await, [true; 5]);
    world.set_rule(Role::Setter, Entity::Deal, reads(Scope::Own)).await;
    world.set_rule(Role::Setter, Entity::Company, reads(Scope::Team)).await;
    assert_eq!(answers(&world.session(Role::Setter).await).await, [false, false, false, true, true]);
    // Given to a member of the team, it is seen again.
    let edit = DealEdit { owner_id: world.home.member(Role::Setter).into(), ..DealEdit::default() };
    admin.deals().update(secret, edit, Expect::Any).await.unwrap();
    assert_eq!(answers(&world.session(Role::Setter).await).await, [true, true, false, true, true]);
    // A deleted record is related to nothing.
    admin.deals().delete(secret, Expect::Any).await.unwrap();
    assert_eq!(answers(&world.session(Role::Setter).await).await, [false, false, false, true, true]);
}

pub async fn a_relation_to_what_the_caller_may_not_read_is_refused(world: World) {
    world.set_rule(Role::Setter, Entity::Deal, reads(Scope::None)).await;
    let setter = world.session(Role::Setter).await;
    for filter in ["related(deals: all())", "not related(deals: all())"] {
        let error = refused(setter.contacts().list(&filtered(filter)).await);
        assert_eq!((error.kind(), error.fields()[0].code.as_ref()), (Invalid, "denied"));
    }
    // A field that is hidden is hidden through a relation as well.
    world.set_rule(Role::Setter, Entity::Company, super::support::hiding(&["industry"])).await;
    let setter = world.session(Role::Setter).await;
    fails(setter.contacts().list(&filtered("related(company: industry = x)")).await, Invalid);
}

pub async fn a_note_is_seen_by_whoever_sees_its_record(world: World) {
    let admin = world.session(Role::Admin).await;
    let (near, far) = (contact_of(&world, Role::Manager, "near").await, contact_of(&world, Role::Admin, "far").await);
    let shown = admin.activities().create_note(samples::note(near, "shown words")).await.unwrap().id;
    let hidden = admin.activities().create_note(samples::note(far, "hidden words")).await.unwrap().id;
    world.set_rule(Role::Setter, Entity::Contact, reads(Scope::Team)).await;
    world.set_rule(Role::Setter, Entity::Note, Rule::ALL).await;
    let setter = world.session(Role::Setter).await;
    let seen = async |request: &ListRequest| {
        let page = setter.activities().notes(request).await.unwrap();
        page.data.iter().map(|note| note.id).collect::<Vec<_>>()
    };
    assert_eq!(seen(&samples::list()).await, [shown]);
    assert_eq!(seen(&searched("words")).await, [shown]);
    assert_eq!(seen(&filtered(&format!("contact_id = {far}"))).await, []);
    let edit = || NoteEdit { body: "x".into() };
    fails(setter.activities().update_note(hidden, edit(), Expect::Any).await, NotFound);
    fails(setter.activities().delete_note(hidden, Expect::Any).await, NotFound);
    assert_eq!(setter.activities().update_note(shown, edit(), Expect::Any).await.unwrap().body, "x");
    // Nobody sees the notes on a deleted record.
    admin.contacts().delete(near, Expect::Any).await.unwrap();
    assert_eq!(seen(&samples::list()).await, []);
    fails(setter.activities().update_note(shown, edit(), Expect::Any).await, NotFound);
}

pub async fn what_is_seen_but_out_of_reach_is_denied(world: World) {
    let rep = world.session(Role::SalesRep).await;
    let id = contact_of(&world, Role::Admin, "A").await;
    fails(rep.contacts().update(id, samples::contact("x"), Expect::Any).await, Denied);
    fails(rep.contacts().replace(id, samples::contact("x"), Expect::Any).await, Denied);
    fails(rep.contacts().delete(id, Expect::Any).await, Denied);
    let admin = world.session(Role::Admin).await;
    admin.contacts().delete(id, Expect::Any).await.unwrap();
    fails(rep.contacts().restore(id).await, Denied);
    fails(rep.contacts().purge(id).await, Denied);
    let note = {
        let own = contact_of(&world, Role::SalesRep, "own").await;
        admin.activities().create_note(samples::note(own, "by the admin")).await.unwrap().id
    };
    fails(rep.activities().update_note(note, NoteEdit { body: "x".into() }, Expect::Any).await, Denied);
    fails(rep.activities().delete_note(note, Expect::Any).await, Denied);
    let support = world.session(Role::SupportAgent).await;
    fails(support.contacts().create(samples::contact("x")).await, Denied);
    fails(support.companies().create(samples::company("x")).await, Denied);
    fails(support.deals().create(DealStart::default(), samples::deal("x")).await, Denied);
}

pub async fn a_note_is_found_from_its_record_by_whoever_sees_that(world: World) {
    world.set_rule(Role::SalesRep, Entity::Contact, Rule { read: Scope::Own, ..Rule::ALL }).await;
    let (admin, rep) = (world.session(Role::Admin).await, world.session(Role::SalesRep).await);
    for (session, name) in [(&admin, "far"), (&rep, "own")] {
        let id = contact(session, samples::contact(name)).await.id;
        session.activities().create_note(samples::note(id, "hi")).await.unwrap();
    }
    let noted = filtered("related(notes: created_at is not null)");
    assert_eq!(names(&rep, &noted).await, ["own"]);
    assert_eq!(names(&admin, &noted).await, ["far", "own"]);
}

pub async fn nobody_acts_on_what_they_may_not_see(world: World) {
    let id = contact_of(&world, Role::Admin, "A").await;
    world.set_rule(Role::Setter, Entity::Contact, Rule { read: Scope::None, ..Rule::ALL }).await;
    let setter = world.session(Role::Setter).await;
    for action in [Action::Update, Action::Delete, Action::Export, Action::Assign] {
        fails(setter.require(Entity::Contact, action), Denied);
    }
    fails(setter.contacts().update(id, samples::contact("x"), Expect::Any).await, Denied);
    fails(setter.contacts().delete(id, Expect::Any).await, Denied);
    // Nor do they point to it.
    invalid_at(setter.activities().create_note(samples::note(id, "x")).await, "contact_id");
    let edit = DealEdit { contact_id: id.into(), ..samples::deal("x") };
    invalid_at(setter.deals().create(DealStart::default(), edit).await, "contact_id");
}

pub async fn nobody_gives_away_what_they_may_not(world: World) {
    let rep = world.session(Role::SalesRep).await;
    let other = world.home.member(Role::Admin);
    let edit = ContactEdit { owner_id: other.into(), ..samples::contact("x") };
    fails(rep.contacts().create(edit.clone()).await, Denied);
    let own = contact_of(&world, Role::SalesRep, "own").await;
    world.set_rule(Role::SalesRep, Entity::Contact, Rule { assign: Scope::None, ..Rule::ALL }).await;
    let rep = world.session(Role::SalesRep).await;
    fails(rep.contacts().update(own, edit, Expect::Any).await, Denied);
    let orphan = ContactEdit { owner_id: Edit::Clear, ..ContactEdit::default() };
    fails(rep.contacts().update(own, orphan, Expect::Any).await, Denied);
    assert_eq!(rep.contacts().read(own).await.unwrap().owner_id, Some(world.home.member(Role::SalesRep)));
}

pub async fn only_those_with_the_permission_change_settings_and_people(world: World) {
    for role in [Role::Manager, Role::Closer, Role::Setter, Role::SalesRep, Role::SupportAgent] {
        let session = world.session(role).await;
        let me = world.home.member(role);
        fails(session.users().change_role(me, Role::Admin, Expect::Any).await, Denied);
        fails(session.users().create(samples::user("x", Role::Admin)).await, Denied);
        fails(session.workspace().update(Default::default(), Expect::Any).await, Denied);
        fails(session.workspace().set_rule(role, Entity::Contact, Rule::ALL, Expect::Any).await, Denied);
        let defaults = PermissionsChange { rules: Matrix::default() };
        fails(session.workspace().set_permissions(defaults, Expect::Any).await, Denied);
        fails(session.workspace().verify_journal().await, Denied);
        fails(session.teams().create(samples::team("x", &[])).await, Denied);
        fails(session.teams().update(world.home.team, samples::members(&[]), Expect::Any).await, Denied);
        fails(session.teams().replace(world.home.team, samples::members(&[]), Expect::Any).await, Denied);
        fails(session.teams().delete(world.home.team, Expect::Any).await, Denied);
        fails(session.pipelines().create(samples::pipeline("x")).await, Denied);
        let new = samples::custom_field(Entity::Contact, "x", CustomKind::Text);
        fails(session.custom_fields().define(new).await, Denied);
    }
}

pub async fn admins_alone_say_what_roles_may_do(world: World) {
    for role in Role::ALL.into_iter().filter(|role| *role != Role::Admin) {
        world.set_rule(role, Entity::Workspace, Rule::ALL).await;
        let settings = world.session(role).await.workspace();
        let version = settings.update(Default::default(), Expect::Any).await.unwrap().version;
        for other in [role, Role::Closer] {
            fails(settings.set_rule(other, Entity::Contact, Rule::ALL, Expect::Any).await, Denied);
        }
        let mut rules = Matrix::default();
        rules.set(role, Entity::User, Rule::ALL);
        fails(settings.set_permissions(PermissionsChange { rules }, Expect::Any).await, Denied);
        let defaults = PermissionsChange { rules: Matrix::default() };
        fails(settings.set_permissions(defaults, Expect::Any).await, Denied);
        assert_eq!(settings.read().await.unwrap().version, version);
    }
    // The product itself does too, as at the command line.
    let product = world.system().await.workspace();
    product.set_rule(Role::Setter, Entity::Workspace, Rule::NONE, Expect::Any).await.unwrap();
    fails(world.session(Role::Setter).await.workspace().read().await, Denied);
}

pub async fn an_export_reaches_no_further_than_its_permission(world: World) {
    let rep = world.session(Role::SalesRep).await;
    contact_of(&world, Role::Admin, "far").await;
    contact_of(&world, Role::SalesRep, "own").await;
    assert_eq!(names(&rep, &samples::list()).await, ["far", "own"]);
    let grant = rep.require(Entity::Contact, Action::Export).unwrap();
    let query = grant.check_list::<Contact>(&samples::list(), rep.now()).unwrap();
    let rows = world.crm.ports.contacts.contacts(&grant, &query).await.unwrap().rows;
    assert_eq!(rows.iter().map(|row| row.last_name.as_deref()).collect::<Vec<_>>(), [Some("own")]);
}

pub async fn whoever_joins_a_team_sees_what_it_sees(world: World) {
    let far = contact_of(&world, Role::SalesRep, "far").await;
    world.set_rule(Role::Setter, Entity::Contact, reads(Scope::Team)).await;
    fails(world.session(Role::Setter).await.contacts().read(far).await, NotFound);
    let admin = world.session(Role::Admin).await;
    let mates = [Role::Setter, Role::SalesRep].map(|role| world.home.member(role));
    admin.teams().create(samples::team("South", &mates)).await.unwrap();
    assert_eq!(world.session(Role::Setter).await.contacts().read(far).await.unwrap().id, far);
    assert_eq!(names(&world.session(Role::Setter).await, &filtered("owner_id = my_team")).await, ["far"]);
    // The other engine knows it within a second.
    world.clock.advance_seconds(1);
    assert_eq!(world.second_session(Role::Setter).await.contacts().read(far).await.unwrap().id, far);
}

pub async fn the_timeline_leaves_out_what_the_caller_may_not_read(world: World) {
    let id = contact_of(&world, Role::Admin, "A").await;
    world.session(Role::Admin).await.activities().create_note(samples::note(id, "hush")).await.unwrap();
    world.set_rule(Role::Manager, Entity::Note, Rule::NONE).await;
    let count = async |role| {
        let page = world.session(role).await.contacts().timeline(id, None, None).await.unwrap();
        page.data.iter().filter(|item| item.entity == Entity::Note).count()
    };
    assert_eq!((count(Role::Admin).await, count(Role::Manager).await), (1, 0));
}

pub async fn boards_and_totals_hold_what_the_caller_sees(world: World) {
    let usd = |minor| crate::money::Money::minor(minor, crate::money::Currency::USD);
    for (role, minor) in [(Role::Admin, 100), (Role::Manager, 20), (Role::Setter, 3)] {
        deal(&world.session(role).await, DealEdit { value: usd(minor).into(), ..samples::deal("D") }).await;
    }
    let worth = async |scope| {
        world.set_rule(Role::Setter, Entity::Deal, reads(scope)).await;
        let board = world.session(Role::Setter).await.deals().board(None).await.unwrap();
        let totals =
            board.stages.iter().flat_map(|stage| stage.total.clone().unwrap_or_default().iter().collect::<Vec<_>>());
        totals.map(|money| money.amount_minor).sum::<i64>()
    };
    assert_eq!((worth(Scope::Own).await, worth(Scope::Team).await, worth(Scope::All).await), (3, 23, 123));
    let admin = world.session(Role::Admin).await;
    assert_eq!(pipeline(&admin).await.stages.len(), 4);
}

pub async fn an_unknown_id_and_an_invisible_one_look_alike(world: World) {
    let far = contact_of(&world, Role::Admin, "far").await;
    world.set_rule(Role::Setter, Entity::Contact, reads(Scope::Own)).await;
    let setter = world.session(Role::Setter).await;
    let unknown: Id<Contact> = Id::new_at(setter.now());
    let (invisible, absent) =
        (refused(setter.contacts().read(far).await), refused(setter.contacts().read(unknown).await));
    let normal = |message: &str, id: Id<Contact>| message.replace(&id.to_string(), "ID");
    assert_eq!(normal(invisible.message(), far), normal(absent.message(), unknown));
    assert_eq!((invisible.kind(), invisible.code()), (absent.kind(), absent.code()));
}
