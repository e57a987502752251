//! The repository as the rules see it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// The repository: its packages, its Rust sources and its root manifest.
pub(crate) struct Project {
    root: PathBuf,
    pub(crate) packages: Vec<Package>,
    pub(crate) sources: Vec<Text>,
    pub(crate) manifest: String,
}

/// A member of the workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Package {
    pub(crate) name: String,
    /// Relative to the root, with `/`.
    pub(crate) folder: String,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) manifest: String,
}

/// A direct dependency of a package.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// Neither a dev-dependency nor a build dependency.
    pub(crate) is_normal: bool,
}

/// A file that git tracks, or would.
#[derive(Clone, Debug)]
pub(crate) struct Text {
    /// Relative to the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Project {
    /// Reads the repository that holds this test.
    pub(crate) fn load() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask has a parent")?.to_owned();
        let packages = packages(&root)?;
        let mut sources = Vec::new();
        for path in tracked(&root)?.into_iter().filter(|path| path.ends_with(".rs")) {
            let text = fs::read_to_string(root.join(&path)).with_context(|| format!("read {path}"))?;
            sources.push(Text { path, text });
        }
        let manifest = fs::read_to_string(root.join("Cargo.toml")).context("read Cargo.toml")?;
        ensure!(!packages.is_empty() && !sources.is_empty(), "the repository seems empty");
        Ok(Self { root, packages, sources, manifest })
    }

    /// Every tracked file that is text.
    pub(crate) fn texts(&self) -> Result<Vec<Text>> {
        let read = |path: String| Some(Text { text: fs::read_to_string(self.root.join(&path)).ok()?, path });
        Ok(tracked(&self.root)?.into_iter().filter_map(read).collect())
    }

    /// Folders of the machine that runs this: where the repository is, and its user's own, with `/`
    /// at the end.
    pub(crate) fn machine_folders(&self) -> Vec<String> {
        let folders = [Some(self.root.clone()), std::env::home_dir()].into_iter().flatten();
        let folders = folders.filter(|folder| folder.is_absolute() && folder.parent().is_some());
        folders.map(|folder| format!("{}/", folder.display())).collect()
    }

    /// The text of a file.
    pub(crate) fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.root.join(path)).with_context(|| format!("read {path}"))
    }

    /// Writes a file that a rule keeps.
    pub(crate) fn write(&self, path: &str, text: &str) -> Result<()> {
        fs::write(self.root.join(path), text).with_context(|| format!("write {path}"))
    }

    /// What `cargo tree` shows of a package's normal dependencies; empty when there is no such package.
    pub(crate) fn tree(&self, package: &str) -> Result<String> {
        if !self.packages.iter().any(|member| member.name == package) {
            return Ok(String::new());
        }
        said(&self.root, cargo(), &["tree", "--package", package, "--edges", "normal", "--prefix", "none"])
    }
}

fn packages(root: &Path) -> Result<Vec<Package>> {
    let said = said(root, cargo(), &["metadata", "--format-version", "1", "--no-deps"])?;
    let metadata: Value = serde_json::from_str(&said).context("parse cargo metadata")?;
    list(&metadata, "packages").map(|package| read_package(root, package)).collect()
}

fn read_package(root: &Path, package: &Value) -> Result<Package> {
    let manifest_path = Path::new(text(package, "manifest_path")?);
    let folder = manifest_path.parent().context("a manifest has a folder")?.strip_prefix(root)?;
    let mut dependencies = Vec::new();
    for dependency in list(package, "dependencies") {
        let is_normal = dependency.get("kind").is_none_or(Value::is_null);
        dependencies.push(Dependency { name: text(dependency, "name")?.to_owned(), is_normal });
    }
    Ok(Package {
        name: text(package, "name")?.to_owned(),
        folder: folder.to_string_lossy().replace('\\', "/"),
        dependencies,
        manifest: fs::read_to_string(manifest_path)?,
    })
}

fn list<'a>(value: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    value.get(field).and_then(Value::as_array).into_iter().flatten()
}

fn text<'a>(value: &'a Value, field: &str) -> Result<&'a str> {
    value.get(field).and_then(Value::as_str).with_context(|| format!("cargo metadata has no {field}"))
}

/// Files that git tracks or would track, without those that are deleted but not yet staged.
fn tracked(root: &Path) -> Result<Vec<String>> {
    let said = said(root, "git", &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
    let mut files: Vec<String> = said.split('\0').filter(|path| root.join(path).is_file()).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

fn cargo() -> std::ffi::OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn said(root: &Path, program: impl AsRef<OsStr>, words: &[&str]) -> Result<String> {
    let output = Command::new(&program).current_dir(root).args(words).output();
    let output = output.with_context(|| format!("start {}", program.as_ref().display()))?;
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{} {} failed: {complaint}", program.as_ref().display(), words.join(" "));
    String::from_utf8(output.stdout).context("output that is not UTF-8")
}
