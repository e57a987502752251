//! The file that an export's job wrote, a piece at a time.

use futures::stream::{self, Stream};

use super::columns;
use crate::access::{Action, Entity, Grant};
use crate::error::{Error, Result};
use crate::id::Id;
use crate::job::{Job, JobState, Task, Upload};
use crate::session::Session;
use crate::transfer::Transfers;

impl Transfers {
    /// The file of an export whose job is done, a piece at a time. It holds what its maker saw, so nobody else
    /// gets it, and its maker no longer where a column of it is hidden from them or gone by now, or their scope of
    /// its kind of record, or of a kind that it names, is narrower than it was. Single records that they do not
    /// see any more within the same scope are still in it.
    ///
    /// # Errors
    /// In the stream: `Denied`; `NotFound`, also for another's export, one that failed or was cancelled, and one
    /// whose file is kept no longer; `Conflict` with code `export_running` while the job waits or runs;
    /// `Unavailable` when the store cannot be reached.
    pub fn exported(&self, id: Id<Job>) -> impl Stream<Item = Result<Vec<u8>>> + Send + use<> {
        stream::try_unfold(Fetch::Start(self.session.clone(), id), Fetch::next)
    }

    /// Forgets the file of an export that has ended, which gives its room back. The job stays; one that failed
    /// begins anew when it is taken up again.
    ///
    /// # Errors
    /// `Denied`; `NotFound`, also for an export whose file is gone; `Conflict` with code `export_running` while the
    /// job waits or runs.
    pub async fn forget_exported(&self, id: Id<Job>) -> Result<()> {
        let (jobs, next) = (self.session.jobs(), Id::new_at(self.session.now()));
        let mut given_up = None;
        jobs.change(id, &mut |job, now| {
            let Task::Export { file, .. } = &job.task else { return Err(absent(id)) };
            check_ended(id, job.state)?;
            if !file.is_begun() {
                return Err(absent(id));
            }
            given_up = job.forget_file(next, now);
            Ok(())
        })
        .await?;
        jobs.forget(given_up).await
    }
}

/// The file, as far as it is sent.
enum Fetch {
    Start(Session, Id<Job>),
    Going(Box<Sending>),
}

/// A file, and its piece that is sent next.
struct Sending {
    session: Session,
    grant: Grant,
    job_id: Id<Job>,
    upload_id: Id<Upload>,
    pieces: u32,
    next: u32,
}

impl Fetch {
    async fn next(self) -> Result<Option<(Vec<u8>, Self)>> {
        let mut sending = match self {
            Fetch::Start(session, id) => Box::new(Sending::find(session, id).await?),
            Fetch::Going(sending) => sending,
        };
        if sending.next >= sending.pieces {
            return Ok(None);
        }
        let piece = sending.session.ports().uploads.piece(&sending.grant, sending.upload_id, sending.next).await?;
        let bytes = piece.ok_or_else(|| absent(sending.job_id))?;
        sending.next += 1;
        Ok(Some((bytes, Fetch::Going(sending))))
    }
}

impl Sending {
    async fn find(session: Session, id: Id<Job>) -> Result<Self> {
        let grant = session.require(Entity::Job, Action::Read)?;
        let job = session.ports().jobs.job(&grant, id).await?.into_inner();
        let (entity, file) = match job.task {
            Task::Export { entity, file, .. } if job.created_by == session.actor().user_id() => (entity, file),
            _ => return Err(absent(id)),
        };
        let grant = session.require(entity, Action::Export)?;
        check_ended(id, job.state)?;
        if job.state != JobState::Done || !file.is_begun() {
            return Err(absent(id));
        }
        file.check_seen(&grant)?;
        columns::kept(columns::of(&session, &grant, entity), &file.columns)?;
        Ok(Self { session, grant, job_id: id, upload_id: file.upload_id, pieces: file.pieces, next: 0 })
    }
}

/// Refuses an export that is still written.
fn check_ended(id: Id<Job>, state: JobState) -> Result<()> {
    match state {
        JobState::Queued | JobState::Running => {
            let message = format!("export {id} is still under way");
            Err(Error::conflict(message).with_code("export_running"))
        }
        JobState::Done | JobState::Failed | JobState::Cancelled => Ok(()),
    }
}

fn absent(id: Id<Job>) -> Error {
    Error::not_found("the file of export", id)
}
