//! Signing in and out.

use futures::future::BoxFuture;
use secrecy::SecretString;
use serde_json::json;

use super::support::{fails, feed, invalid_at, refused};
use crate::access::{Actor, Entity, Role, Rule};
use crate::auth::{AuthEvent, Login, LoginAnswer, Registered, Tokens};
use crate::error::ErrorKind::{Conflict, NotFound, Unauthenticated};
use crate::error::Result;
use crate::id::Id;
use crate::journal::Event;
use crate::page::ListRequest;
use crate::session::{Expect, Session};
use crate::store::Stored;
use crate::testkit::{World, samples};
use crate::user::{User, UserStatus};

pub(super) const EMAIL: &str = "ada@example.com";
pub(super) const PASSWORD: &str = "correct horse";

pub(super) async fn register(world: &World, workspace: &str, email: &str) -> Registered {
    world.crm.auth().register(samples::register(workspace, email).unwrap(), "192.0.2.1").await.unwrap()
}

pub(super) async fn login(world: &World, email: &str, password: &str) -> Result<LoginAnswer> {
    world.crm.auth().login(samples::login(email, password).unwrap(), "192.0.2.1").await
}

pub(super) fn signed_in(answer: LoginAnswer) -> (Box<User>, Tokens) {
    match answer {
        LoginAnswer::SignedIn { user, tokens } => (user, tokens),
        LoginAnswer::WorkspaceRequired { workspaces, .. } => panic!("must choose among {workspaces:?}"),
    }
}

pub(super) async fn authenticated(world: &World, tokens: &Tokens) -> Result<Session> {
    world.crm.auth().authenticate(&tokens.access_token).await.map(|(session, _)| session)
}

pub async fn a_registration_makes_a_workspace_an_admin_and_signs_in(world: World) {
    let registered = register(&world, " Acme ", " Ada@Example.com").await;
    assert_eq!((registered.workspace.name.as_str(), registered.user.role), ("Acme", Role::Admin));
    assert_eq!(registered.user.email.as_ref().unwrap().as_str(), EMAIL);
    let session = authenticated(&world, &registered.tokens).await.unwrap();
    let me = world.crm.auth().me(&session).await.unwrap();
    assert_eq!((me.user, me.workspace), (registered.user, registered.workspace));
    assert_eq!(session.pipelines().list().await.unwrap().len(), 1);
    let users = session.users().list(&ListRequest::default()).await.unwrap();
    assert_eq!(users.data.len(), 1);
    let (user, tokens) = signed_in(login(&world, "ADA@example.com", PASSWORD).await.unwrap());
    assert_eq!(user.id, me_id(&world, &tokens).await);
}

pub async fn no_caller_sees_an_account_and_the_journal_keeps_it(world: World) {
    let registered = register(&world, "Acme", EMAIL).await;
    let session = authenticated(&world, &registered.tokens).await.unwrap();
    let me = world.crm.auth().me(&session).await.unwrap();
    let read = session.users().read(registered.user.id).await.unwrap();
    for wire in [json!(registered), json!(me), json!(read)] {
        assert!(!wire.to_string().contains("account_id"), "{wire}");
    }
    let grant = super::support::reading(&session, Entity::User);
    let id = registered.user.id.uuid();
    let history = world.crm.ports.journal.history(&grant, Entity::User, id, 1).await.unwrap();
    let user: User = crate::session::image_at(&history).unwrap();
    assert_eq!(user, User { last_seen_at: None, ..registered.user });
    assert!(user.account_id.is_some());
}

async fn me_id(world: &World, tokens: &Tokens) -> Id<User> {
    let session = authenticated(world, tokens).await.unwrap();
    world.crm.auth().me(&session).await.unwrap().user.id
}

pub async fn a_known_address_registers_again_with_its_password_alone(world: World) {
    let first = register(&world, "One", EMAIL).await;
    let second = register(&world, "Two", EMAIL).await;
    assert_ne!(first.workspace.id, second.workspace.id);
    assert_eq!(first.user.account_id, second.user.account_id);
    let mut wrong = samples::register("Three", EMAIL).unwrap();
    wrong.password = SecretString::from("another password");
    let error = refused(world.crm.auth().register(wrong, "192.0.2.1").await);
    assert_eq!((error.kind(), error.code()), (Conflict, "email_taken"));
    assert_eq!(world.crm.workspaces().await.unwrap().len(), 4);
}

pub async fn two_registrations_of_one_address_make_one_account(world: World) {
    for round in 0..5 {
        let email = format!("twin{round}@example.com");
        let tasks = [&world.crm, &world.second].map(|crm| -> BoxFuture<'static, Result<Registered>> {
            let (auth, register) = (crm.auth(), samples::register("Twin", &email).unwrap());
            Box::pin(async move { auth.register(register, "192.0.2.1").await })
        });
        let results = world.at_once(tasks).await;
        let accounts: Vec<_> = results.iter().flatten().map(|registered| registered.user.account_id).collect();
        assert!(!accounts.is_empty() && accounts.iter().all(|id| *id == accounts[0]), "{accounts:?}");
        for error in results.into_iter().filter_map(Result::err) {
            assert_eq!(error.kind(), Conflict, "{error:?}");
        }
        // Whoever lost left nothing behind.
        let answer = login(&world, &email, PASSWORD).await.unwrap();
        match (accounts.len(), answer) {
            (1, LoginAnswer::SignedIn { .. }) => {}
            (2, LoginAnswer::WorkspaceRequired { workspaces, .. }) => assert_eq!(workspaces.len(), 2),
            (count, answer) => panic!("{count} registrations and {answer:?}"),
        }
    }
}

pub async fn a_bad_registration_names_the_field_and_writes_nothing(world: World) {
    let before = world.crm.workspaces().await.unwrap().len();
    let with = |change: fn(&mut crate::auth::Register)| {
        let mut register = samples::register("Acme", EMAIL).unwrap();
        change(&mut register);
        register
    };
    let auth = world.crm.auth();
    invalid_at(auth.register(with(|r| r.password = SecretString::from("short")), "").await, "password");
    invalid_at(auth.register(with(|r| r.password = SecretString::from("x".repeat(257))), "").await, "password");
    invalid_at(auth.register(with(|r| r.workspace_name = " ".to_owned()), "").await, "workspace_name");
    invalid_at(auth.register(with(|r| r.workspace_name = "a\0".to_owned()), "").await, "workspace_name");
    invalid_at(auth.register(with(|r| r.name = "x".repeat(201)), "").await, "name");
    assert_eq!(world.crm.workspaces().await.unwrap().len(), before);
    fails(login(&world, EMAIL, PASSWORD).await, Unauthenticated);
}

pub async fn a_wrong_password_and_an_unknown_address_look_alike(world: World) {
    register(&world, "Acme", EMAIL).await;
    let wrong = refused(login(&world, EMAIL, "wrong password").await);
    let unknown = refused(login(&world, "nobody@example.com", PASSWORD).await);
    assert_eq!((wrong.kind(), wrong.code(), wrong.message()), (Unauthenticated, unknown.code(), unknown.message()));
    // A member without an account cannot sign in either, and looks no different.
    let invited = refused(login(&world, "setter@home.example", PASSWORD).await);
    assert_eq!((invited.code(), invited.message()), (unknown.code(), unknown.message()));
    let incomplete = Login { email: None, password: None, challenge_token: None, workspace_id: None };
    invalid_at(world.crm.auth().login(incomplete, "").await, "email");
}

pub async fn several_workspaces_must_be_chosen_from(world: World) {
    let (one, two) = (register(&world, "One", EMAIL).await, register(&world, "Two", EMAIL).await);
    let LoginAnswer::WorkspaceRequired { workspaces, challenge_token, .. } =
        login(&world, EMAIL, PASSWORD).await.unwrap()
    else {
        panic!("two workspaces, and no choice")
    };
    let mut ids: Vec<_> = workspaces.iter().map(|membership| membership.workspace_id).collect();
    ids.sort_unstable();
    assert_eq!(ids, [one.workspace.id, two.workspace.id]);
    let chosen = |token: &str| Login {
        email: None,
        password: None,
        challenge_token: Some(token.to_owned()),
        workspace_id: Some(two.workspace.id),
    };
    let (user, _) = signed_in(world.crm.auth().login(chosen(&challenge_token), "").await.unwrap());
    assert_eq!(user.id, two.user.id);
    let mut direct = samples::login(EMAIL, PASSWORD).unwrap();
    direct.workspace_id = Some(one.workspace.id);
    assert_eq!(signed_in(world.crm.auth().login(direct.clone(), "").await.unwrap()).0.id, one.user.id);
    direct.workspace_id = Some(world.home.workspace);
    fails(world.crm.auth().login(direct, "").await, Unauthenticated);
    // A challenge opens nothing by itself, an access token is no challenge, and both grow old.
    fails(world.crm.auth().authenticate(&challenge_token).await, Unauthenticated);
    fails(world.crm.auth().login(chosen(&one.tokens.access_token), "").await, Unauthenticated);
    world.clock.advance_seconds(5 * 60);
    fails(world.crm.auth().login(chosen(&challenge_token), "").await, Unauthenticated);
}

pub async fn a_refresh_replaces_both_tokens(world: World) {
    let first = register(&world, "Acme", EMAIL).await.tokens;
    world.clock.advance_seconds(14 * 60);
    let second = world.crm.auth().refresh(&first.refresh_token, "192.0.2.1").await.unwrap();
    assert_ne!(first.refresh_token, second.refresh_token);
    world.clock.advance_seconds(2 * 60);
    fails(authenticated(&world, &first).await, Unauthenticated);
    assert!(authenticated(&world, &second).await.is_ok());
    // Used within 30 days it lives on; unused for as long it ends.
    world.clock.advance_seconds(29 * 24 * 3_600);
    let third = world.crm.auth().refresh(&second.refresh_token, "192.0.2.1").await.unwrap();
    world.clock.advance_seconds(29 * 24 * 3_600);
    let third = world.crm.auth().refresh(&third.refresh_token, "192.0.2.1").await.unwrap();
    world.clock.advance_seconds(31 * 24 * 3_600);
    fails(world.crm.auth().refresh(&third.refresh_token, "192.0.2.1").await, Unauthenticated);
    fails(world.crm.auth().refresh("", "192.0.2.1").await, Unauthenticated);
    fails(world.crm.auth().refresh("never issued", "192.0.2.1").await, Unauthenticated);
}

pub async fn a_token_used_twice_ends_the_sign_in(world: World) {
    let registered = register(&world, "Acme", EMAIL).await;
    let other = signed_in(login(&world, EMAIL, PASSWORD).await.unwrap()).1;
    let second = world.crm.auth().refresh(&registered.tokens.refresh_token, "192.0.2.1").await.unwrap();
    let third = world.crm.auth().refresh(&second.refresh_token, "192.0.2.1").await.unwrap();
    // Any former token, not just the last one.
    fails(world.crm.auth().refresh(&registered.tokens.refresh_token, "192.0.2.1").await, Unauthenticated);
    fails(authenticated(&world, &third).await, Unauthenticated);
    fails(world.crm.auth().refresh(&third.refresh_token, "192.0.2.1").await, Unauthenticated);
    // Another sign-in of the same member goes on.
    assert!(authenticated(&world, &other).await.is_ok());
    assert!(world.crm.auth().refresh(&other.refresh_token, "192.0.2.1").await.is_ok());
    let feed = feed(&world, registered.workspace.id).await;
    let reused = feed.iter().flat_map(|entry| &entry.entry.events);
    assert!(reused.into_iter().any(|event| matches!(event, Event::Auth(AuthEvent::RefreshReused { .. }))));
}

pub async fn of_two_refreshes_at_once_one_wins_and_the_sign_in_ends(world: World) {
    for round in 0..5 {
        let tokens = register(&world, "Acme", &format!("ada{round}@example.com")).await.tokens;
        let tasks = [&world.crm, &world.second].map(|crm| -> BoxFuture<'static, Result<Tokens>> {
            let (auth, token) = (crm.auth(), tokens.refresh_token.clone());
            Box::pin(async move { auth.refresh(&token, "192.0.2.1").await })
        });
        let results = world.at_once(tasks).await;
        let winners: Vec<&Tokens> = results.iter().flatten().collect();
        assert_eq!(winners.len(), 1, "{results:?}");
        world.clock.advance_seconds(1);
        fails(world.crm.auth().refresh(&winners[0].refresh_token, "192.0.2.1").await, Unauthenticated);
        fails(authenticated(&world, winners[0]).await, Unauthenticated);
    }
}

pub async fn a_logout_ends_the_sign_in_at_once(world: World) {
    let registered = register(&world, "Acme", EMAIL).await;
    let (session, claims) = world.crm.auth().authenticate(&registered.tokens.access_token).await.unwrap();
    world.clock.tick_micros(0);
    world.crm.auth().logout(&session, claims.session_id).await.unwrap();
    fails(authenticated(&world, &registered.tokens).await, Unauthenticated);
    fails(world.crm.auth().refresh(&registered.tokens.refresh_token, "192.0.2.1").await, Unauthenticated);
    world.crm.auth().logout(&session, claims.session_id).await.unwrap();
    let ended = world.crm.ports.sign_ins.sign_in(claims.session_id).await.unwrap().unwrap();
    assert!(ended.revoked_at.is_some());
    assert_eq!(world.crm.ports.sign_ins.sign_in(Id::new_at(world.crm.now())).await.unwrap(), None);
}

pub async fn a_logout_elsewhere_holds_within_a_second(world: World) {
    let registered = register(&world, "Acme", EMAIL).await;
    world.clock.tick_micros(0);
    let there = world.second.auth();
    assert!(there.authenticate(&registered.tokens.access_token).await.is_ok());
    let (session, claims) = world.crm.auth().authenticate(&registered.tokens.access_token).await.unwrap();
    world.crm.auth().logout(&session, claims.session_id).await.unwrap();
    world.clock.advance_seconds(1);
    fails(there.authenticate(&registered.tokens.access_token).await, Unauthenticated);
}

pub async fn a_suspended_member_is_refused_within_a_second(world: World) {
    let registered = register(&world, "Acme", EMAIL).await;
    let admin = authenticated(&world, &registered.tokens).await.unwrap();
    // A second admin, who suspends the first.
    let mut changes = admin.changes();
    let other = samples::member(samples::user("Other", Role::Admin), admin.now()).unwrap();
    let actor = Actor::user(registered.workspace.id, other.id);
    changes.put(&mut Stored::new(other));
    super::support::commit(&admin, changes).await.unwrap();
    let other = world.crm.acting(actor).await.unwrap();
    world.clock.tick_micros(0);
    assert!(world.second.auth().authenticate(&registered.tokens.access_token).await.is_ok());
    other.users().change_status(registered.user.id, UserStatus::Suspended, Expect::Any).await.unwrap();
    fails(authenticated(&world, &registered.tokens).await, Unauthenticated);
    world.clock.advance_seconds(1);
    fails(world.second.auth().authenticate(&registered.tokens.access_token).await, Unauthenticated);
    fails(world.crm.auth().refresh(&registered.tokens.refresh_token, "192.0.2.1").await, Unauthenticated);
    fails(login(&world, EMAIL, PASSWORD).await, Unauthenticated);
    fails(world.crm.acting(Actor::user(registered.workspace.id, registered.user.id)).await, Unauthenticated);
}

pub async fn whoever_is_not_known_is_nobody(world: World) {
    let (home, away) = (&world.home, &world.away);
    fails(world.crm.acting(Actor::user(home.workspace, away.member(Role::Admin))).await, Unauthenticated);
    fails(world.crm.acting(Actor::user(home.workspace, Id::new_at(world.crm.now()))).await, Unauthenticated);
    let nowhere = Id::new_at(world.crm.now());
    fails(world.crm.acting(Actor::user(nowhere, home.member(Role::Admin))).await, Unauthenticated);
    fails(world.crm.acting(Actor::system(nowhere, "test")).await, Unauthenticated);
    let admin = world.session(Role::Admin).await;
    let invited = admin.users().create(samples::user("New", Role::Setter)).await.unwrap().id;
    fails(world.crm.acting(Actor::user(home.workspace, invited)).await, Unauthenticated);
    for token in ["", "a.b.c", "\0"] {
        fails(world.crm.auth().authenticate(token).await, Unauthenticated);
    }
}

pub async fn a_role_that_sees_nobody_signs_in_and_out(world: World) {
    let registered = register(&world, "Acme", EMAIL).await;
    let admin = authenticated(&world, &registered.tokens).await.unwrap();
    let mut changes = admin.changes();
    changes.put(&mut Stored::new(samples::member(samples::user("Other", Role::Admin), admin.now()).unwrap()));
    super::support::commit(&admin, changes).await.unwrap();
    let workspace = admin.workspace();
    workspace.set_rule(Role::SalesRep, Entity::User, Rule::NONE, Expect::Any).await.unwrap();
    admin.users().change_role(registered.user.id, Role::SalesRep, Expect::Any).await.unwrap();
    let (_, tokens) = signed_in(login(&world, EMAIL, PASSWORD).await.unwrap());
    let (session, claims) = world.crm.auth().authenticate(&tokens.access_token).await.unwrap();
    assert!(session.require(Entity::User, crate::access::Action::Read).is_err());
    world.crm.auth().logout(&session, claims.session_id).await.unwrap();
    let feed = feed(&world, registered.workspace.id).await;
    let told = |wanted: fn(&AuthEvent) -> bool| {
        let events = feed.iter().flat_map(|entry| &entry.entry.events);
        events.filter(|event| matches!(event, Event::Auth(event) if wanted(event))).count()
    };
    assert_eq!(told(|event| matches!(event, AuthEvent::SignedIn { .. })), 2);
    assert_eq!(told(|event| matches!(event, AuthEvent::SignedOut { .. })), 1);
}

pub async fn a_refresh_that_cannot_be_answered_spends_no_token(world: World) {
    let registered = register(&world, "Acme", EMAIL).await;
    let system = world.crm.acting(Actor::system(registered.workspace.id, "test")).await.unwrap();
    let grant = super::support::reading(&system, Entity::User);
    // As in a store whose member is suspended and whose sign-in is not ended yet.
    let set = async |status| {
        let mut user = world.crm.ports.users.user(&grant, registered.user.id).await.unwrap();
        user.status = status;
        let mut changes = system.changes();
        changes.put(&mut user);
        super::support::commit(&system, changes).await.unwrap();
    };
    set(UserStatus::Suspended).await;
    fails(world.crm.auth().refresh(&registered.tokens.refresh_token, "192.0.2.1").await, Unauthenticated);
    set(UserStatus::Active).await;
    assert!(world.crm.auth().refresh(&registered.tokens.refresh_token, "192.0.2.1").await.is_ok());
}

pub async fn a_refresh_token_names_its_holder_until_it_is_replaced_or_its_sign_in_ends(world: World) {
    let first = register(&world, "Acme", EMAIL).await.tokens;
    let auth = world.crm.auth();
    let (session, claims) = auth.authenticate(&first.access_token).await.unwrap();
    let held = auth.holder(&first.refresh_token).await.unwrap();
    assert_eq!((held.session_id, held.user_id), (claims.session_id, claims.user_id));
    let second = auth.refresh(&first.refresh_token, "192.0.2.1").await.unwrap();
    assert_eq!(auth.holder(&second.refresh_token).await.unwrap().session_id, claims.session_id);
    for other in [&*first.refresh_token, "never issued", ""] {
        fails(auth.holder(other).await, Unauthenticated);
    }
    auth.logout(&session, claims.session_id).await.unwrap();
    fails(auth.holder(&second.refresh_token).await, Unauthenticated);
}

pub async fn nobody_ends_the_sign_in_of_another(world: World) {
    let (one, two) = (register(&world, "One", EMAIL).await, register(&world, "Two", "eve@example.com").await);
    let auth = world.crm.auth();
    let claims = auth.authenticate(&one.tokens.access_token).await.unwrap().1;
    let other = authenticated(&world, &two.tokens).await.unwrap();
    fails(auth.logout(&other, claims.session_id).await, NotFound);
    fails(auth.logout(&other, Id::new_at(world.crm.now())).await, NotFound);
    fails(auth.logout(&world.system().await, claims.session_id).await, NotFound);
    assert!(authenticated(&world, &one.tokens).await.is_ok());
}

pub async fn no_token_is_printed(world: World) {
    let registered = register(&world, "Acme", EMAIL).await;
    register(&world, "Other", EMAIL).await;
    let Tokens { access_token, refresh_token, .. } = &registered.tokens;
    let answer = login(&world, EMAIL, PASSWORD).await.unwrap();
    let LoginAnswer::WorkspaceRequired { challenge_token, .. } = &answer else { panic!("{answer:?}") };
    let challenge = Some(challenge_token.clone());
    let login = Login { challenge_token: challenge, ..samples::login(EMAIL, PASSWORD).unwrap() };
    let printed = format!("{registered:?} {answer:?} {login:?}");
    for secret in [access_token, refresh_token, challenge_token, PASSWORD] {
        assert!(!printed.contains(secret), "{printed}");
    }
}
