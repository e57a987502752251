//! Messages to addresses that strangers chose, sent over HTTP by reqwest.
//!
//! Whoever may name an address must not reach what only this machine or its network may reach. So each address
//! that a name leads to is checked before it is connected to, by the resolver of the client itself: the address
//! that was checked is the one that is used, and a name that leads elsewhere a moment later gains nothing.
//! Addresses that are written as numbers never come to a resolver; the URL is read by the rules of browsers
//! first, so that each spelling of an address is one. No redirect is followed, and no proxy of the environment
//! is used.

mod address;
mod resolver;
mod sender;

pub use address::Reachable;
pub use sender::HttpSender;
