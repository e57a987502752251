//! What a server logs of the people whose data it keeps: nothing.

use serde_json::Value;

use crate::serving::{Serving, asked, json};
use crate::support::{PASSWORD, on_each_store};

#[test]
fn a_log_of_every_detail_has_request_ids_and_names_nobody() {
    on_each_store(|product| {
        product.register("grace@example.com");
        let mut command = product.command();
        command.env("SLACKCRM_LOG", "debug");
        let mut serving = Serving::start(command);
        let address = serving.address();
        let mut number = 0;
        let mut ask = |line: &str, token: &str, body: &str| {
            number += 1;
            let headers = format!("authorization: Bearer {token}\r\nx-request-id: asked-{number}\r\n");
            asked(&address, line, &headers, body)
        };
        let login = |password: &str| format!(r#"{{"email":"grace@example.com","password":"{password}"}}"#);
        let signed = json(&ask("POST /api/v1/auth/login", "x", &login(PASSWORD)));
        let (token, refresh) = (signed["access_token"].as_str().unwrap(), signed["refresh_token"].as_str().unwrap());
        let contact =
            r#"{"first_name":"Wilhelmina","last_name":"Murray","email":"mina@example.org","phone":"+441632960123"}"#;
        let made = ask("POST /api/v1/contacts", token, contact);
        assert!(made.starts_with("HTTP/1.1 201"), "{made}");
        let filter = r#"{"filter":{"field":"email","op":"eq","value":"mina@example.org"},"q":"Wilhelmina"}"#;
        let encoded = "%7B%22field%22%3A%22email%22%2C%22op%22%3A%22eq%22%2C%22value%22%3A%22mina%40example.org%22%7D";
        let requests: [(&str, &str, &str); 13] = [
            ("POST /api/v1/auth/login", "x", &login("wrong horse")),
            ("POST /api/v1/auth/login", "x", r#"{"email":"wrong horse","password":7}"#),
            (
                "POST /api/v1/auth/register",
                "x",
                r#"{"workspace_name":"W","email":"lucy@example.net","password":"wrong horse battery","name":"Lucy Westenra"}"#,
            ),
            ("POST /api/v1/contacts/search", token, filter),
            ("GET /api/v1/contacts?q=Wilhelmina%20Murray", token, ""),
            ("GET /api/v1/contacts?q=Wilhelmina&sort=Murray&cursor=Westenra", token, ""),
            (&format!("GET /api/v1/contacts?filter={encoded}"), token, ""),
            ("POST /api/v1/contacts", token, r#"{"last_name":"Murray","email":"mina@","Westenra":1}"#),
            ("POST /api/v1/contacts", token, r#"{"last_name":"Murray"#),
            ("GET /people/mina@example.org/Wilhelmina%20Murray", token, ""),
            ("GET /api/v1/contacts/mina@example.org", token, ""),
            ("POST /api/v1/contacts", token, contact),
            ("POST /api/v1/auth/refresh", "x", &format!(r#"{{"refresh_token":"{refresh}"}}"#)),
        ];
        for (line, token, body) in requests {
            let answer = ask(line, token, body);
            assert!(answer.starts_with("HTTP/1.1 2") || answer.starts_with("HTTP/1.1 4"), "{line}: {answer}");
        }
        serving.signal("TERM");
        let log = serving.ended();
        for line in log.lines() {
            let _each_line_is_json: Value = serde_json::from_str(line).unwrap();
        }
        for asked in 1..=number {
            let id = format!("\"request_id\":\"asked-{asked}\"");
            assert!(log.contains(&id), "{id} is not in {log}");
        }
        assert!(log.contains("\"route\":\"/api/v1/contacts/{id}\""), "{log}");
        for secret in [
            "grace",
            "mina",
            "Mina",
            "example.",
            "Wilhelmina",
            "Murray",
            "Lucy",
            "Westenra",
            "horse",
            "441632960123",
            "people",
            "%40",
            token,
            refresh,
            "Bearer",
            "kq8Zr2VnX0cT5yLwB7uJfD3sHgPa9eMi",
        ] {
            assert!(!log.contains(secret), "{secret} is in {log}");
        }
    });
}
