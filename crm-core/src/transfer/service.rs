//! Use cases of imports and exports.

use async_trait::async_trait;
use futures::stream::{self, Stream};

use super::chunk::{Chunk, Rows};
use super::decide::{Decided, Desk};
use super::export;
use super::mapping::{NOTES, notes};
use super::model::{Import, ImportOptions, ImportState};
use super::plan::Plan;
use super::prepare::{Prepared, check_file, prepare};
use super::preview::Preview;
use super::rights::Rights;
use super::row::Importable;
use super::source::Source;
use super::writer::{Writer, restore};
use crate::access::{Action, Entity, Grant, View};
use crate::company::Company;
use crate::contact::Contact;
use crate::deal::Deal;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::job::{Halt, Job, Spool, StoredFile, Task, Upload};
use crate::page::ListRequest;
use crate::session::{Decisions, Session};
use crate::store::{Changes, Guard, GuardRow, Stored};

/// Refused rows that are read at once.
const FAILED_PAGE: u32 = 1_000;

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
#[derive(Clone)]
pub struct Transfers {
    session: Session,
}

impl Transfers {
    pub(crate) fn new(session: Session) -> Self {
        Self { session }
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
        let (rows, now) = (Rows::of(import, source), self.session.now());
        match entity {
            Entity::Contact => preview.fill::<Contact>(&desk, import, rows, now).await?,
            Entity::Company => preview.fill::<Company>(&desk, import, rows, now).await?,
            Entity::Deal => preview.fill::<Deal>(&desk, import, rows, now).await?,
            _ => return Err(not_imported(entity)),
        }
        Ok(preview)
    }

    /// Begins an import: reads the header, decides what the columns mean, defines the custom fields
    /// that `create_fields` asks for. No row is imported yet.
    ///
    /// # Errors
    /// `Denied`; `Invalid` at `file` for a file without a readable header, at `mapping.<header>` and
    /// `values.<field>` for what the file or the record does not have, at `date_format` where the
    /// order of day and month cannot be told, at `encoding` and `delimiter`.
    pub async fn start(&self, entity: Entity, source: &mut dyn Source, options: ImportOptions) -> Result<View<Import>> {
        let grant = self.session.require(Entity::Import, Action::Create)?;
        Rights::new(&self.session, entity, options.on_duplicate, self.session.actor().user_id())?;
        let prepared = prepare(&self.session, &grant, entity, source, options).await?;
        let import = prepared.import.clone();
        let changes = self.begun(&grant, prepared)?;
        self.session.commit(&grant, changes).await?;
        Ok(grant.view(Import { version: 1, ..import }))
    }

    /// The changes that begin an import.
    fn begun(&self, grant: &Grant, prepared: Prepared) -> Result<Changes> {
        let mut changes = self.session.changes();
        let mut import = Stored::new(prepared.import);
        grant.check_reach(&*import)?;
        for field in prepared.made {
            changes.put(&mut Stored::new(field));
        }
        changes.in_batch(import.batch());
        changes.put_unjournalled(&mut import);
        Ok(changes)
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
        match self.watched(id, source, &mut Listener(progress)).await {
            Ok(import) => Ok(import),
            Err(Halt::Fault(error)) => Err(error),
            Err(Halt::Lost) => Err(Error::conflict(format!("import {id} was taken over"))),
        }
    }

    /// As [`Transfers::run`] for a worker, who may have to stop.
    pub(crate) async fn watched(
        &self,
        id: Id<Import>,
        source: &mut dyn Source,
        watch: &mut dyn ImportWatch,
    ) -> std::result::Result<View<Import>, Halt> {
        let grant = self.session.require(Entity::Import, Action::Update)?;
        let import = self.session.ports().imports.import(&grant, id).await?;
        grant.check_reach(&*import)?;
        check_file(source, &import.file).await?;
        if import.state == ImportState::Done {
            return Ok(grant.view(import.into_inner()));
        }
        // Read anew, because the session may be older than the fields that the import defined.
        let definitions = self.session.ports().custom_fields.custom_fields(grant.workspace_id()).await?;
        let runner = Runner {
            session: &self.session,
            grant: &grant,
            rights: Rights::new(&self.session, import.entity, import.options.on_duplicate, import.created_by)?,
            plan: Plan::new(&import, grant.workspace(), &definitions),
        };
        let done = match import.entity {
            Entity::Contact => runner.run::<Contact>(import, source, watch).await?,
            Entity::Company => runner.run::<Company>(import, source, watch).await?,
            Entity::Deal => runner.run::<Deal>(import, source, watch).await?,
            entity => return Err(not_imported(entity).into()),
        };
        Ok(grant.view(done.into_inner()))
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

    /// As [`Transfers::start`] of a spooled file, whose rows a worker then imports.
    ///
    /// # Errors
    /// As [`Transfers::start`].
    pub async fn begin(&self, entity: Entity, upload: &Upload, options: ImportOptions) -> Result<View<Job>> {
        let grant = self.session.require(Entity::Import, Action::Create)?;
        if let Some(first) = self.session.enqueued(&grant).await? {
            return Ok(first);
        }
        Rights::new(&self.session, entity, options.on_duplicate, self.session.actor().user_id())?;
        let mut file = StoredFile::new(self.session.clone(), grant.clone(), upload.id, upload.bytes);
        let prepared = prepare(&self.session, &grant, entity, &mut file, options).await?;
        let task = Task::Import { import_id: prepared.import.id, upload_id: upload.id };
        let changes = self.begun(&grant, prepared)?;
        let job = Job::new(Id::new_at(changes.now()), task, self.session.actor().user_id(), changes.now());
        self.session.enqueue(&grant, changes, job).await
    }

    /// Enqueues the undoing of what an import wrote: fields go back to what they were and records that
    /// it made are deleted, where nobody has changed them since.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn revert(&self, id: Id<Import>) -> Result<View<Job>> {
        let grant = self.session.require(Entity::Import, Action::Update)?;
        if let Some(first) = self.session.enqueued(&grant).await? {
            return Ok(first);
        }
        let import = self.session.ports().imports.import(&grant, id).await?;
        grant.check_reach(&*import)?;
        let mut changes = self.session.changes();
        changes.rely_on(&import);
        let task = Task::Revert { batch_id: import.batch() };
        let job = Job::new(Id::new_at(changes.now()), task, self.session.actor().user_id(), changes.now());
        self.session.enqueue(&grant, changes, job).await
    }

    /// An import.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for one that the caller does not see.
    pub async fn read(&self, id: Id<Import>) -> Result<View<Import>> {
        let grant = self.session.require(Entity::Import, Action::Read)?;
        let import = self.session.ports().imports.import(&grant, id).await?;
        Ok(grant.view(import.into_inner()))
    }

    /// The rows that an import refused, as a CSV file a piece at a time: `line`, `field` and `reason`,
    /// then the file's own columns. Put right, it can be imported as it is; a row with too many or too
    /// few cells keeps them, so that sent back as it was it is refused again.
    ///
    /// # Errors
    /// In the stream: `Denied`; `NotFound`; `Unavailable` when the store cannot be reached.
    pub fn failed_rows(&self, id: Id<Import>) -> impl Stream<Item = Result<Vec<u8>>> + Send + use<> {
        stream::try_unfold(Failed::Start(self.session.clone(), id), Failed::next)
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

fn not_imported(entity: Entity) -> Error {
    Error::invalid("entity", "entity", format!("a {entity} cannot be imported"))
}

/// One call of [`Transfers::run`].
struct Runner<'a> {
    session: &'a Session,
    grant: &'a Grant,
    rights: Rights,
    plan: Plan,
}

/// What became of a chunk that was decided.
enum Settled {
    Written(Stored<Import>),
    /// Another runner was faster.
    Overtaken(Stored<Import>),
}

impl Runner<'_> {
    async fn run<T: Importable>(
        &self,
        mut import: Stored<Import>,
        source: &mut dyn Source,
        watch: &mut dyn ImportWatch,
    ) -> std::result::Result<Stored<Import>, Halt> {
        let mut rows = Rows::of(&import, source);
        while import.state == ImportState::Running {
            let chunk = rows.chunk().await?;
            import = match self.settle::<T>(&import, &chunk).await? {
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
                let fresh = self.session.ports().imports.import(self.grant, import.id).await?;
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
        self.session.ports().commit.guard(self.grant, Guard::Imports).await
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
        let changes = decided.into_changes(chunk, next, guard);
        self.session.commit(self.grant, changes).await
    }
}

/// The file of refused rows, as far as it is written.
enum Failed {
    Start(Session, Id<Import>),
    After(Session, Id<Import>, usize, u64),
    End,
}

impl Failed {
    async fn next(self) -> Result<Option<(Vec<u8>, Self)>> {
        match self {
            Failed::Start(session, id) => {
                let grant = session.require(Entity::Import, Action::Read)?;
                let import = session.ports().imports.import(&grant, id).await?;
                let mut writer = Writer::default().with_byte_order_mark();
                // The notes of a file of refused rows, sent back, give way to new ones.
                let old = notes(&import.headers);
                writer.row(NOTES.into_iter().chain(import.headers.iter().skip(old).map(String::as_str)));
                Ok(Some((writer.take(), Failed::After(session, id, old, 0))))
            }
            Failed::After(session, id, old, line) => {
                let grant = session.require(Entity::Import, Action::Read)?;
                let rows = session.ports().imports.failed_rows(&grant, id, line, FAILED_PAGE).await?;
                let Some(last) = rows.last().map(|row| row.line) else { return Ok(None) };
                let mut writer = Writer::default();
                for row in &rows {
                    let line = row.line.to_string();
                    let notes = [line.as_str(), row.field.as_str(), row.message.as_str()];
                    // Cells of refused rows are as they were written, markers of formulas included.
                    let cells = row.cells.iter().skip(old).map(|cell| restore(cell));
                    writer.row(notes.into_iter().chain(cells));
                }
                let is_last = rows.len() < FAILED_PAGE as usize;
                let next = if is_last { Failed::End } else { Failed::After(session, id, old, last) };
                Ok(Some((writer.take(), next)))
            }
            Failed::End => Ok(None),
        }
    }
}
