//! A file on disk as an import reads it.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use async_trait::async_trait;
use crm_core::transfer::Source;
use crm_core::{Error, Result};

/// A file, read from any place.
pub(crate) struct FileSource {
    file: File,
    bytes: u64,
}

impl FileSource {
    /// Opens a file.
    pub(crate) fn open(path: &Path) -> std::io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, "is not a file"));
        }
        Ok(Self { file, bytes: metadata.len() })
    }
}

#[async_trait]
impl Source for FileSource {
    fn bytes(&self) -> u64 {
        self.bytes
    }

    async fn read_at(&mut self, offset: u64, max: usize) -> Result<Vec<u8>> {
        let read = || -> std::io::Result<Vec<u8>> {
            self.file.seek(SeekFrom::Start(offset))?;
            let mut bytes = Vec::with_capacity(max);
            (&mut self.file).take(max as u64).read_to_end(&mut bytes)?;
            Ok(bytes)
        };
        // The command line does one thing at a time: blocking here holds nobody up.
        tokio::task::block_in_place(read)
            .map_err(|error| Error::unavailable("the file cannot be read").with_source(error))
    }
}
