//! Use cases of teams.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::model::{NewTeam, Team, TeamEdit};
use crate::access::{Action, Entity, Grant, View};
use crate::error::{Error, FieldError, Result};
use crate::id::Id;
use crate::session::{Decisions, Expect, Session};
use crate::store::{Changes, Stored};
use crate::user::User;

/// What shall become of a team.
enum TeamChange {
    /// The fields that it names change.
    Edit(TeamEdit),
    /// It goes.
    Delete,
}

/// The teams of a workspace.
#[derive(Clone)]
pub struct Teams {
    session: Session,
}

impl Teams {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Makes a team.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad name or an unknown member.
    pub async fn create(&self, new: NewTeam) -> Result<View<Team>> {
        let grant = self.session.require(Entity::Team, Action::Create)?;
        if let Some(first) = self.session.replayed(&grant).await? {
            return Ok(first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut changes = self.session.changes();
                let now = changes.now();
                let mut team = Stored::new(Team::new(Id::new_at(now), new.clone(), now)?);
                self.check_members(&grant, &mut changes, &new.members, &[]).await?;
                changes.put(&mut team);
                self.session.commit_once(&grant, changes, team).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// All teams by name.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn list(&self) -> Result<Vec<View<Team>>> {
        let grant = self.session.require(Entity::Team, Action::Read)?;
        let teams = self.session.ports().teams.teams(&grant).await?;
        Ok(teams.into_iter().map(|team| grant.view(team)).collect())
    }

    /// A team.
    ///
    /// # Errors
    /// `Denied`; `NotFound`.
    pub async fn read(&self, id: Id<Team>) -> Result<View<Team>> {
        let grant = self.session.require(Entity::Team, Action::Read)?;
        Ok(grant.view(self.session.ports().teams.team(&grant, id).await?.into_inner()))
    }

    /// Changes the fields that the edit names. Who is in the team already may stay, whatever became of them since.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` for a bad name or an unknown member.
    pub async fn update(&self, id: Id<Team>, edit: TeamEdit, expect: Expect) -> Result<View<Team>> {
        let grant = self.session.require(Entity::Team, Action::Update)?;
        let team = self.change(&grant, id, &TeamChange::Edit(edit), expect).await?;
        Ok(grant.view(team))
    }

    /// Replaces name and members: without members the team is empty.
    ///
    /// # Errors
    /// As [`Teams::update`].
    pub async fn replace(&self, id: Id<Team>, edit: TeamEdit, expect: Expect) -> Result<View<Team>> {
        self.update(id, edit.replacing(), expect).await
    }

    /// Deletes a team: nobody reaches records by it any more.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version.
    pub async fn delete(&self, id: Id<Team>, expect: Expect) -> Result<()> {
        let grant = self.session.require(Entity::Team, Action::Delete)?;
        self.change(&grant, id, &TeamChange::Delete, expect).await.map(drop)
    }

    /// Decides about a team and gives what became of it.
    async fn change(&self, grant: &Grant, id: Id<Team>, change: &TeamChange, expect: Expect) -> Result<Team> {
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut team = self.session.ports().teams.team(grant, id).await?;
                expect.check(grant, &*team)?;
                let mut changes = self.session.changes();
                match change {
                    TeamChange::Edit(edit) => {
                        let known = team.members.clone();
                        team.edit(edit.clone())?;
                        let asked = edit.members.value().map(Vec::as_slice).unwrap_or_default();
                        self.check_members(grant, &mut changes, asked, &known).await?;
                    }
                    TeamChange::Delete => team.deleted_at = Some(changes.now()),
                }
                changes.put(&mut team);
                self.session.commit(grant, changes).await?;
                Ok(team.into_inner())
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Refuses those who are asked for and not there, but for whom the team knows, and relies on the others.
    async fn check_members(
        &self,
        grant: &Grant,
        changes: &mut Changes,
        asked: &[Id<User>],
        known: &[Id<User>],
    ) -> Result<()> {
        let known: BTreeSet<&Id<User>> = known.iter().collect();
        let asked = asked.iter().enumerate().filter(|(_, member)| !known.contains(member));
        let new: BTreeMap<Uuid, usize> = asked.map(|(at, member)| (member.uuid(), at)).rev().collect();
        if new.is_empty() {
            return Ok(());
        }
        let ids: Vec<Uuid> = new.keys().copied().collect();
        let found = self.session.existing(grant, Entity::User, &ids).await?;
        let there: BTreeSet<Uuid> = found.iter().map(|reliance| reliance.id).collect();
        let absent = new.iter().filter(|(id, _)| !there.contains(id));
        let faults: Vec<FieldError> = absent
            .map(|(id, at)| FieldError::new(format!("members.{at}"), "not_found", format!("user {id} not found")))
            .collect();
        if !faults.is_empty() {
            return Err(Error::invalid_fields(faults));
        }
        found.into_iter().for_each(|reliance| changes.rely(reliance));
        Ok(())
    }
}
