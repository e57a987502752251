//! A mailbox in a folder, for development: mails are written there instead of being sent.
//!
//! Each mail is two files under the name of its `Message-ID`: `.eml`, as any mail program reads it, and `.json`
//! for whoever shows it. Both are written under another name first, the `.eml` last, so that whoever lists them
//! finds whole mails alone; a mail that is sent again takes the place of itself.

use std::io;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use crm_core::integration::Mailer;
use crm_core::mail::Mail;
use crm_core::{Error, ErrorKind, Result};
use tokio::fs;

/// Most mails of a list.
const MOST: usize = 500;

/// A folder of mails.
#[derive(Clone, Debug)]
pub struct MailboxMailer {
    folder: PathBuf,
}

impl MailboxMailer {
    /// The mailbox of a folder, which is made with the first mail.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The names of the mails, the latest first, at most 500.
    ///
    /// # Errors
    /// `Unavailable` where the folder cannot be read.
    pub async fn list(&self) -> Result<Vec<String>> {
        let mut entries = match fs::read_dir(&self.folder).await {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(failed(&self.folder, error)),
        };
        let mut names = Vec::new();
        while let Some(entry) = entries.next_entry().await.map_err(|error| failed(&self.folder, error))? {
            let name = entry.file_name().to_string_lossy().into_owned();
            // Drafts of mails begin with a dot.
            names.extend(name.strip_suffix(".eml").filter(|name| !name.starts_with('.')).map(str::to_owned));
        }
        // Ids begin with their time.
        names.sort_by(|one, other| other.cmp(one));
        names.truncate(MOST);
        Ok(names)
    }

    /// The mail of a name.
    ///
    /// # Errors
    /// `NotFound`; `Unavailable` where the file cannot be read.
    pub async fn read(&self, name: &str) -> Result<Mail> {
        let bytes = self.file(name, "json").await?;
        serde_json::from_slice(&bytes).map_err(Error::internal)
    }

    /// The mail of a name as it would be sent.
    ///
    /// # Errors
    /// As [`MailboxMailer::read`].
    pub async fn raw(&self, name: &str) -> Result<Vec<u8>> {
        self.file(name, "eml").await
    }

    async fn file(&self, name: &str, kind: &str) -> Result<Vec<u8>> {
        let absent = || Error::new(ErrorKind::NotFound, "there is no such mail");
        if name.is_empty() || name != file_name(name) {
            return Err(absent());
        }
        let path = self.folder.join(format!("{name}.{kind}"));
        fs::read(&path).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => absent(),
            _ => failed(&path, error),
        })
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let draft = self.folder.join(format!(".{name}"));
        let path = self.folder.join(name);
        let written = async {
            fs::write(&draft, bytes).await?;
            fs::rename(&draft, &path).await
        };
        written.await.map_err(|error| failed(&path, error))
    }
}

#[async_trait]
impl Mailer for MailboxMailer {
    async fn send(&self, mail: &Mail) -> Result<()> {
        // Refused as a server's adapter refuses it.
        mail.envelope()?;
        let message = mail.formatted()?;
        let shown = serde_json::to_vec_pretty(mail).map_err(Error::internal)?;
        fs::create_dir_all(&self.folder).await.map_err(|error| failed(&self.folder, error))?;
        let name = file_name(&mail.message_id);
        self.write(&format!("{name}.json"), &shown).await?;
        self.write(&format!("{name}.eml"), &message).await
    }
}

/// The name of a mail's files: its id with nothing that a path could be made of.
fn file_name(message_id: &str) -> String {
    let safe = |sign: char| if sign.is_ascii_alphanumeric() || "-_@.".contains(sign) { sign } else { '_' };
    let name: String = message_id.chars().map(safe).take(200).collect();
    // A dot in front would make it a draft, or a folder.
    if name.starts_with('.') { format!("_{name}") } else { name }
}

fn failed(path: &Path, error: io::Error) -> Error {
    Error::unavailable(format!("the mailbox {} cannot be used: {error}", path.display()))
        .with_code("mail_unreachable")
        .with_source(error)
}
