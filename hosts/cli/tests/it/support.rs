//! A database a test, and the binary on it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crm_storage::testkit::Schema;
use serde_json::Value;
use tempfile::TempDir;

/// The password of every admin.
pub(crate) const PASSWORD: &str = "correct horse battery";
/// The workspace that every test makes.
pub(crate) const WORKSPACE: &str = "Acme";

/// A database of one test's own, with one workspace.
pub(crate) struct Product {
    url: String,
    folder: TempDir,
    /// Where its tables are, on PostgreSQL; it outlives what is asked of it.
    _schema: Option<Schema>,
}

/// Runs a test on each store that there is.
pub(crate) fn on_each_store(test: impl Fn(&Product)) {
    on_each_empty_store(|product| test(&product.with_workspace()));
}

/// As [`on_each_store`], with nothing in it.
pub(crate) fn on_each_empty_store(test: impl Fn(Product)) {
    test(Product::empty());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let Some(schema) = runtime.block_on(Schema::new()) {
        test(Product { url: schema.url(), folder: tempfile::tempdir().unwrap(), _schema: Some(schema) });
    }
}

impl Product {
    pub(crate) fn sqlite() -> Self {
        Self::empty().with_workspace()
    }

    /// A database of SQLite with nothing in it.
    pub(crate) fn empty() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        Self { url, folder, _schema: None }
    }

    fn with_workspace(self) -> Self {
        self.run(&["workspace", "create", WORKSPACE]);
        self
    }

    /// Where the database is.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Registers an admin of a workspace of their own.
    pub(crate) fn register(&self, email: &str) {
        let arguments = ["register", "--workspace-name", "Other", "--email", email, "--name", "Admin"];
        let mut child = self.command().args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        assert!(child.wait().unwrap().success());
    }

    /// A file in the test's own folder.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slackcrm"));
        command.env("SLACKCRM_DATABASE_URL", &self.url).current_dir(self.folder.path());
        command
    }

    /// Runs the binary, whatever comes of it.
    pub(crate) fn try_run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    /// Runs the binary to success and gives what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.try_run(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs the binary to success and reads the JSON that it printed.
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut all = vec!["--output", "json"];
        all.extend(arguments);
        serde_json::from_str(&self.run(&all)).unwrap()
    }

    /// Entries of the sealed journal, after checking that it holds.
    pub(crate) fn journal_entries(&self) -> i64 {
        let verification = self.json(&["journal", "verify"]);
        assert_eq!(verification["unsealed"], 0);
        verification["sealed"].as_i64().unwrap()
    }
}

/// A file of the demo data.
pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data").join(name)
}

/// A path as an argument.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
