//! Input that breaks a rule gets the right 4xx, names the place, and changes nothing.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Api, Reply, on_every_store};

#[tokio::test]
async fn what_is_no_json_is_400() {
    on_every_store(|api| async move {
        for body in [
            &b"{"[..],
            b"",
            b"nonsense",
            b"{\"last_name\":\"x\"} trailing",
            b"{\"last_name\":\"x\",}",
            b"{\"last_name\":\"\\ud800\"",
            b"{\"nonsense\":7",
            b"[\"x\"",
            b"{'last_name':'x'}",
            b"\xef\xbb\xbf{\"last_name\":\"x\"}",
            b"{\"last_name\":\"\xff\"}",
            b"{\"last_name\":\"\xed\xa0\x80\"}",
            b"{\"last_name\":\"line\nbreak\"}",
            b"{\"custom\":{\"x\":NaN}}",
        ] {
            api.post_bytes("/api/v1/contacts", body).await.problem(400, "malformed_json");
        }
        assert_eq!(api.get("/api/v1/contacts?count=true").await.json["total"], 0);
    })
    .await;
}

#[tokio::test]
async fn what_nothing_can_hold_is_422_at_its_field() {
    on_every_store(|api| async move {
        let levels = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
        for (body, field, code) in [
            (r#"{"last_name":"\ud800"}"#.to_owned(), "last_name", "text"),
            (r#"{"last_name":"\ud800x"}"#.to_owned(), "last_name", "text"),
            (r#"{"last_name":"\udc00\ud800"}"#.to_owned(), "last_name", "text"),
            (r#"{"tags":["a","\udfff"]}"#.to_owned(), "tags.1", "text"),
            (r#"{"custom":{"x":"\ud83d"}}"#.to_owned(), "custom.x", "text"),
            (r#"{"custom":{"x":1e999}}"#.to_owned(), "custom.x", "value"),
            (levels(10_000), "body", "value_type"),
            (format!(r#"{{"custom":{}}}"#, levels(10_000)), "custom", "value_type"),
            (r#"{"last_name":"x","title":"a\u0000b"}"#.to_owned(), "title", "control_character"),
        ] {
            let shown = body.chars().take(60).collect::<String>();
            let faults = api.post_bytes("/api/v1/contacts", body).await.faults();
            assert_eq!(faults, [(field.to_owned(), code.to_owned())], "{shown}");
        }
        let deep = format!(r#"{{"custom":{{"x":{}}}}}"#, levels(10_000));
        let faults = api.post_bytes("/api/v1/contacts", deep).await.faults();
        assert!(faults[0].0.starts_with("custom.x.0.0"), "{faults:?}");
        assert_eq!(api.get("/api/v1/contacts?count=true").await.json["total"], 0);
    })
    .await;
}

#[tokio::test]
async fn a_refusal_repeats_little_of_what_was_sent() {
    let api = Api::memory().await;
    let long = "x".repeat(500_000);
    for body in [
        json!({&long: 1}),
        json!({"lifecycle": long}),
        json!({"owner_id": long}),
        json!({"custom": long}),
        json!({"tags": {&long: 1}}),
    ] {
        let refused = api.post("/api/v1/contacts", body).await.problem(422, "invalid");
        assert!(refused.json.to_string().len() < 3_000);
    }
}

#[tokio::test]
async fn fields_that_are_not_the_callers_to_set_are_refused_by_name() {
    on_every_store(|api| async move {
        let made = api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await.expect(201);
        let path = format!("/api/v1/contacts/{}", made.id());
        for field in ["id", "role", "workspace_id", "version", "created_at", "updated_at", "deleted_at", "score", "Last_name"] {
            let body = json!({"last_name": "Hopper", field: 1});
            let wanted = [(field.to_owned(), "unknown_field".to_owned())];
            assert_eq!(api.post("/api/v1/contacts", body.clone()).await.faults(), wanted);
            assert_eq!(api.put(&path, body.clone()).await.faults(), wanted);
            assert_eq!(api.patch(&path, body).await.faults(), wanted);
        }
        assert_eq!(api.get(&path).await.json, made.json);
        for field in ["role", "workspace_id", "status", "account_id", "is_admin"] {
            let body = json!({"workspace_name": "A", "email": "m@example.com", "password": "0123456789", "name": "M", field: "admin"});
            let reply = api.send(Method::POST, "/api/v1/auth/register", None, Some(&body)).await;
            assert_eq!(reply.faults(), [(field.to_owned(), "unknown_field".to_owned())]);
        }
        let faults = api.patch("/api/v1/workspace", json!({"permissions": {}})).await.faults();
        assert_eq!(faults[0].0, "permissions");
    })
    .await;
}

#[tokio::test]
async fn every_field_at_fault_is_named_with_its_place() {
    on_every_store(|api| async move {
        let post = |body: Value| {
            let api = api.clone();
            async move { api.post("/api/v1/contacts", body).await.faults() }
        };
        let fault = |field: &str, code: &str| (field.to_owned(), code.to_owned());
        assert_eq!(post(json!({"last_name": 7})).await, [fault("last_name", "value_type")]);
        assert_eq!(post(json!({"last_name": "x", "tags": ["a", 7]})).await, [fault("tags.1", "value_type")]);
        assert_eq!(post(json!([])).await, [fault("body", "value_type")]);
        assert_eq!(post(json!(["Grace", "Hopper"])).await, [fault("body", "value_type")]);
        assert_eq!(post(json!("x")).await[0].0, "body");
        assert_eq!(post(Value::Null).await[0].0, "body");
        assert_eq!(post(json!({"last_name": "x", "company_id": "7"})).await[0].0, "company_id");
        assert_eq!(post(json!({"last_name": "x", "lifecycle": "king"})).await[0].0, "lifecycle");
        let many = post(
            json!({"first_name": "a\u{0}b", "last_name": "x".repeat(201), "title": "a\u{7}", "email": "a@example.com"}),
        )
        .await;
        let fields: Vec<&str> = many.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(fields, ["first_name", "last_name", "title"]);
        assert_eq!(
            post(json!({"last_name": "x", "custom": {"nope": 1}})).await,
            [fault("custom.nope", "unknown_field")]
        );
        assert_eq!(post(json!({})).await, [fault("last_name", "required")]);
        let twice = api.post_bytes("/api/v1/contacts", r#"{"last_name":"x","last_name":"y"}"#).await.faults();
        assert_eq!(twice, [fault("last_name", "duplicate")]);
        let missing = api.send(Method::POST, "/api/v1/auth/register", None, Some(&json!({"name": "x"}))).await.faults();
        assert_eq!(missing, [fault("workspace_name", "required")]);
    })
    .await;
}

#[tokio::test]
async fn nul_in_text_is_422() {
    on_every_store(|api| async move {
        let nul = "a\u{0}b";
        for (path, body) in [
            ("/api/v1/contacts", json!({"last_name": nul})),
            ("/api/v1/contacts", json!({"last_name": "x", "email": format!("{nul}@example.com")})),
            ("/api/v1/contacts", json!({"last_name": "x", "tags": [nul]})),
            ("/api/v1/contacts", json!({"last_name": "x", "custom": {nul: 1}})),
            ("/api/v1/companies", json!({"name": nul})),
            ("/api/v1/deals", json!({"title": nul})),
            ("/api/v1/pipelines", json!({"name": nul, "stages": []})),
            ("/api/v1/custom-fields", json!({"entity": "contact", "key": nul, "label": "x", "kind": "text"})),
            ("/api/v1/contacts/search", json!({"q": nul})),
            ("/api/v1/contacts/search", json!({"sort": nul})),
            ("/api/v1/contacts/search", json!({"cursor": nul})),
            ("/api/v1/contacts/search", json!({"filter": {"field": "last_name", "op": "eq", "value": nul}})),
            ("/api/v1/contacts/search", json!({"filter": {"field": "tags", "op": "has_any", "value": [nul]}})),
            ("/api/v1/contacts/search", json!({"filter": {"field": nul, "op": "eq", "value": 1}})),
        ] {
            let reply = api.post(path, body.clone()).await;
            assert_eq!(reply.status, 422, "{path} {body}: {:#}", reply.json);
        }
        assert_eq!(api.post("/api/v1/contacts/search", json!({"q": nul})).await.faults()[0].0, "q");
        assert_eq!(api.get("/api/v1/contacts?q=a%00b").await.faults()[0].0, "q");
        // Nobody has such a password or token.
        let login = json!({"email": "a@example.com", "password": nul});
        api.send(Method::POST, "/api/v1/auth/login", None, Some(&login)).await.problem(401, "wrong_credentials");
        for (path, body) in [("login", json!({"challenge_token": nul})), ("refresh", json!({"refresh_token": nul}))] {
            let path = format!("/api/v1/auth/{path}");
            api.send(Method::POST, &path, None, Some(&body)).await.problem(401, "unauthenticated");
        }
    })
    .await;
}

#[tokio::test]
async fn other_media_and_large_bodies_are_refused() {
    let api = Api::memory_with(|config| config.body_limit = 4_096).await;
    let send = |media: Option<&str>, encoding: Option<&str>, body: Vec<u8>| {
        let mut request = api.request(Method::POST, "/api/v1/contacts").body(body);
        if let Some(media) = media {
            request = request.header("content-type", media);
        }
        if let Some(encoding) = encoding {
            request = request.header("content-encoding", encoding);
        }
        async { Reply::of(request.send().await.unwrap()).await }
    };
    let body = || br#"{"last_name":"x"}"#.to_vec();
    for media in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonp"),
        Some("application/json; charset=latin1"),
        Some(""),
    ] {
        send(media, None, body()).await.problem(415, "unsupported_media_type");
    }
    send(Some("application/json"), Some("gzip"), body()).await.problem(415, "unsupported_media_type");
    for media in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
        send(Some(media), None, body()).await.expect(201);
    }
    let large = |size: usize| format!(r#"{{"last_name":"{}"}}"#, "x".repeat(size)).into_bytes();
    send(Some("application/json"), None, large(4_096)).await.problem(413, "body_too_large");
    assert_eq!(send(Some("application/json"), None, large(4_000)).await.faults()[0].0, "last_name");
    // Without a length, what arrives is counted.
    let chunked = api.raw(
        format!(
            "POST /api/v1/contacts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n{}",
            api.token(),
            format!("1000\r\n{}\r\n", "x".repeat(4_096)).repeat(4),
        )
        .as_bytes(),
    );
    assert!(chunked.contains("413") && chunked.contains("body_too_large"), "{chunked}");
}

#[tokio::test]
async fn odd_paths_and_methods_are_404_or_405() {
    let api = Api::memory().await;
    for path in [
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v1/nonsense",
        "/api/v1/contacts/",
        "/api/v1/contacts/7",
        "/api/v1/contacts/%00",
        "/api/v1/contacts/%zz",
        "/api/v1/contacts/%ff",
        "/api/v1/contacts/00000000000000000000000000000000",
        "/api/v1/contacts/00000000-0000-0000-0000-000000000000",
        "/api/v1/contacts/a/b/c",
        "/api/v2/contacts",
    ] {
        api.get(path).await.problem(404, "not_found");
    }
    for (method, path, allow) in [
        (Method::DELETE, "/api/v1/contacts", "GET, HEAD, POST"),
        (Method::PATCH, "/api/v1/auth/login", "POST"),
        (Method::GET, "/api/v1/auth/login", "POST"),
        (Method::POST, "/api/v1/deals/pipeline", "GET, HEAD"),
        (Method::PUT, "/api/v1/deals/pipeline", "GET, HEAD"),
        (Method::DELETE, "/api/v1/deals/pipeline", "GET, HEAD"),
        (Method::GET, "/api/v1/contacts/search", "POST"),
        (Method::PUT, "/api/v1/contacts/search", "POST"),
        (Method::PATCH, "/api/v1/companies/search", "POST"),
        (Method::DELETE, "/api/v1/deals/search", "POST"),
        (Method::POST, "/healthz", "GET, HEAD"),
        (Method::POST, "/api/v1/contacts/00000000-0000-0000-0000-000000000000", "GET, HEAD, PUT, PATCH, DELETE"),
        (Method::TRACE, "/api/v1/contacts", "GET, HEAD, POST"),
        (Method::from_bytes(b"BREW").unwrap(), "/api/v1/contacts", "GET, HEAD, POST"),
    ] {
        // What the query says is of no matter then.
        for path in [path.to_owned(), format!("{path}?pipeline_id=7")] {
            let reply = api.send(method.clone(), &path, Some(api.token()), None).await;
            assert_eq!(reply.problem(405, "method_not_allowed").header("allow"), allow, "{path}");
        }
    }
    for path in ["/api/v1/../../etc/passwd", "/api/v1/contacts/../auth/me", "//api//v1//contacts"] {
        let answer = api.raw(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn head_answers_as_get_without_its_body() {
    let api = Api::memory().await;
    let made = api.post("/api/v1/contacts", json!({"last_name": "Hopper"})).await.expect(201);
    let contact = format!("/api/v1/contacts/{}", made.id());
    for path in ["/healthz", "/api/v1/contacts", "/api/v1/contacts?limit=0", "/api/v1/contacts/7", &contact] {
        let (get, head) = (api.get(path).await, api.send(Method::HEAD, path, Some(api.token()), None).await);
        assert_eq!((head.status, &head.json), (get.status, &Value::Null), "{path}");
        for header in ["content-type", "content-length", "etag"] {
            assert_eq!(head.header(header), get.header(header), "{path}");
        }
        let answer = api.raw(format!("HEAD {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes());
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    }
    api.send(Method::HEAD, "/api/v1/auth/login", None, None).await.expect(405);
}

#[tokio::test]
async fn requests_that_are_no_http_end_with_400_and_the_server_lives() {
    let api = Api::memory().await;
    for bytes in [
        &b"nonsense\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nhost\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n",
        b"POST /api/v1/auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
    ] {
        let answer = api.raw(bytes);
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("\r\n\r\n"), "{answer}");
    }
    api.get("/healthz").await.expect(200);
}

#[tokio::test]
async fn a_head_of_96_fields_and_128_kib_is_read_and_no_more() {
    let api = Api::memory().await;
    let ask = |fields: &str| {
        api.raw(format!("GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{fields}\r\n").as_bytes())
    };
    // Two fields are there already.
    let fields = |count: usize| (2..count).map(|number| format!("x-{number}: y\r\n")).collect::<String>();
    let long = |bytes: usize| format!("x: {}\r\n", "y".repeat(bytes));
    for fits in [fields(96), long(120_000)] {
        let answer = ask(&fits);
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    for (what, head) in [("97", fields(97)), ("10,000", fields(10_000)), ("long", long(131_072))] {
        let answer = ask(&head);
        assert!(answer.starts_with("HTTP/1.1 431 ") && answer.ends_with("\r\n\r\n"), "{what}: {answer}");
    }
    api.get("/healthz").await.expect(200);
}
