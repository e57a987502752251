//! From what was typed to an engine, and to a session in one of its workspaces.

use std::path::Path;

use crm_boot::{Booted, Config, MailTarget, Options};
use crm_core::filter::{Filter, Op};
use crm_core::mail::Recipient;
use crm_core::text::Email;
use crm_core::user::User;
use crm_core::workspace::Workspace;
use crm_core::{Actor, Crm, Id, ListRequest, Session};

use crate::args::Args;
use crate::failure::Failure;

impl Args {
    /// The configuration: flags, then the environment, then the file.
    pub(crate) fn config(&self, listen: Option<&str>) -> Result<Config, Failure> {
        Ok(Config::load(Options { listen: listen.map(str::to_owned), ..self.options() })?)
    }

    /// As [`Args::config`], of a process that does jobs.
    pub(crate) fn worker_config(&self, queues: Option<&str>) -> Result<Config, Failure> {
        Ok(Config::load(Options { queues: queues.map(str::to_owned), ..self.options() })?)
    }

    fn options(&self) -> Options {
        let database_url = self.database_url.clone().map(Into::into);
        Options { config: self.config.clone(), database_url, ..Options::default() }
    }
}

impl Args {
    /// The flags that say who acts, as they are typed again.
    pub(crate) fn who(&self) -> String {
        let flags = [("--as", &self.acting_as), ("--workspace", &self.workspace)];
        let typed = flags.into_iter().filter_map(|(flag, value)| Some(format!(" {flag} {}", quoted(value.as_ref()?))));
        typed.collect()
    }
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let is_safe = |char: char| char.is_ascii_alphanumeric() || "@%+=:,./_-".contains(char);
    match !word.is_empty() && word.chars().all(is_safe) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// The configuration of a demo: its own file and address; no variable and no file is read.
pub(crate) fn demo_config(file: &Path, listen: &str) -> Result<Config, Failure> {
    let options = Options {
        listen: Some(listen.to_owned()),
        database_url: Some(format!("sqlite://{}", file.display()).into()),
        log: Some("warn".to_owned()),
        ..Options::default()
    };
    let mut config = Config::from_sources(options, [])?;
    // Mail of a demo reaches nobody: it is shown at `/dev/mailbox`.
    config.mail = Some(MailTarget::Mailbox(file.with_file_name("mail")));
    config.mail_from = Some(Recipient::parse("SlackCRM demo <crm@demo.example>")?);
    config.public_url = format!("http://{listen}").parse().ok();
    Ok(config)
}

/// Opens the configured database for one command and brings it up to date.
pub(crate) async fn open(args: &Args) -> Result<Booted, Failure> {
    Ok(crm_boot::boot_for_command(args.config(None)?).await?)
}

/// The session of who was asked to act: a member (`--as`), or the product itself in the workspace
/// that was named, or in the only one.
pub(crate) async fn session(crm: &Crm, args: &Args) -> Result<Session, Failure> {
    let workspaces = candidates(crm, args.workspace.as_deref()).await?;
    let Some(email) = &args.acting_as else {
        return match workspaces.as_slice() {
            [one] => Ok(crm.acting(Actor::system(one.id, "cli")).await?),
            _ => Err(Failure::new("there are several workspaces: name one with --workspace")),
        };
    };
    let mut found = Vec::new();
    for workspace in &workspaces {
        if let Some(user) = member(crm, workspace.id, email).await? {
            found.push(Actor::user(workspace.id, user));
        }
    }
    match (found.pop(), found.is_empty()) {
        (Some(actor), true) => Ok(crm.acting(actor).await?),
        (Some(_), false) => Err(Failure::new(format!("{email} is in several workspaces: name one with --workspace"))),
        (None, _) => Err(Failure::new(format!("--as {email}: no member has this e-mail address"))),
    }
}

/// The workspaces that `--workspace` may mean; all of them without it.
async fn candidates(crm: &Crm, wanted: Option<&str>) -> Result<Vec<Workspace>, Failure> {
    let mut workspaces = crm.workspaces().await?;
    if let Some(wanted) = wanted {
        workspaces.retain(|workspace| workspace.name == wanted || workspace.id.to_string() == wanted);
    }
    match (workspaces.is_empty(), wanted) {
        (false, _) => Ok(workspaces),
        (true, Some(wanted)) => Err(Failure::new(format!("--workspace {wanted}: there is no such workspace"))),
        (true, None) => {
            Err(Failure::new("there is no workspace yet").hint("make one with `slackcrm workspace create NAME`"))
        }
    }
}

/// The member of a workspace with this e-mail address.
pub(crate) async fn member(crm: &Crm, workspace: Id<Workspace>, email: &str) -> Result<Option<Id<User>>, Failure> {
    addressed(&crm.acting(Actor::system(workspace, "cli")).await?, email).await
}

/// The member with this e-mail address of the workspace of a session. A filter finds also whose address is another
/// that reads alike.
pub(crate) async fn addressed(session: &Session, email: &str) -> Result<Option<Id<User>>, Failure> {
    let Ok(address) = email.parse::<Email>() else { return Ok(None) };
    let filter = Filter::is("email", Op::Eq, address.as_str());
    let page = session.users().list(&ListRequest { filter: Some(filter), ..ListRequest::default() }).await?;
    Ok(page.data.iter().find(|user| user.email.as_ref() == Some(&address)).map(|user| user.id))
}
