//! Use cases of members.

use super::event::UserEvent;
use super::model::{NewUser, User, UserEdit, UserStatus};
use crate::access::{Action, Entity, Grant, Role, View};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::page::{COUNT_CAP, ListRequest, Page};
use crate::session::{Decisions, Expect, Session, page_of, showing};
use crate::store::{Guard, Stored};
use crate::task::Rezoned;
use crate::time::Timestamp;

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
    /// `Denied`, also for a role that may do more than a caller who is no admin; `Invalid` for a bad name;
    /// `Conflict` for an e-mail address that a member has.
    pub async fn create(&self, new: NewUser) -> Result<View<User>> {
        let grant = self.session.require(Entity::User, Action::Create)?;
        if let Some(first) = self.session.replayed(&grant).await? {
            return Ok(first);
        }
        let mut changes = self.session.changes();
        let mut user = Stored::new(User::new(Id::new_at(changes.now()), new, changes.now())?);
        self.check_rank(None, &user)?;
        changes.put(&mut user);
        self.session.commit_once(&grant, changes, user).await
    }

    /// A member, deleted or not: records name deleted ones too.
    ///
    /// # Errors
    /// `Denied`; `NotFound`.
    pub async fn read(&self, id: Id<User>) -> Result<View<User>> {
        let grant = self.session.require(Entity::User, Action::Read)?;
        let user = self.session.ports().users.user(&grant, id).await?;
        self.shown(&grant, user.into_inner()).await
    }

    /// A page of members who are not deleted.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a bad filter, sort, limit or cursor.
    pub async fn list(&self, request: &ListRequest) -> Result<Page<View<User>>> {
        let grant = self.session.require(Entity::User, Action::Read)?;
        let query = grant.check_list::<User>(request, self.session.now())?;
        let store = &self.session.ports().users;
        let mut rows = store.users(&grant, &query).await?;
        self.tell_last_seen(&grant, &mut rows.rows).await?;
        let total = match query.is_counted() {
            true => Some(store.count_users(&grant, &query, COUNT_CAP).await?),
            false => None,
        };
        Ok(page_of(&grant, &query, rows, total))
    }

    /// Changes the fields of a profile that the edit names. Everybody may change their own.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Conflict` for another version or an e-mail address that a member has;
    /// `Invalid` with every field at fault.
    pub async fn update(&self, id: Id<User>, edit: UserEdit, expect: Expect) -> Result<View<User>> {
        let grant = self.profile_grant(id)?;
        self.change(&grant, id, expect, |user, _| user.edit(edit.clone()).map(|()| None)).await
    }

    /// Replaces a profile. Everybody may replace their own.
    ///
    /// # Errors
    /// As [`Users::update`].
    pub async fn replace(&self, id: Id<User>, edit: UserEdit, expect: Expect) -> Result<View<User>> {
        let grant = self.profile_grant(id)?;
        self.change(&grant, id, expect, |user, _| {
            let edit = edit.clone().replacing(user);
            user.edit(edit).map(|()| None)
        })
        .await
    }

    /// Gives a member another role. The last active admin keeps theirs; another may give up their own.
    ///
    /// # Errors
    /// `Denied`, where the caller is no admin also for their own role and for one that may do more than
    /// theirs; `NotFound`; `Conflict` for another version or the last admin.
    pub async fn change_role(&self, id: Id<User>, role: Role, expect: Expect) -> Result<View<User>> {
        let grant = self.session.require(Entity::User, Action::Update)?;
        self.change(&grant, id, expect, |user, _| Ok(user.change_role(role))).await
    }

    /// Activates or suspends a member, which ends their sign-ins. The last active admin stays active;
    /// who has no account stays invited.
    ///
    /// # Errors
    /// `Denied`, also for oneself; `NotFound`; `Conflict` for another version or the last admin;
    /// `Invalid` for a member without an account.
    pub async fn change_status(&self, id: Id<User>, status: UserStatus, expect: Expect) -> Result<View<User>> {
        let grant = self.session.require(Entity::User, Action::Update)?;
        self.change(&grant, id, expect, |user, _| user.change_status(status).map(|()| None)).await
    }

    /// Deletes a member, which ends their sign-ins: they cannot sign in or be given anything. What is
    /// theirs stays so until somebody gives it to another. The last active admin stays.
    ///
    /// # Errors
    /// `Denied`, also for oneself; `NotFound`; `Conflict` for another version or the last admin.
    pub async fn delete(&self, id: Id<User>, expect: Expect) -> Result<()> {
        let grant = self.session.require(Entity::User, Action::Delete)?;
        let deleted = self.change(&grant, id, expect, |user, now| {
            user.deleted_at = Some(now);
            Ok(None)
        });
        deleted.await.map(drop)
    }

    /// Reads, decides and commits one change under the guard of the active admins, again when somebody
    /// else was faster.
    async fn change(
        &self,
        grant: &Grant,
        id: Id<User>,
        expect: Expect,
        decide: impl Fn(&mut User, Timestamp) -> Result<Option<UserEvent>> + Sync,
    ) -> Result<View<User>> {
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let guard = self.session.ports().commit.guard(grant, Guard::Admins).await?;
                let mut user = self.present(grant, id).await?;
                if let Err(stale) = expect.check_among(&*user) {
                    return Err(showing(stale, &self.shown(grant, user.into_inner()).await?));
                }
                let was = User::clone(&user);
                let mut changes = self.session.changes();
                let event = decide(&mut user, changes.now())?;
                self.check_rank(Some(&was), &user)?;
                if was.is_active_admin() && !user.is_active_admin() {
                    self.keep_an_admin(grant).await?;
                    changes.guard(guard);
                }
                let is_signed_out = was.status != user.status || user.deleted_at.is_some();
                if is_signed_out && self.session.actor().user_id() == Some(id) {
                    return Err(own_membership());
                }
                changes.put(&mut user);
                if was.time_zone != user.time_zone {
                    let workspace = self.session.access().workspace.time_zone;
                    changes.enqueue(Rezoned::job(Some(id), was.time_zone.unwrap_or(workspace), changes.now())?);
                }
                if let Some(event) = event {
                    changes.emit(event);
                }
                if is_signed_out {
                    // Also at an activation: a sign-in that was under way meanwhile must not come to life.
                    changes.end_sign_ins(id);
                }
                let committed = self.session.commit(grant, changes).await;
                if is_signed_out {
                    self.session.ports().cache.forget_sign_ins_of(id);
                }
                committed?;
                self.shown(grant, user.into_inner()).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// The right to change a profile: everybody has it on their own.
    fn profile_grant(&self, id: Id<User>) -> Result<Grant> {
        match self.session.actor().user_id() == Some(id) {
            true => Ok(self.session.internally(Entity::User, Action::Update)),
            false => self.session.require(Entity::User, Action::Update),
        }
    }

    /// A member who is not deleted. Oneself is there for everybody, whoever else their role sees.
    async fn present(&self, grant: &Grant, id: Id<User>) -> Result<Stored<User>> {
        let users = &self.session.ports().users;
        let user = match self.session.actor().user_id() == Some(id) {
            true => Stored::loaded(users.member(grant.workspace_id(), id).await?),
            false => users.user(grant, id).await?,
        };
        user.deleted_at.map_or(Ok(user), |_| Err(Error::not_found("user", id)))
    }

    /// Refuses whoever is no admin to make, change or remove one, to change their own role, and to give a role that
    /// may do more than theirs: the permission to change members would be a way to every other one.
    fn check_rank(&self, was: Option<&User>, user: &User) -> Result<()> {
        let access = self.session.access();
        if access.is_an_admins() {
            return Ok(());
        }
        let is_admin = |user: &User| user.role == Role::Admin;
        if was.is_some_and(is_admin) || is_admin(user) {
            return Err(Error::denied("needs the role admin, as everything about admins does"));
        }
        if was.is_some_and(|was| was.role == user.role) {
            return Ok(());
        }
        if self.session.actor().user_id() == Some(user.id) {
            return Err(Error::denied("needs the role admin, as every change of one's own role does"));
        }
        match access.is_exceeded_by(user.role) {
            true => Err(Error::denied("needs the role admin, as giving a role that may do more than one's own does")),
            false => Ok(()),
        }
    }

    /// Refuses where only one active admin is left.
    async fn keep_an_admin(&self, grant: &Grant) -> Result<()> {
        match self.session.ports().users.active_admins(grant).await? {
            0 | 1 => Err(Error::conflict("the last active admin stays one").with_code("last_admin")),
            _ => Ok(()),
        }
    }

    async fn shown(&self, grant: &Grant, user: User) -> Result<View<User>> {
        let mut users = [user];
        self.tell_last_seen(grant, &mut users).await?;
        let [user] = users;
        Ok(grant.view(user))
    }

    async fn tell_last_seen(&self, grant: &Grant, users: &mut [User]) -> Result<()> {
        let ids: Vec<Id<User>> = users.iter().map(|user| user.id).collect();
        let seen = self.session.ports().users.last_seen(grant, &ids).await?;
        for user in users {
            user.last_seen_at = seen.iter().find(|(id, _)| *id == user.id).map(|(_, at)| *at);
        }
        Ok(())
    }
}

fn own_membership() -> Error {
    Error::denied("nobody suspends or deletes themselves: another admin does").with_code("own_membership")
}
