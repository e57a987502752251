//! Signing in: passwords, access tokens, refresh tokens and the brake on guessing.
//!
//! An access token is signed and short-lived; it names the sign-in that it belongs to. A refresh
//! token is random and known to the store by its digest alone. Each use replaces it; a second use
//! of a replaced one ends the sign-in, because two parties hold it.

mod brake;
mod event;
mod model;
mod port;
mod service;

pub use event::AuthEvent;
pub use model::{Login, LoginAnswer, Me, REFRESH_SECONDS, Register, Registered, SignIn, Signup, Tokens};
pub use port::{Attempt, Rotation, SignInStore, ThrottleStore};
pub use service::Auth;
