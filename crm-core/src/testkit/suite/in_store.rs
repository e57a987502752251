//! The lists of each kind of record, as the store under test gives them.

use crate::access::{Grant, Listed};
use crate::activity::Note;
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::Result;
use crate::page::{ListQuery, Rows};
use crate::task::Task;
use crate::testkit::World;
use crate::testkit::memory::Tabled;
use crate::user::User;

/// A kind of record that the mirror holds and lists show.
pub(super) trait Mirrored: Listed + Tabled {}

impl<T: Listed + Tabled> Mirrored for T {}

/// The list of a kind of record, as the store under test gives it.
pub(super) trait InStore: Mirrored + std::fmt::Debug {
    async fn listed(world: &World, grant: &Grant, query: &ListQuery) -> Result<(Rows<Self>, Option<u64>)>;
}

impl InStore for Contact {
    async fn listed(world: &World, grant: &Grant, query: &ListQuery) -> Result<(Rows<Self>, Option<u64>)> {
        let store = &world.crm.ports.contacts;
        Ok((store.contacts(grant, query).await?, Some(store.count_contacts(grant, query, 17).await?)))
    }
}

impl InStore for Company {
    async fn listed(world: &World, grant: &Grant, query: &ListQuery) -> Result<(Rows<Self>, Option<u64>)> {
        let store = &world.crm.ports.companies;
        Ok((store.companies(grant, query).await?, Some(store.count_companies(grant, query, 17).await?)))
    }
}

impl InStore for Deal {
    async fn listed(world: &World, grant: &Grant, query: &ListQuery) -> Result<(Rows<Self>, Option<u64>)> {
        let store = &world.crm.ports.deals;
        Ok((store.deals(grant, query).await?, Some(store.count_deals(grant, query, 17).await?)))
    }
}

impl InStore for Task {
    async fn listed(world: &World, grant: &Grant, query: &ListQuery) -> Result<(Rows<Self>, Option<u64>)> {
        let store = &world.crm.ports.tasks;
        Ok((store.tasks(grant, query).await?, Some(store.count_tasks(grant, query, 17).await?)))
    }
}

impl InStore for Note {
    async fn listed(world: &World, grant: &Grant, query: &ListQuery) -> Result<(Rows<Self>, Option<u64>)> {
        Ok((world.crm.ports.notes.notes(grant, query).await?, None))
    }
}

impl InStore for User {
    async fn listed(world: &World, grant: &Grant, query: &ListQuery) -> Result<(Rows<Self>, Option<u64>)> {
        Ok((world.crm.ports.users.users(grant, query).await?, None))
    }
}
