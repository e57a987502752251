//! Use cases of the workspace itself.

use super::model::{Workspace, WorkspaceEdit};
use super::permissions::{Permissions, PermissionsChange};
use crate::access::{Action, Entity, Role, Rule, View, check_rule};
use crate::error::{Current, Error, Result};
use crate::journal::chain::Verification;
use crate::session::{Decisions, Expect, Session};
use crate::task::Rezoned;

/// The workspace that the session is in.
#[derive(Clone)]
pub struct Workspaces {
    session: Session,
}

impl Workspaces {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// The workspace.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn read(&self) -> Result<View<Workspace>> {
        let grant = self.session.require(Entity::Workspace, Action::Read)?;
        let workspace = self.session.ports().workspaces.workspace(grant.workspace_id()).await?;
        Ok(grant.view(workspace.into_inner()))
    }

    /// Changes settings.
    ///
    /// # Errors
    /// `Denied`; `Conflict` for another version; `Invalid` for bad settings.
    pub async fn update(&self, edit: WorkspaceEdit, expect: Expect) -> Result<View<Workspace>> {
        self.change(expect, |workspace| workspace.edit(edit.clone())).await
    }

    /// Replaces what one role may do with one kind of record. Admins always keep everything.
    ///
    /// # Errors
    /// `Denied`, also to whoever is no admin; `Conflict` for another version; `Invalid` for a rule that would
    /// not do what it says.
    pub async fn set_rule(&self, role: Role, entity: Entity, rule: Rule, expect: Expect) -> Result<View<Workspace>> {
        self.check_rank()?;
        self.change(expect, |workspace| {
            check_rule(role, entity, &rule)?;
            workspace.permissions.set(role, entity, rule.clone());
            Ok(())
        })
        .await
    }

    /// What each role may do with each kind of record.
    ///
    /// # Errors
    /// `Denied`.
    pub async fn permissions(&self) -> Result<Permissions> {
        Ok(Permissions::from(&*self.read().await?))
    }

    /// Replaces what roles may do: where nothing is said the default holds. Admins always keep everything.
    ///
    /// # Errors
    /// `Denied`, also to whoever is no admin; `Conflict` for another version; `Invalid` with every rule that
    /// would not do what it says.
    pub async fn set_permissions(&self, change: PermissionsChange, expect: Expect) -> Result<Permissions> {
        self.check_rank()?;
        let wanted = change.rules.checked().map_err(|error| error.under("rules"))?;
        let changed = self.change(Expect::Any, |workspace| {
            expect.check_among(&*workspace).map_err(|stale| showing(stale, workspace))?;
            workspace.permissions = wanted.clone();
            Ok(())
        });
        Ok(Permissions::from(&*changed.await?))
    }

    /// Seals what is unsealed and checks the whole history: that no entry was changed, removed or
    /// moved. Entries that are written meanwhile are reported as unsealed.
    ///
    /// # Errors
    /// `Denied` unless the caller may change the workspace.
    pub async fn verify_journal(&self) -> Result<Verification> {
        let grant = self.session.require(Entity::Workspace, Action::Update)?;
        let journal = &self.session.ports().journal;
        journal.seal(grant.workspace_id()).await?;
        journal.verify(grant.workspace_id()).await
    }

    /// Refuses to say what roles may do to whoever is no admin: with the permission to change settings they could
    /// give their own role every other one.
    fn check_rank(&self) -> Result<()> {
        self.session.require(Entity::Workspace, Action::Update)?;
        match self.session.access().is_an_admins() {
            true => Ok(()),
            false => Err(Error::denied("needs the role admin, as everything about permissions does")),
        }
    }

    async fn change(
        &self,
        expect: Expect,
        decide: impl Fn(&mut Workspace) -> Result<()> + Sync,
    ) -> Result<View<Workspace>> {
        let grant = self.session.require(Entity::Workspace, Action::Update)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut workspace = self.session.ports().workspaces.workspace(grant.workspace_id()).await?;
                expect.check(&grant, &*workspace)?;
                let was = workspace.time_zone;
                decide(&mut workspace)?;
                let mut changes = self.session.changes();
                changes.put(&mut workspace);
                if was != workspace.time_zone {
                    changes.enqueue(Rezoned::job(None, was, changes.now())?);
                }
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(workspace.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }
}

/// The conflict of a stale version with the permissions as they are.
fn showing(stale: Error, workspace: &Workspace) -> Error {
    match serde_json::to_value(Permissions::from(workspace)) {
        Ok(record) => stale.with_current(Current { version: workspace.version, record }),
        Err(_) => stale,
    }
}
