//! A road to a server that a test cuts and mends, as a network does.

#![allow(clippy::expect_used, reason = "what a test stands on fails it")]

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

/// Passes on what is said to a server and what it answers. While it is cut, connections end as soon as they begin.
pub struct Road {
    url: String,
    open: Open,
}

/// Both ends of each connection that there was; none while the road is cut.
type Open = Arc<Mutex<Option<Vec<TcpStream>>>>;

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
        let road = Self { url: url.replacen(&server, &address, 1), open: Arc::new(Mutex::new(Some(Vec::new()))) };
        let open = road.open.clone();
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                // Who cannot be spoken to is as good as cut off.
                let _lost = begin(near, &server, &open);
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
        for end in self.open.lock().take().into_iter().flatten() {
            // One that has ended by itself is what was wanted.
            let _ended = end.shutdown(Shutdown::Both);
        }
    }

    /// Lets connections be made again.
    pub fn mend(&self) {
        self.open.lock().get_or_insert_default();
    }
}

fn begin(near: TcpStream, server: &str, open: &Open) -> io::Result<()> {
    let mut open = open.lock();
    let Some(ends) = open.as_mut() else { return Ok(()) };
    let far = TcpStream::connect(server)?;
    for (mut from, mut to) in [(near.try_clone()?, far.try_clone()?), (far.try_clone()?, near.try_clone()?)] {
        thread::spawn(move || {
            let _ended = io::copy(&mut from, &mut to);
            let _told = to.shutdown(Shutdown::Both);
        });
    }
    ends.extend([near, far]);
    Ok(())
}
