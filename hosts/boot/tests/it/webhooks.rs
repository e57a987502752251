//! Events go to a receiver through relay, worker and sender, also where the process ends in between.

#![expect(clippy::indexing_slicing, reason = "a helper that fails fails its test")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crm_boot::{Booted, Config, Options, boot_for_command, boot_for_jobs};
use crm_core::testkit::{PATIENCE, samples};
use crm_core::{Actor, Session};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What a receiver took, and how many messages it does not take before.
#[derive(Default)]
struct Got {
    messages: Mutex<Vec<(String, serde_json::Value)>>,
    refusals: Mutex<usize>,
}

impl Got {
    /// What it answers to the next message.
    fn status(&self) -> u16 {
        let mut left = self.refusals.lock();
        let status = if *left > 0 { 500 } else { 200 };
        *left = left.saturating_sub(1);
        status
    }

    /// How many different messages came: one may come again.
    fn count(&self) -> usize {
        self.messages.lock().iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len()
    }
}

async fn take(mut stream: TcpStream, got: Arc<Got>) -> std::io::Result<()> {
    let mut text = Vec::new();
    let mut buffer = [0; 4_096];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        text.extend_from_slice(&buffer[..read]);
        let whole = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = whole.split_once("\r\n\r\n") else { continue };
        let header = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).unwrap_or_default().to_owned()
        };
        if body.len() < header("content-length").parse().unwrap_or(0) {
            continue;
        }
        assert!(header("webhook-signature").starts_with("v1,"), "{head}");
        let status = got.status();
        if status == 200 {
            got.messages.lock().push((header("webhook-id"), serde_json::from_str(body).unwrap()));
        }
        let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        return stream.write_all(answer.as_bytes()).await;
    }
}

async fn receiver() -> (String, Arc<Got>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let got = Arc::new(Got::default());
    let taken = got.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(take(stream, taken.clone()));
        }
    });
    (url, got)
}

fn config(folder: &tempfile::TempDir) -> Config {
    let url = format!("sqlite://{}", folder.path().join("crm.db").display());
    let options = Options { database_url: Some(url.into()), ..Options::default() };
    let environment = [("SLACKCRM_WEBHOOK_ALLOW", "127.0.0.0/8"), ("SLACKCRM_WEBHOOK_HTTP", "allowed")];
    Config::from_sources(options, environment.map(|(name, value)| (name.into(), value.into()))).unwrap()
}

async fn session(booted: &Booted) -> Session {
    let workspace = booted.crm().workspaces().await.unwrap().remove(0).id;
    booted.crm().acting(Actor::system(workspace, "test")).await.unwrap()
}

/// Waits until a receiver got so many different messages.
async fn wait(got: &Got, count: usize) {
    let all = async {
        while got.count() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let came = tokio::time::timeout(PATIENCE, all).await;
    assert!(came.is_ok(), "{} of {count} came", got.count());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_event_comes_to_its_endpoint_also_where_the_worker_ends_in_between() {
    let folder = tempfile::tempdir().unwrap();
    let (url, got) = receiver().await;
    let plain = boot_for_command(config(&folder)).await.unwrap();
    plain.crm().create_workspace("Acme").await.unwrap();
    let product = session(&plain).await;
    let new = samples::webhook(&url, &["contact.created"]);
    product.webhooks().create(new).await.unwrap();
    let first = boot_for_jobs(config(&folder)).await.unwrap();
    for at in 0..40 {
        product.contacts().create(samples::contact(&format!("C{at}"))).await.unwrap();
    }
    wait(&got, 10).await;
    first.close().await;
    for at in 40..60 {
        product.contacts().create(samples::contact(&format!("C{at}"))).await.unwrap();
    }
    let second = boot_for_jobs(config(&folder)).await.unwrap();
    wait(&got, 60).await;
    second.close().await;
    let messages = got.messages.lock();
    let names: BTreeSet<&str> =
        messages.iter().map(|(_, body)| body["data"]["after"]["last_name"].as_str().unwrap()).collect();
    let ids: BTreeSet<&String> = messages.iter().map(|(id, _)| id).collect();
    assert_eq!((names.len(), ids.len()), (60, 60));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_sent_again_by_a_worker_that_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (url, got) = receiver().await;
    *got.refusals.lock() = 1;
    let booted = boot_for_jobs(config(&folder)).await.unwrap();
    booted.crm().create_workspace("Acme").await.unwrap();
    let product = session(&booted).await;
    let new = samples::webhook(&url, &["contact.created"]);
    let endpoint = product.webhooks().create(new).await.unwrap().endpoint.id;
    product.contacts().create(samples::contact("Ada")).await.unwrap();
    wait(&got, 1).await;
    // What came of an attempt is written once it was answered.
    let delivered = async {
        loop {
            let all = product.webhooks().deliveries(endpoint, &Default::default()).await.unwrap().data;
            if all.first().is_some_and(|one| one.attempts.len() >= 2) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, delivered).await.unwrap();
    booted.close().await;
}
