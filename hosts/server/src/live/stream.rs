//! Server-sent events: the same watch for clients that only listen.

use actix_web::web::Bytes;
use crm_boot::Watch;
use futures::Stream;
use tokio::sync::{mpsc, watch::Receiver};
use tokio::time::timeout;

use super::beats::{Beats, SENDING_TIME, bear};
use super::message::{Notice, Said};

/// Events that wait for a client to take them.
const WAITING: usize = 16;

/// The body of an answer that goes on until somebody goes. The watch has a task of its own, which ends
/// where the client takes nothing: the framework asks a body for more only when there is room for it.
pub(crate) fn stream(watch: Watch, closing: Receiver<bool>) -> impl Stream<Item = Result<Bytes, crm_core::Error>> {
    let (sender, receiver) = mpsc::channel(WAITING);
    actix_web::rt::spawn(Telling { watch, sender }.run(closing));
    futures::stream::unfold(receiver, async |mut receiver| receiver.recv().await.map(|bytes| (Ok(bytes), receiver)))
}

/// A watch and who listens.
struct Telling {
    watch: Watch,
    sender: mpsc::Sender<Bytes>,
}

impl Telling {
    async fn run(mut self, mut closing: Receiver<bool>) {
        let gone = self.sender.clone();
        tokio::select! {
            () = self.tell() => {}
            () = gone.closed() => {}
            _ = closing.wait_for(|is_closing| *is_closing) => {}
        }
    }

    /// Tells what happens until the client takes nothing or may not hear it any more.
    async fn tell(&mut self) {
        let mut beats = Beats::new();
        let mut said = Ok(Said::Notice(Notice::Ready { seq: self.watch.seq() }));
        loop {
            let is_last = said.is_err();
            let said_now = said.unwrap_or_else(|error| Said::Notice(Notice::ended(error)));
            if !self.say(&said_now).await || is_last {
                return;
            }
            said = loop {
                tokio::select! {
                    told = self.watch.next() => match told {
                        Ok(told) => break Ok(told.into()),
                        Err(error) => if let Err(error) = bear(error).await {
                            break Err(error);
                        },
                    },
                    () = beats.next() => match beats.look(&mut self.watch).await {
                        Ok(()) => break Ok(Said::Notice(Notice::Beat { seq: self.watch.seq() })),
                        Err(error) => break Err(error),
                    },
                }
            };
        }
    }

    /// Whether the client took it.
    async fn say(&self, said: &Said) -> bool {
        let sent = self.sender.send(frame(said, self.watch.seq()));
        matches!(timeout(SENDING_TIME, sent).await, Ok(Ok(())))
    }
}

/// One event of the stream; JSON has no line breaks of its own. A beat has no data: it moves the number
/// after which a client comes back, and its program hears nothing of it.
fn frame(said: &Said, seq: i64) -> Bytes {
    let (name, seq) = match said {
        Said::Event(envelope) => (envelope.kind.as_str(), envelope.seq),
        Said::Notice(Notice::Ready { seq }) => ("ready", *seq),
        Said::Notice(Notice::Beat { seq }) => return format!("id: {seq}\n\n").into(),
        Said::Notice(Notice::Resync { seq }) => ("resync", *seq),
        Said::Notice(Notice::Error { .. }) => ("error", seq),
    };
    let data = said.json().unwrap_or_default();
    format!("id: {seq}\nevent: {name}\ndata: {data}\n\n").into()
}
