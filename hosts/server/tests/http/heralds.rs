//! Servers on one database that tell each other of commits by Redis.

use std::time::Duration;

use crm_boot::boot;
use crm_core::testkit::{PATIENCE, Road, redis_url};
use crm_storage::testkit::Schema;
use futures::StreamExt as _;
use reqwest::Method;
use serde_json::{Value, json};

use crate::live::Watcher;
use crate::support::{Api, config_on, unique};

/// Longer than any test takes.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// A server on this database that tells others by this Redis, and looks by itself so often.
async fn server_that_looks(every: Option<Duration>, database: &Schema, redis: &str) -> Api {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config_on(&database.url(), &folder);
    config.redis_url = Some(redis.parse().unwrap());
    let booted = boot(config).await.unwrap();
    every.into_iter().for_each(|every| booted.live().look_every(every));
    Api::on(booted, folder).await
}

async fn server(database: &Schema, redis: &str) -> Api {
    server_that_looks(None, database, redis).await
}

/// As [`server`], which hears of what others commit by Redis or not at all.
async fn patient_server(database: &Schema, redis: &str) -> Api {
    server_that_looks(Some(NEVER), database, redis).await
}

/// Makes a contact of one workspace by this server.
async fn make(server: &Api, token: &str) -> String {
    let name = unique("contact");
    let body = json!({"last_name": name});
    server.send(Method::POST, "/api/v1/contacts", Some(token), Some(&body)).await.expect(201);
    name
}

async fn hear(watcher: &mut Watcher) -> Value {
    watcher.hear().await["data"]["after"]["last_name"].clone()
}

#[tokio::test]
async fn servers_hear_each_other_and_lose_nothing_while_redis_is_away() {
    let (Some(database), Some(redis)) = (Schema::new().await, redis_url()) else { return };
    let road = Road::to(&redis);
    let (one, two) = (server(&database, road.url()).await, server(&database, road.url()).await);
    // The sign-ins of one database hold on each of its servers.
    let token = one.token();
    let (mut at_one, _) = Watcher::greeted_as(&one, token, &["contacts"], None).await;
    let (mut at_two, _) = Watcher::greeted_as(&two, token, &["contacts"], None).await;
    for is_away in [false, true, false, true, false] {
        if is_away {
            road.cut()
        } else {
            road.mend()
        }
        for server in [&one, &two] {
            let name = make(server, token).await;
            for watcher in [&mut at_one, &mut at_two] {
                assert_eq!(hear(watcher).await, name);
            }
        }
    }
}

#[tokio::test]
async fn redis_alone_carries_news_from_server_to_server_and_what_it_missed_once_it_is_back() {
    let (Some(database), Some(redis)) = (Schema::new().await, redis_url()) else { return };
    let road = Road::to(&redis);
    let one = patient_server(&database, road.url()).await;
    let two = patient_server(&database, &redis).await;
    let token = one.token();
    let (mut at_one, _) = Watcher::greeted_as(&one, token, &["contacts"], None).await;
    let (mut at_two, _) = Watcher::greeted_as(&two, token, &["contacts"], None).await;
    // One of them a connection that has just been made could carry, not the others.
    for _ in 0..3 {
        let from_two = make(&two, token).await;
        assert_eq!(hear(&mut at_one).await, from_two);
        let from_one = make(&one, token).await;
        assert_eq!(hear(&mut at_one).await, from_one);
        for name in [from_two, from_one] {
            assert_eq!(hear(&mut at_two).await, name);
        }
    }
    road.cut();
    let from_one = make(&one, token).await;
    assert_eq!(hear(&mut at_one).await, from_one);
    road.mend();
    assert_eq!(hear(&mut at_two).await, from_one);
    let from_two = make(&two, token).await;
    assert_eq!(hear(&mut at_one).await, from_two);
}

#[tokio::test]
async fn a_server_tells_redis_of_what_it_commits_and_of_nothing_that_was_written() {
    let (Some(database), Some(redis)) = (Schema::new().await, redis_url()) else { return };
    let client = redis::Client::open(redis.as_str()).unwrap();
    let mut channel = client.get_async_pubsub().await.unwrap();
    channel.subscribe("slackcrm_commits").await.unwrap();
    let server = server(&database, &redis).await;
    let workspace = server.admin["workspace"]["id"].as_str().unwrap();
    make(&server, server.token()).await;
    let mut said = channel.on_message();
    let told = async {
        loop {
            let message: String = said.next().await.unwrap().get_payload().unwrap();
            if let Some(whose) = message.strip_suffix(workspace) {
                // Who tells, and a space.
                return whose.len();
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, told).await.unwrap(), 37);
}
