//! A server or a worker in a process of its own, and what it logs.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use serde_json::Value;

/// Longer than anything takes that comes at all.
pub(crate) const NEVER: Duration = Duration::from_secs(300);

/// A server or a worker, and its log as far as it was read.
pub(crate) struct Serving {
    child: Child,
    lines: mpsc::Receiver<String>,
    log: String,
}

impl Serving {
    pub(crate) fn start(mut command: Command) -> Self {
        command.arg("serve").env("SLACKCRM_LISTEN", "127.0.0.1:0");
        command.env("SLACKCRM_SECRET_KEY", "kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi");
        Self::run(command)
    }

    /// A process that does the jobs of these queues and nothing else.
    pub(crate) fn worker(mut command: Command, queues: &str) -> Self {
        command.args(["worker", "--queues", queues]);
        Self::run(command)
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (told, lines) = mpsc::channel();
        // A server must never wait for somebody to read its log.
        std::thread::spawn(move || log.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
        Self { child, lines, log: String::new() }
    }

    /// Reads the log up to this message.
    pub(crate) fn told(&mut self, message: &str) -> Value {
        loop {
            let line = self.next().unwrap_or_else(|| panic!("the log ended without {message:?}: {}", self.log));
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == message {
                return line;
            }
        }
    }

    /// Where it listens, once it does.
    pub(crate) fn address(&mut self) -> String {
        self.told("listening")["address"].as_str().unwrap().to_owned()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// All that it logged until its end, which was no failure.
    pub(crate) fn ended(mut self) -> String {
        while self.next().is_some() {}
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {}", self.log);
        std::mem::take(&mut self.log)
    }

    fn next(&mut self) -> Option<String> {
        let line = match self.lines.recv_timeout(NEVER) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing more was logged after: {}", self.log),
        };
        self.log.push_str(&line);
        self.log.push('\n');
        Some(line)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // Nothing is left of a test that failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends bytes on a connection of its own, and gives what comes back until it is closed.
pub(crate) fn sent(address: &str, bytes: &[u8]) -> String {
    tried(address, bytes).unwrap()
}

/// As [`sent`], where somebody listens.
pub(crate) fn tried(address: &str, bytes: &[u8]) -> std::io::Result<String> {
    let mut client = TcpStream::connect(address)?;
    client.set_read_timeout(Some(NEVER)).unwrap();
    // A server that has heard enough hangs up.
    let _ = client.write_all(bytes);
    let mut answer = Vec::new();
    let _ = client.read_to_end(&mut answer);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Sends one request with a JSON body, and gives the answer.
pub(crate) fn asked(address: &str, line: &str, headers: &str, body: &str) -> String {
    sent(address, request(line, headers, body).as_bytes())
}

/// As [`asked`], of a server that may be gone.
pub(crate) fn answered(address: &str, line: &str, headers: &str, body: &str) -> Option<String> {
    tried(address, request(line, headers, body).as_bytes()).ok().filter(|answer| !answer.is_empty())
}

fn request(line: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let head = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n");
    format!("{head}{headers}content-length: {length}\r\n\r\n{body}")
}

/// The JSON of an answer.
pub(crate) fn json(answer: &str) -> Value {
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}
