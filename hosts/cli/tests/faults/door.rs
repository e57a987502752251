//! A server of ours on a database whose disk is full for a while, as those who ask it see it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use super::serving::{Serving, asked, json};

const EMAIL: &str = "ada@example.com";
const PASSWORD: &str = "correct horse battery";
/// Refusals that are looked at.
const REFUSALS: usize = 10;

/// The server in its process, and who asks it.
pub(crate) struct Door {
    serving: Serving,
    address: String,
    token: String,
}

impl Door {
    /// Registers an admin of a workspace, and signs them in to a server that does no jobs.
    pub(crate) fn open(url: &str) -> Self {
        let slackcrm = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_slackcrm"));
            command.env("SLACKCRM_DATABASE_URL", url).env("SLACKCRM_QUEUES", "");
            command
        };
        let mut register = slackcrm();
        register.args(["register", "--workspace-name", "Faults", "--email", EMAIL, "--name", "Ada"]);
        let mut register = register.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        writeln!(register.stdin.take().unwrap(), "{PASSWORD}").unwrap();
        assert!(register.wait().unwrap().success());
        let mut serving = Serving::start(slackcrm());
        let address = serving.address();
        let login = format!(r#"{{"email":"{EMAIL}","password":"{PASSWORD}"}}"#);
        let signed = json(&asked(&address, "POST /api/v1/auth/login", "", &login));
        let token = format!("authorization: Bearer {}\r\n", signed["access_token"].as_str().unwrap());
        Self { serving, address, token }
    }

    /// Creates a contact, or gives what was answered in place of it.
    pub(crate) fn write(&self, name: &str) -> Result<(), String> {
        let body = format!(r#"{{"last_name":"{name}"}}"#);
        let answer = asked(&self.address, "POST /api/v1/contacts", &self.token, &body);
        if answer.starts_with("HTTP/1.1 201") { Ok(()) } else { Err(answer) }
    }

    /// Creates contacts until enough was refused, and gives the names of those that were acknowledged.
    pub(crate) fn write_until_refused(&self, round: usize) -> Vec<String> {
        let (mut acknowledged, mut refused) = (Vec::new(), 0);
        for at in 0..1_000 {
            let name = format!("Acknowledged {round} by the server {at:05}");
            match self.write(&name) {
                Ok(()) => acknowledged.push(name),
                Err(answer) => {
                    says_when_to_ask_again(&answer);
                    refused += 1;
                }
            }
            if refused == REFUSALS {
                return acknowledged;
            }
        }
        panic!("the disk is never full");
    }

    /// What needs no space is answered.
    pub(crate) fn is_read(&self) {
        for line in ["GET /api/v1/contacts", "GET /healthz", "GET /readyz"] {
            let answer = asked(&self.address, line, &self.token, "");
            assert!(answer.starts_with("HTTP/1.1 200"), "{line}: {answer}");
        }
    }

    /// Ends the server, which has met no defect.
    pub(crate) fn close(self) {
        self.serving.signal("TERM");
        let log = self.serving.ended();
        assert!(!log.contains("panicked"), "{log}");
    }
}

/// A refusal is an honest one: not the caller's fault, no defect, and to be tried again.
fn says_when_to_ask_again(answer: &str) {
    let Some((head, _)) = answer.split_once("\r\n\r\n") else { panic!("no answer: {answer:?}") };
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with("http/1.1 503"), "{answer}");
    assert!(head.contains("\r\nretry-after: "), "{answer}");
    assert!(head.contains("\r\ncontent-type: application/problem+json"), "{answer}");
    assert_eq!(json(answer)["code"], "unavailable");
}
