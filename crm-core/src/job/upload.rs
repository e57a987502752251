//! Files spooled into the store, so that whichever instance takes the job has them.

use std::ops::Range;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::access::Grant;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::session::Session;
use crate::time::Timestamp;
use crate::transfer::Source;

/// Bytes of a piece.
pub const CHUNK_BYTES: usize = 256 * 1024;

/// Most pieces that are kept for a workspace of files that no job has finished with yet, and of those that jobs
/// wrote: 8 GiB where all are full.
const MAX_PIECES: u64 = 32 * 1024;
/// Pieces of a file between two looks at how many the workspace has.
const COUNTED_EACH: u32 = 64;
/// How often the store hears of the file beside the one that comes, in seconds: much more often than it forgets
/// files of which nothing comes.
const TOLD_SECONDS: i64 = 10 * 60;

/// A file that was sent, and is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: Id<Upload>,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub digest: [u8; 32],
}

/// A piece of a file, kept by the commit that says how far the file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The file.
    pub upload_id: Id<Upload>,
    /// Its place in the file, from 0 on.
    pub index: u32,
    /// At most [`CHUNK_BYTES`], and at least one.
    pub bytes: Vec<u8>,
}

/// A file on its way into the store, piece by piece: memory stays flat whatever its length. One that is dropped on
/// its way, as with a request whose client went, leaves its pieces to [`crate::Crm::forget_old_uploads`].
pub struct Spool {
    session: Session,
    grant: Grant,
    id: Id<Upload>,
    hash: Sha256,
    bytes: u64,
    pieces: u32,
    /// Most pieces that the workspace may have.
    most: u64,
    waiting: Vec<u8>,
    /// The other file of the same request, of which nothing comes while this one does.
    beside: Option<Id<Upload>>,
    /// When the store last heard of that.
    told_at: Timestamp,
}

impl Spool {
    pub(crate) fn new(session: Session, grant: Grant) -> Self {
        let now = session.now();
        Self {
            session,
            grant,
            id: Id::new_at(now),
            hash: Sha256::new(),
            bytes: 0,
            pieces: 0,
            most: MAX_PIECES,
            waiting: Vec::new(),
            beside: None,
            told_at: now,
        }
    }

    /// Another file that is sent with this one, one after the other: each is kept as long as the other comes.
    #[must_use]
    pub fn beside(&mut self) -> Self {
        let mut other = Self::new(self.session.clone(), self.grant.clone());
        (self.beside, other.beside) = (Some(other.id), Some(self.id));
        other
    }

    /// Bytes that came so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// `Invalid` at `file` where the workspace has as many files as it may have that no job has finished
    /// with; `Unavailable` when the store cannot be reached.
    pub async fn write(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.hash.update(bytes);
        self.bytes += bytes.len() as u64;
        while !bytes.is_empty() {
            let taken = bytes.len().min(CHUNK_BYTES - self.waiting.len());
            let (head, rest) = bytes.split_at(taken);
            self.waiting.extend_from_slice(head);
            bytes = rest;
            if self.waiting.len() == CHUNK_BYTES {
                self.keep().await?;
            }
        }
        Ok(())
    }

    /// As [`Spool::finish`] of both, where there are two: where one finds no place, the other is forgotten too.
    ///
    /// # Errors
    /// As [`Spool::write`].
    pub async fn finish_with(self, beside: Option<Self>) -> Result<(Upload, Option<Upload>)> {
        let Some(beside) = beside else { return Ok((self.finish().await?, None)) };
        let beside = match beside.finish().await {
            Ok(beside) => beside,
            Err(error) => {
                self.discard().await?;
                return Err(error);
            }
        };
        let (session, grant) = (self.session.clone(), self.grant.clone());
        match self.finish().await {
            Ok(file) => Ok((file, Some(beside))),
            Err(error) => {
                session.ports().uploads.forget_upload(&grant, beside.id).await?;
                Err(error)
            }
        }
    }

    /// The file, whole; what came is forgotten where its end finds no place.
    ///
    /// # Errors
    /// As [`Spool::write`].
    pub async fn finish(mut self) -> Result<Upload> {
        if !self.waiting.is_empty()
            && let Err(error) = self.keep().await
        {
            self.discard().await?;
            return Err(error);
        }
        Ok(Upload { id: self.id, bytes: self.bytes, digest: self.hash.finalize().into() })
    }

    /// Forgets what came.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn discard(self) -> Result<()> {
        self.session.ports().uploads.forget_upload(&self.grant, self.id).await
    }

    async fn keep(&mut self) -> Result<()> {
        let next = self.pieces..self.pieces.saturating_add(1);
        check_room_within(&self.session, &self.grant, next, self.most).await?;
        let piece = std::mem::take(&mut self.waiting);
        let (uploads, now) = (&self.session.ports().uploads, self.session.now());
        uploads.keep_piece(&self.grant, self.id, self.pieces, piece, now).await?;
        self.pieces += 1;
        if let Some(beside) = self.beside
            && self.told_at.plus_seconds(TOLD_SECONDS) <= now
        {
            uploads.keep_upload(&self.grant, beside, now).await?;
            self.told_at = now;
        }
        Ok(())
    }
}

/// Refuses further pieces of a file where the workspace has as many as it may have.
///
/// # Errors
/// `Invalid` at `file` with code `quota`; `Unavailable` when the store cannot be reached.
pub(crate) async fn check_room(session: &Session, grant: &Grant, pieces: Range<u32>) -> Result<()> {
    check_room_within(session, grant, pieces, MAX_PIECES).await
}

async fn check_room_within(session: &Session, grant: &Grant, mut pieces: Range<u32>, most: u64) -> Result<()> {
    let is_counted = pieces.any(|piece| piece.is_multiple_of(COUNTED_EACH));
    if is_counted && session.ports().uploads.count_pieces(grant).await? >= most {
        return Err(full(most));
    }
    Ok(())
}

/// A spooled file as a source of rows.
pub struct StoredFile {
    session: Session,
    grant: Grant,
    id: Id<Upload>,
    bytes: u64,
    /// The piece that was read last: rows are read from the front to the back.
    piece: Option<(u32, Vec<u8>)>,
}

impl StoredFile {
    pub(crate) fn new(session: Session, grant: Grant, id: Id<Upload>, bytes: u64) -> Self {
        Self { session, grant, id, bytes, piece: None }
    }
}

#[async_trait]
impl Source for StoredFile {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Vec<u8>> {
        if offset >= self.bytes {
            return Ok(Vec::new());
        }
        let size = CHUNK_BYTES as u64;
        let index = u32::try_from(offset / size).map_err(Error::internal)?;
        let piece = match self.piece.take() {
            Some((known, bytes)) if known == index => bytes,
            _ => self.session.ports().uploads.piece(&self.grant, self.id, index).await?.ok_or_else(gone)?,
        };
        let start = usize::try_from(offset % size).map_err(Error::internal)?;
        let rest = piece.get(start..).unwrap_or_default();
        let read = rest.get(..max).unwrap_or(rest).to_vec();
        self.piece = Some((index, piece));
        Ok(read)
    }
}

fn gone() -> Error {
    Error::invalid("file", "gone", "is kept no longer; send it again")
}

/// Whether an error says that the workspace has no room for a file.
pub(crate) fn is_full(error: &Error) -> bool {
    error.fields().iter().any(|fault| fault.code == "quota")
}

fn full(most: u64) -> Error {
    let message = format!(
        "finds no place: the workspace has {most} pieces, of up to 256 KiB each, of files that exports wrote or that \
         no job has finished with; delete files of exports, let imports and bulk work that wait come to their end, \
         and retry those that failed or were cancelled: their files go once they are done, or after a week; what a \
         broken upload left behind goes by itself within two hours or so"
    );
    Error::invalid("file", "quota", message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::access::{Action, Actor, Entity, Role};
    use crate::testkit::{MemoryStore, World};

    /// A file of so many bytes in a workspace that takes three pieces.
    async fn kept(session: &Session, bytes: usize) -> Result<Upload> {
        let grant = session.require(Entity::Import, Action::Create)?;
        let mut spool = Spool { most: 3, ..Spool::new(session.clone(), grant) };
        spool.write(&vec![b'x'; bytes]).await?;
        spool.finish().await
    }

    #[tokio::test]
    async fn files_of_a_workspace_take_no_more_room_than_it_has() {
        let world = World::new(Arc::new(MemoryStore::default())).await;
        let admin = world.session(Role::Admin).await;
        let first = kept(&admin, 2 * CHUNK_BYTES).await.unwrap();
        kept(&admin, 1).await.unwrap();
        let refused = kept(&admin, 1).await.unwrap_err();
        let fault = &refused.fields()[0];
        assert_eq!((fault.field.as_str(), fault.code.as_ref()), ("file", "quota"), "{refused}");
        // What is another workspace's takes none of its room, and what is forgotten gives it back.
        let away = world.crm.acting(Actor::system(world.away.workspace, "testkit")).await.unwrap();
        kept(&away, 1).await.unwrap();
        admin.transfers().forget(&first).await.unwrap();
        kept(&admin, 1).await.unwrap();
    }
}
