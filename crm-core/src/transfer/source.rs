//! Where a file's bytes come from.

use async_trait::async_trait;

use crate::error::Result;

/// Port: a file that can be read from any place, as often as wanted.
#[async_trait]
pub trait Source: Send {
    /// The file's length.
    fn bytes(&self) -> u64;

    /// At most `max` bytes from `offset` on; none at the end of the file, and nowhere else.
    ///
    /// # Errors
    /// `Unavailable` when the file cannot be read.
    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Vec<u8>>;
}

/// A file in memory: for small uploads and for tests.
#[derive(Clone, Debug)]
pub struct BytesSource(Vec<u8>);

impl BytesSource {
    /// A file of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }
}

#[async_trait]
impl Source for BytesSource {
    fn bytes(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Vec<u8>> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.0.get(offset..)).unwrap_or_default();
        Ok(rest.get(..max).unwrap_or(rest).to_vec())
    }
}
