//! Mail over HTTP: from a request to a file in the mailbox, and back by the link in it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Reply, on_every_store, unique};

const EMAIL: &str = "/api/v1/email";

fn at(path: &str) -> String {
    format!("{EMAIL}/{path}")
}

fn draft(to: &str) -> Value {
    json!({"to": [{"email": to, "name": "Ada"}], "subject": "Our offer", "text": "Dear Ada", "html": "<p>Dear Ada</p>"})
}

/// What became of the mail that a request asked for.
async fn outcome(api: &Api, reply: Reply) -> Value {
    let reply = reply.expect(202);
    assert_eq!(reply.header("location"), format!("/api/v1/jobs/{}", reply.id()));
    api.ended(reply.id()).await
}

/// The mails in the folder, as they would be sent.
fn mails(api: &Api) -> Vec<String> {
    let Ok(folder) = std::fs::read_dir(api.mailbox()) else { return Vec::new() };
    let paths = folder.map(|entry| entry.unwrap().path());
    let mails = paths.filter(|path| path.extension().is_some_and(|kind| kind == "eml"));
    mails.map(|path| std::fs::read_to_string(path).unwrap()).collect()
}

/// As mail programs and people come: without anything of the API's clients.
async fn visit(api: &Api, method: Method, path: &str) -> (u16, reqwest::header::HeaderMap, String) {
    let reply = reqwest::Client::new().request(method, api.url(path)).send().await.unwrap();
    (reply.status().as_u16(), reply.headers().clone(), reply.text().await.unwrap())
}

#[tokio::test]
async fn a_mail_goes_from_the_request_into_the_mailbox() {
    let api = Api::memory().await;
    let job = outcome(&api, api.post(&at("send"), draft("ada@example.com")).await).await;
    assert_eq!((&job["state"], &job["result"]["state"]), (&json!("done"), &json!("sent")), "{job:#}");
    assert_eq!(job["payload"], Value::Null, "what it says is nobody else's business");
    let mails = mails(&api);
    assert_eq!(mails.len(), 1, "{mails:?}");
    let id = job["id"].as_str().unwrap();
    for part in [
        &format!("Message-ID: <{id}@acme.example>\r\n"),
        "Subject: Our offer\r\n",
        "From: \"Acme Sales\" <crm@acme.example>\r\n",
        "List-Unsubscribe: <https://crm.acme.example/unsubscribe/",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
    ] {
        assert!(mails[0].contains(part), "{part:?} is missing in {}", mails[0]);
    }
}

#[tokio::test]
async fn a_contact_gets_a_mail_of_a_template_and_its_timeline_says_so() {
    on_every_store(|api| async move {
        let contact = json!({"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"});
        let contact = api.post("/api/v1/contacts", contact).await.expect(201).id().to_owned();
        let name = unique("welcome").to_lowercase();
        let content = json!({"subject": "Hi {{ contact.first_name }}", "html": "<p>{{ note }} {{ sender.name }}</p>"});
        let template = api.put(&at(&format!("templates/{name}")), content).await.expect(200);
        assert_eq!(template.header("etag"), "\"1\"");
        let body = json!({"template": name, "contact_id": contact, "variables": {"note": "<script>"}});
        let job = outcome(&api, api.post(&at("template"), body).await).await;
        assert_eq!(job["result"]["template"], json!(name), "{job:#}");
        let timeline = api.get(&format!("/api/v1/contacts/{contact}/timeline")).await.expect(200).json;
        let event = &timeline["data"][0]["events"][0];
        assert_eq!((&event["type"], &event["subject"]), (&json!("mail.queued"), &json!("Hi Ada")), "{timeline:#}");
        assert_eq!(event["job_id"], job["id"]);
        let mails = mails(&api);
        assert!(!mails.is_empty());
        for mail in mails {
            assert!(mail.contains("&lt;script&gt;") && !mail.contains("<script>"), "{mail}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_link_in_a_mail_unsubscribes_with_one_click_and_without_a_session() {
    let api = Api::memory().await;
    outcome(&api, api.post(&at("send"), draft("ada@example.com")).await).await;
    let mail = mails(&api).remove(0);
    let (_, link) = mail.split_once("<https://crm.acme.example").unwrap();
    let path = link.split('>').next().unwrap().to_owned();
    // Looking does nothing: programs follow links.
    let (status, headers, page) = visit(&api, Method::GET, &path).await;
    assert!(status == 200 && page.contains("<button") && page.contains("ada@example.com"), "{page}");
    assert!(headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'"));
    assert_eq!(api.get(&at("suppressions")).await.expect(200).json["data"], json!([]));
    for _ in 0..2 {
        let (status, _, page) = visit(&api, Method::POST, &path).await;
        assert_eq!(status, 200, "{page}");
    }
    let rows = api.get(&at("suppressions")).await.expect(200).json;
    assert_eq!(
        (&rows["data"][0]["email"], &rows["data"][0]["reason"]),
        (&json!("ada@example.com"), &json!("unsubscribed"))
    );
    assert_eq!(rows["data"].as_array().unwrap().len(), 1);
    let job = outcome(&api, api.post(&at("send"), draft("ada@example.com")).await).await;
    assert_eq!((&job["state"], &job["result"]["state"]), (&json!("done"), &json!("suppressed")), "{job:#}");
    assert_eq!((&job["result"]["suppressed"], mails(&api).len()), (&json!("ada@example.com"), 1));
    let id = rows["data"][0]["id"].as_str().unwrap();
    api.delete(&at(&format!("suppressions/{id}"))).await.expect(204);
    api.delete(&at(&format!("suppressions/{id}"))).await.problem(404, "not_found");
    outcome(&api, api.post(&at("send"), draft("ada@example.com")).await).await;
    assert_eq!(mails(&api).len(), 2);
    for bad in ["/unsubscribe/x", &format!("{path}A"), &path[..path.len() - 1]] {
        assert_eq!(visit(&api, Method::POST, bad).await.0, 404, "{bad}");
    }
}

#[tokio::test]
async fn the_log_says_what_became_of_mails_by_state_and_recipient() {
    let api = Api::memory().await;
    let job = outcome(&api, api.post(&at("send"), draft("ada@example.com")).await).await;
    let log = async |query: &str| api.get(&at(&format!("log?{query}"))).await.expect(200).json["data"].clone();
    let row = log("recipient=ada@example.com&state=sent").await[0].clone();
    assert_eq!((&row["id"], &row["recipients"]), (&job["id"], &json!("ada@example.com")), "{row:#}");
    assert_eq!(row["created_by"], api.admin["user"]["id"]);
    assert_eq!(log("recipient=bob@example.com").await, json!([]));
    assert_eq!(log("state=cancelled").await, json!([]));
    for (query, field) in [("state=lost", "state"), ("recipient=ada", "recipient"), ("cursor=x", "cursor")] {
        let faults = api.get(&at(&format!("log?{query}"))).await.faults();
        assert_eq!(faults[0].0, field, "{query}");
    }
}

#[tokio::test]
async fn a_repeat_under_a_key_sends_once() {
    let api = Api::memory().await;
    let send = async || {
        let request = api.request(Method::POST, &at("send")).header("idempotency-key", "one");
        Reply::of(request.json(&draft("ada@example.com")).send().await.unwrap()).await.expect(202)
    };
    let (first, second) = (send().await, send().await);
    assert_eq!(first.id(), second.id());
    api.ended(first.id()).await;
    assert_eq!(mails(&api).len(), 1);
}

#[tokio::test]
async fn what_is_wrong_with_a_mail_is_told_at_its_place() {
    let api = Api::memory().await;
    for (body, fields) in [
        (json!({"subject": "x", "text": "x"}), &["to"][..]),
        (json!({"to": [{"email": "ada"}], "subject": "x", "text": "x"}), &["to.0.email"]),
        (
            json!({"to": [{"email": "ada@example.com\r\nBcc: eve@example.com"}], "subject": "x", "text": "x"}),
            &["to.0.email"],
        ),
        (
            json!({"to": [{"email": "a@b.example", "name": "A\r\nBcc: eve@example.com"}], "subject": "x", "text": "x"}),
            &["to.0.name"],
        ),
        (json!({"to": [{"email": "a@b.example"}], "subject": "x\r\nBcc: eve@example.com", "text": "x"}), &["subject"]),
        (json!({"to": [{"email": "a@b.example"}], "subject": "x", "html": "a\u{0}"}), &["html"]),
        (json!({"to": [{"email": "a@b.example"}], "subject": "x"}), &["text"]),
        (json!({"to": [{"email": "a@b.example"}], "subject": "x", "text": "x", "bcc": []}), &["bcc"]),
    ] {
        let faults = api.post(&at("send"), body.clone()).await.faults();
        let named: Vec<&str> = faults.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(named, fields, "{body}");
    }
    let of = |template: &str, variables: Value| json!({"template": template, "to": {"email": "a@b.example"}, "variables": variables});
    for (body, field) in [
        (of("nothing", json!({})), "template"),
        (of("digest", json!({})), "text"),
        (of("digest", json!({"name": "a\nb"})), "variables.name"),
        (of("digest", json!({"workspace": "x"})), "variables.workspace"),
    ] {
        assert_eq!(api.post(&at("template"), body.clone()).await.faults()[0].0, field, "{body}");
    }
    for bad in ["{{ x", "{% include 'x' %}", "{% set a = 'x' %}", "{{ a ~ a }}"] {
        let content = json!({"subject": "x", "text": bad});
        assert_eq!(api.put(&at("templates/bad"), content).await.faults()[0].0, "text", "{bad}");
    }
    api.put(&at("templates/Bad"), json!({"subject": "x", "text": "x"})).await.expect(422);
}

#[tokio::test]
async fn a_template_of_the_workspace_stands_in_for_the_products_until_it_is_deleted() {
    let api = Api::memory().await;
    let built_in = async || {
        let all = api.get(&at("templates")).await.expect(200).json;
        let all = all["data"].as_array().unwrap().clone();
        all.into_iter().find(|template| template["name"] == "reminder").unwrap()["built_in"].clone()
    };
    assert_eq!(built_in().await, json!(true));
    let content = json!({"subject": "Do {{ task.title }}", "text": "now"});
    api.put(&at("templates/reminder"), content).await.expect(200);
    assert_eq!(built_in().await, json!(false));
    let preview = api.post(&at("templates/reminder/preview"), json!({})).await.expect(200).json;
    assert_eq!(preview, json!({"subject": "Do Call Babbage Engines", "text": "now"}));
    let unsaved = json!({"content": {"subject": "{{ name }}", "html": "{{ name }}"}, "variables": {"name": "<b>"}});
    let preview = api.post(&at("templates/reminder/preview"), unsaved).await.expect(200).json;
    assert_eq!(preview, json!({"subject": "<b>", "html": "&lt;b&gt;"}));
    let request = api.request(Method::DELETE, &at("templates/reminder")).header("if-match", "\"7\"");
    Reply::of(request.send().await.unwrap()).await.problem(409, "stale_version");
    api.delete(&at("templates/reminder")).await.expect(204);
    assert_eq!(built_in().await, json!(true));
    api.delete(&at("templates/reminder")).await.problem(404, "not_found");
}

#[tokio::test]
async fn without_a_mailer_sending_is_refused_and_templates_go_on() {
    let api = Api::memory_with(|config| config.mail = None).await;
    api.post(&at("send"), draft("ada@example.com")).await.problem(501, "mail_not_configured");
    let body = json!({"template": "digest", "to": {"email": "ada@example.com"}});
    api.post(&at("template"), body).await.problem(501, "mail_not_configured");
    api.get(&at("templates")).await.expect(200);
    assert_eq!(visit(&api, Method::GET, "/dev/mailbox").await.0, 404);
    assert_eq!(visit(&api, Method::POST, "/unsubscribe/x").await.0, 404);
}

#[tokio::test]
async fn the_mailbox_shows_mails_to_this_machine_in_frames_that_do_nothing() {
    let api = Api::memory().await;
    let evil = "<script>alert(1)</script><img src=\"https://eve.example/x\">";
    let body = json!({"to": [{"email": "ada@example.com"}], "subject": evil, "text": evil, "html": evil});
    outcome(&api, api.post(&at("send"), body).await).await;
    let (status, headers, list) = visit(&api, Method::GET, "/dev/mailbox").await;
    assert_eq!(status, 200);
    assert!(
        !list.contains("<script>")
            && headers["content-security-policy"].to_str().unwrap().contains("default-src 'none'")
    );
    let (_, rest) = list.split_once("href=\"").unwrap();
    let path = rest.split('"').next().unwrap();
    let (status, _, mail) = visit(&api, Method::GET, path).await;
    assert!(status == 200 && !mail.contains("<script>") && mail.contains("<iframe sandbox "), "{mail}");
    let (status, headers, html) = visit(&api, Method::GET, &format!("{path}/html")).await;
    assert_eq!((status, html.as_str()), (200, evil));
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("sandbox; default-src 'none'") && !policy.contains("script-src"), "{policy}");
    let (_, headers, source) = visit(&api, Method::GET, &format!("{path}/source")).await;
    assert!(source.contains("Message-ID:") && headers["content-type"].to_str().unwrap().starts_with("text/plain"));
    assert_eq!(visit(&api, Method::GET, "/dev/mailbox/..%2f..%2fcrm.db").await.0, 404);
    // Whoever comes through a proxy is not here.
    let status = async |name: &str, value: &str| {
        let request = reqwest::Client::new().get(api.url("/dev/mailbox")).header(name, value);
        request.send().await.unwrap().status().as_u16()
    };
    for (name, value) in [
        ("x-forwarded-for", "192.0.2.1"),
        ("via", "1.1 proxy"),
        ("x-real-ip", "192.0.2.1"),
        ("host", "eve.example"),
        ("host", "localhost.eve.example"),
        ("host", "127.0.0.1:80.eve.example"),
    ] {
        assert_eq!(status(name, value).await, 404, "{name}: {value}");
    }
    for host in ["localhost", "localhost:8080", "127.0.0.1", "[::1]:8080"] {
        assert_eq!(status("host", host).await, 200, "{host}");
    }
    let elsewhere = Api::memory_with(|config| config.mail = Some("smtp://127.0.0.1:1?tls=none".parse().unwrap())).await;
    assert_eq!(visit(&elsewhere, Method::GET, "/dev/mailbox").await.0, 404);
}

#[tokio::test]
async fn nothing_of_one_workspace_reaches_another() {
    on_every_store(|api| async move {
        let contact = json!({"last_name": "Lovelace", "email": "ada@example.com"});
        let contact = api.post("/api/v1/contacts", contact).await.expect(201).id().to_owned();
        let name = unique("own").to_lowercase();
        api.put(&at(&format!("templates/{name}")), json!({"subject": "S", "text": "x"})).await.expect(200);
        let row = api.post(&at("suppressions"), json!({"email": "ada@example.com"})).await.expect(200);
        let stranger = api.register(&unique("stranger")).await;
        let token = stranger["access_token"].as_str();
        let post = async |path: &str, body: Value| api.send(Method::POST, &at(path), token, Some(&body)).await;
        let body = json!({"contact_id": contact, "subject": "x", "text": "x"});
        assert_eq!(post("send", body).await.faults()[0].0, "contact_id");
        let body = json!({"template": name, "to": {"email": "ada@example.com"}});
        assert_eq!(post("template", body).await.faults()[0].0, "template");
        post(&format!("templates/{name}/preview"), json!({})).await.problem(404, "not_found");
        let path = at(&format!("suppressions/{}", row.id()));
        api.send(Method::DELETE, &path, token, None).await.problem(404, "not_found");
        for list in ["suppressions", "log"] {
            let rows = api.send(Method::GET, &at(list), token, None).await.expect(200).json;
            assert_eq!(rows["data"], json!([]), "{list}");
        }
    })
    .await;
}
