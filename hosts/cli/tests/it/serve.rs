//! The server's process and the signals that end it.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc;

use serde_json::Value;

use crate::serving::{Serving, answered, asked, json};
use crate::support::{PASSWORD, Product, on_each_store};

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
        let mut client = TcpStream::connect(serving.address()).unwrap();
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
fn what_was_acknowledged_before_a_signal_is_there_after_it() {
    on_each_store(|product| {
        product.register("ada@example.com");
        let mut serving = Serving::start(product.command());
        let address = serving.address();
        let login = format!(r#"{{"email":"ada@example.com","password":"{PASSWORD}"}}"#);
        let signed = json(&asked(&address, "POST /api/v1/auth/login", "", &login));
        let token = format!("authorization: Bearer {}\r\n", signed["access_token"].as_str().unwrap());
        let (told, acknowledged) = mpsc::channel();
        let write = |told: mpsc::Sender<String>| {
            // Until the server takes no more.
            while let Some(answer) = answered(&address, "POST /api/v1/contacts", &token, r#"{"last_name":"Kept"}"#) {
                assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
                told.send(json(&answer)["id"].as_str().unwrap().to_owned()).unwrap();
            }
        };
        let ids: Vec<String> = std::thread::scope(|scope| {
            for _ in 0..4 {
                let told = told.clone();
                scope.spawn(|| write(told));
            }
            drop(told);
            let mut ids: Vec<String> = acknowledged.iter().take(60).collect();
            serving.signal("TERM");
            ids.extend(acknowledged.iter());
            ids
        });
        serving.ended();
        let kept = product.run(&["--workspace", "Other", "contacts", "export"]);
        let kept: HashSet<&str> = kept.lines().skip(1).filter_map(|line| line.split(',').next()).collect();
        assert!(ids.len() >= 60);
        assert_eq!(ids.iter().find(|id| !kept.contains(id.as_str())), None);
    });
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

#[test]
fn an_operator_registers_whom_the_server_turns_away() {
    let product = Product::sqlite();
    for email in ["ada@example.com", "grace@example.com"] {
        product.register(email);
    }
    let mut serving = Serving::start(product.command());
    let address = serving.address();
    let body = r#"{"workspace_name":"A","email":"eve@example.com","password":"correct horse battery","name":"Eve"}"#;
    let refused = asked(&address, "POST /api/v1/auth/register", "", body);
    assert!(refused.starts_with("HTTP/1.1 403") && refused.contains("signup_closed"), "{refused}");
    let login = r#"{"email":"ada@example.com","password":"correct horse battery"}"#;
    assert!(asked(&address, "POST /api/v1/auth/login", "", login).starts_with("HTTP/1.1 200"));
    serving.signal("TERM");
    serving.ended();
}
