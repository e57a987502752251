//! The beginning of imports: of a file at hand, and of files that were sent for a worker to read.

use super::model::{Import, ImportOptions};
use super::prepare::{Prepared, check_upload, prepare};
use super::products::{self, Product};
use super::rights::Rights;
use super::seats::{self, Seat};
use super::service::{Transfers, seen};
use super::source::Source;
use crate::access::{Action, Entity, Grant, View};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::{ImportFile, Job, StoredFile, Task, Upload};
use crate::session::Decisions;
use crate::store::{Changes, Stored};

impl Transfers {
    /// Reads a list of products and their prices, a CSV file of at most [`super::TABLE_BYTES`], for
    /// [`ImportOptions::products`]. Prices without a currency are in the workspace's.
    ///
    /// # Errors
    /// `Denied`; `Invalid` at `products`, with the line of each row at fault.
    pub fn products(&self, file: &[u8]) -> Result<Vec<Product>> {
        let grant = self.session.require(Entity::Import, Action::Create)?;
        products::read(file, grant.workspace().currency)
    }

    /// Reads a list of people and their teams, a CSV file of at most [`super::TABLE_BYTES`], for
    /// [`ImportOptions::teams`].
    ///
    /// # Errors
    /// `Denied`; `Invalid` at `teams`, with the line of each row at fault.
    pub fn teams(&self, file: &[u8]) -> Result<Vec<Seat>> {
        self.session.require(Entity::Import, Action::Create)?;
        seats::read(file)
    }

    /// Begins an import: reads the header, decides what the columns mean, defines the custom fields
    /// that `create_fields` and `products` ask for, makes the people and teams of `teams`. No row is
    /// imported yet.
    ///
    /// # Errors
    /// `Denied`; `Invalid` at `file` for a file without a readable header, at `mapping.<header>` and
    /// `values.<field>` for what the file or the record does not have, at `date_format` where the
    /// order of day and month cannot be told, at `encoding`, `delimiter`, `products` and `teams`.
    pub async fn start(&self, entity: Entity, source: &mut dyn Source, options: ImportOptions) -> Result<View<Import>> {
        let grant = self.session.require(Entity::Import, Action::Create)?;
        Rights::new(&self.session, entity, options.on_duplicate, self.session.actor().user_id())?;
        let mut decisions = Decisions::new();
        loop {
            let begun = async {
                let mut prepared = prepare(&self.session, &grant, entity, source, options.clone()).await?;
                loop {
                    let changes = self.begun(&grant, &prepared)?;
                    match self.session.commit(&grant, changes).await {
                        Ok(()) => return Ok(seen(&grant, Import { version: 1, ..prepared.import })),
                        Err(refusal) => prepared.seat_again(&self.session, &grant, refusal).await?,
                    }
                }
            };
            if let Some(result) = decisions.settle(begun.await) {
                return result;
            }
        }
    }

    /// Refuses what [`Transfers::start`] would refuse, and writes nothing.
    ///
    /// # Errors
    /// As [`Transfers::start`].
    pub async fn check(&self, entity: Entity, source: &mut dyn Source, options: &ImportOptions) -> Result<()> {
        let grant = self.session.require(Entity::Import, Action::Create)?;
        Rights::new(&self.session, entity, options.on_duplicate, self.session.actor().user_id())?;
        prepare(&self.session, &grant, entity, source, options.clone()).await.map(drop)
    }

    /// The changes that begin an import.
    fn begun(&self, grant: &Grant, prepared: &Prepared) -> Result<Changes> {
        let mut changes = self.session.changes();
        let mut import = Stored::new(prepared.import.clone());
        grant.check_reach(&*import)?;
        changes.in_batch(import.batch());
        prepared.seating.clone().put(&mut changes);
        for field in &prepared.made {
            changes.put(&mut field.clone());
        }
        if let Some(guard) = prepared.guard {
            changes.guard(guard);
        }
        changes.put_unjournalled(&mut import);
        Ok(changes)
    }

    /// As [`Transfers::start`] of a spooled file, whose rows a worker then imports, once under the caller's key.
    /// The file is this call's alone: where it is refused, or another call had the key before, the file is
    /// forgotten.
    ///
    /// # Errors
    /// As [`Transfers::start`].
    pub async fn begin(&self, entity: Entity, upload: &Upload, options: ImportOptions) -> Result<View<Job>> {
        self.enqueue(entity, upload, options, None).await
    }

    /// As [`Transfers::begin`] of deals, before which the same worker reads in the companies of another
    /// file. Companies that are known are changed only where known deals are.
    ///
    /// # Errors
    /// As [`Transfers::start`]; what is wrong with the companies is at `companies.file` and the like.
    pub async fn begin_with_companies(
        &self,
        upload: &Upload,
        options: ImportOptions,
        companies: &Upload,
    ) -> Result<View<Job>> {
        self.enqueue(Entity::Deal, upload, options, Some(companies)).await
    }

    /// Queues the job, and forgets files that none needs.
    async fn enqueue(
        &self,
        entity: Entity,
        upload: &Upload,
        options: ImportOptions,
        companies: Option<&Upload>,
    ) -> Result<View<Job>> {
        let grant = self.session.require(Entity::Import, Action::Create)?;
        let queued = self.queued(&grant, entity, upload, options, companies).await;
        let is_needless = match &queued {
            // The first request under the key has files of its own.
            Ok(job) => !job.task.names(upload.id),
            // After an outage the job may stand, and then it needs its files; if not, upkeep forgets them.
            Err(error) => error.is_refusal(),
        };
        if is_needless {
            for file in companies.into_iter().chain([upload]) {
                self.session.ports().uploads.forget_upload(&grant, file.id).await?;
            }
        }
        queued
    }

    async fn queued(
        &self,
        grant: &Grant,
        entity: Entity,
        upload: &Upload,
        options: ImportOptions,
        companies: Option<&Upload>,
    ) -> Result<View<Job>> {
        if let Some(first) = self.session.enqueued(grant).await? {
            return Ok(first);
        }
        for file in companies.into_iter().chain([upload]) {
            // Upkeep forgets files that no job names yet and that nobody has touched for long.
            self.session.ports().uploads.keep_upload(grant, file.id, self.session.now()).await?;
        }
        let mut decisions = Decisions::new();
        loop {
            let begun = self.queued_as_it_is(grant, entity, upload, &options, companies).await;
            if let Some(result) = decisions.settle(begun) {
                return result;
            }
        }
    }

    /// Reads what the files begin with, and commits their imports with the job that reads them in, as the workspace
    /// is now.
    async fn queued_as_it_is(
        &self,
        grant: &Grant,
        entity: Entity,
        upload: &Upload,
        options: &ImportOptions,
        companies: Option<&Upload>,
    ) -> Result<View<Job>> {
        let mut main = self.of_upload(grant, entity, upload, options.clone()).await?;
        let mut first = match companies {
            Some(companies) => Some((self.of_companies(grant, companies, options).await?, companies.id)),
            None => None,
        };
        let task = Task::Import {
            import_id: main.import.id,
            upload_id: upload.id,
            companies: first
                .as_ref()
                .map(|(first, upload_id)| ImportFile { import_id: first.import.id, upload_id: *upload_id }),
        };
        let now = self.session.now();
        let job = Job::new(Id::new_at(now), task, self.session.actor().user_id(), now);
        main.import.job_id = Some(job.id);
        if let Some((first, _)) = &mut first {
            first.import.job_id = Some(job.id);
            grant.check_reach(&first.import)?;
        }
        loop {
            let mut changes = self.begun(grant, &main)?;
            if let Some((first, _)) = &first {
                changes.put_unjournalled(&mut Stored::new(first.import.clone()));
            }
            match self.session.enqueue(grant, changes, job.clone()).await {
                Err(refusal) => main.seat_again(&self.session, grant, refusal).await?,
                begun => return begun,
            }
        }
    }

    /// The import of a spooled file.
    async fn of_upload(
        &self,
        grant: &Grant,
        entity: Entity,
        upload: &Upload,
        options: ImportOptions,
    ) -> Result<Prepared> {
        Rights::new(&self.session, entity, options.on_duplicate, self.session.actor().user_id())?;
        let mut file = StoredFile::new(self.session.clone(), grant.clone(), upload.id, upload.bytes);
        let prepared = prepare(&self.session, grant, entity, &mut file, options).await?;
        // From here on the file is what its id says: it is not read all over again by each worker.
        check_upload(upload, &prepared.import.file)?;
        Ok(prepared)
    }

    /// The import of the companies that deals are about, read as its file says by itself.
    async fn of_companies(&self, grant: &Grant, upload: &Upload, deals: &ImportOptions) -> Result<Prepared> {
        let prepared = self.of_upload(grant, Entity::Company, upload, deals.of_companies()).await;
        prepared.map_err(|error: Error| error.under("companies"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::access::Role;
    use crate::error::ErrorKind;
    use crate::store::IdempotencyKey;
    use crate::testkit::{MemoryStore, World};

    #[tokio::test]
    async fn files_that_no_job_needs_are_forgotten() {
        let world = World::new(Arc::new(MemoryStore::default())).await;
        let admin = world.session(Role::Admin).await;
        let grant = admin.require(Entity::Import, Action::Create).unwrap();
        let kept = async || world.crm.ports.uploads.count_pieces(&grant).await.unwrap();
        let sent = async |text: &str| {
            let mut spool = admin.transfers().receive().unwrap();
            spool.write(text.as_bytes()).await.unwrap();
            spool.finish().await.unwrap()
        };
        let begin = async |body: &[u8], options: ImportOptions, companies: &str| {
            let keyed = admin.clone().once(IdempotencyKey::new("POST /deals/import/csv", "one", body));
            let (deals, companies) = (sent("id,title\n1,A\n").await, sent(companies).await);
            keyed.transfers().begin_with_companies(&deals, options, &companies).await
        };
        let (plain, named) = (ImportOptions::default, "id,name\n1,Acme\n");
        // What is refused leaves neither file behind, whichever of the two is at fault.
        let nowhere = ImportOptions { mapping: [("Shoe".to_owned(), "boot".to_owned())].into(), ..plain() };
        assert_eq!(begin(b"a", nowhere, named).await.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(begin(b"a", plain(), "\n").await.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(kept().await, 0);
        let first = begin(b"a", plain(), named).await.unwrap();
        assert_eq!(kept().await, 2);
        // Another request under the key was faster, with the same body and with another one.
        assert_eq!(begin(b"a", plain(), named).await.unwrap().id, first.id);
        assert_eq!(kept().await, 2);
        assert_eq!(begin(b"b", plain(), named).await.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(kept().await, 2);
    }
}
