//! Files that are whole or absent.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use futures::{Stream, StreamExt as _};

use crate::failure::Failure;

/// Writes pieces to a file that gets its name when all of them are in it: what stops on the way
/// leaves the file of that name as it was.
pub(crate) async fn write(path: &Path, pieces: impl Stream<Item = crm_core::Result<Vec<u8>>>) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("{}: {error}", path.display()));
    let known = fs::metadata(path).ok();
    // A pipe or a device has nothing to keep whole.
    if known.as_ref().is_some_and(|metadata| !metadata.is_file()) {
        return write_all(pieces, File::create(path).map_err(failed)?).await;
    }
    // Through a link, which stays one.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let draft = Draft::beside(&target);
    let file = OpenOptions::new().write(true).create_new(true).open(&draft.0).map_err(failed)?;
    if let Some(known) = known {
        // A new name would take the place of a file that is not to be written.
        OpenOptions::new().write(true).open(&target).map_err(failed)?;
        file.set_permissions(known.permissions()).map_err(failed)?;
    }
    write_all(pieces, BufWriter::new(&file)).await?;
    file.sync_all().map_err(failed)?;
    fs::rename(&draft.0, &target).map_err(failed)
}

/// Writes pieces as they come.
pub(crate) async fn write_all(
    pieces: impl Stream<Item = crm_core::Result<Vec<u8>>>,
    mut to: impl Write,
) -> Result<(), Failure> {
    let mut pieces = std::pin::pin!(pieces);
    while let Some(bytes) = pieces.next().await {
        to.write_all(&bytes?)?;
    }
    Ok(to.flush()?)
}

/// A file in the making, which goes with its owner.
struct Draft(PathBuf);

impl Draft {
    fn beside(path: &Path) -> Self {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{:08x}.part", rand::random::<u32>()));
        Self(name.into())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // Nothing lies there once the file has its name.
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use futures::stream::iter;

    use super::*;

    #[tokio::test]
    async fn a_file_that_was_not_finished_is_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contacts.csv");
        let stops = || iter([Ok(b"new".to_vec()), Err(crm_core::Error::unavailable("the store went away"))]);
        assert!(write(&path, stops()).await.is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        fs::write(&path, "old").unwrap();
        assert!(write(&path, stops()).await.is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        write(&path, iter([Ok(b"new".to_vec()), Ok(b"er".to_vec())])).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "newer");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_file_keeps_its_mode_and_its_link() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("contacts.csv"), folder.path().join("link.csv"));
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&path, &link).unwrap();
        write(&link, iter([Ok(b"new".to_vec())])).await.unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }
}
