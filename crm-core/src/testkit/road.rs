//! A road to a server that a test cuts and mends, or on which it lets things vanish, as a network does.

#![allow(clippy::expect_used, reason = "what a test stands on fails it")]

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

/// Passes on what is said to a server and what it answers. While it is cut, connections end as soon as they begin.
pub struct Road {
    url: String,
    state: Arc<Mutex<State>>,
}

/// What is lost on a road from some words on that are said to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// These words and all that follows.
    Words(&'static str),
    /// The answer to these words and all that follows.
    AnswerTo(&'static str),
}

struct State {
    /// Both ends of each connection that there was; none while the road is cut.
    ends: Option<Vec<TcpStream>>,
    /// Whether all that is said vanishes.
    is_dead: bool,
    /// What makes the road dead.
    loss: Option<Loss>,
    /// How often connections were lost: one that began before is dead for ever, whatever becomes of the road.
    age: u64,
}

impl State {
    /// Lets all connections that there are be dead.
    fn die(&mut self) {
        (self.is_dead, self.loss) = (true, None);
        self.age += 1;
    }
}

impl Road {
    /// A road to the server of a URL, from a free port of this machine. It stays until the process ends.
    ///
    /// # Panics
    /// Where there is no free port, and for what is no URL.
    pub fn to(url: &str) -> Self {
        let (_, place) = url.split_once("://").expect("a URL has a scheme");
        let place = place.rsplit('@').next().unwrap_or(place);
        let server = place.split('/').next().unwrap_or(place).to_owned();
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("there is a free port");
        let address = listener.local_addr().expect("a socket has an address").to_string();
        let state = State { ends: Some(Vec::new()), is_dead: false, loss: None, age: 0 };
        let road = Self { url: url.replacen(&server, &address, 1), state: Arc::new(Mutex::new(state)) };
        let state = road.state.clone();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // Who cannot be spoken to is as good as cut off.
                let _lost = begin(near, &server, &state);
            }
        });
        road
    }

    /// The URL of the server by this road.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Ends all connections, and lets none be made.
    pub fn cut(&self) {
        for end in self.state.lock().ends.take().into_iter().flatten() {
            // One that has ended by itself is what was wanted.
            let _ended = end.shutdown(Shutdown::Both);
        }
    }

    /// Lets all that is said vanish, either way, and nobody be told: connections stay open and are dead.
    pub fn swallow(&self) {
        self.state.lock().die();
    }

    /// As [`Road::swallow`], as soon as somebody says certain words to the server.
    pub fn swallow_at(&self, loss: Loss) {
        self.state.lock().loss = Some(loss);
    }

    /// Whether all that is said vanishes.
    pub fn is_dead(&self) -> bool {
        self.state.lock().is_dead
    }

    /// Lets connections be made again. Those that were there when things vanished stay dead.
    pub fn mend(&self) {
        let mut state = self.state.lock();
        state.ends.get_or_insert_default();
        if std::mem::take(&mut state.is_dead) {
            // Of those that were begun meanwhile the beginning is lost.
            state.age += 1;
        }
    }
}

fn begin(near: TcpStream, server: &str, state: &Arc<Mutex<State>>) -> io::Result<()> {
    let mut road = state.lock();
    let age = road.age;
    let Some(ends) = road.ends.as_mut() else { return Ok(()) };
    let far = TcpStream::connect(server)?;
    let (there, back) = ((near.try_clone()?, far.try_clone()?), (far.try_clone()?, near.try_clone()?));
    for ((from, to), is_said) in [(there, true), (back, false)] {
        let lane = Lane { state: state.clone(), age, is_said };
        thread::spawn(move || lane.carry(from, to));
    }
    ends.extend([near, far]);
    Ok(())
}

/// One direction of a connection.
struct Lane {
    state: Arc<Mutex<State>>,
    /// How often connections had been lost when it began.
    age: u64,
    /// Whether it is what is said to the server.
    is_said: bool,
}

impl Lane {
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let said = match from.read(&mut buffer) {
                Ok(length) if length > 0 => buffer.get(..length).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                _ => break,
            };
            if self.passes(said) && to.write_all(said).is_err() {
                break;
            }
        }
        // That a dead connection ended is not told either.
        if self.is_alive(&self.state.lock()) {
            let _told = to.shutdown(Shutdown::Both);
        }
    }

    fn is_alive(&self, road: &State) -> bool {
        !road.is_dead && road.age == self.age
    }

    /// Whether something arrives. Words that come in two pieces are not known.
    fn passes(&self, said: &[u8]) -> bool {
        let mut road = self.state.lock();
        if !self.is_alive(&road) {
            return false;
        }
        let holds = |words: &str| said.windows(words.len()).any(|piece| piece == words.as_bytes());
        match road.loss.filter(|_| self.is_said) {
            Some(Loss::Words(words)) if holds(words) => {
                road.die();
                false
            }
            Some(Loss::AnswerTo(words)) if holds(words) => {
                road.die();
                true
            }
            _ => true,
        }
    }
}
