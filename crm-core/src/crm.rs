//! The engine, wired: every port once, and the way to act.

use std::sync::Arc;

use secrecy::SecretString;

use crate::access::{Access, AccessCache, Action, Actor, Entity};
use crate::account::{AccountStore, NewAccount};
use crate::activity::NoteStore;
use crate::analytics::AnalyticsStore;
use crate::auth::{Auth, SignInStore, Signup, ThrottleStore};
use crate::company::CompanyStore;
use crate::contact::ContactStore;
use crate::custom_field::CustomFieldStore;
use crate::deal::DealStore;
use crate::error::{Error, Result};
use crate::exchange_rate::ExchangeRateStore;
use crate::id::Id;
use crate::integration::{PasswordHasher, TokenSigner, WebhookSender};
use crate::job::{Handler, Handlers, JobStore, UploadStore, WorkStore};
use crate::journal::JournalStore;
use crate::mail::{DeliverMail, MailSetup, MailStore, Tell};
use crate::page::CursorKeys;
use crate::pipeline::{NewPipeline, NewStage, Pipeline, PipelineStore, StageKind};
use crate::relay::{EventHandler, RelayStore};
use crate::search::SearchStore;
use crate::session::Session;
use crate::store::{Commit, CommitListener, Stored};
use crate::tag::TagStore;
use crate::task::{Remind, RemindAnew, TaskStore};
use crate::team::TeamStore;
use crate::text;
use crate::time::{Clock, SystemClock, Timestamp};
use crate::transfer::ImportStore;
use crate::user::{User, UserStatus, UserStore};
use crate::webhook::{Deliver, Hooks, WebhookStore};
use crate::workspace::{Workspace, WorkspaceStore};

/// Workspaces that are read at once.
const WORKSPACES_AT_ONCE: u16 = 1_000;

/// The ports, one field each.
pub(crate) struct Ports {
    pub(crate) accounts: Arc<dyn AccountStore>,
    pub(crate) workspaces: Arc<dyn WorkspaceStore>,
    pub(crate) users: Arc<dyn UserStore>,
    pub(crate) teams: Arc<dyn TeamStore>,
    pub(crate) contacts: Arc<dyn ContactStore>,
    pub(crate) companies: Arc<dyn CompanyStore>,
    pub(crate) deals: Arc<dyn DealStore>,
    pub(crate) tasks: Arc<dyn TaskStore>,
    pub(crate) analytics: Arc<dyn AnalyticsStore>,
    pub(crate) pipelines: Arc<dyn PipelineStore>,
    pub(crate) tags: Arc<dyn TagStore>,
    pub(crate) notes: Arc<dyn NoteStore>,
    pub(crate) custom_fields: Arc<dyn CustomFieldStore>,
    pub(crate) exchange_rates: Arc<dyn ExchangeRateStore>,
    pub(crate) relay: Arc<dyn RelayStore>,
    pub(crate) webhooks: Arc<dyn WebhookStore>,
    pub(crate) mails: Arc<dyn MailStore>,
    pub(crate) search: Arc<dyn SearchStore>,
    pub(crate) imports: Arc<dyn ImportStore>,
    pub(crate) jobs: Arc<dyn JobStore>,
    pub(crate) work: Arc<dyn WorkStore>,
    pub(crate) uploads: Arc<dyn UploadStore>,
    pub(crate) journal: Arc<dyn JournalStore>,
    pub(crate) sign_ins: Arc<dyn SignInStore>,
    pub(crate) throttles: Arc<dyn ThrottleStore>,
    pub(crate) commit: Arc<dyn Commit>,
    pub(crate) listener: Option<Arc<dyn CommitListener>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) hasher: Option<Arc<dyn PasswordHasher>>,
    pub(crate) signer: Option<Arc<dyn TokenSigner>>,
    pub(crate) mail: Option<MailSetup>,
    pub(crate) signup: Signup,
    pub(crate) sender: Option<Arc<dyn WebhookSender>>,
    pub(crate) handlers: Handlers,
    pub(crate) event_handlers: Vec<Arc<dyn EventHandler>>,
    pub(crate) cache: AccessCache,
    pub(crate) cursors: CursorKeys,
}

/// The engine. Cheap to clone; all clones are one engine.
#[derive(Clone)]
pub struct Crm {
    pub(crate) ports: Arc<Ports>,
}

/// Everything that a store adapter does. Implemented by whoever implements the single ports; it
/// exists only so that wiring a store is one line.
pub trait Store:
    AccountStore
    + WorkspaceStore
    + UserStore
    + TeamStore
    + ContactStore
    + CompanyStore
    + DealStore
    + TaskStore
    + AnalyticsStore
    + PipelineStore
    + TagStore
    + NoteStore
    + CustomFieldStore
    + ExchangeRateStore
    + RelayStore
    + WebhookStore
    + MailStore
    + SearchStore
    + ImportStore
    + JobStore
    + WorkStore
    + UploadStore
    + JournalStore
    + SignInStore
    + ThrottleStore
    + Commit
    + 'static
{
}

impl<S> Store for S where
    S: AccountStore
        + WorkspaceStore
        + UserStore
        + TeamStore
        + ContactStore
        + CompanyStore
        + DealStore
        + TaskStore
        + AnalyticsStore
        + PipelineStore
        + TagStore
        + NoteStore
        + CustomFieldStore
        + ExchangeRateStore
        + RelayStore
        + WebhookStore
        + MailStore
        + SearchStore
        + ImportStore
        + JobStore
        + WorkStore
        + UploadStore
        + JournalStore
        + SignInStore
        + ThrottleStore
        + Commit
        + 'static
{
}

/// Wires an engine.
pub struct CrmBuilder {
    ports: Ports,
}

impl CrmBuilder {
    /// Uses another clock than the machine's.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.ports.clock = clock;
        self
    }

    /// Lets people sign in with passwords.
    #[must_use]
    pub fn auth(mut self, hasher: Arc<dyn PasswordHasher>, signer: Arc<dyn TokenSigner>) -> Self {
        self.ports.hasher = Some(hasher);
        self.ports.signer = Some(signer);
        self
    }

    /// Says who may register; anybody unless this is called.
    #[must_use]
    pub fn signup(mut self, signup: Signup) -> Self {
        self.ports.signup = signup;
        self
    }

    /// Seals the cursors of lists with a secret, the first of these, so that nobody makes one up; those of former
    /// secrets, which follow it, still hold. Engines that serve one another's lists need the same. Without a secret a
    /// cursor that was edited or is of another list or workspace is refused as well, but not one that somebody makes
    /// who knows how: it would show nothing that its bringer does not see in the list.
    #[must_use]
    pub fn cursor_secrets(mut self, secrets: &[SecretString]) -> Self {
        self.ports.cursors = CursorKeys::new(secrets);
        self
    }

    /// Lets the engine send mail, and teaches it the kind of job that does.
    #[must_use]
    pub fn mail(mut self, setup: MailSetup) -> Self {
        self.ports.mail = Some(setup);
        self.handler(DeliverMail)
    }

    /// Tells somebody of every commit.
    #[must_use]
    pub fn listener(mut self, listener: Arc<dyn CommitListener>) -> Self {
        self.ports.listener = Some(listener);
        self
    }

    /// Teaches the engine a kind of job.
    #[must_use]
    pub fn handler<H: Handler>(mut self, handler: H) -> Self {
        self.ports.handlers = self.ports.handlers.with(handler);
        self
    }

    /// Lets somebody handle events; of two with one name the later holds.
    #[must_use]
    pub fn event_handler(mut self, handler: Arc<dyn EventHandler>) -> Self {
        self.ports.event_handlers.retain(|known| known.name() != handler.name());
        self.ports.event_handlers.push(handler);
        self
    }

    /// Sends events to the webhook endpoints of workspaces.
    #[must_use]
    pub fn webhooks(mut self, sender: Arc<dyn WebhookSender>) -> Self {
        self.ports.sender = Some(sender);
        self.handler(Deliver::default()).event_handler(Arc::new(Hooks))
    }

    /// The engine.
    pub fn build(self) -> Crm {
        Crm { ports: Arc::new(self.ports) }
    }
}

impl Crm {
    /// Starts wiring an engine on a store.
    pub fn builder<S: Store>(store: Arc<S>) -> CrmBuilder {
        CrmBuilder {
            ports: Ports {
                accounts: store.clone(),
                workspaces: store.clone(),
                users: store.clone(),
                teams: store.clone(),
                contacts: store.clone(),
                companies: store.clone(),
                deals: store.clone(),
                tasks: store.clone(),
                analytics: store.clone(),
                pipelines: store.clone(),
                tags: store.clone(),
                notes: store.clone(),
                custom_fields: store.clone(),
                exchange_rates: store.clone(),
                relay: store.clone(),
                webhooks: store.clone(),
                mails: store.clone(),
                search: store.clone(),
                imports: store.clone(),
                jobs: store.clone(),
                work: store.clone(),
                uploads: store.clone(),
                journal: store.clone(),
                sign_ins: store.clone(),
                throttles: store.clone(),
                commit: store,
                listener: None,
                clock: Arc::new(SystemClock),
                hasher: None,
                signer: None,
                mail: None,
                signup: Signup::Open,
                sender: None,
                handlers: Handlers::new().with(Remind).with(RemindAnew).with(Tell),
                event_handlers: Vec::new(),
                cache: AccessCache::new(),
                cursors: CursorKeys::new(&[]),
            },
        }
    }

    /// The present instant by the engine's clock.
    pub fn now(&self) -> Timestamp {
        self.ports.clock.now()
    }

    /// Registering, signing in and out.
    pub fn auth(&self) -> Auth {
        Auth::new(self.clone())
    }

    /// The door to the services, for somebody whose identity the host has made sure of.
    ///
    /// # Errors
    /// `Unauthenticated` for a member who is unknown, deleted or not active, and for an unknown
    /// workspace; `Unavailable` when the store cannot be reached.
    pub async fn acting(&self, actor: Actor) -> Result<Session> {
        let access = self.access(actor).await?;
        Ok(Session::new(self.clone(), access))
    }

    /// Makes a workspace without members, for programs that know their users by themselves. It has
    /// one pipeline with the stages Prospecting, Engaging, Won and Lost.
    ///
    /// # Errors
    /// `Invalid` for a bad name; `Unavailable` when the store cannot be reached.
    pub async fn create_workspace(&self, name: &str) -> Result<Workspace> {
        let now = self.now();
        let workspace = Workspace::new(Id::new_at(now), name, now)?;
        self.found(workspace, None, None).await.map(|(workspace, _)| workspace)
    }

    /// Writes a new workspace, its first pipeline and, where given, its first admin and their
    /// account, in one commit.
    pub(crate) async fn found(
        &self,
        workspace: Workspace,
        admin: Option<User>,
        account: Option<NewAccount>,
    ) -> Result<(Workspace, Option<User>)> {
        let actor = match &admin {
            Some(admin) => Actor::user(workspace.id, admin.id),
            None => Actor::system(workspace.id, "workspace"),
        };
        let rules = Access::rules_of(&workspace, None);
        let access = Access {
            workspace: workspace.clone(),
            actor,
            user: None,
            teammates: vec![],
            custom_fields: vec![],
            rules,
            cursors: self.ports.cursors.clone(),
        };
        let session = Session::new(self.clone(), Arc::new(access));
        let grant = session.require(Entity::Workspace, Action::Create)?;
        let mut changes = session.changes();
        let mut workspace = Stored::new(workspace);
        let pipeline = Pipeline::new(Id::new_at(changes.now()), first_pipeline(), changes.now())?;
        let pipeline = Pipeline { is_default: true, ..pipeline };
        if let Some(account) = account {
            changes.create_account(account);
        }
        changes.put(&mut workspace);
        let mut admin = admin.map(Stored::new);
        if let Some(admin) = &mut admin {
            changes.put(admin);
        }
        changes.put(&mut Stored::new(pipeline));
        session.commit(&grant, changes).await?;
        Ok((workspace.into_inner(), admin.map(Stored::into_inner)))
    }

    /// All workspaces by name, for operators.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn workspaces(&self) -> Result<Vec<Workspace>> {
        let mut all: Vec<Workspace> = Vec::new();
        loop {
            let some = self.ports.workspaces.workspaces(all.last().map(|last| last.id), WORKSPACES_AT_ONCE).await?;
            let is_last = some.len() < usize::from(WORKSPACES_AT_ONCE);
            all.extend(some);
            if is_last {
                all.sort_by_cached_key(|workspace| (text::key(&workspace.name), workspace.id));
                return Ok(all);
            }
        }
    }

    async fn access(&self, actor: Actor) -> Result<Arc<Access>> {
        let now = self.now();
        let workspace_id = actor.workspace_id();
        let epoch = self.ports.cache.epoch();
        let Some(user_id) = actor.user_id() else {
            return self.resolve(actor, workspace_id, None).await.map(Arc::new);
        };
        if let Some(access) = self.ports.cache.access(workspace_id, user_id, now) {
            return Ok(access);
        }
        let user = self.ports.users.member(workspace_id, user_id).await.map_err(as_unauthenticated)?;
        if user.status != UserStatus::Active || user.deleted_at.is_some() {
            return Err(Error::unauthenticated("the member is not active"));
        }
        let access = Arc::new(self.resolve(actor, workspace_id, Some(user)).await?);
        self.ports.cache.keep_access(&access, user_id, now, epoch);
        Ok(access)
    }

    async fn resolve(&self, actor: Actor, workspace_id: Id<Workspace>, user: Option<User>) -> Result<Access> {
        let workspace = self.ports.workspaces.workspace(workspace_id).await.map_err(as_unauthenticated)?.into_inner();
        let mut teammates = match &user {
            Some(user) => self.ports.teams.teammates(workspace_id, user.id).await?,
            None => Vec::new(),
        };
        teammates.extend(user.as_ref().map(|user| user.id));
        let mut teammates: Vec<_> = teammates.into_iter().map(Id::uuid).collect();
        teammates.sort_unstable();
        teammates.dedup();
        let rules = Access::rules_of(&workspace, user.as_ref().map(|user| user.role));
        let custom_fields = self.ports.custom_fields.custom_fields(workspace_id).await?;
        let cursors = self.ports.cursors.clone();
        Ok(Access { workspace, actor, user, teammates, custom_fields, rules, cursors })
    }
}

/// The pipeline that a new workspace begins with.
fn first_pipeline() -> NewPipeline {
    let stages = [
        ("Prospecting", StageKind::Open),
        ("Engaging", StageKind::Open),
        ("Won", StageKind::Won),
        ("Lost", StageKind::Lost),
    ];
    let stages = stages.map(|(name, kind)| NewStage::new(name, kind));
    NewPipeline { name: "Sales".to_owned(), stages: stages.into() }
}

/// Whoever names an unknown member or workspace is nobody.
fn as_unauthenticated(error: Error) -> Error {
    match error.kind() {
        crate::error::ErrorKind::NotFound => Error::unauthenticated("the member is not known"),
        _ => error,
    }
}
