//! The server's process and the signals that end it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::Value;

use crate::support::Product;

/// A server, and what it logs.
struct Serving {
    child: Child,
    log: BufReader<ChildStderr>,
}

impl Serving {
    fn start(mut command: Command) -> Self {
        command.arg("serve").env("SLACKCRM_LISTEN", "127.0.0.1:0");
        command.env("SLACKCRM_SECRET_KEY", "kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi");
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        Self { child, log }
    }

    /// Reads the log up to this message.
    fn told(&mut self, message: &str) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "the log ended without {message:?}");
            let line: Value = serde_json::from_str(&line).unwrap();
            if line["message"] == message {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// What it still logged until its end, which was no failure.
    fn ended(mut self) -> String {
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

/// Sends one request on a connection of its own, and gives the answer.
fn asked(address: &str, head: &str, body: &str) -> String {
    let mut client = TcpStream::connect(address).unwrap();
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    client.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn an_operator_registers_whom_the_server_turns_away() {
    let product = Product::sqlite();
    for email in ["ada@example.com", "grace@example.com"] {
        let arguments = ["register", "--workspace-name", "Acme", "--email", email, "--name", "Ada"];
        let mut child = product.command().args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
        assert!(child.wait().unwrap().success());
    }
    let mut serving = Serving::start(product.command());
    let address = serving.told("listening")["address"].as_str().unwrap().to_owned();
    let body = r#"{"workspace_name":"A","email":"eve@example.com","password":"correct horse battery","name":"Eve"}"#;
    let refused = asked(&address, "POST /api/v1/auth/register", body);
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("signup_closed"), "{refused}");
    let login = r#"{"email":"ada@example.com","password":"correct horse battery"}"#;
    assert!(asked(&address, "POST /api/v1/auth/login", login).starts_with("HTTP/1.1 200"));
    serving.signal("TERM");
    serving.ended();
}
