//! One WebSocket: a greeting, then events until somebody goes.
//!
//! The socket reads its client and its watch by turns. While the client takes nothing, nothing is read
//! for it: the watch falls behind, and catches up from the store or says that it cannot; others notice
//! nothing.

use std::time::Duration;

use actix_web::web::Data;
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseCode, CloseReason, Closed, Session};
use crm_boot::{Proof, Topics, Watch};
use crm_core::Error;
use crm_core::integration::AccessClaims;
use futures::StreamExt as _;
use secrecy::ExposeSecret as _;
use tokio::time::timeout;

use super::beats::{Beats, SENDING_TIME, bear};
use super::message::{Greeting, Notice, Said, Subscription};
use crate::app::State;
use crate::extract::decode;
use crate::refusal::Refusal;

/// Longest message of a client.
pub(crate) const MAX_MESSAGE_BYTES: usize = 16 * 1024;
/// How long a client may take to greet.
const GREETING_TIME: Duration = Duration::from_secs(10);
/// Beats after which a client that said nothing is gone; each of them asks whether it is there.
const SILENT_BEATS: u32 = 3;
/// How long a client may take to hear goodbye.
const PARTING_TIME: Duration = Duration::from_secs(5);

/// Why a conversation ends.
enum End {
    /// The client went.
    Gone,
    /// The server goes.
    Away,
    /// The client did or was something that does not do.
    Refused(Refusal),
}

impl From<Closed> for End {
    fn from(_: Closed) -> Self {
        End::Gone
    }
}

impl From<Refusal> for End {
    fn from(refusal: Refusal) -> Self {
        End::Refused(refusal)
    }
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        End::Refused(error.into())
    }
}

/// Speaks with one client until either goes; `known` is what the cookie of its handshake proves.
pub(crate) async fn converse(
    state: Data<State>,
    session: Session,
    messages: AggregatedMessageStream,
    known: Option<AccessClaims>,
) {
    let mut socket = Socket { session, messages, known };
    let end = socket.run(&state).await;
    // A client that takes nothing hears no goodbye either.
    let _ = timeout(PARTING_TIME, socket.finish(end)).await;
}

/// Waits until the client has taken what is sent. One that takes nothing is gone: it may come back and go
/// on where it was.
async fn taken(sending: impl Future<Output = Result<(), Closed>>) -> Result<(), End> {
    match timeout(SENDING_TIME, sending).await {
        Ok(sent) => Ok(sent?),
        Err(_) => Err(End::Gone),
    }
}

struct Socket {
    session: Session,
    messages: AggregatedMessageStream,
    known: Option<AccessClaims>,
}

impl Socket {
    async fn run(&mut self, state: &State) -> End {
        let mut closing = state.closing.subscribe();
        let conversation = async {
            match self.greet(state).await {
                Ok(watch) => self.tell(watch).await,
                Err(end) => end,
            }
        };
        tokio::select! {
            end = conversation => end,
            _ = closing.wait_for(|is_closing| *is_closing) => End::Away,
        }
    }

    /// Hears who is there, and what they want to watch.
    async fn greet(&mut self, state: &State) -> Result<Watch, End> {
        let late = || Error::unauthenticated("the greeting did not come in time");
        let greeting = timeout(GREETING_TIME, self.hear_text()).await.map_err(|_| late())??;
        let greeting: Greeting = decode(greeting.as_bytes())?;
        let claims = match (greeting.token, self.known) {
            (Some(token), _) => state.crm.auth().authenticate(token.expose_secret()).await?.1,
            (None, Some(claims)) => claims,
            (None, None) => {
                return Err(Error::unauthenticated("needs an access token, or the cookie of a sign-in").into());
            }
        };
        let topics = Topics::named(greeting.subscribe.iter().map(String::as_str))?;
        let watch = state.live.watch(Proof::SignIn(claims), topics, greeting.after).await?;
        self.say(&Said::Notice(Notice::Ready { seq: watch.seq() })).await?;
        Ok(watch)
    }

    /// Tells what happens until somebody goes.
    async fn tell(&mut self, mut watch: Watch) -> End {
        let mut beats = Beats::new();
        let mut silence = 0;
        loop {
            let went_on = tokio::select! {
                heard = self.hear() => {
                    silence = 0;
                    match heard {
                        Ok(Some(text)) => self.change(&mut watch, &text).await,
                        Ok(None) => Ok(()),
                        Err(end) => Err(end),
                    }
                }
                told = watch.next() => match told {
                    Ok(told) => self.say(&told.into()).await,
                    Err(error) => bear(error).await.map_err(End::from),
                },
                () = beats.next() => {
                    silence += 1;
                    self.beat(&beats, &mut watch, silence).await
                }
            };
            if let Err(end) = went_on {
                return end;
            }
        }
    }

    /// Makes sure that the client is there and still who it was.
    async fn beat(&mut self, beats: &Beats, watch: &mut Watch, silence: u32) -> Result<(), End> {
        if silence > SILENT_BEATS {
            return Err(End::Gone);
        }
        beats.look(watch).await?;
        self.say(&Said::Notice(Notice::Beat { seq: watch.seq() })).await?;
        taken(self.session.ping(b"")).await
    }

    /// Watches what the client asks for now; a message that does not do changes nothing.
    async fn change(&mut self, watch: &mut Watch, text: &str) -> Result<(), End> {
        let wanted = decode::<Subscription>(text.as_bytes())
            .and_then(|wanted| Topics::named(wanted.subscribe.iter().map(String::as_str)).map_err(Refusal::from));
        match wanted {
            Ok(topics) => {
                watch.watch(topics);
                self.say(&Said::Notice(Notice::Ready { seq: watch.seq() })).await
            }
            Err(refusal) => self.say(&Said::Notice(Notice::of(&refusal))).await,
        }
    }

    /// The next text of the client.
    async fn hear_text(&mut self) -> Result<String, End> {
        loop {
            if let Some(text) = self.hear().await? {
                return Ok(text);
            }
        }
    }

    /// The next text of the client; `None` for what is no text but a sign of life. Whoever drops the
    /// future before it ends loses at most an answer to a ping.
    async fn hear(&mut self) -> Result<Option<String>, End> {
        match self.messages.next().await {
            Some(Ok(AggregatedMessage::Text(text))) => Ok(Some(text.to_string())),
            Some(Ok(AggregatedMessage::Ping(bytes))) => {
                self.session.pong(&bytes).await?;
                Ok(None)
            }
            Some(Ok(AggregatedMessage::Pong(_))) => Ok(None),
            Some(Ok(AggregatedMessage::Binary(_))) => {
                Err(Error::invalid("message", "text", "is not a text message").into())
            }
            Some(Err(_)) => Err(Error::invalid("message", "too_long", "cannot be read, or is too long").into()),
            Some(Ok(AggregatedMessage::Close(_))) | None => Err(End::Gone),
        }
    }

    async fn say(&mut self, said: &Said) -> Result<(), End> {
        let text = said.json()?;
        taken(self.session.text(text)).await
    }

    /// Says why, where there is somebody to hear it.
    async fn finish(mut self, end: End) {
        let reason = match end {
            End::Gone => None,
            End::Away => Some(CloseReason::from(CloseCode::Away)),
            End::Refused(refusal) => {
                if let Some(cause) = refusal.cause() {
                    tracing::error!(error = ?cause, "a watch ended");
                }
                // The close below ends it whether this was heard or not.
                let _ = self.say(&Said::Notice(Notice::of(&refusal))).await;
                Some(CloseReason::from(refusal.close_code()))
            }
        };
        // A client that is gone hears no goodbye.
        let _ = self.session.close(reason).await;
    }
}
