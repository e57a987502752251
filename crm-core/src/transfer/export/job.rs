//! Exports whose file a job writes into the store, some records a commit.
//!
//! The pieces of the file ride in the commit that moves the job on, so that whoever goes on after a stop
//! neither skips a record nor writes one twice. The file is the list as it is while it is walked through; its
//! relative times are told from when it was asked for, and what its maker may see is asked at every step.

use super::{Export, ExportFile, ExportList, ExportReport};
use crate::access::{Action, Entity, View};
use crate::error::{Error, ErrorKind, Result};
use crate::id::Id;
use crate::job::{CHUNK_BYTES, Halt, Job, Piece, Progress, Step, Task, Watch, check_room, is_full};
use crate::session::Session;
use crate::store::Changes;
use crate::time::Timestamp;
use crate::transfer::Transfers;

impl Transfers {
    /// Enqueues the writing of a list into a file of the store, once under the caller's key: the same file as
    /// [`Transfers::export`] gives of it. [`Transfers::exported`] reads it once the job is done.
    ///
    /// # Errors
    /// `Denied`; `Invalid` for a kind that has no export and for a bad filter or sort.
    pub async fn begin_export(&self, entity: Entity, list: ExportList) -> Result<View<Job>> {
        let grant = self.session.require(entity, Action::Export)?;
        if let Some(first) = self.session.enqueued(&grant).await? {
            return Ok(first);
        }
        let changes = self.session.changes();
        let now = changes.now();
        // What is wrong with the list is said before there is a job.
        Export::new(self.session.clone(), entity, &list.request(), now).await?;
        let task = Task::Export { entity, list: Some(list), file: ExportFile::new(Id::new_at(now)) };
        let job = Job::new(Id::new_at(now), task, self.session.actor().user_id(), now);
        self.session.enqueue(&grant, changes, job).await
    }
}

/// An export in the hands of a worker.
pub(crate) struct Writing {
    /// What its rows are.
    pub(crate) entity: Entity,
    /// The list.
    pub(crate) list: ExportList,
    /// The file, as far as it is written.
    pub(crate) file: ExportFile,
    /// When it was asked for.
    pub(crate) since: Timestamp,
    /// How many records the list had when the file was begun, where that is known.
    pub(crate) total: Option<u64>,
}

impl Writing {
    /// Goes on to the end of the list.
    pub(crate) async fn go_on(mut self, watch: &mut dyn Watch) -> std::result::Result<ExportReport, Halt> {
        loop {
            let session = watch.session().await?;
            // Asked where the attempt begins, and once more of a file that is whole: its first pieces may have
            // been forgotten meanwhile.
            if self.is_forgotten(&session).await? {
                self.begin_anew(&session);
            }
            if self.file.is_whole() {
                return Ok(self.file.report());
            }
            self.write_rest(watch).await?;
        }
    }

    /// Goes on to the last record.
    async fn write_rest(&mut self, watch: &mut dyn Watch) -> std::result::Result<(), Halt> {
        while !self.file.is_whole() {
            let session = watch.session().await?;
            let changes = match self.write_page(&session).await {
                Err(error) if is_full(&error) => {
                    self.give_up(watch, &session).await?;
                    return Err(error.into());
                }
                changes => changes?,
            };
            watch.write(&session, changes, self.step()?).await?;
        }
        Ok(())
    }

    /// Lets go of a file that finds no place, whose pieces would take that of others for a week.
    async fn give_up(&mut self, watch: &mut dyn Watch, session: &Session) -> std::result::Result<(), Halt> {
        let given_up = self.file.upload_id;
        self.begin_anew(session);
        // First the pieces: whoever goes on with a file without them begins anew as well.
        let grant = session.internally(self.entity, Action::Export);
        session.ports().uploads.forget_upload(&grant, given_up).await?;
        watch.write(session, session.changes(), self.step()?).await
    }

    fn begin_anew(&mut self, session: &Session) {
        (self.file, self.total) = (ExportFile::new(Id::new_at(session.now())), None);
    }

    /// Whether the file was begun so long ago that its pieces are kept no longer.
    async fn is_forgotten(&self, session: &Session) -> Result<bool> {
        let grant = session.internally(self.entity, Action::Export);
        let uploads = &session.ports().uploads;
        Ok(self.file.is_begun() && uploads.piece(&grant, self.file.upload_id, 0).await?.is_none())
    }

    /// Reads the next records, and gives the changes that keep them.
    async fn write_page(&mut self, session: &Session) -> Result<Changes> {
        let mut export = Export::new(session.clone(), self.entity, &self.list.request(), self.since).await?;
        export.query = export.query.from_position(self.file.cursor.clone());
        if self.file.is_begun() {
            export.keep_to(&self.file.columns)?;
            self.file.check_seen(&export.grant)?;
        } else {
            export.begin();
            self.file.columns = export.headers();
            self.total = counted(&export).await?;
        }
        self.file.note_seen(self.entity, &export.grant);
        self.file.rows += export.write_page().await?;
        self.file.cursor = export.query.after().cloned();
        let bytes = export.writer.take();
        let first = self.file.pieces;
        let after = first.saturating_add(u32::try_from(bytes.len().div_ceil(CHUNK_BYTES)).map_err(Error::internal)?);
        check_room(session, &export.grant, first..after).await?;
        let upload_id = self.file.upload_id;
        let piece = |(index, bytes): (u32, &[u8])| Piece { upload_id, index, bytes: bytes.to_vec() };
        let mut changes = session.changes();
        changes.keep_pieces((first..after).zip(bytes.chunks(CHUNK_BYTES)).map(piece).collect());
        self.file.pieces = after;
        self.file.bytes += bytes.len() as u64;
        Ok(changes)
    }

    /// How the job stands with what is written.
    fn step(&self) -> Result<Step> {
        let rows = self.file.rows;
        let total = if self.file.is_whole() { Some(rows) } else { self.total.map(|total| total.max(rows)) };
        Ok(Step {
            task: Task::Export { entity: self.entity, list: Some(self.list.clone()), file: self.file.clone() },
            result: serde_json::to_value(self.file.report()).map_err(Error::internal)?,
            progress: Progress { done: rows, total },
        })
    }
}

/// The length of the list; none where counting it takes the store too long.
async fn counted(export: &Export) -> Result<Option<u64>> {
    match export.count().await {
        Err(error) if error.kind() == ErrorKind::Unavailable => Ok(None),
        counted => counted.map(Some),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;

    use super::*;
    use crate::access::Role;
    use crate::bulk::BulkMode;
    use crate::job::{JobState, Never, Stop, Upload};
    use crate::testkit::{MemoryStore, World, samples};
    use crate::transfer::export::PAGE;

    /// Most pieces of a workspace.
    const MOST: u32 = 32 * 1024;

    /// Makes contacts for a file that two steps write.
    async fn two_steps(session: &Session) {
        let items = (0..=PAGE).map(|at| Ok(samples::contact(&format!("R{at}")))).collect();
        session.contacts().create_many(items, BulkMode::Atomic).await.unwrap();
    }

    #[tokio::test]
    async fn an_export_waits_for_room_in_its_workspace() {
        let world = World::new(Arc::new(MemoryStore::default())).await;
        let admin = world.session(Role::Admin).await;
        let grant = admin.require(Entity::Import, Action::Create).unwrap();
        let (uploads, file) = (&world.crm.ports.uploads, Id::<Upload>::new_at(admin.now()));
        for index in 0..MOST {
            uploads.keep_piece(&grant, file, index, vec![0], admin.now()).await.unwrap();
        }
        let job = admin.transfers().begin_export(Entity::Contact, ExportList::default()).await.unwrap();
        assert!(world.crm.work(Arc::new(Never)).await.unwrap());
        let full = admin.jobs().read(job.id).await.unwrap().into_inner();
        assert_eq!((full.state, full.error.unwrap().code.as_str()), (JobState::Failed, "invalid"));
        assert_eq!(uploads.count_pieces(&grant).await.unwrap(), u64::from(MOST));
        // What is forgotten gives its room back.
        uploads.forget_upload(&grant, file).await.unwrap();
        admin.jobs().retry(job.id).await.unwrap();
        assert!(world.crm.work(Arc::new(Never)).await.unwrap());
        assert_eq!(admin.jobs().read(job.id).await.unwrap().state, JobState::Done);
    }
    /// A worker that stops at its next step.
    struct Stopping;

    impl Stop for Stopping {
        fn is_asked(&self) -> bool {
            true
        }
    }

    #[tokio::test]
    async fn an_export_that_fills_the_room_itself_gives_it_back() {
        let world = World::new(Arc::new(MemoryStore::default())).await;
        let admin = world.session(Role::Admin).await;
        two_steps(&admin).await;
        let job = admin.transfers().begin_export(Entity::Contact, ExportList::default()).await.unwrap();
        assert!(world.crm.work(Arc::new(Stopping)).await.unwrap());
        let grant = admin.require(Entity::Job, Action::Read).unwrap();
        let mut begun = world.crm.ports.jobs.job(&grant, job.id).await.unwrap().into_inner();
        let before = begun.version;
        let Task::Export { file, .. } = &mut begun.task else { panic!("no export") };
        let uploads = &world.crm.ports.uploads;
        for index in file.pieces..MOST {
            uploads.keep_piece(&grant, file.upload_id, index, vec![0], admin.now()).await.unwrap();
        }
        file.pieces = MOST;
        begun.version += 1;
        assert!(world.crm.ports.jobs.swap_job(world.home.workspace, before, &begun).await.unwrap());
        assert!(world.crm.work(Arc::new(Never)).await.unwrap());
        let full = admin.jobs().read(job.id).await.unwrap().into_inner();
        assert_eq!((full.state, full.progress, full.errors.len()), (JobState::Failed, Progress::default(), 1));
        assert_eq!(uploads.count_pieces(&grant).await.unwrap(), 0);
        admin.jobs().retry(job.id).await.unwrap();
        assert!(world.crm.work(Arc::new(Never)).await.unwrap());
        let done = admin.jobs().read(job.id).await.unwrap().into_inner();
        assert_eq!((done.state, done.progress.done), (JobState::Done, u64::from(PAGE) + 1));
    }

    /// Holds an export of which it forgets what the first step wrote.
    struct Forgetful {
        session: Session,
        last: Option<ExportFile>,
    }

    #[async_trait]
    impl Watch for Forgetful {
        async fn session(&mut self) -> Result<Session> {
            Ok(self.session.clone())
        }

        async fn write(&mut self, session: &Session, changes: Changes, step: Step) -> std::result::Result<(), Halt> {
            let grant = session.internally(Entity::Job, Action::Update);
            session.commit(&grant, changes).await?;
            let Task::Export { file, .. } = step.task else { panic!("no export") };
            if self.last.replace(file.clone()).is_none() {
                session.ports().uploads.forget_upload(&grant, file.upload_id).await?;
            }
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_file_whose_first_pieces_are_forgotten_while_it_is_written_is_begun_anew() {
        let world = World::new(Arc::new(MemoryStore::default())).await;
        let admin = world.session(Role::Admin).await;
        two_steps(&admin).await;
        let mut watch = Forgetful { session: admin.clone(), last: None };
        let file = ExportFile::new(Id::new_at(admin.now()));
        let forgotten = file.upload_id;
        let list = ExportList::default();
        let writing = Writing { entity: Entity::Contact, list, file, since: admin.now(), total: None };
        let report = writing.go_on(&mut watch).await.unwrap();
        assert_eq!(report.rows, u64::from(PAGE) + 1);
        let whole = watch.last.unwrap();
        assert_ne!(whole.upload_id, forgotten);
        let grant = admin.internally(Entity::Job, Action::Read);
        assert!(admin.ports().uploads.piece(&grant, whole.upload_id, 0).await.unwrap().is_some());
    }
}
