//! Many WebSockets on one server, by a client that is not ours.

use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::product::Failed;

/// Sockets that are opened at once.
const AT_ONCE: usize = 64;
/// What a socket reads at once: its client would keep much more for it.
const READ_BYTES: usize = 4 * 1024;

type Socket = WebSocketStream<TcpStream>;

/// An event that a socket was told of.
pub(crate) struct Heard {
    /// When it was there.
    pub(crate) at: Instant,
    text: Utf8Bytes,
}

impl Heard {
    /// A field of the record as it is after the event.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let event: Value = serde_json::from_str(&self.text).ok()?;
        Some(event.pointer("/data/after")?.get(name)?.as_str()?.to_owned())
    }
}

/// Open sockets; dropping them closes all.
pub(crate) struct Sockets {
    tasks: Vec<JoinHandle<()>>,
    heard: UnboundedReceiver<Heard>,
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Sockets {
    /// Opens so many sockets, each with a greeting of its own that was answered.
    pub(crate) async fn open(
        address: &str,
        token: &str,
        count: usize,
        topics: impl Fn(usize) -> Vec<&'static str>,
    ) -> Result<Self, Failed> {
        let (sender, heard) = unbounded_channel();
        let greetings = (0..count).map(|at| json!({"token": token, "subscribe": topics(at)}).to_string());
        let opening = futures::stream::iter(greetings).map(|greeting| open(address, greeting));
        let mut opened = opening.buffer_unordered(AT_ONCE);
        let mut tasks = Vec::with_capacity(count);
        while let Some(socket) = opened.next().await {
            tasks.push(tokio::spawn(listen(socket?, sender.clone())));
        }
        Ok(Self { tasks, heard })
    }

    /// The next so many events that any of them are told of.
    pub(crate) async fn hear(&mut self, count: usize, patience: Duration) -> Result<Vec<Heard>, Failed> {
        let mut all = Vec::with_capacity(count);
        let wait = async {
            let mut left = count;
            while left > 0 {
                match self.heard.recv_many(&mut all, left).await {
                    0 => break,
                    came => left -= came,
                }
            }
        };
        // What came until then is counted.
        let _ = timeout(patience, wait).await;
        let open = self.tasks.iter().filter(|task| !task.is_finished()).count();
        match all.len() {
            came if came == count && open == self.tasks.len() => Ok(all),
            came => Err(format!(
                "{came} of {count} events came within {patience:?}, and {open} of {} WebSockets are open",
                self.tasks.len()
            )
            .into()),
        }
    }
}

/// Opens a socket and waits until its watch begins.
async fn open(address: &str, greeting: String) -> Result<Socket, Failed> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let config = WebSocketConfig::default().read_buffer_size(READ_BYTES);
    let url = format!("ws://{address}/api/v1/ws");
    let (mut socket, _) = client_async_with_config(url, stream, Some(config)).await?;
    socket.send(Message::text(greeting)).await?;
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) if text.contains(r#""type":"ready""#) => return Ok(socket),
            Some(Ok(message)) if message.is_ping() || message.is_pong() => {}
            Some(Ok(message)) => return Err(format!("a greeting was answered with {message}").into()),
            Some(Err(error)) => return Err(error.into()),
            None => return Err("the server closed a WebSocket".into()),
        }
    }
}

/// Passes on what a socket is told, and answers the pings in between, until it ends.
async fn listen(mut socket: Socket, sender: UnboundedSender<Heard>) {
    while let Some(Ok(message)) = socket.next().await {
        let at = Instant::now();
        if let Message::Text(text) = message
            && !text.contains(r#""type":"beat""#)
        {
            // Nobody listens any more where all are being closed.
            let _ = sender.send(Heard { at, text });
        }
    }
}
