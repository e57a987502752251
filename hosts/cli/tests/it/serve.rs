//! The server's process and the signals that end it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

use crate::support::Product;

/// A server, and what it logs.
pub(crate) struct Serving {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Serving {
    pub(crate) fn start(mut command: Command) -> Self {
        command.arg("serve").env("SLACKCRM_LISTEN", "127.0.0.1:0");
        command.env("SLACKCRM_SECRET_KEY", "kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log }
    }

    /// Reads the log up to this message.
    pub(crate) fn told(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "the log ended without {message:?}");
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == message {
                return line;
            }
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// What it still logged until its end, which was no failure.
    pub(crate) fn ended(mut self) -> String {
        let mut rest = String::new();
        while self.log.read_line(&mut rest).unwrap() > 0 {}
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}: {rest}");
        rest
    }
}

#[test]
fn a_signal_ends_a_server_that_waits_for_its_database() {
    // It takes the connection and never says a word.
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let product = Product::sqlite();
    let mut command = product.command();
    command.env("SLACKCRM_DATABASE_URL", format!("postgres://nobody@{}/crm", mute.local_addr().unwrap()));
    let serving = Serving::start(command);
    let _connection = mute.accept().unwrap();
    serving.signal("INT");
    serving.ended();
}

#[test]
fn a_second_signal_ends_at_once_what_a_first_one_finishes() {
    let product = Product::sqlite();
    for (second, last) in [(true, "ending with requests under way"), (false, "stopped")] {
        let mut serving = Serving::start(product.command());
        let address = serving.told("listening")["address"].as_str().unwrap().to_owned();
        let mut client = TcpStream::connect(address).unwrap();
        let head = "POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n";
        client.write_all(head.as_bytes()).unwrap();
        let mut answer = BufReader::new(client.try_clone().unwrap());
        let mut line = String::new();
        // The handler asks for the body, so the request is under way.
        answer.read_line(&mut line).unwrap();
        assert_eq!(line, "HTTP/1.1 100 Continue\r\n");
        answer.read_line(&mut line).unwrap();
        serving.signal("TERM");
        serving.told("finishing the requests under way");
        line.clear();
        if second {
            serving.signal("TERM");
            let _reset_or_end = answer.read_line(&mut line);
            assert_eq!(line, "");
        } else {
            client.write_all(b"{}").unwrap();
            answer.read_line(&mut line).unwrap();
            assert!(line.starts_with("HTTP/1.1 422"), "{line}");
        }
        assert!(serving.ended().contains(last));
    }
}

#[test]
fn the_document_and_its_requests_are_printed_without_a_database() {
    let printed = |flags: &[&str]| -> Value {
        let mut command = Command::new(env!("CARGO_BIN_EXE_slackcrm"));
        command.arg("openapi").args(flags).env("SLACKCRM_DATABASE_URL", "postgres://nobody@127.0.0.1:1/crm");
        serde_json::from_slice(&command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(printed(&[])["openapi"], "3.1.0");
    assert!(printed(&["--postman"])["info"]["schema"].as_str().unwrap().contains("/v2.1.0/"));
}
