//! A sender of webhooks, and the endpoint behind it, which answers as the test says.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::error::{Error, Result};
use crate::integration::{WebhookAnswer, WebhookRequest, WebhookSender};

/// Takes every message and keeps it; answers 200 where nothing else was said.
#[derive(Clone, Debug, Default)]
pub struct Receiver(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    got: Vec<WebhookRequest>,
    answers: VecDeque<WebhookAnswer>,
    always: Option<WebhookAnswer>,
    hanging: BTreeSet<String>,
}

impl Receiver {
    /// One that takes everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers the next message so; several are answered in the order in which this was said.
    pub fn answer(&self, status: u16, retry_after: Option<&str>) {
        let answer = WebhookAnswer::new(status, b"said".to_vec(), retry_after.map(str::to_owned));
        self.0.lock().answers.push_back(answer);
    }

    /// Answers every message so from now on.
    pub fn always(&self, status: u16) {
        self.0.lock().always = Some(WebhookAnswer::new(status, Vec::new(), None));
    }

    /// Takes what comes to an address and never answers it.
    pub fn hang(&self, url: &str) {
        self.0.lock().hanging.insert(url.to_owned());
    }

    /// Answers what comes to an address from now on as it does elsewhere.
    pub fn answer_again(&self, url: &str) {
        self.0.lock().hanging.remove(url);
    }

    /// What came since this was asked last.
    pub fn take(&self) -> Vec<WebhookRequest> {
        std::mem::take(&mut self.0.lock().got)
    }
}

impl Receiver {
    /// Keeps a message, and says whether it is never answered.
    fn is_hanging(&self, request: WebhookRequest) -> bool {
        let mut state = self.0.lock();
        let is_hanging = state.hanging.contains(&request.url);
        state.got.push(request);
        is_hanging
    }
}

#[async_trait]
impl WebhookSender for Receiver {
    fn check(&self, url: &str) -> Result<()> {
        match url.starts_with("https://") {
            true => Ok(()),
            false => Err(Error::invalid("url", "https", "must begin with https")),
        }
    }

    async fn send(&self, request: WebhookRequest) -> Result<WebhookAnswer> {
        self.check(&request.url)?;
        if self.is_hanging(request) {
            std::future::pending::<()>().await;
        }
        let mut state = self.0.lock();
        let usual = || WebhookAnswer::new(200, b"ok".to_vec(), None);
        Ok(state.answers.pop_front().or_else(|| state.always.clone()).unwrap_or_else(usual))
    }
}
