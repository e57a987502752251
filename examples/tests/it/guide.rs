//! The guide to embedding: its programs are the ones here, and they answer as it shows.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use toml::{Table, Value};

/// The programs in the order of the guide: file, binary, framework.
const PROGRAMS: [(&str, &str); 2] =
    [("embed_actix.rs", env!("CARGO_BIN_EXE_embed_actix")), ("embed_axum.rs", env!("CARGO_BIN_EXE_embed_axum"))];

fn file(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What the guide holds in fences of this language.
fn blocks(language: &str) -> Vec<String> {
    let guide = std::fs::read_to_string(file("../docs/guides/embed.md")).unwrap();
    let fence = format!("\n```{language}\n");
    guide.split(fence.as_str()).skip(1).map(|rest| rest.split_once("```\n").unwrap().0.to_owned()).collect()
}

/// The dependencies of a block or of the workspace's table.
fn dependencies(manifest: &str) -> Table {
    let manifest: Table = manifest.parse().unwrap();
    let manifest = manifest.get("workspace").and_then(Value::as_table).unwrap_or(&manifest);
    manifest["dependencies"].as_table().unwrap().clone()
}

fn version(dependency: &Value) -> Option<&str> {
    dependency.as_str().or_else(|| dependency.get("version")?.as_str())
}

fn features(dependency: &Value) -> BTreeSet<&str> {
    let features = dependency.get("features").and_then(Value::as_array);
    features.into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn the_programs_of_the_guide_are_those_that_are_built() {
    let shown = blocks("rust");
    assert_eq!(shown.len(), PROGRAMS.len());
    for ((name, _), shown) in PROGRAMS.iter().zip(shown) {
        let program = std::fs::read_to_string(file(name)).unwrap();
        assert!(program == shown, "docs/guides/embed.md shows another {name} than examples/{name}");
    }
}

#[test]
fn the_dependencies_of_the_guide_are_those_that_its_programs_are_built_with() {
    let ours = dependencies(&std::fs::read_to_string(file("../Cargo.toml")).unwrap());
    for (manifest, program) in blocks("toml").iter().zip(blocks("rust")) {
        let named = dependencies(manifest);
        for (name, dependency) in &named {
            let our = &ours[name];
            assert_eq!(dependency.get("git").is_some(), our.get("path").is_some(), "{name}");
            assert_eq!(version(dependency), version(our), "{name}");
            if version(our).is_some() {
                assert!(features(dependency).is_subset(&features(our)), "{name}");
            }
        }
        let roots = program.lines().filter_map(|line| line.strip_prefix("use ")?.split("::").next());
        for root in roots.filter(|root| *root != "std") {
            assert!(named.contains_key(&root.replace('_', "-")), "the guide forgets {root}");
        }
    }
}

/// A program that listens, until the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It has ended already where all went well.
        let _gone = self.0.kill();
        let _ended = self.0.wait();
    }
}

#[test]
fn the_programs_of_the_guide_answer_as_it_shows() {
    let (commands, shown) = (blocks("sh"), blocks("text"));
    assert_eq!((commands.len(), shown.len()), (1, 1));
    for (name, program) in PROGRAMS {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(program);
        command.arg(format!("sqlite://{}", folder.path().join("sales.db").display())).arg("127.0.0.1:0");
        let mut running = Running(command.stderr(Stdio::piped()).spawn().unwrap());
        let mut said = String::new();
        let mut complaints = BufReader::new(running.0.stderr.take().unwrap());
        complaints.read_line(&mut said).unwrap();
        let address = said.trim().strip_prefix("listening on ").unwrap();
        let mut shell = Command::new("bash");
        let output = shell.args(["-euo", "pipefail", "-c", &commands[0]]).env("SALES", address).output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8(output.stdout).unwrap(), shown[0], "{name}");
        let told = Command::new("kill").args(["-s", "INT", &running.0.id().to_string()]).status().unwrap();
        assert!(told.success() && running.0.wait().unwrap().success(), "{name}");
    }
}
