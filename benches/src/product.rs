//! The product under test: its database, its commands, its server.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use crm_core::{Actor, Crm, ListRequest, Session};
use crm_storage::{Options, PostgresStore, SqliteStore};
use tempfile::TempDir;

use crate::process::{self, Running};

/// Whatever may go wrong while measuring.
pub(crate) type Failed = Box<dyn std::error::Error>;

const EMAIL: &str = "bench@slackcrm.example";
const PASSWORD: &str = "correct horse battery staple";

/// Which store is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// One file.
    Sqlite,
    /// The server that `SLACKCRM_BENCH_POSTGRES` names.
    Postgres,
}

impl Store {
    /// Its name in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Store::Sqlite => "SQLite",
            Store::Postgres => "PostgreSQL",
        }
    }
}

/// A database of its own with one workspace and its admin.
pub(crate) struct Product {
    pub(crate) store: Store,
    pub(crate) url: String,
    folder: TempDir,
}

/// A server and where it listens.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) running: Running,
}

impl Product {
    /// Makes a database called `name` and registers the admin.
    pub(crate) async fn new(store: Store, name: &str) -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let url = match store {
            Store::Sqlite => format!("sqlite://{}", folder.path().join("bench.sqlite").display()),
            Store::Postgres => postgres_database(name).await?,
        };
        let product = Self { store, url, folder };
        let registration = ["register", "--workspace-name", "Bench", "--email", EMAIL, "--name", "Bench"];
        let mut child = product.bare_command().args(registration).stdin(std::process::Stdio::piped()).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            std::io::Write::write_all(&mut input, PASSWORD.as_bytes())?;
        }
        match child.wait()?.success() {
            true => Ok(product),
            false => Err("the registration failed".into()),
        }
    }

    /// The folder for its files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A command of the product that acts as the admin.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.bare_command();
        command.args(["--as", EMAIL]);
        command
    }

    fn bare_command(&self) -> Command {
        let mut command = Command::new(binary());
        command.env("SLACKCRM_DATABASE_URL", &self.url);
        if self.store == Store::Postgres {
            command.env("SLACKCRM_SECRET_KEY", "a long secret for measuring, used nowhere else 0123456789");
        }
        command
    }

    /// Starts its server.
    pub(crate) fn serve(&self) -> Result<Server, Failed> {
        let address = process::free_address()?;
        let running = Running::server(self.bare_command().args(["serve", "--listen", &address]), &address)?;
        Ok(Server { address, running })
    }

    /// An engine in this process, and the admin acting in the workspace.
    pub(crate) async fn session(&self) -> Result<Session, Failed> {
        let crm = self.engine().await?;
        let system = system(&crm).await?;
        let admin = format!("email = \"{EMAIL}\"").parse()?;
        let admin = ListRequest { filter: Some(admin), ..ListRequest::default() };
        let user = system.users().list(&admin).await?.data.into_iter().next();
        let user = user.ok_or("the admin is missing")?;
        Ok(crm.acting(Actor::user(system.actor().workspace_id(), user.id)).await?)
    }

    /// An engine in this process, with connections of its own.
    pub(crate) async fn engine(&self) -> Result<Crm, Failed> {
        Ok(match self.store {
            Store::Sqlite => Crm::builder(Arc::new(SqliteStore::open(&self.url, Options::default())?)).build(),
            Store::Postgres => {
                Crm::builder(Arc::new(PostgresStore::connect(&self.url, Options::default()).await?)).build()
            }
        })
    }

    /// Ids of up to 10,000 contacts.
    pub(crate) async fn contact_ids(&self) -> Result<Arc<[String]>, Failed> {
        let session = self.session().await?;
        let mut request = ListRequest { limit: Some(200), sort: Some("email".to_owned()), ..ListRequest::default() };
        let mut ids = Vec::new();
        while ids.len() < 10_000 {
            let page = session.contacts().list(&request).await?;
            ids.extend(page.data.iter().map(|contact| contact.id.to_string()));
            request.cursor = page.next_cursor;
            if request.cursor.is_none() {
                break;
            }
        }
        Ok(ids.into())
    }

    /// An access token of the admin.
    pub(crate) async fn token(&self, server: &Server) -> Result<String, Failed> {
        let body = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}"}}"#);
        let answer = crate::load::once(&server.address, &crate::load::post("/api/v1/auth/login", "", &body)).await?;
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        Ok(answer.get("access_token").and_then(|token| token.as_str()).ok_or("the login gave no token")?.to_owned())
    }

    /// Lets whoever signs in with the admin's account come in as the member with this address from now on, who is
    /// known by it alone so far. It is done in the database itself, because a registration makes a
    /// workspace of its own.
    pub(crate) async fn hand_account_to(&self, member: &str) -> Result<(), Failed> {
        let statements = format!(
            "UPDATE users SET account_id = NULL, status = 'invited' WHERE account_id IS NOT NULL; \
             UPDATE users SET account_id = (SELECT id FROM accounts), status = 'active' WHERE email_key = '{member}';"
        );
        match self.store {
            Store::Sqlite => crate::reads::sqlite_run(&self.url, &statements),
            Store::Postgres => crate::reads::postgres_run(&self.url, &statements).await,
        }
    }

    /// Bytes of the whole database.
    pub(crate) async fn database_bytes(&self) -> Result<u64, Failed> {
        match self.store {
            Store::Sqlite => {
                let file = PathBuf::from(self.url.trim_start_matches("sqlite://"));
                Ok(process::file_bytes(&file) + process::file_bytes(&file.with_extension("sqlite-wal")))
            }
            Store::Postgres => crate::reads::postgres_bytes(&self.url).await,
        }
    }
}

/// The product itself acting in the workspace of an engine.
pub(crate) async fn system(crm: &Crm) -> Result<Session, Failed> {
    let workspace = crm.workspaces().await?.into_iter().next().ok_or("the workspace is missing")?;
    Ok(crm.acting(Actor::system(workspace.id, "bench")).await?)
}

/// The release binary of the product, beside this program.
pub(crate) fn binary() -> PathBuf {
    std::env::current_exe().map(|path| path.with_file_name("slackcrm")).unwrap_or_else(|_| "slackcrm".into())
}

/// A fresh database on the server for measuring.
pub(crate) async fn postgres_database(name: &str) -> Result<String, Failed> {
    let url = std::env::var("SLACKCRM_BENCH_POSTGRES").map_err(|_| "SLACKCRM_BENCH_POSTGRES names no server")?;
    let database = format!("bench_{name}_{}", std::process::id());
    crate::reads::postgres_run(&url, &format!("CREATE DATABASE {database}")).await?;
    let (server, _) = url.rsplit_once('/').ok_or("the server's address has no database")?;
    Ok(format!("{server}/{database}"))
}

/// One of the ids; neighbours in time lie far apart.
pub(crate) fn spread(ids: &[String], n: u64) -> &str {
    let at = n.wrapping_mul(7_919) % (ids.len().max(1) as u64);
    usize::try_from(at).ok().and_then(|at| ids.get(at)).map_or("", String::as_str)
}
