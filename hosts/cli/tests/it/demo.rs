//! The demo's folder, which `cargo xtask run --fresh` may empty.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::serving::{NEVER, tried};

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

/// Whose page it is.
const ADMIN: &str = "admin@demo.example";
/// A demo that ends with its test.
struct Running {
    child: Child,
    address: String,
}

impl Running {
    /// A demo with its start page. It says where it listens only by what it was told, and while it reads its data in
    /// somebody else may take the port: then it ends, and another one goes on in its folder.
    fn start(data: &Path) -> (Self, String) {
        for _ in 0..3 {
            let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
            let mut command = Command::new(env!("CARGO_BIN_EXE_slackcrm"));
            command.args(["demo", "--listen", &address, "--data"]).arg(data);
            let mut demo = Self { child: command.stdout(Stdio::null()).spawn().unwrap(), address };
            if let Some(page) = demo.page() {
                return (demo, page);
            }
        }
        panic!("three demos ended");
    }

    /// Its start page, once it is there; none where the demo ended.
    fn page(&mut self) -> Option<String> {
        let request = format!("GET / HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", self.address);
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            let page = tried(&self.address, request.as_bytes()).unwrap_or_default();
            if page.contains(ADMIN) {
                return Some(page);
            }
            assert!(begun.elapsed() < NEVER, "{page}");
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_start_page_shows_the_board_and_commands_that_work_as_they_stand() {
    let folder = tempfile::tempdir().unwrap();
    let (_demo, page) = Running::start(&folder.path().join("it's here"));
    assert!(page.contains("<th scope=\"row\">Won</th><td>4238</td>"), "{page}");
    let (_, rest) = page.split_once("<pre>").unwrap();
    let mut commands = rest.split_once("</pre>").unwrap().0.to_owned();
    for (shown, sign) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")] {
        commands = commands.replace(shown, sign);
    }
    let output = Command::new("sh").args(["-e", "-c", &commands]).output().unwrap();
    let (told, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{commands}: {complaint}");
    for wanted in ["\"stages\"", "\"figures\"", "\"ranks\"", "Isdom", "\"members\""] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}
