//! A server on a free port, and a client that is signed in.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use crm_boot::{Backend, Booted, Config, MailTarget, boot};
use crm_core::auth::Signup;
use crm_core::mail::Recipient;
use crm_core::testkit::{MemoryStore, PATIENCE};
use crm_core::{Actor, Crm, Session};
use crm_server::Server;
use crm_storage::testkit::{Schema, patient};
use crm_storage::{Options, PostgresStore, SqliteStore};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::codes::is_of_a_field;

pub(crate) const PASSWORD: &str = "correct horse battery";
/// The database, where it is a file.
const FILE: &str = "crm.db";
pub(crate) const SECRET: &str = "kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi";

/// Where a server keeps its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Store {
    Memory,
    Sqlite,
    Postgres,
}

/// A server with one workspace and its admin.
pub(crate) struct Api {
    server: Option<Server>,
    /// The engine behind the server, for what the API does not offer.
    pub(crate) crm: Crm,
    pub(crate) address: SocketAddr,
    pub(crate) client: reqwest::Client,
    pub(crate) admin: Value,
    folder: tempfile::TempDir,
    /// Where its tables are, on PostgreSQL.
    schema: Option<Schema>,
}

/// A store that is always there.
pub(crate) struct Ready;

#[async_trait]
impl Backend for Ready {
    async fn ready(&self) -> crm_core::Result<()> {
        Ok(())
    }
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) json: Value,
    /// The body as it came.
    pub(crate) text: String,
}

/// A connection that goes on after an answer.
pub(crate) struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Asks without a body, and gives the status line and the headers of what comes next.
    pub(crate) fn ask(&mut self, method: &Method, path: &str, token: &str) -> (String, BTreeMap<String, String>) {
        let head = format!("{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
        self.0.get_mut().write_all(head.as_bytes()).unwrap();
        let (status, mut headers) = (self.line(), BTreeMap::new());
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(": ") else { return (status, headers) };
            headers.insert(name.to_owned(), value.to_owned());
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Reply {
    pub(crate) async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        // A stream of events does not end.
        let is_endless = headers.get("content-type").is_some_and(|kind| kind == "text/event-stream");
        let bytes = if is_endless { Default::default() } else { response.bytes().await.unwrap() };
        let json = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Self { status, headers, json, text: String::from_utf8_lossy(&bytes).into_owned() }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn id(&self) -> &str {
        self.json["id"].as_str().unwrap()
    }

    /// The answer, where it has this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.json);
        self
    }

    /// The problem document, where it has this status and code.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.header("content-type"), "application/problem+json");
        assert_eq!(reply.json["code"], code, "{:#}", reply.json);
        assert_eq!(reply.json["status"], status);
        assert_eq!(reply.json["request_id"], reply.header("x-request-id"));
        assert_eq!(reply.json["type"], format!("urn:slackcrm:problem:{code}"));
        reply
    }

    /// The fields at fault of a 422.
    #[track_caller]
    pub(crate) fn faults(self) -> Vec<(String, String)> {
        let reply = self.expect(422);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let errors = reply.json["errors"].as_array().unwrap();
        for code in errors.iter().map(|error| text(&error["code"])) {
            assert!(is_of_a_field(&code), "docs/API.md does not list {code}");
        }
        errors.iter().map(|error| (text(&error["field"]), text(&error["code"]))).collect()
    }
}

pub(crate) fn unique(what: &str) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    format!("{what}{}x{nanos}", COUNT.fetch_add(1, Ordering::Relaxed))
}

/// A server's configuration on SQLite.
fn config(folder: &tempfile::TempDir) -> Config {
    config_on(&format!("sqlite://{}", folder.path().join(FILE).display()), folder)
}

/// A server's configuration on a database, with a folder of its own.
pub(crate) fn config_on(url: &str, folder: &tempfile::TempDir) -> Config {
    let mut config = Config::for_database(url).unwrap();
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.secret_key = Some(SECRET.to_owned().into());
    // Laws register as many workspaces as they need.
    config.signup = Signup::Open;
    config.mail = Some(MailTarget::Mailbox(folder.path().join("mail")));
    config.mail_from = Some(Recipient::parse("Acme Sales <crm@acme.example>").unwrap());
    config.public_url = Some("https://crm.acme.example".parse().unwrap());
    config
}

impl Api {
    /// A server on the store in memory.
    pub(crate) async fn memory() -> Self {
        Self::memory_with(|_| {}).await
    }

    /// As [`Api::memory`], configured otherwise.
    pub(crate) async fn memory_with(configure: impl FnOnce(&mut Config)) -> Self {
        Self::memory_on_with(MemoryStore::new(), configure).await
    }

    /// A server on a store in memory that the test keeps a hand on.
    pub(crate) async fn memory_on(store: Arc<MemoryStore>) -> Self {
        Self::memory_on_with(store, |_| {}).await
    }

    /// As [`Api::memory_on`], configured otherwise.
    pub(crate) async fn memory_on_with(store: Arc<MemoryStore>, configure: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = config(&folder);
        configure(&mut config);
        Self::on(Booted::on(store, Arc::new(Ready), config).unwrap(), folder).await
    }

    /// A server on PostgreSQL, where there is one, and its store.
    pub(crate) async fn postgres_with(options: Options) -> Option<(Self, Arc<PostgresStore>)> {
        let schema = Schema::new().await?;
        let store = schema.store(options).await;
        store.migrate().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let booted = Booted::on(store.clone(), store.clone(), config_on(&schema.url(), &folder)).unwrap();
        Some((Self { schema: Some(schema), ..Self::on(booted, folder).await }, store))
    }

    /// A server on what was booted, with a workspace.
    pub(crate) async fn on(booted: Booted, folder: tempfile::TempDir) -> Self {
        let crm = booted.crm().clone();
        let server = Server::start(booted).unwrap();
        let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
        let address = server.address();
        let mut api = Self { server: Some(server), crm, address, client, admin: Value::Null, folder, schema: None };
        api.admin = api.register(&unique("admin")).await;
        api
    }

    /// The file of its database, on SQLite.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join(FILE)
    }

    /// A connection to its database, past its store, on PostgreSQL.
    pub(crate) async fn postgres_client(&self) -> tokio_postgres::Client {
        self.schema.as_ref().unwrap().client().await
    }

    /// The folder that mails go into.
    pub(crate) fn mailbox(&self) -> PathBuf {
        self.folder.path().join("mail")
    }

    /// A workspace of its own: the answer to its registration.
    pub(crate) async fn register(&self, name: &str) -> Value {
        let body = json!({"workspace_name": "Acme", "email": format!("{name}@example.com"), "password": PASSWORD, "name": "Ada"});
        self.send(Method::POST, "/api/v1/auth/register", None, Some(&body)).await.expect(201).json
    }

    /// The admin's workspace, entered as the product itself.
    pub(crate) async fn system(&self) -> Session {
        let id = self.admin["workspace"]["id"].as_str().unwrap().parse().unwrap();
        self.crm.acting(Actor::system(id, "test")).await.unwrap()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Reply {
        let mut request = self.client.request(method, self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        Reply::of(request.send().await.unwrap()).await
    }

    pub(crate) fn token(&self) -> &str {
        self.admin["access_token"].as_str().unwrap()
    }

    /// A request of the admin, to be changed before it is sent.
    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, self.url(path)).bearer_auth(self.token())
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, Some(self.token()), None).await
    }

    /// A job, once it has ended.
    pub(crate) async fn ended(&self, id: &str) -> Value {
        self.ended_for(self.token(), id).await
    }

    /// As [`Api::ended`], of somebody else's job.
    pub(crate) async fn ended_for(&self, token: &str, id: &str) -> Value {
        let path = format!("/api/v1/jobs/{id}");
        let end = async {
            loop {
                let job = self.send(Method::GET, &path, Some(token), None).await.expect(200).json;
                if job["finished_at"].is_string() {
                    return job;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, end).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(Method::POST, path, Some(self.token()), Some(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PUT, path, Some(self.token()), Some(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(Method::PATCH, path, Some(self.token()), Some(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(Method::DELETE, path, Some(self.token()), None).await
    }

    /// Sends these bytes with a JSON content type.
    pub(crate) async fn post_bytes(&self, path: &str, bytes: impl Into<reqwest::Body>) -> Reply {
        let request = self.request(Method::POST, path).header("content-type", "application/json").body(bytes);
        Reply::of(request.send().await.unwrap()).await
    }

    /// Sends raw bytes on a connection of its own and gives what comes back until it is closed.
    pub(crate) fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let _until_closed = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// A connection of its own, for one request after the other.
    pub(crate) fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        Connection(BufReader::new(stream))
    }

    /// Stops the server as a signal would.
    pub(crate) async fn stop(mut self) -> tempfile::TempDir {
        self.server.take().unwrap().stop().await.unwrap();
        self.folder
    }

    /// The server, to be stopped while requests are under way.
    pub(crate) fn take_server(&mut self) -> Server {
        self.server.take().unwrap()
    }
}

/// Runs a law on each database: a server, and the product itself in its workspace through another engine on the
/// same database, as another process has it.
pub(crate) async fn beside_another_process<F: Future<Output = ()>>(law: impl Fn(Arc<Api>, Session) -> F) {
    let folder = tempfile::tempdir().unwrap();
    let schema = Schema::new().await;
    let configs = [Some(config(&folder)), schema.as_ref().map(|schema| config_on(&schema.url(), &folder))];
    for config in configs.into_iter().flatten() {
        let api = Api::on(boot(config.clone()).await.unwrap(), tempfile::tempdir().unwrap()).await;
        let other = boot(config).await.unwrap();
        let id = api.admin["workspace"]["id"].as_str().unwrap().parse().unwrap();
        let session = other.crm().acting(Actor::system(id, "test")).await.unwrap();
        law(Arc::new(api), session).await;
        other.close().await;
    }
}

/// Runs a law on every store, each on a server and a database of its own.
pub(crate) async fn on_every_store<F: Future<Output = ()>>(law: impl Fn(Arc<Api>) -> F) {
    on_every_named_server(|_, api| law(Arc::new(api))).await;
}

/// As [`on_every_store`], for laws that hold on some stores alone.
pub(crate) async fn on_every_named_store<F: Future<Output = ()>>(law: impl Fn(Store, Arc<Api>) -> F) {
    on_every_named_server(|store, api| law(store, Arc::new(api))).await;
}

/// As [`on_every_store`], for a law that stops its server.
pub(crate) async fn on_every_server<F: Future<Output = ()>>(law: impl Fn(Api) -> F) {
    on_every_named_server(|_, api| law(api)).await;
}

async fn on_every_named_server<F: Future<Output = ()>>(law: impl Fn(Store, Api) -> F) {
    law(Store::Memory, Api::memory().await).await;
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(folder.path().join(FILE), patient()).unwrap());
    store.migrate().await.unwrap();
    let booted = Booted::on(store.clone(), store, config(&folder)).unwrap();
    law(Store::Sqlite, Api::on(booted, folder).await).await;
    if let Some((api, _)) = Api::postgres_with(patient()).await {
        law(Store::Postgres, api).await;
    }
}
