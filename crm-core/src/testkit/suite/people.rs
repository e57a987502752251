//! Members, teams and the workspace itself.

use super::support::{conflicts, contact_of, fails, filtered, invalid_at, names, reading, refused};
use crate::access::{Entity, FieldMask, Matrix, Role, Rule, Scope};
use crate::edit::Edit;
use crate::error::ErrorKind::{Denied, Invalid, NotFound};
use crate::id::Id;
use crate::page::ListRequest;
use crate::session::{Expect, Session};
use crate::team::{NewTeam, TeamEdit};
use crate::testkit::{World, samples};
use crate::user::{NewUser, User, UserStatus};
use crate::workspace::{PermissionsChange, WorkspaceEdit};

async fn listed(session: &Session, request: &ListRequest) -> Vec<String> {
    let page = session.users().list(request).await.unwrap();
    page.data.iter().map(|user| user.name.clone()).collect()
}

pub async fn a_new_person_is_invited_and_known_to_lists(world: World) {
    let admin = world.session(Role::Admin).await;
    let new = NewUser { email: "Ann@Home.Example".parse().ok(), ..samples::user(" Ann Lee ", Role::SalesRep) };
    let made = admin.users().create(new).await.unwrap();
    assert_eq!((made.name.as_str(), made.status, made.version), ("Ann Lee", UserStatus::Invited, 1));
    assert_eq!(admin.users().read(made.id).await.unwrap(), made);
    assert_eq!(listed(&admin, &filtered("status = invited")).await, ["Ann Lee"]);
    assert_eq!(listed(&admin, &filtered("role = sales_rep and email = ANN@home.example")).await, ["Ann Lee"]);
    let found = ListRequest { q: Some("ann".to_owned()), ..samples::list() };
    assert_eq!(listed(&admin, &found).await, ["Ann Lee"]);
    let sorted = ListRequest { sort: Some("-name".to_owned()), limit: Some(2), ..samples::list() };
    assert_eq!(listed(&admin, &sorted).await, ["support_agent", "setter"]);
    let active = admin.users().change_status(made.id, UserStatus::Active, Expect::Any).await;
    fails(active, Invalid);
    fails(admin.users().read(Id::new_at(admin.now())).await, NotFound);
}

pub async fn members_are_counted_as_their_list_says(world: World) {
    let admin = world.session(Role::Admin).await;
    let total = async |request: ListRequest| {
        let page = admin.users().list(&request).await.unwrap();
        (page.total, page.total_is_capped)
    };
    let all = listed(&admin, &samples::list()).await.len() as u64;
    let counted = ListRequest { count: true, limit: Some(1), ..samples::list() };
    assert_eq!(total(counted.clone()).await, (Some(all), Some(false)));
    assert_eq!(total(ListRequest { count: true, ..filtered("role = setter") }).await, (Some(1), Some(false)));
    assert_eq!(total(samples::list()).await, (None, None));
    let grant = reading(&admin, Entity::User);
    let query = grant.check_list::<User>(&counted, admin.now()).unwrap();
    assert_eq!(world.crm.ports.users.count_users(&grant, &query, 2).await.unwrap(), 2);
}

pub async fn people_are_found_by_name_and_address_whatever_the_case(world: World) {
    let admin = world.session(Role::Admin).await;
    let new = NewUser { email: "ann@home.example".parse().ok(), ..samples::user("Änn Lee", Role::SalesRep) };
    admin.users().create(new).await.unwrap();
    admin.users().create(samples::user("änn lee", Role::Setter)).await.unwrap();
    let grant = reading(&admin, Entity::User);
    let by_key = async |keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|key| crate::text::key(key)).collect();
        world.crm.ports.users.users_by_key(&grant, &keys).await.unwrap().len()
    };
    assert_eq!(by_key(&["ÄNN LEE"]).await, 2);
    assert_eq!(by_key(&["Ann@Home.Example"]).await, 1);
    assert_eq!(by_key(&["Ann@Home.Example", "ÄNN LEE", "nobody"]).await, 2);
    assert_eq!(by_key(&["ann"]).await, 0);
    assert_eq!(by_key(&[]).await, 0);
}

pub async fn a_role_is_changed_once_and_told(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = world.home.member(Role::Setter);
    let changed = admin.users().change_role(id, Role::Manager, Expect::Version(1)).await.unwrap();
    assert_eq!((changed.role, changed.version), (Role::Manager, 2));
    conflicts(admin.users().change_role(id, Role::Closer, Expect::Version(1)).await, "stale_version");
    // The new role holds in the next session.
    let far = contact_of(&world, Role::SalesRep, "far").await;
    let session = world.session(Role::Setter).await;
    assert!(session.contacts().update(far, samples::contact("near"), Expect::Any).await.is_ok());
}

pub async fn a_team_has_members_of_its_own_workspace(world: World) {
    let admin = world.session(Role::Admin).await;
    let [one, two] = [Role::Setter, Role::SalesRep].map(|role| world.home.member(role));
    let team = admin.teams().create(samples::team("South", &[two, one, one])).await.unwrap();
    let mut sorted = vec![one, two];
    sorted.sort_unstable();
    assert_eq!(team.members, sorted);
    let names: Vec<String> = admin.teams().list().await.unwrap().iter().map(|team| team.name.clone()).collect();
    assert_eq!(names, ["North", "South"]);
    let mates = world.crm.ports.teams.teammates(world.home.workspace, one).await.unwrap();
    let mut expected: Vec<_> =
        [Role::Manager, Role::Closer, Role::Setter, Role::SalesRep].map(|role| world.home.member(role)).into();
    expected.sort_unstable();
    assert_eq!(mates, expected);
    let changed = admin.teams().update(team.id, samples::members(&[two]), Expect::Version(1)).await.unwrap();
    assert_eq!((changed.members.clone(), changed.version), (vec![two], 2));
    conflicts(admin.teams().update(team.id, samples::members(&[]), Expect::Version(1)).await, "stale_version");
    assert_eq!(admin.teams().update(team.id, samples::members(&[two]), Expect::Any).await.unwrap().version, 2);
    let emptied = admin.teams().update(team.id, samples::members(&[]), Expect::Any).await.unwrap();
    assert!(emptied.members.is_empty());
    assert_eq!(world.crm.ports.teams.teammates(world.home.workspace, two).await.unwrap(), []);
    let stranger = NewTeam { name: "X".to_owned(), members: vec![one, Id::new_at(admin.now())] };
    fails(admin.teams().create(stranger).await, Invalid);
    fails(admin.teams().update(Id::new_at(admin.now()), samples::members(&[]), Expect::Any).await, NotFound);
}

pub async fn a_team_is_renamed_replaced_and_deleted(world: World) {
    let admin = world.session(Role::Admin).await;
    let (teams, store) = (admin.teams(), &world.crm.ports.teams);
    let [one, two] = [Role::Setter, Role::SalesRep].map(|role| world.home.member(role));
    let made = teams.create(samples::team("South", &[one])).await.unwrap();
    let named = |name: &str| TeamEdit { name: name.into(), ..TeamEdit::default() };
    let renamed = teams.update(made.id, named("East"), Expect::Version(1)).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.members.as_slice(), renamed.version), ("East", &[one][..], 2));
    assert_eq!(teams.read(made.id).await.unwrap(), renamed);
    assert_eq!(teams.replace(made.id, named("West"), Expect::Version(2)).await.unwrap().members, []);
    invalid_at(teams.replace(made.id, samples::members(&[one]), Expect::Any).await, "name");
    invalid_at(teams.update(made.id, named(" "), Expect::Any).await, "name");
    // Who is in it stays there when they are deleted, and nobody else comes who is.
    teams.update(made.id, samples::members(&[one]), Expect::Any).await.unwrap();
    admin.users().delete(one, Expect::Any).await.unwrap();
    let both = teams.update(made.id, samples::members(&[two, one]), Expect::Any).await.unwrap();
    assert_eq!(both.members.len(), 2);
    invalid_at(teams.create(samples::team("North", &[two, one])).await, "members.1");
    // What is deleted is no team of anybody.
    let mates = async || store.teammates(world.home.workspace, two).await.unwrap();
    assert_eq!(mates().await.len(), 2);
    conflicts(teams.delete(made.id, Expect::Version(1)).await, "stale_version");
    teams.delete(made.id, Expect::Version(both.version)).await.unwrap();
    assert_eq!(mates().await, []);
    fails(teams.read(made.id).await, NotFound);
    fails(teams.update(made.id, named("South"), Expect::Any).await, NotFound);
    fails(teams.delete(made.id, Expect::Any).await, NotFound);
    let names: Vec<String> = teams.list().await.unwrap().iter().map(|team| team.name.clone()).collect();
    assert_eq!(names, ["North"]);
}

pub async fn settings_are_changed_and_kept(world: World) {
    let admin = world.session(Role::Admin).await;
    let edit = WorkspaceEdit {
        name: "  Ünï & Co ".into(),
        time_zone: Edit::Set("Europe/Berlin".parse().unwrap()),
        currency: Edit::Set("EUR".parse().unwrap()),
    };
    let changed = admin.workspace().update(edit.clone(), Expect::Version(1)).await.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.time_zone.name(), changed.currency.code()),
        ("Ünï & Co", "Europe/Berlin", "EUR")
    );
    assert_eq!(world.session(Role::Setter).await.workspace().read().await.unwrap(), changed);
    conflicts(admin.workspace().update(edit, Expect::Version(1)).await, "stale_version");
    invalid_at(
        admin.workspace().update(WorkspaceEdit { name: Edit::Clear, ..Default::default() }, Expect::Any).await,
        "name",
    );
    let rule = Rule { hidden: crate::access::FieldMask::of(["value", "custom.x"]), ..Rule::NONE };
    admin.workspace().set_rule(Role::Setter, Entity::Deal, rule.clone(), Expect::Any).await.unwrap();
    let read = world.crm.ports.workspaces.workspace(world.home.workspace).await.unwrap();
    assert_eq!(read.permissions.rule(Role::Setter, Entity::Deal), rule);
    assert_eq!((read.version, read.name.as_str()), (3, "Ünï & Co"));
    let names: Vec<String> = world.crm.workspaces().await.unwrap().into_iter().map(|one| one.name).collect();
    assert_eq!(names, ["Away", "Ünï & Co"]);
    let mut all = Vec::new();
    while let [one] = world.crm.ports.workspaces.workspaces(all.last().copied(), 1).await.unwrap().as_slice() {
        all.push(one.id);
    }
    let mut wanted = vec![world.home.workspace, world.away.workspace];
    wanted.sort_unstable();
    assert_eq!(all, wanted);
    fails(world.crm.ports.workspaces.workspace(Id::new_at(admin.now())).await, NotFound);
}

pub async fn the_matrix_is_told_and_replaced_as_a_whole(world: World) {
    let admin = world.session(Role::Admin).await;
    let settings = admin.workspace();
    let by = |rules: &[(Role, Entity, Rule)]| {
        let mut matrix = Matrix::default();
        rules.iter().for_each(|(role, entity, rule)| matrix.set(*role, *entity, rule.clone()));
        PermissionsChange { rules: matrix }
    };
    let before = settings.permissions().await.unwrap();
    assert_eq!(before.rules, Matrix::default().complete());
    // What was told may be sent back, and says nothing new.
    let same = PermissionsChange { rules: before.rules.clone() };
    assert_eq!(settings.set_permissions(same, Expect::Version(before.version)).await.unwrap(), before);
    let own = Rule { read: Scope::Own, ..Rule::NONE };
    let change = by(&[(Role::Setter, Entity::Deal, own.clone())]);
    let changed = settings.set_permissions(change, Expect::Version(before.version)).await.unwrap();
    assert_eq!((changed.rules.rule(Role::Setter, Entity::Deal), changed.version), (own.clone(), before.version + 1));
    let setter = world.session(Role::Setter).await;
    assert_eq!(setter.workspace().permissions().await.unwrap(), changed);
    assert!(setter.rules().contains(&(Entity::Deal, own)));
    fails(setter.workspace().set_permissions(by(&[]), Expect::Any).await, Denied);
    let late = refused(settings.set_permissions(by(&[]), Expect::Version(before.version)).await);
    assert_eq!((late.code(), late.current().unwrap().version), ("stale_version", changed.version));
    assert_eq!(late.current().unwrap().record, serde_json::to_value(&changed).unwrap());
    let bad = by(&[
        (Role::Admin, Entity::Contact, Rule::NONE),
        (Role::Setter, Entity::Contact, Rule { hidden: FieldMask::of(["shoe"]), ..Rule::ALL }),
        (Role::Setter, Entity::Pipeline, Rule { read: Scope::Own, ..Rule::NONE }),
    ]);
    let faults = refused(settings.set_permissions(bad, Expect::Any).await);
    let faults: Vec<&str> = faults.fields().iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(faults, ["rules.admin.contact.role", "rules.setter.contact.hidden", "rules.setter.pipeline.read"]);
    assert_eq!(settings.permissions().await.unwrap(), changed);
    // What is left out is as by default.
    assert_eq!(settings.set_permissions(by(&[]), Expect::Any).await.unwrap().rules, before.rules);
}

pub async fn a_record_without_an_owner_belongs_to_its_maker(world: World) {
    let id = contact_of(&world, Role::Setter, "A").await;
    let setter = world.session(Role::Setter).await;
    assert_eq!(setter.contacts().read(id).await.unwrap().owner_id, Some(world.home.member(Role::Setter)));
    assert_eq!(names(&setter, &filtered("owner_id = me")).await, ["A"]);
    assert_eq!(names(&setter, &filtered("not owner_id = me")).await, Vec::<String>::new());
    let system = world.system().await;
    let made = system.contacts().create(samples::contact("B")).await.unwrap();
    assert_eq!(made.owner_id, None);
    assert_eq!(names(&system, &filtered("owner_id is null")).await, ["B"]);
    // `me` means nothing where nobody asks.
    fails(system.contacts().list(&filtered("owner_id = me")).await, Invalid);
}

pub async fn whoever_may_not_change_people_is_told_nothing_of_them(world: World) {
    let admin = world.session(Role::Admin).await;
    let invited = admin.users().create(samples::user("New", Role::Setter)).await.unwrap().id;
    let setter = world.session(Role::Setter).await;
    for status in UserStatus::ALL {
        fails(setter.users().change_status(invited, status, Expect::Any).await, Denied);
    }
    invalid_at(admin.users().change_status(invited, UserStatus::Active, Expect::Any).await, "status");
    super::support::conflicts(
        admin.users().change_status(invited, UserStatus::Active, Expect::Version(9)).await,
        "stale_version",
    );
}

pub async fn members_are_found_by_id_by_whoever_sees_them(world: World) {
    let id = world.home.member(Role::Closer);
    let found = async |session: &Session| {
        let found = world.crm.ports.users.users_by_id(&reading(session, Entity::Contact), &[id]).await.unwrap();
        found.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    assert_eq!(found(&world.session(Role::Setter).await).await, [id]);
    assert!(found(&world.stranger().await).await.is_empty());
    world.set_rule(Role::Setter, Entity::User, Rule { read: Scope::None, ..Rule::NONE }).await;
    assert!(found(&world.session(Role::Setter).await).await.is_empty());
}
