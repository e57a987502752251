//! Use cases of imports and exports.

use async_trait::async_trait;
use futures::stream::Stream;

use super::chunk::{Chunk, Rows};
use super::decide::{Decided, Desk};
use super::export;
use super::failed;
use super::model::{Import, ImportOptions, ImportState};
use super::plan::Plan;
use super::prepare::{check_file, prepare};
use super::preview::Preview;
use super::rights::Rights;
use super::row::Importable;
use super::source::Source;
use crate::access::{Action, Entity, Grant, View};
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::job::{Halt, Job, JobState, Spool, StoredFile, Task as JobTask, Upload};
use crate::page::ListRequest;
use crate::session::{Decisions, Session};
use crate::store::{Changes, Guard, GuardRow, Stored};
use crate::task::Task;

/// Hears how far an import got, after every chunk, and says whether it may go on.
#[async_trait]
pub(crate) trait ImportWatch: Send {
    /// A chunk is written.
    async fn imported(&mut self, import: &Import) -> std::result::Result<(), Halt>;
}

/// A closure that only listens.
struct Listener<'a>(&'a mut (dyn FnMut(&Import) + Send));

#[async_trait]
impl ImportWatch for Listener<'_> {
    async fn imported(&mut self, import: &Import) -> std::result::Result<(), Halt> {
        (self.0)(import);
        Ok(())
    }
}

/// Imports and exports of a workspace.
///
/// # Examples
///
#[cfg_attr(feature = "testkit", doc = "```")]
#[cfg_attr(not(feature = "testkit"), doc = "```text")]
/// # use crm_core::testkit::MemoryStore;
/// # use crm_core::{Actor, Crm};
/// use crm_core::Entity;
/// use crm_core::transfer::{BytesSource, Import, ImportOptions};
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # let crm = Crm::builder(MemoryStore::new()).build();
/// # let workspace = crm.create_workspace("Acme Sales").await?;
/// # let session = crm.acting(Actor::system(workspace.id, "example")).await?;
/// let mut file = BytesSource::new("Last Name,Mail\nLovelace,ada@babbage.example\n");
/// let mapping = [("Mail".to_owned(), "email".to_owned())];
/// let options = ImportOptions { mapping: mapping.into(), ..Default::default() };
///
/// // Look first: nothing is written.
/// let transfers = session.transfers();
/// let preview = transfers.preview(Entity::Contact, &mut file, &options).await?;
/// assert_eq!((preview.rows, preview.counts.created), (1, 1));
///
/// // A host lets a worker do this (`begin`), and shows how far it is.
/// let import = transfers.start(Entity::Contact, &mut file, options).await?;
/// let done = transfers.run(import.id, &mut file, &mut |_: &Import| {}).await?;
/// assert_eq!(done.counts.created, 1);
/// # Ok::<_, crm_core::Error>(())
/// # })?;
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Transfers {
    pub(super) session: Session,
    /// Rows after which a preview looks no further.
    most_previewed: u64,
}

impl Transfers {
    pub(crate) fn new(session: Session) -> Self {
        Self { session, most_previewed: u64::MAX }
    }

    /// The same use cases, whose previews decide about the first rows of a file: about so many, up to the end of the
    /// chunk that holds the last of them. For whoever waits for the answer.
    #[must_use]
    pub fn looking_at(self, rows: u64) -> Self {
        Self { most_previewed: rows, ..self }
    }

    /// What an import of this file would do: reads all of it and writes nothing. Rows that are equal
    /// by their keys are counted exactly, except that under `update` a repeated row counts as unchanged
    /// only where it says the same as the first.
    ///
    /// # Errors
    /// As [`Transfers::start`].
    pub async fn preview(&self, entity: Entity, source: &mut dyn Source, options: &ImportOptions) -> Result<Preview> {
        let grant = self.session.require(Entity::Import, Action::Create)?;
        let rights = Rights::new(&self.session, entity, options.on_duplicate, self.session.actor().user_id())?;
        let prepared = prepare(&self.session, &grant, entity, source, options.clone()).await?;
        let mut preview = Preview::new(&prepared);
        let import = &prepared.import;
        let plan = Plan::new(import, grant.workspace(), &prepared.definitions);
        let desk = Desk { ports: self.session.ports(), plan: &plan, rights: &rights };
        let (rows, now, most) = (Rows::of(import, source), self.session.now(), self.most_previewed);
        match entity {
            Entity::Contact => preview.fill::<Contact>(&desk, import, rows, now, most).await?,
            Entity::Company => preview.fill::<Company>(&desk, import, rows, now, most).await?,
            Entity::Deal => preview.fill::<Deal>(&desk, import, rows, now, most).await?,
            Entity::Task => preview.fill::<Task>(&desk, import, rows, now, most).await?,
            _ => return Err(not_imported(entity)),
        }
        Ok(preview)
    }

    /// As [`Transfers::preview`] of deals, with what would become of the companies of another file. None of
    /// them is there for the deals yet: the preview takes those that the deals name for new.
    ///
    /// # Errors
    /// As [`Transfers::preview`]; what is wrong with the companies is at `companies.file` and the like.
    pub async fn preview_with_companies(
        &self,
        source: &mut dyn Source,
        options: &ImportOptions,
        companies: &mut dyn Source,
    ) -> Result<Preview> {
        let own = self.preview(Entity::Company, companies, &options.of_companies()).await;
        let companies = own.map_err(|error| error.under("companies"))?;
        let deals = self.preview(Entity::Deal, source, options).await?;
        Ok(Preview { companies: Some(Box::new(companies)), ..deals })
    }

    /// Imports the rows that are left, in chunks of 1,000, of a large file 5,000: each is one commit that also holds the place
    /// in the file. Called again after any stop it goes on exactly there; two callers at once do not
    /// disturb each other. A finished import stays as it is.
    ///
    /// # Errors
    /// `Denied`; `NotFound`; `Invalid` at `file` for another file than the import began with;
    /// `Conflict` where others keep changing what the rows are about; `Unavailable` when the file or
    /// the store cannot be read.
    pub async fn run(
        &self,
        id: Id<Import>,
        source: &mut dyn Source,
        progress: &mut (dyn FnMut(&Import) + Send),
    ) -> Result<View<Import>> {
        let grant = self.session.require(Entity::Import, Action::Update)?;
        let import = self.session.ports().imports.import(&grant, id).await?;
        grant.check_reach(&*import)?;
        check_file(source, &import.file).await?;
        match self.watched(id, source, &mut Listener(progress)).await {
            Ok(import) => Ok(seen(&grant, import)),
            Err(Halt::Fault(error)) => Err(error),
            Err(Halt::Lost) => Err(Error::conflict(format!("import {id} was taken over"))),
        }
    }

    /// As [`Transfers::run`] for a worker, who may have to stop, of a file that is known to be the same.
    pub(crate) async fn watched(
        &self,
        id: Id<Import>,
        source: &mut dyn Source,
        watch: &mut dyn ImportWatch,
    ) -> std::result::Result<Import, Halt> {
        let grant = self.session.require(Entity::Import, Action::Update)?;
        let import = self.session.ports().imports.import(&grant, id).await?;
        grant.check_reach(&*import)?;
        if import.state != ImportState::Running {
            return Ok(import.into_inner());
        }
        let done = match import.entity {
            Entity::Contact => run::<Contact>(&self.session, import, source, watch).await?,
            Entity::Company => run::<Company>(&self.session, import, source, watch).await?,
            Entity::Deal => run::<Deal>(&self.session, import, source, watch).await?,
            Entity::Task => run::<Task>(&self.session, import, source, watch).await?,
            entity => return Err(not_imported(entity).into()),
        };
        Ok(done.into_inner())
    }

    /// A file on its way into the store, for [`Transfers::begin`].
    ///
    /// # Errors
    /// `Denied`.
    pub fn receive(&self) -> Result<Spool> {
        let grant = self.session.require(Entity::Import, Action::Create)?;
        Ok(Spool::new(self.session.clone(), grant))
    }

    /// A spooled file, as [`Transfers::preview`] reads it.
    ///
    /// # Errors
    /// `Denied`.
    pub fn spooled(&self, upload: &Upload) -> Result<StoredFile> {
        let grant = self.session.require(Entity::Import, Action::Create)?;
        Ok(StoredFile::new(self.session.clone(), grant, upload.id, upload.bytes))
    }

    /// Forgets a spooled file.
    ///
    /// # Errors
    /// `Denied`; `Unavailable` when the store cannot be reached.
    pub async fn forget(&self, upload: &Upload) -> Result<()> {
        let grant = self.session.require(Entity::Import, Action::Create)?;
        self.session.ports().uploads.forget_upload(&grant, upload.id).await
    }

    /// Enqueues the undoing of what an import wrote: fields go back to what they were and records that
    /// it made are deleted, where nobody has changed them or hung other records on them since. One that
    /// stopped on its way reads no further rows.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see; `Conflict` with code
    /// `import_running` while its job waits or runs.
    pub async fn revert(&self, id: Id<Import>) -> Result<View<Job>> {
        let grant = self.session.require(Entity::Import, Action::Update)?;
        if let Some(first) = self.session.enqueued(&grant).await? {
            return Ok(first);
        }
        let mut decisions = Decisions::new();
        loop {
            let decided = async {
                let mut import = self.session.ports().imports.import(&grant, id).await?;
                grant.check_reach(&*import)?;
                let mut changes = self.session.changes();
                if import.state == ImportState::Running {
                    self.check_idle(&mut changes, &import).await?;
                    import.state = ImportState::Stopped;
                    changes.put_unjournalled(&mut import);
                } else {
                    changes.rely_on(&import);
                }
                let task = JobTask::Revert { batch_id: import.batch(), reached: None };
                let job = Job::new(Id::new_at(changes.now()), task, self.session.actor().user_id(), changes.now());
                self.session.enqueue(&grant, changes, job).await
            };
            if let Some(result) = decisions.settle(decided.await) {
                return result;
            }
        }
    }

    /// Refuses where a job is about to read further rows, and makes sure that none is until the commit.
    async fn check_idle(&self, changes: &mut Changes, import: &Import) -> Result<()> {
        let Some(id) = import.job_id else { return Ok(()) };
        // Whoever may undo the import need not see the job of whoever began it.
        let product = self.session.as_product("revert").await?;
        let job = self.session.ports().jobs.job(&product.require(Entity::Job, Action::Read)?, id).await?;
        if matches!(job.state, JobState::Queued | JobState::Running) {
            let message = format!("import {} is still under way: cancel job {id} first", import.id);
            return Err(Error::conflict(message).with_code("import_running"));
        }
        changes.rely_on(&job);
        Ok(())
    }

    /// An import.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn read(&self, id: Id<Import>) -> Result<View<Import>> {
        let grant = self.session.require(Entity::Import, Action::Read)?;
        let import = self.session.ports().imports.import(&grant, id).await?;
        Ok(seen(&grant, import.into_inner()))
    }

    /// The rows that an import refused, as a CSV file a piece at a time: `line`, `field` and `reason`,
    /// then the file's own columns. Put right, it can be imported as it is; a row with too many or too
    /// few cells keeps them, so that sent back as it was it is refused again. Columns of fields that the
    /// caller does not see are absent, and where there are some, a reason is its code alone.
    ///
    /// # Errors
    /// In the stream: `Denied`; `NotFound`; `Unavailable` when the store cannot be reached.
    pub fn failed_rows(&self, id: Id<Import>) -> impl Stream<Item = Result<Vec<u8>>> + Send + use<> {
        failed::stream(self.session.clone(), id)
    }

    /// The records of a list as a CSV file, a piece at a time and to the end of the list. Fields that
    /// the caller does not see are absent; cells that a spreadsheet would run are neutralised.
    ///
    /// # Errors
    /// In the stream: `Denied`; `Invalid` for a kind that has no export and for a bad filter, sort or
    /// cursor; `Unavailable` when the store cannot be reached.
    pub fn export(&self, entity: Entity, request: ListRequest) -> impl Stream<Item = Result<Vec<u8>>> + Send + use<> {
        export::stream(self.session.clone(), entity, request)
    }
}

/// An import as a caller sees it.
pub(super) fn seen(grant: &Grant, mut import: Import) -> View<Import> {
    import.hide(grant.mask(import.entity));
    grant.view(import)
}

fn not_imported(entity: Entity) -> Error {
    Error::invalid("entity", "entity", format!("a {entity} cannot be imported"))
}

/// Imports the rows that are left.
async fn run<T: Importable>(
    session: &Session,
    mut import: Stored<Import>,
    source: &mut dyn Source,
    watch: &mut dyn ImportWatch,
) -> std::result::Result<Stored<Import>, Halt> {
    let mut rows = Rows::of(&import, source);
    while import.state == ImportState::Running {
        let chunk = rows.chunk().await?;
        let session = session.anew().await?;
        import = match Runner::new(&session, &import).await?.settle::<T>(&import, &chunk).await? {
            Settled::Written(next) => next,
            Settled::Overtaken(next) => {
                rows = rows.again(&next);
                next
            }
        };
        watch.imported(&import).await?;
    }
    Ok(import)
}

/// One chunk of an import, under the permissions and definitions that hold when it is written.
struct Runner<'a> {
    session: &'a Session,
    grant: Grant,
    rights: Rights,
    plan: Plan,
}

/// What became of a chunk that was decided.
enum Settled {
    Written(Stored<Import>),
    /// Another runner was faster.
    Overtaken(Stored<Import>),
}

impl<'a> Runner<'a> {
    async fn new(session: &'a Session, import: &Import) -> Result<Self> {
        let grant = session.require(Entity::Import, Action::Update)?;
        grant.check_reach(import)?;
        // Read anew, because the session may be older than the fields that the import defined.
        let definitions = session.ports().custom_fields.custom_fields(grant.workspace_id()).await?;
        let rights = Rights::new(session, import.entity, import.options.on_duplicate, import.created_by)?;
        let plan = Plan::new(import, grant.workspace(), &definitions);
        Ok(Self { session, grant, rights, plan })
    }

    /// Decides and writes a chunk, again when somebody else was faster. Where that was another import,
    /// it goes on as often as it takes: each such conflict is a chunk that another import got done.
    async fn settle<T: Importable>(&self, import: &Stored<Import>, chunk: &Chunk) -> Result<Settled> {
        let mut decisions = Decisions::new();
        loop {
            let mut next = import.clone();
            let guard = self.guard().await?;
            let written = self.write::<T>(import, &mut next, chunk, guard).await;
            if let Err(error) = &written
                && error.kind() == ErrorKind::Conflict
            {
                let fresh = self.session.ports().imports.import(&self.grant, import.id).await?;
                if fresh.version != import.version {
                    return Ok(Settled::Overtaken(fresh));
                }
                if self.guard().await? != guard {
                    continue;
                }
            }
            if let Some(result) = decisions.settle(written) {
                return result.map(|()| Settled::Written(next));
            }
        }
    }

    async fn guard(&self) -> Result<GuardRow> {
        self.session.ports().commit.guard(&self.grant, Guard::Imports).await
    }

    async fn write<T: Importable>(
        &self,
        import: &Import,
        next: &mut Stored<Import>,
        chunk: &Chunk,
        guard: GuardRow,
    ) -> Result<()> {
        let desk = Desk { ports: self.session.ports(), plan: &self.plan, rights: &self.rights };
        let decided: Decided<'_, T> = desk.decide(import, chunk, self.session.now(), None).await?;
        let changes = decided.into_changes(self.session, chunk, next, guard).await?;
        self.session.commit(&self.grant, changes).await
    }
}
