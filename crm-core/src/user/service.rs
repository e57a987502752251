//! Use cases of members.

use super::model::{NewUser, User, UserStatus};
use crate::access::{Action, Entity, Grant, Role, View};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::page::{COUNT_CAP, ListRequest, Page};
use crate::session::{Decisions, Expect, Session, page_of};
use crate::store::{Changes, Guard, Stored};

/// The members of a workspace.
#[derive(Clone)]
pub struct Users {
    session: Session,
}

impl Users {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
    }

    /// Makes a person known who cannot sign in yet.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad name; `Conflict` for an e-mail address that a member has.
    pub async fn create(&self, new: NewUser) -> Result<View<User>> {
        let grant = self.session.require(Entity::User, Action::Create)?;
        if let Some(first) = self.session.replayed(&grant).await? {
            return Ok(first);
        }
        let mut changes = self.session.changes();
        let mut user = Stored::new(User::new(Id::new_at(changes.now()), new, changes.now())?);
        changes.put(&mut user);
        self.session.commit_once(&grant, changes, user).await
    }

    /// A member.
    ///
    /// # Errors
    /// `Denied`; `NotFound`.
    pub async fn read(&self, id: Id<User>) -> Result<View<User>> {
        let grant = self.session.require(Entity::User, Action::Read)?;
        let user = self.session.ports().users.user(&grant, id).await?;
        Ok(grant.view(user.into_inner()))
    }

    /// A page of members.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter, sort, limit or cursor.
    pub async fn list(&self, request: &ListRequest) -> Result<Page<View<User>>> {
        let grant = self.session.require(Entity::User, Action::Read)?;
        let query = grant.check_list::<User>(request, self.session.now())?;
        let store = &self.session.ports().users;
        let rows = store.users(&grant, &query).await?;
        let total = match query.is_counted() {
            true => Some(store.count_users(&grant, &query, COUNT_CAP).await?),
            false => None,
        };
        Ok(page_of(&grant, &query, rows, total))
    }

    /// Gives a member another role. The last active admin keeps theirs.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version or the last admin.
    pub async fn change_role(&self, id: Id<User>, role: Role, expect: Expect) -> Result<View<User>> {
        self.change(id, expect, |user, changes| {
            let event = user.change_role(role);
            changes.put(user);
            if let Some(event) = event {
                changes.emit(event);
            }
            Ok(())
        })
        .await
    }

    /// Activates or suspends a member. The last active admin stays active; who has no account stays
    /// invited.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version or the last admin; `Invalid` for a
    /// member without an account.
    pub async fn change_status(&self, id: Id<User>, status: UserStatus, expect: Expect) -> Result<View<User>> {
        self.change(id, expect, |user, changes| {
            user.change_status(status)?;
            changes.put(user);
            Ok(())
        })
        .await
    }

    /// Changes a member under the guard of the active admins.
    async fn change(
        &self,
        id: Id<User>,
        expect: Expect,
        decide: impl Fn(&mut Stored<User>, &mut Changes) -> Result<()> + Sync,
    ) -> Result<View<User>> {
        let grant = self.session.require(Entity::User, Action::Update)?;
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let guard = self.session.ports().commit.guard(&grant, Guard::Admins).await?;
                let mut user = self.session.ports().users.user(&grant, id).await?;
                expect.check(&*user)?;
                let was_admin = user.is_active_admin();
                let mut changes = self.session.changes();
                decide(&mut user, &mut changes)?;
                if was_admin && !user.is_active_admin() {
                    self.keep_an_admin(&grant).await?;
                    changes.guard(guard);
                }
                self.session.commit(&grant, changes).await?;
                Ok(grant.view(user.into_inner()))
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Refuses where only one active admin is left.
    async fn keep_an_admin(&self, grant: &Grant) -> Result<()> {
        match self.session.ports().users.active_admins(grant).await? {
            0 | 1 => Err(Error::conflict("the last active admin stays one").with_code("last_admin")),
            _ => Ok(()),
        }
    }
}
