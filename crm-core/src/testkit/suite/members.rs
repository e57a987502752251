//! Members: their profiles, their coming and going, and the sign-ins that end with it.

use futures::future::BoxFuture;

use super::auth::{EMAIL, PASSWORD, authenticated, login, register, signed_in};
use super::support::{commit, conflicts, contact_of, fails, feed, invalid_at, names, reading, refused};
use crate::access::{Actor, Entity, Matrix, Role, Rule, Scope};
use crate::auth::{Registered, SignIn};
use crate::contact::ContactEdit;
use crate::edit::Edit;
use crate::error::ErrorKind::{Denied, NotFound, Unauthenticated};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::testkit::{World, samples};
use crate::user::{NewUser, User, UserEdit, UserStatus};

/// A registered workspace, and a second admin of it.
async fn with_two_admins(world: &World) -> (Registered, Session) {
    let registered = register(world, "Acme", EMAIL).await;
    let first = authenticated(world, &registered.tokens).await.unwrap();
    let other = another_admin(&first).await;
    let other = world.crm.acting(Actor::user(registered.workspace.id, other)).await.unwrap();
    (registered, other)
}

async fn another_admin(session: &Session) -> Id<User> {
    let member = samples::member(samples::user("Other", Role::Admin), session.now()).unwrap();
    let (id, mut changes) = (member.id, session.changes());
    changes.put(&mut Stored::new(member));
    commit(session, changes).await.unwrap();
    id
}

fn renamed(name: &str) -> UserEdit {
    UserEdit { name: name.into(), ..UserEdit::default() }
}

pub async fn a_profile_is_changed_and_replaced(world: World) {
    let admin = world.session(Role::Admin).await;
    let new = NewUser { email: "ann@home.example".parse().ok(), ..samples::user("Ann", Role::Setter) };
    let made = admin.users().create(new).await.unwrap();
    let edit = UserEdit {
        time_zone: Edit::Set("Europe/Berlin".parse().unwrap()),
        locale: Edit::Set("de-ch".parse().unwrap()),
        ..renamed(" Ann Lee ")
    };
    let changed = admin.users().update(made.id, edit, Expect::Version(1)).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.version), ("Ann Lee", 2));
    assert_eq!(changed.email, made.email);
    assert_eq!(changed.locale.as_ref().unwrap().as_str(), "de-CH");
    assert_eq!(admin.users().read(made.id).await.unwrap(), changed);
    conflicts(admin.users().update(made.id, renamed("X"), Expect::Version(1)).await, "stale_version");
    let replaced = admin.users().replace(made.id, renamed("Ann"), Expect::Version(2)).await.unwrap();
    assert_eq!((replaced.email.as_ref(), replaced.time_zone, replaced.locale.as_ref()), (None, None, None));
    conflicts(admin.users().replace(made.id, renamed("X"), Expect::Version(2)).await, "stale_version");
    for bad in ["", " ", "a\0", &"x".repeat(201)] {
        invalid_at(admin.users().update(made.id, renamed(bad), Expect::Any).await, "name");
    }
    invalid_at(admin.users().replace(made.id, UserEdit::default(), Expect::Any).await, "name");
    let taken = UserEdit { email: Edit::Set("setter@home.example".parse().unwrap()), ..UserEdit::default() };
    conflicts(admin.users().update(made.id, taken, Expect::Any).await, "duplicate");
    assert_eq!(admin.users().read(made.id).await.unwrap(), replaced);
}

pub async fn everybody_changes_their_own_profile_and_no_other(world: World) {
    // Not even their own members are seen by this role.
    world.set_rule(Role::Setter, Entity::User, Rule::NONE).await;
    let setter = world.session(Role::Setter).await;
    let (own, other) = (world.home.member(Role::Setter), world.home.member(Role::Closer));
    let changed = setter.users().update(own, renamed("Me"), Expect::Version(1)).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.version), ("Me", 2));
    assert_eq!(setter.users().replace(own, renamed("I"), Expect::Any).await.unwrap().name, "I");
    fails(setter.users().update(other, renamed("X"), Expect::Any).await, Denied);
    fails(setter.users().replace(other, renamed("X"), Expect::Any).await, Denied);
    fails(setter.users().delete(other, Expect::Any).await, Denied);
    fails(setter.users().change_role(own, Role::Admin, Expect::Any).await, Denied);
    fails(setter.users().change_status(own, UserStatus::Suspended, Expect::Any).await, Denied);
    fails(setter.users().delete(own, Expect::Any).await, Denied);
    let admin = world.session(Role::Admin).await;
    assert_eq!(admin.users().read(other).await.unwrap().version, 1);
}

pub async fn the_address_of_an_account_stays(world: World) {
    let registered = register(&world, "Acme", EMAIL).await;
    let session = authenticated(&world, &registered.tokens).await.unwrap();
    let (id, users) = (registered.user.id, session.users());
    let moved = |email| UserEdit { email, ..renamed("Ada") };
    let other = Edit::Set("eve@example.com".parse().unwrap());
    for email in [other, Edit::Clear] {
        invalid_at(users.update(id, moved(email.clone()), Expect::Any).await, "email");
        invalid_at(users.replace(id, moved(email), Expect::Any).await, "email");
    }
    let same = moved(Edit::Set(EMAIL.parse().unwrap()));
    assert_eq!(users.replace(id, same, Expect::Any).await.unwrap().email, registered.user.email);
    assert_eq!(users.replace(id, renamed("Countess"), Expect::Any).await.unwrap().email, registered.user.email);
}

pub async fn whoever_was_made_known_does_not_come_in_by_their_address(world: World) {
    let registered = register(&world, "Acme", EMAIL).await;
    let admin = world.session(Role::Admin).await;
    let new = NewUser { email: EMAIL.parse().ok(), ..samples::user("Ada", Role::Closer) };
    let made = admin.users().create(new).await.unwrap();
    assert_eq!((made.status, made.account_id), (UserStatus::Invited, None));
    invalid_at(admin.users().change_status(made.id, UserStatus::Active, Expect::Any).await, "status");
    fails(world.crm.acting(Actor::user(world.home.workspace, made.id)).await, Unauthenticated);
    let (user, _) = signed_in(login(&world, EMAIL, PASSWORD).await.unwrap());
    assert_eq!(user.id, registered.user.id);
    // To register again makes another workspace, and leads into none.
    let again = register(&world, "Again", EMAIL).await;
    assert_ne!(again.workspace.id, world.home.workspace);
    let memberships = world.crm.ports.users.memberships(registered.user.account_id.unwrap()).await.unwrap();
    assert!(memberships.iter().all(|known| known.workspace_id != world.home.workspace), "{memberships:?}");
}

pub async fn whoever_is_suspended_is_signed_out_for_good(world: World) {
    let (registered, other) = with_two_admins(&world).await;
    let id = registered.user.id;
    world.clock.tick_micros(0);
    assert!(world.second.auth().authenticate(&registered.tokens.access_token).await.is_ok());
    let suspended = other.users().change_status(id, UserStatus::Suspended, Expect::Version(1)).await.unwrap();
    assert_eq!((suspended.status, suspended.version), (UserStatus::Suspended, 2));
    fails(authenticated(&world, &registered.tokens).await, Unauthenticated);
    other.users().change_status(id, UserStatus::Active, Expect::Any).await.unwrap();
    // The sign-in of before stays ended, here at once and elsewhere within a second.
    fails(authenticated(&world, &registered.tokens).await, Unauthenticated);
    world.clock.advance_seconds(1);
    fails(world.second.auth().authenticate(&registered.tokens.access_token).await, Unauthenticated);
    fails(world.crm.auth().refresh(&registered.tokens.refresh_token, "192.0.2.1").await, Unauthenticated);
    let (_, tokens) = signed_in(login(&world, EMAIL, PASSWORD).await.unwrap());
    assert!(authenticated(&world, &tokens).await.is_ok());
    // A status that stays ends nothing.
    other.users().change_status(id, UserStatus::Active, Expect::Any).await.unwrap();
    assert!(authenticated(&world, &tokens).await.is_ok());
}

pub async fn a_sign_in_that_was_under_way_at_a_suspension_never_holds(world: World) {
    let (registered, other) = with_two_admins(&world).await;
    let id = registered.user.id;
    other.users().change_status(id, UserStatus::Suspended, Expect::Any).await.unwrap();
    let now = world.crm.now();
    let late = SignIn {
        id: Id::new_at(now),
        account_id: registered.user.account_id.unwrap(),
        workspace_id: registered.workspace.id,
        user_id: id,
        created_at: now,
        expires_at: now.plus_seconds(3_600),
        revoked_at: None,
    };
    let sign_ins = &world.crm.ports.sign_ins;
    sign_ins.open(&late, &[9; 32]).await.unwrap();
    other.users().change_status(id, UserStatus::Active, Expect::Any).await.unwrap();
    assert!(sign_ins.sign_in(late.id).await.unwrap().unwrap().revoked_at.is_some());
}

pub async fn the_end_of_ones_sign_ins_ends_nobody_elses(world: World) {
    let (registered, other) = with_two_admins(&world).await;
    let elsewhere = register(&world, "Elsewhere", EMAIL).await;
    let stranger = register(&world, "Strangers", "eve@example.com").await;
    other.users().delete(registered.user.id, Expect::Any).await.unwrap();
    fails(authenticated(&world, &registered.tokens).await, Unauthenticated);
    for tokens in [&elsewhere.tokens, &stranger.tokens] {
        assert!(authenticated(&world, tokens).await.is_ok());
        assert!(world.crm.auth().refresh(&tokens.refresh_token, "192.0.2.1").await.is_ok());
    }
    // The account's other workspace is the only one left.
    let (user, _) = signed_in(login(&world, EMAIL, PASSWORD).await.unwrap());
    assert_eq!(user.id, elsewhere.user.id);
}

pub async fn a_suspension_that_is_refused_ends_no_sign_in(world: World) {
    let (registered, other) = with_two_admins(&world).await;
    let id = registered.user.id;
    let stale = other.users().change_status(id, UserStatus::Suspended, Expect::Version(7)).await;
    conflicts(stale, "stale_version");
    conflicts(other.users().delete(id, Expect::Version(7)).await, "stale_version");
    assert!(authenticated(&world, &registered.tokens).await.is_ok());
    assert!(world.crm.auth().refresh(&registered.tokens.refresh_token, "192.0.2.1").await.is_ok());
}

pub async fn a_deleted_member_is_out_and_what_is_theirs_stays(world: World) {
    let contact = contact_of(&world, Role::Setter, "Hopper").await;
    let (admin, id) = (world.session(Role::Admin).await, world.home.member(Role::Setter));
    let setter = Actor::user(world.home.workspace, id);
    admin.users().delete(id, Expect::Version(1)).await.unwrap();
    fails(world.crm.acting(setter).await, Unauthenticated);
    // Records name them still.
    let read = admin.users().read(id).await.unwrap();
    assert_eq!((read.name.as_str(), read.deleted_at.is_some(), read.version), ("setter", true, 2));
    assert_eq!(admin.contacts().read(contact).await.unwrap().owner_id, Some(id));
    let manager = world.session(Role::Manager).await;
    let of_theirs = format!("owner_id = \"{id}\"");
    assert_eq!(names(&manager, &super::support::filtered(&of_theirs)).await, ["Hopper"]);
    let listed = admin.users().list(&samples::list()).await.unwrap();
    assert!(listed.data.iter().all(|user| user.id != id));
    let give = ContactEdit { owner_id: id.into(), ..samples::contact("New") };
    invalid_at(admin.contacts().create(give).await, "owner_id");
    let take = ContactEdit { owner_id: world.home.member(Role::Closer).into(), ..ContactEdit::default() };
    assert_eq!(admin.contacts().update(contact, take, Expect::Any).await.unwrap().last_name.as_deref(), Some("Hopper"));
    fails(admin.users().update(id, renamed("X"), Expect::Any).await, NotFound);
    fails(admin.users().replace(id, renamed("X"), Expect::Any).await, NotFound);
    fails(admin.users().change_role(id, Role::Closer, Expect::Any).await, NotFound);
    fails(admin.users().change_status(id, UserStatus::Suspended, Expect::Any).await, NotFound);
    fails(admin.users().delete(id, Expect::Any).await, NotFound);
    // Their address is free again.
    let again = NewUser { email: "setter@home.example".parse().ok(), ..samples::user("Again", Role::Setter) };
    admin.users().create(again).await.unwrap();
}

pub async fn nobody_suspends_or_deletes_themselves(world: World) {
    let (registered, other) = with_two_admins(&world).await;
    let admin = authenticated(&world, &registered.tokens).await.unwrap();
    let (id, users) = (registered.user.id, admin.users());
    let itself = |error: Error| assert_eq!((error.kind(), error.code()), (Denied, "own_membership"), "{error:?}");
    itself(refused(users.delete(id, Expect::Any).await));
    itself(refused(users.change_status(id, UserStatus::Suspended, Expect::Any).await));
    assert!(authenticated(&world, &registered.tokens).await.is_ok());
    // Where another admin stays, one may step down.
    assert_eq!(users.change_role(id, Role::Closer, Expect::Any).await.unwrap().role, Role::Closer);
    let last = other.actor().user_id().unwrap();
    conflicts(other.users().delete(last, Expect::Any).await, "last_admin");
    conflicts(other.users().change_role(last, Role::Closer, Expect::Any).await, "last_admin");
    conflicts(other.users().change_status(last, UserStatus::Suspended, Expect::Any).await, "last_admin");
}

pub async fn admins_are_made_changed_and_removed_by_admins_alone(world: World) {
    world.set_rule(Role::Manager, Entity::User, Rule::ALL).await;
    let manager = world.session(Role::Manager).await;
    let (users, admin) = (manager.users(), world.home.member(Role::Admin));
    let (own, closer) = (world.home.member(Role::Manager), world.home.member(Role::Closer));
    fails(users.create(samples::user("New", Role::Admin)).await, Denied);
    for id in [own, closer] {
        fails(users.change_role(id, Role::Admin, Expect::Any).await, Denied);
    }
    fails(users.change_role(admin, Role::Setter, Expect::Any).await, Denied);
    fails(users.change_status(admin, UserStatus::Suspended, Expect::Any).await, Denied);
    fails(users.update(admin, renamed("X"), Expect::Any).await, Denied);
    fails(users.replace(admin, renamed("X"), Expect::Any).await, Denied);
    fails(users.delete(admin, Expect::Any).await, Denied);
    users.create(samples::user("New", Role::Setter)).await.unwrap();
    users.change_role(closer, Role::Setter, Expect::Any).await.unwrap();
    users.update(closer, renamed("Cleo"), Expect::Any).await.unwrap();
    users.delete(closer, Expect::Any).await.unwrap();
    assert_eq!(world.session(Role::Admin).await.users().read(admin).await.unwrap().version, 1);
}

pub async fn nobody_but_an_admin_changes_their_own_role_or_gives_one_that_may_do_more(world: World) {
    world.set_rule(Role::SalesRep, Entity::User, Rule::ALL).await;
    let users = world.session(Role::SalesRep).await.users();
    let (own, closer) = (world.home.member(Role::SalesRep), world.home.member(Role::Closer));
    for role in [Role::Manager, Role::Closer, Role::Setter] {
        fails(users.change_role(own, role, Expect::Any).await, Denied);
    }
    // Managers do more; support sees the deals of all.
    for role in [Role::Manager, Role::SupportAgent] {
        fails(users.change_role(closer, role, Expect::Any).await, Denied);
        fails(users.create(samples::user("New", role)).await, Denied);
    }
    for role in [Role::Setter, Role::SalesRep, Role::Closer] {
        assert_eq!(users.change_role(closer, role, Expect::Any).await.unwrap().role, role);
        users.create(samples::user("New", role)).await.unwrap();
    }
    // What is hidden from them is not for those whom they make.
    let hidden = crate::access::FieldMask::of(["email"]);
    let rule = Matrix::default().rule(Role::SalesRep, Entity::Contact);
    world.set_rule(Role::SalesRep, Entity::Contact, Rule { hidden, ..rule }).await;
    let users = world.session(Role::SalesRep).await.users();
    fails(users.create(samples::user("New", Role::Closer)).await, Denied);
    // Whoever may do more by now can be renamed all the same.
    users.update(closer, renamed("Cleo"), Expect::Any).await.unwrap();
    let admin = world.session(Role::Admin).await;
    assert_eq!(admin.users().read(own).await.unwrap().version, 1);
    admin.users().change_role(own, Role::Manager, Expect::Any).await.unwrap();
}

pub async fn two_admins_who_remove_each_other_leave_one(world: World) {
    type Removal = fn(Session, Id<User>) -> BoxFuture<'static, Result<()>>;
    let delete: Removal = |session, id| Box::pin(async move { session.users().delete(id, Expect::Any).await });
    let suspend: Removal = |session, id| {
        Box::pin(async move {
            let users = session.users();
            users.change_status(id, UserStatus::Suspended, Expect::Any).await.map(drop)
        })
    };
    let demote: Removal = |session, id| {
        Box::pin(async move { session.users().change_role(id, Role::Setter, Expect::Any).await.map(drop) })
    };
    for (round, (mine, theirs)) in [(delete, delete), (delete, suspend), (suspend, suspend), (suspend, demote)]
        .into_iter()
        .cycle()
        .take(8)
        .enumerate()
    {
        let registered = register(&world, "Acme", &format!("ada{round}@example.com")).await;
        let one = authenticated(&world, &registered.tokens).await.unwrap();
        let other = another_admin(&one).await;
        let two = world.second.acting(Actor::user(registered.workspace.id, other)).await.unwrap();
        let results = world.at_once([mine(one, other), theirs(two, registered.user.id)]).await;
        assert!(results.iter().any(Result::is_ok), "{results:?}");
        let system = world.crm.acting(Actor::system(registered.workspace.id, "test")).await.unwrap();
        let left = world.crm.ports.users.active_admins(&reading(&system, Entity::User)).await.unwrap();
        assert_eq!(left, 1, "{results:?}");
    }
}

pub async fn a_member_was_seen_at_the_last_sign_in_or_refresh(world: World) {
    let began = world.crm.now();
    let registered = register(&world, "Acme", EMAIL).await;
    let id = registered.user.id;
    let session = authenticated(&world, &registered.tokens).await.unwrap();
    let entries = feed(&world, registered.workspace.id).await.len();
    let told = async || {
        let read = session.users().read(id).await.unwrap();
        let listed = session.users().list(&samples::list()).await.unwrap();
        let me = world.crm.auth().me(&session).await.unwrap();
        assert_eq!((listed.data[0].last_seen_at, me.user.last_seen_at), (read.last_seen_at, read.last_seen_at));
        // It is no change of the member.
        assert_eq!(read.version, 1);
        read.last_seen_at.unwrap()
    };
    let first = told().await;
    assert!(first > began);
    assert_eq!(registered.user.last_seen_at, Some(first));
    world.clock.advance_seconds(60);
    let tokens = world.crm.auth().refresh(&registered.tokens.refresh_token, "192.0.2.1").await.unwrap();
    let second = told().await;
    assert!(second.micros() >= first.micros() + 60_000_000);
    // Nothing but time has moved.
    assert_eq!(feed(&world, registered.workspace.id).await.len(), entries);
    world.clock.advance_seconds(60);
    let (user, _) = signed_in(login(&world, EMAIL, PASSWORD).await.unwrap());
    assert_eq!(user.last_seen_at, Some(told().await));
    assert!(told().await > second);
    // Whoever is refused was not there.
    let third = told().await;
    world.clock.advance_seconds(60);
    fails(world.crm.auth().refresh("nonsense", "192.0.2.1").await, Unauthenticated);
    assert_eq!(told().await, third);
    drop(tokens);
    let invited = session.users().create(samples::user("New", Role::Setter)).await.unwrap();
    assert_eq!(session.users().read(invited.id).await.unwrap().last_seen_at, None);
    // A change is told with it, and does not lose it.
    let renamed = session.users().update(id, renamed("Countess"), Expect::Any).await.unwrap();
    assert_eq!((renamed.last_seen_at, told_after(&session, id).await), (Some(third), Some(third)));
}

async fn told_after(session: &Session, id: Id<User>) -> Option<crate::Timestamp> {
    session.users().read(id).await.unwrap().last_seen_at
}

pub async fn whoever_has_no_account_is_invited_again(world: World) {
    let admin = world.session(Role::Admin).await;
    let id = admin.users().create(samples::user("New", Role::Setter)).await.unwrap().id;
    let set = async |status| admin.users().change_status(id, status, Expect::Any).await;
    assert_eq!(set(UserStatus::Suspended).await.unwrap().status, UserStatus::Suspended);
    invalid_at(set(UserStatus::Active).await, "status");
    assert_eq!(set(UserStatus::Invited).await.unwrap().status, UserStatus::Invited);
    let registered = register(&world, "Acme", EMAIL).await;
    let session = authenticated(&world, &registered.tokens).await.unwrap();
    let back = session.users().change_status(registered.user.id, UserStatus::Invited, Expect::Any).await;
    invalid_at(back, "status");
}

pub async fn a_role_that_may_remove_members_needs_to_see_them(world: World) {
    let rule = Rule { delete: Scope::All, update: Scope::All, read: Scope::None, ..Rule::NONE };
    world.set_rule(Role::Manager, Entity::User, rule).await;
    let manager = world.session(Role::Manager).await;
    let id = world.home.member(Role::Setter);
    fails(manager.users().delete(id, Expect::Any).await, Denied);
    fails(manager.users().change_role(id, Role::Closer, Expect::Any).await, Denied);
}
