//! Use cases of signing in.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use super::brake::Brake;
use super::event::AuthEvent;
use super::model::{
    ACCESS_SECONDS, Login, LoginAnswer, Me, REFRESH_SECONDS, Register, Registered, SignIn, Signup, Tokens,
};
use super::port::{Attempt, Rotation};
use crate::access::{Action, Actor, Entity};
use crate::account::{Account, MAX_PASSWORD_BYTES, NewAccount, Rank, check_password};
use crate::crm::Crm;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::integration::{AccessClaims, PasswordHasher, TokenSigner};
use crate::session::Session;
use crate::time::Timestamp;
use crate::user::{Membership, User, UserStatus};
use crate::workspace::Workspace;

/// How long a proof of the password is good for choosing a workspace, in seconds.
const CHALLENGE_SECONDS: i64 = 5 * 60;

/// Registering, signing in and out. It remembers what was counted, so whoever wants to tell a client
/// what is left takes one for each attempt.
pub struct Auth {
    crm: Crm,
    brake: Brake,
}

impl Auth {
    pub(crate) fn new(crm: Crm) -> Self {
        Self { crm, brake: Brake::default() }
    }

    /// The counter with the least left of those that the last attempt met; `None` before the first.
    pub fn tightest(&self) -> Option<Attempt> {
        self.brake.tightest()
    }

    /// Counts an attempt to register or to sign in that the host refuses by itself, as one whose
    /// body it cannot read. Every other one is counted where it is made.
    ///
    /// # Errors
    /// `RateLimited`; `Unavailable` when the store cannot be reached.
    pub async fn sign_in_failed(&self, address: &str) -> Result<()> {
        self.brake.sign_in_from(&self.crm, address, self.crm.now()).await
    }

    /// As [`Auth::sign_in_failed`], of an attempt to refresh.
    ///
    /// # Errors
    /// As [`Auth::sign_in_failed`].
    pub async fn refresh_failed(&self, address: &str) -> Result<()> {
        self.brake.refresh_from(&self.crm, address, self.crm.now()).await
    }

    /// Creates a workspace and its first admin, and signs them in. A known e-mail address with its
    /// password adds a workspace to that account. `address` is where the request came from.
    ///
    /// # Errors
    /// `Denied` with code `signup_closed` where only the first account may be registered and there
    /// is one; `Invalid` with every field at fault; `Conflict` for a known e-mail address with
    /// another password; `RateLimited`; `Unsupported` without the auth ports.
    pub async fn register(&self, register: Register, address: &str) -> Result<Registered> {
        let now = self.crm.now();
        self.brake.sign_in_from(&self.crm, address, now).await?;
        let rank = self.rank().await?;
        check_password(register.password.expose_secret())?;
        let workspace = Workspace::new(Id::new_at(now), &register.workspace_name, now)?;
        let mut user = User::admin(Id::new_at(now), &register.name, register.email.clone(), now)?;
        self.brake.sign_in_to(&self.crm, &register.email, now).await?;
        let known = self.crm.ports.accounts.account_by_email(&register.email).await?;
        let new_account = match &known {
            // Somebody came first since the store was asked.
            Some(_) if rank == Rank::First => return Err(signup_closed()),
            Some(account) if self.is_password_of(account, &register.password).await? => None,
            Some(_) => return Err(Error::conflict("the e-mail address is registered").with_code("email_taken")),
            None => Some(NewAccount { account: self.new_account(&register, now).await?, rank }),
        };
        let account_id = known.as_ref().or(new_account.as_ref().map(|new| &new.account)).map(|account| account.id);
        user.account_id = account_id;
        let founded = self.crm.found(workspace, Some(user), new_account).await;
        let (workspace, user) = founded.map_err(|error| match error.code() {
            "signup_closed" => signup_closed(),
            _ => error,
        })?;
        let mut user = user.ok_or_else(|| Error::internal("a registration without its admin"))?;
        self.brake.forgive(&self.crm, &register.email).await?;
        let tokens = self.open(account_id, workspace.id, user.id, now).await?;
        user.last_seen_at = Some(now);
        Ok(Registered { workspace, user, tokens })
    }

    /// Signs in with a password, or with the challenge token of an earlier answer.
    ///
    /// # Errors
    /// `Unauthenticated` for a wrong e-mail address or password, without saying which;
    /// `RateLimited`; `Unsupported` without the auth ports.
    pub async fn login(&self, login: Login, address: &str) -> Result<LoginAnswer> {
        let now = self.crm.now();
        self.brake.sign_in_from(&self.crm, address, now).await?;
        let account_id = match &login.challenge_token {
            Some(token) => self.challenged(token, now)?,
            None => self.proven(&login, now).await?,
        };
        let mut memberships = self.crm.ports.users.memberships(account_id).await?;
        memberships.retain(|membership| membership.status == UserStatus::Active);
        if let Some(wanted) = login.workspace_id {
            memberships.retain(|membership| membership.workspace_id == wanted);
        }
        match memberships.as_slice() {
            [] => Err(wrong_credentials()),
            [one] => self.enter(account_id, one, now).await,
            _ => Ok(LoginAnswer::WorkspaceRequired {
                workspace_required: true,
                challenge_token: self.challenge(account_id, now)?,
                workspaces: memberships,
            }),
        }
    }

    /// Replaces a refresh token and gives a new access token. A token that was replaced before ends
    /// its sign-in. `address` is where the request came from.
    ///
    /// # Errors
    /// `Unauthenticated`; `RateLimited`; `Unsupported` without the auth ports.
    pub async fn refresh(&self, refresh_token: &str, address: &str) -> Result<Tokens> {
        let now = self.crm.now();
        self.signer()?;
        self.brake.refresh_from(&self.crm, address, now).await?;
        let (digest_now, next) = (digest(refresh_token), refresh_secret());
        let sign_ins = &self.crm.ports.sign_ins;
        if let Some(sign_in) = sign_ins.holder(&digest_now).await?.filter(|sign_in| sign_in.is_alive(now)) {
            self.brake.refresh_of(&self.crm, sign_in.id, now).await?;
            // Refuses a member who was suspended since, before the token is spent: who cannot be
            // answered can try again.
            self.session_of(&sign_in).await?;
        }
        let expires_at = now.plus_seconds(REFRESH_SECONDS);
        match sign_ins.rotate(&digest_now, &digest(&next), now, expires_at).await? {
            Rotation::Rotated(sign_in) => self.tokens(&sign_in, next, now),
            Rotation::Reused(sign_in) => {
                self.crm.ports.cache.forget_sign_in(sign_in.id);
                if let Ok(session) = self.session_of(&sign_in).await {
                    note(&session, AuthEvent::RefreshReused { session_id: sign_in.id }).await?;
                }
                Err(Error::unauthenticated("the refresh token was used before; sign in again"))
            }
            Rotation::Unknown => Err(Error::unauthenticated("the refresh token does not hold")),
        }
    }

    /// The session of a live access token, and what it proves.
    ///
    /// # Errors
    /// `Unauthenticated`; `Unsupported` without the auth ports.
    pub async fn authenticate(&self, access_token: &str) -> Result<(Session, AccessClaims)> {
        let claims = self.signer()?.verify(access_token, self.crm.now())?;
        Ok((self.still(&claims).await?, claims))
    }

    /// The session of a sign-in that a token proved before, with the permissions of now: for connections
    /// that outlive the token.
    ///
    /// # Errors
    /// `Unauthenticated` for a sign-in that has ended, or a member who is not active any more;
    /// `Unavailable` when the store cannot be reached.
    pub async fn still(&self, claims: &AccessClaims) -> Result<Session> {
        let now = self.crm.now();
        let ended = || Error::unauthenticated("the sign-in has ended");
        let sign_in = self.sign_in(claims.session_id, now).await?.ok_or_else(ended)?;
        let is_its_own = sign_in.workspace_id == claims.workspace_id && sign_in.user_id == claims.user_id;
        if !is_its_own || !sign_in.is_alive(now) {
            return Err(ended());
        }
        self.session_of(&sign_in).await
    }

    /// What an access token would prove now for whoever holds a refresh token, which stays as it is: for
    /// connections that a browser opens by itself, with nothing but its cookies.
    ///
    /// # Errors
    /// `Unauthenticated` for a token that was replaced or never was one, and where its sign-in has ended;
    /// `Unavailable` when the store cannot be reached.
    pub async fn holder(&self, refresh_token: &str) -> Result<AccessClaims> {
        let now = self.crm.now();
        let held = self.crm.ports.sign_ins.holder(&digest(refresh_token)).await?;
        let sign_in = held.filter(|sign_in| sign_in.is_alive(now));
        let sign_in = sign_in.ok_or_else(|| Error::unauthenticated("the refresh token does not hold"))?;
        Ok(claims(&sign_in, now))
    }

    /// Ends a sign-in of the caller's own.
    ///
    /// # Errors
    /// `NotFound` for one of somebody else; `Unavailable` when the store cannot be reached.
    pub async fn logout(&self, session: &Session, id: Id<SignIn>) -> Result<()> {
        let sign_in = self.crm.ports.sign_ins.sign_in(id).await?;
        let is_own = |sign_in: &SignIn| *session.actor() == Actor::user(sign_in.workspace_id, sign_in.user_id);
        if !sign_in.as_ref().is_some_and(is_own) {
            return Err(Error::not_found("sign-in", id));
        }
        self.crm.ports.sign_ins.revoke(id, self.crm.now()).await?;
        self.crm.ports.cache.forget_sign_in(id);
        note(session, AuthEvent::SignedOut { session_id: id }).await
    }

    /// Who the caller is and may do.
    ///
    /// # Errors
    /// `Unauthenticated` for the product itself, which is nobody; `Unavailable` when the store cannot
    /// be reached.
    pub async fn me(&self, session: &Session) -> Result<Me> {
        let access = session.access();
        let mut user = access.user.clone().ok_or_else(|| Error::unauthenticated("no member is signed in"))?;
        // Everybody may know this of themselves, whatever their role sees of others.
        let grant = session.internally(Entity::User, Action::Read);
        user.last_seen_at = self.crm.ports.users.last_seen(&grant, &[user.id]).await?.first().map(|(_, at)| *at);
        Ok(Me { user, workspace: access.workspace.clone(), permissions: access.rules.iter().cloned().collect() })
    }

    /// Which account a registration may make now.
    async fn rank(&self) -> Result<Rank> {
        match self.crm.ports.signup {
            Signup::Open => Ok(Rank::Any),
            Signup::Closed if self.crm.ports.accounts.any_account().await? => Err(signup_closed()),
            Signup::Closed => Ok(Rank::First),
        }
    }

    /// The account whose e-mail address and password these are.
    async fn proven(&self, login: &Login, now: Timestamp) -> Result<Id<Account>> {
        let (Some(email), Some(password)) = (&login.email, &login.password) else {
            return Err(Error::invalid("email", "required", "needs email and password, or challenge_token"));
        };
        self.brake.sign_in_to(&self.crm, email, now).await?;
        if password.expose_secret().len() > MAX_PASSWORD_BYTES {
            // No account has such a password, and hashing it costs what its sender likes.
            return Err(wrong_credentials());
        }
        let Some(account) = self.crm.ports.accounts.account_by_email(email).await? else {
            // An unknown address costs as much time as a wrong password.
            self.hasher()?.hash(password).await?;
            return Err(wrong_credentials());
        };
        if !self.is_password_of(&account, password).await? {
            return Err(wrong_credentials());
        }
        self.brake.forgive(&self.crm, email).await?;
        let hash = account.password_hash.expose_secret();
        if self.hasher()?.is_outdated(hash) {
            let fresh = self.hasher()?.hash(password).await?;
            self.crm.ports.accounts.rehash(account.id, hash, &fresh).await?;
        }
        Ok(account.id)
    }

    async fn is_password_of(&self, account: &Account, password: &SecretString) -> Result<bool> {
        self.hasher()?.verify(password, account.password_hash.expose_secret()).await
    }

    async fn new_account(&self, register: &Register, now: Timestamp) -> Result<Account> {
        let password_hash = self.hasher()?.hash(&register.password).await?.into();
        Ok(Account { id: Id::new_at(now), email: register.email.clone(), password_hash, created_at: now })
    }

    /// Opens a sign-in for a member.
    async fn enter(&self, account: Id<Account>, membership: &Membership, now: Timestamp) -> Result<LoginAnswer> {
        let session = self.crm.acting(Actor::user(membership.workspace_id, membership.user_id)).await?;
        let tokens = self.open(Some(account), membership.workspace_id, membership.user_id, now).await?;
        let mut user = session.access().user.clone().ok_or_else(wrong_credentials)?;
        user.last_seen_at = Some(now);
        Ok(LoginAnswer::SignedIn { user: Box::new(user), tokens })
    }

    async fn open(
        &self,
        account: Option<Id<Account>>,
        workspace_id: Id<Workspace>,
        user_id: Id<User>,
        now: Timestamp,
    ) -> Result<Tokens> {
        let sign_in = SignIn {
            id: Id::new_at(now),
            account_id: account.ok_or_else(|| Error::internal("a sign-in without an account"))?,
            workspace_id,
            user_id,
            created_at: now,
            expires_at: now.plus_seconds(REFRESH_SECONDS),
            revoked_at: None,
        };
        let refresh_token = refresh_secret();
        self.crm.ports.sign_ins.open(&sign_in, &digest(&refresh_token)).await?;
        let session = self.session_of(&sign_in).await?;
        note(&session, AuthEvent::SignedIn { session_id: sign_in.id }).await?;
        self.tokens(&sign_in, refresh_token, now)
    }

    fn tokens(&self, sign_in: &SignIn, refresh_token: String, now: Timestamp) -> Result<Tokens> {
        let access_token = self.signer()?.sign(&claims(sign_in, now))?;
        Ok(Tokens { access_token, refresh_token, expires_in: ACCESS_SECONDS })
    }

    async fn session_of(&self, sign_in: &SignIn) -> Result<Session> {
        self.crm.acting(Actor::user(sign_in.workspace_id, sign_in.user_id)).await
    }

    async fn sign_in(&self, id: Id<SignIn>, now: Timestamp) -> Result<Option<SignIn>> {
        let cache = &self.crm.ports.cache;
        if let Some(known) = cache.sign_in(id, now) {
            return Ok(Some(known));
        }
        let epoch = cache.epoch();
        let found = self.crm.ports.sign_ins.sign_in(id).await?;
        if let Some(sign_in) = found {
            cache.keep_sign_in(sign_in, now, epoch);
        }
        Ok(found)
    }

    /// A token that proves the account and opens nothing: its workspace and sign-in do not exist.
    fn challenge(&self, account: Id<Account>, now: Timestamp) -> Result<String> {
        let (nowhere, never) = (uuid::Uuid::nil().into(), uuid::Uuid::nil().into());
        self.signer()?.sign(&AccessClaims::new(nowhere, account.cast(), never, now, CHALLENGE_SECONDS))
    }

    fn challenged(&self, token: &str, now: Timestamp) -> Result<Id<Account>> {
        let claims = self.signer()?.verify(token, now)?;
        match claims.session_id.uuid().is_nil() && claims.workspace_id.uuid().is_nil() {
            true => Ok(claims.user_id.cast()),
            false => Err(Error::unauthenticated("the token is not a challenge token")),
        }
    }

    fn hasher(&self) -> Result<&Arc<dyn PasswordHasher>> {
        self.crm.ports.hasher.as_ref().ok_or_else(without_auth)
    }

    fn signer(&self) -> Result<&Arc<dyn TokenSigner>> {
        self.crm.ports.signer.as_ref().ok_or_else(without_auth)
    }
}

fn claims(sign_in: &SignIn, now: Timestamp) -> AccessClaims {
    AccessClaims::new(sign_in.workspace_id, sign_in.user_id, sign_in.id, now, ACCESS_SECONDS)
}

/// Writes a fact about the session's member into the journal, whatever their role may see.
async fn note(session: &Session, event: AuthEvent) -> Result<()> {
    let Some(user) = session.actor().user_id() else { return Ok(()) };
    let grant = session.internally(Entity::User, Action::Update);
    let mut changes = session.changes();
    changes.note(Entity::User, user.uuid(), event);
    session.commit(&grant, changes).await
}

fn without_auth() -> Error {
    Error::new(ErrorKind::Unsupported, "this engine was built without sign-in")
}

fn signup_closed() -> Error {
    Error::denied("registering is closed: whoever runs this deployment can open it, or register you")
        .with_code("signup_closed")
}

fn wrong_credentials() -> Error {
    Error::unauthenticated("the e-mail address or the password is wrong").with_code("wrong_credentials")
}

/// A new refresh token: 256 random bits.
fn refresh_secret() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// What the store knows of a refresh token. The token is random, so a plain digest gives nothing
/// away.
fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
