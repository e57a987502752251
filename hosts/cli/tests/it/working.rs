//! `slackcrm worker`: which jobs it does, and how it ends.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;

use crm_core::job::JobState;
use serde_json::Value;

use crate::outcome::Engine;
use crate::serving::{NEVER, Serving};
use crate::support::{Product, on_each_empty_store, text};

/// An endpoint that takes a message when its test says so.
struct Endpoint {
    url: String,
    came: mpsc::Receiver<TcpStream>,
}

impl Endpoint {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (say, came) = mpsc::channel();
        // It ends with the test, which nobody tells any more.
        std::thread::spawn(move || listener.incoming().flatten().try_for_each(|stream| say.send(stream)));
        Self { url, came }
    }

    /// The next message, which waits for its answer.
    fn message(&self) -> BufReader<TcpStream> {
        let stream = self.came.recv_timeout(NEVER);
        let stream = stream.unwrap_or_else(|error| panic!("no message came to the endpoint: {error}"));
        // Nor may one that stops halfway hold the test up.
        stream.set_read_timeout(Some(NEVER)).unwrap();
        let mut message = BufReader::new(stream);
        let (mut line, mut length) = (String::new(), 0);
        while message.read_line(&mut line).unwrap() > 2 {
            if let Some(said) = line.strip_prefix("content-length: ") {
                length = said.trim().parse().unwrap();
            }
            line.clear();
        }
        message.read_exact(&mut vec![0; length]).unwrap();
        message
    }
}

fn take(mut message: BufReader<TcpStream>) {
    let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    message.get_mut().write_all(answer).unwrap();
}

/// The binary with what it needs to send mail into a folder and webhooks to this machine.
struct Sending<'a> {
    product: &'a Product,
    mailbox: PathBuf,
}

impl<'a> Sending<'a> {
    fn of(product: &'a Product) -> Self {
        Self { product, mailbox: product.file("mark", "").with_file_name("mail") }
    }

    fn command(&self) -> Command {
        let mut command = self.product.command();
        command.env("SLACKCRM_MAIL", format!("mailbox://{}", text(&self.mailbox)));
        command.env("SLACKCRM_MAIL_FROM", "Acme Sales <crm@acme.example>");
        command.env("SLACKCRM_WEBHOOK_ALLOW", "127.0.0.0/8").env("SLACKCRM_WEBHOOK_HTTP", "allowed");
        command
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.command().args(["--output", "json"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// Enqueues a job, and gives its id.
    fn enqueued(&self, arguments: &[&str]) -> String {
        self.json(arguments)["id"].as_str().unwrap().to_owned()
    }

    fn mail(&self) -> String {
        self.enqueued(&["mail", "send", "ada@example.com", "--subject", "Hello", "--text", "Dear Ada"])
    }
}

fn mails(mailbox: &Path) -> usize {
    let paths = std::fs::read_dir(mailbox).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|kind| kind == "eml")).count()
}

/// Whether a job waits for its first attempt.
fn is_untouched(engine: &Engine, job: &str) -> bool {
    let job = engine.job(job);
    (job.state, job.attempts) == (JobState::Queued, 0)
}

#[test]
fn a_worker_does_the_jobs_of_its_queues_alone_and_ends_after_what_it_does() {
    on_each_empty_store(|product| {
        product.register("ada@example.com");
        let (sending, endpoint, engine) = (Sending::of(&product), Endpoint::open(), Engine::on(&product));
        // On PostgreSQL beside a server that takes no jobs; on SQLite one process is meant.
        let server = product.url().starts_with("postgres").then(|| {
            let mut command = sending.command();
            command.env("SLACKCRM_QUEUES", "");
            let mut server = Serving::start(command);
            server.address();
            server
        });
        let hook = sending.json(&["webhooks", "create", &endpoint.url, "--event", "contact.created"]);
        let hook = hook["endpoint"]["id"].as_str().unwrap();
        // The first one of all is none of the worker's.
        let export = sending.enqueued(&["contacts", "export", "--job"]);
        let mail = sending.mail();
        sending.json(&["contacts", "create", "--set", "last_name=Hopper"]);
        assert!(is_untouched(&engine, &export) && is_untouched(&engine, &mail));
        let mut worker = Serving::worker(sending.command(), "email,webhook");
        worker.told("working");
        take(endpoint.message());
        let sent = engine.ended(&mail);
        assert_eq!((sent.state, sent.attempts), (JobState::Done, 1), "{sent:#?}");
        assert_eq!(mails(&sending.mailbox), 1);
        // A message is under way when the signal comes: it is brought to its end, and nothing else is begun.
        sending.json(&["contacts", "create", "--set", "last_name=Lovelace"]);
        let message = endpoint.message();
        worker.signal("TERM");
        worker.told("finishing the jobs under way");
        let late = sending.mail();
        take(message);
        assert!(worker.ended().contains("stopped"));
        let sent = sending.json(&["webhooks", "deliveries", hook]);
        let sent = sent["data"].as_array().unwrap();
        assert_eq!(sent.len(), 2);
        for delivery in sent {
            let told = sending.json(&["webhooks", "delivery", hook, delivery["id"].as_str().unwrap()]);
            let body: Value = serde_json::from_str(told["request"]["body"].as_str().unwrap()).unwrap();
            assert_eq!((&body["seq"], &told["request"]["url"]), (&delivery["seq"], &endpoint.url.as_str().into()));
            let attempts = delivery["attempts"].as_array().unwrap().len();
            assert_eq!((&delivery["state"], attempts), (&"delivered".into(), 1), "{delivery}");
        }
        assert!(is_untouched(&engine, &late) && is_untouched(&engine, &export));
        assert_eq!(mails(&sending.mailbox), 1);
        if let Some(server) = server {
            server.signal("TERM");
            server.ended();
        }
    });
}
