//! The demo's folder, which `cargo xtask run --fresh` may empty.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

const MARKER: &str = ".slackcrm-demo";

fn demo(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slackcrm"));
    command.args(["demo", "--listen", "127.0.0.1:0", "--data"]).arg(folder);
    command
}

#[test]
fn a_folder_with_somebody_elses_files_is_refused_and_not_marked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("thesis.tex"), "mine").unwrap();
    let output = demo(folder.path()).output().unwrap();
    assert!(!output.status.success());
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complaint.contains(&folder.path().display().to_string()), "{complaint}");
    // Without the mark `--fresh` leaves the folder alone, and nothing was put into it.
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["thesis.tex"]);
}

#[test]
fn an_absent_folder_becomes_the_demos_own_whatever_the_environment_says() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data").join("demo");
    let mut child = demo(&data)
        .env("SLACKCRM_DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
        .env("SLACKCRM_LOG_FORMAT", "neither")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let printed = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let printed: Vec<String> = printed.take_while(|line| !line.contains(" leaderboard ")).collect();
    let has = |start: &str| printed.iter().any(|line| line.trim_start().starts_with(start));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(has("password") && has("Where to look next:") && has("http://127.0.0.1:0/api/docs"), "{printed:#?}");
    assert!(printed.iter().any(|line| line.contains("Won") && line.contains("4,238")), "{printed:#?}");
    assert!(data.join(MARKER).is_file() && data.join("demo.sqlite").is_file());
}
