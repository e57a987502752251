//! What laws have in common.

use crate::access::{Action, Entity, Grant, Role, Rule, Scope, View};
use crate::company::Company;
use crate::contact::{Contact, ContactEdit};
use crate::custom_field::{CustomField, CustomKind};
use crate::deal::{Deal, DealEdit, DealStart};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::job::Stop;
use crate::journal::SealedEntry;
use crate::page::ListRequest;
use crate::pipeline::{Pipeline, Stage};
use crate::session::Session;
pub(super) use crate::testkit::commit;
use crate::testkit::{World, samples};
use crate::workspace::Workspace;

/// A process that is about to end.
pub(super) struct Asked;

impl Stop for Asked {
    fn is_asked(&self) -> bool {
        true
    }
}

/// What the filters and histories of this run are made from.
pub(super) fn seed() -> u64 {
    match std::env::var("SLACKCRM_TEST_SEED") {
        Ok(seed) => seed.parse().expect("SLACKCRM_TEST_SEED is a whole number"),
        Err(_) => rand::random(),
    }
}

/// What a law throws its history from: seeds that are tried at every run, and that of this run, which is told
/// where the law fails.
pub(super) struct Seeds {
    own: u64,
}

impl Seeds {
    pub(super) fn of_this_run() -> Self {
        Self { own: seed() }
    }

    /// The numbers of rounds, so many from each seed, and with the first of these that seed.
    pub(super) fn rounds(&self, each: usize) -> impl Iterator<Item = (usize, Option<u64>)> + use<> {
        let seeds = [41, 1_009, 65_537, self.own].into_iter();
        seeds.flat_map(move |seed| (0..each).map(move |at| (at == 0).then_some(seed))).enumerate()
    }
}

impl Drop for Seeds {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SLACKCRM_TEST_SEED={} repeats this history", self.own);
        }
    }
}

/// The error of what must not succeed.
#[track_caller]
pub(super) fn refused<T>(result: Result<T>) -> Error {
    match result {
        Ok(_) => panic!("this must be refused"),
        Err(error) => error,
    }
}

/// What must not succeed fails in this way.
#[track_caller]
pub(super) fn fails<T>(result: Result<T>, kind: ErrorKind) {
    let error = refused(result);
    assert_eq!(error.kind(), kind, "{error:?}");
}

/// What must not succeed is a conflict with this code.
#[track_caller]
pub(super) fn conflicts<T>(result: Result<T>, code: &str) {
    let error = refused(result);
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, code), "{error:?}");
}

/// What must not succeed is invalid at this field.
#[track_caller]
pub(super) fn invalid_at<T>(result: Result<T>, field: &str) {
    let error = refused(result);
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error:?}");
    assert!(error.fields().iter().any(|fault| fault.field == field), "{error:?} names no {field}");
}

/// A filter's list, for filters that are written in the law.
#[track_caller]
pub(super) fn filtered(filter: &str) -> ListRequest {
    samples::filtered(filter).unwrap()
}

/// The list of what a search finds.
pub(super) fn searched(q: &str) -> ListRequest {
    ListRequest { q: Some(q.to_owned()), ..samples::list() }
}

/// A contact of a member at home.
pub(super) async fn contact_of(world: &World, role: Role, last_name: &str) -> Id<Contact> {
    contact(&world.session(role).await, samples::contact(last_name)).await.id
}

/// A contact.
pub(super) async fn contact(session: &Session, edit: ContactEdit) -> View<Contact> {
    session.contacts().create(edit).await.unwrap()
}

/// A company with a name.
pub(super) async fn company(session: &Session, name: &str) -> Id<Company> {
    session.companies().create(samples::company(name)).await.unwrap().id
}

/// A deal at the first stage of the default pipeline.
pub(super) async fn deal(session: &Session, edit: DealEdit) -> View<Deal> {
    session.deals().create(DealStart::default(), edit).await.unwrap()
}

/// A custom field.
pub(super) async fn field(session: &Session, entity: Entity, key: &str, kind: CustomKind) -> Id<CustomField> {
    session.custom_fields().define(samples::custom_field(entity, key, kind)).await.unwrap().id
}

/// The default pipeline of a workspace.
pub(super) async fn pipeline(session: &Session) -> Pipeline {
    session.pipelines().list().await.unwrap().remove(0).into_inner()
}

/// The stage of a name in the default pipeline.
pub(super) async fn stage(session: &Session, name: &str) -> Id<Stage> {
    pipeline(session).await.stage_named(name).unwrap().id
}

/// Family names on a contact list, in its order.
pub(super) async fn last_names(session: &Session, request: &ListRequest) -> Vec<String> {
    let page = session.contacts().list(request).await.unwrap();
    page.data.iter().map(|contact| contact.last_name.clone().unwrap_or_default()).collect()
}

/// Family names on a contact list, sorted.
pub(super) async fn names(session: &Session, request: &ListRequest) -> Vec<String> {
    let mut names = last_names(session, request).await;
    names.sort();
    names
}

/// The grant to see a kind of record.
pub(super) fn reading(session: &Session, entity: Entity) -> Grant {
    session.require(entity, Action::Read).unwrap()
}

/// Seals everything, and gives the whole feed.
pub(super) async fn feed(world: &World, workspace: Id<Workspace>) -> Vec<SealedEntry> {
    let journal = &world.crm.ports.journal;
    while journal.seal_batch(workspace, 1_000).await.unwrap() > 0 {}
    let mut feed: Vec<SealedEntry> = Vec::new();
    loop {
        let after = feed.last().map_or(0, |entry| entry.seq);
        let more = journal.feed(workspace, after, 1_000).await.unwrap();
        if more.is_empty() {
            return feed;
        }
        feed.extend(more);
    }
}

/// A rule that shows a member their own records alone.
pub(super) fn own_alone() -> Rule {
    Rule { read: Scope::Own, ..Rule::ALL }
}

/// What the default rules say but for the fields that are hidden.
pub(super) fn hiding(fields: &[&'static str]) -> Rule {
    Rule { hidden: crate::access::FieldMask::of(fields.iter().copied()), ..Rule::ALL }
}
