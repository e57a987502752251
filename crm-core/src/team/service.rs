//! Use cases of teams.

use super::model::{NewTeam, Team};
use crate::access::{Action, Entity, Grant, View};
use crate::error::Result;
use crate::id::Id;
use crate::session::{Decisions, Expect, Session};
use crate::store::{Changes, Stored};
use crate::user::User;

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
                self.check_members(&grant, &mut changes, &team.members).await?;
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

    /// Replaces a team's members.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version; `Invalid` for an unknown member.
    pub async fn set_members(&self, id: Id<Team>, members: Vec<Id<User>>, expect: Expect) -> Result<View<Team>> {
        let grant = self.session.require(Entity::Team, Action::Update)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut team = self.session.ports().teams.team(&grant, id).await?;
                expect.check(&grant, &*team)?;
                team.set_members(members.clone())?;
                let mut changes = self.session.changes();
                self.check_members(&grant, &mut changes, &team.members).await?;
                changes.put(&mut team);
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(team.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    async fn check_members(&self, grant: &Grant, changes: &mut Changes, members: &[Id<User>]) -> Result<()> {
        for (at, member) in members.iter().enumerate() {
            let found = self.session.exists(grant, Entity::User, member.uuid()).await;
            changes.rely(found.map_err(|error| error.not_found_at(&format!("members.{at}")))?);
        }
        Ok(())
    }
}
