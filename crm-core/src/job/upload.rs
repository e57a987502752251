//! Files spooled into the store, so that whichever instance takes the job has them.

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::access::Grant;
use crate::error::{Error, Result};
use crate::id::Id;
use crate::session::Session;
use crate::transfer::Source;

/// Bytes of a piece.
pub const CHUNK_BYTES: usize = 256 * 1024;

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

/// A file on its way into the store, piece by piece: memory stays flat whatever its length.
pub struct Spool {
    session: Session,
    grant: Grant,
    id: Id<Upload>,
    hash: Sha256,
    bytes: u64,
    pieces: u32,
    waiting: Vec<u8>,
}

impl Spool {
    pub(crate) fn new(session: Session, grant: Grant) -> Self {
        let id = Id::new_at(session.now());
        Self { session, grant, id, hash: Sha256::new(), bytes: 0, pieces: 0, waiting: Vec::new() }
    }

    /// Bytes that came so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
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

    /// The file, whole.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be reached.
    pub async fn finish(mut self) -> Result<Upload> {
        if !self.waiting.is_empty() {
            self.keep().await?;
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
        let piece = std::mem::take(&mut self.waiting);
        self.session.ports().uploads.keep_piece(&self.grant, self.id, self.pieces, piece, self.session.now()).await?;
        self.pieces += 1;
        Ok(())
    }
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
